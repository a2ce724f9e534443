"""Workbooks (XLSX): judged by the directory of the zip file before anything is unpacked, then read row by row.

Cells come as text: numbers as they are stored, dates as ISO 8601, nothing as nothing. Formulas have the value that the
workbook was saved with; one without is refused.
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
import xml.parsers.expat
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from forecast.errors import Fault, InvalidInput, one_of
from forecast.formats.limits import MEGABYTE, Limits
from forecast.formats.rows import Rows

if TYPE_CHECKING:
    from openpyxl import Workbook as OpenWorkbook

_WHOLE = "a whole workbook (.xlsx), as a spreadsheet program saves it"
#: Rows that a sheet can have; what numbers its rows beyond is no workbook.
_MOST_ROWS = 1_048_576
_CHUNK_CELLS = 500_000
_PAGE = re.compile(r"xl/worksheets/[^/]+\.xml")
#: A cell with a formula and without a value.
_NO_VALUE = re.compile(rb"(?:</f>|<f\b[^>]*/>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")


@dataclass(frozen=True)
class Workbook:
    """Rows of the sheets of a workbook; hidden sheets are not among ``sheets``, and are read if they are named."""

    path: Path
    sheets: Sequence[str]
    hidden: Sequence[str]
    decimal: str
    serial_days: bool
    limits: Limits
    format: str = "xlsx"
    separator: str = ""
    encoding: str = ""

    def chunks(self, size: int, sheet: str = "") -> Generator[Rows]:
        sheet = self.named(sheet or self.sheets[0])
        with _opened(self.path) as book:
            page = book[sheet]
            page.reset_dimensions()  # what a file says of its size need not be true
            if self._lacks_values():
                self._check_formulas(book, sheet)
            lines: list[int] = []
            rows: list[list[str]] = []
            cells = 0
            with closing(page.iter_rows(values_only=True)) as read:
                for line, values in enumerate(read, start=1):
                    self._check(line, len(values))
                    lines.append(line)
                    rows.append([self._text(value) for value in values])
                    cells += len(values)
                    if len(rows) == size or cells > _CHUNK_CELLS:
                        yield lines, rows
                        lines, rows, cells = [], [], 0
            if rows:
                yield lines, rows

    def named(self, sheet: str) -> str:
        """The sheet of this name. Raises ``InvalidInput`` with the names that there are."""
        every = {name.strip().casefold(): name for name in (*self.hidden, *self.sheets)}
        found = every.get(sheet.strip().casefold())
        if found is None:
            raise InvalidInput(Fault("sheet", sheet, one_of(map(repr, self.sheets)), str(self.path)))
        return found

    def _check(self, line: int, width: int) -> None:
        most = min(self.limits.rows, _MOST_ROWS)
        if line > most:
            raise InvalidInput(Fault("rows", "more", f"{most:,} rows at most", str(self.path)))
        if width > self.limits.columns:
            expected = f"{self.limits.columns:,} columns at most"
            raise InvalidInput(Fault("columns", width, expected, str(self.path), line))

    def _lacks_values(self) -> bool:
        """Whether a formula of some sheet has no value."""
        with zipfile.ZipFile(self.path) as archive:
            for name in archive.namelist():
                if _PAGE.fullmatch(name):
                    with archive.open(name) as part:
                        if _found(part, _NO_VALUE):
                            return True
        return False

    def _check_formulas(self, book: OpenWorkbook, sheet: str) -> None:
        with _opened(self.path, values=False) as formulas:
            pages = formulas[sheet].iter_rows(), book[sheet].iter_rows(values_only=True)
            for line, (cells, values) in enumerate(zip(*pages, strict=False), start=1):
                for cell, value in zip(cells, values, strict=False):
                    if value is None and cell.value is not None:
                        expected = "a value; open and save the workbook in a spreadsheet program, which computes it"
                        raise InvalidInput(Fault(cell.column_letter, cell.value, expected, str(self.path), line))

    def _text(self, value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            whole = value.is_integer() and abs(value) < 1e15
            return str(int(value)) if whole else repr(value).replace(".", self.decimal)
        if isinstance(value, dt.datetime):
            return value.date().isoformat() if value.time() == dt.time() else value.isoformat()
        return str(value)


def workbook(path: Path, limits: Limits, decimal: str = ".") -> Workbook:
    """Raises ``InvalidInput`` for what is no workbook, or costs more than it may: before anything is unpacked."""
    with _readable(path), zipfile.ZipFile(path) as archive:
        _check_size(path, archive, limits)
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                with archive.open(name) as part:
                    _check_prolog(path, name, part)
    with _opened(path) as book:
        states = {page.title: page.sheet_state for page in book.worksheets}
        since_1900 = book.epoch.year < 1904
    sheets = [name for name, state in states.items() if state == "visible"]
    if not sheets:
        raise InvalidInput(Fault("sheets", "none", "a sheet that is not hidden", str(path)))
    return Workbook(path, sheets, [name for name in states if name not in sheets], decimal, since_1900, limits)


def _check_size(path: Path, archive: zipfile.ZipFile, limits: Limits) -> None:
    parts = archive.infolist()
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        inside = "OpenDocument" if "content.xml" in names else "a binary workbook" if "xl/workbook.bin" in names else ""
        raise InvalidInput(Fault("format", inside or "a zip file without a workbook", _WHOLE, str(path)))

    def refuse_beyond(where: str, found: int, most: int, what: str = "") -> None:
        if found > most:
            raise InvalidInput(Fault(where, f"{found:,}{what}", f"{most:,}{what} at most", str(path)))

    pages = [part for part in parts if _PAGE.fullmatch(part.filename)]
    refuse_beyond("sheets", len(pages), limits.sheets)
    refuse_beyond("parts", len(parts), 100 + 20 * limits.sheets)
    refuse_beyond("packed", sum(part.compress_size for part in parts), path.stat().st_size, " bytes")
    unpacked = sum(part.file_size for part in parts)
    refuse_beyond("unpacked", unpacked, limits.unpacked, " bytes")
    for part in parts:
        if part.flag_bits & 1:
            raise InvalidInput(Fault(part.filename, "encrypted", _WHOLE, str(path)))
        if part not in pages:
            refuse_beyond(part.filename, part.file_size, limits.part, " bytes")
        if part.file_size > MEGABYTE:
            refuse_beyond(part.filename, part.file_size // max(part.compress_size, 1), limits.ratio, " times its size")
    if unpacked > MEGABYTE:
        refuse_beyond("unpacked", unpacked // path.stat().st_size, limits.ratio, " times the size of the file")


def _check_prolog(path: Path, name: str, part: IO[bytes]) -> None:
    """Refuse a document type: a workbook has none, and entities could cost anything."""
    begun = False

    def refuse(*_: object) -> None:
        raise InvalidInput(Fault(name, "<!DOCTYPE", "XML without a document type", str(path)))

    def begin(*_: object) -> None:
        nonlocal begun
        begun = True

    parser = xml.parsers.expat.ParserCreate()
    parser.StartDoctypeDeclHandler, parser.StartElementHandler = refuse, begin
    while not begun and (block := part.read(1 << 12)):
        parser.Parse(block)


@contextmanager
def _opened(path: Path, values: bool = True) -> Iterator[OpenWorkbook]:
    """``values``: of formulas, else their text."""
    from openpyxl import load_workbook  # it takes time, and few commands read a workbook

    with _readable(path), path.open("rb") as stream:  # by its content, whatever it is called
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it would lose in writing
            book = load_workbook(stream, read_only=True, data_only=values, keep_links=False)
        try:
            yield book
        finally:
            book.close()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """The library raises whatever it stumbles on; all of it says that the file is broken."""
    try:
        yield
    except (InvalidInput, GeneratorExit):
        raise
    except Exception as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InvalidInput(Fault("file", reason, _WHOLE, str(path))) from None


def _found(part: IO[bytes], pattern: re.Pattern[bytes]) -> bool:
    """Whether a part holds the pattern, read in blocks that overlap."""
    tail = b""
    while block := part.read(1 << 20):
        tail += block
        if pattern.search(tail):
            return True
        tail = tail[-200:]
    return False
