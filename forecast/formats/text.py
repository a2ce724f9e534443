"""Separated text: CSV, TSV and semicolons in UTF-8, UTF-16 with its mark, or an encoding that is named."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from forecast.errors import Fault, InvalidInput, one_of
from forecast.formats.limits import Limits
from forecast.formats.rows import Rows

#: Separators by what a user may call them; of equals the first is taken.
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_FORMATS = {",": "csv", ";": "csv", "\t": "tsv", "|": "csv"}
_MARKS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF8: "utf-8-sig"}
_MARKS |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_UTF8 = "UTF-8 throughout, UTF-16 with a byte-order mark, or the encoding that --encoding names, such as cp1252"
#: Bytes of which some must end a line, so that a file without lines is not held whole; bytes and rows that are read at
#: once.
_BLOCK, _CHUNK_BYTES, _STEP = 500_000, 4_000_000, 100


@dataclass(frozen=True)
class TextFile:
    """Rows of separated text, quoted as RFC 4180 has it."""

    path: Path
    separator: str
    encoding: str
    limits: Limits
    sheets: Sequence[str] = ()
    serial_days: bool = True

    @property
    def format(self) -> str:
        return _FORMATS[self.separator]

    def chunks(self, size: int, sheet: str = "") -> Generator[Rows]:
        count, line = 0, 1
        try:
            with self.path.open("rb") as stream, io.TextIOWrapper(stream, self.encoding, newline="") as text:
                reader = csv.reader(text, delimiter=self.separator, strict=True)
                while rows := _some(reader, stream, size):
                    plain = reader.line_num - line + 1 == len(rows)
                    lines = range(line, line + len(rows)) if plain else _starts(rows, line)
                    line, count = reader.line_num + 1, count + len(rows)
                    self._check(lines, rows, count)
                    yield lines, rows
        except UnicodeDecodeError:
            raise InvalidInput(self._bad_byte()) from None
        except csv.Error as error:
            raise InvalidInput(self._bad_line(str(error))) from None

    def _check(self, lines: Sequence[int], rows: list[list[str]], count: int) -> None:
        if count > self.limits.rows:
            raise InvalidInput(Fault("rows", "more", f"{self.limits.rows:,} rows at most", str(self.path)))
        if max(map(len, rows)) > self.limits.columns:
            line, row = next(pair for pair in zip(lines, rows, strict=True) if len(pair[1]) > self.limits.columns)
            raise InvalidInput(
                Fault("columns", len(row), f"{self.limits.columns:,} columns at most", str(self.path), line)
            )

    def _bad_byte(self) -> Fault:
        """Where the file is not what its encoding says."""
        decoder, line = codecs.getincrementaldecoder(self.encoding)(), 1
        with self.path.open("rb") as stream:
            try:
                while block := stream.read(1 << 20):
                    line += decoder.decode(block).count("\n")
                decoder.decode(b"", final=True)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                byte = f"byte 0x{error.object[error.start]:02x}"
                return Fault("encoding", byte, self._encoded, str(self.path), line)
        return Fault("encoding", self.encoding, self._encoded, str(self.path))

    @property
    def _encoded(self) -> str:
        return _UTF8 if self.encoding.startswith("utf-8") else f"{self.encoding} throughout"

    def _bad_line(self, reason: str) -> Fault:
        """Where the record begins that cannot be read."""
        start = 1
        with self.path.open(encoding=self.encoding, newline="") as stream:
            reader = csv.reader(stream, delimiter=self.separator, strict=True)
            try:
                for _ in reader:
                    start = reader.line_num + 1
            except csv.Error as error:
                reason = str(error)
        return Fault("line", reason, "cells in pairs of quotes or none", str(self.path), start)


def text_file(path: Path, head: bytes, limits: Limits, separator: str = "", encoding: str = "") -> TextFile:
    """``head``: its first bytes, which tell what is not said. Raises ``InvalidInput``."""
    encoding = _encoding(path, head, encoding)
    whole = len(head) < 1 << 16
    try:
        text = codecs.getincrementaldecoder(encoding)("replace").decode(head, final=whole)
    except UnicodeError as error:
        raise InvalidInput(Fault("encoding", str(error), f"{encoding} throughout; {_UTF8}", str(path))) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InvalidInput(Fault("encoding", "byte 0x00", _UTF8, str(path), line))
    if separator:
        separator = SEPARATORS.get(separator.strip().lower(), separator.replace("\\t", "\t"))
        if separator not in SEPARATORS.values():
            raise InvalidInput(Fault("separator", separator, f"{one_of(SEPARATORS)}, or the character itself"))
    _check_lines(path)
    return TextFile(path, separator or _separator(text, path.suffix.lower(), whole), encoding, limits)


def _check_lines(path: Path) -> None:
    line = 1
    with path.open("rb") as stream:
        while len(block := stream.read(_BLOCK)) == _BLOCK:
            if b"\n" not in block and b"\r" not in block:
                expected = f"lines of fewer than {_BLOCK:,} bytes"
                raise InvalidInput(Fault("line", f"{block[:20]!r}…", expected, str(path), line))
            line += block.count(b"\n")


def _encoding(path: Path, head: bytes, named: str) -> str:
    marked = next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), "utf-8")
    if not named:
        return marked
    try:
        "x".encode(named).decode(named)
        name = codecs.lookup(named).name
    except (LookupError, ValueError):
        raise InvalidInput(Fault("encoding", named, "the name of an encoding, such as cp1252", str(path))) from None
    return marked if name in ("utf-8", marked) else name


def _separator(text: str, suffix: str, whole: bool) -> str:
    """The one that cuts the most lines into equally many cells; of such a tab, which few texts hold, or else the one
    that cuts them into the most."""
    if named := re.match(r"sep=([,;\t|])\r?\n", text):
        return named[1]
    first = "\t" if suffix in (".tsv", ".tab") else ","
    lines = text.splitlines(keepends=True)
    if not whole:
        del lines[-1:]
    best, best_score = first, (0, False, 0)
    for separator in (first, *(each for each in SEPARATORS.values() if each != first)):
        rows = list(islice(csv.reader(lines, delimiter=separator), 60)) if lines else []
        widths = Counter(len(row) for row in rows if len(row) > 1)
        score = max(((count, separator == "\t", width) for width, count in widths.items()), default=(0, False, 0))
        if score > best_score:
            best, best_score = separator, score
    return best


def _some(reader: Iterator[list[str]], stream: io.BufferedReader, size: int) -> list[list[str]]:
    rows: list[list[str]] = []
    end = stream.tell() + _CHUNK_BYTES
    while len(rows) < size and (some := list(islice(reader, min(_STEP, size - len(rows))))):
        rows += some
        if stream.tell() > end:
            break
    return rows


def _starts(rows: list[list[str]], line: int) -> list[int]:
    """The lines on which records begin, the first on ``line``; a quoted cell may have several."""
    lines = []
    for row in rows:
        lines.append(line)
        line += 1 + sum(len(re.findall(r"\r\n|\r|\n", cell)) for cell in row if "\n" in cell or "\r" in cell)
    return lines
