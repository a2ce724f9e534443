"""The noise model of a series without events, and the filter that whitens it.

On the log a price is close to a random walk with a little memory, a volume close to a level plus noise, with some
memory too. Both are Δx_t = d_t, d_t = φ d_{t−1} + e_t + θ e_{t−1} on a small grid of (φ, θ); a local level is φ = 0,
θ < 0. The filter is the innovations algorithm (Brockwell and Davis, Time Series: Theory and Methods, §5.3), applied
alike to the series, to the controls and to every design, so that generalised least squares is ordinary least squares on
what comes out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_banded

from forecast.errors import TooShort
from forecast.timeseries.fourier import seasonal
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

Bools = npt.NDArray[np.bool_]

PHI = 0.0, 0.3, 0.6
PRICE_THETA = (-0.4, -0.2, 0.0, 0.15, 0.3, 0.45)
VOLUME_THETA = (-0.95, -0.85, -0.75, -0.65, -0.5, -0.3, -0.1)

#: Where φ + θ lies before the data are seen: mean and sd over many series; it decides where there are few data.
PRIOR_PRICE, PRIOR_VOLUME = (0.3, 0.2), (-0.55, 0.3)
#: How many (φ, θ) are averaged over, and the share of the highest weight that each must have.
MAX_WHITENINGS, MIN_WEIGHT_SHARE = 3, 0.1
#: Power by which their weights are evened: no (φ, θ) is the truth, and a full likelihood is too sure of the best one
#: (Grünwald and van Ommen, Inconsistency of Bayesian inference for misspecified linear models, and a proposal for
#: repairing it, Bayesian Analysis 12, 2017).
LIKELIHOOD_POWER = 0.5
#: Fewest observations from which anything is estimated.
MIN_OBSERVATIONS = 8


@dataclass(frozen=True, eq=False)
class Whitening:
    """Exact whitening of columns that are observed at ``rows`` of the sample's T periods, for one (φ, θ).

    Over a gap of g periods the difference of two observations is a sum of g terms: with φ = 0 it has variance
    1 + (g−1)(1+θ)² + θ² and covariance θ with its neighbours, so the same recursion stays exact (it is the Kalman
    filter of the local level). With φ ≠ 0 there must be no gaps.
    """

    rows: npt.NDArray[np.intp]
    phi: float
    theta: float

    @property
    def periods(self) -> npt.NDArray[np.intp]:
        """Row of the sample that each innovation belongs to: the later end of its difference."""
        return self.rows[2 if self.phi else 1 :]

    def __call__(self, V: Floats) -> Floats:
        """(T, K) columns as (m, K) innovations with the variance of e."""
        return self.innovations(V)[0]

    def innovations(self, V: Floats) -> tuple[Floats, Floats]:
        """(m, K) innovations of columns (T, K), over their relative sd (m,)."""
        w = np.diff(V[self.rows], axis=0)
        gamma = 1 + (np.diff(self.rows) - 1) * (1 + self.theta) ** 2 + self.theta**2
        if self.phi:
            w, gamma = w[1:] - self.phi * w[:-1], gamma[1:]
        r = _variances(gamma, self.theta)
        sd = np.sqrt(r)
        return _recursion(self.theta / r, w) / sd[:, None], sd


def _recursion(gain: Floats, w: Floats) -> Floats:
    """e_t = w_t − gain_{t−1} e_{t−1} for each column of w (m, K): row by row, or, if few, as a bidiagonal system."""
    if w.shape[1] < 16:
        bands = np.array([np.ones(len(gain)), gain])
        return np.asarray(solve_banded((1, 0), bands, w, check_finite=False))
    e = np.array(w, order="C")
    for t in range(1, len(e)):
        e[t] -= gain[t - 1] * e[t - 1]
    return e


def _variances(gamma: Floats, theta: float) -> Floats:
    """(m,) variance of each innovation, r_t = γ_t − θ²/r_{t−1}; in closed form where there are no gaps."""
    if gamma.max() <= 1 + theta**2:
        left = 1 - theta ** (2.0 * np.arange(1, len(gamma) + 2))
        return np.asarray(left[1:] / left[:-1])
    r = [float(gamma[0])]
    for variance in gamma[1:].tolist():
        r.append(variance - theta**2 / r[-1])
    return np.array(r)


def whitenings(sample: Sample, quiet: Bools) -> list[tuple[Whitening, float]]:
    """The (φ, θ) that the ``quiet`` periods (T,) leave open, with their weights, which sum to 1; the likeliest first.

    The weight is the likelihood over the grid times the ``PRIOR``; what has less than a tenth of the highest is left
    out, and so is all but the first three. Volumes have their season removed by regression for each (φ, θ). Raises
    ``TooShort`` below ``MIN_OBSERVATIONS`` observations.
    """
    rows = np.flatnonzero(np.isfinite(sample.x))
    if len(rows) < MIN_OBSERVATIONS:
        raise TooShort(
            f"{len(rows)} observations are too few to tell an effect from noise; {MIN_OBSERVATIONS} are needed"
        )
    V = np.column_stack([sample.x, seasonal(sample.ds, sample.freq)] if not sample.is_price else [sample.x])
    usual, spread = PRIOR_PRICE if sample.is_price else PRIOR_VOLUME

    def log_posterior(model: Whitening) -> float:
        e, sd = model.innovations(V)
        # All are judged by the same innovations: with φ there is one less, and what that one weighs hangs on the unit.
        calm = quiet[model.periods] & (model.periods > rows[1])
        loglik = -calm.sum() / 2 * np.log(_rss(e[calm]) / calm.sum() + 1e-12) - np.log(sd[calm]).sum()
        return float(loglik - 0.5 * ((model.phi + model.theta - usual) / spread) ** 2)

    gaps = bool((np.diff(rows) > 1).any())
    models = [Whitening(rows, phi, theta) for phi, theta in _grid(sample.is_price, gaps)]
    weight = np.array([log_posterior(model) for model in models])
    weight = np.exp(LIKELIHOOD_POWER * (weight - weight.max()))
    best = np.argsort(-weight, kind="stable")[:MAX_WHITENINGS]
    best = best[weight[best] >= MIN_WEIGHT_SHARE]
    return [(models[k], float(weight[k] / weight[best].sum())) for k in best]


def fit_whitening(sample: Sample, quiet: Bools) -> Whitening:
    """The likeliest of ``whitenings`` alone."""
    return whitenings(sample, quiet)[0][0]


def _grid(is_price: bool, gaps: bool) -> list[tuple[float, float]]:
    thetas = PRICE_THETA if is_price else VOLUME_THETA
    return [(phi, theta) for phi in (PHI[:1] if gaps else PHI) for theta in thetas if phi + theta or phi == theta]


def _rss(columns: Floats) -> float:
    """Residual sum of squares of the first column on the others, which are lightly held towards 0."""
    y, H = columns[:, 0], columns[:, 1:]
    if not H.size:
        return float(y @ y)
    beta = np.linalg.solve(H.T @ H + 1e-2 * np.eye(H.shape[1]), H.T @ y)
    return float(y @ (y - H @ beta))
