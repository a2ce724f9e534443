"""Take values back: from a moment on they are known no more, and what was known before stays as it was."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from forecast.catalog import Catalog
from forecast.catalog.csv_reader import FirstDay, Reading, Row, read_rows
from forecast.errors import Fault, InvalidInput, known_name

Periods = dict[str, list[date]]


class PeriodRow(Row):
    """A period of a series, by its first day."""

    series_id: str
    ds: FirstDay


def between(catalog: Catalog, series_id: str, first: date | None, last: date | None) -> Periods:
    """The periods of a series that start from ``first`` to ``last`` and have had a value.

    Raises ``NotFound``, ``Retired``, and ``InvalidInput`` where there are none.
    """
    known = catalog.periods(series_id)
    chosen = [ds for ds in known if (first is None or ds >= first) and (last is None or ds <= last)]
    if not chosen:
        has = f"{series_id} has values from {known[0]} to {known[-1]}" if known else f"{series_id} has no value"
        asked = f"{first or 'the first'} to {last or 'the last'}"
        raise InvalidInput(Fault("periods", asked, f"days between which a period starts that has a value; {has}"))
    return {series_id: chosen}


def read(path: Path, catalog: Catalog) -> Periods:
    """The periods of a CSV file with columns ``series_id`` and ``ds`` (or ``period``), the first day of each.

    Raises ``InvalidInput`` with every row that names no value.
    """
    reading, series = Reading(), catalog.series()
    found: Periods = {}
    known: dict[str, set[date]] = {}
    for row, cells in read_rows(path, PeriodRow, reading, {"period": "ds"}):
        name = cells.series_id
        if name not in series:
            reading.note(row, "series_id", known_name("series", name, series))
            continue
        if name not in known:
            known[name] = set(catalog.periods(name))
        if not row.wrong and cells.ds not in known[name]:
            reading.note(row, "ds", f"the first day of a period of which {name} has had a value")
        found.setdefault(name, []).append(cells.ds)
    reading.finish()
    return found
