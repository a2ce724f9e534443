"""How the service behaves: what it lets caches keep, when it says it is ready, what it logs, counts and limits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from service_fixtures import COPPER, EARTHS, TRAINED, add_run, clock, make_home, settings_in

from forecast.catalog import Catalog
from forecast.registry import Registry
from service import create_app, security

JSON_FORECAST = f"/v1/forecasts/{COPPER}?h=12&level=80&level=95"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    make_home(folder)
    return folder


@pytest.fixture(scope="module")
def client(home: Path) -> FlaskClient:
    return create_app(settings_in(home), clock=clock).test_client()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[FlaskClient, Catalog, Registry]]:
    """A service with stores of its own, for tests that change what is trained."""
    settings = make_home(tmp_path)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    yield create_app(settings, catalog=catalog, registry=registry, clock=clock).test_client(), catalog, registry
    catalog.close()


def get(client: FlaskClient, path: str, status: int = 200) -> Any:
    response = client.get(path)
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


# -- caching -----------------------------------------------------------------------------------------------------------


LISTS = ["/v1/series", f"/v1/series/{COPPER}", "/v1/events", "/v1/runs", f"/v1/series/{COPPER}/observations"]


@pytest.mark.parametrize("path", [JSON_FORECAST, "/v1/forecasts?h=2", f"/v1/series/{EARTHS}/effects", *LISTS])
def test_what_a_client_has_is_not_sent_again(client: FlaskClient, path: str) -> None:
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"
    assert "Accept" in first.headers["Vary"]


def test_the_tag_changes_with_the_question_the_run_and_the_facts(fresh: tuple[FlaskClient, Catalog, Registry]) -> None:
    client, catalog, registry = fresh
    asked = [
        JSON_FORECAST,
        JSON_FORECAST + "&format=csv",
        f"/v1/forecasts/{COPPER}?h=11",
        JSON_FORECAST + "&as_of=2026-07-16",
    ]
    tags = [client.get(path).headers["ETag"] for path in asked]
    assert len(set(tags)) == len(tags)
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    changed = client.get(JSON_FORECAST, headers={"If-None-Match": tags[0]})
    assert changed.status_code == 200
    assert changed.get_json()["run"] == "2026-06-01-b"


def test_a_promoted_run_serves_at_once_and_so_does_the_one_before_after_a_rollback(
    fresh: tuple[FlaskClient, Catalog, Registry],
) -> None:
    client, catalog, registry = fresh
    before = get(client, JSON_FORECAST)
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    assert get(client, JSON_FORECAST)["data"][0]["yhat"] == pytest.approx(2 * before["data"][0]["yhat"], rel=1e-4)
    registry.rollback(COPPER)
    assert get(client, JSON_FORECAST) == before


# -- health ------------------------------------------------------------------------------------------------------------


def test_ready_when_something_serves(client: FlaskClient) -> None:
    assert get(client, "/healthz") == {"status": "ok"}
    assert get(client, "/readyz") == {"status": "ready", "serving": len(TRAINED), "faults": []}


def test_not_ready_when_nothing_is_trained(tmp_path: Path) -> None:
    client = create_app(settings_in(tmp_path), clock=clock).test_client()
    body = get(client, "/readyz", 503)
    assert body["type"] == "urn:orecast:problem:not-ready"
    assert "orecast train" in body["detail"]
    assert get(client, "/healthz") == {"status": "ok"}


def test_a_corrupt_champion_leaves_the_last_good_run_serving_and_is_told(
    fresh: tuple[FlaskClient, Catalog, Registry],
) -> None:
    client, catalog, registry = fresh
    before = get(client, JSON_FORECAST)
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    draws = registry.root / COPPER / "2026-06-01-b" / "draws.npy"
    draws.write_bytes(draws.read_bytes()[:-8] + bytes(8))
    assert get(client, JSON_FORECAST) == before
    ready = get(client, "/readyz")
    assert (ready["status"], ready["serving"]) == ("degraded", len(TRAINED))
    assert COPPER in ready["faults"][0]
    assert "draws.npy" in ready["faults"][0]


def test_without_any_good_run_the_reason_is_told_and_the_others_serve(
    fresh: tuple[FlaskClient, Catalog, Registry],
) -> None:
    client, _, registry = fresh
    (registry.root / COPPER / "2026-06-01-a" / "card.json").write_text("{")
    body = get(client, JSON_FORECAST, 404)
    assert "card.json" in body["detail"]
    assert get(client, "/readyz")["serving"] == len(TRAINED) - 1


# -- manners -----------------------------------------------------------------------------------------------------------


def test_head_is_get_without_a_body_and_options_names_the_methods(client: FlaskClient) -> None:
    head, whole = client.head(JSON_FORECAST), client.get(JSON_FORECAST)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]
    assert {"GET", "HEAD", "OPTIONS"} == set(client.options(JSON_FORECAST).headers["Allow"].split(", "))


@pytest.mark.parametrize("path", [JSON_FORECAST, "/", "/docs", "/nope", "/openapi.json", "/static/page.js"])
def test_every_answer_carries_the_security_headers_and_opens_no_other_origin(client: FlaskClient, path: str) -> None:
    headers = client.get(path, headers={"Origin": "https://elsewhere.example"}, buffered=True).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert not [name for name in dict(headers) if name.startswith("Access-Control-")]


def test_a_request_has_one_id_from_its_header_to_its_line_in_the_log(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = create_app(settings_in(home, log_level="INFO"), clock=clock).test_client()
    response = client.get(JSON_FORECAST, headers={"X-Request-ID": "order-7"})
    assert response.headers["X-Request-ID"] == "order-7"
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["request_id"], line["status"], line["endpoint"]) == ("order-7", 200, "forecasts.get_forecast")
    forged = client.get("/healthz", headers={"X-Request-ID": "a b\x0b{}"}).headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", forged)


def test_a_failure_is_logged_with_its_trace_and_the_id_of_its_request(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = create_app(settings_in(home, log_level="INFO"), clock=clock).test_client()

    def broken(*_: object) -> None:
        raise ZeroDivisionError("inner matter")

    monkeypatch.setattr(Catalog, "get", broken)
    response = client.get(JSON_FORECAST, headers={"X-Request-ID": "order-8"})
    assert response.status_code == 500
    assert "inner matter" not in response.get_data(as_text=True)
    trace = next(line for line in map(json.loads, capsys.readouterr().out.splitlines()) if line["level"] == "error")
    assert trace["request_id"] == "order-8"
    assert "inner matter" in trace["exception"]


def test_metrics_count_the_requests(home: Path) -> None:
    client = create_app(settings_in(home), clock=clock).test_client()
    client.get(JSON_FORECAST)
    client.get(JSON_FORECAST)
    text = client.get("/metrics").get_data(as_text=True)
    line = 'orecast_requests_total{endpoint="forecasts.get_forecast",method="GET",status="200"} 2.0'
    assert line in text


def test_too_many_requests_are_told_when_to_come_back(home: Path) -> None:
    client = create_app(settings_in(home, rate_limit="4 per minute", workers="2"), clock=clock).test_client()
    assert [client.get("/v1/series").status_code for _ in range(3)] == [200, 200, 429]
    refused = client.get("/v1/events")
    assert (refused.status_code, refused.mimetype) == (429, "application/problem+json")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert client.get("/healthz").status_code == 200


def test_the_rate_can_be_left_without_a_limit(home: Path) -> None:
    client = create_app(settings_in(home, rate_limit="off"), clock=clock).test_client()
    assert "X-RateLimit-Limit" not in client.get("/v1/series").headers


@pytest.mark.parametrize(
    ("rate", "workers", "expected"), [("600 per minute", 2, "300 per 1 minute"), ("1/second", 4, "1 per 1 second")]
)
def test_the_rate_is_shared_by_the_workers(rate: str, workers: int, expected: str) -> None:
    assert security.share(rate, workers) == expected
