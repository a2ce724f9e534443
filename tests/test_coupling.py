"""Draws that carry a distribution exactly: coupled to margins, with effects added, and mixed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from forecast.coupling import added_to, convolved, couple, middles, pooled, quantiles_of
from forecast.metrics import QUANTILE_LEVELS, quantiles
from forecast.timeseries.series import Floats

N, H = 2000, 6


def normal(sd: float) -> Floats:
    """(H, N) quantiles of the normal with a mean of 3."""
    return np.tile(3 + sd * norm.ppf(middles(N)), (H, 1))


def shuffled(margins: Floats, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).permuted(margins, axis=1)


@pytest.mark.parametrize("sd", [0.01, 0.1, 1.0])
def test_normal_effects_give_the_normal_of_both_variances_in_every_period(sd: float) -> None:
    effects = np.tile(sd * np.random.default_rng(1).permutation(norm.ppf(middles(N))), (H, 1))
    made = added_to(shuffled(normal(0.1)), effects)
    expected = 3 + np.hypot(0.1, sd) * norm.ppf(QUANTILE_LEVELS)
    np.testing.assert_allclose(quantiles(made.T), np.tile(expected, (H, 1)), atol=1e-3 * np.hypot(0.1, sd))
    plain = quantiles((shuffled(normal(0.1)) + effects).T)
    assert np.abs(plain - expected).max() > 10 * np.abs(quantiles(made.T) - expected).max()


def test_draws_stay_in_the_order_of_what_they_met() -> None:
    draws, effects = shuffled(normal(0.1)), shuffled(normal(0.2), 1)
    np.testing.assert_array_equal(np.argsort(added_to(draws, effects)), np.argsort(draws + effects))


def test_what_adds_the_same_to_all_adds_just_that() -> None:
    draws = shuffled(normal(0.1))
    np.testing.assert_allclose(added_to(draws, np.full((H, N), -0.25)), draws - 0.25, rtol=1e-15)
    point, effects = np.full((H, N), 3.0), shuffled(normal(0.2))
    np.testing.assert_allclose(added_to(point, effects), point + effects, rtol=1e-15)


def test_a_branch_that_a_third_of_the_draws_takes_is_a_mixture_at_all_horizons() -> None:
    taken = np.tile(np.random.default_rng(2).permutation(N) < 0.3 * N, (H, 1))
    made = added_to(shuffled(normal(0.1)), np.where(taken, -0.5, 0.0))
    x = quantiles(made.T) - 3
    np.testing.assert_allclose(
        0.3 * norm.cdf((x + 0.5) / 0.1) + 0.7 * norm.cdf(x / 0.1), np.tile(QUANTILE_LEVELS, (H, 1)), atol=5e-4
    )


def test_those_with_trade_have_the_margins_of_their_own_effects() -> None:
    where = np.random.default_rng(3).random((H, N)) < 0.2
    effects = np.where(where, 1.0, -7.0)
    draws = shuffled(normal(0.1))
    made = added_to(draws, effects, where)
    for h in range(H):
        own = made[h, where[h]]
        np.testing.assert_allclose(
            np.quantile(own, QUANTILE_LEVELS, method="hazen"), 4 + 0.1 * norm.ppf(QUANTILE_LEVELS), atol=1e-3
        )
    np.testing.assert_array_equal(made[~where], (draws + effects)[~where])
    assert np.isfinite(added_to(draws, effects, np.zeros_like(where))).all()


def test_ties_are_broken_at_random_where_asked() -> None:
    paths = np.zeros((H, N))
    at_random = couple(paths, normal(0.1), ties=np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(at_random), normal(0.1))
    assert abs(np.asarray(np.corrcoef(at_random))[0, 1]) < 0.1
    np.testing.assert_array_equal(couple(paths, normal(0.1)), normal(0.1))


def test_a_margin_serves_more_or_fewer_draws() -> None:
    few = couple(shuffled(normal(0.1))[:, :250], normal(0.1))
    np.testing.assert_allclose(np.sort(few)[0], 3 + 0.1 * norm.ppf(middles(250)), atol=5e-4)


def test_a_mixture_has_the_quantiles_of_the_weighted_whole() -> None:
    low, high = normal(0.1), normal(0.1) + 1
    x = pooled([(0.25, low), (0.75, high)], QUANTILE_LEVELS.tolist())[:, 0] - 3
    np.testing.assert_allclose(0.25 * norm.cdf(x / 0.1) + 0.75 * norm.cdf((x - 1) / 0.1), QUANTILE_LEVELS, atol=5e-4)
    np.testing.assert_array_equal(pooled([(1.0, low), (0.0, high)], [0.1, 0.5]), quantiles_of(low, [0.1, 0.5]))


def test_the_sum_of_a_point_that_a_price_stands_on_and_effects_holds_both() -> None:
    """Six draws in ten stand still: with effects they are these effects."""
    still = np.sort(np.where(np.arange(N) < 0.6 * N, 0.0, shuffled(normal(0.1))[0] - 3))[None]
    effects = 0.05 * norm.ppf(middles(N))[None]
    found = convolved(still, effects)[0]
    share = 0.6 * norm.cdf(found / 0.05) + 0.4 * norm.cdf(found / np.hypot(0.05, 0.1))
    np.testing.assert_allclose(share, middles(N), atol=0.01)
