"""What an answer may load and who may keep it, and what is not limited."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from service import create_app
from tests.service.conftest import JSON_FORECAST
from tests.support.trained_home import clock, settings_in

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
OWN_FILES = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HTML, JSON, PROBLEM = "text/html", "application/json", "application/problem+json"


@pytest.mark.parametrize(
    ("path", "kind", "policy", "kept", "varies"),
    [
        ("/", HTML, OWN_FILES, None, None),
        ("/docs", HTML, OWN_FILES, None, None),
        ("/openapi.json", JSON, NOTHING, None, None),
        ("/static/page.js", "text/javascript", NOTHING, "no-cache", None),
        ("/healthz", JSON, NOTHING, "no-store", None),
        ("/readyz", JSON, NOTHING, "no-store", None),
        ("/metrics", "text/plain", NOTHING, None, None),
        (JSON_FORECAST, JSON, NOTHING, "no-cache", "Accept, Accept-Encoding"),
        (f"{JSON_FORECAST}&format=csv", "text/csv", NOTHING, "no-cache", "Accept, Accept-Encoding"),
        ("/v1/series", JSON, NOTHING, "no-cache", "Accept, Accept-Encoding"),
        ("/v1/forecasts/price.zinc", PROBLEM, NOTHING, "no-store", None),
        ("/nope", PROBLEM, NOTHING, "no-store", None),
    ],
)
def test_the_headers_of_each_answer_say_what_it_may_load_and_who_may_keep_it(
    client: FlaskClient, path: str, kind: str, policy: str, kept: str | None, varies: str | None
) -> None:
    response = client.get(path, headers={"Origin": "https://elsewhere.example"}, buffered=True)
    headers = response.headers
    assert response.mimetype == kind
    assert headers["Content-Security-Policy"] == policy
    assert (headers.get("Cache-Control"), headers.get("Vary")) == (kept, varies)
    same = ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy")
    assert [headers[name] for name in same] == ["nosniff", "DENY", "no-referrer", "same-origin"]
    assert not [name for name in dict(headers) if name.startswith("Access-Control-")]


def test_the_rate_can_be_left_without_a_limit(home: Path) -> None:
    client = create_app(settings_in(home, rate_limit="off"), clock=clock).test_client()
    assert "X-RateLimit-Limit" not in client.get("/v1/series").headers
