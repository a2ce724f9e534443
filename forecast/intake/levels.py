"""Levels that were thought possible: what the values of a series, and its forecast, allow for a period.

All on the log. A value is possible where it lies near enough to the values around it, or within its forecast. How near
that is follows from how the series itself moves from one value to the next; by how much it may be off says ``LIMITS``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from forecast.names import MeasureClass
from forecast.timeseries.frequency import Freq, Ordinals
from forecast.timeseries.series import Floats


@dataclass(frozen=True)
class SizeLimits:
    """By how much a value may be off, in usual changes of its series (and on the log, at least ``least``).

    ``floor``: the least usual change of a month; ``step``: to the value before; ``around``: to the values around it;
    ``slip``: after a unit is put right; ``policy``: what no policy does within a period.
    """

    floor: float
    step: float
    around: float
    least: float
    slip: float
    policy: float


#: Measured on the bundled series by benchmarks/gate.py. Prices move little and never by a unit; flows move by half.
LIMITS = {
    MeasureClass.PRICES: SizeLimits(floor=0.04, step=5.0, around=6.0, least=0.40, slip=3.0, policy=12.0),
    MeasureClass.FLOWS: SizeLimits(floor=0.15, step=3.0, around=3.5, least=1.00, slip=2.5, policy=8.0),
}

#: Values of so many periods, at least, are around a period; of so many changes, at least, a series tells how it moves.
AROUND, ENOUGH = 24, 12
#: Gaps widen what is possible, but not for ever.
LONGEST_GAP = 24


@dataclass(frozen=True, eq=False)
class Range:
    """Between which logs a value is possible, and which is to be expected; nothing is known where it is empty."""

    low: float
    high: float
    expected: float

    def holds(self, x: float, pad: float) -> bool:
        return self.low - pad <= x <= self.high + pad


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What a forecast of a series thought possible: for K periods the logs between which nearly all of its draws are,
    and their median; ``zero``: whether it holds periods without trade possible."""

    ordinals: Ordinals
    low: Floats
    high: Floats
    median: Floats
    zero: npt.NDArray[np.bool_]

    def at(self, ordinal: int) -> int | None:
        """The index of a period; None where it was not forecast."""
        k = int(np.searchsorted(self.ordinals, ordinal))
        return k if k < len(self.ordinals) and self.ordinals[k] == ordinal else None


@dataclass(frozen=True, eq=False)
class Line:
    """Values of one series in the order of their periods, one a period: ``x`` (n,) their logs, ``trusted`` (n,) which
    count already. What is let in is marked there."""

    freq: Freq
    limits: SizeLimits
    ordinals: Ordinals
    x: Floats
    trusted: npt.NDArray[np.bool_]

    @cached_property
    def usual(self) -> float:
        """The usual change from one period to the next: robust to slips, wider for series that jump now and then."""
        sure = np.flatnonzero(self.trusted)
        rows = sure if len(sure) > ENOUGH else np.arange(len(self.x))
        gaps = np.minimum(np.diff(self.ordinals[rows]), LONGEST_GAP)
        changes = np.abs(np.diff(self.x[rows])) / np.sqrt(gaps)
        floor = self.limits.floor * math.sqrt(self.freq.days / 30.4)
        if len(changes) < ENOUGH:
            # A lone slip is two of a few changes: look at the smaller ones; a third of normal ones is within .43 sd.
            return max(2.5 * floor, float(np.sort(changes)[(len(changes) - 1) // 3]) / 0.43 if len(changes) else 0.0)
        tail = float(np.quantile(changes, 0.9)) / 1.645 if len(changes) >= 40 else 0.0
        return max(floor, 1.4826 * float(np.median(changes)), tail)

    def pad(self, gap: int = 1) -> float:
        """How far beyond the values around it, so many periods away, a value may lie."""
        return max(self.limits.least, self.limits.around * self.usual * math.sqrt(min(max(gap, 1), LONGEST_GAP)))

    def segments(self) -> list[slice]:
        """The values in runs that hold together: from one to the next each changes as the series usually does."""
        gaps = np.clip(np.diff(self.ordinals), 1, LONGEST_GAP)
        allowed = np.maximum(self.limits.least, self.limits.step * self.usual * np.sqrt(gaps))
        ends = [0, *(np.flatnonzero(np.abs(np.diff(self.x)) > allowed) + 1).tolist(), len(self.x)]
        return [slice(start, stop) for start, stop in pairwise(ends) if stop > start]

    def around(self, ordinal: int) -> tuple[Range, int] | None:
        """The range of the trusted values around a period, and how far away the nearest is; None where none is."""
        reach = max(AROUND, 2 * self.freq.season)
        start, stop = np.searchsorted(self.ordinals, [ordinal - reach, ordinal + reach + 1])
        near = np.flatnonzero(self.trusted[start:stop]) + start
        if not near.size:
            sure = np.flatnonzero(self.trusted)
            if not sure.size:
                return None
            near = sure[[int(np.argmin(np.abs(self.ordinals[sure] - ordinal)))]]
        x, away = self.x[near], np.abs(self.ordinals[near] - ordinal)
        nearest = int(away.min())
        close = x[np.argsort(away, kind="stable")[:5]]
        return Range(float(x.min()), float(x.max()), float(np.median(close))), nearest
