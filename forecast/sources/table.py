"""Rows of an answer that is a table: separated text or a workbook, read as files of users are."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from forecast.errors import InvalidInput, LayoutChanged
from forecast.formats import Limits, open_file
from forecast.formats.limits import MEGABYTE
from forecast.sources.web import Page

#: Answers are tables of months or days, not archives.
_LIMITS, _CHUNK = Limits(size=100 * MEGABYTE, rows=2_000_000), 5_000

#: The number of a line or row from 1, and its cells, stripped of outer blanks.
Line = tuple[int, list[str]]


def read_table(source: str, page: Page, *, sheet: str = "", separator: str = "", encoding: str = "") -> Iterator[Line]:
    """The rows of an answer, blank ones left out; ``sheet``: of a workbook; ``separator``, ``encoding``: of text, where
    they are not told by the text itself.

    Raises ``LayoutChanged`` for what is no table, or one without this sheet.
    """
    with tempfile.TemporaryDirectory(prefix="orecast-") as folder:
        path = Path(folder, "answer")
        path.write_bytes(page.body)
        try:
            for lines, rows in open_file(path, _LIMITS, separator, encoding).chunks(_CHUNK, sheet):
                for line, row in zip(lines, rows, strict=True):
                    if any(cells := [cell.strip() for cell in row]):
                        yield line, cells
        except InvalidInput as error:
            faults = "; ".join(str(replace(fault, file=None)) for fault in error.faults)
            raise LayoutChanged(source, page.url, faults) from None
