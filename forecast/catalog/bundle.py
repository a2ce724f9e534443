"""The bundled data as the catalogue takes it in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from forecast.catalog.csv_reader import Reading
from forecast.catalog.csv_records import Observation, read_events, read_minerals, read_observations, read_series
from forecast.events import Event
from forecast.timeseries.series import Series


@dataclass(frozen=True)
class Bundle:
    """Everything in a data folder, checked."""

    series: tuple[Series, ...]
    minerals: tuple[tuple[str, str, str], ...]
    events: tuple[Event, ...]
    observations: tuple[Observation, ...]


def digest(folder: Path) -> str:
    """Hex SHA-256 of the files of a data folder that the catalogue reads."""
    sha = hashlib.sha256()
    for path in _files(folder):
        sha.update(path.name.encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()


def read_bundle(folder: Path, now: datetime) -> Bundle:
    """Read a data folder as it is ``now``; raises ``InvalidInput`` with every fault in it."""
    reading = Reading()
    series = read_series(folder / "series.csv", {}, reading)
    minerals = read_minerals(folder / "minerals.csv", reading)
    events = read_events(folder / "events.csv", (), reading)
    by_id = {one.series_id: one for one in series}
    observations = [
        observation
        for path in sorted((folder / "observations").glob("*.csv"))
        for observation in read_observations(path, by_id, now, reading)
    ]
    reading.finish()
    return Bundle(tuple(series), tuple(minerals), tuple(events), tuple(observations))


def _files(folder: Path) -> list[Path]:
    named = [folder / f"{name}.csv" for name in ("series", "minerals", "events")]
    return [*named, *sorted((folder / "observations").glob("*.csv"))]
