"""Coherent forecasts from numbers so small that what comes out can be told beforehand."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from scipy.stats import spearmanr

from forecast.answers.future import Future
from forecast.answers.reconcile import BaseForecasts, correlations, ordered, reconciled
from forecast.answers.reconcile import _left_out as left_out
from forecast.registry.card import RunSettings
from forecast.timeseries.frequency import Freq
from forecast.timeseries.hierarchy import Group
from forecast.timeseries.series import History
from tests.support.records import a_series


def a_base(
    draws: dict[str, list[float]],
    histories: dict[str, np.ndarray] | None = None,
    *,
    freq: str = "M",
    event_scenarios: float | np.ndarray = 1.0,
    trade: np.ndarray | None = None,
) -> BaseForecasts:
    """``w`` = ``a`` + ``b``: one period whose draws are a level and a spread, and histories that end in 2025.

    ``event_scenarios``: what events make of each of the 400 draws, as a factor; ``trade`` (400, 1): which of those of
    ``a`` have trade.
    """
    rng, ds = np.random.default_rng(2), np.array(["2026-01-01"], dtype="datetime64[D]")
    futures, kept = {}, {}
    for name in ("w", "a", "b"):
        series = a_series(name, "", "volume", "target", "world", "WLD", "WLD", "tonne", freq, 0)
        level, spread = draws[name]
        drawn = np.log(level + spread * rng.uniform(-1, 1, (400, 1)))
        card = SimpleNamespace(settings=RunSettings(draws=400, horizon=1, seed=1))
        run = SimpleNamespace(draws=drawn, trade=trade if name == "a" else None, held=0.0, card=card)
        added = np.broadcast_to(np.log(event_scenarios), (1, 400))
        future = SimpleNamespace(series=series, run=run, draws=np.exp(drawn.T) * event_scenarios, added=added, ds=ds)
        future.arranged = partial(Future.arranged, cast(Future, future))
        futures[name] = future
        y = (histories or {}).get(name, np.ones(30))
        days = Freq(freq).range(Freq(freq).shift(Freq(freq).floor(np.datetime64("2026-01-01")), -len(y)), len(y))
        kept[name] = History(series, days, y, np.full(len(y), "reported"), series.due(days))
    group = Group("w", ("w", "a", "b"), {"w": ("a", "b")})
    return BaseForecasts(group, futures, kept, ds)  # type: ignore[arg-type]


def test_what_would_be_negative_is_zero_and_the_sum_follows() -> None:
    """w is well known to be .5 and b to be 1, and hardly anything is known of a: least squares would have it at -.5."""
    w, a, b = reconciled(a_base({"w": [0.5, 0.001], "a": [50.0, 40.0], "b": [1.0, 0.001]}), {})[:, 0]
    assert a.max() == 0
    np.testing.assert_array_equal(w, b)
    np.testing.assert_allclose(b, 1, atol=0.01)


def test_what_events_do_stays_with_its_draw_when_the_draws_are_put_in_order() -> None:
    event_scenarios = np.where(np.arange(400) < 100, 10.0, 1.0)
    levels = {"w": [30.0, 3.0], "a": [20.0, 2.0], "b": [10.0, 1.0]}
    plain, changed = ordered(a_base(levels)), ordered(a_base(levels, event_scenarios=event_scenarios))
    np.testing.assert_allclose(changed, plain * event_scenarios, rtol=0.03)  # each has the margins of its own worlds
    assert not np.array_equal(plain[0, 0], a_base(levels).futures["w"].draws[0]), "they are in another order"


def test_a_part_without_trade_keeps_its_zeros_and_the_sum_follows() -> None:
    """a has no trade in a quarter of the draws, and is so well known that the sum moves instead."""
    trade = np.where(np.arange(400) < 100, 0, 3).astype(np.uint8)[:, None]
    base = a_base({"w": [25.0, 20.0], "a": [20.0, 0.002], "b": [10.0, 0.002]}, trade=trade)
    w, a, b = reconciled(base, {})[:, 0]
    assert (a == 0).sum() == 100
    np.testing.assert_allclose(w, a + b)
    assert b.min() > 0


def test_a_rest_is_drawn_from_the_shares_that_were_left_out() -> None:
    """w is hardly known and its parts well: what is left out of it is half of the draws a tenth, half four tenths."""
    base = a_base({"w": [100.0, 0.001], "a": [50.0, 30.0], "b": [25.0, 15.0]})
    w, a, b = reconciled(base, {"w": np.array([0.1, 0.4])})[:, 0]
    left = 1 - (a + b) / w
    assert np.percentile(left, [10, 90]) == pytest.approx([0.1, 0.4], abs=0.06)


@pytest.mark.parametrize(("freq", "window"), [("M", 24), ("Q", 24), ("W-SUN", 104)])
def test_what_parts_leave_out_is_told_by_two_seasons_and_24_periods_at_least(freq: str, window: int) -> None:
    T = 130
    inside = np.where(np.arange(T) < T - window, 0.2, 0.9)  # long ago they were a fifth of it
    inside[-1] = 1.2  # and once more than the whole
    parts = {"w": np.full(T, 100.0), "a": 60.0 * inside, "b": 40.0 * inside}
    share = left_out(a_base({"w": [1, 0.1], "a": [1, 0.1], "b": [1, 0.1]}, parts, freq=freq), "w")
    np.testing.assert_allclose(share, [*(window - 1) * [0.1], 0.0], atol=1e-12)


@pytest.mark.parametrize("inside", [0.991, 1.0, 1.009])
def test_a_hundredth_more_or_less_is_the_whole(inside: float) -> None:
    parts = {"w": np.full(30, 100.0), "a": np.full(30, 60.0 * inside), "b": np.full(30, 40.0 * inside)}
    assert left_out(a_base({"w": [1, 0.1], "a": [1, 0.1], "b": [1, 0.1]}, parts), "w").size == 0


def test_correlations_are_those_of_ranks_of_yearly_changes_shrunk_by_two_years() -> None:
    rng = np.random.default_rng(7)
    x, z = np.cumsum(rng.normal(0, 0.1, (2, 60)), axis=1)
    base = a_base({"w": [1, 0.1], "a": [1, 0.1], "b": [1, 0.1]}, {"w": np.exp(x), "a": np.exp(z)})
    yearly = spearmanr(x[12:] - x[:-12], z[12:] - z[:-12]).statistic
    R = correlations(base)
    assert R[0, 1] == R[1, 0] == pytest.approx(yearly * 48 / (48 + 24))
    assert R[0, 2] == R[1, 2] == 0, "b stood still"


def test_series_that_mostly_stand_still_do_not_move_together_for_that() -> None:
    """Seven changes in ten are none: in order of appearance these alone would make a correlation of a fifth."""
    found, known = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        # by season, so that seven yearly changes in ten are 0: each month moves at its own times
        own, common = rng.normal(0, 0.3, (2, 240)), rng.normal(0, 0.3, 240)
        moves = rng.random((3, 240)) < 0.3
        steps = np.array([own[0] * moves[0], own[1] * moves[1], common * moves[2]])
        x, z, w = (step.reshape(20, 12).cumsum(axis=0).ravel() for step in steps)
        levels = {"w": [1.0, 0.1], "a": [1.0, 0.1], "b": [1.0, 0.1]}
        R = correlations(a_base(levels, {"w": np.exp(x), "a": np.exp(z), "b": np.exp(w)}))
        found.append(R[0, 1])
        known.append(correlations(a_base(levels, {"w": np.exp(w), "a": np.exp(z), "b": np.exp(2 * w)}))[0, 2])
    assert abs(np.mean(found)) < 0.03
    assert np.abs(found).max() < 0.25
    np.testing.assert_allclose(known, 228 / (228 + 24), rtol=1e-6)


def test_of_changes_a_month_without_trade_ranks_as_the_least_that_can_be_reported() -> None:
    """Values in whole tonnes: a 0 is less than half a tonne."""
    y, z = np.round(1000 * np.exp(np.random.default_rng(8).normal(0, 0.3, (2, 60))))
    y[[20, 41, 50]] = z[[20, 41]] = 0.0
    base = a_base({"w": [1, 0.1], "a": [1, 0.1], "b": [1, 0.1]}, {"w": y, "a": z})
    x = np.log(np.where([y, z], [y, z], 0.5))
    yearly = spearmanr(x[0, 12:] - x[0, :-12], x[1, 12:] - x[1, :-12]).statistic
    assert correlations(base)[0, 1] == pytest.approx(yearly * 48 / (48 + 24), abs=0.01)  # a tie or two
