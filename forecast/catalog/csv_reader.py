"""Tables with a strict header: read whole, every wrong cell told by file, line, column and what is right.

The columns of a table are the fields of a pydantic model, which reads each line; a ``Reading`` collects the faults of
all of them, so that one run reports everything that is wrong. A table is CSV, TSV or a workbook with one filled sheet;
one header line, ISO dates, decimal points.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, NoReturn, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from forecast.errors import Fault, InvalidInput, one_of
from forecast.formats import Limits, RowsFile, open_file
from forecast.formats.guarded import plain
from forecast.formats.limits import MEGABYTE
from forecast.names import BadName
from forecast.wording import counted

#: How many faults a report spells out; the rest are counted.
MOST_FAULTS = 50
#: Such tables are held whole, unlike observations.
_LIMITS, _CHUNK = Limits(size=100 * MEGABYTE, rows=500_000), 5_000
#: Type of a ``PydanticCustomError`` whose text is what was expected, in place of the description of the field.
EXPECTED = "expected"


class Row(BaseModel):
    """The columns of a table; built when a first line is read, since who only asks the catalogue reads no file."""

    model_config = ConfigDict(defer_build=True, frozen=True)


_T = TypeVar("_T", bound=Row)


@dataclass(frozen=True)
class TableRow:
    """One line of a file: its cells by column, stripped of outer blanks; ``written``: the file's own column names.

    ``wrong``: columns of which something was noted.
    """

    file: str
    line: int
    cells: Mapping[str, str]
    written: Mapping[str, str]
    wrong: set[str] = field(default_factory=set)

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def fault(self, column: str, expected: str) -> Fault:
        return Fault(self.written.get(column, column), self[column], expected, self.file, self.line)


@dataclass
class Reading:
    """Faults found so far, over all files of one request; ``more``: how many were counted besides."""

    faults: list[Fault] = field(default_factory=list)
    more: int = 0

    def note(self, row: TableRow, column: str, expected: str) -> None:
        """A cell is wrong."""
        row.wrong.add(column)
        self.faults.append(row.fault(column, expected))

    def take(self, faults: Iterable[Fault], more: int) -> None:
        """Faults that were found elsewhere, and how many there are besides."""
        self.faults += faults
        self.more += more

    def fail(self, error: InvalidInput) -> NoReturn:
        """Raise ``InvalidInput`` with what was found before and what the error says."""
        raise InvalidInput([*self.faults, *error.faults]) from None

    def finish(self, most: int = MOST_FAULTS) -> None:
        """Raise ``InvalidInput`` with what was found, if anything was; ``most``: how much of it is spelled out."""
        if not self.faults:
            return
        shown = self.faults[:most]
        rest = len(self.faults) - len(shown) + self.more
        if rest > 0:
            shown = [*shown, Fault("rest", counted(rest, "more fault"), f"none; the first {len(shown)} are listed")]
        raise InvalidInput(shown)


def read_rows(
    path: Path,
    model: type[_T],
    reading: Reading,
    other_names: Mapping[str, str] = MappingProxyType({}),
    not_taken: Collection[str] = (),
) -> Iterator[tuple[TableRow, _T]]:
    """The lines of a table, each as it stands and as ``model`` reads it; blank lines are skipped.

    The header must name every field of the model that has no default, and may name the others; ``other_names``:
    accepted header -> column that it means; ``not_taken``: columns that our own exports have besides, and that say
    nothing here. What an export made safe for spreadsheets is read as it was. An empty cell has the default of its
    field. A cell that the model refuses is noted with the ``description`` of its field as what was expected, and what a
    ``BadName`` says after it; the first example of the field, or else its default, takes its place, so that the rest of
    the line can be judged.

    A file that is missing, empty, of another format, without a required column or with a strange one is noted and has
    no rows; a line of another length than the header is noted and left out.
    """
    required = [name for name, column in model.model_fields.items() if column.is_required()]
    try:
        (_, names), *lines = _records(path)
        header = [other_names.get(name.strip(), name.strip()) for name in names]
        _check_header(str(path), header, required, [*model.model_fields, *not_taken])
    except InvalidInput as error:
        reading.faults += error.faults
        return
    written = {column: name.strip() for column, name in zip(header, names, strict=True)}
    for line, cells in lines:
        if len(cells) == len(header):
            told = ((column, cell) for column, cell in zip(header, cells, strict=True) if column not in not_taken)
            stripped = {column: plain(cell.strip()) for column, cell in told}
            row = TableRow(str(path), line, stripped, written)
            yield row, read_row(row, model, reading)
        elif any(cell.strip() for cell in cells):
            expected = f"{len(header)} cells, one a column"
            reading.faults.append(Fault("cells", len(cells), expected, str(path), line))


def read_row(row: TableRow, model: type[_T], reading: Reading) -> _T:
    """One line as ``model`` reads it; what is wrong in it is noted, as ``read_rows`` does."""
    given = {name: text for name, text in row.cells.items() if text or model.model_fields[name].is_required()}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        for detail in error.errors():
            name = str(detail["loc"][0])
            if name not in row.wrong:  # of a list, each item may be wrong
                reading.note(row, name, _expected(model.model_fields[name], detail))
    sound = {name: text for name, text in given.items() if name not in row.wrong}
    examples = {name: model.model_fields[name].examples for name in row.wrong}
    return model.model_validate(sound | {name: some[0] for name, some in examples.items() if some})


def _expected(column: FieldInfo, detail: ErrorDetails) -> str:
    """What would have been right, where pydantic says in ``detail`` what is wrong."""
    if detail["type"] == EXPECTED:
        return detail["msg"]
    reason = detail.get("ctx", {}).get("error")
    return f"{column.description or ''}{reason if isinstance(reason, BadName) else ''}"


def _records(path: Path) -> list[tuple[int, list[str]]]:
    """Header and records of a file, each with the line on which it begins; at least one of both."""
    source = open_file(path, _LIMITS)
    sheets = {sheet: list(_rows(source, sheet)) for sheet in source.sheets or ("",)}
    filled = {sheet: rows for sheet, rows in sheets.items() if any(any(cells) for _, cells in rows)}
    if len(filled) > 1:
        raise InvalidInput(Fault("sheets", ", ".join(filled), "one sheet with rows, the others empty", str(path)))
    records = next(iter(filled.values()), [])
    if len(records) < 2:
        text = "; ".join(",".join(cells) for _, cells in records)
        raise InvalidInput(Fault("file", text, "a header line and at least one row", str(path)))
    return _even(records) if source.sheets else records


def _even(records: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """Rows of a sheet, which end anywhere, with as many cells as the header has, and more where more is written."""
    width = max((at for at, name in enumerate(records[0][1], start=1) if name), default=0)
    return [
        (line, cells if any(cells[width:]) else cells[:width] + [""] * (width - len(cells))) for line, cells in records
    ]


def _rows(source: RowsFile, sheet: str) -> Iterator[tuple[int, list[str]]]:
    for lines, rows in source.chunks(_CHUNK, sheet):
        yield from zip(lines, rows, strict=True)


def _check_header(file: str, header: list[str], required: Sequence[str], known: Sequence[str]) -> None:
    faults = [
        Fault("header", ",".join(header), f"a column {column!r}", file, 1)
        for column in required
        if column not in header
    ]
    faults += [Fault("header", name, one_of(known), file, 1) for name in header if name not in known]
    faults += [Fault("header", name, "each column once", file, 1) for name in {*header} if header.count(name) > 1]
    if faults:
        raise InvalidInput(faults)


def day(text: str) -> date:
    """``YYYY-MM-DD``."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text)


def first_day(text: str) -> date:
    """``YYYY-MM-DD``, or ``YYYY-MM`` for its first day."""
    return day(f"{text}-01" if len(text) == 7 else text)


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


def whole(text: str) -> int:
    """A whole number, zero or more."""
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise ValueError(text)
    return int(text)


def items(text: str) -> tuple[str, ...]:
    """A list joined by semicolons."""
    return tuple(part.strip() for part in text.split(";") if part.strip())


def word(words: Iterable[str]) -> object:
    """Metadata of a field that is one of these words."""
    known = [word for word in words if word]
    return Field(pattern=f"^({'|'.join(known)})$", description=one_of(known), examples=known)


#: A day that may be left out.
SomeDay = Annotated[date | None, PlainValidator(day), Field(description="a date, YYYY-MM-DD, or nothing")]
FirstDay = Annotated[
    date, BeforeValidator(first_day), Field(description="a date, YYYY-MM-DD (or YYYY-MM)", examples=["2000-01"])
]
