"""A series with its season and its comparison taken out: the algebra, and the noise by which all is measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecast.effects.profile import CONTROL_PRECISIONS, Profile, profile
from forecast.effects.whitening import Whitening
from forecast.timeseries.fourier import seasonal
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

MONTHLY = Freq("M")
T = 240
DS = MONTHLY.range("2005-01-01", T)
QUIET = np.ones(T, dtype=bool)
#: Moves of 4 % up or down at random: white, of one sd that is known exactly.
MOVES = 0.04 * np.sign(np.random.default_rng(7).normal(size=T))
EVEN = Sample(DS, np.cumsum(MOVES), MONTHLY, is_price=True)


def volume() -> Sample:
    rng = np.random.default_rng(1)
    x = 8 + np.cumsum(rng.normal(0, 0.02, T)) + 0.2 * np.sin(np.arange(T) * np.pi / 6) + rng.normal(0, 0.1, T)
    return Sample(DS, x, MONTHLY, is_price=False)


def controls(n: int) -> Floats:
    return np.cumsum(np.random.default_rng(2).normal(0, 0.05, (T, n)), axis=0)


def moved(sample: Sample, by: Floats) -> Sample:
    """The sample as moved by a control."""
    return replace(sample, x=sample.x + by)


def test_products_are_those_of_the_formula() -> None:
    aside = controls(3)
    view = profile(moved(volume(), 2 * aside.sum(axis=1)), aside, QUIET)
    E = view.whiten(np.random.default_rng(3).normal(size=(T, 4)).cumsum(axis=0))
    A = view.X.T @ view.X + np.diag(view.precision)
    left = np.eye(len(view.Y)) - view.X @ np.linalg.solve(A, view.X.T)
    xx, xy = view.products(E)
    assert xx == pytest.approx(np.diag(E.T @ left @ E), rel=1e-8)
    assert xy == pytest.approx(E.T @ left @ view.Y, rel=1e-8)
    assert view.precision[:11] == pytest.approx(np.full(11, 0.06**-2))
    assert len(view.precision) == 14


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0, 6.0])
def test_controls_are_trusted_as_far_as_their_evidence_goes_and_left_out_where_they_do_not_help(share: float) -> None:
    """The marginal likelihood of each trust by its definition: a normal density with the noise variance at its best."""
    aside = controls(4)
    sample = moved(EVEN, share * aside[:, 0])
    view = profile(sample, aside, QUIET)
    white = view.whitening
    y, W = white(sample.x[:, None])[:, 0], white(aside)
    W = W / np.sqrt(np.mean(W**2, axis=0))
    U, S, _ = np.linalg.svd(W, full_matrices=False)
    Z = U * S * np.sqrt(len(y)) / S[0]

    def evidence(trust: float) -> float:
        cov = np.eye(len(y)) + Z @ Z.T / trust
        return float(-np.linalg.slogdet(cov)[1] / 2 - len(y) / 2 * np.log(y @ np.linalg.solve(cov, y)))

    best = max(CONTROL_PRECISIONS, key=evidence)
    assert view.precision.tolist() == ([] if best == np.inf else [best] * 4)
    assert (best == np.inf) is (share == 0)
    assert view.X.shape[1] == len(view.precision)


def test_more_noise_divides_every_product() -> None:
    view = profile(volume(), controls(3), QUIET)
    columns = np.random.default_rng(3).normal(size=(T, 2)).cumsum(axis=0)
    louder = view.rescaled(4.0)
    for before, after in zip(view.products(view.whiten(columns)), louder.products(louder.whiten(columns)), strict=True):
        assert after == pytest.approx(before / 4)
    assert louder.residual == pytest.approx(view.residual / 2)
    assert louder.dof == view.dof


def test_a_price_of_even_moves_is_measured_by_them() -> None:
    view = profile(EVEN, None, QUIET)
    assert view.scale == pytest.approx(np.full(T - 1, 0.04))
    np.testing.assert_allclose(view.Y, np.sign(MOVES[1:]))
    assert view.X.shape == (T - 1, 0)
    assert view.dof == T - 1


def test_volatility_remembers_squares_half_way_to_constant_and_outliers_are_cut() -> None:
    moves = MOVES * np.where(np.arange(T) < 120, 1.0, 2.0)
    moves[60] = 1.0
    view = profile(replace(EVEN, x=np.cumsum(moves)), None, QUIET)
    assert (view.whitening.phi, view.whitening.theta) == (0.0, 0.0)
    z = moves[1:] / np.sqrt(np.mean(moves[1:] ** 2))
    v, variances = 1.0, []
    for square in z**2:
        variances.append(v)
        v = 0.94 * v + 0.06 * min(square, 16 * v)
    weights = np.array(variances) ** 0.25
    weights /= np.sqrt(np.mean(weights**2))
    sigma = np.sqrt(np.mean((moves[1:] / weights) ** 2))
    assert view.scale == pytest.approx(sigma * weights)


def test_what_happens_in_times_that_are_not_quiet_is_no_noise() -> None:
    quiet = (np.arange(T) < 150) | (np.arange(T) > 160)
    wild = np.cumsum(np.where(quiet, MOVES, 50 * MOVES))
    for aside in (None, controls(3)):
        calm, loud = (profile(replace(EVEN, x=x), aside, quiet) for x in (EVEN.x, wild))
        assert loud.scale == pytest.approx(calm.scale)
        assert loud.dof == pytest.approx(calm.dof)


def noise_of(view: Profile) -> float:
    return float(np.sqrt(np.mean(view.scale**2)))


def test_ten_components_of_the_controls_are_enough_and_the_first_has_variance_one() -> None:
    aside = controls(12)
    view = profile(moved(EVEN, aside.sum(axis=1)), aside, QUIET)
    m = len(view.Y)
    assert view.X.shape == (m, 10)
    weights = view.scale / noise_of(view)
    squares = np.mean((view.X * weights[:, None]) ** 2, axis=0)
    assert squares[0] == pytest.approx(1.0, rel=1e-6)
    assert (np.diff(squares) < 0).all()
    M = view.X.T @ view.X
    assert view.dof == pytest.approx(m - np.trace(np.linalg.solve(M + view.precision[0] * np.eye(10), M)), abs=0.05)


def test_a_comparison_takes_out_what_is_common_and_the_noise_is_what_is_left() -> None:
    common = controls(1)[:, 0]
    own = np.random.default_rng(5).normal(0, 0.01, T)
    view = profile(replace(EVEN, x=common + np.cumsum(own)), common[:, None], QUIET)
    assert noise_of(view) == pytest.approx(float(np.std(own)), rel=0.03)
    assert noise_of(profile(replace(EVEN, x=common), None, QUIET)) == pytest.approx(0.05, rel=0.1)


def test_noise_is_what_is_left_by_the_degrees_of_freedom() -> None:
    view = profile(volume(), None, QUIET)
    residual = view.Y - view.X @ np.linalg.solve(view.X.T @ view.X + np.diag(view.precision), view.X.T @ view.Y)
    assert len(view.Y) - 11 < view.dof < len(view.Y)
    assert residual @ residual == pytest.approx(view.dof, rel=0.02)


def test_a_year_of_a_flow_is_not_explained_away_by_its_season() -> None:
    noise = np.random.default_rng(5).normal(0, 0.2, 60)
    short = Sample(DS[:14], 7 + noise[:14], MONTHLY, is_price=False)
    assert 0.12 < noise_of(profile(short, None, np.ones(14, dtype=bool))) < 0.35
    # a season that is there is found once there are years of it, and is no noise
    seasonal = 7 + 0.5 * np.sin(np.arange(60) * np.pi / 6) + noise / 4
    assert noise_of(profile(Sample(DS[:60], seasonal, MONTHLY, False), None, np.ones(60, dtype=bool))) < 0.08


def test_a_control_says_nothing_where_it_may_not_be_used_and_each_piece_is_whitened_by_itself() -> None:
    whole = controls(1)
    holes = whole.copy()
    holes[100:110] = np.nan
    view = profile(moved(EVEN, 2 * whole[:, 0]), holes, QUIET)
    white = view.whitening
    first = 2 if white.phi else 1  # what a filter needs before its first innovation
    zero = view.whitening.periods[view.X[:, 0] == 0]
    assert zero.tolist() == list(range(100, 110 + first))
    pieces = [Whitening(np.arange(*rows), white.phi, white.theta)(whole)[:, 0] for rows in ((0, 100), (110, T))]
    innovations = np.concatenate(pieces)
    used = np.flatnonzero(view.X[:, 0])
    got = np.abs(view.X[:, 0] * view.scale)[used]
    got /= np.sqrt(np.mean(got**2))
    assert got == pytest.approx(np.abs(innovations) / np.sqrt(np.mean(innovations**2)))


def test_a_leap_of_a_control_is_cut_in_flows_and_not_in_prices() -> None:
    leap = controls(1)
    leap[120:] += 5.0

    for sample in (volume(), EVEN):
        view = profile(moved(sample, leap[:, 0]), leap, QUIET)
        w = view.whitening(leap)
        if not sample.is_price:
            H = view.whitening(seasonal(DS, MONTHLY))
            w = w - H @ np.linalg.lstsq(H, w, rcond=None)[0]
        w = w[:, 0] / np.sqrt(np.mean(w**2))
        assert np.abs(w).max() > 10
        seen = w if sample.is_price else np.clip(w, -4, 4)
        weights = view.scale / noise_of(view)
        got = np.abs(view.X[:, -1] * weights)
        assert got == pytest.approx(np.abs(seen) / np.sqrt(np.mean(seen**2)))
