"""The bundled series, and those of more folders in the bring-your-own format, read straight from their files."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forecast.catalog import Catalog
from forecast.catalog.csv_reader import Reading
from forecast.catalog.csv_records import Observation, read_events, read_minerals, read_observations, read_series
from forecast.events import Events
from forecast.events.exposure import Minerals
from forecast.intake.gate import Gate
from forecast.jobs.ingest import IngestOptions, ingest
from forecast.settings import Settings, data_dir
from forecast.timeseries.series import History, Series


@dataclass(frozen=True)
class Panel:
    """Histories by id, the events, and the tree of minerals."""

    histories: dict[str, History]
    events: Events
    minerals: Minerals


def monthly_targets(panel: Panel, least: int) -> list[History]:
    """The monthly targets with at least so many values: what a panel of methods is compared on."""
    every = panel.histories.values()
    return [h for h in every if h.series.is_target and h.series.freq == "M" and h.used.sum() >= least]


def read_panel(extra: Sequence[Path] = ()) -> Panel:
    """The bundled data and each folder of ``extra`` (``series.csv``, ``observations.csv``). Raises ``InvalidInput``."""
    reading, now = Reading(), dt.datetime.now(dt.UTC)
    bundled = data_dir()
    series = {one.series_id: one for one in read_series(bundled / "series.csv", {}, reading)}
    observations = [
        o
        for path in sorted((bundled / "observations").glob("*.csv"))
        for o in read_observations(path, series, now, reading)
    ]
    for folder in extra:
        more = {one.series_id: one for one in read_series(folder / "series.csv", series, reading)}
        observations += read_observations(folder / "observations.csv", more, now, reading)
        series |= more
    events = Events(read_events(bundled / "events.csv", (), reading))
    minerals = Minerals.from_rows(read_minerals(bundled / "minerals.csv", reading))
    reading.finish()
    by_series: dict[str, list[Observation]] = {}
    for observation in observations:
        by_series.setdefault(observation.series_id, []).append(observation)
    return Panel({name: _history(series[name], rows) for name, rows in sorted(by_series.items())}, events, minerals)


@contextmanager
def catalogue(extra: Sequence[Path] = ()) -> Iterator[tuple[Catalog, Settings]]:
    """A catalogue of its own, in a folder that goes away, with the same series as ``read_panel``."""
    with tempfile.TemporaryDirectory() as home:
        own = {"ORECAST_HOME": home, "ORECAST_DATABASE_URL": "", "ORECAST_MODELS_DIR": ""}
        settings = Settings.from_env({**os.environ, **own})
        catalog = Catalog.open(settings)
        try:
            now = dt.datetime.now(dt.UTC)
            # all of it, as ``read_panel`` has it
            options = IngestOptions(gate=Gate(catalog, None, now, accepted_by="benchmark"))
            for folder in extra:
                ingest(catalog, folder / "observations.csv", folder / "series.csv", known_at=now, options=options)
            yield catalog, settings
        finally:
            catalog.close()


def _history(series: Series, rows: Sequence[Observation]) -> History:
    freq = series.calendar
    at = np.array([int(freq.ordinal(row.ds)) for row in rows])
    ds = np.asarray(freq.start(np.arange(at.min(), at.max() + 1)))
    y, flag = np.full(len(ds), np.nan), np.full(len(ds), "", dtype="U20")
    y[at - at.min()] = [row.value for row in rows]
    flag[at - at.min()] = [row.flag for row in rows]
    return History(series, ds, y, flag)
