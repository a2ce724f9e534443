"""Seasonal terms in Fourier form, one definition for every model and for sample and future alike.

The words are those of statsmodels' ``tsa.deterministic``: ``Fourier`` has a ``period`` that is a whole number of
observations, ``CalendarFourier`` one that is a stretch of the calendar, and both an ``order``, the number of harmonics
(Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, 1989, sec. 2.3.4). Columns are the cosine
and the sine of each harmonic, the slowest first, and have full rank beside a constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Floats

#: Harmonics at most: those of a year of months.
ORDER = 6


@dataclass(frozen=True)
class Fourier:
    """At most ``order`` harmonics of a cycle of ``period`` consecutive periods; no sine of the fastest of an even one,
    which is 0 in every period."""

    period: int
    order: int

    def terms(self, ds: Days, freq: Freq) -> Floats:
        """(T, K) columns on the periods that start on ``ds``."""
        turns = (np.asarray(freq.ordinal(ds)) % self.period) / self.period
        order = min(self.order, self.period // 2)
        columns = _harmonics(turns, order)
        return columns[:, :-1] if order and 2 * order == self.period else columns


@dataclass(frozen=True)
class CalendarFourier:
    """``order`` harmonics of the calendar year: the phase is the share of the year that has passed on the first day of
    a period. A year is no whole number of weeks or days: who counts 52 weeks loses a month in 25 years."""

    order: int

    def terms(self, ds: Days, freq: Freq) -> Floats:
        """(T, 2 order) columns on the periods that start on ``ds``."""
        year = np.asarray(ds, dtype="datetime64[Y]")
        first, last = (np.asarray(y, dtype="datetime64[D]") for y in (year, year + 1))
        return _harmonics((ds - first) / (last - first), self.order)


def seasonal(ds: Days, freq: Freq, order: int = ORDER) -> Floats:
    """(T, K) terms of the seasonal cycle of a frequency (``Freq.season``); without a column for years."""
    cycle = CalendarFourier(order) if freq.unit == "W" else Fourier(freq.season, order)
    return cycle.terms(ds, freq)


def yearly(ds: Days, freq: Freq, order: int) -> Floats:
    """(T, K) terms of the year: of months and quarters by counting, of weeks and days by the calendar."""
    return CalendarFourier(order).terms(ds, freq) if freq.unit in "DB" else seasonal(ds, freq, order)


def _harmonics(turns: Floats, order: int) -> Floats:
    """(T, 2 order) cosine and sine of each harmonic at the phases ``turns`` (T,), in cycles."""
    angles = turns[:, None] * (2 * np.pi * np.arange(1, order + 1))
    return np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(len(turns), 2 * order)
