"""A task as CSV files, for whoever answers it with another tool: what is asked, and what was known."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

from forecast.catalog import Catalog, Observation
from forecast.catalog.csv_records import SeriesRow
from support.origins import Task


def write_task(folder: Path, task: Task, catalog: Catalog) -> None:
    """``origins.csv``, which ``orecast backtest --origins`` reads too, and ``series.csv`` and ``observations.csv`` in
    the bring-your-own format.

    An origin of a series sees the rows whose ``known_at`` is not after the end of the cutoff's period plus the series'
    ``release_lag_days``; of a period that has several, the last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = catalog.series()
    with (folder / "origins.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("series_id", "cutoff"))
        rows.writerows((name, cutoff) for name, cutoffs in task.origins.items() for cutoff in cutoffs)
    with (folder / "series.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(SeriesRow.model_fields)
        rows.writerows([getattr(known[name], column) for column in SeriesRow.model_fields] for name in task.origins)
    with (folder / "observations.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("series_id", "ds", "value", "flag", "known_at"))
        for name in task.origins:
            rows.writerows(
                (name, one.ds, repr(one.value), one.flag, one.known_at) for one in _vintages(catalog, name, task)
            )


def _vintages(catalog: Catalog, series_id: str, task: Task) -> list[Observation]:
    """What each origin sees of a series, and what is known now."""
    today = dt.datetime.now(dt.UTC).date()
    due = catalog.history(series_id, today).published(task.origins[series_id]).tolist()
    seen = {one for day in {today, *due} for one in catalog.observations(series_id, day)}
    return sorted(seen, key=lambda one: (one.ds, one.known))
