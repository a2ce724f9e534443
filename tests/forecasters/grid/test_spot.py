"""A companion: what it has seen of the periods after the last observation, how surely, and when it says nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from forecast.coupling import middles
from forecast.forecasters.grid.engine import Panel, panel_quantiles
from forecast.forecasters.grid.spot import Basis, Bridge, CompanionPrices, NoBridge, Starts
from forecast.metrics import QUANTILE_LEVELS
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History
from tests.support.records import a_series

DAYS, MONTHS, WEEKS = Freq("B"), Freq("M"), Freq("W-FRI")
MEDIAN = len(QUANTILE_LEVELS) // 2
#: Pounds to tonnes: the companion is in another unit.
UNIT = np.log(22.046)


def prices(y: Floats, start: str = "2010-01-01", freq: Freq = DAYS, lag: int = 0) -> History:
    series = a_series("price.daily", "p", "price", "target", "world", "WLD", "WLD", "USD", freq.code, lag)
    return History(series, freq.range(start, len(y)), y, np.full(len(y), "reported"))


def daily_price(years: int, seed: int, start: str = "2010-01-01") -> History:
    """A random walk on the business days of whole years."""
    last = np.busday_offset(f"{int(start[:4]) + years - 1}-12-31", 0, roll="backward")
    n = len(DAYS.between(start, last))
    return prices(np.exp(5 + np.cumsum(np.random.default_rng(seed).normal(0, 0.012, n))), start)


def means(daily: History, basis: Floats | float = 0.0) -> Sample:
    """Logs of its monthly means in another unit, off by a basis."""
    month = MONTHS.ordinal(daily.ds) - MONTHS.ordinal(daily.ds[0])
    x = np.log(np.bincount(month, daily.y) / np.bincount(month)) + UNIT
    return Sample(MONTHS.range(daily.ds[0], len(x)), x + basis, MONTHS, True)


def until(sample: Sample, last: str) -> Sample:
    keep = sample.ds <= np.datetime64(last)
    return replace(sample, ds=sample.ds[keep], x=sample.x[keep])


def bridged(sample: Sample, companion: History, day: str) -> Bridge:
    found = CompanionPrices.of(companion, sample.freq).bridge(sample, np.datetime64(day))
    assert isinstance(found, Bridge)
    return found


def refused(sample: Sample, companion: History, day: str) -> str:
    found = CompanionPrices.of(companion, sample.freq).bridge(sample, np.datetime64(day))
    assert isinstance(found, NoBridge)
    return found.note


def logs_until(companion: History, day: str) -> Floats:
    return np.asarray(np.log(companion.y[companion.ds <= np.datetime64(day)]))


# -- what it has seen --------------------------------------------------------------------------------------------------


def test_months_that_the_companion_has_seen_are_its_means_on_the_level_of_the_series() -> None:
    companion = daily_price(6, seed=1)
    full = means(companion)
    known = until(full, "2014-06-01")
    bridge = bridged(known, companion, "2014-11-27")
    assert bridge.whole == 4
    np.testing.assert_allclose(bridge.center(4), full.x[len(known) : len(known) + 4], atol=1e-9)
    np.testing.assert_array_equal(bridge.unseen(4), 0)
    extended = bridge.extend(known)
    assert extended.ds[-1] == np.datetime64("2014-10-01")
    np.testing.assert_allclose(extended.x, full.x[: len(extended)], atol=1e-9)
    assert bridge.note == (
        "July 2014 to October 2014 and November 2014 in part from the daily companion price.daily (to 27 Nov 2014), "
        "basis ±0.1 %"
    )


def test_the_running_month_is_known_in_part_and_what_comes_after_starts_from_the_last_price() -> None:
    companion = daily_price(6, seed=2)
    known = until(means(companion), "2014-10-01")
    last = logs_until(companion, "2014-11-20")[-1]
    november = companion.y[
        (companion.ds >= np.datetime64("2014-11-01")) & (companion.ds <= np.datetime64("2014-11-20"))
    ]
    bridge = bridged(known, companion, "2014-11-20")
    assert bridge.whole == 0
    assert len(november) == 14, "of twenty working days"
    center = bridge.center(3) - UNIT
    assert center[0] == pytest.approx(np.log(0.7 * november.mean() + 0.3 * np.exp(last)), abs=1e-9)
    np.testing.assert_allclose(center[1:], last, atol=1e-9)
    np.testing.assert_allclose(bridge.unseen(3), [0.3**3 / 3, 2 - 0.7 - 2 / 3, 3 - 0.7 - 2 / 3])
    variances = [bridged(known, companion, f"2014-11-{day}").unseen(6) for day in ("03", "12", "21", "28")]
    assert (np.diff(variances, axis=0) < 0).all(), "the more of it is over, the less is to come"


def test_what_is_to_come_of_a_random_walk_is_as_the_formula_has_it() -> None:
    rng, n, month = np.random.default_rng(0), 20_000, 180
    walks = np.cumsum(rng.normal(0, month**-0.5, (n, 4 * month)), axis=1)
    for seen in (36, 90, 144):
        start = np.datetime64("2014-11-01") + seen * 30 // month - 1
        companion = daily_price(6, seed=2)
        bridge = bridged(until(means(companion), "2014-10-01"), companion, str(start))
        bridge = replace(bridge, share=np.array([seen / month]), reach=seen / month)
        at = walks[:, seen - 1]
        ahead = walks.reshape(n, 4, month).mean(axis=2)
        known = walks[:, :seen].mean(axis=1)
        expected = np.column_stack([seen / month * known + (1 - seen / month) * at, at, at, at])
        np.testing.assert_allclose((ahead - expected).var(axis=0), bridge.unseen(4), rtol=0.06)


def test_a_weekly_companion_bridges_as_well() -> None:
    daily = daily_price(6, seed=3)
    friday = DAYS.ordinal(daily.ds) % 5 == DAYS.ordinal("2010-01-08") % 5
    weekly = prices(daily.y[friday], str(WEEKS.floor(daily.ds[friday][0])), WEEKS)
    full = means(daily)
    known = until(full, "2014-06-01")
    bridge = bridged(known, weekly, "2014-11-14")
    assert bridge.whole == 4
    error = bridge.center(4) - full.x[len(known) : len(known) + 4]
    assert np.abs(error).max() < 4 * bridge.basis.sd < 0.08
    assert "from the weekly companion" in bridge.note


def test_only_what_was_out_by_the_day_counts() -> None:
    companion = daily_price(6, seed=4)
    known = until(means(companion), "2014-06-01")
    late = replace(companion, series=replace(companion.series, release_lag_days=3))
    bridge, before = bridged(known, late, "2014-09-03"), bridged(known, late, "2014-09-02")
    assert bridge.latest == np.datetime64("2014-08-29")
    assert before.latest == np.datetime64("2014-08-29")
    assert bridged(known, late, "2014-08-31").latest == np.datetime64("2014-08-28")
    future = replace(late, y=np.where(late.ds > np.datetime64("2014-08-29"), 1e6, late.y))
    np.testing.assert_array_equal(bridged(known, future, "2014-09-03").center(6), bridge.center(6))


def test_a_month_of_which_half_is_missing_was_not_seen_whole() -> None:
    companion = daily_price(6, seed=5)
    hole = (companion.ds >= np.datetime64("2014-08-10")) & (companion.ds < np.datetime64("2014-09-01"))
    gapped = replace(companion, y=np.where(hole, np.nan, companion.y))
    bridge = bridged(until(means(companion), "2014-06-01"), gapped, "2014-10-31")
    assert bridge.whole == 1
    assert 0.2 < bridge.share[1] < 0.4
    assert bridge.unseen(4)[1] > 0.05
    np.testing.assert_array_equal(bridge.unseen(4)[[0, 2, 3]], 0)


def test_a_month_with_a_week_of_holidays_was_seen_whole() -> None:
    companion = daily_price(6, seed=11)
    week = (companion.ds >= np.datetime64("2014-10-01")) & (companion.ds < np.datetime64("2014-10-08"))
    rests = replace(companion, y=np.where(week, np.nan, companion.y))
    known = until(means(companion), "2014-08-01")
    for day, whole in (("2014-10-30", 1), ("2014-10-31", 2), ("2014-11-14", 2)):
        assert bridged(known, rests, day).whole == whole
    seen = (rests.ds >= np.datetime64("2014-10-01")) & (rests.ds < np.datetime64("2014-11-01"))
    assert bridged(known, rests, "2014-11-14").center(2)[1] == pytest.approx(
        np.log(np.nanmean(rests.y[seen])) + UNIT, abs=1e-9
    )


# -- when it says nothing ----------------------------------------------------------------------------------------------


def test_a_stale_companion_bridges_nothing() -> None:
    companion = daily_price(6, seed=6)
    old = replace(companion, y=np.where(companion.ds > np.datetime64("2014-09-30"), np.nan, companion.y))
    known = until(means(companion), "2014-06-01")
    assert bridged(known, old, "2014-10-10").whole == 3
    assert (
        refused(known, old, "2014-10-11")
        == "the companion price.daily bridges nothing: its last value is of 30 Sep 2014"
    )
    assert "has no value known by 1 Jan 2009" in refused(known, old, "2009-01-01")


def test_less_than_a_year_of_overlap_bridges_nothing() -> None:
    companion = daily_price(6, seed=7)
    young = replace(companion, y=np.where(companion.ds < np.datetime64("2013-08-01"), np.nan, companion.y))
    assert bridged(until(means(companion), "2014-07-01"), young, "2014-10-10").basis.n == 12
    note = refused(until(means(companion), "2014-06-01"), young, "2014-10-10")
    assert note.endswith("it overlaps with the series in 11 months, and 12 are needed")


def test_a_companion_that_moves_apart_from_the_series_bridges_nothing() -> None:
    companion, other = daily_price(6, seed=8), daily_price(6, seed=9)
    note = refused(until(means(companion), "2014-06-01"), other, "2014-10-10")
    assert "the ratio of the series to it moves more (±" in note
    noisy = np.random.default_rng(0).normal(0, 0.01, 72)
    assert bridged(until(means(companion, noisy), "2014-06-01"), companion, "2014-10-10").basis.sd == pytest.approx(
        0.01, rel=0.4
    )


def test_a_companion_must_be_seen_more_often_than_the_series() -> None:
    companion = daily_price(6, seed=10)
    monthly = means(companion)
    like = prices(np.exp(monthly.x), "2010-01-01", MONTHS)
    note = refused(until(monthly, "2014-06-01"), like, "2014-10-10")
    assert note.endswith("its values are no more frequent than those of the series")


# -- the basis ---------------------------------------------------------------------------------------------------------


def test_one_month_that_is_far_out_does_not_move_the_basis() -> None:
    logs = np.random.default_rng(1).normal(0.3, 0.004, 36)
    logs[-1] += 0.2
    basis = Basis.of(logs, 0)
    assert basis.mean(3) == pytest.approx([0.3] * 3, abs=0.008)
    assert basis.sd < 0.006


def test_the_error_of_a_basis_is_common_to_neighbouring_months_where_the_basis_is_persistent() -> None:
    rng = np.random.default_rng(2)
    for persistence, expected in ((0.9, 0.7), (0.0, 0.0)):
        kept = []
        for _ in range(40):
            logs = rng.normal(0, 0.01, 36)
            for t in range(1, 36):
                logs[t] = persistence * logs[t - 1] + np.sqrt(1 - persistence**2) * logs[t]
            draws = Basis.of(logs, 0).draws(4, 400, rng)
            kept.append(np.corrcoef(draws[1], draws[2])[0, 1])
        assert np.median(kept) == pytest.approx(expected, abs=0.25)


def test_the_margins_of_a_basis_are_those_it_states() -> None:
    basis = Basis(0.3, 0.002, 0, 0.5, 0.004, 24)
    draws = basis.draws(5, 1000, np.random.default_rng(0))
    expected = basis.sds(5)[:, None] * stats.t.ppf(middles(1000), 23)
    np.testing.assert_allclose(np.sort(draws, axis=1), expected)
    assert (np.diff(basis.sds(5)) > 0).all(), "what was seen last fades"
    assert (np.diff(basis.mean(5)) < 0).all()


@pytest.mark.parametrize("persistence", [0.0, 0.6, 0.9])
def test_nowcasts_hold_what_they_promise(persistence: float) -> None:
    rng, inside = np.random.default_rng(3), []
    for _ in range(400):
        logs = rng.normal(0, 0.01, 60)
        for t in range(1, 60):
            logs[t] = persistence * logs[t - 1] + np.sqrt(1 - persistence**2) * logs[t]
        basis = Basis.of(logs[20:56], 0)
        z = (logs[56:] - basis.mean(4)) / basis.sds(4)
        inside.append([np.abs(z) < stats.t.ppf(0.5 + level / 2, 35) for level in (0.5, 0.8, 0.95)])
    np.testing.assert_allclose(np.mean(inside, axis=(0, 2)), [0.5, 0.8, 0.95], atol=0.06)


# -- forecasts of a panel ----------------------------------------------------------------------------------------------


def started_panel(N: int, years: int, seed: int, lag: int = 0) -> tuple[list[History], Panel]:
    companions = [daily_price(years, seed + i) for i in range(N)]
    samples = [means(companion) for companion in companions]
    days = MONTHS.end(samples[0].ds) + lag
    starts = {
        i: Starts.of(each, CompanionPrices.of(companion, MONTHS), days, 6)
        for i, (each, companion) in enumerate(zip(samples, companions, strict=True))
    }
    return companions, replace(Panel.of(samples), starts=starts)


def test_the_last_daily_price_is_a_better_start_than_the_last_mean() -> None:
    _, panel = started_panel(N=12, years=15, seed=0)
    cutoffs = panel.ds[60:-3]
    actual = panel.x[:, np.arange(60, len(panel.ds) - 3)[:, None] + np.arange(1, 4)]
    q = panel_quantiles(panel, cutoffs, 6)[:, :, :3]
    ours = np.abs(actual - q[..., MEDIAN]).mean(axis=(0, 1))
    naive = np.abs(actual - panel.x[:, 60:-3, None]).mean(axis=(0, 1))
    # a random walk cannot do better than √(1/3 : 2/3) = .71 at the end of a month
    assert (ours / naive < [0.78, 0.93, 0.97]).all()
    inside = [((q[..., lo] <= actual) & (actual <= q[..., -1 - lo])).mean() for lo in (0, 2, 4)]
    np.testing.assert_allclose(inside, [0.95, 0.8, 0.5], atol=0.03)


def test_a_few_days_of_the_next_month_are_worth_more_and_a_month_is_worth_all() -> None:
    mae = []
    for lag in (0, 5, 33):
        _, panel = started_panel(N=6, years=12, seed=50, lag=lag)
        q = panel_quantiles(panel, panel.ds[60:-2], 6)
        mae.append(np.abs(panel.x[:, 61:-1] - q[:, :, 0, MEDIAN]).mean())
    naive = np.abs(np.diff(panel.x[:, 60:])).mean()
    assert mae[2] / naive < 1e-6 < mae[1] / naive < 0.65 < mae[0] / naive
