"""Exact posterior tables of one episode or of two jointly: every cell weighed in closed form.

An episode that acts does so by one candidate (a shape with a lead) with a size on the log that is normal under one of
a few scales; how likely each is before the data are seen is its ``EpisodeBlock``. With the cross products xx, xy of
whitened, profiled candidates (``profile``), sizes integrate out. For the candidates of any set of episodes, with G
their cross products, V the variances and m the means of their scales,

    A = G + V⁻¹,  b = A⁻¹(xy + V⁻¹m),  log ML = ½ b'Ab − ½ m'V⁻¹m − ½ log|A||V|,

and sizes given candidates and scales are N(b, A⁻¹).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forecast.timeseries.series import Floats

#: Of two designs correlated beyond the second, one at most has a scale with an sd beyond the first: the data see their
#: sum only, and that it is made of two giants that cancel is never a better story.
WIDE_SD, COLLINEAR_CORRELATION = 0.5, 0.8


@dataclass(frozen=True, eq=False)
class SizePrior:
    """Prior of a size on the log: with probability ``acts`` normal, under one of S scales; else 0.

    ``log_weight``, ``mean``, ``variance`` (S,).
    """

    acts: float
    log_weight: Floats
    mean: Floats
    variance: Floats

    @classmethod
    def of(cls, acts: float, weights: Sequence[float], means: Sequence[float], sds: Sequence[float]) -> SizePrior:
        share = np.array(weights, dtype=float)
        return cls(acts, np.log(acts * share / share.sum()), np.array(means, dtype=float), np.array(sds) ** 2.0)

    def with_chance(self, acts: float) -> SizePrior:
        """The same prior with another probability to act."""
        return SizePrior(acts, self.log_weight + np.log(acts / self.acts), self.mean, self.variance)

    @cached_property
    def wide(self) -> npt.NDArray[np.bool_]:
        """(S,) whether a scale is that of a giant."""
        return np.asarray(self.variance > WIDE_SD**2)

    @cached_property
    def log_off(self) -> float:
        return float(np.log1p(-self.acts)) if self.acts < 1 else -np.inf


@dataclass(frozen=True, eq=False)
class EpisodeBlock:
    """One episode: whitened candidates ``E`` (m, K), their ``log_prior`` (K,), and the ``scales`` of its size."""

    E: Floats
    log_prior: Floats
    scales: SizePrior

    @property
    def cells(self) -> int:
        """Candidates × scales, and one cell for an episode that did nothing."""
        return len(self.log_prior) * len(self.scales.mean) + 1


@dataclass(frozen=True, eq=False)
class PosteriorTable:
    """Exact posterior of one episode alone: ``log_weight`` (..., K, S), ``log_off`` (...); sizes N(b, 1/precision)."""

    log_weight: Floats
    log_off: Floats
    b: Floats
    precision: Floats

    @classmethod
    def of(cls, xx: Floats, xy: Floats, log_prior: Floats, scales: SizePrior) -> PosteriorTable:
        """From cross products xx (..., K) and xy (..., K)."""
        kappa = 1 / scales.variance
        precision = xx[..., None] + kappa
        b = (xy[..., None] + scales.mean * kappa) / precision
        constant = scales.log_weight - 0.5 * scales.mean**2 * kappa + 0.5 * np.log(kappa)
        log_weight = 0.5 * (b * b * precision - np.log(precision)) + (log_prior[:, None] + constant)
        return cls(log_weight, np.broadcast_to(scales.log_off, xy.shape[:-1]), b, precision)

    @property
    def flat(self) -> Floats:
        """(..., K·S + 1) log weights, scales innermost, the cell of doing nothing last."""
        cells = self.log_weight.reshape(*self.log_off.shape, -1)
        return np.concatenate([cells, self.log_off[..., None]], axis=-1)

    @property
    def mean(self) -> Floats:
        """(..., K) mean size that falls to each candidate."""
        weight = normalised(self.flat)[..., :-1].reshape(self.log_weight.shape)
        return np.asarray((weight * self.b).sum(axis=-1))


def normalised(log_weight: Floats) -> Floats:
    """(..., C) weights that sum to 1."""
    weight = np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


def pair_table(
    one: EpisodeBlock, two: EpisodeBlock, of_one: tuple[Floats, Floats], of_two: tuple[Floats, Floats], G: Floats
) -> Floats:
    """(cells of one, cells of two) log weights of all that two episodes may have done, sizes integrated out."""
    alone = [
        PosteriorTable.of(*products, block.log_prior, block.scales)
        for products, block in ((of_one, one), (of_two, two))
    ]
    flat = [table.flat for table in alone]
    total = flat[0][:, None] + flat[1][None, :]
    # With a, c = the two precisions and b₁, b₂ the sizes of each alone, both together add
    # log ML = alone₁ + alone₂ + ½[(r²(p₁b₁² + p₂b₂²) − 2 G b₁b₂)/(1 − r²)] − ½ log(1 − r²), r² = G²/(p₁p₂).
    S1, S2 = len(one.scales.mean), len(two.scales.mean)
    p1, b1 = alone[0].precision.ravel(), alone[0].b.ravel()
    p2, b2 = alone[1].precision.ravel(), alone[1].b.ravel()
    g = np.repeat(np.repeat(G, S1, axis=0), S2, axis=1)
    r2 = np.minimum(g * g / np.outer(p1, p2), 1 - 1e-9)
    squares = (p1 * b1**2)[:, None] + (p2 * b2**2)[None, :]
    gain = 0.5 * ((r2 * squares - 2 * g * np.outer(b1, b2)) / (1 - r2) - np.log1p(-r2))
    total[-1, -1] = -np.inf
    both = total[:-1, :-1] + gain
    twins = np.abs(G) > COLLINEAR_CORRELATION * np.sqrt(np.outer(of_one[0], of_two[0]))
    giants = np.outer(one.scales.wide, two.scales.wide)
    both.reshape(len(G), S1, -1, S2)[twins[:, None, :, None] & giants[None, :, None, :]] = -np.inf
    total[:-1, :-1] = both
    return total
