"""Take in a user's own series, observations and events: checked whole, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np

from forecast.catalog import Catalog, Counts
from forecast.catalog.csv_reader import Reading
from forecast.catalog.csv_records import Observation, read_events, read_observations, read_series
from forecast.timeseries.series import Series


def ingest(
    catalog: Catalog,
    observations: Path | None = None,
    series: Path | None = None,
    events: Path | None = None,
    *,
    known_at: datetime,
) -> Counts:
    """Read CSV files into the catalogue.

    ``known_at``: now (UTC). A row that says itself since when it is known is believed. Else the values of a series
    that had none count as known since the end of their periods plus the release lag, which is marked as assumed: a
    history that is taken in at once can be tested on. What comes to a series later is known since now, and an earlier
    value of its period is kept as the vintage before. What is there already changes nothing. Raises ``InvalidInput``
    with everything that is wrong in any of the files.
    """
    reading = Reading()
    known = catalog.series()
    new_series = read_series(series, known, reading) if series else []
    new_events = read_events(events, catalog.events(), reading) if events else []
    readable = new_series or not series  # without them every row of theirs would be reported as unknown
    known.update((one.series_id, one) for one in new_series)
    values = read_observations(observations, known, known_at, reading) if observations and readable else []
    reading.finish()
    begun = catalog.histories({one.series_id for one in values} & catalog.series().keys())
    values = [replace(o, known=known_at, assumed=False) if o.assumed and o.series_id in begun else o for o in values]
    counts = catalog.add(series=new_series, observations=values, events=new_events, known_at=known_at)
    return replace(counts, notes=(*counts.notes, *_understood(new_series, values)))


def _understood(series: Sequence[Series], values: Sequence[Observation]) -> Iterator[str]:
    """How the frequencies of new series were read, and series whose periods do not look like it."""
    if series:
        yield f"frequencies are read as {', '.join(sorted({one.freq for one in series}))}"
    days: dict[str, list[date]] = {one.series_id: [] for one in series}
    for value in values:
        if value.series_id in days:
            days[value.series_id].append(value.ds)
    for one in series:
        periods = np.unique(np.array(days[one.series_id], dtype="datetime64[D]"))
        if periods.size < 10:
            continue
        span = len(one.calendar.between(periods[0], periods[-1]))
        if one.freq == "D" and np.is_busday(periods).all():
            yield f"{one.series_id}: no value on a weekend; if that is so by nature, its frequency is B"
        elif 2 * periods.size < span:
            yield f"{one.series_id}: {periods.size} of {span} periods have a value; is {one.freq} its frequency?"
