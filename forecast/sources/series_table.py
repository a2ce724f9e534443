"""The table of a source's series: which key of the publisher makes which series, and in which unit it comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from forecast import names
from forecast.catalog.csv_reader import Reading, number, read_rows
from forecast.catalog.csv_records import SeriesRow
from forecast.errors import known_name
from forecast.settings import data_dir
from forecast.timeseries.series import Series


class SourceSeriesRow(SeriesRow):
    """A line of the table of a source; of a series that is known without it the first four columns are enough.

    ``key``: the publisher's own name; ``delivered``: the unit that it comes in, and ``factor`` what makes the unit of
    the series of it.
    """

    key: Annotated[str, Field(min_length=1, description="the publisher's own name of the series", examples=["PCOPP"])]
    delivered: Annotated[str, Field(min_length=1, description="the unit as delivered", examples=["USD/t"])]
    factor: Annotated[float, BeforeValidator(number), Field(gt=0, description="a number above zero")]
    series_id: Annotated[names.SeriesId, AfterValidator(names.series_id), Field(examples=["price.copper"])]
    measure: str = ""
    unit: str = ""
    freq: str = ""


@dataclass(frozen=True)
class SourceSeries:
    """A series of a source: how it is called there, and how its values become those of ``series``."""

    key: str
    delivered: str
    factor: float
    series: Series


def read_series_table(path: Path, publisher: Mapping[str, str], known: Mapping[str, Series]) -> list[SourceSeries]:
    """The series of a table, in its order; ``publisher``: what a series that is new says of it (``publisher``,
    ``source_url``, ``licence``). Of those that are ``known`` the catalogue says what they are.

    Raises ``InvalidInput`` with every fault in it.
    """
    reading = Reading()
    found = []
    for row, cells in read_rows(path, SourceSeriesRow, reading):
        if cells.series_id in known:
            found.append(SourceSeries(cells.key, cells.delivered, cells.factor, known[cells.series_id]))
            continue
        for column in ("measure", "unit", "freq"):
            if not row[column]:
                reading.note(row, column, known_name("series", cells.series_id, known) + ", or what the new one is")
        facts = {name: value for name, value in cells if name not in ("key", "delivered", "factor") and value != ""}
        if not row.wrong:
            found.append(SourceSeries(cells.key, cells.delivered, cells.factor, Series(**{**publisher, **facts})))
    reading.finish()
    return found
