"""Files of tables for tests: written in code, and read as whoever takes one in reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook

from forecast.errors import Fault, InvalidInput
from forecast.formats import Limits
from forecast.intake.layout import Hints, open_table
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import Series

PLAIN = Hints()
#: Series and first day -> value.
Observed = dict[tuple[str, str], float]


def write(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_book(folder: Path, sheets: Mapping[str, Sequence[Sequence[object]]], name: str = "table.xlsx") -> Path:
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        page = book.create_sheet(title)
        for row in rows:
            page.append(list(row))
    book.save(folder / name)
    return folder / name


def observed(path: Path, hints: Hints = PLAIN, freq: str = "M", known: Mapping[str, Series] | None = None) -> Observed:
    """Everything in a file. Raises ``InvalidInput`` with the fault of the first cell that is wrong."""
    found: Observed = {}
    table = open_table(path, hints, known or {}, Limits())
    for batch in table.batches():
        cells = [batch.cells[name] for name in ("series_id", "ds", "value")]
        for line, series_id, ds, value in zip(batch.lines, *cells, strict=True):
            name, text = "ds", ds
            try:
                first = table.periods.first_day(ds, Freq(freq))
                name, text = "value", value
                number = table.numbers.number(value)
            except ValueError as error:
                raise InvalidInput(Fault(batch.written[name], text, str(error), batch.file, line)) from None
            assert (series_id, str(first)) not in found
            found[series_id, str(first)] = number
    return found


def fault_in(path: Path, hints: Hints = PLAIN, freq: str = "M") -> Fault:
    """The first fault of a file that cannot be read as it stands."""
    try:
        found = observed(path, hints, freq)
    except InvalidInput as error:
        return error.faults[0]
    raise AssertionError(f"read without a fault: {found}")
