"""Clients of the real server that are slow or fall silent: they keep nobody else out, and end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from service import security, worker
from tests.support.server import Server, serving
from tests.support.trained_home import COPPER, make_home

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /v1/scenarios HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n"
CHUNKED = POST.replace(b"Content-Length: 400", b"Transfer-Encoding: chunked")
QUESTION = json.dumps({"series": [COPPER], "scenarios": [], "h": 1}).encode()
HALVES = {
    "a first line": GET[:9],
    "headers": GET + b"X-Half: ",
    "a body": POST + b'{"series": ',
    "a body in chunks": CHUNKED + b"64\r\n{",
    "nothing": b"",
}
SECONDS = 1


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home: Path = tmp_path_factory.mktemp("home")
    make_home(home)
    return home


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    """A server of two threads in all, which waits for a slow client as long as it does for users."""
    with serving(home, ORECAST_WORKERS="1", ORECAST_THREADS="2") as running:
        yield running


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits for a second only."""
    home: Path = tmp_path_factory.mktemp("hurried")
    make_home(home)
    bounds = {"ORECAST_REQUEST_SECONDS": str(SECONDS), "ORECAST_ANSWER_SECONDS": str(SECONDS)}
    with serving(home, ORECAST_WORKERS="1", ORECAST_THREADS="2", ORECAST_CONNECTIONS="30", **bounds) as running:
        yield running


@contextmanager
def connections(server: Server, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(server)) for _ in range(count)]
        for connection in opened:
            connection.sendall(sent)
        yield opened


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10)


def answer(connection: socket.socket) -> bytes:
    """What is said until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def status(connection: socket.socket) -> int:
    return int(connection.recv(65536).split()[1])


def refusal(message: bytes) -> dict[str, object]:
    head, _, body = message.partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert b"\r\nConnection: close\r\n" in head
    document: dict[str, object] = json.loads(body)
    return document


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


@pytest.mark.parametrize("half", HALVES)
def test_sixty_that_send_half_a_request_keep_nobody_else_out(server: Server, half: str) -> None:
    with connections(server, 60, HALVES[half]):
        for _ in range(10):
            assert json.loads(server.get("/healthz"))["status"] == "ok"
            assert json.loads(server.get(f"/v1/forecasts/{COPPER}"))["series_id"] == COPPER


def test_sixty_that_never_close_what_was_closed_keep_nobody_else_out(server: Server) -> None:
    with connections(server, 60, GET + b"Connection: close\r\n\r\n") as lingering:
        assert [status(connection) for connection in lingering] == [200] * 60
        for _ in range(10):
            server.get("/healthz")


def test_a_request_may_come_byte_by_byte(server: Server) -> None:
    whole = POST.replace(b"400", b"%d" % len(QUESTION)) + QUESTION
    with connect(server) as connection:
        for at in range(len(whole)):
            connection.sendall(whole[at : at + 1])
        assert status(connection) == 200


def test_chunks_may_come_byte_by_byte(server: Server) -> None:
    chunks = b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in QUESTION)
    with connect(server) as connection:
        for byte in CHUNKED + chunks + b"0\r\nX-Trailer: 1\r\n\r\n" + GET + b"Connection: close\r\n\r\n":
            connection.sendall(bytes([byte]))
        assert answer(connection).count(b"HTTP/1.1 200 ") == 2


def test_requests_that_come_at_once_are_answered_in_order(server: Server) -> None:
    last = b"GET /v1/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connect(server) as connection:
        connection.sendall((GET + b"\r\n") * 3 + CHUNKED + b"2\r\n{}\r\n0\r\n\r\n" + last)
        said = re.findall(rb"HTTP/1.1 (\d+)", answer(connection))
    assert said == [b"200", b"200", b"200", b"422", b"404"]


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it_once(server: Server) -> None:
    head = POST.replace(b"400", b"%d" % len(QUESTION)).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    with connect(server) as connection:
        connection.sendall(head)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(QUESTION)
        assert status(connection) == 200


def test_large_bodies_that_do_not_end_take_no_more_than_a_bound_of_memory(server: Server) -> None:
    large = POST.replace(b"scenarios", b"observations").replace(b"400", b"%d" % security.MAX_DELIVERY)
    large += b" " * (security.MAX_DELIVERY - 1)
    with connections(server, worker.MOST_BEGUN // security.MAX_DELIVERY, large), connect(server) as last:
        with suppress(OSError):  # it is refused before its end
            last.sendall(large)
        assert refusal(answer(last))["status"] == 503
        assert json.loads(server.get("/healthz"))["status"] == "ok"
        until(lambda: json.loads(server.get(f"/v1/forecasts/{COPPER}"))["series_id"] == COPPER)


@pytest.mark.parametrize("half", HALVES)
def test_what_comes_too_late_is_told_so(hurried: Server, half: str) -> None:
    started = time.monotonic()
    with connections(hurried, 1, HALVES[half]) as (connection,):
        message = answer(connection)
    seconds = SECONDS * (3 if "body" in half else 1)
    assert seconds <= time.monotonic() - started < seconds + 3
    if half == "nothing":
        assert message == b""
    else:
        assert message.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert refusal(message)["status"] == 408


def test_a_client_that_goes_on_byte_by_byte_is_too_late_all_the_same(hurried: Server) -> None:
    started = time.monotonic()
    with connections(hurried, 1, GET + b"X-Long: ") as (connection,):
        connection.settimeout(0.05)
        message = b""
        while not message and time.monotonic() < started + 5:
            connection.sendall(b"a")
            try:
                message = connection.recv(65536)
            except TimeoutError:
                continue
    assert refusal(message)["status"] == 408


def test_an_answer_that_nobody_takes_holds_no_thread_and_ends(hurried: Server) -> None:
    asked = b"GET /docs/assets/js/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n" * 5  # 1.5 MB each
    with ExitStack() as stack:
        deaf = [stack.enter_context(socket.socket()) for _ in range(5)]
        for connection in deaf:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", int(hurried.url.rpartition(":")[2])))
            connection.sendall(asked)
        for _ in range(10):
            hurried.get("/healthz")
        until(lambda: hurried.log.read_text().count("did not take") == 5)
        assert hurried.log.read_text().count("did not take") == 5
        hurried.get("/healthz")


def test_one_connection_too_many_is_told_to_come_back(hurried: Server) -> None:
    until(lambda: accepted(hurried) == [0])
    with connections(hurried, 30, b"GET"):
        with connect(hurried) as one_more:
            message = answer(one_more)
        assert message.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: 5\r\n" in message
        assert "30 connections" in str(refusal(message)["detail"])
    until(lambda: hurried.status("/healthz")[0] == 200)


def test_an_idle_connection_makes_room_for_a_new_one(hurried: Server) -> None:
    until(lambda: accepted(hurried) == [0])
    with connections(hurried, 30, GET + b"\r\n") as idle:
        assert [status(connection) for connection in idle] == [200] * 30
        hurried.get("/healthz")
        assert idle[0].recv(1) == b"", "the one that was idle for the longest is closed"


def test_connections_spread_over_the_workers(home: Path) -> None:
    with serving(home) as server:
        until(lambda: min(_spread(server, 8), default=0) >= 2)  # both have started
        assert min(_spread(server, 20)) >= 6, "neither has more than seven in ten, also on a busy machine"


def _spread(server: Server, count: int) -> list[int]:
    """How many of so many connections that are kept each worker has."""
    until(lambda: sum(accepted(server)) == 0)
    with connections(server, count, GET + b"\r\n") as kept:
        assert [status(connection) for connection in kept] == [200] * count
        return accepted(server)


def accepted(server: Server) -> list[int]:
    """The connections of each worker: its sockets, but for that which it listens on."""
    files = [Path(f"/proc/{pid}/fd").iterdir() for pid in server.workers()]
    return [sum(leads_to(file).startswith("socket:") for file in each) - 1 for each in files]


def leads_to(file: Path) -> str:
    try:
        return os.readlink(file)
    except FileNotFoundError:  # closed since it was listed
        return ""


def test_a_server_that_stops_waits_for_no_half_request(tmp_path: Path) -> None:
    make_home(tmp_path)
    with serving(tmp_path) as server, connections(server, 20, HALVES["a body"]):
        server.get("/healthz")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0, "and not the minute that a body has"
