"""Servers to measure: ours and those of others, started on a free port; the processor and the memory that they take."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: What is asked to see that a server is there.
ALIVE = "/healthz"


@dataclass(frozen=True)
class Running:
    """A running server: its port, its first process, and the seconds until it first answered."""

    port: int
    process: subprocess.Popen[bytes]
    seconds: float

    def connect(self, timeout: float = 10.0) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def processes(self) -> list[int]:
        """The first process and those that it started."""
        return [self.process.pid, *self.workers()]

    def workers(self) -> list[int]:
        pid = self.process.pid
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]

    def cpu(self) -> float:
        """Seconds of processor that all of its processes took so far."""
        return sum(map(_cpu, self.processes()))

    def memory(self) -> list[float]:
        """Megabytes of each process that answers, shared pages by halves and thirds (PSS), without mapped files."""
        return [_memory(pid) for pid in self.workers() or [self.process.pid]]


def _cpu(pid: int) -> float:
    return time.clock_gettime((~pid << 3) | 2)  # the clock of another process, in nanoseconds: clock_getcpuclockid(3)


def _memory(pid: int) -> float:
    return pss(pid, "Pss_Anon") + pss(pid, "Pss_Shmem") + _libraries(pid)


def pss(pid: int, kind: str = "Pss") -> float:
    """Megabytes of one kind that a process has a share of."""
    found = re.search(rf"^{kind}:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _libraries(pid: int) -> float:
    """Megabytes of mapped programs and libraries that are in memory; mapped draws are not among them."""
    total, counts = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            path = line.split(maxsplit=5)[5:]
            counts = bool(path) and path[0].startswith("/") and not path[0].endswith((".npy", "(deleted)"))
        elif counts and line.startswith("Pss_Dirty:"):
            total -= int(line.split()[1])  # counted as anonymous already
        elif counts and line.startswith("Pss:"):
            total += int(line.split()[1])
    return total / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str], home: Path, *, alive: str = ALIVE, seconds: float = 60.0, **variables: str
) -> Iterator[Running]:
    """A server that serves a home until the block ends; ``{port}`` in its command is a free port."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ORECAST_", "PROMETHEUS_"))}
    path = os.pathsep.join(filter(None, (str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH"))))
    env |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1") | {"PYTHONPATH": path}
    env |= {"ORECAST_HOME": str(home), "ORECAST_PORT": str(port), "ORECAST_LOG_LEVEL": "ERROR"}
    env |= {"ORECAST_RATE_LIMIT": "off"} | variables
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        argv = [part.format(port=port) for part in command]
        process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            while not _answers(port, alive):
                if process.poll() is not None or time.perf_counter() > started + seconds:
                    log.seek(0)
                    raise RuntimeError(f"{' '.join(argv)} does not answer:\n{log.read().decode()[-2000:]}")
                time.sleep(0.005)
            yield Running(port, process, time.perf_counter() - started)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


#: Our server.
OURS = (sys.executable, "-m", "service.wsgi")
#: Our server, with an application of one route instead of ours.
OURS_BARE = (sys.executable, "-m", "support.bare")


def peers(app: str) -> dict[str, tuple[str, ...]]:
    """The commands that serve an application, made by the function ``module:name``, with one process of 8 threads."""
    gunicorn = (sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", f"{app}()")
    module = (sys.executable, "-m")
    commands = {
        "gunicorn, threads": (*gunicorn, "-k", "gthread", "--threads", "8"),
        "gunicorn, gevent": (*gunicorn, "-k", "gevent"),
        "waitress": (*module, "waitress", "--listen=127.0.0.1:{port}", "--threads=8", "--call", app),
        "granian": (
            *(*module, "granian", "--interface", "wsgi", "--factory", "--no-log", "--port", "{port}"),
            *("--blocking-threads", "8", app),
        ),
    }
    needed = {"gunicorn, gevent": "gevent", "waitress": "waitress", "granian": "granian"}
    return {name: command for name, command in commands.items() if find_spec(needed.get(name, "gunicorn"))}
