"""The distribution of a sum of independent shocks: exact, by inversion of its characteristic function.

What a family draws ahead is a weighted sum of shocks that are symmetric about 0: normal, Student-t with five degrees
of freedom, rare jumps. No such sum has a distribution with a name, but each has a characteristic function, the product
of those of its parts, and F(x) = ½ + 1/π ∫ sin(sx)/s φ(s) ds (Gil-Pelaez, Biometrika 38, 1951).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from forecast.timeseries.series import Floats

DF = 5  # degrees of freedom: monthly log changes have a kurtosis near that of Student's t5
_STEP, _STEPS = 0.04, 1000  # of s, where the sum has a standard deviation of 1
_FARTHEST, _PLACES = 40.0, 2000  # of x, likewise


def student(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Student-t shocks with variance 1."""
    return np.asarray(rng.standard_t(DF, size=shape) * np.sqrt((DF - 2) / DF))


def student_quantiles(p: Floats, df: int) -> Floats:
    """Quantiles (L,) of a Student-t with ``df`` degrees of freedom, by the trapezoidal rule; numpy has none."""
    x = _from_zero(1e4, 12.0, 10 * _PLACES)
    density = (1.0 + x**2 / df) ** (-(df + 1) / 2)
    area = np.concatenate([[0.0], np.cumsum(np.diff(x) * (density[1:] + density[:-1]))])
    return np.asarray(np.sign(p - 0.5) * np.interp(np.abs(p - 0.5), area / (2.0 * area[-1]), x))


@dataclass(frozen=True, eq=False)
class Shocks:
    """Sums for each of H horizons, about 0: ``weights`` (H, J) of Student-t shocks with variance 1, a normal one of
    ``variance`` (H,), and jumps that come with the chance ``often`` each, Laplace distributed with the scales
    ``jumps`` (H, K)."""

    weights: Floats
    variance: Floats
    jumps: Floats = field(default_factory=lambda: np.zeros((1, 0)))
    often: float = 0.0

    @property
    def sd(self) -> Floats:
        """(H,) standard deviations."""
        jumping = 2.0 * self.often * np.sum(self.jumps**2, axis=1)
        return np.asarray(np.sqrt(np.sum(self.weights**2, axis=1) + self.variance + jumping))

    def quantiles(self, p: Floats) -> Floats:
        """(H, L) at the probabilities ``p`` (L,)."""
        sd, (s, x, sines) = self.sd, _inversion()
        upper = self._characteristic(s / sd[:, None]) @ sines / np.pi  # F(x) - ½
        side = np.abs(p - 0.5)
        sizes = np.stack([np.interp(side, np.maximum.accumulate(row), x) for row in upper])
        return np.asarray(np.sign(p - 0.5) * sizes * sd[:, None])

    def _characteristic(self, s: Floats) -> Floats:
        """(H, S) real, since the sum is symmetric, at ``s`` (H, S)."""
        logs = -0.5 * self.variance[:, None] * s**2
        for weight in self.weights.T:
            u = np.abs(weight)[:, None] * s
            logs += np.log1p(np.sqrt(3.0) * u + u**2) - np.sqrt(3.0) * u
        for scale in self.jumps.T:
            logs += np.log1p(-self.often + self.often / (1.0 + (scale[:, None] * s) ** 2))
        return np.exp(logs)


@lru_cache(maxsize=1)
def _inversion() -> tuple[Floats, Floats, Floats]:
    """s (S,), x (X,) from 0, denser near it, and sin(sx)/s ds (S, X): the trapezoidal rule, at s = 0 half of x ds."""
    s = np.linspace(0.0, _STEP * (_STEPS - 1), _STEPS)
    x = _from_zero(_FARTHEST, 6.0, _PLACES)
    sines = _STEP * np.sin(np.outer(s, x)) / np.maximum(s, _STEP)[:, None]
    sines[0] = _STEP * x / 2.0
    return s, x, np.asarray(sines)


def _from_zero(farthest: float, denser: float, n: int) -> Floats:
    """(n,) places from 0 to ``farthest``, by e^``denser`` denser near 0."""
    return np.asarray(farthest * np.sinh(np.linspace(0.0, denser, n)) / np.sinh(denser))
