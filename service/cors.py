"""Pages of other origins that may read the answers, by the headers of the fetch standard: none but by a setting."""

from __future__ import annotations

from collections.abc import Collection

from flask import Flask, Response, request

ANY = "*"

#: Headers of an answer that a page may read, beside those that it always may.
_TOLD = ", ".join(
    (
        *("ETag", "Link", "Retry-After", "Accept-Ranges", "Content-Range", "Content-Disposition", "Repr-Digest"),
        *("Unencoded-Digest", "X-SHA256", "X-Row-Count", "X-Left-Out", "X-Stale", "X-Request-ID"),
        *("Location", "Idempotency-Replayed", "WWW-Authenticate"),
        *("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
    )
)
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, OPTIONS",
    "Access-Control-Allow-Headers": ", ".join(
        ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "If-Range", "Range", "X-Request-ID")
    ),
    "Access-Control-Max-Age": "3600",
}


def install(app: Flask, origins: Collection[str]) -> None:
    """Let pages of these origins read what is answered; ``*``: those of any. No page sends cookies: there are none."""
    if origins:
        app.after_request(lambda response: _allow(response, origins))


def _allow(response: Response, origins: Collection[str]) -> Response:
    if ANY not in origins:
        response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin is None or not (ANY in origins or origin in origins):
        return response
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = ANY if ANY in origins else origin
    headers["Access-Control-Expose-Headers"] = _TOLD
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if request.method == "OPTIONS":
        headers.update(_PREFLIGHT)
    return response
