"""What somebody who exports may choose: the shape of a table, and the format of its file."""

from __future__ import annotations

from enum import StrEnum


class TableShape(StrEnum):
    """``long``: a line a period of each series; ``wide``: a line a period, with the series beside each other."""

    LONG = "long"
    WIDE = "wide"


class FileFormat(StrEnum):
    """The format of a file, which is also how its name ends."""

    CSV = "csv"
    PARQUET = "parquet"
    XLSX = "xlsx"
