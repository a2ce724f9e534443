"""The table of a source's series: which key of the publisher makes which series, and in which unit it comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from forecast import names
from forecast.catalog.csv_reader import Reading, TableRow, number, read_row, read_rows
from forecast.catalog.csv_records import SeriesRow
from forecast.errors import Fault, known_name, one_of
from forecast.timeseries.series import Series


class SourceSeriesRow(SeriesRow):
    """A line of the table of a source; of a series that is known without it the first four columns are enough.

    ``key``: the publisher's own name; ``delivered``: the unit that it comes in, and ``factor`` what makes the unit of
    the series of it.
    """

    key: Annotated[str, Field(min_length=1, description="the publisher's own name of the series", examples=["PCOPP"])]
    delivered: Annotated[str, Field(min_length=1, description="the unit as delivered", examples=["USD/t"])]
    factor: Annotated[float, BeforeValidator(number), Field(gt=0, description="a number above zero", examples=["1"])]
    series_id: Annotated[names.SeriesId, AfterValidator(names.series_id), Field(examples=["price.copper"])]
    measure: str = ""
    unit: str = ""
    freq: str = ""


@dataclass(frozen=True)
class SourceSeries:
    """A series of a ``source``: how it is called there, and how its values become those of ``series``."""

    source: str
    key: str
    delivered: str
    factor: float
    series: Series


def read_series_table(
    source: str, path: Path, publisher: Mapping[str, str], known: Mapping[str, Series]
) -> list[SourceSeries]:
    """The series of the table of a source, in its order; ``publisher``: what a series that is new says of who publishes
    it (``publisher``, ``source_url``, ``licence``). Of those that are ``known`` the catalogue says what they are.

    Raises ``InvalidInput`` with every fault in it.
    """
    reading = Reading()
    rows = list(read_rows(path, SourceSeriesRow, reading))
    return _series(source, rows, publisher, known, reading)


def read_series_entries(
    source: str,
    entries: Iterable[Mapping[str, object]],
    file: str,
    publisher: Mapping[str, str],
    known: Mapping[str, Series],
) -> list[SourceSeries]:
    """The same of entries of a user's configuration, which stand in its section of a ``file``.

    What is left out has its default; without a ``factor`` a value is taken as it comes.
    """
    reading, rows = Reading(), []
    for place, entry in enumerate(entries, start=1):
        given = {"factor": "1", **{name: str(value) for name, value in entry.items()}}
        strange = [name for name in given if name not in SourceSeriesRow.model_fields]
        missing = [name for name, of in SourceSeriesRow.model_fields.items() if of.is_required() and name not in given]
        at = f"{file}: {source}.series {place}"
        reading.faults += [Fault(name, given[name], one_of(SourceSeriesRow.model_fields), at) for name in strange]
        reading.faults += [
            Fault(name, "", SourceSeriesRow.model_fields[name].description or name, at) for name in missing
        ]
        if not strange and not missing:
            row = TableRow(at, 0, given, {})
            rows.append((row, read_row(row, SourceSeriesRow, reading)))
    return _series(source, rows, publisher, known, reading)


def _series(
    source: str,
    rows: Iterable[tuple[TableRow, SourceSeriesRow]],
    publisher: Mapping[str, str],
    known: Mapping[str, Series],
    reading: Reading,
) -> list[SourceSeries]:
    found: dict[str, SourceSeries] = {}
    for row, cells in rows:
        if cells.series_id not in known:
            for column in ("measure", "unit", "freq"):
                if not row[column]:
                    expected = known_name("series", cells.series_id, known)
                    reading.note(row, column, f"what the series is, or another series_id: {expected}")
        if cells.key in found:
            reading.note(row, "key", "each key once")
        if cells.series_id in {one.series.series_id for one in found.values()}:
            reading.note(row, "series_id", "each series once, for two keys would revise each other")
        facts = {name: value for name, value in cells if name not in ("key", "delivered", "factor")}
        facts |= {name: value for name, value in publisher.items() if not facts[name]}
        if not row.wrong:
            series = known.get(cells.series_id) or Series(**facts)
            found[cells.key] = SourceSeries(source, cells.key, cells.delivered, cells.factor, series)
    reading.finish()
    return list(found.values())
