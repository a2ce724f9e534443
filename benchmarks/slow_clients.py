"""What slow clients do to everybody else: with ours and other servers, each with one process of 8 threads.

    python benchmarks/slow_clients.py [--quick] [--json FILE] [--home DIR] [--server NAME]…

So many connections each send half of a request, or drip a byte every 5 seconds, or read nothing of an answer; meanwhile
40 probes ask, each on a connection of its own, half of them for `/healthz`, half for a stored forecast. A probe fails
after 5 seconds. First, what each server takes: milliseconds of processor for a request of one that keeps its
connection, and megabytes of a process. Last, how many of 20 connections the busier of two workers of ours has. Other
servers take part where they are installed. ``--quick``: 60 connections, and only gunicorn's own threads beside ours.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support.report import Report, Row, parser
from support.servers import ALIVE, OURS, OURS_BARE, Running, peers, serving

FORECAST = "/v1/forecasts/price.copper"
PROBES, AT_ONCE, PATIENCE, DRIP = 40, 4, 5.0, 5.0
SERVERS = ("gunicorn", "gevent", "waitress", "granian", "flask")
OURS_NAME = "ours"

_GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half: "
_POST = b"POST /v1/scenarios HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"
_LARGE = b"GET /docs/assets/js/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n" * 5  # 7 MB together
#: What slow clients send, and what of it they drip.
SLOW = {
    "headers cut": (_GET, b""),
    "headers drip": (_GET, b"x"),
    "body cut": (_POST, b""),
    "body drips": (_POST, b" "),
    "answer not read": (_LARGE, b""),
}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--home", type=Path, help="a folder with trained runs, instead of a small one made for it")
    arguments.add_argument("--server", action="append", default=[], metavar="NAME", help="only these servers")
    options = arguments.parse_args()
    report = Report("slow clients", options)
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or made_home(Path(folder))
        chosen = commands(options)
        report.table("what a request takes", [cost(name, *both, home, options) for name, both in chosen.items()])
        for name, (command, _) in chosen.items():
            with serving(command, home, ORECAST_WORKERS="1", ORECAST_THREADS="8") as server:
                report.table(f"{name}: {PROBES} probes beside slow clients", list(suffer(server, options)))
        with serving(OURS, home, ORECAST_WORKERS="2") as server:
            time.sleep(3)  # both workers have started
            report.table("20 connections that are kept, 2 workers", [spread(server) for _ in range(5)])
    report.finish(SERVERS)


def commands(options: argparse.Namespace) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The command of each server for our application and for a bare one."""
    full, bare = peers("service.wsgi:app"), peers("support.bare:app")
    chosen = {OURS_NAME: (OURS, OURS_BARE)} | {name: (full[name], bare[name]) for name in full}
    names = options.server or (list(chosen)[:2] if options.quick else list(chosen))
    return {name: chosen[name] for name in names}


def made_home(folder: Path) -> Path:
    """The home that tests ask: a catalogue, and three runs whose numbers are drawn."""
    from tests.support.trained_home import make_home

    make_home(folder)
    return folder


def cost(name: str, full: tuple[str, ...], bare: tuple[str, ...], home: Path, options: argparse.Namespace) -> Row:
    times = 300 if options.quick else 2000
    with serving(bare, home, ORECAST_WORKERS="1", ORECAST_THREADS="8") as server:
        constant = milliseconds(server, ALIVE, times)
    with serving(full, home, ORECAST_WORKERS="1", ORECAST_THREADS="8") as server:
        stored = milliseconds(server, FORECAST, times)
        memory = max(server.memory())
    return {"server": name, "constant, ms": constant, "stored forecast, ms": stored, "MB": memory}


def milliseconds(server: Running, path: str, times: int) -> float:
    """Of processor, for a request on a connection that is kept."""
    connection = server.connect()
    before = 0.0
    for i in range(-times // 10, times):
        if i == 0:
            before = server.cpu()
        connection.request("GET", path)
        connection.getresponse().read()
    return 1000 * (server.cpu() - before) / times


def suffer(server: Running, options: argparse.Namespace) -> Iterator[Row]:
    probe(server)
    yield {"slow clients": 0, "what they do": "nothing", **probe(server)}
    for count in (60,) if options.quick else (60, 200):
        for what, (sent, dripped) in SLOW.items():
            with slow(server, count, sent, dripped):
                settle(server)
                yield {"slow clients": count, "what they do": what, **probe(server)}
            time.sleep(1)


def settle(server: Running) -> None:
    """Wait until the server has done what the slow clients asked for, as far as they take it; at most half a minute."""
    before, deadline = -1.0, time.monotonic() + 30
    while (now := server.cpu()) > before + 0.02 and time.monotonic() < deadline:
        before = now
        time.sleep(1)


@contextmanager
def slow(server: Running, count: int, sent: bytes, dripped: bytes) -> Iterator[None]:
    stop = threading.Event()
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(2)
            try:
                one.connect(("127.0.0.1", server.port))
                one.sendall(sent)
            except OSError:
                continue  # refused: it holds nobody up
        dripping = threading.Thread(target=drip, args=(sockets, dripped, stop))
        dripping.start()
        try:
            yield
        finally:
            stop.set()
            dripping.join()


def drip(sockets: list[socket.socket], dripped: bytes, stop: threading.Event) -> None:
    while not stop.wait(DRIP):
        for one in sockets:
            try:
                one.send(dripped)
            except OSError:
                continue


def probe(server: Running) -> Row:
    """How many of the probes are answered, and in how many milliseconds."""
    paths = [ALIVE, FORECAST] * (PROBES // 2)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        taken = list(pool.map(lambda path: ask(server, path), paths))
    answered = sorted(1000 * seconds for seconds in taken if seconds is not None)
    return {
        "answered": len(answered),
        "p50, ms": statistics.median(answered) if answered else None,
        "p99, ms": answered[int(0.99 * len(answered))] if answered else None,
    }


def ask(server: Running, path: str) -> float | None:
    started = time.perf_counter()
    connection = server.connect(PATIENCE)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return time.perf_counter() - started if response.status == 200 else None


def spread(server: Running) -> Row:
    """Twenty clients that keep their connections, over two workers."""
    before = {pid: sockets(pid) for pid in server.workers()}
    kept = [server.connect() for _ in range(20)]
    for connection in kept:
        connection.request("GET", ALIVE)
        connection.getresponse().read()
    held = [sockets(pid) - before[pid] for pid in server.workers()]
    for connection in kept:
        connection.close()
    time.sleep(0.5)
    return {"busier": max(held), "other": min(held)}


def sockets(pid: int) -> int:
    return sum(os.readlink(file).startswith("socket:") for file in Path(f"/proc/{pid}/fd").iterdir())


if __name__ == "__main__":
    main()
