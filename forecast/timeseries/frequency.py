"""Periods: how days fall into months, weeks, quarters; numpy only, so that the service can use it.

A period is named by its first day (``datetime64[D]``). Two conversions carry everything else: the number of a
period (its ordinal) and the first day of a numbered period.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from forecast.errors import Fault, InvalidInput
from forecast.wording import day_in_words

Days = npt.NDArray[np.datetime64]
Ordinals = npt.NDArray[np.int64]
OneDay = dt.date | str | np.datetime64
DayLike = OneDay | Days
OneOrdinal = int | np.int64

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
#: Codes of all frequencies, by length.
CODES = ("D", "B", *(f"W-{day}" for day in WEEKDAYS), "M", "Q", "Y")
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
_SEASON = {"D": 7, "B": 5, "W": 52, "M": 12, "Q": 4, "Y": 1}
_PERIODS = {"D": "day", "B": "day", "W": "week", "M": "month", "Q": "quarter", "Y": "year"}
_WORDS = {
    "daily": "D",
    "business": "B",
    "weekly": "W",
    "monthly": "M",
    "quarterly": "Q",
    "annual": "Y",
    "yearly": "Y",
}
_ORDINALS = ("1st", "2nd", "3rd", "4th")
_QUARTER_ENDS, _QUARTER_STARTS = ("MAR", "JUN", "SEP", "DEC"), ("JAN", "APR", "JUL", "OCT")


@dataclass(frozen=True)
class Freq:
    """A frequency: ``D``, ``B`` (Monday to Friday), ``W-SUN`` (the week's last day) and so on, ``M``, ``Q``, ``Y``."""

    code: str

    def __str__(self) -> str:
        return self.code

    @property
    def unit(self) -> str:
        """The letter: D, B, W, M, Q or Y."""
        return self.code[0]

    @property
    def period(self) -> str:
        """What a period is called: day, week, month, quarter or year."""
        return _PERIODS[self.unit]

    def in_words(self, day: dt.date) -> str:
        """What the period of a day is called: ``June 2026``, ``2nd quarter of 2026``, ``2026``, ``8 Jun 2026``; a week
        by its first day."""
        if self.unit == "M":
            return f"{day:%B %Y}"
        if self.unit == "Q":
            return f"{_ORDINALS[(day.month - 1) // 3]} quarter of {day.year}"
        if self.unit == "Y":
            return str(day.year)
        return f"week from {day_in_words(day)}" if self.unit == "W" else day_in_words(day)

    @property
    def season(self) -> int:
        """Periods in one seasonal cycle (12 for months, 52 for weeks, 7 for days, 1 for years)."""
        return _SEASON[self.unit]

    @property
    def per_year(self) -> float:
        """Periods in a year, on average."""
        return {"D": 365.25, "B": 260.9, "W": 52.18, "M": 12.0, "Q": 4.0, "Y": 1.0}[self.unit]

    def months(self, n: float) -> int:
        """How many periods so many months are, at least one."""
        return max(round(n * self.per_year / 12), 1)

    @property
    def days(self) -> float:
        """Mean length of a period in days."""
        return 365.25 / self.per_year

    @cached_property
    def _week_offset(self) -> int:
        # 1970-01-01 was a Thursday: day number 0 has weekday 3. A week starts on the day after its last day.
        return (WEEKDAYS.index(self.code[2:]) + 1 - 3) % 7

    @overload
    def ordinal(self, days: OneDay) -> np.int64: ...
    @overload
    def ordinal(self, days: Days) -> Ordinals: ...
    def ordinal(self, days: DayLike) -> np.int64 | Ordinals:
        """Number of the period that contains each day. A weekend day belongs to the next business day."""
        d = np.asarray(days, dtype="datetime64[D]")
        if self.unit in _MONTHS:
            numbers = d.astype("datetime64[M]").astype(np.int64) // _MONTHS[self.unit]
        elif self.unit == "B":
            numbers = _business_days(d, "forward")
        elif self.unit == "W":
            numbers = (d.astype(np.int64) - self._week_offset) // 7
        else:
            numbers = d.astype(np.int64)
        return numbers if d.ndim else np.int64(numbers)

    @overload
    def begun(self, days: OneDay) -> np.int64: ...
    @overload
    def begun(self, days: Days) -> Ordinals: ...
    def begun(self, days: DayLike) -> np.int64 | Ordinals:
        """Number of the last period that has begun by each day: on a weekend, the business day before."""
        if self.unit != "B":
            return self.ordinal(days)
        d = np.asarray(days, dtype="datetime64[D]")
        numbers = _business_days(d, "backward")
        return numbers if d.ndim else np.int64(numbers)

    @overload
    def start(self, ordinals: int | np.int64) -> np.datetime64[dt.date]: ...
    @overload
    def start(self, ordinals: Ordinals) -> Days: ...
    def start(self, ordinals: int | np.int64 | Ordinals) -> np.datetime64[dt.date] | Days:
        """First day of each numbered period (datetime64[D])."""
        n = np.asarray(ordinals, dtype=np.int64)
        if self.unit in _MONTHS:
            days = (n * _MONTHS[self.unit]).astype("datetime64[M]").astype("datetime64[D]")
        elif self.unit == "B":
            days = np.asarray(np.busday_offset("1970-01-01", n, roll="forward"))
        elif self.unit == "W":
            days = (n * 7 + self._week_offset).astype("datetime64[D]")
        else:
            days = n.astype("datetime64[D]")
        return days if n.ndim else days[()]

    @overload
    def floor(self, days: OneDay) -> np.datetime64[dt.date]: ...
    @overload
    def floor(self, days: Days) -> Days: ...
    def floor(self, days: DayLike) -> np.datetime64[dt.date] | Days:
        """First day of the period that contains each day."""
        return self.start(self.ordinal(days))

    @overload
    def shift(self, starts: OneDay, periods: int) -> np.datetime64[dt.date]: ...
    @overload
    def shift(self, starts: DayLike, periods: Ordinals) -> Days: ...
    @overload
    def shift(self, starts: Days, periods: int) -> Days: ...
    def shift(self, starts: DayLike, periods: int | Ordinals) -> np.datetime64[dt.date] | Days:
        """First day of the period so many periods later."""
        return self.start(self.ordinal(starts) + np.asarray(periods, dtype=np.int64))

    @overload
    def end(self, starts: OneDay) -> np.datetime64[dt.date]: ...
    @overload
    def end(self, starts: Days) -> Days: ...
    def end(self, starts: DayLike) -> np.datetime64[dt.date] | Days:
        """Last day of the period (inclusive)."""
        if self.unit == "B":
            return self.floor(starts)
        return self.shift(starts, 1) - np.timedelta64(1, "D")

    def range(self, start: DayLike, periods: int) -> Days:
        """So many consecutive period starts, from the period that contains ``start``."""
        first = int(self.ordinal(start))
        return np.asarray(self.start(np.arange(first, first + periods)))

    def between(self, first: DayLike, last: DayLike) -> Days:
        """All period starts from the period of ``first`` to the period of ``last``, both included."""
        return self.range(first, int(self.ordinal(last)) - int(self.ordinal(first)) + 1)


def _business_days(days: Days, roll: Literal["forward", "backward"]) -> Ordinals:
    """Numbers of business days; a weekend day has that of the next one, or of the one before."""
    return np.asarray(np.busday_count("1970-01-01", np.busday_offset(days, 0, roll=roll)))


def parse_freq(text: str) -> Freq:
    """What a pandas user writes (``MS``, ``ME``, ``W``, ``W-MON``, ``QE-DEC``, ``A``, ``B``, ``monthly``), understood.

    Raises ``InvalidInput`` for a multiple (``2M``) or for quarters and years that do not follow the calendar.
    """
    upper = _WORDS.get(text.strip().lower(), text.strip()).upper()
    match = re.fullmatch(r"(D|B|W|B?(?:MS|ME|M|QS|QE|Q|YS|YE|AS|Y|A))(?:-([A-Z]{3}))?", upper)
    refused = InvalidInput(Fault("freq", text, "one of D, B, W, W-MON … W-SUN, M, Q, Y (or a pandas alias of it)"))
    if not match:
        raise refused
    alias, anchor = match.groups()
    if alias in ("D", "B"):
        if anchor:
            raise refused
        return Freq(alias)
    if alias == "W":
        if anchor and anchor not in WEEKDAYS:
            raise refused
        return Freq(f"W-{anchor or 'SUN'}")
    letter = alias.removeprefix("B")[0].replace("A", "Y")
    starts = alias.endswith("S")
    follows_calendar = {
        "M": (),
        "Q": _QUARTER_STARTS if starts else _QUARTER_ENDS,
        "Y": ("JAN",) if starts else ("DEC",),
    }[letter]
    if anchor and anchor not in follows_calendar:
        raise refused
    return Freq(letter)
