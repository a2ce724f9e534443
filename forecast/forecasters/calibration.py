"""Calibration of intervals (conformal): quantiles of standardised outcomes of past forecasts set their width.

Split conformal prediction over a panel and over time (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random
World, 2005; Angelopoulos and Bates, Foundations and Trends in Machine Learning 16, 2023), shrunk to a Student-t with
five degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from forecast.metrics import QUANTILE_LEVELS
from forecast.timeseries.series import Floats

CalibrationKind = Literal["panel", "t5"]


def student_quantile(p: Floats) -> Floats:
    """Quantiles of a Student-t with five degrees of freedom, scaled to variance 1; any shape."""
    from scipy.stats import t

    return np.asarray(t.ppf(p, 5) / math.sqrt(5 / 3))


@lru_cache(maxsize=1)
def student_levels() -> Floats:
    """``student_quantile`` at ``QUANTILE_LEVELS`` (15,)."""
    quantiles = student_quantile(QUANTILE_LEVELS)
    quantiles.setflags(write=False)
    return quantiles


@dataclass(frozen=True, eq=False)
class Calibration:
    """Quantiles of standardised outcomes: ``z`` (H, 15) at ``QUANTILE_LEVELS`` for the horizons 1..H, nested.

    ``outcomes`` (H,): how many realised forecasts stand behind each horizon; ``kind``: "t5" when they were too few
    and the Student-t alone serves. Horizons beyond H use the last row.
    """

    kind: CalibrationKind
    z: Floats
    outcomes: npt.NDArray[np.int64]

    @classmethod
    def neutral(cls, horizon: int) -> Calibration:
        """No outcomes: Student-t."""
        return cls("t5", np.tile(student_levels(), (horizon, 1)), np.zeros(horizon, dtype=np.int64))

    def rows(self, horizon: int) -> Floats:
        """``z`` for the horizons 1..``horizon``."""
        return self.z[np.minimum(np.arange(horizon), len(self.z) - 1)]

    def standard(self, t: Floats) -> Floats:
        """Standardised quantiles where a Student-t has ``t`` (..., H, L), for the horizons 1..H; same shape.

        Between the levels linear in the Student-t quantile, so that an uncalibrated margin is exactly the Student-t;
        outside them the Student-t tail, stretched as the outermost level was.
        """
        knots, out = student_levels(), np.empty(t.shape)
        for h, row in enumerate(self.rows(t.shape[-2])):
            at = t[..., h, :]
            low = row[0] + (at - knots[0]) * max(row[0] / knots[0], 0.0)
            high = row[-1] + (at - knots[-1]) * max(row[-1] / knots[-1], 0.0)
            inside = np.where(at > knots[-1], high, np.interp(at, knots, row))
            out[..., h, :] = np.where(at < knots[0], low, inside)
        return out

    def describe(self) -> str:
        """One sentence for a card."""
        if self.kind == "t5":
            return (
                "intervals of a standard shape (Student-t, 5 degrees of freedom): too few past forecasts to fit them to"
            )
        some = self.outcomes[self.outcomes > 0]
        low, high = int(some.min()), int(some.max())
        few = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        far = "" if some.size == self.outcomes.size else "; farther ahead than any of these, of a standard shape"
        return f"intervals as wide as {few} past forecasts of like series needed{far}"


@dataclass(frozen=True)
class Conformal:
    """How standardised outcomes become quantiles.

    ``window``: the last so many origins whose outcome is known count; ``smooth``: horizons h ± smooth share their
    quantiles; ``symmetric``: 1 makes the distribution symmetric, .5 averages that with the raw one less its median.
    ``prior``: weight of the Student-t one period ahead, in outcomes; h ahead it is h times that, since outcomes so far
    ahead overlap and say as much less; ``least``: fewer outcomes than this are not used; ``memory``:
    discount per period of the panel's common volatility; ``delay``: periods until an outcome counts, for outcomes
    that the next one may take back; ``widen``: factor of all widths, as outcomes that came together hold less than may
    come.
    """

    window: int
    smooth: int
    symmetric: float
    prior: float = 100.0
    least: int = 100
    memory: float = 0.85
    delay: int = 0
    widen: float = 1.0

    def calibrate(self, z: Floats, cutoff: int, horizon: int) -> Calibration:
        """From ``z`` (N, T, H): element (i, s, h-1) standardises the outcome at s + h of the forecast made at s.

        Only outcomes known in the period numbered ``cutoff`` enter: origin s serves horizon h from s + h + delay on.
        NaN does not count. With fewer than ``least`` outcomes at horizon 1 all is Student-t.
        """
        t5, scale = student_levels(), self.common_scale(z, cutoff)
        ratios, outcomes = np.ones((horizon, len(QUANTILE_LEVELS))), np.zeros(horizon, dtype=np.int64)
        for h in range(1, horizon + 1):
            last = cutoff - self.delay - h + 1
            origins = slice(max(last - self.window, 0), max(last, 0))
            known = z[:, origins, h - 1] / scale[origins]
            known = known[np.isfinite(known)]
            outcomes[h - 1] = known.size
            if known.size < self.least:
                continue
            # the median of both is 0: what is learned is the distance to the median, never a shift of it
            prior = self.prior * h
            q = (known.size * self._quantiles(known) + prior * t5) / (known.size + prior)
            ratios[h - 1] = np.divide(q, t5, out=np.ones_like(q), where=np.abs(t5) > 1e-9)
        if outcomes[0] < self.least:
            return Calibration.neutral(horizon)
        spans = [ratios[max(h - self.smooth, 0) : h + self.smooth + 1] for h in range(horizon)]
        smoothed = self.widen * scale[cutoff] * np.stack([span.mean(axis=0) for span in spans])
        return Calibration("panel", np.maximum.accumulate(smoothed * t5, axis=1), outcomes)

    def common_scale(self, z: Floats, cutoff: int) -> Floats:
        """(cutoff + 1,): how far outcomes one period ahead lately fell over the whole panel, as a factor of the sd.

        Series grow restless together, and their mean says so sooner than each alone: an exponentially weighted mean
        square of ``z``, bounded at 2.75, from the outcomes known in each period.
        """
        first = np.minimum(z[:, :cutoff, 0] ** 2, 2.75**2)
        count = np.isfinite(first).sum(axis=0)
        mean = np.nansum(first, axis=0) / np.maximum(count, 1)
        level, levels = 1.0, np.ones(cutoff + 1)
        for t in range(1 + self.delay, cutoff + 1):
            origin = t - self.delay - 1
            # few series say little of what is common
            gain = (1 - self.memory) * count[origin] / (count[origin] + 3)
            level += gain * (mean[origin] - level)
            levels[t] = level
        return np.sqrt(np.maximum(levels, 0.1))

    def _quantiles(self, known: Floats) -> Floats:
        upper = QUANTILE_LEVELS[len(QUANTILE_LEVELS) // 2 :]
        half = np.quantile(np.abs(known), 2 * upper - 1)
        symmetrised = np.concatenate([-half[:0:-1], [0.0], half[1:]])
        if self.symmetric >= 1:
            return symmetrised
        raw = np.quantile(known, QUANTILE_LEVELS)
        return np.asarray(self.symmetric * symmetrised + (1 - self.symmetric) * (raw - raw[len(QUANTILE_LEVELS) // 2]))


@dataclass(frozen=True, eq=False)
class Margins:
    """Distribution of the log at each horizon: ``mean``, ``sd``, ``still`` (..., H), where ``still`` is the chance of
    standing exactly on ``anchor`` (...), the last value; the rest is ``mean + sd · standardised quantile``."""

    mean: Floats
    sd: Floats
    still: Floats
    anchor: Floats

    def quantiles(self, calibration: Calibration, p: Floats = QUANTILE_LEVELS) -> Floats:
        """(..., H, L) at the probabilities ``p`` (L,), nested."""
        horizon = self.mean.shape[-1]
        t = np.broadcast_to(student_quantile(p), (horizon, len(p)))
        z = calibration.rows(horizon) if p is QUANTILE_LEVELS else calibration.standard(t)
        q = np.asarray(self.mean[..., None] + self.sd[..., None] * z)
        sticky = np.asarray((self.still > 0).any(axis=-1))
        if sticky.any():
            q[sticky] = self._mixed(sticky, calibration, p)
        return q

    def at(self, t: int) -> Margins:
        """The forecasts of all series made in the period numbered ``t``, from margins (N, T, H)."""
        return Margins(self.mean[:, t], self.sd[:, t], self.still[:, t], self.anchor[:, t])

    def _mixed(self, at: npt.NDArray[np.bool_], calibration: Calibration, p: Floats) -> Floats:
        # quantiles of  still · (point at the anchor) + (1 - still) · continuous
        mean, sd, still = (a[at][..., None] for a in (self.mean, self.sd, self.still))
        above = np.clip((p - still) / (1 - still), 1e-12, 1 - 1e-12)
        below = np.clip(p / (1 - still), 1e-12, 1 - 1e-12)
        hi, lo = (mean + sd * calibration.standard(student_quantile(part)) for part in (above, below))
        return np.asarray(np.clip(self.anchor[at][:, None, None], hi, lo))
