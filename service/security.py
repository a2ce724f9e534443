"""What keeps the service polite and hard to abuse: the gate, headers, and a limit on bodies."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response, request

from service import bodies
from service.access import access
from service.gate import ADMITTED, Caller, RequestGate, caller
from service.problems import LASTING, RETRY_AFTER, problem

MAX_BODY = 256 * 1024
#: Of observations that are delivered: some 80,000 rows of CSV; more is for `orecast ingest`.
MAX_DELIVERY = 4 * 1024 * 1024
#: Bytes of the longest body where it may be longer than others, by the path that it is sent to.
LARGER_BODIES = {"/v1/observations": MAX_DELIVERY}

# Pages load their own files only; the API loads nothing at all. uPlot and Swagger UI set styles of elements.
_API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)

#: What every answer carries; a page has a policy of its own.
API_HEADERS = {
    "Content-Security-Policy": _API_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def install(app: Flask, gate: RequestGate) -> None:
    """Let nothing into an application but by the gate, and give every answer its headers."""
    app.after_request(_headers)

    @app.before_request
    def admit() -> Response | None:
        needed = access(request.method, request.url_rule.rule if request.url_rule else None, request.args)
        admitted = gate.admit(request.environ, needed.scope, counted=needed.counted)
        if isinstance(admitted, Caller):
            return None
        return problem(admitted.status, admitted.detail, kind=admitted.kind)

    bodies.install(app, MAX_BODY, LARGER_BODIES)


def asking() -> Caller:
    """Who asks the request that is being answered. Raises ``LookupError`` where the gate could not say it."""
    found = caller(request.environ)
    if found is None:
        raise LookupError(ADMITTED)
    return found


def _headers(response: Response) -> Response:
    headers = response.headers
    if (said := request.environ.get(ADMITTED)) is not None:
        headers.extend(said[1].headers)
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and LASTING not in request.environ:
        headers["Retry-After"] = str(RETRY_AFTER)
    if response.mimetype == "text/html":
        headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
    for name, value in API_HEADERS.items():
        headers.setdefault(name, value)
    return response
