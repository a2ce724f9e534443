"""The scores: values that can be checked by hand, and what must hold for any forecast."""

from __future__ import annotations

import numpy as np
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from forecast.metrics import QUANTILE_LEVELS, coverage, crps_from_quantiles, mase_scale, pit, quantiles, relative

floats = st.floats(-1e3, 1e3)


def test_levels_are_fifteen_and_symmetric() -> None:
    assert len(QUANTILE_LEVELS) == 15
    np.testing.assert_allclose(QUANTILE_LEVELS + QUANTILE_LEVELS[::-1], 1.0)


@given(st.lists(floats, min_size=2, max_size=50))
def test_quantiles_nest(values: list[float]) -> None:
    q = quantiles(np.array(values)[:, None])
    assert q.shape == (1, 15)
    assert (np.diff(q) >= 0).all()


def test_crps_of_a_point_forecast_is_the_absolute_error() -> None:
    np.testing.assert_allclose(crps_from_quantiles(np.full((2, 15), 3.0), np.array([5.0, 3.0])), [2.0, 0.0])


def test_crps_approximates_the_closed_form_of_the_normal() -> None:
    q, y = stats.norm.ppf(QUANTILE_LEVELS), np.linspace(-2, 2, 9)
    exact = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / np.sqrt(np.pi)  # Gneiting & Raftery 2007
    np.testing.assert_allclose(crps_from_quantiles(np.broadcast_to(q, (9, 15)), y), exact, rtol=0.2)


@given(hnp.arrays(float, (3, 2, 15), elements=floats), hnp.arrays(float, (3, 2), elements=floats))
def test_crps_is_that_of_the_scoringrules_library(draws: np.ndarray, y: np.ndarray) -> None:
    q = np.sort(draws, axis=-1)
    expected = scoringrules.crps_quantile(y, q, QUANTILE_LEVELS, backend="numpy")
    np.testing.assert_allclose(crps_from_quantiles(q, y), expected, rtol=1e-12, atol=1e-12)


def test_crps_of_many_draws_ranks_forecasts_as_that_of_their_ensembles_does() -> None:
    rng = np.random.default_rng(0)
    draws = rng.normal(rng.normal(0, 1, (40, 1)), rng.uniform(0.3, 3, (40, 1)), (40, 2000))
    y = rng.normal(0, 1, 40)
    whole = scoringrules.crps_ensemble(y, draws, backend="numpy")
    ours = crps_from_quantiles(quantiles(draws.T), y)
    np.testing.assert_allclose(ours, whole, rtol=0.25, atol=0.05)
    assert stats.spearmanr(ours, whole).statistic > 0.98


def test_crps_of_a_missing_outcome_is_missing() -> None:
    assert np.isnan(crps_from_quantiles(np.zeros((1, 15)), np.array([np.nan]))).all()


@given(st.floats(0.5, 2.0), st.floats(-2.0, 2.0))
def test_crps_rewards_the_true_spread(scale: float, shift: float) -> None:
    y = stats.norm.ppf((np.arange(400) + 0.5) / 400)
    honest, other = stats.norm.ppf(QUANTILE_LEVELS), shift + scale * stats.norm.ppf(QUANTILE_LEVELS)
    scores = [crps_from_quantiles(np.broadcast_to(q, (400, 15)), y).mean() for q in (honest, other)]
    assert scores[0] <= scores[1] + 1e-9


def test_coverage_counts_known_outcomes_inside() -> None:
    q = np.broadcast_to(stats.norm.ppf(QUANTILE_LEVELS), (4, 15))
    y = np.array([0.0, 1.0, -3.0, np.nan])
    assert coverage(q, y, 0.5) == pytest.approx(1 / 3)
    assert coverage(q, y, 0.8) == pytest.approx(2 / 3)
    assert np.isnan(coverage(q[:1], np.array([np.nan]), 0.95))


def test_coverage_refuses_an_interval_it_does_not_hold() -> None:
    with pytest.raises(ValueError, match=r"0\.77"):
        coverage(np.zeros((1, 15)), np.zeros(1), 0.77)


def test_mase_scale_looks_at_the_window_and_skips_gaps() -> None:
    x = np.concatenate([np.arange(50.0) * 100, np.arange(121.0)])
    assert mase_scale(x) == pytest.approx(1.0)
    assert mase_scale(np.array([1.0, np.nan, 3.0, 5.0])) == pytest.approx(2.0)
    assert mase_scale(np.tile([1.0, 5.0], 70), season=2) == 0.0
    assert np.isnan(mase_scale(np.array([1.0])))


def test_relative_is_the_geometric_mean_of_ratios() -> None:
    scores, base = np.array([[1.0, 4.0], [4.0, 1.0]]), np.full((2, 2), 2.0)
    assert relative(scores, base) == pytest.approx(1.0)
    np.testing.assert_allclose(relative(np.array([[2.0, np.nan]]), base[:1], axis=0), [1.0, np.nan])


def test_pit_is_where_outcomes_fell_between_the_levels() -> None:
    q = np.tile(np.arange(1.0, 16.0), (4, 1))
    y = np.array([0.5, 1.5, 99.0, np.nan])
    assert pit(q, y).tolist() == [1 / 3, 1 / 3, *[0.0] * 13, 1 / 3]
    # an outcome on a point mass is spread over what it touches, by what lies between the levels: .25 to .75 here
    still = np.array([[*range(1, 6), *[6.0] * 5, *range(11, 16)]], dtype=float)
    np.testing.assert_allclose(pit(still, np.array([6.0])), [*[0.0] * 5, 0.1, 0.2, 0.2, 0.2, 0.2, 0.1, *[0.0] * 5])
    assert np.isnan(pit(q, np.full(4, np.nan))).all()


def test_crps_is_twice_the_mean_quantile_score() -> None:
    q, y = np.arange(15.0), 3.5
    scores = [level * (y - k) if k < y else (1 - level) * (k - y) for k, level in enumerate(QUANTILE_LEVELS.tolist())]
    assert crps_from_quantiles(q[None], np.array([y])) == pytest.approx(2 * sum(scores) / 15)
    assert crps_from_quantiles(-q[None, ::-1], np.array([-y])) == pytest.approx(2 * sum(scores) / 15)


def test_an_interval_holds_its_ends() -> None:
    q = np.arange(15.0)
    ends = np.array([2.0, 12.0, 1.9, 12.1])  # of 80 %
    assert coverage(np.tile(q, (4, 1)), ends, 0.8) == 0.5


def test_mase_scale_is_of_as_many_changes_as_the_window_is_long() -> None:
    x = np.concatenate([[1000.0], np.zeros(120), [120.0]])
    assert mase_scale(x, window=120) == 1.0  # one change of 120 among 120; that of 1000 is the 121st
    assert mase_scale(x, window=121) == pytest.approx(1120 / 121)
    assert mase_scale(x[1:], season=2, window=119) == pytest.approx(120 / 119)
    assert mase_scale(np.concatenate([np.zeros(61), np.arange(61.0)])) == pytest.approx(60 / 120)


def test_ratios_of_what_is_not_positive_are_left_out() -> None:
    scores, base = np.array([2.0, 0.0, 3.0, 8.0, -1.0]), np.array([1.0, 1.0, 0.0, 1.0, -1.0])
    assert relative(scores, base) == pytest.approx(4.0)
    assert np.isnan(relative(np.zeros(2), np.ones(2)))


def test_quantiles_are_over_the_draws() -> None:
    draws = np.array([[0.0, 10.0, 20.0], [1.0, 11.0, 21.0]])
    np.testing.assert_allclose(
        quantiles(draws), np.array([[0.0], [10.0], [20.0]]) + np.clip(2 * QUANTILE_LEVELS - 0.5, 0, 1)
    )
    assert quantiles(np.zeros((5, 2, 3))).shape == (2, 3, 15)
