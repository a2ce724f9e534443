"""A table behind an address of the user's choice: separated text with one row a period, read as ``sources.toml`` says.

Without a column of keys each series has a column of its values, and its key is the name of that; with one, each row is
of the series that it names, in one column of values. Lines above the header are passed over: it is the first line that
has every column that is named.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field

from forecast.errors import Fault, InvalidInput, LayoutChanged, nearest
from forecast.formats.numbers import NumberReader, is_missing
from forecast.formats.text import SEPARATORS
from forecast.sources.apart import each_apart
from forecast.sources.section import Section, Text
from forecast.sources.source import Quote, Source
from forecast.sources.table import Line, read_table
from forecast.sources.web import Page, Web
from forecast.timeseries.frequency import parse_freq
from forecast.timeseries.periods import PeriodReader, month_of

#: Lines that are searched for the header.
_ABOVE = 100
_SEPARATORS = f"{', '.join(SEPARATORS)}, or the character itself; nothing where the text tells"


def _separator(text: str) -> str:
    if text and SEPARATORS.get(text, text) not in SEPARATORS.values():
        raise ValueError(text)
    return text


def _encoding(text: str) -> str:
    try:
        "x".encode(text)
    except LookupError:  # also of what encodes no text, such as hex
        raise ValueError(text) from None
    return text


class CsvSection(Section):
    """What ``sources.toml`` says of such a table: besides where it is, which columns there are, and how they are
    written. Dates are a column ``date``, or a ``year`` and a ``month``."""

    freq: Annotated[
        str,
        AfterValidator(lambda text: parse_freq(text).code),
        Field(description="how often there is a value: D, B, W-SUN, M, Q, Y or a pandas alias of one"),
    ]
    date: Annotated[Text, Field(description="the column of periods; or leave it out and name year and month")] = ""
    year: Annotated[Text, Field(description="the column of years, where there is no date")] = ""
    month: Annotated[Text, Field(description="the column of months, numbers or names, where there is no date")] = ""
    key: Annotated[Text, Field(description="the column that says of which series a row is")] = ""
    value: Annotated[Text, Field(description="the column of values, where there is one of keys")] = ""
    unit: Annotated[Text, Field(description="the column of units")] = ""
    separator: Annotated[Text, AfterValidator(_separator), Field(description=_SEPARATORS)] = ""
    encoding: Annotated[
        Text, AfterValidator(_encoding), Field(description="the name of an encoding, such as cp1252")
    ] = ""
    decimal: Annotated[Literal[".", ","], Field(description="the decimal sign: . or ,")] = "."
    dates: Annotated[Literal["dmy", "mdy"] | None, Field(description="the order of day and month: dmy or mdy")] = None

    @classmethod
    def read(cls, name: str, told: Mapping[str, object], file: str) -> Self:
        section = super().read(name, told, file)
        faults = []
        if bool(section.date) == bool(section.year or section.month) or bool(section.year) != bool(section.month):
            said = ", ".join(field for field in ("date", "year", "month") if field in told) or "none of them"
            faults.append(Fault(f"{name}.date", said, "either date, or both year and month", file))
        if bool(section.key) != bool(section.value):
            said = "key" if section.key else "value"
            faults.append(Fault(f"{name}.{said}", told[said], "key and value together, or neither", file))
        if faults:
            raise InvalidInput(faults)
        return section

    @property
    def columns(self) -> list[str]:
        """The columns that are named."""
        named = (self.date, self.year, self.month, self.key, self.value, self.unit)
        return [column for column in named if column]


class CsvAddress(Source):
    """A source of one table, which a user described."""

    title = "a table at an address of the user's choice"

    def __init__(self, name: str, section: CsvSection) -> None:
        self.name, self.address, self.page = name, section.address, section.page or section.address
        self.publisher, self.licence, self._section = section.publisher, section.licence, section

    @classmethod
    def from_section(cls, name: str, told: Mapping[str, object], file: str) -> CsvAddress:
        """Raises ``InvalidInput`` with every fault in it."""
        return cls(name, CsvSection.read(name, told, file))

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        page = web.get_changed(web.address, media=("csv",))
        if page is not None:
            table = _Table.read(self.name, page, self._section)
            yield from each_apart(self.name, keys, lambda key: table.quotes(key, since))


@dataclass(frozen=True)
class _Table:
    """The rows of a table below its ``header``."""

    source: str
    section: CsvSection
    header: Sequence[str]
    rows: Sequence[Line]
    periods: PeriodReader

    @classmethod
    def read(cls, source: str, page: Page, section: CsvSection) -> _Table:
        """Raises ``LayoutChanged``."""
        rows = read_table(source, page, separator=section.separator, encoding=section.encoding)
        first = []
        for line, row in islice(rows, _ABOVE):
            if set(section.columns) <= {*row}:
                return cls(source, section, row, list(rows), PeriodReader(section.dates or ""))
            first.append(f"line {line}: {', '.join(row)[:100]}")
        raise LayoutChanged(
            source, "header", first[0] if first else "nothing", f"a line with the columns {', '.join(section.columns)}"
        )

    def quotes(self, key: str, since: dt.date) -> Iterator[Quote]:
        """The values of one series. Raises ``LayoutChanged``."""
        calendar, numbers = parse_freq(self.section.freq), NumberReader(self.section.decimal)
        first, found = calendar.floor(since).item(), dict[dt.date, float]()
        for line, row in self._rows(key):
            place = f"line {line}, {key}"
            text = self._cell(row, self.section.value or key)
            if any(row[len(self.header) :]):
                raise LayoutChanged(self.source, f"line {line}", f"{len(row)} cells", f"{len(self.header)}")
            if is_missing(text):
                continue
            try:
                start, value = self.periods.first_day(self._period(row), calendar), numbers.number(text)
            except ValueError as error:
                raise LayoutChanged(self.source, place, f"{self._period(row)}, {text}", str(error)) from None
            if found.setdefault(start, value) != value:
                told = f"{value:g} for {start} after {found[start]:g}"
                raise LayoutChanged(self.source, place, told, "one value a period")
            if start >= first:
                yield Quote(key, start, value, self._cell(row, self.section.unit) if self.section.unit else "")

    def _rows(self, key: str) -> list[Line]:
        """The rows of a series."""
        if not self.rows:
            raise LayoutChanged(self.source, key, "no rows below the header", "values of it")
        known = {self._cell(row, self.section.key) for _, row in self.rows} if self.section.key else {*self.header}
        if key not in known:
            near = ", ".join(nearest(key, known))
            told = f"no rows of {key}" if self.section.key else f"no column {key}"
            raise LayoutChanged(self.source, key, told + (f"; nearest: {near}" if near else ""), "values of it")
        return [row for row in self.rows if not self.section.key or self._cell(row[1], self.section.key) == key]

    def _cell(self, row: Sequence[str], column: str) -> str:
        if self.header.count(column) > 1:
            raise LayoutChanged(self.source, "header", f"{self.header.count(column)} columns {column}", "one")
        at = self.header.index(column)
        return row[at] if at < len(row) else ""

    def _period(self, row: Sequence[str]) -> str:
        if self.section.date:
            return self._cell(row, self.section.date)
        month = self._cell(row, self.section.month)
        return f"{self._cell(row, self.section.year)}-{month_of(month) or month}"
