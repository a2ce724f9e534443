"""Processes that compute end with the one that started them, whatever they are doing, and leave nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forecast.errors import FitFailed, NotFound
from forecast.jobs.processes import apart, end_all, in_parallel

#: Computing, in a library that does its work outside of Python, beside a program that was started as Stan is.
BUSY = """
import os, subprocess, sys
from pathlib import Path
import numpy as np
from forecast.jobs.processes import in_parallel, workplace

def busy(name):
    solver = subprocess.Popen(["sleep", "60"])
    Path(name).with_suffix(".tmp").write_text(f"{os.getpid()} {solver.pid}")
    Path(name).with_suffix(".tmp").rename(name)
    a = np.random.default_rng(0).normal(size=(700, 700))
    while True:
        a = a @ a / np.linalg.norm(a @ a)
"""
MAIN = """
import sys
from forecast.jobs.processes import in_parallel, workplace
from busy import busy
try:
    with workplace():
        list(in_parallel(busy, [("a",), ("b",)], 2))
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[str], list[int]]]]:
    (tmp_path / "busy.py").write_text(BUSY)
    (tmp_path / "tmp").mkdir()
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path / "tmp"), "OPENBLAS_NUM_THREADS": "1"}
    started: list[subprocess.Popen[str]] = []

    def start() -> tuple[subprocess.Popen[str], list[int]]:
        """A process whose two children compute for ever, and the ids of those and of what they started."""
        started.append(subprocess.Popen([sys.executable, "-c", MAIN], env=env, cwd=tmp_path, text=True, stderr=-1))
        wait_until(lambda: (tmp_path / "a").exists() and (tmp_path / "b").exists())
        return started[-1], [int(pid) for name in "ab" for pid in (tmp_path / name).read_text().split()]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_children_and_theirs_end_when_their_parent_is_killed(
    start: Callable[[], tuple[subprocess.Popen[str], list[int]]],
) -> None:
    parent, pids = start()
    assert len(pids) == 4
    assert all(alive(pid) for pid in pids)
    parent.kill()
    parent.wait()
    wait_until(lambda: not any(alive(pid) for pid in pids), 10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_takes_its_children_and_its_temporary_files_along(
    start: Callable[[], tuple[subprocess.Popen[str], list[int]]], tmp_path: Path, number: int
) -> None:
    parent, pids = start()
    assert [path.name.startswith("orecast-tmp-") for path in (tmp_path / "tmp").iterdir()] == [True]
    parent.send_signal(number)
    _, errors = parent.communicate(timeout=20)
    assert (parent.returncode, errors) == (130, "")
    wait_until(lambda: not any(alive(pid) for pid in pids), 10)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_child_that_is_killed_is_a_fault_that_says_so() -> None:
    assert sorted(in_parallel(abs, [(-1,), (2,), (-3,)], 2)) == [1, 2, 3]
    with pytest.raises(FitFailed, match="was killed"):
        list(in_parallel(os._exit, [(1,), (1,)], 2))
    assert list(in_parallel(abs, [(-1,), (2,)], 1)) == [1, 2]


def refuse(name: str) -> None:
    raise NotFound("series", name, ["price.copper"])


def solve(result: Path) -> None:
    solver = subprocess.Popen(["sleep", "60"])
    result.with_suffix(".tmp").write_text(f"{os.getpid()} {solver.pid}")
    result.with_suffix(".tmp").rename(result)
    solver.wait()


def test_a_call_apart_gives_its_result_and_takes_its_temporary_files_along() -> None:
    folder = Path(apart(threading.Event(), tempfile.mkdtemp))
    assert folder.parent.parent == Path(tempfile.gettempdir())
    assert not folder.parent.exists()


@pytest.mark.parametrize(
    ("function", "argument", "result"),
    [
        (os._exit, 1, "the process that worked on it died"),
        (signal.raise_signal, signal.SIGKILL, "the process that worked on it died"),
        (sys.exit, 3, "SystemExit: 3"),
        (int, "x", "ValueError: invalid literal for int() with base 10: 'x'"),
        (refuse, "price.coper", "no series 'price.coper'; nearest: price.copper"),
    ],
)
def test_what_goes_wrong_apart_is_told_as_a_failed_fit(
    function: Callable[[object], object], argument: object, result: str
) -> None:
    with pytest.raises(FitFailed, match=re.escape(result)):
        apart(threading.Event(), function, argument)


def test_a_call_apart_that_is_not_done_in_time_is_ended_with_what_it_has_started(tmp_path: Path) -> None:
    with pytest.raises(FitFailed, match="it was not done after 3 seconds, and was ended"):
        apart(threading.Event(), solve, tmp_path / "pids", seconds=3)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    wait_until(lambda: not any(alive(pid) for pid in pids), 10)
    assert apart(threading.Event(), abs, -1, seconds=30) == 1


def test_a_call_apart_ends_with_what_it_has_started_when_the_worker_ends(tmp_path: Path) -> None:
    stop, ways_out = threading.Event(), list[BaseException]()

    def call() -> None:
        try:
            apart(stop, solve, tmp_path / "pids")
        except BaseException as error:
            ways_out.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    wait_until((tmp_path / "pids").exists)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert all(alive(pid) for pid in pids)
    stop.set()
    end_all()
    thread.join(20)
    assert [type(error) for error in ways_out] == [SystemExit]
    wait_until(lambda: not any(alive(pid) for pid in pids), 10)
    with pytest.raises(SystemExit):
        apart(stop, abs, -1)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
