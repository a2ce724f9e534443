"""Training: real fits of small series; what fails is said, what is killed leaves what serves, nothing is done twice."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from forecast import metrics
from forecast.answers import forecast as predict
from forecast.answers.backtests import run_paths
from forecast.answers.span import Span
from forecast.catalog import Catalog, Observation
from forecast.catalog.audit import AuditQuestion
from forecast.errors import FitFailed, InvalidInput, NotFound, NotTested
from forecast.jobs.train import CandidateRun, TrainingPlan, _compute, _settled, chosen_families, due, train, train_one
from forecast.registry import Registry
from forecast.registry.card import DataSummary, RunSettings
from forecast.settings import Settings, SpanOrigin
from forecast.timeseries.series import Floats, Series
from tests.cli.test_run import descendants as below
from tests.jobs.test_processes import alive, wait_until
from tests.support.records import a_series

TODAY = date(2026, 7, 15)
#: Two families that take no time, beside the baseline.
PLAN = TrainingPlan(TODAY, ("grid", "seasonal-naive"))
PRICE, VOLUME, TINY, EMPTY = "price.mine", "volume.mine", "price.tiny", "price.empty"


def series(series_id: str) -> Series:
    measure, _, _ = series_id.partition(".")
    return a_series(series_id, "own-metal", measure, "target", "world", "WLD", "WLD", "USD/t", "M", 10)


def monthly(series_id: str, y: Floats, last: str = "2026-05-01") -> list[Observation]:
    """Monthly values, each known on the tenth of the month after its own."""
    calendar = series(series_id).calendar
    months = calendar.range(calendar.shift(last, 1 - len(y)), len(y) + 1).tolist()
    return [
        Observation(series_id, day, float(value), "reported", datetime(then.year, then.month, 10, tzinfo=UTC), True)
        for day, then, value in zip(months, months[1:], y, strict=False)
    ]


def walk(T: int) -> Floats:
    return np.asarray(500 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.05, T))))


def seasons(T: int) -> Floats:
    rng, t = np.random.default_rng(4), np.arange(T)
    level = np.cumsum(rng.normal(0, 0.04, T)) + 0.4 * np.sin(2 * np.pi * t / 12) + rng.normal(0, 0.05, T)
    return np.asarray(1000 * np.exp(level))


@pytest.fixture
def small(settings: Settings) -> Settings:
    """Few draws and horizons, one process, and none of the bundled observations: one's own are all there is."""
    with sqlite3.connect(settings.home / "var" / "orecast.db") as connection:
        connection.execute("DELETE FROM observations")
    connection.close()
    return settings.model_copy(update={"draws": 200, "horizon": 6, "jobs": 1})


@pytest.fixture
def own(small: Settings) -> Iterator[Catalog]:
    """A catalogue with four series of one's own, one of them with three observations and one with none."""
    catalog = Catalog.open(small)
    catalog.add(
        series=[series(name) for name in (PRICE, VOLUME, TINY, EMPTY)],
        observations=[*monthly(PRICE, walk(60)), *monthly(VOLUME, seasons(84)), *monthly(TINY, walk(3))],
        known_at=datetime(2026, 7, 1, tzinfo=UTC),
    )
    yield catalog
    catalog.close()


@pytest.fixture
def registry(small: Settings) -> Registry:
    return Registry(small.models_dir)


# -- one series --------------------------------------------------------------------------------------------------------


def test_a_trained_series_is_served_from_its_card_and_draws(own: Catalog, registry: Registry, small: Settings) -> None:
    (outcome,) = train(own, registry, small, [VOLUME], PLAN).outcomes
    assert (outcome.status, outcome.family) == ("trained", "grid")
    run = registry.champion(VOLUME)
    assert run.run_id == outcome.run_id
    assert run.draws.shape == (200, 8)
    made = predict.forecast(own, registry, VOLUME, predict.ForecastQuestion(TODAY, Span(6, SpanOrigin.LAST)))
    assert [row.ds for row in made.data] == [date(2026, month, 1) for month in range(6, 12)]
    assert registry.fitted(VOLUME, run.run_id).family == "grid"  # type: ignore[attr-defined]


def test_a_run_keeps_what_its_family_forecast_from_past_periods(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    done = train_one(own, registry, small, PRICE, PLAN)
    card, past = registry.champion(PRICE).card, registry.past_forecasts(PRICE, done.run_id)
    assert past is not None
    history = own.history(PRICE)
    seen = dict(zip(history.ds.tolist(), history.y.tolist(), strict=True))
    assert len(past.cutoffs) == card.backtest[done.family].origins
    for cutoff, actual in zip(past.cutoffs, past.actual, strict=True):
        ahead = history.series.calendar.range(history.series.calendar.shift(cutoff, 1), len(actual)).tolist()
        np.testing.assert_array_equal(actual, [seen.get(day, np.nan) for day in ahead])
    share = metrics.coverage(past.quantiles, past.actual, 0.8)
    assert share == pytest.approx(card.backtest[done.family].coverage[80] or 0.0, abs=1e-3), "of what the card scores"


def test_a_card_says_how_it_was_done_and_how_good_it_is(own: Catalog, registry: Registry, small: Settings) -> None:
    train(own, registry, small, [VOLUME], PLAN)
    card = registry.champion(VOLUME).card
    assert card.series.unit == "USD/t"
    assert card.data == DataSummary(date(2019, 6, 1), date(2026, 5, 1), observations=84, scored=84, missing=0)
    assert (card.as_of, card.champion_family) == (TODAY, "grid")
    assert card.settings == RunSettings(draws=200, horizon=6, seed=0)
    assert card.families == ("grid", "seasonal-naive")
    assert list(card.backtest) == ["seasonal-naive", "grid"]
    scores = card.backtest["grid"]
    assert scores.origins == 24
    assert len(scores.rel_crps) == 12
    ratios = [ratio for ratio in scores.rel_crps if ratio is not None]
    assert scores.score == pytest.approx(np.mean(ratios), abs=1e-3)
    assert set(scores.coverage) == {50, 80, 95}
    assert sum(share or 0.0 for share in scores.pit) == pytest.approx(1, abs=1e-3)
    assert card.backtest["seasonal-naive"].score == 1.0
    assert {"numpy", "python", "orecast"} <= set(card.versions)
    assert any(note.startswith("intervals ") for note in card.notes)


def test_too_few_observations_are_served_untested_and_the_card_says_so(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    (outcome,) = train(own, registry, small, [TINY], PLAN).outcomes
    assert (outcome.status, outcome.family) == ("trained", "random-walk")
    card = registry.champion(TINY).card
    assert card.backtest == {}
    assert registry.past_forecasts(TINY, card.run) is None
    with pytest.raises(NotTested, match=r"no past forecasts of 'price.tiny': .*orecast train price.tiny"):
        run_paths(registry, registry.champion(TINY), (80,))
    assert "serves, untested: 3 observations are too few" in card.why


def test_the_same_inputs_are_the_same_run_with_the_same_numbers(
    own: Catalog, registry: Registry, small: Settings, tmp_path: Path
) -> None:
    first = train_one(own, registry, small, PRICE, PLAN)
    elsewhere = Registry(tmp_path / "elsewhere")
    second = train_one(own, elsewhere, small, PRICE, PLAN)
    assert first == second
    np.testing.assert_array_equal(registry.champion(PRICE).draws, elsewhere.champion(PRICE).draws)
    one, other = registry.champion(PRICE).card, elsewhere.champion(PRICE).card
    assert replace(one, trained_at=other.trained_at, payloads=other.payloads) == other


# -- several series ----------------------------------------------------------------------------------------------------


def test_a_series_that_fails_is_reported_and_the_others_finish(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    result: list[str] = []
    report = train(own, registry, small, [EMPTY, PRICE, TINY], PLAN, lambda outcome: result.append(outcome.series_id))
    assert [(one.series_id, one.status) for one in report.outcomes] == [
        (EMPTY, "failed"),
        (PRICE, "trained"),
        (TINY, "trained"),
    ]
    assert sorted(result) == sorted([EMPTY, PRICE, TINY])
    assert "no observation" in report.of("failed")[0].detail
    assert registry.champion_id(EMPTY) is None


def test_what_is_up_to_date_is_left_as_it_is(own: Catalog, registry: Registry, small: Settings) -> None:
    train(own, registry, small, [PRICE], PLAN)
    card = registry.root / PRICE / str(registry.champion_id(PRICE)) / "card.json"
    before = card.stat().st_mtime_ns
    assert train(own, registry, small, [PRICE], PLAN).outcomes[0].status == "current"
    assert card.stat().st_mtime_ns == before
    assert train(own, registry, small, [PRICE], replace(PLAN, force=True)).outcomes[0].status == "trained"
    own.add(observations=monthly(PRICE, np.array([501.0]), "2026-06-01"), known_at=datetime(2026, 7, 11, tzinfo=UTC))
    assert train(own, registry, small, [PRICE], PLAN).outcomes[0].run_id.startswith("2026-06-01-")


def test_wrong_names_are_refused_before_any_work(own: Catalog, registry: Registry, small: Settings) -> None:
    for names, plan, error, says in (
        (["price.mime"], PLAN, NotFound, "price.mine"),
        (["price.brent"], PLAN, InvalidInput, "never a forecast"),
        ([PRICE], TrainingPlan(TODAY, ("profet",)), NotFound, "prophet"),
    ):
        with pytest.raises(error, match=says):
            train(own, registry, small, [PRICE, *names], plan)
    assert registry.runs() == []


# -- which family ------------------------------------------------------------------------------------------------------


def test_a_single_family_is_forced_and_stays_so_when_it_is_due_again(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    forced = TrainingPlan(TODAY, ("seasonal-naive",))
    (outcome,) = train(own, registry, small, [PRICE], forced).outcomes
    assert (outcome.status, outcome.family) == ("trained", "seasonal-naive")
    card = registry.champion(PRICE).card
    assert card.why.startswith("seasonal-naive serves, the only one asked for: its error (CRPS) was ")
    assert card.score is not None
    assert card.score > 1
    assert due(own, registry, small, TODAY) == (TINY, VOLUME), "EMPTY has nothing to train on"

    own.add(observations=monthly(PRICE, np.array([501.0]), "2026-06-01"), known_at=datetime(2026, 7, 11, tzinfo=UTC))
    assert due(own, registry, small, TODAY) == (PRICE, TINY, VOLUME)
    again = train(own, registry, small, [PRICE], TrainingPlan(TODAY, kept=True)).outcomes[0]
    assert (again.status, again.family) == ("trained", "seasonal-naive")
    # to name families anew is to choose anew
    assert train(own, registry, small, [PRICE], PLAN).outcomes[0].family != "seasonal-naive"


def test_families_are_named_or_left_out() -> None:
    assert chosen_families() is None
    assert chosen_families(["ucm", "ets", "ucm"]) == ("ucm", "ets")
    without = chosen_families(without=["prophet"])
    assert without is not None
    assert "grid" in without
    assert "prophet" not in without
    assert chosen_families(["ucm", "ets"], ["ets"]) == ("ucm",)
    with pytest.raises(NotFound, match="prophet"):
        chosen_families(without=["profet"])
    with pytest.raises(InvalidInput, match="a family to be left"):
        chosen_families(["ucm"], ["ucm"])


def test_a_run_is_held_when_the_family_that_served_fails_and_its_substitute_is_worse(
    own: Catalog, registry: Registry, small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(own, registry, small, [VOLUME], PLAN)
    serves = registry.champion_id(VOLUME)
    own.add(observations=monthly(VOLUME, np.array([900.0]), "2026-06-01"), known_at=datetime(2026, 7, 11, tzinfo=UTC))

    def fails(*arguments: object) -> None:
        raise FitFailed("no luck today")

    monkeypatch.setattr("forecast.forecasters.grid.engine.Grid.fit_each", fails)
    (outcome,) = train(own, registry, small, [VOLUME], PLAN).outcomes
    assert (outcome.status, outcome.family) == ("held", "seasonal-naive")
    assert re.match(
        r"grid, which serves \(error 0\.\d+ of the baseline's\), could not be tested this time", outcome.detail
    )
    assert "grid was not tested on past data: no luck today" in registry.get(VOLUME, outcome.run_id).card.notes
    assert registry.champion_id(VOLUME) == serves
    assert train(own, registry, small, [VOLUME], PLAN).outcomes[0].status == "current", "it is not tried again"
    # whoever leaves the family out means it
    wished = train(own, registry, small, [VOLUME], TrainingPlan(TODAY, ("random-walk",))).outcomes[0]
    assert (wished.status, wished.family) == ("trained", "random-walk")


# -- killed ------------------------------------------------------------------------------------------------------------

TRAINING = f"""
import datetime as dt, os, time
from dataclasses import replace
from forecast.catalog import Catalog
from forecast.settings import Settings
from forecast.jobs.train import TrainingPlan, train
from forecast.registry import Registry
settings = Settings.from_env(os.environ).model_copy(update=dict(draws=200, horizon=6, jobs=1))
plan = TrainingPlan(dt.date(2026, 7, 15), ("grid", "seasonal-naive"))

def say(outcome):
    print(outcome.series_id, outcome.status, flush=True)
    time.sleep(60 * (outcome.series_id == "{VOLUME}"))  # the third is never reached

train(Catalog.open(settings), Registry(settings.models_dir), settings, {[PRICE, VOLUME, TINY]}, plan, say)
"""


@pytest.mark.slow
def test_killed_with_its_children_nothing_is_promoted_after_it_and_the_next_makes_everything_good(
    own: Catalog, registry: Registry, small: Settings, tmp_path: Path
) -> None:
    names = [f"price.k{i}" for i in range(3)]
    values = [observation for name in names for observation in monthly(name, walk(60))]
    own.add(series=[series(name) for name in names], observations=values, known_at=datetime(2026, 7, 1, tzinfo=UTC))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    given = {"home": small.home, "draws": 200, "horizon": 6, "jobs": 2}
    env = {**os.environ, **{f"ORECAST_{name.upper()}": str(value) for name, value in given.items()}}
    command = [sys.executable, "-m", "forecast.cli", "train", *names, "--family", "ucm", "--family", "grid"]
    env["TMPDIR"] = str(temporary)
    with subprocess.Popen(command, env=env, stdout=-1, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("[1/3] price.k")
        children = below(process.pid)
        assert len(children) >= 2
        process.kill()
    serving = registry.champions()
    wait_until(lambda: not any(alive(pid) for pid in children), 10)
    assert registry.champions() == serving
    assert len(serving) < 3
    assert registry.faults() == ()
    assert len(list(temporary.iterdir())) == 1, "all in one folder"
    assert not (registry.root / "classes.json").exists(), "none tells of other runs than serve"

    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(registry.champions()) == names
    assert json.loads((registry.root / "classes.json").read_text())["runs"] == registry.champions()
    assert list(temporary.iterdir()) == []
    assert [path for path in registry.root.rglob(".*") if ".locks" not in path.parts] == []


def test_a_run_that_was_declined_while_it_was_being_trained_does_not_serve(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    first = train_one(own, registry, small, PRICE, PLAN)
    seeded = small.model_copy(update={"seed": 1})
    made = _compute(own, registry, seeded, PRICE, PLAN)
    assert isinstance(made, CandidateRun)
    assert registry.champion_id(PRICE) == first.run_id, "what is only stored serves nobody"
    assert train_one(own, registry, seeded, PRICE, PLAN).run_id == made.run_id
    registry.rollback(PRICE)
    late = _settled(own, registry, made)
    assert (late.status, late.detail) == ("held", "it was declined while it was being trained")
    assert registry.champion_id(PRICE) == first.run_id
    assert _settled(own, registry, replace(made, plan=replace(PLAN, force=True))).status == "trained"
    assert registry.champion_id(PRICE) == made.run_id
    promoted = [entry.change for entry in own.audit.entries(AuditQuestion(action="runs"))]
    assert [change.after["champion"] for change in promoted] == [first.run_id, made.run_id, made.run_id]
    assert all(change.why.startswith("trained: ") for change in promoted)


def test_killed_it_leaves_what_serves_and_the_next_run_finishes(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    names = [PRICE, VOLUME, TINY]
    train(own, registry, small, names, PLAN)
    before = {name: registry.champion_id(name) for name in names}
    env = {**os.environ, "ORECAST_HOME": str(small.home), "ORECAST_SEED": "1"}
    with subprocess.Popen([sys.executable, "-c", TRAINING], env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline().split()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert first == [PRICE, "trained"]
    fresh = Registry(small.models_dir)
    assert fresh.champion_id(PRICE) != before[PRICE]
    assert fresh.champion_id(TINY) == before[TINY]
    assert fresh.faults() == ()
    assert all(fresh.champion(name).draws.shape == (200, 8) for name in names)

    report = train(own, fresh, small.model_copy(update={"seed": 1}), names, PLAN)
    assert report.of("failed", "held") == ()
    assert report.outcomes[0].status == "current"
    assert report.outcomes[2].status == "trained"
    assert all(fresh.champion_id(name) != before[name] for name in names)
