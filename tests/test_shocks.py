"""Sums of shocks: the distribution is exact, whatever they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from forecast.coupling import middles
from forecast.forecasters.shocks import Shocks, student, student_quantiles

P = middles(2000)


@pytest.mark.parametrize("df", [3, 5, 40, 300])
def test_quantiles_of_the_student_t_are_those_of_scipy(df: int) -> None:
    np.testing.assert_allclose(student_quantiles(P, df), t.ppf(P, df), rtol=2e-6)


def test_one_shock_is_a_student_t_of_variance_one_and_a_normal_alone_is_normal() -> None:
    one = Shocks(np.array([[-2.0], [0.5]]), np.zeros(2))
    expected = np.sqrt(3 / 5) * t.ppf(P, 5)
    np.testing.assert_allclose(one.quantiles(P), [2 * expected, 0.5 * expected], rtol=1e-4)
    np.testing.assert_allclose(Shocks(np.zeros((1, 0)), np.array([4.0])).quantiles(P)[0], 2 * norm.ppf(P), rtol=1e-4)


def test_a_walk_has_the_distribution_of_its_steps_and_a_median_that_stands_still() -> None:
    steps = np.tril(np.ones((24, 24)))
    found = Shocks(steps, np.zeros(24)).quantiles(np.array([0.025, 0.5, 0.9]))
    drawn = steps @ student((24, 400_000), np.random.default_rng(0))
    np.testing.assert_allclose(found[:, [0, 2]], np.quantile(drawn, [0.025, 0.9], axis=1).T, rtol=0.01)
    assert (found[:, 1] == 0).all()
    assert (np.diff(found[:, 2], 2)[1:] < 0).all(), "it fans out as a root does, without a tooth"


def test_jumps_that_seldom_come_are_in_the_tails() -> None:
    rng, size = np.random.default_rng(1), np.array([[0.5, 0.0], [0.5, 0.5]])
    law = Shocks(np.ones((2, 1)), np.array([0.1, 0.2]), size, 0.1)
    jumps = rng.laplace(size=(2, 400_000)) * (rng.random((2, 400_000)) < 0.1)
    drawn = size @ jumps + student((1, 400_000), rng)
    drawn += np.sqrt(np.array([[0.1], [0.2]])) * rng.standard_normal((2, 400_000))
    np.testing.assert_allclose(law.sd, drawn.std(axis=1), rtol=0.01)
    for p in (0.001, 0.05, 0.3, 0.8, 0.99):
        np.testing.assert_allclose(law.quantiles(np.array([p]))[:, 0], np.quantile(drawn, p, axis=1), rtol=0.03)
