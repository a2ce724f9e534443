"""One contract for every family of the table: what measures do to a series, and what a forecast makes of it.

A flow of about 1,000 t a month either stops for nine months under a ban in force, or is halved by one of two controls
that follow each other within two months.
"""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import pytest

from forecast.answers.event_priors import Evidence
from forecast.answers.event_versions import EventScenario
from forecast.answers.future import ConditionalForecast, Future
from forecast.effects import EpisodeEffect
from forecast.effects.episodes import episodes
from forecast.effects.estimate import ModelAveraging, estimate
from forecast.events import Event, Events
from forecast.forecasters import FORECASTERS
from forecast.registry import Run
from forecast.registry.card import Card, DataSummary, RunSettings
from forecast.timeseries.frequency import parse_freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History
from forecast.training.backtest import FittedModel, fit
from forecast.training.information import InformationSet
from tests.support.records import a_series
from tests.support.small_world import MINERALS, a_ban

FAMILIES = tuple(FORECASTERS)
N, H, AS_OF = 400, 12, dt.date(2026, 10, 15)

ROWS = np.arange(96)  # from October 2018 to September 2026
FLOW = 1000.0 + (ROWS * 37) % 80 - 40


def a_measure(name: str, kind: str, day: dt.date) -> Event:
    return a_ban(name, kind=kind, announced=day, effective=day)


BAN = a_measure("ban", "export_ban", dt.date(2026, 1, 1))
IDLE = a_measure("idle", "export_control", dt.date(2022, 3, 1))
REAL = a_measure("real", "export_control", dt.date(2022, 5, 1))
HALVED = np.where(ROWS >= 43, FLOW / 2, FLOW)
STOPPED = np.where(ROWS >= 87, 0.0, FLOW)
#: Values and events of each case.
CASES = {
    "ban": (STOPPED, (BAN,)),
    "leak": (np.where(ROWS == 91, 15.0, STOPPED), (BAN,)),
    "two": (HALVED, (IDLE, REAL)),
    "one": (HALVED, (REAL,)),
}


def seen(y: Floats, events: tuple[Event, ...], freq: str = "M", first: str = "2018-10-01") -> InformationSet:
    """What is known of a flow and of the measures that touch it."""
    calendar = parse_freq(freq)
    series = a_series("flow.ore", "ore", "volume", "target", "export", "CHN", "WLD", "tonne", freq, 0)
    history = History(series, calendar.range(first, len(y)), y, np.full(len(y), "reported"))
    sample = Sample.of(history)
    touching, omitted = episodes(Events(events), series, MINERALS, sample.ds, known_on=AS_OF)
    record = estimate(sample, touching, n=N, seed=0, settings=ModelAveraging(placebo=False))
    return InformationSet(sample, record.of(series.series_id, omitted))


def future(model: FittedModel, events: tuple[Event, ...]) -> Future:
    """The future that a stored run of this model has."""
    record, sample = model.information.record, model.information.sample
    first, last = sample.ds[0].item(), sample.ds[-1].item()
    series = a_series(record.series_id, "ore", "volume", "target", "export", "CHN", "WLD", "tonne", str(sample.freq), 0)
    trained = dt.datetime.combine(AS_OF, dt.time(), dt.UTC)
    data, sizes = DataSummary(first, last, len(sample), len(sample), 0), RunSettings(N, H, 0)
    card = Card(series, "run", trained, AS_OF, AS_OF, data, model.fitted.family, 1.0, "", {}, sizes)
    draws = model.baseline(H, 1)[0].astype(np.float32)
    run = Run(series.series_id, "run", card, draws, record, sample.ds[-1], model.information.trade(H, 1))
    return Future(run, series, MINERALS, Events(events).known_on(AS_OF), AS_OF, Evidence())


@cache
def view_of(case: str) -> InformationSet:
    return seen(*CASES[case])


@cache
def model_of(case: str, family: str) -> FittedModel:
    return fit(FORECASTERS[family], view_of(case))


@cache
def future_of(case: str, family: str) -> Future:
    return future(model_of(case, family), CASES[case][1])


def never(future: Future, name: str) -> ConditionalForecast:
    """The forecast of a scenario in which an event never was."""
    return future.given(EventScenario(future.known.edited([], {name})))


def without(future: Future, name: str) -> Floats:
    """(H, n) its draws."""
    return np.asarray(never(future, name).draws)


def effect(future: Future, name: str) -> EpisodeEffect:
    (found,) = (one for one in future.run.record.effects if one.episode.episode_id == name)
    return found


def interval(future: Future, name: str) -> Floats:
    """Bounds of the central 90 % of the average effect, in percent."""
    average = effect(future, name).average(future.run.record.freq, future.run.record.last)
    return np.asarray(100 * np.expm1(np.quantile(average, [0.05, 0.95])))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_ban_in_force_is_a_full_stop_and_forecast_as_none_with_a_chance_of_leakage(family: str) -> None:
    found = future_of("ban", family)
    np.testing.assert_allclose(interval(found, "ban"), -100, atol=0.5)
    np.testing.assert_array_equal(np.quantile(found.draws, [0.025, 0.5, 0.9], axis=1), 0)
    assert found.draws.mean(axis=1).max() < 1
    assert 0.02 < (found.draws[-1] > 0).mean() < 0.15
    np.testing.assert_allclose(np.median(without(found, "ban"), axis=1), 1000, rtol=0.06)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_month_that_leaked_through_a_ban_is_no_sign_of_what_there_would_be_without_it(family: str) -> None:
    """15 t against e⁻⁸ of the flow would stand for 40,000 t without the ban."""
    found = future_of("leak", family)
    assert found.draws.max() < 15
    np.testing.assert_allclose(np.median(without(found, "ban"), axis=1), 1000, rtol=0.06)


@pytest.mark.parametrize("family", FAMILIES)
def test_of_two_measures_the_idle_one_changes_nothing_and_the_real_one_halves(family: str) -> None:
    found = future_of("two", family)
    low, high = interval(found, "real")
    assert low < -50 < high < -45
    low, high = interval(found, "idle")
    assert -5 < low <= 0 <= high < 5
    middle = np.median(found.draws, axis=1)
    np.testing.assert_allclose(middle, 500, rtol=0.08)
    np.testing.assert_allclose(np.median(without(found, "idle"), axis=1), middle, rtol=0.02)
    np.testing.assert_allclose(np.median(without(found, "real"), axis=1), 2 * middle, rtol=0.06)


@pytest.mark.parametrize("case", ["two", "one"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_measure_that_never_was_has_no_path_in_any_draw_of_the_future(family: str, case: str) -> None:
    found = future_of(case, family)
    for event in CASES[case][1]:
        acted = effect(found, event.event_id)
        path = acted.paths(acted.held(found.ds, found.run.record.freq, found.run.last)).T
        np.testing.assert_allclose(never(found, event.event_id).change, -path, atol=1e-5)
        # Their margins are those of all meetings of paths and effects, of which each draw is one.
        change = np.log(without(found, event.event_id)) - np.log(found.draws)
        np.testing.assert_allclose(change.mean(axis=1), -path.mean(axis=1), atol=1e-3)
        assert np.quantile(np.abs(change + path), 0.99, axis=1).max() < 0.05


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("freq", "first", "periods", "stopped"), [("W-SUN", "2022-10-03", 208, 20), ("Q", "2016-10-01", 40, 4)]
)
def test_weeks_and_quarters_stop_as_months_do(family: str, freq: str, first: str, periods: int, stopped: int) -> None:
    y = 1000.0 + (np.arange(periods, dtype=float) * 37) % 80 - 40
    y[-stopped:] = 0.0
    start = parse_freq(freq).range(first, periods)[-stopped].item()
    events = (a_measure("ban", "export_ban", start),)
    found = future(fit(FORECASTERS[family], seen(y, events, freq, first)), events)
    np.testing.assert_allclose(interval(found, "ban"), -100, atol=0.5)
    np.testing.assert_array_equal(np.median(found.draws, axis=1), 0)
    assert found.draws.mean(axis=1).max() < 1
    np.testing.assert_allclose(np.median(without(found, "ban"), axis=1), 1000, rtol=0.08)
