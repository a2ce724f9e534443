"""A series made white, with everything but the events taken out once; then any design costs a few dot products.

With y = Xβ + Ea + e, e white with variance 1, and a normal prior on the nuisance β (season, controls), what the
data say of the effects a is a normal likelihood with cross products

    xx = E'E − E'X A⁻¹ X'E,   xy = E'Y − E'X A⁻¹ X'Y,   A = X'X + precision,

so the nuisance is profiled once and each design is judged by xx and xy alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecast.effects.whitening import Bools, Whitening, fit_whitening, seasons
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

#: Components of the controls, and the prior precision of their coefficients, in units of the noise.
COMPONENTS, PRECISION = 6, 0.3 / 0.25
#: A standardised innovation of a control beyond this is cut off, in volumes.
CLIP = 4.0
#: Memory of the volatility, per period.
MEMORY = 0.94
#: Values that are whitened in one go: whitening needs several times their memory.
_AT_ONCE = 2_000_000
#: A series that does not move at all still has this much noise, on the log.
LEAST_SD = 1e-6


@dataclass(frozen=True, eq=False)
class Profile:
    """Whitened series ``Y`` (m,) and nuisance ``X`` (m, q), both over the noise sd ``scale`` (m,).

    ``precision`` (q,): of the nuisance coefficients; ``dof``: degrees of freedom left by them.
    """

    whitening: Whitening
    scale: Floats
    Y: Floats
    X: Floats
    precision: Floats
    dof: float

    def whiten(self, columns: Floats) -> Floats:
        """(m, K) what columns (T, K) become."""
        out = np.empty((len(self.scale), columns.shape[1]))
        some = max(_AT_ONCE // len(columns), 1)
        for start in range(0, columns.shape[1], some):
            out[:, start : start + some] = self.whitening(columns[:, start : start + some]) / self.scale[:, None]
        return out

    @cached_property
    def _root(self) -> Floats:
        """X L'⁻¹ (m, q) with A = LL': the nuisance directions, so that a profiled product is a'b − (R'a)'(R'b)."""
        A = self.X.T @ self.X + np.diag(self.precision)
        return np.linalg.solve(np.linalg.cholesky(A), self.X.T).T if self.X.shape[1] else self.X

    def shadow(self, E: Floats) -> Floats:
        """(q, K) the part of whitened designs that the nuisance explains away."""
        return np.asarray(self._root.T @ E)

    @cached_property
    def residual(self) -> Floats:
        """(m,) Y less the nuisance: xy = E'residual."""
        return np.asarray(self.Y - self._root @ self.shadow(self.Y))

    def products(self, E: Floats) -> tuple[Floats, Floats]:
        """xx (K,) and xy (K,) of whitened designs (m, K), one at a time."""
        xx = np.einsum("tk,tk->k", E, E) - np.einsum("qk,qk->k", S := self.shadow(E), S)
        return np.maximum(xx, 0.0), E.T @ self.residual

    @property
    def yy(self) -> float:
        """Profiled sum of squares of the series."""
        return float(self.Y @ self.residual)

    def rescaled(self, variance: float) -> Profile:
        """The same with the noise found to have this variance instead of 1: all products are divided by it."""
        s = np.sqrt(variance)
        return Profile(self.whitening, self.scale * s, self.Y / s, self.X / s, self.precision / variance, self.dof)


def profile(sample: Sample, controls: Floats | None, quiet: Bools) -> Profile:
    """Whiten a sample and take its season and its ``controls`` (T, m; logs, NaN where they may not be used) out.

    ``quiet`` (T,): periods without events, by which the noise is judged. Volatility is an exponential mean of past
    squares, half-way to constant. Raises ``TooShort``.
    """
    whitening = fit_whitening(sample, quiet)
    calm = quiet[whitening.periods]
    Y = whitening(sample.x[:, None])[:, 0]
    H = whitening(seasons(sample.ds, sample.freq)) if not sample.is_price else np.zeros((len(Y), 0))
    Z = _components(sample, controls, whitening, H)
    weights = np.ones(len(Y))
    sigma, e, _ = _noise(Y, H, Z, weights, calm)
    weights = _volatility(e / sigma, calm)
    sigma, _, used = _noise(Y, H, Z, weights, calm)
    scale = sigma * weights
    X = np.hstack([H / scale[:, None], Z / weights[:, None]])
    return Profile(whitening, scale, Y / scale, X, _precision(H, Z), max(len(Y) - used, 1.0))


def _precision(H: Floats, Z: Floats) -> Floats:
    """Prior precision of the coefficients: seasonal ones have sd 1 on the log, those of controls follow the noise."""
    return np.concatenate([np.ones(H.shape[1]), np.full(Z.shape[1], PRECISION)])


def _noise(Y: Floats, H: Floats, Z: Floats, weights: Floats, calm: Bools) -> tuple[float, Floats, float]:
    """Noise sd and residuals (m,) of the series on season and controls over the calm periods, and the dof they used."""
    start = max(float(np.sqrt(np.mean((Y / weights)[calm] ** 2))), LEAST_SD)
    X = np.hstack([H / (start * weights)[:, None], Z / weights[:, None]])
    y = Y / (start * weights)
    M = X[calm].T @ X[calm]
    A = M + np.diag(_precision(H, Z))
    e = y - X @ np.linalg.solve(A, X[calm].T @ y[calm])
    used = float(np.trace(np.linalg.solve(A, M)))
    sigma = start * np.sqrt(np.sum(e[calm] ** 2) / max(calm.sum() - used, 1.0))
    return max(float(sigma), LEAST_SD), start * e, used


def _volatility(z: Floats, calm: Bools) -> Floats:
    """(m,) relative sd, from an exponential mean of past squares (outliers cut at four sd), half-way to constant."""
    v, path = 1.0, np.empty(len(z))
    for t, square in enumerate(z * z):
        path[t] = v
        if calm[t]:
            v += (1 - MEMORY) * (min(square, 16 * v) - v)
    root = path**0.25
    return np.asarray(root / np.sqrt(np.mean(root[calm] ** 2)))


def _components(sample: Sample, controls: Floats | None, whitening: Whitening, H: Floats) -> Floats:
    """(m, k) principal components of the whitened controls, of unit variance for the first."""
    m = len(whitening.periods)
    if controls is None or not controls.shape[1]:
        return np.zeros((m, 0))
    present = np.isfinite(controls)
    t = np.arange(len(controls))
    filled = np.column_stack([np.interp(t, t[ok], c[ok]) for c, ok in zip(controls.T, present.T, strict=True)])
    W = whitening(filled)
    usable = present[whitening.periods]
    if H.shape[1]:
        W = W - H @ np.linalg.lstsq(H, W, rcond=None)[0]
    W = np.where(usable, W, 0.0)
    W = W / np.sqrt(np.maximum((W**2).sum(axis=0) / np.maximum(usable.sum(axis=0), 1), 1e-16))
    if not sample.is_price:
        W = np.clip(W, -CLIP, CLIP)
    U, S, _ = np.linalg.svd(W, full_matrices=False)
    return np.asarray((U * S)[:, :COMPONENTS] * np.sqrt(m) / S[0])
