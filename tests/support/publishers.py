"""Publishers on a local socket: what a source meets on the web, faults included."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from forecast.sources.source import Provider
from forecast.sources.web import Validators, Web


@dataclass(frozen=True)
class Request:
    """What was asked: ``path`` without its leading slash, the parameters of the query, headers, and the body."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What is answered; ``cut``: the connection is closed after so many bytes of the body."""

    body: bytes
    media: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None


Handler = Callable[[Request], Answer]
NOT_FOUND = Answer(b"not found", "text/plain", 404)


@dataclass
class Publisher:
    """A server of one publisher: ``handler`` answers; ``requests``: what was asked so far; ``url``: its address."""

    handler: Handler
    url: str = ""
    requests: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.handler(request)


@contextmanager
def published(handler: Handler) -> Iterator[Publisher]:
    """Serve a publisher on a free port of this machine."""
    publisher = Publisher(handler)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(publisher))
    publisher.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield publisher
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def pages(answers: Mapping[str, Answer]) -> Handler:
    """A handler of fixed answers by path; anything else is not found."""
    return lambda request: answers.get(request.path, NOT_FOUND)


@contextmanager
def web_for(
    source: Provider | type[Provider],
    publisher: Publisher,
    *,
    key: str = "",
    known: Mapping[str, Validators] | None = None,
) -> Iterator[Web]:
    """The web as the source reads it from a publisher, without pauses."""
    quick = Web(source.name, publisher.url, key=key, known=known or {}, sleep=lambda s: None, accept=source.accept)
    with quick as web:
        yield web


def _handler(publisher: Publisher) -> type[BaseHTTPRequestHandler]:
    class Handling(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            request = Request(
                self.command,
                parts.path.lstrip("/"),
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                dict(self.headers.items()),
                self.rfile.read(size) if size else b"",
            )
            answer = publisher.answer(request)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.media)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, text in answer.headers.items():
                self.send_header(name, text)
            self.end_headers()
            with suppress(ConnectionError):  # who asked was killed meanwhile
                self.wfile.write(answer.body if answer.cut is None else answer.body[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True

        do_GET = do_POST = _respond  # noqa: N815  # as the base class names them

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: a test says what it wants to know."""

    return Handling
