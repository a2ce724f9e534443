"""How the service behaves: what it lets caches keep, when it says it is ready, what it logs, counts and limits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from forecast.answers.event_priors import refresh
from forecast.catalog import Catalog
from forecast.registry import Registry
from service import answers as answers_module
from service import create_app, security
from tests.support.trained_home import COPPER, EARTHS, NICKEL, TRAINED, add_run, clock, make_home, settings_in

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


ONE, EFFECTS, CLASSES = f"/v1/forecasts/{COPPER}", f"/v1/series/{EARTHS}/effects", "/v1/effects"
BACKTEST = f"/v1/series/{COPPER}/backtest"
QUESTIONS = (
    *(ONE, f"{ONE}?h=11", f"{ONE}?level=80", f"{ONE}?level=95", f"{ONE}?as_of=2026-07-16", f"{ONE}?format=csv"),
    *(f"/v1/forecasts/{NICKEL}", f"/v1/forecasts?series_id={COPPER}", f"/v1/forecasts?series_id={COPPER},{NICKEL}"),
    *(f"/v1/forecasts?series_id={NICKEL},{COPPER}", f"/v1/forecasts?series_id={COPPER},{NICKEL}&coherent=true"),
    *(EFFECTS, f"{EFFECTS}?detail=path", f"{EFFECTS}?event=cn-7ree-licence-2025", f"{EFFECTS}?format=csv"),
    *(f"/v1/series/{COPPER}/effects", f"/v1/series/{NICKEL}/effects", CLASSES, f"{CLASSES}?format=csv"),
    *(BACKTEST, f"{BACKTEST}?format=csv", f"/v1/series/{NICKEL}/backtest"),
)


def tags(client: FlaskClient, *paths: str) -> dict[str, str]:
    return {path: client.get(path).headers["ETag"] for path in paths}


def test_no_two_questions_have_one_tag(client: FlaskClient) -> None:
    found = tags(client, *QUESTIONS)
    assert len(set(found.values())) == len(QUESTIONS) == 22


def test_a_tag_changes_with_each_thing_that_its_answer_rests_on_and_no_other(
    fresh: tuple[FlaskClient, Catalog, Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, catalog, registry = fresh
    asked = (ONE, EFFECTS, CLASSES, BACKTEST)
    held = tags(client, *asked)

    def changed() -> set[str]:
        before = dict(held)
        held.update(tags(client, *asked))
        return {path for path in asked if held[path] != before[path]}

    assert changed() == set()
    event = catalog.events()["cn-7ree-licence-2025"]
    catalog.add(events=[replace(event, title="Another title")], known_at=clock())
    assert changed() == {ONE, EFFECTS}, "the catalogue"
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    assert changed() == {ONE, BACKTEST}, "the run that serves"
    registry.promote(EARTHS, add_run(registry, catalog, EARTHS, level=2.0, name="b"))
    assert changed() == {EFFECTS}, "the run that serves"
    refresh(registry, ())
    assert changed() == set(), "all runs say of events of a kind what they said before"
    (registry.root / "classes.json").write_text('{"likelihoods": []}')
    assert changed() == {ONE, EFFECTS, CLASSES}, "what all runs say of events of a kind"
    monkeypatch.setattr(answers_module, "VERSION", "another")
    assert changed() == set(asked), "the version of the code"


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
    assert "corrupt artifact price.copper/2026-06-01-b/draws.npy" in ready["faults"][0], "and not where that is"


def test_a_declined_run_serves_last_of_all_and_is_told(fresh: tuple[FlaskClient, Catalog, Registry]) -> None:
    client, catalog, registry = fresh
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    registry.rollback(COPPER)
    (registry.root / COPPER / "2026-06-01-a" / "draws.npy").write_bytes(b"")
    assert get(client, JSON_FORECAST)["run"] == "2026-06-01-b"
    ready = get(client, "/readyz")
    assert (ready["status"], ready["serving"]) == ("degraded", len(TRAINED))
    assert ready["faults"][0].endswith("; serving 2026-06-01-b, which was declined")
    add_run(registry, catalog, COPPER, level=3.0, name="0")
    assert get(client, JSON_FORECAST)["run"] == "2026-06-01-0", "older, never promoted, and not declined"


def test_without_any_good_run_the_reason_is_told_and_the_others_serve(
    fresh: tuple[FlaskClient, Catalog, Registry],
) -> None:
    client, _, registry = fresh
    (registry.root / COPPER / "2026-06-01-a" / "card.json").write_text("{")
    body = get(client, JSON_FORECAST, 404)
    assert "corrupt artifact price.copper/2026-06-01-a/card.json" in body["detail"]
    assert get(client, "/readyz")["serving"] == len(TRAINED) - 1


# -- manners -----------------------------------------------------------------------------------------------------------


def test_a_run_that_does_not_serve_says_so(fresh: tuple[FlaskClient, Catalog, Registry]) -> None:
    client, catalog, registry = fresh
    registry.promote(EARTHS, add_run(registry, catalog, EARTHS, name="b"))
    earlier, later = (registry.runs(EARTHS)[i].run_id for i in (1, 0))
    assert [get(client, f"/v1/runs/{run_id}")["champion"] for run_id in (earlier, later)] == [False, True]


def test_head_is_get_without_a_body_and_options_names_the_methods(client: FlaskClient) -> None:
    head, whole = client.head(JSON_FORECAST), client.get(JSON_FORECAST)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]
    assert {"GET", "HEAD", "OPTIONS"} == set(client.options(JSON_FORECAST).headers["Allow"].split(", "))


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
        (JSON_FORECAST, JSON, NOTHING, "no-cache", "Accept"),
        (f"{JSON_FORECAST}&format=csv", "text/csv", NOTHING, "no-cache", "Accept"),
        ("/v1/series", JSON, NOTHING, "no-cache", "Accept"),
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


def test_a_request_has_one_id_from_its_header_to_its_line_in_the_log(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = create_app(settings_in(home, log_level="INFO"), clock=clock).test_client()
    response = client.get(JSON_FORECAST, headers={"X-Request-ID": "order-7"})
    assert response.headers["X-Request-ID"] == "order-7"
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["request_id"], line["status"], line["endpoint"]) == ("order-7", 200, "forecasts.get_forecast")
    assert (line["client"], line["bytes"]) == ("127.0.0.1", len(response.data))
    longest = 64 * "x"
    assert client.get("/healthz", headers={"X-Request-ID": longest}).headers["X-Request-ID"] == longest
    for forged in ("a b\x0b{}", 65 * "x", ""):
        given = client.get("/healthz", headers={"X-Request-ID": forged}).headers["X-Request-ID"]
        assert re.fullmatch(r"[0-9a-f]{32}", given)


def test_what_machines_ask_all_the_time_is_logged_when_it_goes_wrong_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = create_app(settings_in(tmp_path, log_level="INFO"), clock=clock).test_client()
    client.get("/healthz")
    client.get("/readyz")
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["path"], line["status"]) == ("/readyz", 503)


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
    ("rate", "workers", "expected"),
    [
        ("600 per minute", 2, "300 per 1 minute"),
        ("1/second", 4, "1 per 1 second"),
        ("10 per 5 minutes", 3, "3 per 5 minute"),
    ],
)
def test_the_rate_is_shared_by_the_workers(rate: str, workers: int, expected: str) -> None:
    assert security.share(rate, workers) == expected
