"""What keeps the service polite and hard to abuse: headers, a limit on bodies, a limit on the rate of requests."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import parse_many

from forecast.settings import Settings
from service import bodies

MAX_BODY = 256 * 1024
#: Seconds after which a client may ask again for what cannot be served now.
RETRY_AFTER = 5

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


def share(rate: str, workers: int) -> str:
    """What one worker allows of a rate, such as ``600 per minute``: each counts for itself, so the rate is divided."""
    limits = parse_many(rate)
    return "; ".join(f"{max(1, r.amount // workers)} per {r.multiples} {r.GRANULARITY.name}" for r in limits)


def install(app: Flask, settings: Settings, *, free: frozenset[str]) -> None:
    """Put the limits on an application; ``free``: endpoints that are asked by machines of our own, without a limit."""
    app.after_request(_headers)
    if settings.rate_limit != "off":
        limiter = Limiter(
            get_remote_address,
            app=app,
            application_limits=[share(settings.rate_limit, settings.workers)],
            headers_enabled=True,
            storage_uri="memory://",
        )
        limiter.request_filter(lambda: request.endpoint in free)
    bodies.install(app, MAX_BODY)


def _headers(response: Response) -> Response:
    headers = response.headers
    # The limiter tells with every answer when its window ends; that is for those who asked too often.
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER)
    elif response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
        headers.pop("Retry-After", None)
    page = response.mimetype == "text/html"
    if page:
        headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
    for name, value in API_HEADERS.items():
        headers.setdefault(name, value)
    return response
