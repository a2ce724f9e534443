"""Requests that are right but for what went wrong on the wire: each has its answer, and none is a failure."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.service.test_malformed import CHUNKED, HEAD, MEMBERS, QUESTION, chunk, connect, get, sized
from tests.service.test_wsgi import until
from tests.support.server import Server, serving
from tests.support.trained_home import COPPER, make_home

FORECAST = f"/v1/forecasts/{COPPER}".encode()
KEPT = b"GET " + FORECAST + b"?h=2 HTTP/1.1\r\nHost: x\r\n\r\n"
#: Requests as clients send them, of every kind that has code of its own.
RIGHT = (
    get(FORECAST, b"Accept: text/csv\r\nAccept-Encoding: gzip, br;q=0.5\r\n"),
    get(FORECAST + b"?h=3&level=80,95&origin=last&format=csv", b"Range: bytes=10-99\r\n"),
    get(FORECAST, b'If-None-Match: "abc", W/"def"\r\nX-Request-ID: abc\r\n'),
    get(b"/v1/forecasts?series_id=price.copper&series_id=price.nickel&from=2026-08-01&until=2026-12-01"),
    get(b"/v1/series?limit=2&cursor=eyJrIjpbXX0", b"Origin: http://localhost:3000\r\n"),
    get(b"/v1/events?mineral=rare-earths&as_of=2026-07-01&limit=5"),
    get(b"/v1/export/observations.csv?shape=wide&bom=true&start=2026-01-01", b"Accept: */*\r\n"),
    get(b"/v1/duties?mineral=copper&origin=CHL&destination=USA&day=2026-01-01"),
    get(b"/readyz?verbose=true", b"Authorization: Bearer orecast_0123456789ab_" + b"a" * 48 + b"\r\n"),
    b"OPTIONS " + FORECAST + b" HTTP/1.1\r\n" + HEAD + b"Access-Control-Request-Method: GET\r\n\r\n",
    sized(QUESTION),
    CHUNKED + chunk(QUESTION[:9]) + chunk(QUESTION[9:]) + b"0\r\nX-Trailer: a\r\n\r\n",
    KEPT + get(b"/healthz"),
    KEPT + sized(QUESTION),
)
#: What stands in no request by right, or where it stands means something else.
ODD = (
    *(b"\0", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80", b"\x1b[2J"),
    *(b"%", b"%00", b"%ff", b"%2e%2e%2f", b"%0d%0aX-Set:%20b", b"?", b"#", b"&&==", b"//", b";", b",,,", b'"', b"*"),
    *(b"-1", b"9" * 40, b"0x1f", b"1e9", b"NaN", b"A" * 9000, b"a," * 3000, b"{[" * 3000),
)
#: Headers as nobody should send them.
HEADERS = (
    *(b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: +5", b"Content-Length: 18446744073709551617"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: \x0bchunked"),
    *(b"Host: a, b", b"Host: [::1", b"Host:", b"Connection: upgrade\r\nUpgrade: h2c"),
    *(b"Connection: keep-alive, close", b"Range: bytes=9-1", b"Range: bytes=-0", b"Range: bytes=0-0,2-3,1-"),
    *(b"Range: bytes=" + b"9" * 30 + b"-", b"If-None-Match: *", b'If-None-Match: W/"', b"If-Range: x"),
    *(b"If-Modified-Since: yesterday", b"If-Match: x", b"Accept: ;q=x"),
    *(b"Accept: text/csv;q=0, application/json;q=1e9", b"Accept: image/png", b"Accept-Encoding: *;q=0"),
    *(b"Authorization: Bearer", b"Authorization: Bearer \xff\xfe", b"Authorization: Basic !!"),
    *(b"Authorization: " + b"a" * 7000, b"X-Forwarded-For: ::::", b"X-Forwarded-For: unix:,1.2.3.4:99999"),
    *(b"Forwarded: for=[::", b"Cookie: =;=;", b"Expect: 100-continue"),
    *(b"Content-Type: application/json; charset=nope", b"Content-Type: \xe9", b"Content-Encoding: br"),
    *(b"X-Request-ID: \xff", b"Origin: null", b"Origin: \x01", b"Access-Control-Request-Method: \xe9"),
    *(b"TE: trailers", b"bad header: x", b": x", b"X", b"X-A\0: b", b" folded: x", b"X_Under: score"),
    *(b"HTTP_HOST: x", b"Trailer: X"),
)  # fmt: skip

Mutation = Callable[[bytes, random.Random], bytes]


def flipped(request: bytes, rng: random.Random) -> bytes:
    changed = bytearray(request)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(request: bytes, rng: random.Random) -> bytes:
    return request[: rng.randrange(len(request))]


def with_something_odd(request: bytes, rng: random.Random) -> bytes:
    at, instead = rng.randrange(len(request)), rng.choice((0, 0, 1, 5))
    return request[:at] + rng.choice(ODD) + request[at + instead :]


def with_an_odd_header(request: bytes, rng: random.Random) -> bytes:
    line, _, rest = request.partition(b"\r\n")
    return line + b"\r\n" + b"".join(rng.choice(HEADERS) + b"\r\n" for _ in range(rng.randint(1, 3))) + rest


def with_a_line_twice(request: bytes, rng: random.Random) -> bytes:
    lines = request.split(b"\r\n")
    at = rng.randrange(len(lines))
    return b"\r\n".join([*lines[:at], *[lines[at]] * rng.choice((2, 2, 2, 300)), *lines[at:]])


def with_other_ends_of_lines(request: bytes, rng: random.Random) -> bytes:
    return request.replace(b"\r\n", rng.choice((b"\n", b"\r", b"\n\r", b"\r\r\n")), rng.choice((-1, 1, 2)))


def with_a_part_elsewhere(request: bytes, rng: random.Random) -> bytes:
    a, b, c = sorted(rng.randrange(len(request)) for _ in range(3))
    return request[:a] + request[b:c] + request[a:b] + request[c:]


def before_another(request: bytes, rng: random.Random) -> bytes:
    return rng.choice((request, KEPT, KEPT * 20)) + rng.choice(MUTATIONS[:-1])(rng.choice(RIGHT), rng)


MUTATIONS: tuple[Mutation, ...] = (
    flipped,
    cut,
    with_something_odd,
    with_an_odd_header,
    with_a_line_twice,
    with_other_ends_of_lines,
    with_a_part_elsewhere,
    before_another,
)


def mutated(seed: int) -> bytes:
    rng = random.Random(seed)
    request = rng.choice(RIGHT)
    for _ in range(rng.choice((1, 1, 2))):
        request = rng.choice(MUTATIONS)(request or b"\r\n", rng)
    return request


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home: Path = tmp_path_factory.mktemp("home")
    make_home(home)
    with serving(home, ORECAST_ALLOWED_ORIGINS="http://localhost:3000") as running:
        yield running


def said(server: Server, request: bytes) -> bytes:
    """All that the server says to these bytes; it may hang up before it has heard all of them."""
    with connect(server) as connection:
        answer = b""
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
        except ConnectionError:
            pass
    return answer


def check_answers(message: bytes) -> list[int]:
    """The statuses of the answers in a message: each is whole, and each refusal has the one shape."""
    statuses = []
    while message:
        head, end, rest = message.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        assert end, message[:300]
        assert status_line.startswith("HTTP/1."), message[:300]
        status = int(status_line.split()[1])
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        assert len(headers) == len(lines), "a header twice"
        assert "x-set" not in headers
        body, message = rest, b""
        if status in (100, 304):
            body, message = b"", rest
        else:
            length = int(headers["content-length"])
            assert len(rest) >= length, "a cut body"
            body, message = rest[:length], rest[length:]
        statuses.append(status)
        if status >= 400:
            assert headers["content-type"] == "application/problem+json"
            document = json.loads(body)
            assert list(document) == MEMBERS
            assert document["status"] == status
            assert headers["content-security-policy"].startswith("default-src 'none'")
    return statuses


def storm(server: Server, seeds: range) -> dict[int, int]:
    """Send so many, some at a time, see after each hundred that the server lives; how often each status was said."""
    found: dict[int, int] = {}

    def one(seed: int) -> tuple[int, list[int], str]:
        try:
            return seed, check_answers(said(server, mutated(seed))), ""
        except (AssertionError, ValueError, LookupError) as error:
            return seed, [], f"{type(error).__name__}: {error}"

    with ThreadPoolExecutor(4) as pool:
        for start in range(seeds.start, seeds.stop, 100):
            for seed, statuses, fault in pool.map(one, seeds[start - seeds.start : start - seeds.start + 100]):
                assert not fault, (seed, mutated(seed)[:2000], fault)
                assert not {status for status in statuses if status >= 500 and status != 501}, (seed, mutated(seed))
                for status in statuses:
                    found[status] = found.get(status, 0) + 1
            assert json.loads(server.get("/healthz")) == {"status": "ok"}
    return found


@pytest.mark.parametrize("times", [300, pytest.param(5000, marks=pytest.mark.storm)])
def test_no_request_that_is_spoiled_on_its_way_is_a_failure_of_the_service(server: Server, times: int) -> None:
    until(lambda: len(server.workers()) == 2)
    before = set(server.workers())
    found = storm(server, range(times))
    print(f"{times} mutations: {dict(sorted(found.items()))}")
    assert {200, 400, 404, 422} <= found.keys(), "the storm reaches the service, and its edges"
    assert set(server.workers()) == before
    log = server.log.read_text()
    assert "Traceback" not in log
    assert '"level": "error"' not in log
