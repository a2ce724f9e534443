"""Rows of the database that cannot be what was written: each is told, and takes no other row with it.

Whoever edits the tables by hand, or restores half of them, can leave a text that is no JSON or a word that means
nothing. Such a row does not count until it is put right or what it says is taken in anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Boolean, Column, Connection, Date, DateTime, Float, Integer, Row, Select, Table
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData

from forecast import names
from forecast.catalog.csv_reader import items
from forecast.catalog.csv_records import acts
from forecast.catalog.schema import (
    CANDIDATES,
    EVENT_CHANGES,
    EVENTS,
    FETCHES,
    HELD_VALUES,
    OBSERVATIONS,
    SERIES,
    cells_of,
    event_of_cells,
)
from forecast.errors import CorruptArtifact, one_of
from forecast.events import KINDS, Action
from forecast.events.event import CERTAINTY, EVENT_STATUSES
from forecast.timeseries.frequency import parse_freq
from forecast.timeseries.series import FLAGS, FLOWS, ROLES

AnyRow = Row[*tuple[object, ...]]
#: What is raised where a cell is not what its column holds.
IMPOSSIBLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
_MOST_LETTERS = 60


@dataclass(frozen=True)
class RowFault:
    """A row that does not count: its table, its key (cells joined by a slash), and what is wrong with which cell."""

    table: str
    key: str
    column: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"corrupt row {self.table}/{self.key}: {self.why}"

    @property
    def why(self) -> str:
        """The cell, what is in it, and what would be right."""
        return f"{self.column} = {self.value}: expected {self.expected}; the row does not count until it is put right"

    @property
    def error(self) -> CorruptArtifact:
        """What is raised where somebody asks for this very thing."""
        return CorruptArtifact(f"{self.table}/{self.key}", self.why)


def check_event(faults: Iterable[RowFault], event_id: str) -> None:
    """Raise ``CorruptArtifact`` where one of the rows is of this event."""
    for fault in faults:
        if fault.table in (EVENTS.name, EVENT_CHANGES.name) and fault.key.split("/")[0] == event_id:
            raise fault.error


def sound_rows(
    connection: Connection,
    query: Select[*tuple[object, ...]],
    table: Table,
    faults: list[RowFault],
    more: Mapping[str, Check] | None = None,
) -> Iterator[AnyRow]:
    """The rows of a query, from one table and of whole rows, but for those that cannot be so, which go to ``faults``;
    ``more``: checks of cells that are not of all who read the table."""
    checks = {**_CHECKS.get(table.name, {}), **(more or {})}
    for row in _typed(connection, query, table, faults):
        if fault := _fault(table, row, checks):
            faults.append(fault)
        else:
            yield row


def _typed(
    connection: Connection, query: Select[*tuple[object, ...]], table: Table, faults: list[RowFault]
) -> Iterable[AnyRow]:
    """The rows with their cells in Python's types. SQLite takes any text for a day, and one that is none spoils the
    whole answer: then the cells are taken as they stand, and each is read by itself."""
    try:
        return connection.execute(query).all()
    except (ValueError, TypeError):
        plain = query.compile(connection, compile_kwargs={"literal_binds": True})
    columns = list(table.columns)
    found = []
    for cells in connection.exec_driver_sql(str(plain)):
        read: list[object] = []
        for column, cell in zip(columns, cells, strict=True):
            process = column.type.dialect_impl(connection.dialect).result_processor(connection.dialect, None)
            try:
                read.append(cell if process is None else process(cell))
            except (ValueError, TypeError):
                keys = (str(value) for value, each in zip(cells, columns, strict=True) if each.primary_key)
                faults.append(RowFault(table.name, "/".join(keys), column.name, _short(cell), _of_type(column)))
                break
        else:
            found.append(tuple(read))
    names_of = SimpleResultMetaData([column.name for column in columns])
    return IteratorResult(names_of, iter(found)).all()


def _fault(table: Table, row: AnyRow, checks: Mapping[str, Check]) -> RowFault | None:
    for column in table.columns:
        cell = row._mapping[column.name]
        expected = _of_type(column) if not _fits(column, cell) else ""
        if not expected and cell is not None and column.name in checks:
            check, said = checks[column.name]
            expected = "" if _passes(check, cell) else said
        if table is EVENTS and column is EVENTS.c.announced and not (cell or row.effective):
            expected = "a day, unless there is one from which it is effective"
        if expected:
            keys = (str(row._mapping[key.name]) for key in table.primary_key)
            return RowFault(table.name, "/".join(keys), column.name, _short(cell), expected)
    return None


def _fits(column: Column[object], cell: object) -> bool:
    if cell is None:
        return bool(column.nullable)
    if isinstance(column.type, Float):
        return isinstance(cell, int | float) and math.isfinite(cell)
    return isinstance(cell, _python_type(column))


def _python_type(column: Column[object]) -> type:
    kinds = ((Boolean, bool), (Integer, int), (DateTime, datetime), (Date, date))
    return next((kind for type_, kind in kinds if isinstance(column.type, type_)), str)


def _of_type(column: Column[object]) -> str:
    if isinstance(column.type, Float):
        return "a finite number"
    words = {bool: "0 or 1", int: "a whole number", datetime: "a moment as YYYY-MM-DD HH:MM:SS", date: "a day"}
    return words.get(_python_type(column), "a text")


def _passes(check: Callable[[str], object], cell: object) -> bool:
    try:
        return check(str(cell)) is not False
    except IMPOSSIBLE:
        return False


def _short(cell: object) -> str:
    text = repr(cell)
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"


#: What a cell is read by, which raises or gives False for one that cannot be so; and what would be right.
Check = tuple[Callable[[str], object], str]


def word(words: Iterable[str]) -> Check:
    """The check of a cell that is one of these words."""
    known = tuple(words)
    return known.__contains__, one_of(filter(None, known))


def _json(kind: type, says: str) -> Check:
    return lambda text: isinstance(json.loads(text), kind), says


def _changed(text: str) -> bool:
    """Whether a text is JSON of cells that a row of an event may have."""
    cells, checks = cells_of(text), _CHECKS[EVENTS.name]
    return all(_fits(EVENTS.c[name], cell) for name, cell in cells.items()) and all(
        _passes(check, cells[name]) for name, (check, _) in checks.items() if name in cells
    )


def _whole(text: str) -> bool:
    """Whether a text is JSON of the whole row of an event."""
    event_of_cells(cells_of(text))
    return _changed(text)


def _list(read: Callable[[str], object], says: str) -> Check:
    return lambda text: [read(part) for part in items(text)], says


#: What the cells of a table must be besides of their type.
_CHECKS: Mapping[str, Mapping[str, Check]] = {
    SERIES.name: {
        "measure": word(names.Measure),
        "role": word(ROLES),
        "flow": word(FLOWS),
        "freq": (parse_freq, "a frequency: D, B, W-SUN, M, Q or Y"),
    },
    EVENTS.name: {
        "kind": word(KINDS),
        "status": word(EVENT_STATUSES),
        "certainty": word(CERTAINTY),
        "flows": _list(names.stored_flow, "flows joined by semicolons, such as CHN>USA"),
        "acts": (acts, "acts joined by semicolons, such as suspends:cn-7ree-licence-2025"),
    },
    EVENT_CHANGES.name: {
        "action": word(Action),
        "facts": (_changed, "a JSON object of the changed cells of an event"),
    },
    OBSERVATIONS.name: {"flag": word(FLAGS)},
    HELD_VALUES.name: {"flag": word(FLAGS)},
    FETCHES.name: {"counts": _json(dict, "a JSON object of numbers")},
    CANDIDATES.name: {
        "facts": (_whole, "a JSON object of all cells of an event"),
        "doubts": _json(list, "a JSON list of texts"),
        "cites": _json(list, "a JSON list of texts"),
    },
}
