"""Requests that the server refuses before there is an application to ask: the same shape of answer for them too."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from http import HTTPStatus

from gunicorn.http import errors  # type: ignore[import-untyped]
from gunicorn.util import write_nonblock  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from forecast.catalog.keys import without_secrets
from service.encoding import to_json
from service.problems import MEDIA_TYPE, members
from service.security import API_HEADERS

#: From the most specific error to the least; any other error of the parser is 400, and what is no such error is a bug.
STATUSES: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (errors.LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (errors.ExpectationFailed, HTTPStatus.EXPECTATION_FAILED),
    (errors.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED),
    (errors.ParseException, HTTPStatus.BAD_REQUEST),
)
#: Seconds of silence in the midst of a request, or of an answer that is not taken, after which a connection is closed.
SILENCE = 10


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads, whose refusals are problems as RFC 9457 has them."""

    def handle(self, conn: TConn) -> object:
        """Serve a connection; a client that is silent for long in the midst of a request holds no thread forever."""
        for direction in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, direction, struct.pack("ll", SILENCE, 0))
        return super().handle(conn)

    def handle_error(self, req: object, client: socket.socket, addr: Sequence[object] | None, exc: Exception) -> None:
        """Answer a request that could not be read; what is not the fault of its sender is logged with its trace."""
        status = next((status for family, status in STATUSES if isinstance(exc, family)), None)
        if status is None:
            self.log.error("failed", exc_info=exc)
            status, detail = HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; its log has the cause."
        else:
            why = without_secrets(str(exc))
            self.log.info("refused a request of %s: %s", addr[0] if addr else "a socket", why)
            detail = f"The request is not well formed: {why}"[:300]
        try:
            write_nonblock(client, answer(status, detail, getattr(req, "path", None) or ""))
        except OSError:
            self.log.debug("the client is gone")


def answer(status: HTTPStatus, detail: str, instance: str) -> bytes:
    """A problem as bytes on the wire, after which the connection is closed."""
    body = to_json(members(status, detail, instance))
    headers = {
        "Connection": "close",
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        **API_HEADERS,
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
