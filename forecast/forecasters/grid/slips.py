"""Slips of the data: values far from what a filter expects that the values after them take back.

A slip (a misplaced decimal point, another unit) is an additive outlier (Fox, JRSS B 34, 1972); what lies as far off and
stays is a change of level, and real. The two look alike until the next values come, so that a large value counts at
first; a filter that sees it taken back returns to where it stood before, as if nothing had been observed meanwhile.

Shapes: N series, T periods.
"""

from __future__ import annotations

from typing import Generic, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from forecast.timeseries.series import Floats

#: A value may be a slip from so many standard deviations on.
LARGE = 5.0
#: It is taken back by a value that is at most so much of that distance off.
TAKEN_BACK = 0.25
#: Within so many periods; what stays longer is real.
PATIENCE = 3

Flags = npt.NDArray[np.bool_]
Periods = npt.NDArray[np.int64]


class Filter(Protocol):
    """The running state of N series."""

    def take(self, rows: Flags, other: Self) -> None:
        """Put ``rows`` where they are in ``other``."""


F = TypeVar("F", bound=Filter)


class Watch(Generic[F]):
    """The values of N series that may turn out to be slips.

    ``before``: where a filter stood before such a value, and stands now if it had observed nothing since; whoever
    advances the filter advances this too. ``known`` (N, T): the period in which the value of a period was known to be
    a slip; T where it is none. ``season``: periods of a seasonal pattern, 0 without one.
    """

    def __init__(self, before: F, shape: tuple[int, int], season: int = 0) -> None:
        self.before, self.season = before, season
        self.size, self.age = np.zeros(shape[0]), np.zeros(shape[0], dtype=int)
        self.known = np.full(shape, shape[1])

    @property
    def open(self) -> Flags:
        """(N,) whether a large value awaits the next ones."""
        return np.asarray(self.age > 0)

    def returned(self, t: int, distance: Floats, run: F) -> Flags:
        """(N,) where the value of period ``t`` takes a large one back: ``run`` is put back there.

        ``distance`` (N,): of the value from what ``before`` expects, in standard deviations; NaN where missing.
        """
        self.age = np.where(self.open, self.age + 1, 0)
        back = self.open & (distance < TAKEN_BACK * self.size)
        for i in np.flatnonzero(back):
            slips = slice(t - self.age[i] + 1, t)
            # what comes again in the same season is the season
            if self.season and (self.known[i, slice(*(max(k - self.season, 0) for k in (slips.start, t)))] < t).any():
                back[i] = False
                self.age[i] = 0
            else:
                self.known[i, slips] = t
        if back.any():
            run.take(back, self.before)
        self.age = np.where(back | (self.age > PATIENCE), 0, self.age)
        return back

    def look(self, distance: Floats, run: F) -> None:
        """Take note of large values, before ``run`` learns them; ``distance`` (N,): from what it expects."""
        large = ~self.open & (distance > LARGE)
        if large.any():
            self.before.take(large, run)
            self.size, self.age = np.where(large, distance, self.size), np.where(large, 1, self.age)


def early_slips(x: Floats, least: int, scale: float, season: int = 0) -> Periods:
    """(N, T): the period in which a value among the first ``least`` of a series was known to be a slip: that of the
    least-th; T where it is none.

    A filter that has learned little cannot tell. Where no forecast is made before so many observations, all of them
    serve: a slip is far from the medians of the three values before and of the three after it, on one side of both, by
    ``LARGE`` times the usual distance from them, of at least ``scale``; and not again a ``season`` away.
    """
    known = np.full(x.shape, x.shape[1])
    for row, values in zip(known, x, strict=True):
        at = np.flatnonzero(np.isfinite(values))[:least]
        if len(at) < least:
            continue
        first = values[at]
        pairs = np.array([_off(first, k) for k in range(least)])
        usual = 1.4826 * float(np.median([abs(_round(first, k)) for k in range(least)]))
        far = (np.abs(pairs).min(axis=1) > LARGE * max(usual, scale)) & (pairs.prod(axis=1) > 0)
        periods = set(at[far].tolist()) if season else set()
        row[[k for k in at[far] if not periods & {k - season, k + season}]] = at[-1]
    return known


def _off(values: Floats, k: int) -> tuple[float, float]:
    """Distances of value ``k`` from the medians of the three before and of the three after it; of the first one twice
    the latter, and of the last one, of which nothing tells yet, 0 from the latter."""
    before, after = values[max(k - 3, 0) : k], values[k + 1 : k + 4]
    right = float(values[k] - np.median(after)) if after.size else 0.0
    return float(values[k] - np.median(before)) if before.size else right, right


def _round(values, k):
    return values[k] - np.median(np.concatenate([values[max(k - 3, 0) : k], values[k + 1 : k + 4]]))
