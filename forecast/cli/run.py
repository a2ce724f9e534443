"""``orecast run`` and ``orecast serve``: the processes of the product, started together and ended together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import NoReturn

import typer

from forecast.cli.output import warn
from forecast.cli.session import Session, session
from forecast.errors import Misconfigured
from forecast.extras import require

#: Seconds that a process has to end after SIGTERM before it is killed.
GRACE = 15.0


@dataclass(frozen=True)
class Command:
    """A process of the product: its name in messages, its arguments, and whether everything ends when it does.

    ``again``: seconds after which one that ended by itself is started again, doubled each time up to an hour; None:
    everything ends with it.
    """

    name: str
    arguments: tuple[str, ...]
    again: float | None = None


SERVICE = Command("service", (sys.executable, "-P", "-m", "service.wsgi"))
WORKER = Command("worker", (sys.executable, "-P", "-m", "forecast.cli", "worker"), again=60.0)
_LONGEST = 3600.0


def serve() -> NoReturn:
    """Serve forecasts over HTTP, until stopped.

    Listens on ORECAST_HOST and ORECAST_PORT (http://127.0.0.1:8000), with
    ORECAST_WORKERS processes of ORECAST_THREADS threads. Never trains; a run
    that is trained meanwhile is served at once.

    \b
    Examples:
      orecast serve
      ORECAST_PORT=8080 ORECAST_WORKERS=4 orecast serve
    """
    with session() as s:
        s.settings.require_auth()
        require_free(s.settings.host, s.settings.port)
    os.execv(SERVICE.arguments[0], SERVICE.arguments)


def run() -> None:
    """Train what is missing, then serve and retrain, until Ctrl-C.

    Starts `orecast serve` and `orecast worker` together. If the service ends
    by itself so does the worker, and the exit code is that of the service. If
    the worker does, the service goes on and the worker is started again.

    \b
    Examples:
      orecast run
      ORECAST_PORT=8080 orecast run
    """
    require("worker", "orecast run")
    with session() as s:
        s.settings.require_auth()
        host, port = s.settings.host, s.settings.port
        require_free(host, port)
        missing = untrained(s)
    if missing:
        print(f"orecast: {len(missing)} series have no forecast yet; training them takes minutes", flush=True)
        train = Command("training", (sys.executable, "-P", "-m", "forecast.cli", "train", *missing))
        code = supervise([train])
        if code not in (0, 1):
            raise typer.Exit(code)
    shown = f"[{host}]" if ":" in host else host
    print(f"orecast: http://{shown}:{port}  (API at /docs; Ctrl-C ends service and worker)", flush=True)
    raise typer.Exit(supervise([SERVICE, WORKER]))


def untrained(s: Session) -> list[str]:
    """The targets that have no champion."""
    return [name for name in s.known(None) if s.registry.champion_id(name) is None]


def require_free(host: str, port: int) -> None:
    """Raises ``Misconfigured`` when the port cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As gunicorn does: connections of an earlier server that linger are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Misconfigured(
                f"cannot listen on {host} port {port}: {error.strerror}; "
                f"choose another port, for example ORECAST_PORT={port + 1 if port < 65535 else 8001}"
            ) from None


def supervise(commands: Sequence[Command]) -> int:
    """Run processes until a needed one ends or a signal comes, then end them all; no process is left.

    Returns the exit code of the one that ended by itself (1 where there is none to tell), and after a signal 0, or 130
    when a process that was alone was interrupted.
    """
    news: SimpleQueue[_News] = SimpleQueue()
    signals = {number: signal.signal(number, lambda *_: news.put(_News("signal"))) for number in _ENDINGS}
    running = {command: _start(command, news) for command in commands}
    ended = dict.fromkeys(commands, 0)
    try:
        while True:
            what = news.get()
            if what.command is None:
                return 0 if len(commands) > 1 else 130
            if what.kind == "ended":
                _kill_left(running[what.command])
            if what.kind == "start":
                running[what.command] = _start(what.command, news)
            elif what.command.again is None:
                if len(commands) == 1:
                    return what.code if what.code >= 0 else 1
                warn(f"the {what.command.name} ended by itself ({_ending(what.code)}); ending the rest")
                return max(what.code, 1)
            else:
                pause = min(what.command.again * 2 ** ended[what.command], _LONGEST)
                ended[what.command] += 1
                warn(
                    f"the {what.command.name} ended by itself ({_ending(what.code)}); "
                    f"the rest goes on, and it is started again in {pause:g} s"
                )
                later = threading.Timer(pause, news.put, [_News("start", what.command)])
                later.daemon = True
                later.start()
    finally:
        _end(list(running.values()), news)
        for number, handler in signals.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class _News:
    """What a supervisor learns: a ``signal``, that a command ``ended`` with a code, or that it is to ``start``."""

    kind: str
    command: Command | None = None
    code: int = 0


def _start(command: Command, news: SimpleQueue[_News]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches this process only, which passes it on once.
    process = subprocess.Popen(command.arguments, start_new_session=True)

    def wait() -> None:
        news.put(_News("ended", command, process.wait()))

    threading.Thread(target=wait, daemon=True).start()
    return process


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by signal {-code}"


_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _end(processes: Sequence[subprocess.Popen[bytes]], news: SimpleQueue[_News]) -> None:
    """SIGTERM for all, SIGKILL for what is left after the grace or a second signal, its children included."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + GRACE
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        with suppress(Exception):
            if news.get(timeout=deadline - time.monotonic()).kind == "signal":
                break
    for process in processes:
        _kill_left(process)
        process.wait()


def _kill_left(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a process and of those that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
