"""A running server for tests: gunicorn on a socket of this machine, as users have it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import ROOT


@dataclass(frozen=True)
class Server:
    """A running server: its address, its first process, and the log it writes."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=10) as response:
            return bytes(response.read())

    def status(self, path: str) -> tuple[int, str | None]:
        """The status of an answer, and when it says to come back."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as response:
                return response.status, response.headers["Retry-After"]
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.headers["Retry-After"]

    def workers(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def serving(home: Path, **changed: str) -> Iterator[Server]:
    """Two workers that serve a home until the block ends; ``changed``: variables of their environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ORECAST_", "PROMETHEUS_"))}
    env |= {"ORECAST_HOME": str(home), "ORECAST_PORT": str(port), "ORECAST_WORKERS": "2", "ORECAST_THREADS": "4"}
    env |= {"TMPDIR": str(home), "ORECAST_RATE_LIMIT": "100000/second"} | changed
    log = home / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "service.wsgi"], cwd=ROOT, env=env, stdout=out, stderr=out)
    server = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        wait_for(server)
        yield server
    finally:
        process.terminate()
        process.wait(20)


def wait_for(server: Server) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            server.get("/healthz")
            return
        except OSError:
            time.sleep(0.02)
    pytest.fail(f"no answer from the server:\n{server.log.read_text()}")
