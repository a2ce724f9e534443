"""``orecast run``: processes that start together end together, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forecast.catalog import Catalog
from forecast.cli.run import GRACE
from forecast.registry import Registry
from tests.support import ROOT
from tests.support.numbers_source import numbers, write_sources
from tests.support.publishers import Answer, Request, published
from tests.support.trained_home import COPPER, add_run, settings_in

#: A process that tells its pid and has a child of its own, as a gunicorn master has workers.
PROCESS = """
import os, signal, subprocess, sys, time
from pathlib import Path
name, how = sys.argv[1:]
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
if how == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: (child.kill(), sys.exit(0)))
Path(f"{name}.tmp").write_text(f"{os.getpid()} {child.pid}")
os.rename(f"{name}.tmp", f"{name}.pids")
while how != "ends" or not Path("end").exists():
    time.sleep(0.02)
sys.exit(3)
"""
SUPERVISOR = """
import sys
from forecast.cli.run import Command, supervise
processes = [argument.split("=") for argument in sys.argv[1:]]
sys.exit(supervise([
    Command(name, (sys.executable, "process.py", name, how), again=0.3 if name == "worker" else None)
    for name, how in processes
]))
"""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], list[int]]]]:
    (tmp_path / "process.py").write_text(PROCESS)
    started = []

    def start(**processes: str) -> tuple[subprocess.Popen[str], list[int]]:
        supervisor = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, *(f"{name}={how}" for name, how in processes.items())],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(supervisor)
        files = [tmp_path / f"{name}.pids" for name in processes]
        wait_until(lambda: all(file.exists() for file in files))
        return supervisor, [int(pid) for file in files for pid in file.read_text().split()]

    yield start
    for supervisor in started:
        supervisor.kill()
        supervisor.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(start: Callable[..., tuple[subprocess.Popen[str], list[int]]], number: int) -> None:
    supervisor, pids = start(service="polite", worker="polite")
    assert all(alive(pid) for pid in pids)
    supervisor.send_signal(number)
    assert supervisor.wait(timeout=10) == 0
    assert not any(alive(pid) for pid in pids)


def test_a_second_signal_kills_what_will_not_end(start: Callable[..., tuple[subprocess.Popen[str], list[int]]]) -> None:
    supervisor, pids = start(service="stubborn", worker="polite")
    supervisor.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert supervisor.poll() is None
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=5) == 0
    wait_until(lambda: not any(alive(pid) for pid in pids))


def test_when_the_service_ends_by_itself_so_does_the_worker_and_its_code_is_told(
    start: Callable[..., tuple[subprocess.Popen[str], list[int]]], tmp_path: Path
) -> None:
    supervisor, pids = start(service="ends", worker="polite")
    (tmp_path / "end").touch()
    _, errors = supervisor.communicate(timeout=10)
    assert supervisor.returncode == 3
    assert errors == "orecast: the service ended by itself (exit code 3); ending the rest\n"
    wait_until(lambda: not any(alive(pid) for pid in pids))


def test_when_the_worker_ends_by_itself_the_service_goes_on_and_the_worker_comes_back(
    start: Callable[..., tuple[subprocess.Popen[str], list[int]]], tmp_path: Path
) -> None:
    supervisor, (service, child, worker, orphan) = start(service="polite", worker="ends")
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: (tmp_path / "worker.pids").read_text() != f"{worker} {orphan}")
    assert alive(service)
    assert not alive(orphan), "what it had started went with it"
    again = [int(pid) for pid in (tmp_path / "worker.pids").read_text().split()]
    (tmp_path / "end").touch()
    assert supervisor.stderr is not None
    goes_on = "the rest goes on, and it is started again in"
    assert (
        supervisor.stderr.readline() == f"orecast: the worker ended by itself (killed by signal 9); {goes_on} 0.3 s\n"
    )
    assert supervisor.stderr.readline() == f"orecast: the worker ended by itself (exit code 3); {goes_on} 0.6 s\n"
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(timeout=10) == 0
    wait_until(lambda: not any(alive(pid) for pid in (service, child, *again)))


def test_an_interrupted_training_says_so(start: Callable[..., tuple[subprocess.Popen[str], list[int]]]) -> None:
    supervisor, pids = start(training="polite")
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=10) == 130
    assert not any(alive(pid) for pid in pids)


def test_what_is_trained_is_served_until_ctrl_c(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    for series in catalog.series().values():
        if series.is_target:
            registry.promote(series.series_id, add_run(registry, catalog, series.series_id))
    catalog.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (tmp_path / "out").open("w") as out:
        product = subprocess.Popen(
            [sys.executable, "-m", "forecast.cli", "run"],
            env={**os.environ, "ORECAST_HOME": str(tmp_path), "ORECAST_PORT": str(port), "ORECAST_JOBS": "1"},
            stdout=out,
            stderr=out,
        )
    try:
        wait_until(lambda: status(f"http://127.0.0.1:{port}/readyz") == 200, 60)
        assert status(f"http://127.0.0.1:{port}/v1/forecasts/{COPPER}") == 200
        wait_until(lambda: "worker started" in (tmp_path / "out").read_text(), 60)
        family = descendants(product.pid)
        assert len(family) >= 4, "service, its two workers, worker"
        product.send_signal(signal.SIGINT)
        assert product.wait(timeout=30) == 0
        wait_until(lambda: not any(alive(pid) for pid in family), 5)
    finally:
        product.kill()
        product.wait()
    message = (tmp_path / "out").read_text()
    assert message.startswith(f"orecast: http://127.0.0.1:{port} "), "nothing was trained"
    assert "Traceback" not in message


@pytest.mark.slow
def test_it_ends_at_once_while_a_source_keeps_its_worker_waiting(tmp_path: Path) -> None:
    settings, over = settings_in(tmp_path), threading.Event()
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    for series_id in catalog.targets():
        registry.promote(series_id, add_run(registry, catalog, series_id))
    catalog.close()
    (tmp_path / "sitecustomize.py").write_text("import tests.support.numbers_source\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": path, "ORECAST_HOME": str(tmp_path), "ORECAST_JOBS": "1"}
    env["ORECAST_FETCH_SCHEDULE"] = "@daily"
    with socket.create_server(("127.0.0.1", 0)) as free:
        env["ORECAST_PORT"] = str(free.getsockname()[1])

    def silent(request: Request) -> Answer:
        over.wait(120)
        return numbers({})

    with published(silent) as publisher, (tmp_path / "out").open("w") as out:
        write_sources(tmp_path, publisher.url, "alpha")
        product = subprocess.Popen([sys.executable, "-m", "forecast.cli", "run"], env=env, stdout=out, stderr=out)
        try:
            wait_until(lambda: bool(publisher.requests), 90)
            family = descendants(product.pid)
            product.send_signal(signal.SIGINT)
            assert product.wait(timeout=GRACE - 5) == 0, "nobody had to be killed for it"
            wait_until(lambda: not any(alive(pid) for pid in family), 5)
        finally:
            over.set()
            product.kill()
            product.wait()
    assert "Traceback" not in (tmp_path / "out").read_text()


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def descendants(pid: int) -> list[int]:
    """Every process below this one."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    below = [child for child, parent in parents.items() if parent == pid]
    return below + [further for child in below for further in descendants(child)]


@pytest.mark.parametrize("command", ["run", "serve"])
def test_a_port_that_is_taken_is_said_before_anything_is_done(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "forecast.cli", command],
            env={**os.environ, "ORECAST_HOME": str(tmp_path), "ORECAST_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"orecast: cannot listen on 127.0.0.1 port {port}: Address already in use")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
