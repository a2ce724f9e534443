"""Take in a user's own series, observations and events: checked whole, written whole or not at all.

Observations stream: they are checked in batches, wait on disk in order of series and period, and are compared with what
is stored and written a part at a time, all in one transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from forecast.catalog import Catalog, Counts, Observation
from forecast.catalog.csv_reader import MOST_FAULTS, Reading
from forecast.catalog.csv_records import read_series
from forecast.catalog.writer import Writer
from forecast.errors import Fault, InvalidInput
from forecast.events import Event, Events
from forecast.intake.gate import Gate
from forecast.intake.layout import Hints, Limits, Understood
from forecast.jobs.delivery import Delivery
from forecast.jobs.event_notes import event_notes, finding_notes
from forecast.jobs.listed_events import ListedEvents, read_listed
from forecast.timeseries.series import Series

#: Facts of a series that change what is trained, or what it is trained on.
_FACTS = ("mineral", "flow", "reporter", "partner", "release_lag_days", "spot", "parent", "resolution")


@dataclass(frozen=True)
class IngestOptions:
    """How files are taken in. ``hints``: what the user says of the file of observations; ``faults``: how many are
    spelled out; ``quarantine``: a file for the rows that are refused, the others being taken in; ``gate``: judges what
    is new before it counts, without one no forecast is asked what it thought possible; ``source``: who delivers, where
    a row does not say."""

    hints: Hints = field(default_factory=Hints)
    limits: Limits = field(default_factory=Limits)
    faults: int = MOST_FAULTS
    quarantine: Path | None = None
    gate: Gate | None = None
    source: str = ""


@dataclass(frozen=True)
class Preview:
    """What would come in, nothing of which was written.

    ``understood``: how the file of observations was read, ``first``: its first rows; ``faults``: what is wrong in the
    files, the first of them.
    """

    counts: Counts
    understood: Understood | None = None
    first: tuple[Observation, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class _Files:
    """What was read of the files of a request on a ``day`` (UTC), and what was known before."""

    before: Mapping[str, Series]
    told_before: Events
    series: Sequence[Series]
    listed: ListedEvents
    day: date

    @property
    def events(self) -> Sequence[Event]:
        """Those that may be new, or tell something new."""
        return self.listed.news

    def describe(self, writer: Writer) -> None:
        """Write what is new of series and events."""
        writer.describe(self.series, self.events)
        writer.count(unchanged=self.listed.unchanged)


def ingest(
    catalog: Catalog,
    observations: Path | None = None,
    series: Path | None = None,
    events: Path | None = None,
    *,
    known_at: datetime,
    options: IngestOptions | None = None,
) -> Counts:
    """Read files into the catalogue.

    ``known_at``: now (UTC). A row that says itself since when it is known is believed. Else the values of a series
    that had none count as known since the end of their periods plus the release lag, which is marked as assumed: a
    history that is taken in at once can be tested on. What comes to a series later is known since now, and an earlier
    value of its period is kept as the vintage before. What is there already changes nothing. What is told of a retired
    series is kept, and the series stays retired. What the gate holds does not count unless somebody accepts it. Of new
    events the notes say which series they touch, and what is missing for a full answer; of one that replaces another,
    what changes. Raises ``InvalidInput`` with everything that is wrong in any of the files; only with a ``quarantine``
    are rows of observations left out instead.
    """
    options, reading = options or IngestOptions(), Reading()
    files = _read(catalog, series, events, known_at, reading)
    if observations is None or (series and not files.series):
        # without the series of an unreadable file every row of theirs would be reported as unknown
        reading.finish()
        with catalog.writing(known_at) as writer:
            files.describe(writer)
        return _with_notes(catalog, writer.counts, files, ())
    try:
        opened = Delivery(catalog, observations, files.series, files.events, known_at, options)
    except InvalidInput as error:
        reading.fail(error)
    with opened as delivery:
        delivery.read()
        if reading.faults or (delivery.refusals.rows and options.quarantine is None):
            delivery.finish()
            reading.take(delivery.faults, delivery.more)
            reading.finish(options.faults)
        with catalog.writing(known_at) as writer:
            files.describe(writer)
            delivery.write(writer)
            if options.quarantine is None:
                reading.take(delivery.faults, delivery.more)
                reading.finish(options.faults)
            delivery.publish()
    return _with_notes(catalog, writer.counts, files, delivery.notes, delivery.touched)


def preview(
    catalog: Catalog,
    observations: Path | None = None,
    series: Path | None = None,
    events: Path | None = None,
    *,
    known_at: datetime,
    options: IngestOptions | None = None,
) -> Preview:
    """What ``ingest`` would do with these files, and how it reads them; nothing is written.

    What is refused is told and counted, and the rest of it is compared with what is there. Raises ``InvalidInput``
    where a file cannot be read at all.
    """
    options, reading = options or IngestOptions(), Reading()
    files = _read(catalog, series, events, known_at, reading)
    if reading.faults or observations is None:
        with catalog.writing(known_at, keep=False) as writer:
            if not reading.faults:
                files.describe(writer)
        return Preview(writer.counts, faults=tuple(reading.faults[: options.faults]))
    options = replace(options, quarantine=None)
    with Delivery(catalog, observations, files.series, files.events, known_at, options) as delivery:
        delivery.read()
        with catalog.writing(known_at, keep=False) as writer:
            files.describe(writer)
            delivery.write(writer)
        return Preview(
            replace(writer.counts, notes=(*writer.counts.notes, *delivery.notes)),
            delivery.table.understood,
            delivery.first,
            tuple(delivery.faults[: options.faults]),
        )


def _read(catalog: Catalog, series: Path | None, events: Path | None, now: datetime, reading: Reading) -> _Files:
    known, told_before = catalog.series(retired=True), catalog.events()
    new_series = read_series(series, known, reading, catalog.observed()) if series else []
    day = now.astimezone(UTC).date()
    listed = read_listed(catalog, events, told_before, reading, day) if events else ListedEvents()
    return _Files(known, told_before, new_series, listed, day)


def _with_notes(
    catalog: Catalog, counts: Counts, files: _Files, notes: Iterable[str], touched: Collection[str] = ()
) -> Counts:
    news = [event for event in files.events if files.told_before.get(event.event_id) != event]
    frequencies = sorted({one.freq for one in files.series})
    every = (
        *counts.notes,
        *_put_right(files.before, files.series),
        *_still_retired(catalog, {*touched, *(one.series_id for one in files.series)}),
        *([f"frequencies are read as {', '.join(frequencies)}"] if frequencies else ()),
        *notes,
        *event_notes(catalog, news, files.told_before),
        *finding_notes(catalog.events(), news, files.day),
    )
    return replace(counts, notes=every)


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
            yield f"{one.series_id} is {one.what} now: it is forecast no more, and its runs are kept"


def _still_retired(catalog: Catalog, touched_ids: Collection[str]) -> Iterator[str]:
    for series_id in sorted(catalog.retired().keys() & touched_ids):
        yield f"{series_id} is retired: what is told of it is kept, and it is not served"
