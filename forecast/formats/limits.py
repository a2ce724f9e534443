"""What a file may cost: limits that are checked before, or while, it is read."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes unless said otherwise; ``cell``: characters of one cell.

    Of a workbook: ``unpacked``: all of its parts; ``ratio``: how many times a part may be as large as it is packed;
    ``sheets``: how many; ``part``: any part that is no sheet and is held whole, such as its table of texts.
    """

    size: int = 2_000 * MEGABYTE
    rows: int = 50_000_000
    columns: int = 5_000
    cell: int = 10_000
    unpacked: int = 300 * MEGABYTE
    ratio: int = 50
    sheets: int = 100
    part: int = 20 * MEGABYTE
