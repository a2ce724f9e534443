"""Periods of a series that a file cuts into several: months for a series of quarters, which is nobody's to add up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from forecast.errors import Fault, InvalidInput
from forecast.intake.batch import Batch
from forecast.names import Measure
from forecast.timeseries.periods import PeriodReader
from forecast.timeseries.series import Series

#: Periods of a file that are remembered: what it is made of shows in fewer.
_MOST = 20_000


class Crowding:
    """Shorter periods that the rows of a file name within those of their series."""

    def __init__(self, series: Sequence[Series], periods: PeriodReader) -> None:
        self._series, self._periods = series, periods
        self._found: dict[tuple[int, dt.date], dict[dt.date, tuple[int, str]]] = {}
        self._seen: set[tuple[int, str]] = set()
        self._days = [one.calendar.unit in "DB" for one in series]

    def note(self, batch: Batch, series: Sequence[int]) -> None:
        """Rows of a batch and the numbers of their series, below 0 where it is not known."""
        for k, text, line in zip(series, batch.cells["ds"], batch.lines, strict=True):
            if len(self._seen) >= _MOST:
                return
            if k < 0 or self._days[k] or (k, text) in self._seen:
                continue
            self._seen.add((k, text))
            start = self._periods.start(text)
            if start is not None:
                first: dt.date = self._series[k].calendar.floor(start).item()
                self._found.setdefault((k, first), {}).setdefault(start, (line, text))

    def check(self, file: str) -> None:
        """Raises ``InvalidInput`` where at least half of the periods of a series are cut into several."""
        periods: dict[int, list[dict[dt.date, tuple[int, str]]]] = {}
        for (k, _), starts in self._found.items():
            periods.setdefault(k, []).append(starts)
        for k, every in periods.items():
            cut = [starts for starts in every if len(starts) > 1]
            if cut and 2 * len(cut) >= len(every):
                raise InvalidInput(_fault(self._series[k], cut[0], file))


def _fault(series: Series, starts: dict[dt.date, tuple[int, str]], file: str) -> Fault:
    line, _ = next(iter(starts.values()))
    texts = ", ".join(text for _, text in list(starts.values())[:3])
    how = "sum" if series.measure in (Measure.VOLUME, Measure.VALUE) else "average"
    period = series.calendar.period
    expected = (
        f"one row a {period}: {series.series_id} has {period}s, and the file has several rows in one of them; "
        f"{how} them first"
    )
    return Fault("ds", texts, expected, file, line)
