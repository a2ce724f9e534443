"""A series that cannot be served takes no other with it: it is left out and named; asked for alone it is an error."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from forecast.answers.forecast import ForecastQuestion
from forecast.answers.several import LeftOut, each, forecasts
from forecast.answers.span import Span
from forecast.catalog import Catalog
from forecast.cli import call
from forecast.errors import InvalidInput, NotFound
from forecast.jobs.monitor import monitor
from forecast.registry import Payload, Registry
from forecast.settings import Settings, SpanOrigin
from service import create_app
from tests.support.trained_home import COPPER, EARTHS, NICKEL, NOW, TRAINED, clock, make_home

DAY, LATER = str(NOW.date()), dt.date(2026, 7, 20)
WHY = "as_of = '2026-07-15': expected 2026-07-20 or later: so late is what run 2026-06-01-z of price.nickel knows"
OTHERS = (COPPER, EARTHS)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Three series; the run of nickel knows of something that is known from five days later on."""
    settings = make_home(tmp_path)
    registry = Registry(settings.models_dir)
    run = registry.champion(NICKEL)
    card = replace(run.card, known_on=LATER, as_of=LATER)
    registry.save(NICKEL, "2026-06-01-z", card, Payload(run.draws, run.record, None))
    registry.promote(NICKEL, "2026-06-01-z")
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    return settings


@pytest.fixture
def client(home: Settings) -> FlaskClient:
    return create_app(home, clock=clock).test_client()


@pytest.fixture
def stores(home: Settings) -> Iterator[tuple[Catalog, Registry]]:
    catalog = Catalog.open(home)
    yield catalog, Registry(home.models_dir)
    catalog.close()


def question(*series: str) -> dict[str, object]:
    return {"series": series, "scenarios": [{"name": "none"}], "h": 2}


# -- in general --------------------------------------------------------------------------------------------------------


def test_the_others_are_answered_in_order_and_the_reason_is_kept(stores: tuple[Catalog, Registry]) -> None:
    found = forecasts(*stores, [EARTHS, NICKEL, COPPER], ForecastQuestion(NOW.date()))
    assert [made.series_id for made in found.data] == [EARTHS, COPPER]
    assert found.left_out == (LeftOut(series_id=NICKEL, why=WHY, fault=True),)
    whole = forecasts(*stores, [EARTHS, NICKEL, COPPER], ForecastQuestion(LATER))
    assert [made.series_id for made in whole.data] == [EARTHS, NICKEL, COPPER]
    assert whole.left_out == ()
    with pytest.raises(InvalidInput, match="2026-07-20 or later"):
        forecasts(*stores, [NICKEL], ForecastQuestion(NOW.date()))
    assert forecasts(*stores, [], ForecastQuestion(NOW.date())).data == ()


def test_a_run_with_a_shorter_horizon_takes_no_other_with_it(stores: tuple[Catalog, Registry]) -> None:
    catalog, registry = stores
    run = registry.champion(COPPER)
    registry.save(COPPER, "2026-06-01-y", run.card, Payload(run.draws[:, :6], run.record, None))
    registry.promote(COPPER, "2026-06-01-y")
    found = forecasts(catalog, registry, [COPPER, EARTHS], ForecastQuestion(NOW.date(), Span(12, SpanOrigin.LAST)))
    assert [made.series_id for made in found.data] == [EARTHS]
    assert found.left_out == (LeftOut(series_id=COPPER, why="h = 12: expected a whole number from 1 to 6", fault=True),)


def test_what_is_no_refusal_is_not_swallowed() -> None:
    def answer(name: str) -> str:
        if name == "bug":
            raise ZeroDivisionError
        raise NotFound("series", name)

    with pytest.raises(ZeroDivisionError):
        each([("a",), ("bug",)], answer)
    with pytest.raises(NotFound, match="'a'"):
        each([("a",), ("b",)], answer)


# -- commands ----------------------------------------------------------------------------------------------------------


def test_an_export_has_the_others_and_names_it(home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["export", *TRAINED, "--h", "2", "--as-of", DAY, "--origin", "last"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("forecasts.csv: 4 rows of 2 series, sha256 ")
    assert f"orecast: {NICKEL}: left out: {WHY}" in err
    with (home.home / "forecasts.csv").open(newline="") as file:
        assert {row["series_id"] for row in csv.DictReader(file)} == set(OTHERS)
    assert call(["export", *TRAINED, "--h", "2", "--as-of", str(LATER), "--origin", "last"]) == 0
    assert capsys.readouterr().out.startswith("forecasts.csv: 6 rows of 3 series")


def test_an_export_of_it_alone_is_an_error_and_writes_nothing(home: Settings) -> None:
    assert call(["export", NICKEL, "--as-of", DAY]) == 2
    assert not (home.home / "forecasts.csv").exists()


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_forecast_of_several_is_that_of_the_others(
    home: Settings, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    assert call(["forecast", COPPER, NICKEL, "--h", "1", "--as-of", DAY, "--format", form]) == 1
    out, err = capsys.readouterr()
    assert f"{NICKEL}: left out: " in err
    assert COPPER in out
    if form == "json":
        document = json.loads(out)
        assert [each["series_id"] for each in document["data"]] == [COPPER]
        assert document["left_out"] == [{"series_id": NICKEL, "why": WHY, "fault": True}]
    assert call(["forecast", NICKEL, "--as-of", DAY, "--format", form]) == 2
    assert f"orecast: {WHY}" in capsys.readouterr().err


def test_scenarios_and_backtests_are_those_of_the_others(
    home: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "question.json"
    file.write_text(json.dumps(question(COPPER, NICKEL) | {"as_of": DAY}))
    assert call(["scenario", str(file), "--format", "json"]) == 1
    out, err = capsys.readouterr()
    assert {outcome["series_id"] for outcome in json.loads(out)["data"]} == {COPPER}
    assert f"{NICKEL}: left out" in err
    assert call(["plot", COPPER, "--scenario", str(file), "--output", "copper.png"]) == 0
    assert call(["plot", NICKEL, "--scenario", str(file)]) == 2
    assert "2026-07-20 or later" in capsys.readouterr().err
    assert call(["plot", EARTHS, "--scenario", str(file)]) == 2
    assert f"a series of the question: {COPPER}" in capsys.readouterr().err
    assert call(["backtest", COPPER, "price.zinc", "--format", "json"]) == 1
    out, err = capsys.readouterr()
    assert [each["series_id"] for each in json.loads(out)["data"]] == [COPPER]
    assert "orecast: price.zinc: left out: no forecast" in err


def test_the_monitor_tells_the_truth(home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    catalog, registry = Catalog.open(home), Registry(home.models_dir)
    result = {health.series_id: health for health in monitor(catalog, registry, NOW.date()).data}
    catalog.close()
    assert (result[NICKEL].state, result[NICKEL].fault) == ("silent", WHY)
    assert (result[COPPER].state, result[COPPER].fault) == ("served", None)
    assert (result["price.zinc"].state, result["price.zinc"].run) == ("none", None)
    (home.models_dir / COPPER / "2026-06-01-a" / "draws.npy").write_bytes(b"cut short")
    assert call(["monitor", "--as-of", DAY, "--format", "csv"]) == 1
    out, err = capsys.readouterr()
    states = {row["series_id"]: row["state"] for row in csv.DictReader(io.StringIO(out, newline=""))}
    assert (states[NICKEL], states[COPPER], states[EARTHS]) == ("silent", "silent", "served")
    assert f"{NICKEL}: {WHY}" in err
    assert call(["monitor", "--as-of", str(LATER)]) == 1
    registry.promote(NICKEL, "2026-06-01-a")
    registry.rollback(NICKEL)
    (home.models_dir / NICKEL / "2026-06-01-z" / "draws.npy").write_bytes(b"cut short")
    catalog = Catalog.open(home)
    result = {health.series_id: health for health in monitor(catalog, registry, NOW.date()).data}
    catalog.close()
    assert result[NICKEL].state == "damaged"
    assert str(result[NICKEL].fault).endswith("serving 2026-06-01-a, which was declined")


# -- over HTTP ---------------------------------------------------------------------------------------------------------


def test_bulk_forecasts_are_those_of_the_others(client: FlaskClient, home: Settings) -> None:
    response = client.get("/v1/forecasts?h=1")
    assert response.status_code == 200
    assert [each["series_id"] for each in response.get_json()["data"]] == list(OTHERS)
    assert response.get_json()["left_out"] == [{"series_id": NICKEL, "why": WHY, "fault": True}]
    table = client.get("/v1/forecasts?h=1&origin=last&format=csv")
    rows = csv.DictReader(io.StringIO(table.get_data(as_text=True), newline=""))
    assert [row["series_id"] for row in rows] == list(OTHERS)
    assert table.headers["X-Left-Out"] == NICKEL
    client = create_app(home, clock=lambda: NOW + dt.timedelta(days=5)).test_client()
    later = client.get(f"/v1/forecasts?h=1&as_of={LATER}")
    assert [each["series_id"] for each in later.get_json()["data"]] == [COPPER, NICKEL, EARTHS]
    assert later.get_json()["left_out"] == []
    assert "X-Left-Out" not in client.get(f"/v1/forecasts?h=1&format=csv&as_of={LATER}").headers


def test_alone_it_is_refused(client: FlaskClient) -> None:
    for path in (f"/v1/forecasts/{NICKEL}", f"/v1/forecasts?series_id={NICKEL}"):
        response = client.get(path)
        assert response.status_code == 422
        assert response.get_json()["errors"][0]["where"] == "query.as_of"
    assert client.post("/v1/scenarios", json=question(NICKEL)).status_code == 422


def test_scenarios_are_those_of_the_others(client: FlaskClient) -> None:
    response = client.post("/v1/scenarios", json=question(NICKEL, COPPER))
    assert response.status_code == 200
    assert {each["series_id"] for each in response.get_json()["data"]} == {COPPER}
    assert response.get_json()["left_out"] == [{"series_id": NICKEL, "why": WHY, "fault": True}]
    table = client.post("/v1/scenarios?format=csv", json=question(NICKEL, COPPER))
    assert table.headers["X-Left-Out"] == NICKEL


def test_the_answer_changes_with_what_is_left_out(client: FlaskClient, home: Settings) -> None:
    before = client.get("/v1/forecasts?h=1")
    again = {"If-None-Match": before.headers["ETag"]}
    assert client.get("/v1/forecasts?h=1", headers=again).status_code == 304
    Registry(home.models_dir).promote(NICKEL, "2026-06-01-a")
    after = client.get("/v1/forecasts?h=1", headers=again)
    assert after.status_code == 200
    assert after.get_json()["left_out"] == []


def test_readiness_names_it(client: FlaskClient) -> None:
    ready = client.get("/readyz").get_json()
    assert (ready["status"], ready["serving"]) == ("degraded", 2)
    assert ready["faults"] == [f"{NICKEL}: {WHY}"]


# -- the page ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(home: Settings) -> Iterator[Page]:
    """A page of a real browser, before the service on a real socket."""
    registry = Registry(home.models_dir)
    run = registry.champion(COPPER)
    card = replace(run.card, known_on=LATER)
    registry.save(COPPER, "2026-06-01-z", card, Payload(run.draws, run.record, None))
    registry.promote(COPPER, "2026-06-01-z")
    registry.promote(NICKEL, "2026-06-01-a")
    server = make_server("127.0.0.1", 0, create_app(home, clock=clock), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=next(filter(None, found)), args=["--no-sandbox"])
        opened = browser.new_page(base_url=f"http://127.0.0.1:{server.server_port}")
        yield opened
        browser.close()
    server.shutdown()
    server.server_close()


def test_the_page_opens_on_a_series_that_is_served_and_tells_why_another_is_not(page: Page) -> None:
    page.goto("/")
    page.wait_for_selector("#numbers tbody tr")
    assert page.input_value("#series") == NICKEL
    assert page.is_hidden("#problem")
    page.select_option("#series", COPPER)
    page.wait_for_selector("#problem:visible")
    assert "2026-07-20 or later" in page.inner_text("#problem")
    assert page.inner_text("#title") == COPPER
    page.goto(f"/?series={COPPER}")
    page.wait_for_selector("#problem:visible")
    assert page.input_value("#series") == COPPER, "it was asked for by name"
