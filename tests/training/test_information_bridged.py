"""A late monthly price with a daily companion: trained, stored and answered from the months that the companion saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from forecast import metrics
from forecast.answers.forecast import ForecastQuestion, forecast
from forecast.catalog import Catalog, Observation
from forecast.effects import EffectRecord, Episode, EpisodeEffect
from forecast.events import Stringency
from forecast.forecasters import FORECASTERS
from forecast.forecasters.grid.spot import CompanionPrices
from forecast.interventions import Intervention, Step
from forecast.jobs.train import TrainingPlan, due, train
from forecast.registry import Registry
from forecast.settings import Settings
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History, Series
from forecast.training.backtest import backtest, fit, outcomes
from forecast.training.information import InformationSet, RealTimeData
from forecast.training.panel import PanelSet
from tests.support.records import a_series

TODAY = date(2026, 11, 27)
LATE, DAILY, OTHER = "price.late", "price.late.daily", "price.other"
PLAN = TrainingPlan(TODAY, ("grid", "random-walk"))
MONTHS, CALENDAR_DAYS = Freq("M"), Freq("D")


def prices(n: int, seed: int) -> Floats:
    return np.asarray(9000 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.012, n))))


def monthly_means(ds: Days, y: Floats) -> tuple[Days, Floats]:
    month = MONTHS.ordinal(ds) - MONTHS.ordinal(ds[0])
    return MONTHS.range(ds[0], month[-1] + 1), np.bincount(month, y) / np.bincount(month)


def a_price(series_id: str, freq: str, lag: int, spot: str = "", role: str = "target") -> Series:
    one = a_series(series_id, "copper", "price", role, "world", "WLD", "WLD", "USD/t", freq, lag)
    return replace(one, spot=spot)


def observations(series_id: str, ds: Days, y: Floats, known: Days) -> list[Observation]:
    return [
        Observation(series_id, day, float(value), "reported", datetime(at.year, at.month, at.day, 12, tzinfo=UTC), True)
        for day, value, at in zip(ds.tolist(), y, known.tolist(), strict=True)
    ]


@pytest.fixture
def small(settings: Settings) -> Settings:
    return settings.model_copy(update={"draws": 300, "horizon": 18, "jobs": 1})


@pytest.fixture
def own(small: Settings) -> Iterator[Catalog]:
    """A price to June, its companion in cents to 26 November, and another price to October."""
    catalog = Catalog.open(small)
    days = CALENDAR_DAYS.between("2021-01-01", "2026-11-26")
    y = prices(len(days), 1)
    months, mean = monthly_means(days, y)
    late, daily, other = (
        a_price(LATE, "M", 140, DAILY),
        a_price(DAILY, "D", 0, role="comparison"),
        a_price(OTHER, "M", 5),
    )
    june, october = months <= np.datetime64("2026-06-01"), months <= np.datetime64("2026-10-01")
    seen = observations(LATE, months[june], mean[june] / 100, late.due(months[june]))
    seen += observations(DAILY, days, y, days)
    _, another = monthly_means(days, prices(len(days), 2))
    seen += observations(OTHER, months[october], another[october], other.due(months[october]))
    catalog.add(series=[late, daily, other], observations=seen, known_at=datetime(2026, 11, 27, 9, tzinfo=UTC))
    yield catalog
    catalog.close()


@pytest.fixture
def registry(small: Settings) -> Registry:
    return Registry(small.models_dir)


def daily_means(catalog: Catalog) -> Floats:
    """Of July to October, in the unit of the monthly price."""
    history = catalog.history(DAILY)
    _, mean = monthly_means(history.ds, history.y)
    return np.asarray(mean[-5:-1] / 100)


# -- from the catalogue to the answer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["grid", "random-walk", "ets"])
def test_a_late_price_is_answered_from_the_months_that_its_companion_saw(
    own: Catalog, registry: Registry, small: Settings, family: str
) -> None:
    train(own, registry, small, [LATE], TrainingPlan(TODAY, (family,)))
    run = registry.champion(LATE)
    assert (run.last, run.card.bridged) == (np.datetime64("2026-06-01"), 4)
    assert run.card.known_on == TODAY - timedelta(days=1)
    (note,) = [note for note in run.card.notes if "companion" in note]
    assert note.startswith(
        "July 2026 to October 2026 and November 2026 in part from the daily companion price.late.daily"
    )
    answer = forecast(own, registry, LATE, ForecastQuestion(TODAY))
    log = np.log(np.quantile(np.exp(run.draws), [0.025, 0.5, 0.975], axis=0))
    np.testing.assert_allclose(np.exp(log[1, :4]), daily_means(own), rtol=1e-3)
    assert (log[2, :4] - log[0, :4] < 0.004).all()
    price = np.log(own.history(DAILY).y[-1] / 100)
    np.testing.assert_allclose(log[1, 5:], price, atol=0.06 if family == "grid" else 0.01)
    # the grid is drawn on to the mean of the years before, from the last price
    drift = np.diff(log[1, 5:])
    assert (np.abs(drift) < 0.005).all()
    assert family != "grid" or (drift < 0).all()
    assert 0.05 < log[2, 5] - log[0, 5] < 0.4
    assert (np.diff(log[2] - log[0])[4:] > -0.01).all()
    assert answer.data[0].yhat > 0


def test_a_new_price_of_the_companion_makes_training_due_and_that_of_others_not(
    own: Catalog, registry: Registry, small: Settings
) -> None:
    tomorrow = TODAY + timedelta(days=1)
    targets = [LATE, OTHER]
    train(own, registry, small, targets, PLAN)
    assert not set(targets) & set(due(own, registry, small, TODAY))
    named = [RealTimeData(own, small, name, PanelSet.of(own, tomorrow)).run_id() for name in targets]
    new = Observation(DAILY, TODAY, 8765.0, "reported", datetime(2026, 11, 28, 9, tzinfo=UTC))
    own.add(observations=[new], known_at=datetime(2026, 11, 28, 9, tzinfo=UTC))
    assert set(targets) & set(due(own, registry, small, tomorrow)) == {LATE}
    assert not set(targets) & set(due(own, registry, small, TODAY)), "it was not known then"
    after = [RealTimeData(own, small, name, PanelSet.of(own, tomorrow)) for name in targets]
    assert after[0].run_id() != named[0]
    assert after[1].run_id() == named[1]
    assert after[0].known_on == tomorrow


def test_an_origin_sees_of_the_companion_what_was_out_when_its_value_came(own: Catalog, small: Settings) -> None:
    real_time = RealTimeData(own, small, LATE, PanelSet(TODAY, {}))
    information = real_time.information(np.datetime64("2025-06-01"))
    assert information.bridge is not None
    assert information.bridge.latest == np.datetime64("2025-06-30") + 140
    assert (information.bridged, information.cutoff) == (4, np.datetime64("2025-06-01"))
    assert information.net.ds[-1] == np.datetime64("2025-10-01")


def test_a_companion_without_values_is_said_to_bridge_nothing(own: Catalog, small: Settings) -> None:
    own.retire(DAILY, now=datetime(2026, 11, 27, 10, tzinfo=UTC))
    information = RealTimeData(own, small, LATE, PanelSet(TODAY, {})).now(100)
    assert information.bridge is None
    assert information.companion is not None
    assert information.companion.note == f"the companion {DAILY} bridges nothing: it has no value known by 27 Nov 2026"


# -- the draws ---------------------------------------------------------------------------------------------------------


def information_sets(lag: int, seed: int, origins: int = 24) -> tuple[list[InformationSet], History, Floats]:
    """Origins of one price published so many months late, and the basis' months."""
    rng = np.random.default_rng(seed)
    days = Freq("B").between("2014-01-01", "2024-12-31")
    y = np.exp(5 + np.cumsum(rng.normal(0, 0.012, len(days))))
    months, mean = monthly_means(days, y)
    series = a_price(LATE, "M", 30 * lag + 12)
    history = History(series, months, mean * np.exp(rng.normal(0, 0.004, len(mean))), np.full(len(mean), "reported"))
    companion = CompanionPrices.of(History(a_price(DAILY, "B", 0), days, y, np.full(len(days), "reported")), MONTHS)
    sets = []
    for t in range(len(months) - origins - 10, len(months) - 10):
        sample = Sample.of(history.until(months[t]))
        bridge = companion.bridge(sample, history.published(sample.ds[-1:])[0])
        sets.append(InformationSet(sample, EffectRecord.none(400, MONTHS, sample.ds[-1]), None, bridge))
    return sets, history, mean


@pytest.mark.parametrize("lag", [1, 3, 5])
def test_nowcasts_are_much_sharper_and_hold_what_they_promise(lag: int) -> None:
    ours, plain, inside = [], [], []
    horizon = lag + 4
    for seed in range(6):
        sets, history, _ = information_sets(lag, seed)
        actual = outcomes(history, np.array([each.cutoff for each in sets]), horizon)
        q = backtest(FORECASTERS["grid"], sets, history, horizon, 0).quantiles
        without = [replace(each, companion=None) for each in sets]
        alone = backtest(FORECASTERS["grid"], without, history, horizon, 0).quantiles
        ours.append(metrics.crps_from_quantiles(q, actual).mean(axis=0))
        plain.append(metrics.crps_from_quantiles(alone, actual).mean(axis=0))
        inside.append([metrics.coverage(q[:, :lag], actual[:, :lag], level) for level in (0.5, 0.8, 0.95)])
    ratio = np.mean(ours, axis=0) / np.mean(plain, axis=0)
    assert (ratio[:lag] < 0.15).all()
    assert ratio[lag] < 0.5
    assert (ratio[lag + 1 :] < 0.95).all()
    np.testing.assert_allclose(np.mean(inside, axis=0), [0.5, 0.8, 0.95], atol=0.07)


def test_an_effect_is_in_the_nowcasts_and_is_added_once_after_them() -> None:
    (plain, *_), _, _ = information_sets(3, seed=1)
    start = plain.sample.ds[-20]
    guess = Intervention(Step(), start)
    day = start.item()
    episode = Episode("ban", ("ban",), Stringency.BAN, 1, day, day, None, 1.0, guess)
    effect = EpisodeEffect(
        episode, (guess,), np.zeros(400, dtype=np.int16), np.full(400, 0.3, dtype=np.float32), False, True
    )
    moved = replace(plain, record=EffectRecord((effect,), "averaged", 400, MONTHS, plain.sample.ds[-1]))
    assert moved.held == pytest.approx(0.3)
    bare, known = (fit(FORECASTERS["random-walk"], each) for each in (plain, moved))
    before, _ = bare.baseline(8, 1)
    after, _ = known.baseline(8, 1)
    np.testing.assert_allclose(after[:, :3], before[:, :3])
    np.testing.assert_allclose(moved.ahead(8)[:, :3], 0)
    np.testing.assert_allclose(np.median(after, axis=0)[3:] + 0.3, np.median(before, axis=0)[3:], atol=0.01)
    np.testing.assert_allclose(moved.ahead(8)[:, 3:], 0.3, atol=1e-6)


def test_a_horizon_that_ends_among_the_months_seen_is_a_part_of_the_longer_one() -> None:
    (information, *_), _, _ = information_sets(4, seed=2)
    model = fit(FORECASTERS["grid"], information)
    longer, _ = model.baseline(9, 5)
    shorter, _ = model.baseline(2, 5)
    assert shorter.shape == (400, 2)
    np.testing.assert_allclose(np.sort(shorter, axis=0), np.sort(longer[:, :2], axis=0), atol=1e-9)


def test_paths_go_on_from_the_nowcast_and_not_from_the_last_observation() -> None:
    (information, *_), _, _ = information_sets(5, seed=3)
    draws, _ = fit(FORECASTERS["grid"], information).baseline(17, 1)
    spread = draws.std(axis=0)
    assert spread[:5].max() < 0.01
    assert 0.02 < spread[6] < 0.12
    # neighbouring months after the gap move as two steps of a walk that starts at the last price
    steps = np.corrcoef(draws[:, 7], draws[:, 16])[0, 1]
    assert steps < 0.65
    assert np.corrcoef(draws[:, 15], draws[:, 16])[0, 1] > 0.9


def test_an_ensemble_goes_from_the_nowcast_to_where_its_grid_does() -> None:
    (information, *_), _, _ = information_sets(5, seed=3)
    fits = [fit(FORECASTERS[family], information) for family in ("grid", "ensemble")]
    ours, theirs = (np.median(each.baseline(17, 1)[0], axis=0) for each in fits)
    assert abs(ours[16] - ours[4]) > 0.05  # it is drawn to its long-run mean
    np.testing.assert_allclose(theirs, ours, atol=0.005)
