"""Periods of which a delivery has values, for the frequencies of new series to be questioned."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Series

#: Periods from which on a frequency is questioned.
_ENOUGH = 10


class DeliveredPeriods:
    """How many periods of each series there are, the first and the last of them, and whether one is on a weekend.

    ``series``: in order of their numbers; ``new``: ids of those that are counted.
    """

    def __init__(self, series: Sequence[Series], new: Collection[str]) -> None:
        self._series = series
        freqs = sorted({one.freq for one in series})
        self._freqs = [Freq(code) for code in freqs]
        self._freq = np.array([freqs.index(one.freq) for one in series], dtype=np.int64)
        self._new = np.array([one.series_id in new for one in series], dtype=bool)
        self._count = np.zeros(len(series), dtype=np.int64)
        self._weekends = np.zeros(len(series), dtype=np.int64)
        self._first = np.full(len(series), "9999-12-31", dtype="datetime64[D]")
        self._last = np.full(len(series), "0001-01-01", dtype="datetime64[D]")

    def add(self, series: npt.NDArray[np.int32], ds: Days) -> None:
        """Rows in order of series and period; a period comes in one call only."""
        another = np.ones(len(series), dtype=bool)
        another[1:] = (series[1:] != series[:-1]) | (ds[1:] != ds[:-1])
        counted = another & self._new[series]
        if not counted.any():
            return
        series, ds = series[counted], ds[counted]
        np.add.at(self._count, series, 1)
        np.add.at(self._weekends, series, ~np.is_busday(ds))
        np.minimum.at(self._first, series, ds)
        np.maximum.at(self._last, series, ds)

    def ends(self, series: npt.NDArray[np.int32], ds: Days) -> Days:
        """(n,) Last day of each period."""
        ends = ds.copy()
        freq = self._freq[series]
        for k in np.unique(freq).tolist():
            ends[freq == k] = self._freqs[k].end(ds[freq == k])
        return ends

    def notes(self) -> Iterator[str]:
        """Series whose periods do not look like their frequency."""
        for k in np.flatnonzero(self._count >= _ENOUGH).tolist():
            one, count = self._series[k], int(self._count[k])
            span = len(one.calendar.between(self._first[k], self._last[k]))
            if one.freq == "D" and not self._weekends[k]:
                yield f"{one.series_id}: no value on a weekend; if that is so by nature, its frequency is B"
            elif 2 * count < span:
                yield f"{one.series_id}: {count} of {span} periods have a value; is {one.freq} its frequency?"
