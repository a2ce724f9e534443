"""Calibration: what outcomes teach about widths, only when they are known, and draws that keep it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.coupling import couple, middles
from forecast.forecasters.calibration import Calibration, Conformal, Margins, student_levels, student_quantile
from forecast.metrics import QUANTILE_LEVELS, quantiles
from forecast.timeseries.series import Floats

CONFORMAL = Conformal(window=180, smooth=2, symmetric=1.0)
MEDIAN = len(QUANTILE_LEVELS) // 2


def outcomes(scale: float, N: int = 20, T: int = 200, H: int = 6) -> Floats:
    return np.asarray(scale * np.random.default_rng(0).standard_t(5, (N, T, H)) / np.sqrt(5 / 3))


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.5])
def test_widths_follow_how_far_outcomes_fell(scale: float) -> None:
    calibration = CONFORMAL.calibrate(outcomes(scale), cutoff=199, horizon=6)
    assert calibration.kind == "panel"
    ratio = calibration.z[:, -1] / student_levels()[-1]
    assert (np.sign(ratio - 1) == np.sign(scale - 1)).all() or scale == 1.0
    # the Student-t stays in with its weight
    assert np.abs(ratio - 1).max() <= abs(scale - 1) + 0.1


def test_an_outcome_counts_from_the_period_in_which_it_is_known() -> None:
    z = outcomes(1.0, T=100)
    z[:, 60:, 0] = 50.0  # forecasts made from period 60 on fail badly: known from 61 on for h = 1
    z[:, 58:, 2] = 50.0  # for h = 3 likewise
    before, after = (Conformal(180, 0, 1.0).calibrate(z, cutoff, 6) for cutoff in (60, 61))
    assert (before.z[[0, 2], -1] < 5).all()
    assert after.z[0, -1] > before.z[0, -1]
    assert after.z[2, -1] > before.z[2, -1]
    assert before.outcomes[0] == 20 * 60
    assert before.outcomes[2] == 20 * 58


def test_widths_follow_what_all_series_do_at_once() -> None:
    z = outcomes(1.0)
    z[:, 190:] *= 2
    calm, restless = (CONFORMAL.calibrate(z, cutoff, 6).z[:, -1] for cutoff in (189, 199))
    assert (restless > 1.4 * calm).all()
    one = np.where(np.arange(20)[:, None, None] == 0, outcomes(1.0) * 4, outcomes(1.0))
    assert (CONFORMAL.calibrate(one, 199, 6).z[:, -1] < 1.3 * calm).all()


def test_only_the_window_counts() -> None:
    z = outcomes(1.0, T=400)
    z[:, :200] = 9.0
    assert CONFORMAL.calibrate(z, 399, 6).outcomes[0] == 20 * 180
    assert CONFORMAL.calibrate(z, 399, 6).z[0, -1] < 3


def test_a_small_panel_is_a_student_t_and_says_so() -> None:
    calibration = CONFORMAL.calibrate(outcomes(3.0, N=1, T=60), 59, 6)
    assert calibration.kind == "t5"
    assert np.array_equal(calibration.z, np.tile(student_levels(), (6, 1)))
    assert "too few" in calibration.describe()
    assert "2000" in CONFORMAL.calibrate(outcomes(1.0, T=101), 100, 1).describe().replace(",", "")


def test_horizons_that_no_past_forecast_reached_are_told_apart() -> None:
    said = CONFORMAL.calibrate(outcomes(1.0, N=2_000, T=4), 3, 6).describe()
    assert said.startswith("intervals as wide as 2,000 to 6,000 past")
    assert said.endswith("needed; farther ahead than any of these, of a standard shape")


def test_missing_outcomes_do_not_count() -> None:
    z = outcomes(1.0)
    z[3] = np.nan
    assert CONFORMAL.calibrate(z, 199, 6).outcomes[0] == 19 * 180


def test_asymmetric_quantiles_keep_the_median() -> None:
    z = np.random.default_rng(0).lognormal(0, 0.6, (20, 200, 3))
    for symmetric in (0.0, 0.5):
        q = Conformal(180, 0, symmetric).calibrate(z, 199, 3).z
        assert np.allclose(q[:, MEDIAN], 0)
        assert (q[:, -1] > -q[:, 0]).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), symmetric=st.sampled_from([0.0, 0.5, 1.0]), cutoff=st.integers(0, 80))
def test_quantiles_nest(seed: int, symmetric: float, cutoff: int) -> None:
    z = np.random.default_rng(seed).standard_t(2, (6, 80, 4)) * np.array([0.2, 3, 0.5, 1])
    q = Conformal(60, 1, symmetric, least=30).calibrate(z, cutoff, 4)
    assert (np.diff(q.z, axis=1) >= 0).all()
    p = np.broadcast_to(np.linspace(0.001, 0.999, 400), (4, 400))
    assert (np.diff(q.standard(student_quantile(p)), axis=1) >= 0).all()


def test_between_and_beyond_the_levels_an_uncalibrated_margin_is_a_student_t() -> None:
    t = student_quantile(np.broadcast_to(np.linspace(1e-4, 1 - 1e-4, 500), (30, 500)))
    np.testing.assert_allclose(Calibration.neutral(24).standard(t), t, atol=1e-9)


def margins(H: int = 4, still: float = 0.0) -> Margins:
    return Margins(np.zeros(H), np.linspace(0.1, 0.3, H), np.full(H, still), np.array(0.0))


def test_a_chance_of_standing_still_is_a_point_in_the_margin() -> None:
    q = margins(still=0.6).quantiles(Calibration.neutral(4))
    assert (q[:, (QUANTILE_LEVELS > 0.2) & (QUANTILE_LEVELS < 0.8)] == 0).all()
    assert (q[:, 0] < 0).all()
    # P(below -c) is shared out: 5 % of the whole are 12.5 % of what moves
    expected = np.linspace(0.1, 0.3, 4) * student_quantile(np.array(0.125))
    np.testing.assert_allclose(q[:, 1], expected, rtol=1e-6)


def test_coupling_keeps_ranks_and_margins() -> None:
    paths = np.cumsum(np.random.default_rng(1).normal(size=(4, 2000)), axis=0)
    calibration = CONFORMAL.calibrate(outcomes(1.4), 199, 4)
    draws = couple(paths, margins().quantiles(calibration, middles(2000)))
    np.testing.assert_array_equal(np.argsort(paths), np.argsort(draws))
    np.testing.assert_allclose(quantiles(draws.T), margins().quantiles(calibration), atol=1e-4)


# -- numbers that can be worked out by hand ----------------------------------------------------------------------------

T5 = student_levels()
SIDE = np.sign(QUANTILE_LEVELS - 0.5)


def all_at(*sizes: float, N: int = 10, T: int = 60) -> Floats:
    """Outcomes (N, T, H) that all fell the same distance from their mean, another one at each horizon."""
    return np.asarray(np.ones((N, T, 1)) * np.array(sizes))


def test_the_student_t_has_variance_one() -> None:
    assert T5[-1] == pytest.approx(2.570582 / (5 / 3) ** 0.5, rel=1e-6)


def test_outcomes_weigh_against_a_hundred_of_the_student_t_for_each_period_ahead() -> None:
    calibration = Conformal(180, 0, 1.0).calibrate(all_at(1.0, 2.0), cutoff=40, horizon=2)
    np.testing.assert_array_equal(calibration.outcomes, [400, 390])
    np.testing.assert_allclose(calibration.z[0], (400 * SIDE + 100 * T5) / 500)
    np.testing.assert_allclose(calibration.z[1], (390 * 2 * SIDE + 200 * T5) / 590)


def test_neighbouring_horizons_share_their_quantiles() -> None:
    calibration = Conformal(180, 1, 1.0).calibrate(all_at(1.0, 2.0, 3.0), cutoff=40, horizon=3)
    alone = [(n * h * SIDE + 100 * h * T5) / (n + 100 * h) for n, h in ((400, 1), (390, 2), (380, 3))]
    expected = [np.mean(alone[:2], axis=0), np.mean(alone, axis=0), np.mean(alone[1:], axis=0)]
    np.testing.assert_allclose(calibration.z, expected)


def test_a_hundred_outcomes_are_enough_and_a_horizon_with_fewer_is_a_student_t() -> None:
    few = Conformal(180, 0, 1.0).calibrate(all_at(1.0, 2.0), cutoff=10, horizon=2)
    assert few.kind == "panel"
    np.testing.assert_array_equal(few.outcomes, [100, 90])
    np.testing.assert_allclose(few.z[0], (100 * SIDE + 100 * T5) / 200)
    np.testing.assert_allclose(few.z[1], T5)
    assert Conformal(180, 0, 1.0).calibrate(all_at(1.0, N=9), cutoff=11, horizon=1).kind == "t5"  # 99


def test_all_widths_are_widened_alike() -> None:
    plain, wider = (Conformal(180, 1, 0.0, widen=w).calibrate(outcomes(1.4), 199, 6) for w in (1.0, 1.03))
    np.testing.assert_allclose(wider.z, 1.03 * plain.z)


def test_the_window_is_counted_in_origins() -> None:
    z = all_at(1.0)
    z[:, :30] = np.nan
    z[:, 30] = 5.0
    result = [Conformal(window, 0, 1.0, least=1, memory=1.0).calibrate(z, 50, 1) for window in (20, 19)]
    assert [one.outcomes[0] for one in result] == [200, 190]
    np.testing.assert_allclose(result[1].z[0], (190 * SIDE + 100 * T5) / 290)


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize(("size", "towards"), [(2.0, 4.0), (5.0, 2.75**2), (0.5, 0.25)])
def test_the_common_scale_follows_mean_squares_with_memory(size: float, towards: float, delay: int) -> None:
    # seven series: each period it goes .15 · 7 / (7 + 3) of the way to their mean square
    scale = Conformal(180, 0, 1.0, delay=delay).common_scale(all_at(size, N=7), 20)
    known = np.maximum(np.arange(21) - delay, 0)
    np.testing.assert_allclose(scale**2, towards + (1 - towards) * 0.895**known)


def test_outcomes_that_the_next_may_take_back_wait_for_it() -> None:
    z = all_at(1.0, 1.0, N=7)
    z[:, 5] = 2.0
    for delay in (0, 1, 2):
        conformal = Conformal(180, 0, 1.0, delay=delay, least=1)
        scale = conformal.common_scale(z, 20) ** 2
        result = 5 + 1 + delay  # the first period that knows
        np.testing.assert_allclose(scale[: result + 1], [*np.ones(result), 1 + 0.105 * 3])
        assert [conformal.calibrate(z, 40, 2).outcomes[h] for h in (0, 1)] == [7 * (40 - delay), 7 * (39 - delay)]


def test_a_scale_has_a_floor_and_skips_what_nobody_observed() -> None:
    z = all_at(0.0, N=7)
    assert Conformal(180, 0, 1.0).common_scale(z, 59)[-1] ** 2 == pytest.approx(0.1)
    z[:5, 3], z[:, 4] = np.nan, np.nan
    scale = Conformal(180, 0, 1.0).common_scale(z, 6) ** 2
    np.testing.assert_allclose(np.diff(np.log(scale)), np.log([0.895, 0.895, 0.895, 1 - 0.15 * 2 / 5, 1.0, 0.895]))


def test_outcomes_are_measured_by_the_scale_of_their_origin_and_widths_by_that_of_today() -> None:
    z, conformal = all_at(2.0, N=7), Conformal(180, 0, 1.0, prior=0.0)
    scale = conformal.common_scale(z, 40)
    expected = scale[40] * np.quantile(2.0 / np.repeat(scale[:40], 7), 2 * QUANTILE_LEVELS[8:] - 1)
    np.testing.assert_allclose(conformal.calibrate(z, 40, 1).z[0, 8:], expected)


def test_an_asymmetric_share_is_of_the_raw_quantiles_less_their_median() -> None:
    z = np.linspace(-1.0, 3.0, 101)[None, :, None]
    result = Conformal(180, 0, 0.25, prior=0.0, least=1, memory=1.0).calibrate(np.concatenate([z, z[:, :1]], 1), 101, 1)
    half = np.quantile(np.abs(z), 2 * QUANTILE_LEVELS[8:] - 1)
    np.testing.assert_allclose(result.z[0, 8:], 0.25 * half + 0.75 * 4 * (QUANTILE_LEVELS[8:] - 0.5))
    np.testing.assert_allclose(result.z[0, :7], -0.25 * half[::-1] + 0.75 * 4 * (QUANTILE_LEVELS[:7] - 0.5))


def test_the_tails_are_stretched_as_the_outermost_levels_were_and_late_horizons_are_as_the_last() -> None:
    z = np.array([T5, np.where(T5 < 0, 3 * T5, 2 * T5)])
    calibration = Calibration("panel", z, np.array([500, 500]))
    t = student_quantile(np.tile([0.001, 0.999], (4, 1)))
    np.testing.assert_allclose(calibration.standard(t), t * [[1, 1], [3, 2], [3, 2], [3, 2]])
    np.testing.assert_array_equal(calibration.rows(4), z[[0, 1, 1, 1]])


def test_what_does_not_stand_still_moves_either_way() -> None:
    q = margins(still=0.6).quantiles(Calibration.neutral(4))
    np.testing.assert_allclose(q[:, -2], np.linspace(0.1, 0.3, 4) * student_quantile(np.array(0.875)), rtol=1e-6)
    one = Margins(np.array([1.0, 1.0]), np.ones(2), np.array([0.6, 0.0]), np.array(1.0))
    q = one.quantiles(Calibration.neutral(2))
    np.testing.assert_allclose(q[0, (QUANTILE_LEVELS > 0.2) & (QUANTILE_LEVELS < 0.8)], 1.0)
    np.testing.assert_allclose(q[1], 1.0 + T5, rtol=1e-6)


def test_draws_are_the_quantiles_at_the_middles_of_equal_shares() -> None:
    expected = np.outer(np.linspace(0.1, 0.3, 4), student_quantile(np.arange(0.05, 1.0, 0.1)))
    paths = np.random.default_rng(0).normal(size=(4, 10))
    draws = couple(paths, margins().quantiles(Calibration.neutral(4), middles(10)))
    np.testing.assert_allclose(np.sort(draws), expected)


def test_margins_at_a_period_are_all_of_that_period() -> None:
    N, T, H = 2, 3, 2
    whole = np.arange(N * T * H, dtype=float).reshape(N, T, H)
    one = Margins(whole, 10 + whole, 100 + whole, whole[..., 0]).at(1)
    np.testing.assert_array_equal([one.mean, one.sd - 10, one.still - 100], [whole[:, 1]] * 3)
    np.testing.assert_array_equal(one.anchor, whole[:, 1, 0])
