"""The door: a path as a file of rows, of a format that its first bytes tell."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from forecast.errors import Fault, InvalidInput
from forecast.formats.limits import Limits
from forecast.formats.rows import RowsFile
from forecast.formats.text import text_file
from forecast.formats.workbook import workbook

#: Formats that are refused, by the bytes they begin with.
_OTHERS = {
    b"\xd0\xcf\x11\xe0": "an old or an encrypted workbook (.xls)",
    b"\x1f\x8b": "packed (gzip)",
    b"BZh": "packed (bzip2)",
    b"\xfd7zXZ": "packed (xz)",
    b"7z\xbc\xaf": "packed (7z)",
    b"%PDF": "a PDF",
    b"PAR1": "Parquet",
    b"SQLite format 3": "a SQLite database",
    b"\x89PNG": "a picture",
}
_TEXTS = {
    "HTML or XML": re.compile(rb"<(!doctype|\?xml|[a-z]+[ >])", re.I),
    "JSON": re.compile(rb"\{\s*[\"}]|\[\s*[\[{\"0-9]"),
}
_EXPECTED = "a table as CSV, TSV or XLSX; save or unpack it as one of these"
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


def open_file(path: Path, limits: Limits, separator: str = "", encoding: str = "", decimal: str = ".") -> RowsFile:
    """``separator``, ``encoding``: of text, where the file does not tell; ``decimal``: how numbers of a workbook are
    written. Raises ``InvalidInput`` for what is no regular file, is too large, or has another format."""
    file = str(path)
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            kind = _KINDS.get(stat.S_IFMT(facts.st_mode), "a device")
            raise InvalidInput(Fault("file", kind, "a regular file", file))
        if facts.st_size > limits.size:
            raise InvalidInput(Fault("size", f"{facts.st_size:,} bytes", f"{limits.size:,} at most", file))
        with path.open("rb") as stream:
            head = stream.read(1 << 16)
    except OSError as error:
        raise InvalidInput(Fault("file", file, f"a file that can be read ({error.strerror})")) from None
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise InvalidInput(Fault("format", what, _EXPECTED, file))
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return workbook(path, limits, decimal)
    found = text_file(path, head, limits, separator, encoding)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for what, pattern in _TEXTS.items():
        if pattern.match(start):
            raise InvalidInput(Fault("format", what, _EXPECTED, file))
    return found
