"""What the data behind a forecast can bear, and that what they cannot is not told unless somebody insists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecast.answers.forecast import ForecastQuestion, forecast
from forecast.answers.quality import Quality, quality
from forecast.answers.several import forecasts
from forecast.catalog import Catalog
from forecast.cli import call
from forecast.errors import Insufficient
from forecast.registry import Payload, Registry
from forecast.registry.card import Card
from forecast.settings import Settings
from service import create_app
from tests.support.trained_home import COPPER, EARTHS, NICKEL, NOW, card, clock, make_home

LAST = np.datetime64("2026-06-01")


def with_values(catalog: Catalog, series_id: str, there: int, missing: int = 0, *, tested: bool = True) -> Card:
    made = card(catalog.get(series_id), "r", LAST)
    data = replace(made.data, observations=there, missing=missing)
    return replace(made, data=data, backtest=made.backtest if tested else {})


@pytest.mark.parametrize(
    ("series_id", "there", "missing", "tested", "word"),
    [
        (COPPER, 414, 0, True, Quality.SOLID),
        (COPPER, 36, 0, True, Quality.SOLID),
        (COPPER, 35, 0, True, Quality.SHORT),
        (COPPER, 75, 25, True, Quality.SOLID),
        (COPPER, 74, 26, True, Quality.SPARSE),
        (COPPER, 414, 0, False, Quality.UNTESTED),
        (COPPER, 12, 0, False, Quality.UNTESTED),
        (COPPER, 11, 0, False, Quality.INSUFFICIENT),
        (EARTHS, 18, 0, False, Quality.UNTESTED),
        (EARTHS, 17, 0, False, Quality.INSUFFICIENT),
    ],
)
def test_the_word_is_the_worst_that_is_true(
    catalog: Catalog, series_id: str, there: int, missing: int, tested: bool, word: Quality
) -> None:
    assert quality(with_values(catalog, series_id, there, missing, tested=tested)) is word


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home whose nickel has nine values."""
    settings = make_home(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(settings.home))
    monkeypatch.chdir(tmp_path)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    run = registry.champion(NICKEL)
    few = replace(run.card, data=replace(run.card.data, observations=9), backtest={})
    registry.save(NICKEL, "2026-06-01-few", few, Payload(run.draws, run.record, None))
    registry.promote(NICKEL, "2026-06-01-few")
    catalog.close()
    return settings


@pytest.fixture
def stores(home: Settings) -> Iterator[tuple[Catalog, Registry]]:
    catalog = Catalog.open(home)
    yield catalog, Registry(home.models_dir)
    catalog.close()


def test_what_has_too_few_values_is_not_forecast_unless_somebody_insists(stores: tuple[Catalog, Registry]) -> None:
    with pytest.raises(Insufficient, match="9 values are there where 12 are the least"):
        forecast(*stores, NICKEL, ForecastQuestion(NOW.date()))
    made = forecast(*stores, NICKEL, ForecastQuestion(NOW.date(), insufficient=True))
    assert made.quality == "insufficient"
    assert made.notes[0].startswith("not to be relied on: 9 values where 12 are the least")


def test_of_several_it_is_left_out_and_that_is_no_fault(stores: tuple[Catalog, Registry]) -> None:
    found = forecasts(*stores, [COPPER, NICKEL], ForecastQuestion(NOW.date()))
    assert [(one.series_id, one.quality) for one in found.data] == [(COPPER, "solid")]
    assert [(one.series_id, one.fault) for one in found.left_out] == [(NICKEL, False)]


def test_an_export_of_everything_ends_well_without_it(home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["export", "--as-of", str(NOW.date())]) in (0, 1)
    assert f"{NICKEL}: left out: no forecast for {NICKEL!r}: 9 values" in capsys.readouterr().err
    assert call(["export", COPPER, NICKEL, "--as-of", str(NOW.date())]) == 0
    assert NICKEL not in (home.home / "forecasts.csv").read_text()
    assert call(["export", COPPER, NICKEL, "--as-of", str(NOW.date()), "--insufficient"]) == 0
    assert NICKEL in (home.home / "forecasts.csv").read_text()
    assert call(["forecast", NICKEL, "--as-of", str(NOW.date())]) != 0


def test_over_http_it_is_a_problem_of_its_own_and_no_fault_of_the_service(home: Settings) -> None:
    client = create_app(home, clock=clock).test_client()
    refused = client.get(f"/v1/forecasts/{NICKEL}")
    assert refused.status_code == 404
    assert refused.get_json()["type"] == "urn:orecast:problem:insufficient-data"
    assert "insufficient=true" in refused.get_json()["detail"]
    made = client.get(f"/v1/forecasts/{NICKEL}?insufficient=true").get_json()
    assert made["quality"] == "insufficient"
    assert client.get(f"/v1/forecasts/{COPPER}").get_json()["quality"] == "solid"
    ready = client.get("/readyz").get_json()
    assert not any(NICKEL in fault for fault in ready["faults"])
    asked = {"series": [COPPER, NICKEL], "scenarios": [], "h": 2}
    answered = client.post("/v1/scenarios", json=asked).get_json()
    assert {one["series_id"] for one in answered["data"]} == {COPPER}
    answered = client.post("/v1/scenarios", json=asked | {"insufficient": True}).get_json()
    assert {one["series_id"]: one["quality"] for one in answered["data"]} == {COPPER: "solid", NICKEL: "insufficient"}


def test_how_late_the_data_are_is_told_against_the_usual_delay(stores: tuple[Catalog, Registry]) -> None:
    early = forecast(*stores, COPPER, ForecastQuestion(NOW.date()))
    late = forecast(*stores, COPPER, ForecastQuestion(dt.date(2026, 11, 27)))
    assert (early.data_to, early.overdue) == (dt.date(2026, 6, 1), 0)
    # The mean of July is usually there five days after its end.
    assert late.overdue == (dt.date(2026, 11, 27) - dt.date(2026, 8, 5)).days
    assert "last price June 2026 (the next is 114 days late)" in late.provenance
    assert "late" not in early.provenance
