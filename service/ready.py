"""Answers that are ready: given before the application is asked, byte for byte as it gave them.

An answer is kept with all that it depends on: the request (its path, its query and the headers that an answer varies
by), the state of the catalogue and of who serves, and the day. A look at one file and at one number of the database
says whether that still holds, so a change shows in the next answer. What no such look can see, such as a file of a run
that somebody damages, shows after ``GIVEN_FOR`` seconds: until then the answer is the one that was right.

A request that is answered here came by the same gate as any other, is counted, told and logged as any other; whatever
is not plain is left to the application: a caller who is refused, a database that is away, a part of an answer.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from forecast.errors import Unavailable
from forecast.settings import Scope
from service.answers import CAME, KEPT_AS
from service.context import Context, StoreState
from service.gate import ADMITTED, Caller, RequestGate
from service.schemas import without_cache_busters
from service.telemetry import REQUEST_ID, Telemetry

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

#: Bytes that the answers kept by one process may have, and one of them.
ROOM, MOST_KEPT = 12 * 2**20, 8 * 2**20
#: Seconds for which an answer is given without the application being asked again.
GIVEN_FOR = 10.0
#: Headers of an answer that are of one request.
_OF_ONE_REQUEST = frozenset({"x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"})
#: Where answers are that rest on the stores.
_ANSWERS = "/v1/"
#: What an answer varies by, beside its address, and what makes a request one for the application.
_VARIES = ("HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING", "HTTP_ORIGIN", "HTTP_IF_NONE_MATCH")
_NOT_PLAIN = (
    *("HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"),
    *("HTTP_TRANSFER_ENCODING", "HTTP_IDEMPOTENCY_KEY"),
)
#: What is asked by POST and changes nothing, and the bytes of the longest body that is looked up.
QUESTIONS, LONGEST_QUESTION = frozenset({"/v1/scenarios"}), 64 * 1024
_EMPTY_BODY = (None, "", "0")
#: Beside its bytes, what an answer takes.
_OVERHEAD = 2_000

Headers = list[tuple[str, str]]
_Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer, who may have it, and what it rests on."""

    status: str
    headers: Headers
    body: bytes
    endpoint: str
    scope: Scope | None
    state: StoreState
    until: float


class ReadyAnswers:
    """An application, and before it the answers that it gave and that still hold."""

    def __init__(self, app: WSGIApplication, context: Context, gate: RequestGate, telemetry: Telemetry) -> None:
        self._app, self._context, self._gate, self._telemetry = app, context, gate, telemetry
        self._kept = _Kept(ROOM)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith(_ANSWERS):
            return self._app(environ, start_response)  # whether the process lives does not wait for a database
        key = _key(environ)
        state = environ[CAME] = self._context.state()
        if key is None:
            return self._app(environ, start_response)
        answer = self._kept.get(key)
        if answer is None or time.monotonic() >= answer.until or state != answer.state:
            return self._asked(key, state, environ, start_response)
        self._telemetry.begin(environ)
        try:
            admitted = self._gate.admit(environ, answer.scope)
        except Unavailable:
            return self._app(environ, start_response)
        if not isinstance(admitted, Caller):
            return self._app(environ, start_response)
        self._telemetry.finish(environ, answer.endpoint, int(answer.status[:3]), len(answer.body))
        start_response(answer.status, [*answer.headers, *admitted.headers, ("X-Request-ID", environ[REQUEST_ID])])
        return (answer.body,)

    def _asked(
        self, key: _Key, before: StoreState, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """The answer of the application, kept if its route says so and nothing changed meanwhile."""
        catalog = self._context.catalog
        lapses = catalog.lapses
        said: list[tuple[str, Headers]] = []

        def started(status: str, headers: Headers, exc_info: object = None) -> Callable[[bytes], object]:
            said.append((status, headers))
            return start_response(status, headers, exc_info)  # type: ignore[arg-type]

        body = self._app(environ, started)
        endpoint = environ.get(KEPT_AS)
        if not isinstance(endpoint, str) or before.catalog is None or not said:
            return body
        status, headers = said[-1]
        if status[:3] not in ("200", "304"):
            return body
        data = _whole(body)
        answer = _Answer(
            status,
            [pair for pair in headers if pair[0].lower() not in _OF_ONE_REQUEST],
            data,
            endpoint,
            environ[ADMITTED][0],
            before,
            time.monotonic() + GIVEN_FOR,
        )
        if len(data) <= MOST_KEPT and self._context.state() == before and catalog.lapses == lapses:
            self._kept.put(key, answer)
        return (data,)


class _Kept:
    """The answers used last, as many as there is room for; safe to share between threads."""

    def __init__(self, room: int) -> None:
        self._free = room
        self._answers: OrderedDict[_Key, _Answer] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: _Key) -> _Answer | None:
        with self._lock:
            answer = self._answers.get(key)
            if answer is not None:
                self._answers.move_to_end(key)
            return answer

    def put(self, key: _Key, answer: _Answer) -> None:
        with self._lock:
            if before := self._answers.pop(key, None):
                self._free += _size(key, before)
            self._answers[key] = answer
            self._free -= _size(key, answer)
            while self._free < 0:
                gone, dropped = self._answers.popitem(last=False)
                self._free += _size(gone, dropped)


def _key(environ: WSGIEnvironment) -> _Key | None:
    """What tells a request from others whose answers differ; None of one for the application."""
    if any(name in environ for name in _NOT_PLAIN):
        return None
    query = environ.get("QUERY_STRING", "")
    if "_" in query:
        query = without_cache_busters(query)
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    asked = (method, environ.get("SCRIPT_NAME", ""), path, query, *[environ.get(name, "-") for name in _VARIES])
    if method in ("GET", "HEAD"):
        return asked if environ.get("CONTENT_LENGTH") in _EMPTY_BODY else None
    if method != "POST" or path not in QUESTIONS:
        return None
    body = _body(environ)
    return None if body is None else (*asked, environ.get("CONTENT_TYPE", ""), body)


def _body(environ: WSGIEnvironment) -> str | None:
    """The body of a request, left where the application finds it; None of a long one, or of one that ended early."""
    length = str(environ.get("CONTENT_LENGTH") or "")
    if not length.isdecimal() or int(length) > LONGEST_QUESTION:
        return None
    try:
        data = environ["wsgi.input"].read(int(length))
    except Exception:  # each server has errors of its own; the application meets it again, and tells it
        return None
    environ["wsgi.input"] = BytesIO(data)
    return data.decode("latin-1") if len(data) == int(length) else None


def _size(key: _Key, answer: _Answer) -> int:
    return sum(map(len, key)) + len(answer.body) + _OVERHEAD


def _whole(body: Iterable[bytes]) -> bytes:
    try:
        return b"".join(body)
    finally:
        if close := getattr(body, "close", None):
            close()
