"""US Census Bureau: monthly imports and exports of the United States by commodity and country, and duties on them."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from forecast.errors import LayoutChanged, SourceFailed, SourceRefused
from forecast.sources.portions import months, portions
from forecast.sources.source import Quote, Source
from forecast.sources.unit_values import unit_value
from forecast.sources.web import Page, Web

#: There is nothing before; months of one request: as many as a usual fetch asks for again.
_FIRST, _MONTHS = dt.date(2010, 1, 1), 25
#: In so many months something is traded of every commodity, and published. Status of a question that is not understood.
_LONG, _UNKNOWN = 6, 400
_WORLD = "-"
#: Kilograms in a unit of mass; the others that the Census counts in are left as they are.
_KILOGRAMS = {"KG": 1.0, "T": 1000.0, "G": 0.001}
#: Chapters of which something is imported every month: 77 is reserved, and 99 holds no goods of its own.
_CHAPTERS = frozenset(f"{number:02d}" for number in range(1, 99) if number != 77)
_ALL = "all"
_PATTERNS = (
    r"(imports|exports)/((?:\d\d){1,5})/(-|\d{4})/(value|quantity|unit_value)",
    r"(imports)/((?:\d\d){1,5})/(-|\d{4})/(duty_rate)",
    rf"(imports)/({_ALL}(?:-\d\d)*)/(-)/(value|duty_rate)",
)
_KEY = (
    "imports or exports/HS code/country or -/value, quantity, unit_value or (of imports) duty_rate, such as "
    "imports/2846/5700/quantity; value and duty_rate of all goods but some chapters: imports/all-27-71/-/value"
)


@dataclass(frozen=True)
class _Flow:
    """Columns of a flow: commodity, value (USD), first quantity, and the duty that was calculated (USD)."""

    commodity: str
    value: str
    quantity: str
    duty: str = ""

    @property
    def flag(self) -> str:
        """The column that has M where the quantity is missing, which then is told as 0."""
        return f"{self.quantity}_FLAG"

    @property
    def columns(self) -> tuple[str, ...]:
        own = (self.commodity, "CTY_CODE", self.value, self.quantity, self.flag, "UNIT_QY1")
        return (*own, self.duty) if self.duty else own


_FLOWS = {
    "imports": _Flow("I_COMMODITY", "CON_VAL_MO", "CON_QY1_MO", "CAL_DUT_MO"),
    "exports": _Flow("E_COMMODITY", "ALL_VAL_MO", "QTY_1_MO"),
}


@dataclass(frozen=True)
class _Key:
    """What the key of a series names."""

    text: str
    flow: str
    commodity: str
    country: str
    field: str


@dataclass(frozen=True)
class _Line:
    """A line of the tariff from one country, or from all, in a month: value and duty in USD, quantity in ``unit``."""

    month: dt.date
    code: str
    country: str
    value: float
    duty: float
    quantity: float
    unit: str
    has_quantity: bool


class _Incomplete(SourceFailed):
    """What is wrong with the answer about one commodity, which says nothing of the others: cut, refused, or twice."""


#: All lines of a commodity, by month and country, and by code.
_Lines = Mapping[tuple[dt.date, str], Sequence[_Line]]
_ByCode = Mapping[tuple[dt.date, str], Mapping[str, _Line]]


class Census(Source):
    """Keys are ``imports/2846/5700/quantity``: the flow, the HS code (2 to 10 digits) and the country as the Census
    numbers it (``-``: all), and a field. Imports are those for consumption, at customs value. A commodity is the sum of
    its ten-digit lines; the lines of the countries must add up to those of all, so that an answer that is cut or counts
    twice is told from one that is whole. A country without a line in a month in which all have one traded nothing.
    """

    name = "census"
    title = "US trade, duties by HS code"
    publisher = "US Census Bureau"
    address = "https://api.census.gov/data/timeseries/intltrade/"
    page = "https://www.census.gov/foreign-trade/"
    licence = "US Government work, public domain"
    key_setting = "census_key"
    key_needed = True

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        wanted: dict[tuple[str, str], list[_Key]] = defaultdict(list)
        for key in map(self._key, keys):
            wanted[key.flow, key.commodity].append(key)
        asked = months(max(since, _FIRST), web.today)
        faults: list[str] = []
        for (flow, commodity), some in wanted.items():
            begun = False
            for span in portions(asked, _MONTHS):
                try:
                    lines = _whole(commodity, self._rows(web, flow, commodity, span))
                    if begun and not lines and len(span) > _LONG:
                        raise _Incomplete(self.name, f"nothing from {span[0]:%Y-%m} to {span[-1]:%Y-%m}")
                    begun = begun or bool(lines)
                    yield from _quotes(some, lines)
                except _Incomplete as fault:
                    begun = True
                    faults.append(f"{flow} of {commodity}: {fault.why}")
            if not begun and len(asked) > _LONG:
                faults.append(f"{flow} of {commodity}: nothing since {asked[0]:%Y-%m}")
        if faults:
            raise SourceFailed(self.name, "; ".join(faults))

    def _key(self, text: str) -> _Key:
        parts = next(filter(None, (re.fullmatch(pattern, text) for pattern in _PATTERNS)), None)
        if parts is None:
            raise SourceFailed(self.name, f"key = {text!r}: expected {_KEY}")
        return _Key(text, *parts.groups())

    def _rows(self, web: Web, flow: str, commodity: str, span: Sequence[dt.date]) -> list[_Line]:
        """What an answer says of a commodity, or of all chapters. Raises ``SourceFailed``."""
        columns = _FLOWS[flow]
        params = {
            "get": ",".join(columns.columns),
            "time": f"from {span[0]:%Y-%m} to {span[-1]:%Y-%m}",
            "SUMMARY_LVL": "DET",  # countries and their total; without it groups of countries come too
        }
        if commodity.startswith(_ALL):
            params |= {"COMM_LVL": "HS2", "CTY_CODE": _WORLD}
        else:
            params |= {"COMM_LVL": "HS10", columns.commodity: commodity if len(commodity) == 10 else f"{commodity}*"}
        try:
            page = web.get(f"{flow}/hs", params | {"key": web.key}, media=("json", "html"))
        except SourceRefused as refused:
            raise _Incomplete(self.name, refused.why) if refused.status == _UNKNOWN else refused from None
        return [] if not page.body else [self._line(columns, row) for row in self._table(page, columns)]

    def _table(self, page: Page, columns: _Flow) -> Iterator[dict[str, object]]:
        """Rows by column; a column that is there twice, as conditions are, says the same."""
        if page.body.lstrip().startswith(b"<"):
            title = re.search(rb"<title>\s*(.*?)\s*</title>", page.body, re.I | re.S)
            said = title[1].decode("utf-8", "replace") if title else "a page of HTML, not data"
            raise SourceFailed(self.name, f"{page.url}: {said}")
        try:
            document = page.json()
        except ValueError:
            raise SourceFailed(self.name, f"{page.url}: no JSON, or cut") from None
        if not isinstance(document, list) or not all(isinstance(row, list) for row in document) or not document:
            raise LayoutChanged(
                self.name, page.url, str(document)[:80], "a list of lists, the first of them the header"
            )
        header = document[0]
        for name in (*columns.columns, "time"):
            if name not in header:
                raise LayoutChanged(self.name, "header", ", ".join(map(str, header)), f"a column {name}")
        for number, row in enumerate(document[1:], start=1):
            if len(row) != len(header):
                raise LayoutChanged(self.name, f"row {number}", f"{len(row)} cells", f"{len(header)}, as in the header")
            yield dict(zip(header, row, strict=True))

    def _line(self, columns: _Flow, row: Mapping[str, object]) -> _Line:
        try:
            month = dt.datetime.strptime(str(row["time"]), "%Y-%m").date()
        except ValueError:
            raise LayoutChanged(self.name, "time", repr(row["time"]), "a month, such as 2024-05") from None
        value = self._number(row, columns.value)
        duty = self._number(row, columns.duty) if columns.duty else 0
        quantity = self._number(row, columns.quantity) if row[columns.quantity] is not None else 0
        unit = str(row["UNIT_QY1"] or "")
        told = row[columns.flag] != "M" and row[columns.quantity] is not None and unit not in ("", "-", "X")
        code, country = str(row[columns.commodity]), str(row["CTY_CODE"])
        return _Line(month, code, country, value, duty, quantity, unit, told or value == 0)

    def _number(self, row: Mapping[str, object], column: str) -> float:
        text = str(row[column])
        if not re.fullmatch(r"\d+(\.\d+)?", text):
            raise LayoutChanged(self.name, column, repr(row[column]), "a number, zero or more")
        return float(text)


def _whole(commodity: str, rows: Sequence[_Line]) -> _Lines:
    """The lines of a commodity by month and country. Raises ``_Incomplete`` if some are missing or there twice."""
    chapters = _CHAPTERS - set(commodity.split("-")[1:]) if commodity.startswith(_ALL) else frozenset()
    found: dict[tuple[dt.date, str], dict[str, _Line]] = defaultdict(dict)
    for line in rows:
        if line.code in chapters if chapters else len(line.code) == 10 and line.code.startswith(commodity):
            if line.code in found[line.month, line.country]:
                raise _Incomplete(Census.name, f"{line.code} of {line.country} in {line.month:%Y-%m} is there twice")
            found[line.month, line.country][line.code] = line
    if chapters:
        _check_chapters(found, chapters)
    else:
        _check_sums(found)
    return {key: list(lines.values()) for key, lines in found.items()}


def _check_chapters(found: _ByCode, chapters: frozenset[str]) -> None:
    for (month, _), lines in found.items():
        if missing := sorted(chapters - lines.keys()):
            raise _Incomplete(Census.name, f"no chapter {', '.join(missing)} in {month:%Y-%m}; the answer is cut")


def _check_sums(found: _ByCode) -> None:
    """Each line of all countries is the sum of those of the countries."""
    missing: dict[tuple[dt.date, str], float] = defaultdict(float)
    for (month, country), lines in found.items():
        for code, line in lines.items():
            missing[month, code] += line.value if country == _WORLD else -line.value
    for (month, code), dollars in missing.items():
        if abs(dollars) >= 1:
            why = f"the countries of {code} in {month:%Y-%m} add up to {abs(dollars):,.0f} USD"
            rest = "less than the total; the answer is cut" if dollars > 0 else "more than the total"
            raise _Incomplete(Census.name, f"{why} {rest}")


def _quotes(wanted: Sequence[_Key], found: _Lines) -> Iterator[Quote]:
    published = sorted(month for month, country in found if country == _WORLD)
    for key in wanted:
        for month in published:
            lines = found.get((month, key.country), ())
            value, unit = _figure(key.field, lines)
            if value is not None:
                yield Quote(key.text, month, value, unit)


def _figure(field: str, lines: Sequence[_Line]) -> tuple[float | None, str]:
    """A figure of lines that belong together, and its unit; None where they do not tell it."""
    value = sum((line.value for line in lines), 0.0)
    if field == "value":
        return value, "USD"
    if field == "duty_rate":
        return (round(100 * sum(line.duty for line in lines) / value, 4) if value else None), "percent"
    quantity, unit = _quantity(lines)
    if field == "quantity":
        return quantity, unit
    return (unit_value(value, quantity) if quantity is not None and unit == "KG" else None), "USD/KG"


def _quantity(lines: Sequence[_Line]) -> tuple[float | None, str]:
    """What was traded together, masses in kilograms; None where a line does not tell it, or the units do not add up."""
    traded = [line for line in lines if line.value or line.quantity]
    units = {line.unit for line in traded}
    if not all(line.has_quantity for line in traded):
        return None, ""
    if units <= _KILOGRAMS.keys():
        return sum((line.quantity * _KILOGRAMS[line.unit] for line in traded), 0.0), "KG" if traded else ""
    return (sum(line.quantity for line in traded), units.pop()) if len(units) == 1 else (None, "")
