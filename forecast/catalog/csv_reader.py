"""CSV files as they come from people: read whole, every wrong cell told by file, line, column and what is right.

A table is a tuple of ``TableRow``; a ``Reading`` collects the faults of all of them, so that one run reports everything
that is wrong. Encoded are UTF-8 (a byte-order mark is fine), commas, one header line, ISO dates, decimal points.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from forecast.errors import Fault, InvalidInput
from forecast.names import BadName

T = TypeVar("T")

#: How many faults a report spells out; the rest are counted.
MOST_FAULTS = 50


@dataclass(frozen=True)
class TableRow:
    """One line of a file: its cells by column, stripped of outer blanks; ``written``: the file's own column names."""

    file: str
    line: int
    cells: Mapping[str, str]
    written: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def fault(self, column: str, expected: str) -> Fault:
        return Fault(self.written.get(column, column), self[column], expected, self.file, self.line)


@dataclass
class Reading:
    """Faults found so far, over all files of one request."""

    faults: list[Fault] = field(default_factory=list)

    def note(self, row: TableRow, column: str, expected: str) -> None:
        """A cell is wrong."""
        self.faults.append(row.fault(column, expected))

    def cell(self, row: TableRow, column: str, parse: Callable[[str], T], expected: str, default: T) -> T:
        """A cell as ``parse`` reads it. Where it raises ``ValueError``, the fault is noted and ``default`` given.

        What was ``expected`` a ``BadName`` says itself.
        """
        try:
            return parse(row[column])
        except BadName as error:
            self.note(row, column, f"{expected}{error}")
            return default
        except ValueError:
            self.note(row, column, expected)
            return default

    def finish(self) -> None:
        """Raise ``InvalidInput`` with what was found, if anything was."""
        if not self.faults:
            return
        shown, rest = self.faults[:MOST_FAULTS], len(self.faults) - MOST_FAULTS
        if rest > 0:
            shown = [*shown, Fault("rest", f"{rest} more faults", f"none; the first {MOST_FAULTS} are listed")]
        raise InvalidInput(shown)


def read_rows(
    path: Path,
    required: Sequence[str],
    allowed: Sequence[str],
    reading: Reading,
    other_names: Mapping[str, str] = MappingProxyType({}),
) -> tuple[TableRow, ...]:
    """All lines of a CSV file; blank lines are skipped. ``other_names``: accepted header -> column that it means.

    A file that is missing, empty, not UTF-8, not separated by commas, without a required column or with a strange one
    is noted and has no rows; a line of another length than the header is noted and left out.
    """
    try:
        (_, names), *lines = _records(path)
        header = [other_names.get(name.strip(), name.strip()) for name in names]
        _check_header(str(path), header, required, allowed)
    except InvalidInput as error:
        reading.faults += error.faults
        return ()
    written = {column: name.strip() for column, name in zip(header, names, strict=True)}
    rows = []
    for line, cells in lines:
        if len(cells) == len(header):
            stripped = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
            rows.append(TableRow(str(path), line, stripped, written))
        elif any(cell.strip() for cell in cells):
            expected = f"{len(header)} cells, one a column"
            reading.faults.append(Fault("cells", len(cells), expected, str(path), line))
    return tuple(rows)


def _records(path: Path) -> list[tuple[int, list[str]]]:
    """Header and records of a file, each with the line on which it begins; at least one of both."""
    file = str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        byte = f"byte 0x{error.object[error.start]:02x}"
        raise InvalidInput(Fault("encoding", byte, "UTF-8 throughout", file, line)) from None
    except OSError as error:
        raise InvalidInput(Fault("file", file, f"a file that can be read ({error.strerror})")) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records, line = [], 1
    try:
        for record in reader:
            records.append((line, record))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInput(Fault("line", str(error), "cells in pairs of quotes or none", file, line)) from None
    if len(records) < 2:
        raise InvalidInput(Fault("file", text.strip(), "a header line and at least one row", file))
    return records


def _check_header(file: str, header: list[str], required: Sequence[str], allowed: Sequence[str]) -> None:
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise InvalidInput(Fault("separator", name, "commas between columns, points in decimals", file, 1))
    known = [*required, *allowed]
    faults = [
        Fault("header", ",".join(header), f"a column {column!r}", file, 1)
        for column in required
        if column not in header
    ]
    faults += [Fault("header", name, f"one of {', '.join(known)}", file, 1) for name in header if name not in known]
    faults += [Fault("header", name, "each column once", file, 1) for name in {*header} if header.count(name) > 1]
    if faults:
        raise InvalidInput(faults)


def day(text: str) -> date:
    """``YYYY-MM-DD``."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text)


def day_or_none(text: str) -> date | None:
    return day(text) if text else None


def moment(text: str) -> datetime:
    """A day (its first moment) or an ISO 8601 date and time; UTC unless it says otherwise."""
    found = datetime.combine(day(text), time()) if len(text) == 10 else datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def number(text: str) -> float:
    """A finite decimal number; no thousands separators, no decimal comma."""
    if not re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        raise ValueError(text)
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def number_or_none(text: str) -> float | None:
    return number(text) if text else None


def whole(text: str) -> int:
    """A whole number, zero or more."""
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise ValueError(text)
    return int(text)


def word_of(words: Iterable[str]) -> Callable[[str], str]:
    """A reader that accepts these words only."""
    known = frozenset(words)

    def read(text: str) -> str:
        if text not in known:
            raise ValueError(text)
        return text

    return read


def filled(text: str) -> str:
    """Any text but none."""
    if not text:
        raise ValueError(text)
    return text


def items(text: str) -> tuple[str, ...]:
    """A list joined by semicolons."""
    return tuple(part.strip() for part in text.split(";") if part.strip())
