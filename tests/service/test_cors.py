"""Pages of other origins read what is answered where a setting lets them, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from forecast.errors import Misconfigured
from forecast.settings import Settings
from service import create_app
from tests.service.conftest import JSON_FORECAST
from tests.support.trained_home import clock, settings_in

PAGE, OTHER = "https://page.example", "https://other.example:8443"


def served(home: Path, origins: str, **changed: str) -> FlaskClient:
    return create_app(settings_in(home, cors_origins=origins, **changed), clock=clock).test_client()


def test_no_other_origin_may_read_unless_a_setting_says_so(client: FlaskClient) -> None:
    response = client.get(JSON_FORECAST, headers={"Origin": PAGE})
    assert not [name for name in dict(response.headers) if name.startswith("Access-Control")]
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_the_origins_of_the_setting_may_read_and_no_other(home: Path) -> None:
    client = served(home, f"{PAGE}, {OTHER}")
    for origin, allowed in ((PAGE, PAGE), (OTHER, OTHER), ("https://evil.example", None), ("null", None)):
        response = client.get(JSON_FORECAST, headers={"Origin": origin})
        assert response.headers.get("Access-Control-Allow-Origin") == allowed
        assert "Origin" in response.vary, "a cache keeps them apart"
    refused = client.get("/v1/forecasts/price.coper", headers={"Origin": PAGE})
    assert refused.headers["Access-Control-Allow-Origin"] == PAGE, "a page can read why"
    assert "ETag" in refused.headers["Access-Control-Expose-Headers"]


def test_any_origin_may_read_where_the_setting_says_any(home: Path) -> None:
    response = served(home, "*").get(JSON_FORECAST, headers={"Origin": "https://anybody.example"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_a_browser_may_ask_first(home: Path) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    response = served(home, PAGE).options("/v1/scenarios", headers=asked)
    assert response.status_code == 200
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in response.headers["Access-Control-Allow-Headers"]


def test_a_page_with_a_key_may_write_once_and_amend(home: Path) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "PATCH"}
    response = served(home, PAGE).options("/v1/events/cn-7ree-licence-2025", headers=asked)
    assert "PATCH" in response.headers["Access-Control-Allow-Methods"].split(", ")
    assert "Idempotency-Key" in response.headers["Access-Control-Allow-Headers"].split(", ")
    told = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Location", "Idempotency-Replayed"} <= {*told}


def test_where_keys_are_needed_a_browser_asks_first_without_one_and_a_page_reads_why_it_was_refused(home: Path) -> None:
    client = served(home, PAGE, auth="keys")
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    first = client.options(JSON_FORECAST, headers=asked)
    assert first.status_code == 200
    assert "Authorization" in first.headers["Access-Control-Allow-Headers"]
    refused = client.get(JSON_FORECAST, headers={"Origin": PAGE})
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, PAGE)
    told = refused.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"WWW-Authenticate", "X-RateLimit-Reset"} <= {*told} & {*refused.headers.keys()}


@pytest.mark.parametrize(
    "wrong", ["page.example", "https://page.example/path", "https://a.example,", "https://*.example"]
)
def test_what_is_no_origin_is_refused(wrong: str) -> None:
    with pytest.raises(Misconfigured, match=r"ORECAST_CORS_ORIGINS .* expected origins such as https://example.org"):
        Settings.from_env({"ORECAST_CORS_ORIGINS": wrong})
