"""A whitened series with season and controls profiled out: a design then costs a few dot products.

With y = Xβ + Ea + e, e white with variance 1, and a normal prior on the nuisance β (season, controls), what the
data say of the effects a is a normal likelihood with cross products

    xx = E'E − E'X A⁻¹ X'E,   xy = E'Y − E'X A⁻¹ X'Y,   A = X'X + precision,

so the nuisance is profiled once and each design is judged by xx and xy alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from forecast.effects.whitening import Bools, Whitening, fit_whitening, whitenings
from forecast.timeseries.fourier import seasonal
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

#: Components of the controls, and the prior precisions that their coefficients may have, in units of the noise:
#: the last one leaves them out.
COMPONENTS, CONTROL_PRECISIONS = 10, (1.2, 5.0, 20.0, 80.0, np.inf)
#: Standard deviations on the log that the coefficients of the season may have: eleven free ones explain any year.
SEASON_SDS = (0.02, 0.06, 0.2, 0.6)
#: Degrees of freedom from which the noise is what is left alone; a third of those that lack come from the whole series.
FULL_NOISE_DF = 30
#: A standardised innovation of a control beyond this is cut off, in volumes.
CONTROL_CLIP = 4.0
#: Memory of the volatility, per period.
VOLATILITY_DECAY = 0.94
#: Values that are whitened in one go: whitening needs several times their memory.
_AT_ONCE = 2_000_000
#: A series that does not move at all still has this much noise, on the log.
MIN_NOISE_SD = 1e-6


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

    def shade(self, E: Floats) -> Floats:
        """(m, K) what the nuisance explains of whitened designs: a profiled product is a'b − a'shade(b)."""
        return np.asarray(self._root @ self.shadow(E))

    @cached_property
    def residual(self) -> Floats:
        """(m,) Y less the nuisance: xy = E'residual."""
        return np.asarray(self.Y - self._root @ self.shadow(self.Y))

    def products(self, E: Floats) -> tuple[Floats, Floats]:
        """xx (K,) and xy (K,) of whitened designs (m, K), one at a time."""
        xx = np.einsum("tk,tk->k", E, E) - np.einsum("qk,qk->k", S := self.shadow(E), S)
        return np.maximum(xx, 0.0), E.T @ self.residual

    def rescaled(self, variance: float) -> Profile:
        """The same with the noise found to have this variance instead of 1: all products are divided by it."""
        s = np.sqrt(variance)
        return Profile(self.whitening, self.scale * s, self.Y / s, self.X / s, self.precision / variance, self.dof)


def profile(sample: Sample, controls: Floats | None, quiet: Bools) -> Profile:
    """The likeliest of ``profiles`` alone."""
    whitening = fit_whitening(sample, quiet)
    return _profile(sample, sample, controls, quiet, whitening)


def profiles(
    sample: Sample, controls: Floats | None, quiet: Bools, path: Floats | None = None
) -> list[tuple[Profile, float]]:
    """Whiten a sample and take its season and its ``controls`` (T, m; logs, NaN where they may not be used) out.

    One profile for each (φ, θ) that the data leave open, with its weight. The noise is judged by the ``quiet`` periods
    (T,), with the mean ``path`` (T,) of the events taken off. Volatility is an exponential mean of past squares,
    half-way to constant. Raises ``TooShort``.
    """
    net = sample if path is None else sample.less(path)
    return [(_profile(sample, net, controls, quiet, whitening), w) for whitening, w in whitenings(net, quiet)]


def _profile(sample: Sample, net: Sample, controls: Floats | None, quiet: Bools, whitening: Whitening) -> Profile:
    calm = quiet[whitening.periods]
    Y, clean = whitening(np.column_stack([sample.x, net.x])).T
    H = whitening(seasonal(sample.ds, sample.freq)) if not sample.is_price else np.zeros((len(Y), 0))
    nuisance = _Nuisance(H, _components(sample, controls, whitening, H), SEASON_SDS[-1], np.inf, calm).trusted(clean)
    sigma, e, _ = nuisance.noise(clean, np.ones(len(Y)))
    weights = _volatility(e / sigma, calm)
    sigma, _, used = nuisance.noise(clean, weights)
    scale = sigma * weights
    X, degrees = nuisance.columns(sigma, weights), max(len(Y) - used, 1.0)
    return Profile(whitening, scale, Y / scale, X, nuisance.precision, degrees)


@dataclass(frozen=True, eq=False)
class _Nuisance:
    """Whitened season ``H`` (m, S) and components of the controls ``Z`` (m, k).

    ``season``: prior sd of the former's coefficients on the log; ``trust``: prior precision of the latter's in units of
    the noise, infinite where they are not used; ``calm`` (m,).
    """

    H: Floats
    Z: Floats
    season: float
    trust: float
    calm: Bools

    @property
    def precision(self) -> Floats:
        """(q,) prior precision: seasonal coefficients have a scale on the log, those of controls follow the noise."""
        used = self.Z.shape[1] if np.isfinite(self.trust) else 0
        return np.concatenate([np.full(self.H.shape[1], self.season**-2), np.full(used, self.trust)])

    def columns(self, sigma: float, weights: Floats) -> Floats:
        """(m, q) columns over the noise sd; the components are in units of the noise already."""
        H, Z = self.H / (sigma * weights)[:, None], self.Z / weights[:, None]
        return np.hstack([H, Z]) if np.isfinite(self.trust) else H

    def noise(self, Y: Floats, weights: Floats) -> tuple[float, Floats, float]:
        """Noise sd and residuals (m,) of the series over the calm periods, and the degrees of freedom they used.

        With few degrees of freedom left the noise is also what the series does with its season and controls left in:
        a year of values is explained by eleven harmonics whatever it is.
        """
        start = max(float(np.sqrt(np.mean((Y / weights)[self.calm] ** 2))), MIN_NOISE_SD)
        X, y = self.columns(start, weights), Y / (start * weights)
        M = X[self.calm].T @ X[self.calm]
        A = M + np.diag(self.precision)
        e = y - X @ np.linalg.solve(A, X[self.calm].T @ y[self.calm])
        used = float(np.trace(np.linalg.solve(A, M)))
        left = max(float(self.calm.sum()) - used, 1.0)
        before = max(FULL_NOISE_DF - left, 0.0) / 3
        sigma = start * np.sqrt((np.sum(e[self.calm] ** 2) + before) / (left + before))
        return max(float(sigma), MIN_NOISE_SD), start * e, used

    def trusted(self, Y: Floats) -> _Nuisance:
        """The same with season and controls trusted as far as the calm periods bear out, by marginal likelihood.

        The season first; controls may be left out. The noise variance is concentrated out (empirical Bayes of a ridge:
        MacKay, Bayesian interpolation, Neural Computation 4, 1992).
        """
        found = self
        if self.H.shape[1]:
            found = max((replace(found, season=sd) for sd in SEASON_SDS), key=lambda one: one._evidence(Y))
        if self.Z.shape[1]:
            found = max((replace(found, trust=trust) for trust in CONTROL_PRECISIONS), key=lambda one: one._evidence(Y))
        return found

    def _evidence(self, Y: Floats) -> float:
        weights = np.ones(len(Y))
        sigma, _, _ = self.noise(Y, weights)
        X, y = self.columns(sigma, weights)[self.calm], (Y / sigma)[self.calm]
        A = X.T @ X + np.diag(self.precision)
        # Of a series that never moved nothing is left.
        rss = max(float(y @ y - (b := X.T @ y) @ np.linalg.solve(A, b)), float(np.finfo(float).tiny))
        bends = np.linalg.slogdet(A)[1] - np.log(self.precision).sum()
        return float(-0.5 * bends - len(y) / 2 * np.log(rss) - len(y) * np.log(sigma))


def _volatility(z: Floats, calm: Bools) -> Floats:
    """(m,) relative sd, from an exponential mean of past squares (outliers cut at four sd), half-way to constant."""
    v, path = 1.0, np.empty(len(z))
    for t, square in enumerate(z * z):
        path[t] = v
        if calm[t]:
            v += (1 - VOLATILITY_DECAY) * (min(square, 16 * v) - v)
    root = path**0.25
    return np.asarray(root / np.sqrt(np.mean(root[calm] ** 2)))


def _components(sample: Sample, controls: Floats | None, whitening: Whitening, H: Floats) -> Floats:
    """(m, k) principal components of the whitened controls, of unit variance for the first."""
    m = len(whitening.periods)
    if controls is None or not controls.shape[1]:
        return np.zeros((m, 0))
    W = np.column_stack([_pieces(column, whitening) for column in controls.T])
    usable = np.isfinite(W)
    W = np.where(usable, W, 0.0)
    if H.shape[1]:
        W = np.where(usable, W - H @ np.linalg.lstsq(H, W, rcond=None)[0], 0.0)
    W = W / np.sqrt(np.maximum((W**2).sum(axis=0) / np.maximum(usable.sum(axis=0), 1), 1e-16))
    if not sample.is_price:
        W = np.clip(W, -CONTROL_CLIP, CONTROL_CLIP)
    U, S, _ = np.linalg.svd(W, full_matrices=False)
    return np.asarray((U * S)[:, :COMPONENTS] * np.sqrt(m) / S[0])


def _pieces(column: Floats, whitening: Whitening) -> Floats:
    """(m,) innovations of one control (T,), each unbroken piece whitened by itself; NaN elsewhere.

    Filling a hole would not do: the filter remembers what was made up until long after it.
    """
    rows = whitening.rows
    present = np.isfinite(column[rows])
    out = np.full(len(column), np.nan)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]]).astype(int)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start > 2:
            piece = replace(whitening, rows=rows[start:stop])
            out[piece.periods] = piece(column[:, None])[:, 0]
    return out[whitening.periods]
