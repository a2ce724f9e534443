"""Files of tables: CSV, Parquet and workbooks (XLSX), each finished before anything of it is seen."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from forecast.errors import Fault, InvalidInput
from forecast.export.choices import FileFormat
from forecast.export.csv_writer import csv_export
from forecast.export.finished import Export
from forecast.export.tables import ExportTable, Line
from forecast.extras import require

if TYPE_CHECKING:
    import pyarrow as pa
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

    from forecast.answers.model import Cell, Column


def finished(table: ExportTable, format: FileFormat, *, bom: bool = False) -> Export:
    """A table as a file; ``bom``: of CSV, with a byte order mark.

    Raises ``MissingExtra`` for Parquet without its library, and ``InvalidInput`` for what a workbook has no room for.
    """
    if format is FileFormat.CSV:
        return csv_export(table.names, table.lines, bom=bom)
    return _parquet(table) if format is FileFormat.PARQUET else _workbook(table)


# -- Parquet -----------------------------------------------------------------------------------------------------------

#: Rows that are turned into columns at once.
_CHUNK = 50_000


def _parquet(table: ExportTable) -> Export:
    require("parquet", "a Parquet file")
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [
        pa.field(c.name, _arrow_type(c), metadata={"description": c.meaning, "unit": c.unit}) for c in table.columns
    ]
    schema, sink, rows = pa.schema(fields, metadata={"title": table.title}), io.BytesIO(), 0
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for lines in _chunks(table.lines):
            writer.write_table(pa.Table.from_pylist([_full(line, table.names) for line in lines], schema=schema))
            rows += len(lines)
    return Export(sink.getvalue(), rows)


def _full(line: Line, names: Sequence[str]) -> dict[str, Cell]:
    return {name: line.get(name) for name in names}


def _arrow_type(column: Column) -> pa.DataType:
    import pyarrow as pa

    types: Mapping[str, Callable[[], pa.DataType]] = {
        "number": pa.float64,
        "integer": pa.int64,
        "yes or no": pa.bool_,
        "day": pa.date32,
        "time": lambda: pa.timestamp("us", tz="UTC"),
    }
    return types.get(column.type, pa.string)()


def _chunks(lines: Iterable[Line]) -> Iterable[list[Line]]:
    chunk: list[Line] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


# -- workbooks ---------------------------------------------------------------------------------------------------------

_MOST_ROWS, _MOST_COLUMNS, _MOST_LETTERS = 1_048_576, 16_384, 32_767
_WIDTHS = {"day": 12, "time": 20, "number": 14}


def _workbook(table: ExportTable) -> Export:
    """Text stays text, whatever it looks like, and days are days; a moment is in UTC, which a workbook cannot say."""
    from openpyxl import Workbook

    if len(table.columns) > _MOST_COLUMNS:
        expected = f"at most {_MOST_COLUMNS:,} columns, as a workbook has; fewer series, shape=long, or a CSV file"
        raise InvalidInput(Fault(table.name, f"{len(table.columns):,} columns", expected))
    book = Workbook(write_only=True)
    sheet = book.create_sheet(table.name)
    sheet.freeze_panes = "A2"
    _set_widths(sheet, table.columns)
    sheet.append([_cell(sheet, name) for name in table.names])
    rows = 0
    for line in table.lines:
        rows += 1
        if rows == _MOST_ROWS:
            expected = f"at most {_MOST_ROWS - 1:,} rows, as a workbook has; fewer series, or a CSV file"
            raise InvalidInput(Fault(table.name, "more", expected))
        sheet.append([_cell(sheet, line.get(name)) for name in table.names])
    sink = io.BytesIO()
    book.save(sink)
    return Export(sink.getvalue(), rows)


def _set_widths(sheet: WriteOnlyWorksheet, columns: Sequence[Column]) -> None:
    from openpyxl.utils import get_column_letter

    for at, column in enumerate(columns, start=1):
        width = max(_WIDTHS.get(column.type, 0), len(column.name) + 2)
        sheet.column_dimensions[get_column_letter(at)].width = width  # type: ignore[attr-defined]


def _cell(sheet: WriteOnlyWorksheet, value: Cell) -> object:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    if not isinstance(value, str):
        return value if not isinstance(value, float) or abs(value) < float("inf") else None
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("�", value[:_MOST_LETTERS]))
    cell.data_type = "s"  # else a text that begins with = would be a formula
    return cell
