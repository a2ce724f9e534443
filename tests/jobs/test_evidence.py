"""Evidence: a run tells what events did to it, other series learn from that, and nobody is given a forecast."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime

import numpy as np
import pytest
from flask.testing import FlaskClient

from forecast.answers.champion import teller_of
from forecast.answers.event_priors import Evidence, refresh
from forecast.catalog import Catalog, Observation
from forecast.cli import call
from forecast.errors import InvalidInput, NotTrained
from forecast.home import Home
from forecast.jobs.monitor import monitor
from forecast.jobs.train import TrainingPlan, due, train
from forecast.registry import Registry
from forecast.registry.card import EFFECTS_ONLY
from forecast.registry.store import CLASSES_FILE
from forecast.settings import Settings
from forecast.timeseries.series import Floats, Series
from service import create_app
from tests.support.records import a_series
from tests.support.small_world import a_ban

KNOWN, TODAY = datetime(2026, 7, 1, tzinfo=UTC), date(2026, 7, 15)
#: One family that takes no time beside the baseline.
PLAN = TrainingPlan(TODAY, ("seasonal-naive", "random-walk"))
TOLD, STOPPED, SHORT, SERVED, BESIDE = "price.told", "volume.stopped", "price.short", "price.served", "price.beside"
BAN, HALT = "ban-2011", "halt-2022"
YEARS, MONTHS = np.arange(1993, 2021), np.arange("2016-01", "2024-01", dtype="datetime64[M]")


def series(series_id: str, role: str = "evidence", freq: str = "Y", metal: str = "ore") -> Series:
    measure, _, _ = series_id.partition(".")
    return a_series(series_id, metal, measure, role, "world", "WLD", "WLD", "USD/t", freq, 10)


def told(series_id: str, days: list[date], values: Floats) -> list[Observation]:
    return [
        Observation(series_id, day, float(value), "reported", KNOWN) for day, value in zip(days, values, strict=True)
    ]


def yearly() -> Floats:
    """A price that a ban held at eight times its level from 2011 to 2013, and that ended in 2020."""
    noise = np.random.default_rng(1).normal(0.0, 0.1, len(YEARS))
    return np.asarray(100 * np.exp(noise) * np.where((YEARS >= 2011) & (YEARS <= 2013), 8.0, 1.0))


def monthly() -> Floats:
    """Trade that stopped in the middle of 2022: it reports zeros since."""
    noise = np.random.default_rng(2).normal(0.0, 0.1, len(MONTHS))
    return np.asarray(np.round(1000 * np.exp(noise)) * (np.datetime64("2022-06") > MONTHS))


@pytest.fixture
def small(settings: Settings) -> Settings:
    """Few draws and horizons, one process; what is bundled has no values."""
    with sqlite3.connect(settings.home / "var" / "orecast.db") as connection:
        connection.execute("DELETE FROM observations")
    connection.close()
    return settings.model_copy(update={"draws": 400, "horizon": 6, "jobs": 1})


@pytest.fixture
def own(small: Settings) -> Iterator[Catalog]:
    """Evidence that speaks, by years and by months, and evidence of five years; a target, and a comparison."""
    catalog = Catalog.open(small)
    years, months = [date(int(year), 1, 1) for year in YEARS], MONTHS.astype("datetime64[D]").tolist()
    walk = 500 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.05, len(MONTHS))))
    catalog.add(
        series=[
            series(TOLD),
            series(STOPPED, freq="M"),
            series(SHORT),
            series(SERVED, "target", "M", "gem"),
            series(BESIDE, "comparison", "M", "gem"),
        ],
        observations=[
            *told(TOLD, years, yearly()),
            *told(STOPPED, months, monthly()),
            *told(SHORT, years[:5], yearly()[:5]),
            *told(SERVED, months, walk),
            *told(BESIDE, months, walk),
        ],
        events=[
            a_ban(BAN, announced=date(2010, 12, 20), effective=date(2011, 1, 1), ended=date(2013, 12, 31)),
            a_ban(HALT, announced=date(2022, 5, 20), effective=date(2022, 6, 1)),
        ],
        known_at=KNOWN,
    )
    yield catalog
    catalog.close()


@pytest.fixture
def registry(small: Settings) -> Registry:
    return Registry(small.models_dir)


def test_training_everything_estimates_effects_of_evidence_and_backtests_none_of_it(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    report = train(own, registry, small, None, PLAN)
    found = {one.series_id: one for one in report.outcomes if one.series_id in (TOLD, STOPPED, SHORT, SERVED)}
    assert {name: one.status for name, one in found.items()} == {
        SERVED: "trained",
        TOLD: "trained",
        STOPPED: "trained",
        SHORT: "left out",
    }
    assert found[SHORT].detail == "5 observations where evidence needs 15 to tell what events do"
    assert found[TOLD].detail.startswith("effects estimated")
    assert BESIDE not in {one.series_id for one in report.outcomes}
    run = registry.champion(TOLD)
    assert run.draws.shape == (400, 0)
    assert (run.card.champion_family, run.card.score, run.card.backtest) == (EFFECTS_ONLY, None, {})
    assert (run.card.settings.horizon, run.card.forecasts) == (0, False)
    assert run.card.series.role == "evidence"


def test_what_a_ban_did_to_ended_evidence_is_seen_with_the_raw_jump_inside_the_interval(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    train(own, registry, small, [TOLD, STOPPED], PLAN)
    with Home(small, TODAY) as home:
        (ban,) = (one for one in home.effects(TOLD).data if one.episode_id == BAN)
        (halt,) = (one for one in home.effects(STOPPED).data if one.episode_id == HALT)
        path = home.effect_paths(TOLD, event_id=BAN)
        quality, notes = home.effects(TOLD).quality, home.effects(TOLD).notes
        assert not any("yearly" in note for note in home.effects(STOPPED).notes)
    assert ban.average is not None
    least, most = ban.average.interval(90)
    assert 200 < least < 700 < most
    assert halt.average is not None
    assert halt.average.interval(90)[1] < -90, "its zeros are less than can be reported, not nothing"
    assert {period.ds.year for period in path.data} >= {2011, 2012, 2013}
    assert any(note.startswith("yearly values are coarse") for note in notes)
    assert quality == "short", "which says nothing of a test on past data: there is none to be had"


def test_the_same_evidence_is_not_trained_twice_and_is_due_with_a_new_value(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    train(own, registry, small, [TOLD], PLAN)
    (again,) = train(own, registry, small, [TOLD], TrainingPlan(TODAY, ("random-walk",))).outcomes
    assert again.status == "current", "evidence has no families to choose from"
    names = due(own, registry, small, TODAY)
    assert TOLD not in names
    assert SHORT not in names, "nothing can be trained on it"
    assert STOPPED in names
    own.add(observations=told(TOLD, [date(2021, 1, 1)], np.array([101.0])), known_at=KNOWN)
    assert TOLD in due(own, registry, small, TODAY)


def test_events_of_a_kind_are_learned_from_evidence_until_it_is_retired(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    train(own, registry, small, [TOLD, STOPPED], PLAN)
    stored = json.loads((registry.root / CLASSES_FILE).read_text())
    assert stored["runs"].keys() == {TOLD, STOPPED}
    taught = {one.series_id: one for one in Evidence.of(registry).likelihoods}
    assert taught[TOLD].events == (BAN,)
    assert taught[TOLD].estimate == pytest.approx(np.log(8), abs=0.3)
    own.retire(TOLD, now=KNOWN)
    refresh(registry, own.retired())
    assert {one.series_id for one in Evidence.of(registry, own.retired()).likelihoods} == {STOPPED}


def test_a_comparison_is_not_trained(own: Catalog, registry: Registry, small: Settings) -> None:
    with pytest.raises(InvalidInput, match="this is a comparison, never a forecast"):
        train(own, registry, small, [BESIDE], PLAN)


# -- what is asked of it -----------------------------------------------------------------------------------------------


@pytest.fixture
def client(own: Catalog, registry: Registry, small: Settings) -> FlaskClient:
    train(own, registry, small, [TOLD, SERVED], PLAN)
    return create_app(small, catalog=own, registry=registry, clock=lambda: KNOWN.replace(day=15)).test_client()


def test_http_tells_its_effects_and_refuses_a_forecast(client: FlaskClient) -> None:
    told = client.get(f"/v1/series/{TOLD}/effects")
    assert told.status_code == 200
    assert [one["episode_id"] for one in told.get_json()["data"]] == [BAN]
    listed = client.get(f"/v1/series/{TOLD}").get_json()
    assert (listed["run"], listed["quality"]) == (told.get_json()["run"], "short")
    (run,) = client.get(f"/v1/runs?series_id={TOLD}").get_json()["data"]
    assert (run["family"], run["champion"]) == (EFFECTS_ONLY, True)
    for path in (f"/v1/forecasts/{TOLD}", f"/v1/series/{TOLD}/backtest"):
        refused = client.get(path)
        assert (refused.status_code, refused.get_json()["title"]) == (404, "Not trained")
        assert "it is evidence, which tells what events do and is never forecast" in refused.get_json()["detail"]
        assert f"what events did to it: orecast effects {TOLD}" in refused.get_json()["detail"]
    asked = client.post("/v1/scenarios", json={"series": [TOLD], "scenarios": [{"name": "x", "remove": [BAN]}]})
    assert asked.status_code in (404, 422)
    assert "evidence" in asked.get_data(as_text=True)


def test_answers_about_everything_that_is_forecast_pass_over_it(
    client: FlaskClient, own: Catalog, registry: Registry
) -> None:
    every = client.get("/v1/forecasts?h=1").get_json()
    assert [one["series_id"] for one in every["data"]] == [SERVED]
    assert TOLD not in {one["series_id"] for one in every["left_out"]}
    assert client.get("/readyz").get_json()["serving"] == 1
    assert TOLD not in {one.series_id for one in monitor(own, registry, TODAY).data}


def test_a_command_says_why_it_is_not_forecast(
    client: FlaskClient, small: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORECAST_HOME", str(small.home))
    for words in (["forecast", TOLD], ["backtest", TOLD], ["plot", TOLD, "--backtest"]):
        assert call(words) != 0
        assert "it is evidence, which tells what events do and is never forecast" in capsys.readouterr().err


def test_an_index_of_evidence_is_not_sent_on_to_effects_that_it_has_not(registry: Registry) -> None:
    index = a_series("index.duty.tin", "tin", "index", "evidence", "import", "USA", "WLD", "index", "M", 30)
    with pytest.raises(NotTrained, match="of an index no effects are estimated; to forecast it") as refused:
        teller_of(index, registry)
    assert "orecast effects" not in str(refused.value)


# -- a role that changes -----------------------------------------------------------------------------------------------


def test_evidence_that_becomes_a_target_is_forecast_from_its_next_training_on(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    train(own, registry, small, [TOLD], PLAN)
    own.add(series=[series(TOLD, "target")], known_at=KNOWN)
    with Home(small, TODAY) as home:
        with pytest.raises(NotTrained, match="it was evidence when it was trained, and is a target now"):
            home.forecast(TOLD, insufficient=True)
        assert [one.episode_id for one in home.effects(TOLD).data] == [BAN], "what was learned of events stands"
        assert TOLD in due(own, registry, small, TODAY)
        train(own, registry, small, [TOLD], TrainingPlan(TODAY, kept=True))
        assert home.forecast(TOLD, h=1).data
    assert len(monitor(own, registry, TODAY).data), "a run without a forecast is no forecast to be judged"


def test_a_target_that_becomes_evidence_is_forecast_no_more_though_its_old_run_is_there(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    own.add(series=[series(TOLD, "target")], known_at=KNOWN)
    train(own, registry, small, [TOLD], PLAN)
    before = registry.champion_id(TOLD)
    own.add(series=[series(TOLD)], known_at=KNOWN)
    with Home(small, TODAY) as home:
        with pytest.raises(NotTrained, match="it is evidence"):
            home.forecast(TOLD)
        assert [one.episode_id for one in home.effects(TOLD).data] == [BAN]
    assert TOLD in due(own, registry, small, TODAY)
    train(own, registry, small, [TOLD], PLAN)
    assert registry.champion_id(TOLD) != before
    assert not registry.champion(TOLD).card.forecasts
