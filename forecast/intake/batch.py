"""A batch of rows as text, column by column: what a table of any layout comes down to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of one file as text, column by column: ``lines`` (n,) their line (or sheet row) numbers; ``cells``: field ->
    n stripped texts; ``written``: field -> the file's own name of that column."""

    file: str
    lines: Sequence[int]
    cells: Mapping[str, Sequence[str]]
    written: Mapping[str, str]
