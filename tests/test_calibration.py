"""Calibration: what outcomes teach about widths, only when they are known, and draws that keep it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.calibration import Calibration, Conformal, Margins, couple, student_levels, student_quantile
from forecast.metrics import LEVELS
from forecast.series import Floats

CONFORMAL = Conformal(window=180, smooth=2, symmetric=1.0)
MEDIAN = len(LEVELS) // 2


def outcomes(scale: float, N: int = 20, T: int = 200, H: int = 6) -> Floats:
    return scale * np.random.default_rng(0).standard_t(5, (N, T, H)) / np.sqrt(5 / 3)


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.5])
def test_widths_follow_how_far_outcomes_fell(scale: float):
    calibration = CONFORMAL.calibrate(outcomes(scale), cutoff=199, horizon=6)
    assert calibration.kind == "panel"
    ratio = calibration.z[:, -1] / student_levels()[-1]
    assert (np.sign(ratio - 1) == np.sign(scale - 1)).all() or scale == 1.0
    # the Student-t stays in with its weight
    assert np.abs(ratio - 1).max() <= abs(scale - 1) + 0.1


def test_an_outcome_counts_from_the_period_in_which_it_is_known():
    z = outcomes(1.0, T=100)
    z[:, 60:, 0] = 50.0  # forecasts made from period 60 on fail badly: known from 61 on for h = 1
    z[:, 58:, 2] = 50.0  # for h = 3 likewise
    before, after = (Conformal(180, 0, 1.0).calibrate(z, cutoff, 6) for cutoff in (60, 61))
    assert (before.z[[0, 2], -1] < 5).all()
    assert after.z[0, -1] > before.z[0, -1]
    assert after.z[2, -1] > before.z[2, -1]
    assert before.outcomes[0] == 20 * 60
    assert before.outcomes[2] == 20 * 58


def test_widths_follow_what_all_series_do_at_once():
    z = outcomes(1.0)
    z[:, 190:] *= 2
    calm, restless = (CONFORMAL.calibrate(z, cutoff, 6).z[:, -1] for cutoff in (189, 199))
    assert (restless > 1.4 * calm).all()
    one = np.where(np.arange(20)[:, None, None] == 0, outcomes(1.0) * 4, outcomes(1.0))
    assert (CONFORMAL.calibrate(one, 199, 6).z[:, -1] < 1.3 * calm).all()


def test_only_the_window_counts():
    z = outcomes(1.0, T=400)
    z[:, :200] = 9.0
    assert CONFORMAL.calibrate(z, 399, 6).outcomes[0] == 20 * 180
    assert CONFORMAL.calibrate(z, 399, 6).z[0, -1] < 3


def test_a_small_panel_is_a_student_t_and_says_so():
    calibration = CONFORMAL.calibrate(outcomes(3.0, N=1, T=60), 59, 6)
    assert calibration.kind == "t5"
    assert np.array_equal(calibration.z, np.tile(student_levels(), (6, 1)))
    assert "too few" in calibration.describe()
    assert "2000" in CONFORMAL.calibrate(outcomes(1.0, T=101), 100, 1).describe().replace(",", "")


def test_missing_outcomes_do_not_count():
    z = outcomes(1.0)
    z[3] = np.nan
    assert CONFORMAL.calibrate(z, 199, 6).outcomes[0] == 19 * 180


def test_the_asymmetric_half_keeps_the_median():
    z = np.random.default_rng(0).lognormal(0, 0.6, (20, 200, 3))
    q = Conformal(180, 0, 0.5).calibrate(z, 199, 3).z
    assert np.allclose(q[:, MEDIAN], 0)
    assert (q[:, -1] > -q[:, 0]).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), symmetric=st.sampled_from([0.5, 1.0]), cutoff=st.integers(0, 80))
def test_quantiles_nest(seed: int, symmetric: float, cutoff: int):
    z = np.random.default_rng(seed).standard_t(2, (6, 80, 4)) * np.array([0.2, 3, 0.5, 1])
    q = Conformal(60, 1, symmetric, least=30).calibrate(z, cutoff, 4)
    assert (np.diff(q.z, axis=1) >= 0).all()
    p = np.broadcast_to(np.linspace(0.001, 0.999, 400), (4, 400))
    assert (np.diff(q.standard(student_quantile(p)), axis=1) >= 0).all()


def test_between_and_beyond_the_levels_an_uncalibrated_margin_is_a_student_t():
    t = student_quantile(np.broadcast_to(np.linspace(1e-4, 1 - 1e-4, 500), (30, 500)))
    np.testing.assert_allclose(Calibration.neutral(24).standard(t), t, atol=1e-9)


def margins(H: int = 4, still: float = 0.0) -> Margins:
    return Margins(np.zeros(H), np.linspace(0.1, 0.3, H), np.full(H, still), np.array(0.0))


def test_a_chance_of_standing_still_is_a_point_in_the_margin():
    q = margins(still=0.6).quantiles(Calibration.neutral(4))
    assert (q[:, (LEVELS > 0.2) & (LEVELS < 0.8)] == 0).all()
    assert (q[:, 0] < 0).all()
    # P(below -c) is shared out: 5 % of the whole are 12.5 % of what moves
    expected = np.linspace(0.1, 0.3, 4) * student_quantile(np.array(0.125))
    np.testing.assert_allclose(q[:, 1], expected, rtol=1e-6)


def test_coupling_keeps_ranks_and_margins():
    rng = np.random.default_rng(1)
    paths = np.cumsum(rng.normal(size=(2000, 4)), axis=1)
    calibration = CONFORMAL.calibrate(outcomes(1.4), 199, 4)
    draws = couple(paths, margins(), calibration, rng)
    for h in range(4):
        assert np.array_equal(np.argsort(paths[:, h]), np.argsort(draws[:, h]))
    found = np.quantile(draws, LEVELS, axis=0).T
    np.testing.assert_allclose(np.exp(found), np.exp(margins().quantiles(calibration)), rtol=0.005)
