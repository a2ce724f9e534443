"""Requests that the server refuses before there is an application to ask: the same shape of answer for them too."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from types import MappingProxyType

from gunicorn.http import errors  # type: ignore[import-untyped]

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
_NONE: Mapping[str, str] = MappingProxyType({})


def answer(
    status: HTTPStatus, detail: str, instance: str, *, head_only: bool = False, more: Mapping[str, str] = _NONE
) -> bytes:
    """A problem as bytes on the wire, after which the connection is closed; ``more``: headers of this one."""
    body = to_json(members(status, detail, instance))
    headers = {
        "Date": formatdate(usegmt=True),
        "Connection": "close",
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Request-ID": uuid.uuid4().hex,
        **API_HEADERS,
        **more,
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (b"" if head_only else body)
