"""A file as a table of observations: its format, sheet, header and layout, and its rows as batches.

What is not certain is refused with the option that settles it. A table reads its file anew in each pass and holds one
chunk of it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import compress
from pathlib import Path
from typing import TypeVar

from forecast.catalog.csv_reader import MOST_FAULTS
from forecast.errors import Fault, InvalidInput, known_name
from forecast.formats import Limits, Rows, RowsFile, open_file
from forecast.formats.numbers import NumberReader, decimal_sign, is_missing, settled
from forecast.intake.batch import Batch
from forecast.intake.fields import FIELDS, PARTS, Hints
from forecast.intake.header import BY_MONTH, BY_PERIOD, BY_SERIES, LONG, Layout, NoTable, find_layout
from forecast.intake.header_units import units_of, with_certain_units
from forecast.timeseries.periods import (
    PeriodReader,
    are_split_years,
    is_doubtful_date,
    is_period,
    is_serial,
    order_of,
    span,
)
from forecast.timeseries.series import Series

_T = TypeVar("_T")

__all__ = ["Hints", "Limits", "Refuse", "Table", "Understood", "open_table"]

#: Takes a row that is no row of the table, as it stands.
Refuse = Callable[[Fault, Sequence[str]], None]

#: Rows of a chunk, and cells, at most: more of them alive at once cost the garbage collector the time that they save;
#: rows that tell how a file is written.
MOST_ROWS, _MOST_CELLS, _HEAD = 4_000, 500_000, 5_000
_NOTE = re.compile(r"\W*(source|notes?|footnotes?|(last )?updated?|copyright|©|\*|legend|downloaded|data )\b", re.I)
#: Columns whose empty cells are slips: a publisher's say that nothing was published.
_OWN_VALUES = ("value", "y")


@dataclass(frozen=True)
class Understood:
    """How a file is read. ``mapping``: field -> the file's column; ``series``: column -> series id, where a column is a
    series; ``left_out``: columns that are not read; ``decimal``: the sign that is declared or found (empty: none)."""

    format: str
    separator: str
    encoding: str
    sheet: str
    header_line: int
    layout: str
    mapping: Mapping[str, str]
    series: Mapping[str, str]
    left_out: Sequence[str]
    period_format: str
    decimal: str


@dataclass(frozen=True, eq=False)
class Table:
    """Observations of one file, as they stand; ``periods`` and ``numbers`` read its cells."""

    source: RowsFile
    layout: Layout
    hints: Hints
    limits: Limits
    understood: Understood
    periods: PeriodReader
    numbers: NumberReader
    series: Mapping[str, Series]

    @property
    def file(self) -> str:
        return str(self.source.path)

    def batches(self, refuse: Refuse | None = None) -> Iterator[Batch]:
        """All rows, in a fresh pass. ``refuse`` is told of rows that have more or fewer cells than columns; without it
        they are an ``InvalidInput`` at the end. Rows without a value are left out where a publisher would write them
        for what was not published."""
        faults: list[Fault] = []

        def collect(fault: Fault, _: Sequence[str]) -> None:
            faults.append(fault)
            if len(faults) == MOST_FAULTS:
                raise InvalidInput(faults)

        seen: set[str] = set()
        with closing(_columns(self.source, self.understood.sheet, self.layout, refuse or collect)) as chunks:
            for lines, columns in chunks:
                for batch in _melted(self.file, self.layout, lines, columns):
                    self._check_cells(batch)
                    named = self._named(batch, seen)
                    if named.lines:
                        yield with_certain_units(named, self.layout, self.series)
        if faults:
            raise InvalidInput(faults)
        if self._translates and (missing := self.hints.columns.keys() - seen):
            what = "series of the file"
            raise InvalidInput(
                Fault("--column", name, known_name(what, name, seen), self.file) for name in sorted(missing)
            )

    @property
    def _translates(self) -> bool:
        """Whether ``--column`` names series as the cells of a column do."""
        return bool(self.hints.columns) and "series_id" in self.layout.fields

    def _named(self, batch: Batch, seen: set[str]) -> Batch:
        if not self._translates:
            self._check_one_series(batch)
            return batch
        told = batch.cells["series_id"]
        ids = self.hints.columns
        seen.update({*told} & ids.keys() if len(seen) == len(ids) else {*told})
        chosen = _chosen(batch, [name in ids for name in told])
        cells = {**chosen.cells, "series_id": [ids[name] for name in chosen.cells["series_id"]]}
        return Batch(batch.file, chosen.lines, cells, batch.written)

    def _check_one_series(self, batch: Batch) -> None:
        """Refuse ids other than ``--series-id``, which a column may repeat."""
        only, ids = self.hints.series_id, batch.cells["series_id"]
        if only and {*ids} - {only}:
            at = next(at for at, name in enumerate(ids) if name != only)
            where = batch.written["series_id"]
            raise InvalidInput(Fault(where, ids[at], f"{only}, as --series-id says", self.file, batch.lines[at]))

    def _check_cells(self, batch: Batch) -> None:
        for name, texts in batch.cells.items():
            if texts and max(map(len, texts)) > self.limits.cell:
                at = next(at for at, text in enumerate(texts) if len(text) > self.limits.cell)
                expected = f"{self.limits.cell:,} characters at most"
                where = batch.written.get(name, name)
                raise InvalidInput(Fault(where, f"{texts[at][:20]}…", expected, self.file, batch.lines[at]))


def open_table(path: Path, hints: Hints, known: Mapping[str, Series], limits: Limits) -> Table:
    """``known``: series by id, whose names may be those of columns. Raises ``InvalidInput``, located."""
    hints.check()
    source = open_file(path, limits, hints.separator, hints.encoding, hints.decimal or ".")
    sheet, layout = _sheet(source, hints, known)
    chunks = partial(_columns, source, sheet, layout, lambda *_: None)
    head = _first(chunks(size=_HEAD))
    if head is None:
        faults: list[Fault] = []
        for _ in _columns(source, sheet, layout, lambda fault, _: faults.append(fault)):
            pass
        raise InvalidInput(
            faults[:MOST_FAULTS]
            or Fault("file", ",".join(layout.names), "a header line and at least one row", str(path))
        )
    layout = replace(layout, units=units_of(layout, head[1]))
    periods, written = _period_reader(source, layout, hints, head, chunks)
    numbers = _number_reader(source, layout, hints, head, chunks)
    understood = Understood(
        format=source.format,
        separator=source.separator,
        encoding=source.encoding,
        sheet=sheet,
        header_line=layout.line,
        layout=layout.kind,
        mapping={name: layout.name(at) for name, at in layout.fields.items()},
        series={layout.names[at]: told for at, told in layout.wide.items()} if layout.kind == BY_SERIES else {},
        left_out=[name for at, name in enumerate(layout.names) if name and at not in layout.taken],
        period_format=written,
        decimal=numbers.decimal,
    )
    return Table(source, layout, hints, limits, understood, periods, numbers, known)


def _sheet(source: RowsFile, hints: Hints, known: Mapping[str, Series]) -> tuple[str, Layout]:
    """The sheet that is named, or the only one with a table in it, and its layout."""
    file = str(source.path)

    def layout_of(sheet: str) -> Layout:
        lines, rows = _first(source.chunks(_HEAD, sheet)) or ([], [])
        if source.sheets:  # whose rows end with their last value
            width = max(map(len, rows), default=0)
            rows = [row + [""] * (width - len(row)) for row in rows]
        return find_layout(file, (lines, rows), hints, known)

    if not source.sheets or hints.sheet:
        if hints.sheet and not source.sheets:
            raise InvalidInput(Fault("--sheet", hints.sheet, "nothing, as the file is no workbook", file))
        return hints.sheet, layout_of(hints.sheet)
    layouts: dict[str, Layout | InvalidInput] = {}
    without: list[NoTable] = []
    for sheet in source.sheets:
        try:
            layouts[sheet] = layout_of(sheet)
        except NoTable as error:
            without.append(error)
        except InvalidInput as error:  # a table that does not say enough
            layouts[sheet] = error
    if len(layouts) > 1:
        names = ", ".join(map(repr, layouts))
        raise InvalidInput(Fault("sheets", names, "one sheet with a table; say which: --sheet NAME", file))
    if not layouts:
        raise without[0]
    ((sheet, layout),) = layouts.items()
    if isinstance(layout, InvalidInput):
        raise layout
    return sheet, layout


def _first(chunks: Generator[_T]) -> _T | None:
    with closing(chunks):
        return next(chunks, None)


_Columns = tuple[Sequence[int], list[Sequence[str]]]
_Chunks = Callable[[], Generator[_Columns]]


def _columns(
    source: RowsFile, sheet: str, layout: Layout, refuse: Refuse, size: int = MOST_ROWS
) -> Generator[_Columns]:
    """The rows below the header, column by column."""
    width = len(layout.names)
    with closing(source.chunks(max(min(size, _MOST_CELLS // width), 1), sheet)) as chunks:
        for lines, rows in chunks:
            if lines[0] <= layout.line:
                start = bisect_right(lines, layout.line)
                lines, rows = lines[start:], rows[start:]
            if {*map(len, rows)} != {width}:
                lines, rows = _even(source, layout, (lines, rows), refuse)
            if rows:
                yield lines, list(zip(*rows, strict=True))


def _even(source: RowsFile, layout: Layout, chunk: Rows, refuse: Refuse) -> Rows:
    """Rows of as many cells as columns. Blank ones and notes are left out; a workbook's end with their last value."""
    width, kept, even = len(layout.names), [], []
    for line, row in zip(*chunk, strict=True):
        filled = [cell for cell in row if cell.strip()]
        short, cut = len(row) < width, row[:width]
        if len(row) == width or (filled and not any(map(str.strip, row[width:])) and (source.sheets or not short)):
            kept.append(line)
            even.append(cut + [""] * (width - len(row)))
        elif filled and not (short and _NOTE.match(filled[0])) and not (len(filled) == 1 and " " in filled[0].strip()):
            refuse(Fault("cells", len(row), f"{width} cells, one a column", str(source.path), line), row)
    return kept, even


def _melted(file: str, layout: Layout, lines: Sequence[int], columns: Sequence[Sequence[str]]) -> Iterator[Batch]:
    """Rows as batches: one, or where each column is a series or a period, one of each."""
    common = {name: list(map(str.strip, columns[at])) for name, at in layout.fields.items()}
    written = {name: layout.name(at) for name, at in layout.fields.items()}
    if all(part in common for part in PARTS):
        years, months = (common[part] for part in PARTS)
        common["ds"] = list(map(_joined, years, months))
        written["ds"] = "+".join(written[part] for part in PARTS)
    common = {name: texts for name, texts in common.items() if name in FIELDS}
    if layout.series_id:
        common["series_id"] = [layout.series_id] * len(lines)
    if layout.kind == LONG:
        if layout.units:
            at = layout.fields["value"]
            common["unit"], written["unit"] = [str(layout.units[at])] * len(lines), layout.name(at)
        yield _without_gaps(
            Batch(file, lines, common, written), layout.names[layout.fields["value"]] not in _OWN_VALUES
        )
        return
    years = list(map(str.strip, columns[layout.fields["year"]])) if layout.kind == BY_MONTH else []
    for at, told in layout.wide.items():
        name = layout.names[at]
        cells = {**common, "value": list(map(str.strip, columns[at]))}
        if layout.kind == BY_SERIES:
            cells["series_id"] = [told] * len(lines)
            if layout.units:
                cells["unit"] = [str(layout.units.get(at, ""))] * len(lines)
        else:
            cells["ds"] = [f"{year}-{told}" for year in years] or [told] * len(lines)
        names = {"value": name} if layout.kind == BY_SERIES else {"ds": name, "value": name}
        yield _without_gaps(Batch(file, lines, cells, {**written, **names}), True)


@lru_cache(maxsize=4096)
def _joined(year: str, month: str) -> str:
    """Year and month of two columns as a period; some files repeat the year in the month."""
    if is_period(month) or not (year or month):
        return month
    return f"{year}-{month}"


def _without_gaps(batch: Batch, published: bool) -> Batch:
    """Rows without blank ones, notes and units; ``published``: without those that have no value either."""
    ds, values = batch.cells["ds"], batch.cells["value"]
    keep: list[bool] | None = None
    if published:
        gaps = {text for text in {*values} if not text[:1].isdigit() and is_missing(text)}
        if gaps:
            keep = [text not in gaps for text in values]
    if "" in ds:
        keep = keep or [True] * len(ds)
        ids = batch.cells.get("series_id", [""] * len(ds))
        told = batch.written.get("series_id") is not None
        for at, text in enumerate(ds):
            if not text and not any(map(str.isdigit, values[at])) and (not told or not ids[at] or " " in ids[at]):
                keep[at] = False
    return batch if keep is None else _chosen(batch, keep)


def _chosen(batch: Batch, keep: Sequence[bool]) -> Batch:
    cells = {name: list(compress(texts, keep)) for name, texts in batch.cells.items()}
    return Batch(batch.file, list(compress(batch.lines, keep)), cells, batch.written)


def _cells(layout: Layout, columns: _Columns, field: str) -> Iterator[tuple[int, str]]:
    """Lines and texts of the periods, or of the values, of a chunk."""
    for batch in _melted("", layout, *columns):
        yield from zip(batch.lines, batch.cells[field], strict=True)


def _period_reader(
    source: RowsFile, layout: Layout, hints: Hints, head: _Columns, chunks: _Chunks
) -> tuple[PeriodReader, str]:
    """The reader of its periods, and how they are written."""
    texts = [text for _, text in _cells(layout, head, "ds") if text]
    orders = {hints.dates} if hints.dates else order_of(texts)
    if not orders and any(map(is_doubtful_date, {*texts})):
        for columns in chunks():
            if orders := order_of(text for _, text in _cells(layout, columns, "ds")):
                break
    order = orders.pop() if len(orders) == 1 else ""
    if are_split_years(texts):
        expected = "months or whole years; 2011-12 may be both: write 2011-12-01, or the year in which each begins"
        raise InvalidInput(Fault("ds", ", ".join(sorted({*texts})[:2]), expected, str(source.path), layout.line))
    if layout.kind == BY_PERIOD and not order and (doubtful := [text for text in texts if is_doubtful_date(text)]):
        expected = "dates of which day and month are certain; say their order: --dates dmy or --dates mdy"
        raise InvalidInput(Fault("header", doubtful[0], expected, str(source.path), layout.line))
    serial = source.serial_days and bool(texts) and is_serial(texts[0])
    for text in texts[:100]:
        try:
            return PeriodReader(order, serial), span(text, order, serial).shape
        except ValueError:
            continue
    return PeriodReader(order, serial), ""


def _number_reader(source: RowsFile, layout: Layout, hints: Hints, head: _Columns, chunks: _Chunks) -> NumberReader:
    """The reader of its values. Raises ``InvalidInput`` where some have a decimal comma and others a point."""
    pointed = source.separator != ";"
    if hints.decimal:
        return NumberReader(hints.decimal, pointed)
    cells = [(line, text) for line, text in _cells(layout, head, "value") if "," in text or "." in text]
    signs, doubtful = settled(text for _, text in cells)
    if len(signs) > 1:
        first = next(sign for _, text in cells if (sign := decimal_sign(text)))
        line, text = next(pair for pair in cells if decimal_sign(pair[1]) not in ("", first))
        name = "comma" if first == "," else "point"
        expected = f"a decimal {name} as in the values before; one sign in a file (--decimal says which)"
        raise InvalidInput(Fault("value", text, expected, str(source.path), line))
    if not signs and doubtful and not (pointed and not any("," in text for _, text in cells)):
        for columns in chunks():
            signs, _ = settled(text for _, text in _cells(layout, columns, "value"))
            if signs:
                break
    return NumberReader(signs.pop() if len(signs) == 1 else "", pointed)
