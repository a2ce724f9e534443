"""What comes over the wire wrongly gets one shape of refusal from the real server, and harms nobody else."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import malformed, security
from tests.support import ROOT
from tests.support.server import Server, serving
from tests.support.trained_home import COPPER, make_home

HEAD = b"Host: x\r\nConnection: close\r\n"
POST = b"POST /v1/scenarios HTTP/1.1\r\n" + HEAD + b"Content-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
QUESTION = json.dumps({"series": [COPPER], "scenarios": [], "h": 1}).encode()
MEMBERS = ["type", "title", "status", "detail", "instance", "errors"]


def get(target: bytes, headers: bytes = b"") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + HEAD + headers + b"\r\n"


def sized(body: bytes, length: int | None = None) -> bytes:
    return POST + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body


def chunk(body: bytes) -> bytes:
    return b"%x\r\n" % len(body) + body + b"\r\n"


WRONG = {
    "a size of a chunk that is no number": (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400),
    "a negative size of a chunk": (CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk that is longer than it says": (CHUNKED + b"2\r\n{}xx0\r\n\r\n", 400),
    "a chunk that ends early": (CHUNKED + b"ff\r\n{}", 400),
    "chunks without the last one": (CHUNKED + chunk(b"{}"), 400),
    "a chunk of more than memory": (CHUNKED + b"ffffffffffffffffffffff\r\n{}\r\n0\r\n\r\n", 400),
    "an extension of a chunk that is none": (CHUNKED + b"2;a\rb\r\n{}\r\n0\r\n\r\n", 400),
    "a trailer that is none": (CHUNKED + chunk(b"{}") + b"0\r\nnone\r\n\r\n", 400),
    "too many bytes in chunks": (CHUNKED + chunk(b" " * security.MAX_BODY) + chunk(b" ") + b"0\r\n\r\n", 413),
    "a length over the limit": (POST + b"Content-Length: 262145\r\n\r\n{}", 413),
    "a length without end": (POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}", 413),
    "a body that ends early": (sized(b"{}", 50), 400),
    "a length that is no number": (POST + b"Content-Length: abc\r\n\r\n{}", 400),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n{}", 400),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "a length and chunks": (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
    "a coding nobody knows": (POST + b"Transfer-Encoding: foo\r\n\r\n{}", 501),
    "no body": (POST + b"\r\n", 400),
    "bytes that are no UTF-8": (sized(b'{"series": ["\xff\xfe"]}'), 400),
    "UTF-16": (sized(QUESTION.decode().encode("utf-16")), 400),
    "half a surrogate": (sized(b'{"series": ["\\ud800"], "scenarios": []}'), 400),
    "arrays without end": (sized(b"[" * 200_000), 400),
    "a number of 5,000 digits": (sized(b'{"h":' + b"9" * 5000 + b"}"), 400),
    "NaN": (sized(b'{"series": ["price.copper"], "scenarios": [], "h": NaN}'), 422),
    "a zero byte in a path": (get(b"/v1/series/a%00b"), 404),
    "a zero byte in a query": (get(b"/v1/events?series_id=a%00b"), 404),
    "a zero byte in the name of a file": (get(b"/static/a%00b"), 404),
    "a zero byte as it is": (get(b"/v1/series/a\0b"), 400),
    "a path that is no UTF-8": (get(b"/v1/forecasts/%ff%ed%a0%80"), 404),
    "a query that is no UTF-8": (get(b"/v1/events?mineral=%ff"), 404),
    "letters beyond ASCII as they are": (get("/v1/series/é".encode()), 400),
    "a path out of the folder": (get(b"/static/%2e%2e/%2e%2e/wsgi.py"), 404),
    "a name of a kilobyte": (get(b"/v1/forecasts/" + b"a" * 1000), 404),
    "a URL of nine kilobytes": (get(b"/v1/series/" + b"a" * 9000), 414),
    "a header of nine kilobytes": (get(b"/v1/series", b"X: " + b"a" * 9000 + b"\r\n"), 431),
    "two hundred headers": (get(b"/v1/series", b"X: a\r\n" * 200), 431),
    "a header that is folded": (get(b"/v1/series", b"X: a\r\n b\r\n"), 400),
    "a method that is none": (get(b"/v1/series").replace(b"GET", b"G@T"), 400),
    "a method nobody knows": (get(b"/v1/series").replace(b"GET", b"BREW"), 405),
    "a version of HTTP that is none": (get(b"/v1/series").replace(b"1.1", b"9.1"), 400),
    "an expectation": (POST + b"Expect: more\r\nContent-Length: 2\r\n\r\n{}", 417),
    "no request at all": (b"nothing\r\n\r\n", 400),
    "a request of HTTP 0.9": (b"GET /v1/series\r\n\r\n", 400),
    "a greeting of HTTP 2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a greeting of TLS": (bytes.fromhex("16030100a5010000a10303") + b"\n" * 9, 400),
    "a method in small letters": (get(b"/v1/series").replace(b"GET", b"get"), 400),
    "two spaces before the path": (get(b" /v1/series"), 400),
    "a path that is a star": (get(b"*"), 400),
    "two hosts": (get(b"/v1/series", b"Host: y\r\n"), 400),
    "a line that ends without CR": (get(b"/v1/series", b"X: a\nY: b\r\n"), 400),
    "every line without CR": (b"GET /v1/series HTTP/1.1\nHost: x\n\n", 400),
    "a CR in a header": (get(b"/v1/series", b"X: a\rb\r\n"), 400),
    "a zero byte in a header": (get(b"/v1/series", b"X: a\0b\r\n"), 400),
    "a header without a colon": (get(b"/v1/series", b"none\r\n"), 400),
    "a length that is there twice": (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
    "lengths in one header": (POST + b"Content-Length: 2, 2\r\n\r\n{}", 400),
    "a length with a sign": (POST + b"Content-Length: +2\r\n\r\n{}", 400),
    "a length behind a space": (POST + b"Content-Length : 2\r\n\r\n{}", 400),
    "chunks and a length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
    "chunks twice": (CHUNKED.replace(b"\r\n\r\n", b", chunked\r\n\r\n") + b"2\r\n{}\r\n0\r\n\r\n", 400),
    "chunks that are not the last coding": (CHUNKED.replace(b"chunked", b"chunked, identity") + b"0\r\n\r\n", 400),
    "chunks in HTTP 1.0": (CHUNKED.replace(b"1.1", b"1.0") + b"2\r\n{}\r\n0\r\n\r\n", 400),
    "more chunks than anybody sends": (CHUNKED + b"1\r\n \r\n" * 20_000, 400),
    "trailers without end": (CHUNKED + b"0\r\n" + b"X: a\r\n" * 100_000, 400),
    "an extension of a chunk without end": (CHUNKED + b"1;" + b"a" * 300_000, 400),
    "a URL without end": (b"GET /" + b"a" * 200_000, 414),
    "headers without end": (b"GET /v1/series HTTP/1.1\r\n" + HEAD + b"X: a\r\n" * 20_000, 431),
    "a header without end": (b"GET /v1/series HTTP/1.1\r\n" + HEAD + b"X: " + b"a" * 200_000, 431),
    "a large body that asks whether it may": (
        POST + b"Expect: 100-continue\r\nContent-Length: 300000\r\n\r\n",
        413,
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home: Path = tmp_path_factory.mktemp("home")
    make_home(home)
    with serving(home) as running:
        yield running


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=30)


def send(server: Server, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """What the server says to these bytes, after which the sender has nothing more to say."""
    with connect(server) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        message = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = message.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert int(headers["content-length"]) == len(body)
    return int(status.split()[1]), headers, body


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused_in_one_shape(server: Server, case: str) -> None:
    request, expected = WRONG[case]
    status, headers, body = send(server, request)
    document = json.loads(body)
    assert (status, document["status"], headers["content-type"]) == (expected, expected, "application/problem+json")
    assert list(document) == MEMBERS
    assert document["detail"]
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert len(headers["x-request-id"]) == 32


def test_none_of_it_was_a_failure_of_the_service(server: Server) -> None:
    log = server.log.read_text()
    assert "Traceback" not in log
    assert '"level": "error"' not in log


IN_CHUNKS = CHUNKED + chunk(QUESTION[:9]) + chunk(QUESTION[9:]) + b"0\r\n\r\n"


@pytest.mark.parametrize("request_", [sized(QUESTION), sized(b"\xef\xbb\xbf" + QUESTION), IN_CHUNKS])
def test_what_is_right_is_answered(server: Server, request_: bytes) -> None:
    status, _, body = send(server, request_)
    assert status == 200
    assert [outcome["scenario"] for outcome in json.loads(body)["data"]] == ["baseline"]


def test_a_body_of_just_the_limit_is_read(server: Server) -> None:
    body = QUESTION + b" " * (security.MAX_BODY - len(QUESTION))
    assert send(server, sized(body))[0] == 200
    assert send(server, CHUNKED + chunk(body) + b"0\r\n\r\n")[0] == 200


@pytest.mark.parametrize("case", ["a header without a colon", "a URL of nine kilobytes", "two hundred headers"])
def test_a_refusal_of_head_has_no_body(server: Server, case: str) -> None:
    request, expected = WRONG[case]
    with connect(server) as connection:
        connection.sendall(request.replace(b"GET", b"HEAD"))
        message = b"".join(iter(lambda: connection.recv(65536), b""))
    assert message.startswith(b"HTTP/1.1 %d " % expected)
    assert message.endswith(b"\r\n\r\n")


def test_the_document_has_every_status_that_the_server_gives_by_itself() -> None:
    document = (ROOT / "docs" / "server.md").read_text()
    told = {int(status) for status in re.findall(r"^\| (\d{3}) \|", document, re.MULTILINE)}
    assert told == {status for _, status in malformed.STATUSES} | {408, 413, 503}


SMUGGLED = get(b"/v1/runs")


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 0\r\nContent-Length: 99\r\n\r\n",
        b"Content-Length: 0, 99\r\n\r\n",
        b"Content-Length: 99999999999\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    ],
)
def test_nothing_is_smuggled_behind_a_body_that_others_may_read_otherwise(server: Server, framing: bytes) -> None:
    kept = POST.replace(b"Connection: close\r\n", b"")
    with connect(server) as connection:
        connection.sendall(kept + framing + SMUGGLED)
        message = b"".join(iter(lambda: connection.recv(65536), b""))
    assert int(message.split()[1]) in (400, 413, 501)
    assert message.count(b"\r\nContent-Length: ") == 1, "one answer"


@pytest.mark.parametrize("target", [b"http://x/healthz", b"https://elsewhere.example/healthz"])
def test_a_target_with_a_scheme_is_answered_by_its_path(server: Server, target: bytes) -> None:
    assert send(server, get(target))[0] == 200


def test_a_malformed_body_ends_its_connection(server: Server) -> None:
    """Where the next request would begin nobody can tell: what follows is not answered as one."""
    smuggled = get(b"/healthz")
    with connect(server) as connection:
        connection.sendall(CHUNKED.replace(b"Connection: close\r\n", b"") + b"zz\r\n" + smuggled)
        message = b"".join(iter(lambda: connection.recv(65536), b""))
    assert message.startswith(b"HTTP/1.1 400")
    assert message.count(b"HTTP/1.1") == 1


def test_no_client_says_by_a_header_under_which_path_the_service_is(server: Server) -> None:
    assert send(server, get(b"/healthz/v1/series", b"SCRIPT_NAME: /healthz\r\n"))[0] == 404
