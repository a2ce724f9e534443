"""The World Bank's Pink Sheet: monthly prices and indices of commodities, in one workbook at an address that changes.

The workbook is linked from the page of commodity markets. Its sheets have titles and the day of the update above, then
the name of each column, of prices with the unit in brackets below it, of indices stepped by their hierarchy, then a row
a month. Asterisks behind a name point to footnotes, and come and go.
"""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from forecast.catalog.csv_reader import number
from forecast.errors import LayoutChanged, nearest
from forecast.sources.apart import each_apart
from forecast.sources.source import Quote, Source
from forecast.sources.table import Line, read_table
from forecast.sources.web import Page, Web

_SHEETS = ("Monthly Prices", "Monthly Indices")
_LINK = re.compile(r"""[^\s"'<>()]+/CMO-Historical-Data-Monthly\.xlsx""")
_MONTH = re.compile(r"([0-9]{4})M(0[1-9]|1[0-2])")
_UPDATED = re.compile(r"Updated on ([A-Z][a-z]+ [0-9]{1,2}, [0-9]{4})")
_BASE = re.compile(r"[0-9]{4} ?= ?100")
_MISSING = ("", "…", "...", "..")


class WorldBank(Source):
    name = "worldbank"
    title = "prices of the Pink Sheet"
    publisher = "World Bank, Commodity Markets (Pink Sheet)"
    address = "https://www.worldbank.org/en/research"
    page = "https://www.worldbank.org/en/research/commodity-markets"
    licence = "CC BY 4.0, cite: World Bank, Commodity Markets (Pink Sheet)"

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        page = web.get("commodity-markets", media=("html",))
        found = _LINK.search(html.unescape(page.body.decode("utf-8", "replace")).replace("\\/", "/"))
        if found is None:
            raise LayoutChanged(self.name, page.url, "no such link", "a link to CMO-Historical-Data-Monthly.xlsx")
        book = web.get_changed(urljoin(page.url, found[0]), media=("sheet",))
        if book is None:
            return
        sheets = [_Sheet.read(self.name, book, name) for name in _SHEETS]
        yield from each_apart(self.name, keys, lambda key: self._series(sheets, key, since))

    def _series(self, sheets: Sequence[_Sheet], key: str, since: dt.date) -> Iterator[Quote]:
        """The values of the one column of this name."""
        found = [(sheet, column) for sheet in sheets for column in sheet.columns if column.name == key]
        if len(found) != 1:
            names = [column.name for sheet in sheets for column in sheet.columns]
            near = ", ".join(map(repr, nearest(key, names)))
            told = f"{len(found)} columns" if found else "no such column" + (f"; nearest: {near}" if near else "")
            raise LayoutChanged(self.name, key, told, f"one column in {' or '.join(_SHEETS)}")
        [(sheet, column)] = found
        yield from sheet.quotes(column, since)


def monthly_prices(book: Page) -> Iterator[Quote]:
    """Every value of every price of a workbook. Raises ``LayoutChanged``."""
    sheet = _Sheet.read(WorldBank.name, book, _SHEETS[0])
    for column in sheet.columns:
        yield from sheet.quotes(column, dt.date.min)


@dataclass(frozen=True)
class _Column:
    """A column of a sheet: where it is, its name, and what stands between that and the first month."""

    at: int
    name: str
    below: Sequence[str]


@dataclass(frozen=True)
class _Sheet:
    """A sheet: what its first column says above the first month, its columns, and the rows that have values."""

    source: str
    name: str
    titles: str
    columns: Sequence[_Column]
    rows: Sequence[Line]

    @classmethod
    def read(cls, source: str, book: Page, name: str) -> _Sheet:
        """Raises ``LayoutChanged``."""
        rows = list(read_table(source, book, sheet=name))
        first = next((at for at, (_, row) in enumerate(rows) if _MONTH.fullmatch(row[0])), None)
        if first is None:
            raise LayoutChanged(source, name, "no row of a month", "months in the first column, as 1960M01")
        above = [row for _, row in rows[:first]]
        columns = []
        for at in range(1, max(map(len, above), default=0)):
            if labels := [" ".join(row[at].rstrip("* ").split()) for row in above if len(row) > at and row[at]]:
                columns.append(_Column(at, labels[0], labels[1:]))
        return cls(
            source, name, " ".join(row[0] for row in above), columns, [row for row in rows[first:] if any(row[1][1:])]
        )

    def quotes(self, column: _Column, since: dt.date) -> Iterator[Quote]:
        """The values of a column. Only that of the last month is known since the update: what it revised of the others
        is not told."""
        unit, updated, last = self._unit(column), self._updated(), self._month(self.rows[-1])
        for row in self.rows:
            month, cells = self._month(row), row[1]
            text = cells[column.at] if column.at < len(cells) else ""
            if month >= since.replace(day=1) and text not in _MISSING:
                value = self._value(f"{self.name}, row {row[0]}, {column.name}", text)
                yield Quote(column.name, month, value, unit, known=updated if month == last else None)

    def _unit(self, column: _Column) -> str:
        base = _BASE.search(self.titles)
        if not column.below and base:
            return base[0].replace(" ", "")
        if len(column.below) != 1 or not re.fullmatch(r"\(.+\)", column.below[0]):
            told = " / ".join(column.below) or "nothing below it"
            raise LayoutChanged(self.source, f"{self.name}, {column.name}", told, "a unit in brackets, as ($/mt)")
        return column.below[0][1:-1].strip()

    def _month(self, row: Line) -> dt.date:
        line, cells = row
        found = _MONTH.fullmatch(cells[0])
        if found is None:
            raise LayoutChanged(self.source, f"{self.name}, row {line}", repr(cells[0]), "a month, as 1960M01")
        return dt.date(int(found[1]), int(found[2]), 1)

    def _updated(self) -> dt.datetime | None:
        """The day of the update, where it is told."""
        found = _UPDATED.search(self.titles)
        try:
            return dt.datetime.strptime(found[1], "%B %d, %Y").replace(tzinfo=dt.UTC) if found else None
        except ValueError:
            return None

    def _value(self, place: str, text: str) -> float:
        try:
            return number(text)
        except ValueError:
            raise LayoutChanged(self.source, place, repr(text), "a number, or … where there is none") from None
