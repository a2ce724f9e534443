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
from numpy.lib.stride_tricks import sliding_window_view

from forecast.timeseries.series import Floats

#: A value may be a slip from so many standard deviations on.
LARGE = 4.5
#: It is taken back by a value that is at most so much of that distance off.
TAKEN_BACK = 0.25
#: As the next value that is observed, within so many periods. What two values in a row show was there: a strike, a
#: short ban; and what stays is a new level.
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
    a slip; T where it is none. ``returns`` (N, T): large values that were taken back, slips or not. ``season``: periods
    of a seasonal pattern, 0 without one. ``stayed`` (N,): where the last period showed a change of level to be real.
    """

    def __init__(self, before: F, shape: tuple[int, int], season: int = 0) -> None:
        self.before, self.season = before, season
        self.size, self.age = np.zeros(shape[0]), np.zeros(shape[0], dtype=int)
        self.confirmed = np.zeros(shape[0], dtype=bool)
        self.stayed = np.zeros(shape[0], dtype=bool)
        self.known, self.returns = np.full(shape, shape[1]), np.zeros(shape, dtype=bool)

    @property
    def open(self) -> Flags:
        """(N,) whether a large value awaits the next ones."""
        return np.asarray(self.age > 0)

    def returned(self, t: int, distance: Floats, run: F) -> bool:
        """Whether any value of period ``t`` takes a large one back: for its series ``run`` is put to ``before``.

        ``distance`` (N,): of the value from what ``before`` expects, in standard deviations; NaN where missing.
        """
        self.age = np.where(self.open, self.age + 1, 0)
        back = self.open & ~self.confirmed & (distance < TAKEN_BACK * self.size)
        self.confirmed |= np.isfinite(distance)
        for i in np.flatnonzero(back):
            slips = np.arange(t - self.age[i] + 1, t)
            # what comes again in the same season is the season
            back[i] = not (self.season and self.returns[i, slips[slips >= self.season] - self.season].any())
            self.returns[i, slips] = True
            if back[i]:
                self.known[i, slips] = t
        if back.any():
            run.take(back, self.before)
        self.stayed = (self.age > PATIENCE) & ~back & (distance > LARGE)
        self.age = np.where(back | (self.age > PATIENCE), 0, self.age)
        return bool(back.any())

    def look(self, distance: Floats, run: F) -> None:
        """Take note of large values, before ``run`` learns them; ``distance`` (N,): from what it expects. One that is
        larger than the one that awaits the next values takes its place."""
        large = distance > np.where(self.open, np.maximum(self.size, LARGE), LARGE)
        if large.any():
            self.before.take(large, run)
            self.size, self.age = np.where(large, distance, self.size), np.where(large, 1, self.age)
            self.confirmed &= ~large


def early_slips(x: Floats, least: int, scale: float, season: int = 0) -> Periods:
    """(N, T): the period in which a value among the first ``least`` of a series was known to be a slip: that of the
    least-th; T where it is none.

    A filter that has learned little cannot tell. Where no forecast is made before so many observations, all of them
    serve: a slip lies on one side of the median of the three before it and of that of the three after it, from both by
    ``LARGE`` times the usual distance (of at least ``scale``) of a value from its neighbours; and no other does
    a ``season`` away.
    """
    known = np.full(x.shape, x.shape[1])
    for row, values in zip(known, x, strict=True):
        at = np.flatnonzero(np.isfinite(values))[:least]
        if len(at) < max(least, 2):
            continue
        first = values[at]
        windows = sliding_window_view(np.pad(first, 3, constant_values=np.nan), 7).copy()
        windows[:, 3] = np.nan
        usual = 1.4826 * float(np.median(np.abs(first - np.nanmedian(windows, axis=1))))
        after = first[:-1] - np.nanmedian(windows[:-1, 4:], axis=1)
        # nothing is before the first, and nothing tells yet of the last
        before = np.append(after[0], first[1:-1] - np.nanmedian(windows[1:-1, :3], axis=1))
        far = (np.minimum(np.abs(before), np.abs(after)) > LARGE * max(usual, scale)) & (before * after > 0)
        periods = at[:-1][far]
        again = np.isin(periods, [*(periods - season), *(periods + season)]) if season else np.zeros_like(periods, bool)
        row[periods[~again]] = at[-1]
    return known
