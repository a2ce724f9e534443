"""Slips of the data are taken back, wherever they are; what stays is real and followed at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.forecasters.grid import slips
from forecast.forecasters.grid.engine import Grid, Panel, panel_quantiles
from forecast.interventions import Design
from forecast.metrics import QUANTILE_LEVELS
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

MONTHS = Freq("M")
MEDIAN = len(QUANTILE_LEVELS) // 2


def price(T: int, seed: int = 0) -> Floats:
    return np.asarray(np.log(1000) + np.cumsum(np.random.default_rng(seed).normal(0, 0.06, T)))


def volume(T: int, seed: int = 0) -> Floats:
    rng, t = np.random.default_rng(seed), np.arange(T)
    return 8 + np.cumsum(rng.normal(0, 0.04, T)) + 0.2 * np.sin(2 * np.pi * t / 12) + rng.normal(0, 0.08, T)


def history(is_price: bool, T: int, seed: int = 0) -> Floats:
    return price(T, seed) if is_price else volume(T, seed)


def sample(x: Floats, is_price: bool) -> Sample:
    return Sample(MONTHS.range("2000-01-01", len(x)), x, MONTHS, is_price)


def quantiles(x: Floats, is_price: bool, horizon: int = 12) -> Floats:
    """(H, 15) of the log."""
    y = sample(x, is_price)
    return Grid().fit(y, Design.empty(y.ds)).quantiles(horizon)


def missing(x: Floats, *places: int) -> Floats:
    gaps = x.copy()
    gaps[list(places)] = np.nan
    return gaps


def spoiled(x: Floats, factor: float, *places: int) -> Floats:
    wrong = x.copy()
    wrong[list(places)] += np.log(factor)
    return wrong


SERIES = {"is_price": st.booleans(), "T": st.integers(40, 110), "seed": st.integers(0, 10)}
FACTORS = st.sampled_from([0.001, 0.1, 10, 1000])


@settings(max_examples=50, deadline=None)
@given(data=st.data(), factor=FACTORS, **SERIES)
def test_a_slip_anywhere_but_at_the_end_is_as_if_its_period_were_missing(
    data: st.DataObject, factor: float, is_price: bool, T: int, seed: int
) -> None:
    x, at = history(is_price, T, seed), data.draw(st.integers(0, T - 3))
    wrong, gap = quantiles(spoiled(x, factor, at), is_price), quantiles(missing(x, at), is_price)
    np.testing.assert_allclose(wrong, gap, rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(data=st.data(), factor=FACTORS, gaps=st.sampled_from([(-1,), (1,), (-2, -1), (-1, 1)]), **SERIES)
def test_a_slip_beside_gaps_is_as_missing_as_they_are(
    data: st.DataObject, factor: float, gaps: tuple[int, ...], is_price: bool, T: int, seed: int
) -> None:
    at = data.draw(st.integers(20, T - 5))
    x = missing(history(is_price, T, seed), *(at + k for k in gaps))
    wrong, gap = quantiles(spoiled(x, factor, at), is_price), quantiles(missing(x, at), is_price)
    np.testing.assert_allclose(wrong, gap, rtol=1e-9)


@pytest.mark.parametrize("is_price", [True, False])
@pytest.mark.parametrize("factor", [0.1, 10])
def test_two_values_in_a_row_were_there_and_are_learned_from(is_price: bool, factor: float) -> None:
    x, places = history(is_price, 120, 0), (100, 101)
    shocked, gap = quantiles(spoiled(x, factor, *places), is_price), quantiles(missing(x, *places), is_price)
    assert (shocked[:, -1] - shocked[:, 0] > 1.1 * (gap[:, -1] - gap[:, 0])).all()


@pytest.mark.parametrize("is_price", [True, False])
def test_a_card_says_which_values_did_not_count(is_price: bool) -> None:
    one, two = (sample(spoiled(history(is_price, 90), 10, *at), is_price) for at in ((50,), (50, 70)))
    said = [Grid().fit(y, Design.empty(y.ds)).notes[-1:] for y in (one, two)]
    assert said[0] == ("the value of March 2004 lies far out and the next took it back: it does not count",)
    assert "2 values lie far out" in said[1][0]
    assert "(the last: November 2005)" in said[1][0]


# What stays


@pytest.mark.parametrize("months", [1, 2, 3, 4, 6, 12])
@pytest.mark.parametrize(("is_price", "change"), [(False, 0.1), (True, 1.25), (True, 0.1), (False, 4.0)])
def test_what_stays_is_followed_as_fast_as_if_nobody_watched(
    monkeypatch: pytest.MonkeyPatch, is_price: bool, change: float, months: int
) -> None:
    """A ban, a tariff: from the first month on as a filter follows it that takes nothing back; a flow's new level is
    learned anew in its fourth month."""
    x = spoiled(history(is_price, 90), change, *range(90 - months, 90))
    watched = quantiles(x, is_price)
    monkeypatch.setattr(slips, "LARGE", np.inf)
    blind = quantiles(x, is_price)
    if is_price or months < 4:
        np.testing.assert_array_equal(watched, blind)
    else:
        off, usual = (np.abs(q[:, MEDIAN] - x[-months:].mean()).mean() for q in (watched, blind))
        assert off < usual + 0.05


def test_a_ban_is_believed_in_its_fifth_month() -> None:
    x = spoiled(volume(105), 0.1, *range(100, 105))
    medians = quantiles(x, False)[:, MEDIAN]
    assert medians[0] == pytest.approx(x[-5:].mean(), abs=0.4)
    assert medians.max() < x[:100].mean() - 1.2


def test_a_sticky_price_that_jumps_and_stays_is_believed_at_once() -> None:
    x = np.log(300) + np.repeat([0.0, 0.02, -0.01, 0.03, 0.0], 18)
    x[-2:] += np.log(1.25)
    assert quantiles(x, True)[0, MEDIAN] == pytest.approx(x[-1], abs=0.02)


def test_what_comes_again_in_the_same_season_is_the_season() -> None:
    """Only its first time can be a slip."""
    peaks = spoiled(volume(150), 10, *range(30, 150, 12))
    filtered = Grid(horizon=1).filtered(Panel.of([sample(peaks, False)])).source
    assert np.flatnonzero(filtered.slips[0] < 150).tolist() == [30]
    expected = quantiles(peaks[:137], False)[:, MEDIAN] - quantiles(volume(150)[:137], False)[:, MEDIAN]
    assert expected.argmax() == 1  # the month of the peaks
    assert expected[1] > 0.5


# What others learn from it


@pytest.mark.parametrize("is_price", [True, False])
def test_a_slip_counts_until_the_period_in_which_it_is_known_as_one(is_price: bool) -> None:
    """Two slips in a row on either side of a cutoff: from there nobody can tell, whatever comes later."""
    x, cut = np.array([history(is_price, 150, i) for i in range(6)]), 120
    x[:3, cut - 1 : cut + 1] += np.log(10)
    ds = MONTHS.range("2000-01-01", 150)
    whole = Panel(ds, x, MONTHS, is_price, np.isfinite(x))
    now = replace(whole, ds=ds[: cut + 1], x=x[:, : cut + 1], scored=whole.scored[:, : cut + 1])
    np.testing.assert_allclose(
        panel_quantiles(whole, ds[[cut]], 6), panel_quantiles(now, ds[[cut]], 6), rtol=1e-12, equal_nan=True
    )


@pytest.mark.parametrize("is_price", [True, False])
def test_a_slip_does_not_widen_the_intervals_of_others(is_price: bool) -> None:
    x = np.array([history(is_price, 150, i) for i in range(6)])
    wrong = x.copy()
    for i in range(1, 6):
        wrong[i, [120 + i, 130, 140 + i]] += np.log(10)
    ds = MONTHS.range("2000-01-01", 150)
    clean, other = (
        panel_quantiles(Panel(ds, y, MONTHS, is_price, np.isfinite(y)), ds[[-1]], 6)[0, 0] for y in (x, wrong)
    )
    np.testing.assert_allclose(other[:, -1] - other[:, 0], clean[:, -1] - clean[:, 0], rtol=0.1)


@pytest.mark.parametrize("cutoff", [36, 37, 40, 50])
def test_an_early_slip_of_another_price_is_not_foreseen(cutoff: int) -> None:
    x = np.stack([price(80, seed) for seed in range(3)])
    x[1:, :30] = np.nan
    x[1, 36] += np.log(10)
    ds, until = MONTHS.range("2000-01-01", 80), cutoff + 1
    whole, seen = (
        panel_quantiles(Panel(days, logs, MONTHS, True, np.isfinite(logs)), ds[[cutoff]], 6)
        for days, logs in ((ds, x), (ds[:until], x[:, :until]))
    )
    np.testing.assert_allclose(whole[0], seen[0], atol=1e-9)
