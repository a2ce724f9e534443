"""The body of a request, read whole before any route sees it: what came wrong over the wire is the client's fault."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge


def install(app: Flask, usual: int, of_rules: Mapping[str, int]) -> None:
    """Refuse a body over ``usual`` bytes, or what its rule has instead, in chunks too, one that ends early, and one
    that a server cannot make out."""

    @app.before_request
    def read() -> None:
        if request.routing_exception is not None or request.method in ("GET", "HEAD", "OPTIONS"):
            return
        most = of_rules.get(request.url_rule.rule, usual) if request.url_rule else usual
        request.max_content_length = most + 1  # a body in chunks is cut there without a word
        length = request.content_length
        if length is not None and length > most:
            raise RequestEntityTooLarge(_too_large(most))
        try:
            body = request.get_data()
        except RequestEntityTooLarge:
            raise RequestEntityTooLarge(_too_large(most)) from None
        except HTTPException:
            raise BadRequest("The body ends before its time.") from None
        except Exception as error:
            # Each server has errors of its own for a body that is not framed as HTTP says.
            raise BadRequest(f"The body cannot be read: {error}") from None
        if len(body) > most:
            raise RequestEntityTooLarge(_too_large(most))
        if length is not None and len(body) < length:
            raise BadRequest(f"The body ends after {len(body)} of its {length} bytes.")


def _too_large(most: int) -> str:
    return f"The body is larger than {most} bytes."
