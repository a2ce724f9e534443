"""The span of a forecast: which periods are asked for, and how far ahead of the day of the question each of them is.

Today lies between two periods: those up to the one that has begun are behind it, those after it ahead. A period that is
over and of which no value is there is *nowcast*: its outcome exists already, and nobody has published it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from forecast.errors import Fault, InvalidInput, one_of
from forecast.settings import FORECAST_HORIZON, YEARS_AHEAD, SpanOrigin
from forecast.timeseries.frequency import Days, Freq
from forecast.wording import numeral, plural

if TYPE_CHECKING:
    from forecast.registry import Run


@dataclass(frozen=True)
class Span:
    """The periods asked for.

    ``horizon``: how many after ``origin``, those between the last value and today besides; None: twelve, five of
    years, or all up to ``until``. ``start``, ``until``: only periods that start on this day or later, on this day or
    earlier.
    """

    horizon: int | None = None
    origin: SpanOrigin = SpanOrigin.TODAY
    start: dt.date | None = None
    until: dt.date | None = None

    def __post_init__(self) -> None:
        if self.origin not in tuple(SpanOrigin):
            raise InvalidInput(Fault("origin", self.origin, one_of(SpanOrigin)))
        object.__setattr__(self, "origin", SpanOrigin(self.origin))  # Python's users write its text
        if self.start and self.until and self.until < self.start:
            raise InvalidInput(Fault("until", str(self.until), f"a day not before {self.start}, where it begins"))

    def check(self, run: Run) -> None:
        """Raise ``InvalidInput`` unless ``horizon`` is one that the run was trained for."""
        trained, h = min(run.card.settings.horizon, int(run.draws.shape[1])), self.horizon
        if h is not None and (isinstance(h, bool) or not isinstance(h, int) or not 1 <= h <= trained):
            raise InvalidInput(Fault("h", h, f"a whole number from 1 to {trained}"))

    def periods(
        self, ds: Days, freq: Freq, as_of: dt.date, before: int = 0, published_to: np.datetime64 | None = None
    ) -> SpanPeriods:
        """Which of the periods ``ds`` (H,) of a forecast these are, on the day of the question; ``before``: how many
        periods lie between the last value and the first of ``ds``; ``published_to``: the last period with a value.

        Raises ``InvalidInput`` where none of them is.
        """
        every = SpanPeriods.of(ds, freq, as_of, self.origin, before)
        if published_to is not None:
            every = replace(every, nowcast=every.nowcast & (ds > published_to))
        first = int((ds < np.datetime64(self.start)).sum()) if self.start else 0
        until = int((ds <= np.datetime64(self.until)).sum()) if self.until else len(ds)
        stop = min(self._stop(every, first), until)
        if self.until and not until:
            expected = f"a day not before {ds[0]}, the first period without a value"
            raise InvalidInput(Fault("until", str(self.until), expected))
        if first >= stop:
            expected = f"a day not after {ds[stop - 1]}, the last period that is forecast"
            raise InvalidInput(Fault("from", str(self.start), expected))
        return replace(every, rows=slice(first, stop))

    def _stop(self, every: SpanPeriods, first: int) -> int:
        """The row after the last that the horizon lets in."""
        if self.horizon is None and self.until is not None:
            return len(every.ds)
        begun = every.begun if self.start is None or self.horizon is not None else max(first, every.begun)
        return min(begun + (self.horizon or _usual(every.freq)), len(every.ds))

    def notes(self, found: SpanPeriods, run: Run) -> tuple[str, ...]:
        """What a reader should know of the periods that an answer shows: nothing ahead, all over, fewer than asked."""
        freq, ds = found.freq, found.ds
        to, ahead = freq.in_words(period_day(ds[-1])), len(ds) - found.begun
        again = f"training anew reaches further (orecast train {run.series_id})"
        if ahead >= run.card.settings.horizon:
            again = "ORECAST_HORIZON says how far ahead is trained"
        if found.begun == len(ds):
            last = freq.in_words(period_day(run.last))
            return (f"nothing is ahead: the last value is that of {last}, and the run reaches to {to}",)
        if found.shown_nowcast.all():
            these = "it" if len(found.shown_nowcast) == 1 else "these periods"
            return (f"all of it is over: no value of {these} is there yet",)
        if self.until is not None and np.datetime64(self.until) >= freq.shift(ds[-1], 1):
            return (f"the run reaches to {to}, and not to {self.until}; {again}",)
        wanted = self.horizon or min(_usual(freq), run.card.settings.horizon)
        if self.until is None and self.start is None and ahead < wanted:
            fewer = f"{numeral(ahead)} of {numeral(wanted)} {plural(wanted, freq.period)}"
            return (f"{fewer}: the run reaches to {to}; {again}",)
        return ()


def _usual(freq: Freq) -> int:
    return YEARS_AHEAD if freq.unit == "Y" else FORECAST_HORIZON


def period_day(start: np.datetime64) -> dt.date:
    """The first day of a period as a date of the standard library."""
    day: dt.date = start.astype("datetime64[D]").astype(dt.date)
    return day


@dataclass(frozen=True, eq=False)
class SpanPeriods:
    """The periods ``ds`` (H,) of a forecast as they lie on a day, of which ``rows`` are shown.

    ``begun``: how many of them come before the first that counts; ``h`` (H,): how far ahead each is, that being 1;
    ``nowcast`` (H,): it is over on the day, and nobody has published its value.
    """

    ds: Days
    freq: Freq
    begun: int
    h: npt.NDArray[np.int64]
    nowcast: npt.NDArray[np.bool_]
    rows: slice

    @classmethod
    def of(cls, ds: Days, freq: Freq, as_of: dt.date, origin: SpanOrigin, before: int = 0) -> SpanPeriods:
        """All of them."""
        day = np.datetime64(as_of)
        begun = int((ds <= day).sum()) if origin is SpanOrigin.TODAY else 0
        first = 1 - begun if origin is SpanOrigin.TODAY else 1 + before
        h = np.arange(first, first + len(ds))
        return cls(ds, freq, begun, h, np.asarray(freq.end(ds) <= day), slice(0, len(ds)))

    @property
    def shown_ds(self) -> Days:
        return self.ds[self.rows]

    @property
    def shown_nowcast(self) -> npt.NDArray[np.bool_]:
        return self.nowcast[self.rows]
