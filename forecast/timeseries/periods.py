"""Periods as people write them: ``2024M02``, ``Feb-24``, ``Q1 2024``, days of a month, serial days of a spreadsheet.

What a text names is a span (a day, week, month, quarter or year) and its first day; a series takes a span of its own
frequency, or a day or month that begins its period, or ends it if that is no week. A day and a month in numbers with
the year behind them are read where one of them is above 12, where they are equal, or in the order that is settled for
the file.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from forecast.formats.numbers import without_marks
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import FIRST_YEAR

#: Years that a period may lie in, so that a slip or an amount is not taken for one.
_YEARS = range(FIRST_YEAR, 2200)
#: The day before serial day 1 of a spreadsheet, which counts a 29 February 1900 that never was.
_EPOCH = dt.date(1899, 12, 30)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october")
_NAMES = {name: at % 12 + 1 for at, name in enumerate((*_MONTHS, *_LONG, "november", "december"))} | {"sept": 9}
_MIDNIGHT = r"(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00:?00)?)?"
_NAME = r"(?P<name>[A-Za-z]{3,9})\.?"
#: How periods are written; the first that fits is how one is read.
_SHAPES = {
    shape: re.compile(pattern)
    for shape, pattern in {
        "YYYY-MM-DD": rf"(?P<y>[0-9]{{4}})[-/.](?P<m>[0-9]{{1,2}})[-/.](?P<d>[0-9]{{1,2}}){_MIDNIGHT}",
        "YYYYMMDD": r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})",
        "YYYY-MM": r"(?P<y>[0-9]{4})(?:[-/](?P<m>[0-9]{1,2})|\.(?P<mm>[0-9]{2}))",
        "YYYYMM": r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})",
        "YYYYMmm": r"(?P<y>[0-9]{4})[- ]?[Mm](?P<m>[0-9]{1,2})",
        "MM/YYYY": r"(?P<m>[0-9]{1,2})[-/](?P<y>[0-9]{4})",
        "Mon YYYY": rf"{_NAME}[ ,/-]*(?P<y>[0-9]{{4}})",
        "YYYY Mon": rf"(?P<y>[0-9]{{4}})[ ,/-]*{_NAME}",
        "Mon-YY": rf"{_NAME}[-'’](?P<yy>[0-9]{{2}})",
        "D Mon YYYY": rf"(?P<d>[0-9]{{1,2}})[ ./-]{_NAME},?[ /-](?P<y>[0-9]{{4}})",
        "D-Mon-YY": rf"(?P<d>[0-9]{{1,2}})-{_NAME}-(?P<yy>[0-9]{{2}})",
        "Mon D, YYYY": rf"{_NAME} (?P<d>[0-9]{{1,2}}),? (?P<y>[0-9]{{4}})",
        "YYYY-Qn": r"(?P<y>[0-9]{4})[- ]?[Qq](?P<q>[1-4])",
        "Qn YYYY": r"[Qq](?P<q>[1-4])[ /-]?(?P<y>[0-9]{4})",
        "Qn-YY": r"[Qq](?P<q>[1-4])[-'’](?P<yy>[0-9]{2})",
        "nQYY": r"(?P<q>[1-4])[Qq](?P<yy>[0-9]{2})",
        "nQYYYY": r"(?P<q>[1-4])[Qq][ -]?(?P<y>[0-9]{4})",
        "YYYY-Www": r"(?P<y>[0-9]{4})-?[Ww](?P<w>[0-9]{1,2})",
        "YYYY": r"(?P<y>[0-9]{4})",
    }.items()
}
_SERIAL = re.compile(r"([0-9]{5})(?:\.0)?")  # 1927 to 2173
_DAY_AND_MONTH = re.compile(rf"([0-9]{{1,2}})([-/.])([0-9]{{1,2}})\2([0-9]{{4}}){_MIDNIGHT}")
_EXAMPLES = {
    "D": "2024-02-29",
    "B": "2024-02-29",
    "W": "2024-02-26 (its first day)",
    "M": "2024-02, Feb 2024 or 2024M02 (or its first or last day)",
    "Q": "2024-Q1 (or its first or last day)",
    "Y": "2024 (or its first or last day)",
}


@dataclass(frozen=True)
class NamedPeriod:
    """A period that a text names, of whichever series: its first day, its length (D, W, M, Q, Y), how it is written."""

    start: dt.date
    unit: str
    shape: str


def span(text: str, order: str = "", serial: bool = False) -> NamedPeriod:
    """``serial``: five digits are a serial day. Raises ``ValueError``; with text where the order of day and month
    (``dmy``, ``mdy``) is in doubt."""
    text = without_marks(text)
    if serial and (found := _SERIAL.fullmatch(text)):
        return NamedPeriod(_EPOCH + dt.timedelta(days=int(found[1])), "D", "serial day")
    if found := _DAY_AND_MONTH.fullmatch(text):
        return NamedPeriod(
            _day_and_month(int(found[1]), int(found[3]), int(found[4]), order), "D", order or "day and month"
        )
    for shape, pattern in _SHAPES.items():
        if found := pattern.fullmatch(text):
            start, unit = _start(found.groupdict())
            if start.year not in _YEARS:
                raise ValueError
            return NamedPeriod(start, unit, shape)
    raise ValueError


def is_serial(text: str) -> bool:
    return bool(_SERIAL.fullmatch(text))


def is_period(text: str) -> bool:
    """Whether a cell names a period, in whichever order of day and month."""
    try:
        span(text, "mdy" if order_of([text]) == {"mdy"} else "dmy")
    except ValueError:
        return False
    return True


def month_of(text: str) -> int | None:
    """The month that a word names: ``Jan``, ``january``, ``Sept.``."""
    return _NAMES.get(without_marks(text).rstrip(".").lower())


def are_split_years(texts: Iterable[str]) -> bool:
    """Whether these are years that begin within one of the calendar, as ``2010-11`` and ``2011-12`` may be."""
    parts = [re.fullmatch(r"([0-9]{4})[-/]([0-9]{2})", text) for text in {*texts}]
    years = [found is not None and (int(found[1]) + 1) % 100 == int(found[2]) for found in parts]
    return len(years) > 1 and all(years)


def order_of(texts: Iterable[str]) -> set[str]:
    """Orders of day and month that some date of a column is certain of."""
    orders = set()
    for text in texts:
        found = _DAY_AND_MONTH.fullmatch(text)
        if found and (int(found[1]) > 12) != (int(found[3]) > 12):
            orders.add("dmy" if int(found[1]) > 12 else "mdy")
    return orders


def is_doubtful_date(text: str) -> bool:
    """Whether a date has two readings, as ``03/04/2024``."""
    found = _DAY_AND_MONTH.fullmatch(text)
    return found is not None and int(found[1]) != int(found[3]) and max(int(found[1]), int(found[3])) <= 12


def _day_and_month(first: int, second: int, year: int, order: str) -> dt.date:
    if not order and first <= 12 and second <= 12 and first != second:
        raise ValueError("a date of which day and month are certain; say their order: --dates dmy or --dates mdy")
    day_first = order == "dmy" if order else first > 12
    day, month = (first, second) if day_first else (second, first)
    if year not in _YEARS:
        raise ValueError
    return _date(year, month, day)


def _start(parts: dict[str, str | None]) -> tuple[dt.date, str]:
    def part(name: str) -> int | None:
        text = parts.get(name)
        return None if text is None else int(text)

    short = part("yy")
    year = part("y") if short is None else short + (2000 if short < 50 else 1900)
    assert year is not None  # every other shape has one
    month, quarter = part("m") or part("mm"), part("q")
    if name := parts.get("name"):
        month = _NAMES.get(name.lower(), 0)
    if quarter:
        return dt.date(year, 3 * quarter - 2, 1), "Q"
    if (week := part("w")) is not None:
        return _week(year, week), "W"
    if month is None:
        return _date(year, 1, 1), "Y"
    day = part("d")
    return _date(year, month, 1 if day is None else day), "M" if day is None else "D"


def _date(year: int, month: int, day: int) -> dt.date:
    try:
        return dt.date(year, month, day)
    except ValueError:
        raise ValueError from None  # its text is no expectation


def _week(year: int, week: int) -> dt.date:
    try:
        return dt.date.fromisocalendar(year, week, 1)
    except ValueError:
        raise ValueError from None


def _first_day(found: NamedPeriod, freq: Freq) -> dt.date | None:
    """First day of the period of a frequency that a span is, or whose beginning or end it is."""
    if found.unit in ("D", "M") and freq.unit != found.unit:
        if found.unit == "M" and freq.unit not in ("Q", "Y"):
            return None
        last = found.start if found.unit == "D" else Freq("M").end(found.start).item()
        start: dt.date = freq.floor(last).item()
        ends = freq.unit != "W" and freq.end(start).item() == last  # weeks end on days that begin others
        return start if start == found.start or ends else None
    if found.unit != freq.unit or freq.floor(found.start).item() != found.start:
        return None
    return found.start


@dataclass(frozen=True)
class PeriodReader:
    """Cells of one file as first days of periods; ``order``: of day and month, as declared or as its column settles;
    ``serial``: whether five digits are a serial day of a spreadsheet, as in a column that begins with one."""

    order: str = ""
    serial: bool = False
    _known: dict[tuple[str, str], dt.date] = field(default_factory=dict, repr=False, compare=False)

    def first_day(self, text: str, freq: Freq) -> dt.date:
        """Raises ``ValueError`` with what was expected."""
        known = self._known.get((text, freq.code))
        if known is not None:
            return known
        start = self._read(text, freq)
        if len(self._known) < 100_000:
            self._known[text, freq.code] = start
        return start

    def start(self, text: str) -> dt.date | None:
        """The first day of the period that a text names, of whichever length; None where it names none."""
        try:
            return span(text, self.order, self.serial).start
        except ValueError:
            return None

    def _read(self, text: str, freq: Freq) -> dt.date:
        expected = f"a {freq.period}, such as {_EXAMPLES[freq.unit]}"
        try:
            found = span(text, self.order, self.serial)
        except ValueError as error:
            raise ValueError(str(error) or expected) from None
        first = _first_day(found, freq)
        if first is not None:
            return first
        if found.unit == "D" and freq.unit not in ("D", "B"):
            raise ValueError(f"the first day of a period of frequency {freq}: {_floor(freq, found.start)}")
        raise ValueError(expected)


@lru_cache(maxsize=4096)
def _floor(freq: Freq, day: dt.date) -> dt.date:
    start: dt.date = freq.floor(day).item()
    return start
