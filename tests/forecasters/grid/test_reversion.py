"""Reversion of prices to their long-run mean: what closes, how fast, and what a series learns of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecast.forecasters.grid.price import FilteredPrices, PriceGrid, PriceSettings, filter_prices
from forecast.forecasters.grid.reversion import INFLATION, SPEED_MEAN, SPEEDS, Reversion
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import Floats

MONTHS, YEARS = Freq("M"), Freq("Y")


def walk(T: int, seed: int = 0, *, drift: float = 0.0, speed: float = 0.0, sd: float = 0.05) -> Floats:
    """A log price about 0 that walks with a ``drift`` and closes a share ``speed`` of the distance to 0 a period."""
    rng, x = np.random.default_rng(seed), np.zeros(T)
    for t in range(1, T):
        x[t] = (1 - speed) * x[t - 1] + drift + sd * rng.standard_normal()
    return x


def filtered(*rows: Floats, freq: Freq = MONTHS, means: Reversion | None = None) -> FilteredPrices:
    x = np.array(rows)
    settings = PriceSettings.of(freq)
    settings = settings if means is None else replace(settings, means=means)
    return filter_prices(freq.range("1950-01-01", x.shape[1]), x, PriceGrid.default(), settings)


def gaps(x: Floats, freq: Freq = MONTHS) -> Floats:
    return np.asarray(Reversion.of(freq).gaps(x[None], np.full((1, len(x)), len(x)))[0])


def test_a_price_above_its_mean_is_expected_to_fall_by_a_share_of_the_distance_each_month() -> None:
    x = np.append(walk(240, sd=0.02), 1.0 + walk(12, 1, sd=0.02))
    with_means, without = filtered(x), filtered(x, means=Reversion.none())
    state, plain = with_means.state(0, 251), without.state(0, 251)
    assert state.gap < -0.6
    assert (state.pull(60) < 0).all()
    # a year closes between none and 3 % a month of it
    assert 0 > state.pull(12)[-1] > state.gap * (1 - 0.97**12)
    np.testing.assert_allclose(state.margins(24).mean, plain.margins(24).mean + state.pull(24))
    # which speed it is adds to what is not known
    assert (state.margins(24).sd > plain.margins(24).sd).all()


def test_a_card_says_where_a_price_is_drawn_to_and_how_fast() -> None:
    x = np.append(walk(240, sd=0.02), 1.0 + walk(12, 1, sd=0.02))
    state = filtered(x).state(0, 251)
    drawn = state.describe_reversion()
    below = f"{-100 * np.expm1(gaps(x)[-1]):.0f} % below the last value"
    assert drawn.startswith(f"drawn to the mean price of the last 5, 10 and 20 years in today's money, {below}: ")
    # the way is one of ratios, which nobody works out in his head
    assert drawn.endswith(f" % of the way in a year, {100 * np.expm1(state.pull(12)[-1]):+.0f} %")
    still = replace(state, speeds=np.array([1.0, 0.0, 0.0, 0.0]))
    assert still.describe_reversion().startswith("not drawn to the mean price")
    assert filtered(x[:30]).state(0, 29).describe_reversion() == ""


def test_the_prior_is_about_one_percent_a_month_before_anything_was_seen() -> None:
    means = Reversion.of(MONTHS)
    weights = np.exp(means.log_prior) / np.exp(means.log_prior).sum()
    assert weights @ means.speeds == pytest.approx(SPEED_MEAN, abs=0.002)
    # a month's speed compounds in longer periods: a year closes as twelve months do
    np.testing.assert_allclose(Reversion.of(YEARS).closed(2)[:, 1], means.closed(24)[:, 23])


def test_the_mean_is_in_the_money_of_the_day() -> None:
    steady = INFLATION / 12 * np.arange(400.0)
    np.testing.assert_allclose(gaps(steady)[60:], 0.0, atol=1e-12)
    assert (gaps(np.zeros(400))[60:] > 0).all()


def test_a_young_price_that_rose_ever_since_is_not_drawn_back() -> None:
    rising = walk(61, drift=0.45 / 12, sd=0.03)
    assert gaps(rising)[-1] < -0.8
    # what two to five years say of the speeds counts from the first month with a mean on
    state = filtered(rising).state(0, 60)
    assert state.pull(12)[-1] > -0.03
    assert state.speeds[0] > 0.6


def test_five_years_are_needed_in_any_frequency() -> None:
    x = walk(100)
    assert (gaps(x)[:59] == 0).all()
    assert (gaps(x)[59:] != 0).all()
    assert (gaps(x, YEARS)[:4] == 0).all()
    assert (gaps(x, YEARS)[4:] != 0).all()


def test_missing_periods_neither_count_nor_have_a_gap() -> None:
    x = walk(200)
    x[50:90] = np.nan
    found = gaps(x)
    assert np.isnan(found[50:90]).all()
    assert (found[90:99] == 0).all()  # 50 + 9 values
    assert found[199] == pytest.approx(
        np.mean([np.nanmean(x[-n:] + INFLATION / 12 * np.arange(n - 1, -1, -1)) for n in (60, 120, 200)]) - x[199]
    )


@pytest.mark.parametrize(("drift", "speed", "says"), [(0.0, 0.03, "fast"), (0.006, 0.0, "none")])
def test_a_long_history_moves_the_speed(drift: float, speed: float, says: str) -> None:
    # mean weights of no reversion and of at least 2 % a month, over histories of sixty years
    prior = np.exp(Reversion.of(MONTHS).log_prior)
    prior /= prior.sum()
    ends = filtered(*(walk(720, seed, drift=drift, speed=speed, sd=0.04) for seed in range(12))).states.speeds[:, -1]
    none, fast = ends[:, 0].mean(), ends[:, 2:].sum(axis=1).mean()
    if says == "fast":
        assert fast > prior[2:].sum() + 0.15
        assert none < prior[0] / 2
    else:
        assert none > prior[0] + 0.3
        assert fast < prior[2:].sum() / 2


def test_a_speed_learns_from_outcomes_when_they_are_known_and_not_before() -> None:
    x = walk(300)
    other = x.copy()
    other[200:] += 1.0
    before, after = (filtered(one).states.speeds[0] for one in (x, other))
    np.testing.assert_array_equal(before[:200], after[:200])
    assert (before[200:] != after[200:]).any()


def test_a_slip_that_is_taken_back_moves_neither_mean_nor_speeds() -> None:
    x, slipped = walk(300, sd=0.03), walk(300, sd=0.03)
    slipped[150] += np.log(10)
    missing = x.copy()
    missing[150] = np.nan
    spoiled, gone = filtered(slipped), filtered(missing)
    np.testing.assert_allclose(spoiled.states.gap[0, 151:], gone.states.gap[0, 151:], atol=1e-12)
    np.testing.assert_allclose(spoiled.states.speeds[0, 152:], gone.states.speeds[0, 152:], atol=1e-12)


def test_paths_go_where_the_margins_do() -> None:
    x = np.append(walk(240, sd=0.02), 1.0 + walk(12, 1, sd=0.02))
    state = filtered(x).state(0, 251)
    paths = state.paths(24, 20_000, np.random.default_rng(0))
    # but for the damping of the momentum, which is the margins' own
    undamped = replace(state, settings=replace(state.settings, damping=1.0)).margins(24)
    np.testing.assert_allclose(paths.mean(axis=0), undamped.mean, atol=4 * undamped.sd[-1] / 20_000**0.5)


@pytest.mark.parametrize("code", ["D", "B", "W-SUN", "M", "Q", "Y"])
def test_every_frequency_has_means_and_speeds(code: str) -> None:
    means = Reversion.of(Freq(code))
    assert len(means.speeds) == len(SPEEDS)
    assert (np.diff(means.speeds) > 0).all()
    assert means.windows[0] == means.least > 0
    assert all(1 <= h <= 24 for h in means.judged)
    assert np.isfinite(filtered(walk(400, sd=0.01), freq=Freq(code)).margins(6).mean[0, -1]).all()
