"""The filter that turns a series without events white."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forecast.effects.whitening import Whitening, fit_whitening
from forecast.errors import TooShort
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample

MONTHLY = Freq("M")


def covariance(rows: np.ndarray, theta: float) -> np.ndarray:
    """Of the differences between observations at ``rows`` of x, Δx_t = e_t + θ e_{t−1}: by adding it up."""
    T = int(rows[-1]) + 1
    d = np.eye(T + 1)[1:] + theta * np.eye(T + 1)[:-1]  # rows: Δx_t in terms of e
    sums = np.array([d[a + 1 : b + 1].sum(axis=0) for a, b in pairwise(rows)])
    return np.asarray(sums @ sums.T)


@settings(deadline=None)
@example(set(range(41)), -0.5, 0)
@example(set(range(0, 41, 2)), -0.5, 0)
@given(st.sets(st.integers(0, 40), min_size=4), st.sampled_from([-0.95, -0.5, 0.0, 0.3]), st.integers(0, 5))
def test_whitening_is_exact_over_gaps(observed: set[int], theta: float, seed: int) -> None:
    rows = np.array(sorted(observed))
    V = np.random.default_rng(seed).normal(size=(41, 3))
    V[[t for t in range(41) if t not in observed]] = np.nan
    e = Whitening(rows, 0.0, theta)(V)
    expected = np.linalg.solve(np.linalg.cholesky(covariance(rows, theta)), np.diff(V[rows], axis=0))
    assert e == pytest.approx(expected, abs=1e-8)


def test_an_arma_of_differences_comes_out_white() -> None:
    rng = np.random.default_rng(0)
    e = rng.normal(size=5000)
    d = np.zeros(5000)
    for t in range(1, 5000):
        d[t] = 0.6 * d[t - 1] + e[t] - 0.4 * e[t - 1]
    out = Whitening(np.arange(5000), 0.6, -0.4)(np.cumsum(d)[:, None])[:, 0]
    assert out[10:] == pytest.approx(e[12:], abs=1e-2)


def sample(x: np.ndarray, price: bool = True) -> Sample:
    return Sample(MONTHLY.range("2000-01-01", len(x)), x, MONTHLY, price)


@pytest.mark.parametrize("theta", [-0.95, -0.65, -0.3])
def test_the_noise_of_a_seasonal_volume_is_found(theta: float) -> None:
    rng = np.random.default_rng(1)
    e = rng.normal(0, 0.1, 400)
    x = np.cumsum(e + theta * np.concatenate([[0], e[:-1]])) + 0.4 * np.cos(np.arange(400) * np.pi / 6)
    found = fit_whitening(sample(x, price=False), np.ones(400, dtype=bool))
    assert found.phi == 0.0
    assert found.theta == pytest.approx(theta, abs=0.21)


def test_a_price_with_gaps_keeps_to_what_stays_exact() -> None:
    x = np.cumsum(np.random.default_rng(2).normal(size=200))
    x[50:60] = np.nan
    assert fit_whitening(sample(x), np.ones(200, dtype=bool)).phi == 0.0


def test_too_few_observations_are_refused() -> None:
    with pytest.raises(TooShort, match="3 observations"):
        fit_whitening(sample(np.array([1.0, np.nan, 2.0, np.nan, 3.0])), np.ones(5, dtype=bool))
