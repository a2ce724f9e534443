"""Data frames of answers: pandas is imported when the first is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from forecast.extras import require

if TYPE_CHECKING:
    from pandas import DataFrame

    from forecast.answers.model import Cell, Column

#: The type of a column of a frame, by that of the answer, whatever is in it; with a second one where it has gaps.
DTYPES: dict[str, tuple[str, ...]] = {
    "day": ("datetime64[s]",),
    "time": ("datetime64[us, UTC]",),
    "number": ("float64",),
    "integer": ("int64", "Int64"),
    "yes or no": ("bool", "boolean"),
    "object": ("object",),
}
TEXT = ("str",)


def to_frame(columns: Sequence[Column], lines: Iterable[Mapping[str, Cell]]) -> DataFrame:
    """A row a line; a column has one type, also where there is nothing in it. Raises ``MissingExtra``."""
    require("pandas", "a data frame")
    import pandas as pd

    frame = pd.DataFrame(list(lines), columns=[column.name for column in columns], dtype=object)
    gaps = frame.isna().any()
    dtypes = {column.name: DTYPES.get(column.type, TEXT)[:: -1 if gaps[column.name] else 1][0] for column in columns}
    for column in columns:
        if column.type == "time":
            frame[column.name] = pd.to_datetime(frame[column.name], utc=True)
    return frame.astype(dtypes)
