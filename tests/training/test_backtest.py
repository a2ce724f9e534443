"""A backtest: what was known at each origin and nothing else, and scores that mean what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import pytest

from forecast.catalog import Catalog, Observation
from forecast.effects import EffectRecord, Episode, EpisodeEffect
from forecast.events import Event, Stringency
from forecast.forecasters import Coefficients
from forecast.forecasters.calibration import Calibration
from forecast.forecasters.ets import Ets
from forecast.forecasters.grid.engine import Grid, GridFitted
from forecast.forecasters.grid.price import Pooled, PriceGrid
from forecast.forecasters.origins import PooledStatistics, RefitAndExtend
from forecast.forecasters.random_walk import RandomWalk
from forecast.interventions import Decay, Design, Intervention, Shape, Step
from forecast.jobs.train import origins
from forecast.metrics import QUANTILE_LEVELS
from forecast.settings import Settings
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History, Series
from forecast.training.backtest import Backtest, at_origin, backtest, fit, outcomes, scores
from forecast.training.information import InformationSet, RealTimeData
from forecast.training.panel import PanelSet
from tests.support.records import a_series

TODAY = date(2026, 7, 15)
MONTHS = Freq("M")
EARTHS = "volume.rare-earths.export.cn"
MINE = a_series("price.mine", "rare-earths", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 10)
FIRST, CUTOFF = np.datetime64("2023-01-01"), np.datetime64("2025-03-01")


@pytest.fixture(scope="module")
def bundled(seeded: Path) -> Iterator[Catalog]:
    """The bundled catalogue, only read."""
    catalog = Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": f"sqlite:///{seeded}"}))
    yield catalog
    catalog.close()


def real_time(catalog: Catalog, series_id: str) -> RealTimeData:
    """A series without company: what its own observations and events tell."""
    return RealTimeData(catalog, Settings.from_env({}), series_id, PanelSet(TODAY, {}))


def history(y: Floats, *, flag: str = "reported", series: Series = MINE) -> History:
    return History(series, MONTHS.range(FIRST, len(y)), y, np.where(np.isfinite(y), flag, ""))


def walk(T: int, seed: int = 0) -> Floats:
    return np.asarray(1000 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.05, T))))


def bare(y: Floats, upto: int) -> InformationSet:
    """A view without effects from the period numbered ``upto``."""
    sample = Sample.of(history(y[: upto + 1]))
    return InformationSet(sample, EffectRecord.none(300, MONTHS, sample.ds[-1]))


def heard_of(information: InformationSet) -> frozenset[str]:
    """Every event that a view knows, whether or not it has room for its effect."""
    return information.record.events | {event for left_out in information.record.omitted for event in left_out.events}


# -- what was known ----------------------------------------------------------------------------------------------------


def test_an_event_is_seen_from_the_month_in_which_it_was_announced(bundled: Catalog) -> None:
    march, april = (real_time(bundled, EARTHS).information(np.datetime64(f"2025-{month}-01")) for month in ("03", "04"))
    assert "cn-7ree-licence-2025" in april.record.events
    assert "cn-7ree-licence-2025" not in heard_of(march)


def test_a_view_ends_with_its_cutoff_and_holds_what_was_published_by_then(bundled: Catalog) -> None:
    information = real_time(bundled, EARTHS).information(CUTOFF)
    assert information.cutoff == CUTOFF == information.sample.ds[-1]
    full = Sample.of(bundled.history(EARTHS, TODAY))
    np.testing.assert_array_equal(information.sample.x, full.x[: len(information.sample)])


def test_what_came_later_does_not_change_a_view(catalog: Catalog) -> None:
    months = MONTHS.range(FIRST, 36).tolist()
    known = [datetime(day.year, day.month, 28, tzinfo=UTC) for day in months]
    values = [
        Observation(MINE.series_id, day, float(value), "reported", at)
        for day, at, value in zip(months, known, walk(36), strict=True)
    ]
    licence: Event = catalog.events()["cn-7ree-licence-2025"]
    early = replace(licence, event_id="early", announced=date(2024, 5, 6), effective=date(2024, 5, 6))
    catalog.add(series=[MINE], observations=values, events=[early], known_at=datetime(2026, 1, 1, tzinfo=UTC))
    before = real_time(catalog, MINE.series_id).information(CUTOFF)
    assert "early" in before.record.events

    revised = replace(values[10], value=9e9, known=datetime(2025, 4, 11, tzinfo=UTC))  # end of March + 10 days is over
    late = replace(licence, event_id="late", announced=date(2025, 4, 1), effective=date(2024, 8, 1))
    ended = replace(early, ended=date(2024, 11, 1), end_known=date(2025, 4, 1), status="lapsed")
    catalog.add(observations=[revised], events=[late, ended], known_at=datetime(2026, 2, 1, tzinfo=UTC))
    after = real_time(catalog, MINE.series_id).information(CUTOFF)
    np.testing.assert_array_equal(after.sample.x, before.sample.x)
    assert after.record.describe() == before.record.describe()
    np.testing.assert_array_equal(after.ahead(6), before.ahead(6))

    later = real_time(catalog, MINE.series_id).information(np.datetime64("2025-04-01"))
    assert later.sample.x[10] == np.log(9e9)
    assert "late" in heard_of(later)
    assert later.record.describe() != before.record.describe()


# -- origins -----------------------------------------------------------------------------------------------------------


def test_origins_are_the_last_whose_whole_horizon_has_passed() -> None:
    seen = history(walk(120))
    np.testing.assert_array_equal(origins(seen), seen.ds[84:108])


def test_a_short_series_is_looked_at_from_where_it_can_be() -> None:
    seen = history(walk(40))
    np.testing.assert_array_equal(origins(seen), seen.ds[17:39][-24:])
    assert not len(origins(history(walk(29))))
    assert not len(origins(history(walk(120), flag="suspect_publisher")))


def test_no_origin_lies_in_a_gap() -> None:
    y = walk(120)
    y[100] = np.nan
    chosen = origins(history(y))
    assert history(y).ds[100] not in chosen
    assert len(chosen) == 24


# -- outcomes and scores -----------------------------------------------------------------------------------------------


def test_outcomes_are_what_was_published_and_may_be_judged() -> None:
    y = np.array([1.0, 2.0, np.nan, 4.0, 5.0])
    seen = history(y)
    np.testing.assert_array_equal(outcomes(seen, seen.ds[[0, 3]], 3), [[2, np.nan, 4], [5, np.nan, np.nan]])
    assert np.isnan(outcomes(history(y, flag="suspect_publisher"), seen.ds[:1], 3)).all()


def test_families_are_backtested_from_every_view() -> None:
    y = walk(60)
    information_sets = [bare(y, upto) for upto in range(24, 54, 3)]
    for family in (RandomWalk(), Ets(), Grid()):
        test = backtest(family, information_sets, history(y), 6, seed=1)
        assert test.quantiles.shape == (10, 6, len(QUANTILE_LEVELS))
        assert (np.diff(test.quantiles, axis=-1) >= 0).all()
        np.testing.assert_array_equal(test.cutoffs, [information.cutoff for information in information_sets])
        np.testing.assert_array_equal(test.actual[0], y[25:31])
        same = backtest(family, information_sets, history(y), 6, seed=1)
        np.testing.assert_array_equal(test.quantiles, same.quantiles)


def test_what_comes_after_an_origin_does_not_change_its_forecast() -> None:
    y, spoiled = walk(60), walk(60)
    spoiled[40:] *= 3
    for family in (RandomWalk(), Ets(), Grid()):
        information_sets = (
            [bare(y, 36), bare(y, 39), bare(y, 45)],
            [bare(spoiled, 36), bare(spoiled, 39), bare(spoiled, 45)],
        )
        first, second = (backtest(family, each, history(y), 6, seed=1).quantiles for each in information_sets)
        np.testing.assert_allclose(first[:2], second[:2], rtol=1e-9)
        assert (first[2] != second[2]).any()


def made(scale: float, actual: Floats, family: str = "f") -> Backtest:
    """Quantiles around 100 of a spread, from as many months as there are outcomes."""
    cutoffs = MONTHS.range(FIRST, len(actual))
    q = 100 + scale * (QUANTILE_LEVELS - 0.5) * np.ones((*actual.shape, 1))
    return Backtest("s", family, cutoffs, q, actual)


def test_scores_are_ratios_at_common_origins_and_coverage() -> None:
    actual = 100 + np.random.default_rng(0).uniform(-5, 5, (400, 3))
    actual[::7, 2] = np.nan
    exact, wide = made(10.0, actual), made(40.0, actual, "wide")
    result = scores(exact, wide)
    assert (result.origins, result.family) == (400, "f")
    assert (result.rel_crps < 1).all()
    assert result.score == pytest.approx(result.rel_crps.mean())
    assert result.coverage == {level: pytest.approx(level / 100, abs=0.05) for level in (50, 80, 95)}
    np.testing.assert_allclose(result.pit, np.diff([0, *QUANTILE_LEVELS, 1]), atol=0.03)
    assert scores(wide, wide).rel_crps.tolist() == [1.0, 1.0, 1.0]
    assert scores(wide, wide).coverage[50] == 1.0
    some = exact.at(exact.cutoffs[::3])
    ratio = np.nanmean(some.crps, axis=0) / np.nanmean(wide.crps[::3], axis=0)
    np.testing.assert_allclose(scores(some, wide).rel_crps, ratio)


def test_a_horizon_without_outcome_has_no_score() -> None:
    actual = np.array([[100.0, np.nan], [101.0, np.nan]])
    result = scores(made(10.0, actual), made(20.0, actual))
    assert np.isfinite(result.rel_crps[0])
    assert np.isnan(result.rel_crps[1])
    assert result.score == result.rel_crps[0]


# -- effects in forecasts ----------------------------------------------------------------------------------------------

SIZES = np.linspace(0.2, 0.4, 300).astype(np.float32)


def affected(y: Floats, upto: int, *, end: int | None = None, shape: Shape = Step()) -> InformationSet:  # noqa: B008
    """A view with an effect of 0.2 to 0.4, a step from the tenth period on to the end of the one numbered ``end``."""
    sample = Sample.of(history(y[: upto + 1]))
    start = np.datetime64(sample.ds[9], "D")
    acting = Intervention(shape, start, None if end is None else MONTHS.shift(sample.ds[0], end))
    episode = Episode("ban", ("ban",), Stringency.BAN, 1, None, start.item(), None, 1.0, acting)
    effect = EpisodeEffect(episode, (acting,), np.zeros(300, dtype=np.int16), SIZES, False, True)
    return InformationSet(sample, EffectRecord((effect,), "averaged", 300, MONTHS, sample.ds[-1]))


def test_a_family_is_fitted_to_the_series_less_its_effects_and_they_are_added_again() -> None:
    y = walk(30)
    seen = affected(y, 29, end=31)
    np.testing.assert_allclose(seen.net.x[:9], np.log(y[:9]))
    np.testing.assert_allclose(seen.net.x[9:], np.log(y[9:]) - 0.3, atol=1e-6)
    # two periods as now, then without what each draw says it was
    np.testing.assert_allclose(seen.ahead(4)[:, :2], 0.3, atol=1e-6)
    np.testing.assert_allclose(seen.ahead(4)[:, 2:], (0.3 - SIZES)[:, None].repeat(2, axis=1), atol=1e-6)
    # what has faded to a quarter stays so
    np.testing.assert_allclose(affected(y, 11, shape=Decay(0.5)).ahead(2), 0.075, atol=1e-6)
    model = fit(RandomWalk(), seen)
    plain = fit(RandomWalk(), InformationSet(seen.net, EffectRecord.none(300, MONTHS, seen.cutoff)))
    np.testing.assert_allclose(model.baseline(4, 7)[0], plain.baseline(4, 7)[0])
    # each path may meet each effect: the quantiles are those of all sums
    sums = model.baseline(4, 7)[0][:, None] + seen.ahead(4)[None]
    expected = np.quantile(sums.reshape(-1, 4), QUANTILE_LEVELS, axis=0, method="hazen").T
    np.testing.assert_allclose(np.log(model.quantiles(4, 7)), expected, atol=1e-3)


@dataclass(frozen=True)
class Counting(RefitAndExtend):
    """A family that remembers how it came about: 1000 is a fit, each extension adds one; its forecasts stand still."""

    family: ClassVar[str] = "counting"
    estimates_effects: ClassVar[bool] = False
    level: float = 0.0
    seen: float = 0.0
    last: np.datetime64 = FIRST
    coefficients: Coefficients = Coefficients()  # noqa: RUF009 (frozen)
    notes: tuple[str, ...] = ()

    def fit(self, y: Sample, design: Design) -> Counting:
        return Counting(1000.0, float(y.x[-1]))

    def extend(self, y: Sample, design: Design | None = None) -> Counting:
        return Counting(self.level + 1, float(y.x[-1]))

    def simulate(self, future: Design, n: int, seed: int) -> Floats:
        return np.full((n, len(future.ds)), np.log(self.level))


def test_a_model_is_estimated_anew_every_twelve_origins_and_extended_between() -> None:
    y = walk(60)
    test = backtest(Counting(), [bare(y, upto) for upto in range(20, 46)], history(y), 3, seed=1)
    levels = test.quantiles[:, 0, 7]
    np.testing.assert_allclose(levels, [*range(1000, 1012), *range(1000, 1012), 1000, 1001])


def test_what_is_extended_sees_the_series_less_its_effects() -> None:
    y = walk(40)
    fits = Counting().fit_origins([affected(y, 30).origin, affected(y, 31).origin])
    seen = [cast(Counting, fitted).seen for fitted in fits]
    np.testing.assert_allclose(seen, np.log(y[[30, 31]]) - 0.3, atol=1e-6)


def test_each_origin_has_draws_of_its_own() -> None:
    """Those of its cutoff, whatever the other origins are."""
    y = walk(40)
    information_sets = [bare(y, 30), bare(y, 31)]
    test = backtest(RandomWalk(), information_sets, history(y), 3, seed=1)
    ranks = []
    for information, q in zip(information_sets, test.quantiles, strict=True):
        draws, _ = fit(RandomWalk(), information).baseline(3, at_origin(1, information.cutoff))
        np.testing.assert_allclose(q, np.exp(np.quantile(draws, QUANTILE_LEVELS, axis=0, method="hazen").T))
        ranks.append(np.argsort(np.argsort(draws[:, 0])))
    assert abs(np.asarray(np.corrcoef(ranks))[0, 1]) < 5 / len(ranks[0]) ** 0.5
    again = backtest(RandomWalk(), information_sets[1:], history(y), 3, seed=1)
    np.testing.assert_array_equal(again.quantiles, test.quantiles[1:])
    # the luck of an origin is in its paths: what margin they have is known
    other = backtest(RandomWalk(), information_sets, history(y), 3, seed=2)
    np.testing.assert_allclose(other.quantiles, test.quantiles, rtol=1e-12)


def test_each_origin_has_the_calibration_of_its_day() -> None:
    y = walk(40)
    wide = replace(Calibration.neutral(6), kind="panel", z=2 * Calibration.neutral(6).z)
    known = [PooledStatistics(None, Calibration.neutral(6)), PooledStatistics(None, wide)]
    information_sets = [replace(bare(y, 30 + i), statistics=one_statistics) for i, one_statistics in enumerate(known)]
    both = backtest(Grid(horizon=6), information_sets, history(y), 3, seed=1)
    for information, q in zip(information_sets, np.log(both.quantiles), strict=True):
        alone = np.log(backtest(Grid(horizon=6), [information], history(y), 3, seed=1).quantiles[0])
        np.testing.assert_allclose(q[:, -1] - q[:, 0], alone[:, -1] - alone[:, 0], rtol=0.02)


def test_the_last_lesson_teaches_all_views_and_calibrates_them_where_one_has_none() -> None:
    y = walk(40)
    pooled = [Pooled.nothing(bare(y, 31).sample.ds, len(PriceGrid.default().phi)) for _ in range(2)]
    wide = replace(Calibration.neutral(6), kind="panel", z=2 * Calibration.neutral(6).z)
    information_sets = [
        replace(bare(y, 30 + i), statistics=PooledStatistics(one, wide)) for i, one in enumerate(pooled)
    ]
    fits = [
        cast(GridFitted, fitted)
        for fitted in Grid(horizon=6).fit_origins([information.origin for information in information_sets])
    ]
    assert [fitted.grid.pooled is pooled[1] for fitted in fits] == [True, True]
    mixed = [
        cast(GridFitted, fitted)
        for fitted in Grid(horizon=6).fit_origins([information_sets[0].origin, bare(y, 31).origin])
    ]
    assert [fitted.calibration is wide for fitted in mixed] == [True, True]


def test_a_score_is_the_mean_ratio_over_horizons_of_outcomes_that_both_can_be_judged_by() -> None:
    actual = np.full((3, 3), 100.0)
    actual[0, 0] = np.nan
    q, base = (np.full((3, 3, 15), 100.0) for _ in range(2))
    q += np.array([1.0, 2.0, 6.0])[None, :, None]  # off by 1, 2 and 6
    base += np.array([2.0, 1.0, 1.0])[:, None, None]
    base[1, 2], q[2, 1] = np.nan, np.nan
    cutoffs = MONTHS.range(FIRST, 3)
    result = scores(Backtest("s", "f", cutoffs, q, actual), Backtest("s", "b", cutoffs, base, actual))
    np.testing.assert_allclose(result.rel_crps, [1 / 1, 2 / 1.5, 6 / 1.5])
    assert result.score == pytest.approx((1 + 4 / 3 + 4) / 3)
