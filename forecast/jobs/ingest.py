"""Take in a user's own series, observations and events: checked whole, written whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np

from forecast.answers.held import sentences
from forecast.catalog import Catalog, Counts
from forecast.catalog.csv_reader import Reading
from forecast.catalog.csv_records import Observation, read_events, read_observations, read_series
from forecast.events import Event, Events
from forecast.intake.gate import Gate
from forecast.intake.judgement import Judged
from forecast.jobs.event_notes import event_notes, finding_notes
from forecast.timeseries.series import Series

#: Facts of a series that change what is trained, or what it is trained on.
_FACTS = ("mineral", "flow", "reporter", "partner", "release_lag_days", "spot", "parent", "resolution")


def ingest(
    catalog: Catalog,
    observations: Path | None = None,
    series: Path | None = None,
    events: Path | None = None,
    *,
    known_at: datetime,
    gate: Gate | None = None,
) -> Counts:
    """Read CSV files into the catalogue.

    ``known_at``: now (UTC). A row that says itself since when it is known is believed. Else the values of a series
    that had none count as known since the end of their periods plus the release lag, which is marked as assumed: a
    history that is taken in at once can be tested on. What comes to a series later is known since now, and an earlier
    value of its period is kept as the vintage before. What is there already changes nothing. What is told of a retired
    series is kept, and the series stays retired. What the ``gate`` holds does not count unless somebody accepts it;
    without a gate no forecast is asked what it thought possible. Of new events the notes say which series they touch,
    and what is missing for a full answer; of one that replaces another, what changes. Raises ``InvalidInput`` with
    everything that is wrong in any of the files.
    """
    reading = Reading()
    known, observed = catalog.series(retired=True), catalog.observed()
    before = dict(known)
    new_series = read_series(series, known, reading, observed) if series else []
    told_before = catalog.events()
    new_events = _owned(read_events(events, told_before, reading, known_at.date()), told_before) if events else []
    readable = new_series or not series  # without them every row of theirs would be reported as unknown
    known.update((one.series_id, one) for one in new_series)
    values = read_observations(observations, known, known_at, reading) if observations and readable else []
    reading.finish()
    values = [replace(o, known=known_at, assumed=False) if o.assumed and o.series_id in observed else o for o in values]
    gate = gate or Gate(catalog, None, known_at)
    judged = _judged(gate, known, values, new_events)
    counts = catalog.add(
        series=new_series,
        observations=judged.passed,
        events=new_events,
        held=judged.held,
        accepted_by=gate.accepted_by,
        known_at=known_at,
    )
    touched_ids = {one.series_id for one in new_series} | {one.series_id for one in values}
    news = [event for event in new_events if told_before.get(event.event_id) != event]
    notes = (
        *(() if gate.accepted_by else sentences(judged.held)),
        *_put_right(before, new_series),
        *_still_retired(catalog, touched_ids),
        *_understood(new_series, values),
        *event_notes(catalog, news, told_before),
        *finding_notes(catalog.events(), news, known_at.date()),
    )
    return replace(counts, notes=(*counts.notes, *notes))


def _judged(gate: Gate, series: Mapping[str, Series], values: Sequence[Observation], events: Sequence[Event]) -> Judged:
    """What counts of all series, and what is held."""
    delivered: dict[str, list[Observation]] = {}
    for value in values:
        delivered.setdefault(value.series_id, []).append(value)
    judged = [gate.judge(series[series_id], rows, events) for series_id, rows in delivered.items()]
    return Judged(tuple(o for one in judged for o in one.passed), tuple(h for one in judged for h in one.held))


def _owned(events: Sequence[Event], before: Events) -> list[Event]:
    """Events that nobody knew are the user's own; one of the bundled data that is put right stays one of these."""
    return [replace(e, own=before[e.event_id].own if e.event_id in before else True) for e in events]


def _put_right(before: Mapping[str, Series], series: Sequence[Series]) -> Iterator[str]:
    """What changes for a series that was known, where it is more than prose."""
    for one in series:
        was = before.get(one.series_id)
        if was is None or was == one:
            continue
        changed = [name for name in _FACTS if getattr(was, name) != getattr(one, name)]
        if changed:
            yield f"{one.series_id}: {', '.join(changed)} changed; training is due (orecast retrain --due)"
        if was.is_target and not one.is_target:
            yield f"{one.series_id} is a comparison now: it is forecast no more, and its runs are kept"


def _still_retired(catalog: Catalog, touched_ids: Collection[str]) -> Iterator[str]:
    for series_id in sorted(catalog.retired().keys() & touched_ids):
        yield f"{series_id} is retired: what is told of it is kept, and it is not served"


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
