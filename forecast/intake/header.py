"""The header of a table and what it says of its layout: long, a column a series, a period, or a month of a year.

Above a header may stand titles, units and notes. A header is the first row that names a period and something else, or
several periods; or the widest row of names above rows that begin with a period.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile, zip_longest

from forecast.errors import Fault, InvalidInput, known_name
from forecast.formats import Rows
from forecast.formats.numbers import is_missing
from forecast.intake.fields import PARTS, Hints, candidates, check_slips, find, mapped
from forecast.intake.unit_names import Unit
from forecast.names import unservable
from forecast.timeseries.periods import is_period, month_of, span
from forecast.timeseries.series import Series

LONG, BY_SERIES, BY_PERIOD = "long", "a column a series", "a column a period"
BY_MONTH = "a row a year, a column a month"
#: Rows in which a header is looked for, and rows below it that may come before the first row of the table.
_ABOVE, _UNITS = 60, 4
_NAMES = "a name for each column; of merged cells only the first has one"
_ONE_SERIES = "or --series-id ID for a file of one series"


class NoTable(InvalidInput):
    """Rows among which no header is found."""


@dataclass(frozen=True)
class Layout:
    """How a table is laid out.

    ``kind``: one of the four above; ``names``: of its columns; ``fields``: field -> column (``year`` and ``month``
    where they are parts of the period); ``wide``: column -> the series id, period or month that its values are of;
    ``series_id``: the one of all rows, if a column has none; ``units``: column -> the unit that the header names, or a
    row below it.
    """

    kind: str
    line: int
    names: Sequence[str]
    fields: Mapping[str, int]
    wide: Mapping[int, str] = field(default_factory=dict)
    series_id: str = ""
    units: Mapping[int, Unit] = field(default_factory=dict)

    def name(self, at: int) -> str:
        """What a column is called, by its place where it has no name."""
        return self.names[at] or f"column {at + 1}"

    @property
    def taken(self) -> frozenset[int]:
        return frozenset((*self.fields.values(), *self.wide))


@dataclass(frozen=True)
class Reader:
    """First rows of a table, from which its layout is read; ``at``: the place of its header among them."""

    file: str
    lines: Sequence[int]
    rows: Sequence[Sequence[str]]
    hints: Hints
    known: Mapping[str, Series]
    at: int = 0

    @property
    def line(self) -> int:
        return self.lines[self.at]

    @property
    def names(self) -> Sequence[str]:
        return self.rows[self.at]

    def fields(self) -> dict[str, int]:
        """Columns by field. Raises ``InvalidInput``."""
        return mapped(self.names, self.hints, self.file, self.line)

    def column(self, at: int) -> list[str]:
        """What stands in a column below the header, where anything does."""
        return [row[at] for row in self.rows[self.at + 1 :] if at < len(row) and row[at]]

    def refused(self, where: str, value: object, expected: str) -> InvalidInput:
        return InvalidInput(Fault(where, value, expected, self.file, self.line))


def find_layout(file: str, head: Rows, hints: Hints, known: Mapping[str, Series]) -> Layout:
    """``head``: the first rows of a table. Raises ``NoTable``; ``InvalidInput`` where its columns do not say enough."""
    lines = list(head[0])
    rows = _trimmed([[cell.strip() for cell in row] for row in head[1]])
    filled = [at for at, row in enumerate(rows) if any(row)]
    if len(filled) < 2:
        text = _some(rows[filled[0]]) if filled else ""
        raise NoTable(Fault("file", text, "a header line and at least one row", file))
    places = [at for at in filled[:-1][:_ABOVE] if sum(map(bool, rows[at])) > 1]
    named = [at for at in places if _is_header(rows[at]) or _has_all(rows[at], hints.mapping)]
    named = named or [at for at in places if _has_all(rows[at], hints.columns) and not any(map(is_period, rows[at]))]
    for at in places:
        reader = Reader(file, lines, rows, hints, known, at)
        if months := _months(reader):
            return _by_period(reader, BY_MONTH, months)
        if at in named and (_begins(reader, named) or at == named[-1]):
            return _layout(reader)
        if at not in named and (periods := _periods(rows[at])):
            return _by_period(reader, BY_PERIOD, periods)
    above = [at for at in places if (ds := _period_below(rows, at)) is not None and not is_period(_cell(rows[at], ds))]
    if above:
        at = max(above, key=lambda at: sum(map(bool, rows[at])))
        rows[at] = _joined([rows[at], *(rows[other] for other in above if other != at)])
        return _layout(Reader(file, lines, rows, hints, known, at))
    at = (places or filled)[0]
    if hints.mapping:
        Reader(file, lines, rows, hints, known, at).fields()
    expected = (
        "a header line with a column 'ds' (or date, period, time, TIME_PERIOD, year and month; else --map COLUMN=ds) "
        "and a column 'value' (or y, OBS_VALUE; else --map COLUMN=value), or a column a series, or a column a period"
    )
    raise NoTable(Fault("header", _some(rows[at]), expected, file, lines[at]))


def _trimmed(rows: list[list[str]]) -> list[list[str]]:
    """Rows without columns on the right in which nothing stands."""
    width = max((at for row in rows for at, cell in enumerate(row, start=1) if cell), default=0)
    return [row[:width] for row in rows]


def _cell(row: Sequence[str], at: int) -> str:
    return row[at] if at < len(row) else ""


def _is_header(row: Sequence[str]) -> bool:
    found = candidates(row)
    return "ds" in found or ("year" in found and ("month" in found or "value" in found))


def _has_all(row: Sequence[str], names: Collection[str]) -> bool:
    """Whether all columns that the user names stand in a row, if there are any."""
    return bool(names) and all(find(row, name) is not None for name in names)


def _begins(reader: Reader, named: Sequence[int]) -> bool:
    """Whether a period stands below the name of one, before another header; as it does not below a title."""
    names, mapping = reader.names, reader.hints.mapping
    declared = [find(names, name) for name, meant in mapping.items() if meant in ("ds", *PARTS)]
    found = candidates(names)
    places = [*declared, *found.get("ds", ()), *found.get("year", ()), *found.get("month", ())]
    end = next((at for at in named if at > reader.at), len(reader.rows))
    below = [row for row in reader.rows[reader.at + 1 : end] if any(row)][: _UNITS + 1]
    return any(is_period(_cell(row, place)) for place in places if place is not None for row in below)


def _months(reader: Reader) -> dict[int, str]:
    """Columns that are called by a month, where a row has several, and one of the years."""
    found = {at: f"{month:02d}" for at, name in enumerate(reader.names) if (month := month_of(name))}
    years = "year" in candidates(reader.names) or any(
        meant == "year" and find(reader.names, name) is not None for name, meant in reader.hints.mapping.items()
    )
    return found if years and len(found) > 1 and len({*found.values()}) == len(found) else {}


def _periods(row: Sequence[str]) -> dict[int, str]:
    """Columns that are called by a period, where a row has at least two, of one kind, and a column before them."""
    found = {at: cell for at, cell in enumerate(row) if cell and is_period(cell)}
    kinds = {span(cell, "mdy" if "/" in cell else "dmy").unit for cell in found.values() if "/" not in cell}
    alone = len(found) < 2 or len(kinds) > 1 or 0 in found or len({*found.values()}) < len(found)
    return {} if alone or not all(found.get(at) or at < min(found) for at in range(max(found))) else found


def _period_below(rows: Sequence[Sequence[str]], at: int) -> int | None:
    """The column, one of the first two, that has periods in the rows below; in the second, years alone are amounts."""
    for ds in (0, 1):
        below = [row for row in rows[at + 1 : at + 2 + _UNITS] if any(row)]
        cells = [cell for row in below if is_period(cell := _cell(row, ds)) and len(row) > ds + 1]
        if any(ds == 0 or not cell.isdigit() for cell in cells):
            return ds
    return None


def _layout(reader: Reader) -> Layout:
    fields = reader.fields()
    check_slips(reader.names, fields, reader.file, reader.line)
    if "ds" not in fields and not all(part in fields for part in PARTS):
        ds = None if "series_id" in fields and "value" in fields else _period_below(reader.rows, reader.at)
        if ds is None or reader.names[ds] in reader.hints.mapping:
            raise reader.refused("header", _some(reader.names), "a column 'ds' (or --map COLUMN=ds)")
        fields = {name: at for name, at in fields.items() if at != ds} | {"ds": ds}
    if "value" not in fields:
        return _by_series(replace(reader, rows=_with_lower_names(reader, fields.get("ds", 0))), fields)
    behind = range(fields["value"] + 1, len(reader.names))  # where the rest of a number may stand: 1,234
    if without := [at for at in behind if not reader.names[at] and _has_digits(reader.column(at))]:
        raise reader.refused("header", f"nothing in column {without[0] + 1}", _NAMES)
    return _long(reader, fields)


def _with_lower_names(reader: Reader, ds: int) -> Sequence[Sequence[str]]:
    """Rows in which a column without a name has the first that stands below, where a header has several rows."""
    below = list(takewhile(lambda row: row[ds : ds + 1] == [""], reader.rows[reader.at + 1 :]))
    return [*reader.rows[: reader.at], _joined([reader.names, *below]), *reader.rows[reader.at + 1 :]]


def _joined(headers: Sequence[Sequence[str]]) -> list[str]:
    """The first name that each column has in rows of a header."""
    return [next(filter(None, names), "") for names in zip_longest(*headers, fillvalue="")]


def _long(reader: Reader, fields: dict[str, int]) -> Layout:
    hints, names = reader.hints, reader.names
    if hints.series_id and {*reader.column(fields.get("series_id", len(names)))} - {hints.series_id}:
        name = names[fields["series_id"]]
        raise reader.refused("--series-id", hints.series_id, f"nothing, as the column {name!r} has other ids")
    if "series_id" not in fields and hints.columns:
        fields["series_id"] = _label(reader, [at for at in range(len(names)) if at not in fields.values()])
    if "series_id" in fields or hints.series_id:
        told = "" if "series_id" in fields else hints.series_id
        layout = Layout(LONG, reader.line, names, fields, series_id=told)
        _check_one_series(reader, layout)
        return layout
    expected = f"a column 'series_id' (or --map COLUMN=series_id), {_ONE_SERIES}"
    raise reader.refused("header", _some(names), expected)


def _check_one_series(reader: Reader, layout: Layout) -> None:
    """Refuse rows of several products in a file that is said to be of one series."""
    if not layout.series_id:
        return
    places = [at for part, at in layout.fields.items() if part in ("ds", *PARTS)]
    seen: dict[tuple[str, ...], Sequence[str]] = {}
    for line, row in zip(reader.lines[reader.at + 1 :], reader.rows[reader.at + 1 :], strict=True):
        period = tuple(_cell(row, at) for at in places)
        first = seen.setdefault(period, row)
        if first is row or not all(period):
            continue
        width = range(min(len(first), len(row), len(layout.names)))
        differ = [layout.names[at] for at in width if first[at] != row[at] and at not in layout.taken]
        if not differ:
            continue
        which = [name for name in differ if name and not _is_amount(reader.column(layout.names.index(name)))] or differ
        option = f"--column 'VALUE OF {which[0]}=ID'"
        expected = f"one row a period; rows differ in {', '.join(which)}; {option} picks some of them"
        raise InvalidInput(Fault("rows", " ".join(period), expected, reader.file, line))


def _is_amount(texts: Sequence[str]) -> bool:
    return any("." in text for text in texts) and not any(text.isalpha() for text in texts)


def _has_digits(texts: Sequence[str]) -> bool:
    return any(any(map(str.isdigit, text)) for text in texts)


def _label(reader: Reader, places: Sequence[int]) -> int:
    """The column whose cells are the names of ``--column``."""
    wanted = {*reader.hints.columns}
    found = [at for at in places if wanted <= {*reader.column(at)}]
    found = found or [at for at in places if wanted & {*reader.column(at)}]
    if len(found) == 1:
        return found[0]
    names = ", ".join(reader.names[at] for at in found or places if reader.names[at])
    expected = f"a header, or in one column ({names}); --map COLUMN=series_id says which"
    raise reader.refused("--column", ", ".join(sorted(wanted)), expected)


def _by_series(reader: Reader, fields: dict[str, int]) -> Layout:
    others = [at for at in range(len(reader.names)) if at not in fields.values()]
    if "series_id" in fields:
        expected = "a column 'value' (or y, OBS_VALUE); else --map COLUMN=value"
        raise reader.refused("header", _some(reader.names), expected)
    wide = _named(reader, others) if reader.hints.columns else _own_names(reader, others)
    return Layout(BY_SERIES, reader.line, reader.names, fields, wide)


def _named(reader: Reader, others: Sequence[int]) -> dict[int, str]:
    wide = {}
    units = reader.rows[reader.at + 1]
    with_units = [f"{name} {_cell(units, at)}" for at, name in enumerate(reader.names)]
    for name, series_id in reader.hints.columns.items():
        at = find(reader.names, name)
        at = find(with_units, name) if at is None else at
        if at is None or at not in others:
            names = [reader.names[other] for other in others if reader.names[other]]
            expected = "each column once" if names.count(name) > 1 else known_name("column", name, names)
            raise reader.refused("--column", name, expected)
        wide[at] = series_id
    return wide


def _own_names(reader: Reader, others: Sequence[int]) -> dict[int, str]:
    """Series by the names of their columns, all of which must be ids; or the one column of a file of one series."""
    amounts = [at for at in others if _has_digits(reader.column(at))]
    if reader.hints.series_id and len(amounts) == 1:
        return {amounts[0]: reader.hints.series_id}
    wide, strange = {}, []
    for at in amounts:
        name = reader.names[at]
        if not name:
            raise reader.refused("header", f"nothing in column {at + 1}", _NAMES)
        if name in reader.known or ("." in name and not unservable(name)):
            wide[at] = name
        else:
            strange.append(name)
    if strange or not wide or reader.hints.series_id:
        name = strange[0] if strange else "COLUMN"
        expected = f"a series; say which columns are: --column '{name}=ID' (the others are left out)"
        expected += f", {_ONE_SERIES}" if len(strange) == 1 and not wide else ""
        raise reader.refused("header", _some(strange) or _some(reader.names), expected)
    if len({*wide.values()}) < len(wide):
        name = next(name for name in wide.values() if list(wide.values()).count(name) > 1)
        raise reader.refused("header", name, "each column once")
    return wide


def _some(names: Sequence[str], most: int = 8) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{','.join(name[:60] for name in names[:most])}{rest}"


def _by_period(reader: Reader, kind: str, periods: dict[int, str]) -> Layout:
    hints, found = reader.hints, reader.fields()
    fields = {name: at for name, at in found.items() if at < min(periods) and name not in ("ds", "value", *PARTS)}
    if kind == BY_MONTH:
        fields["year"] = found["year"] if "year" in found else found["ds"]
    layout = Layout(kind, reader.line, reader.names, fields, periods, hints.series_id)
    if hints.series_id and kind == BY_MONTH:
        return layout
    if hints.series_id:
        rows = [row for row in reader.rows[reader.at + 1 :] if any(not is_missing(_cell(row, at)) for at in periods)]
        if len(rows) > 1:
            expected = "one row in a file of one series; --column 'NAME OF A ROW=ID' picks some of them"
            raise reader.refused("rows", len(rows), expected)
        return layout
    if "series_id" not in fields:
        places = [at for at in range(min(periods)) if at not in fields.values() and reader.column(at)]
        if hints.columns:
            fields["series_id"] = _label(reader, places)
        else:
            known = [at for at in places if not reader.known.keys().isdisjoint(reader.column(at))] or places
            if len(known) != 1:
                names = ", ".join(reader.names[at] or f"column {at + 1}" for at in known)
                expected = f"one column that says of which series a row is: --map COLUMN=series_id, {_ONE_SERIES}"
                raise reader.refused("header", names, expected)
            fields["series_id"] = known[0]
    return layout
