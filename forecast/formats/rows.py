"""Rows of a file of any format, and what each format offers."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Protocol

#: Line (or sheet row) numbers, and the cells of each.
Rows = tuple[Sequence[int], list[list[str]]]


class RowsFile(Protocol):
    """A file of rows. ``separator`` and ``encoding`` are empty for a workbook, and its ``sheets`` for text;
    ``serial_days``: whether numbers of five digits may be days since 1900."""

    @property
    def path(self) -> Path: ...
    @property
    def format(self) -> str: ...
    @property
    def separator(self) -> str: ...
    @property
    def encoding(self) -> str: ...
    @property
    def serial_days(self) -> bool: ...
    @property
    def sheets(self) -> Sequence[str]: ...

    def chunks(self, size: int, sheet: str = "") -> Generator[Rows]:
        """All rows from the first, at most ``size`` at a time; blank ones are empty. Raises ``InvalidInput``."""
