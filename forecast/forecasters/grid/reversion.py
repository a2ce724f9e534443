"""Reversion of prices to their long-run mean, at a speed that each series learns.

What is dear is mined and what is cheap is closed, over years: prices drift back slowly (Bessembinder, Coughenour,
Seguin and Smoller, Journal of Finance 50, 1995; Pindyck, The Energy Journal 20, 1999). A speed that is estimated
freely is worse than none, since so few turns are seen; one of about 1 % of the gap a month is better on nearly all
series. So a handful of speeds is averaged with a prior around it, by how well each foretold half a year and a year
ahead. The mean is of the last 5, 10 and 20 years, in the money of the day: older prices count with inflation since.

What happens after the cutoff is taken to last: the gap that closes is the one known at the cutoff.

Shapes: N series, T periods, R speeds, H horizons.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from forecast.forecasters.calibration import Margins
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import Floats

Bools = npt.NDArray[np.bool_]
Periods = npt.NDArray[np.int64]

#: Shares of the gap that close in a month, and the mean and sd of the normal prior on them. Where it is sure, a series
#: of decades moves it: gold's went to no reversion at all.
SPEEDS, SPEED_MEAN, SPEED_SD = (0.0, 0.01, 0.02, 0.03), 0.01, 0.0075
#: Years of the means that are averaged, and those that a series needs to have one.
MEAN_YEARS, MEAN_NEEDS_YEARS = (5, 10, 20), 5
#: Growth of the general price level a year.
INFLATION = 0.02
#: Horizons, in years, at which speeds are judged, if that is not more than so many periods.
JUDGED_YEARS, JUDGED_PERIODS = (0.5, 1.0), 24


@dataclass(frozen=True, eq=False)
class Reversion:
    """The speeds of reversion that are averaged: shares of the gap ``speeds`` (R,) that close in a period, with the log
    of their prior weights; ``windows``: periods of the means, ``least``: observations below which a series has none;
    ``inflation``: log growth of the price level a period; ``judged``: horizons that judge the speeds."""

    speeds: Floats
    log_prior: Floats
    windows: tuple[int, ...] = ()
    least: int = 0
    inflation: float = 0.0
    judged: tuple[int, ...] = field(default=())

    @classmethod
    def of(cls, freq: Freq) -> Reversion:
        """Of a frequency; the speeds are those of months, compounded."""
        monthly, year = np.array(SPEEDS), freq.per_year
        windows = tuple(round(years * year) for years in MEAN_YEARS)
        judged = tuple(sorted({min(max(round(years * year), 1), JUDGED_PERIODS) for years in JUDGED_YEARS}))
        log_prior = -((monthly - SPEED_MEAN) ** 2) / (2 * SPEED_SD**2)
        speeds = 1 - (1 - monthly) ** (12 / year)
        return cls(speeds, log_prior, windows, round(MEAN_NEEDS_YEARS * year), INFLATION / year, judged)

    @classmethod
    def none(cls) -> Reversion:
        """No reversion."""
        return cls(np.zeros(1), np.zeros(1))

    @property
    def year(self) -> int:
        """Periods of a year."""
        return self.least // MEAN_NEEDS_YEARS

    @staticmethod
    def describe() -> str:
        """The mean in words."""
        years = ", ".join(map(str, MEAN_YEARS[:-1]))
        return f"the mean price of the last {years} and {MEAN_YEARS[-1]} years in today's money"

    def closed(self, horizon: int) -> Floats:
        """(R, H) share of the gap that has closed at each horizon."""
        return np.asarray(1 - (1 - self.speeds[:, None]) ** np.arange(1, horizon + 1))

    def gaps(self, x: Floats, slips: Periods) -> Floats:
        """(N, T) long-run mean of the logs ``x`` (N, T) up to each period, in its money, less the log in it; 0 without
        a mean, NaN where missing. ``slips`` (N, T): the period from which on a value no longer counts, T for most."""
        T, places = x.shape[1], np.arange(x.shape[1])
        known = np.isfinite(x)
        counts, values, times = np.ones(x.shape), np.nan_to_num(x), np.ones(x.shape) * places
        mean, seen = np.zeros(x.shape), _within(counts, known, slips, T)
        for window in self.windows:
            count, total, time = (_within(a, known, slips, window) for a in (counts, values, times))
            age = places - time / np.maximum(count, 1)
            mean += (total / np.maximum(count, 1) + self.inflation * age) / len(self.windows)
        has_mean = (seen >= self.least) & bool(self.windows)
        return np.where(known, np.where(has_mean, mean - x, 0.0), np.nan)

    def log_weights(self, x: Floats, gaps: Floats, slips: Periods, forecasts: Margins, memory: float) -> Floats:
        """(N, T, R) by the prior and the discounted log scores of each speed, of outcomes known in each period.

        ``forecasts`` (N, T, H) without reversion. A score is the Student-t log likelihood of the innovations, over the
        horizon: outcomes so far ahead overlap as much. A slip is no origin, and an outcome until it is known as one.
        """
        N, T = x.shape
        scores, slipped = np.zeros((N, T, len(self.speeds))), slips < T
        for h in self.judged:
            if h < T:
                error = np.where(slipped[:, :-h], np.nan, x[:, h:] - forecasts.mean[:, :-h, h - 1])[..., None]
                z = (error - gaps[:, :-h, None] * self.closed(h)[:, -1]) / forecasts.sd[:, :-h, h - 1, None]
                scores[:, h:] += np.nan_to_num(-3 * np.log1p(z**2 / 3)) / h
        own = np.where(slipped[..., None], scores, 0.0)
        scores -= own
        for t in range(1, T):
            scores[:, t] += memory * scores[:, t - 1]
        for i, s in np.argwhere(slipped):
            until = np.arange(slips[i, s] - s)[:, None]
            scores[i, s : slips[i, s]] += memory**until * own[i, s]
        return np.asarray(self.log_prior + scores)


def _within(a: Floats, known: Bools, slips: Periods, window: int) -> Floats:
    """Sums (N, T) of ``a`` over the last so many periods, where ``known`` and no slip that is known as one."""
    T = a.shape[1]
    total = np.where(known & (slips == T), a, 0.0).cumsum(axis=1)
    sums = total - np.hstack([np.zeros((len(a), min(window, T))), total[:, :-window]])
    for i, s in np.argwhere(known & (slips < T)):
        sums[i, s : min(slips[i, s], s + window)] += a[i, s]
    return np.asarray(sums)
