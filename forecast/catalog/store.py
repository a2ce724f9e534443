"""The catalogue: reads as of a day, writes all or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import TypeVar

import numpy as np
from sqlalchemy import exists, select

from forecast import names
from forecast.catalog import audit, event_changes, retirements, rows, vintages
from forecast.catalog.csv_reader import items
from forecast.catalog.csv_records import Observation
from forecast.catalog.engine import WRITE_TIMEOUT, Database
from forecast.catalog.inbox import Settled, settle
from forecast.catalog.ledgers import Ledgers
from forecast.catalog.memory import Away, Memory
from forecast.catalog.quarantine import Held, HeldValue, record
from forecast.catalog.row_faults import check_event
from forecast.catalog.schema import OBSERVATIONS, SERIES, series_of
from forecast.catalog.seed import seed
from forecast.catalog.writer import Counts, Writer
from forecast.errors import NotFound, Unavailable, Unservable
from forecast.events import UNTRAINED, Event, EventChange, Events
from forecast.events.exposure import Minerals, exposure
from forecast.settings import Settings
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats, History, Series

_T = TypeVar("_T")


class _NotKept(Exception):
    """What was written is only to be looked at."""


class Catalog(Ledgers):
    """Series, vintages of observations, and events.

    Every read sees one state of the database and takes ``as_of``: a UTC day, meaning its end; ``None`` means all that
    is recorded. What was read is remembered until the catalogue changes, by whichever process.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database, audit.operator())
        self._glance = database.glance()
        #: How often an answer had to do without something, for the database was away: what is worked out while this
        #: grows is not worth keeping.
        self.lapses = 0

    @classmethod
    def open(cls, settings: Settings) -> Catalog:
        """Connect, bring the schema up to date, read the bundled data in unless that was done.

        Safe when several processes do it at once. Raises ``Misconfigured`` for a URL that leads to no database,
        ``Unavailable`` for a database that cannot be used now, and ``InvalidInput`` if the bundled data are faulty.
        """
        catalog = cls.opened(settings)
        try:
            catalog._database.migrate()
            seed(catalog._database, datetime.now(UTC))
        except BaseException:
            catalog.close()
            raise
        return catalog

    @classmethod
    def opened(cls, settings: Settings) -> Catalog:
        """A catalogue that another process has brought up to date; connects when it is first asked.

        Every method that reads or writes raises ``Unavailable`` while the database cannot be used.
        """
        return cls(Database(settings.database_url))

    def acting(self, by: str) -> Catalog:
        """This catalogue, with the same connections, in the hands of somebody: so the audit names who writes."""
        theirs = copy(self)
        theirs._by = by
        return theirs

    @contextmanager
    def transaction(self, wait: float = WRITE_TIMEOUT) -> Iterator[Catalog]:
        """This catalogue, of which all that is read and written in the block is one transaction, alone and all or
        nothing. Raises ``Locked`` where another writer is at work for longer than ``wait`` seconds.
        """
        with self._database.transaction(wait) as database:
            inside = copy(self)
            inside._database, inside._memory = database, Memory(database)
            yield inside

    def close(self) -> None:
        """Let go of the connections."""
        self._glance.close()
        self._database.close()

    def outlast(self) -> None:
        """Answer from what was last read while the database is away, as ``away`` then says; nothing is written so."""
        self._memory.outlasts = True

    @property
    def away(self) -> Away | None:
        """Since when the database is away, and why; None while it is not, or not outlasted."""
        return self._memory.away

    def held(self) -> dict[str, tuple[HeldValue, ...]]:
        """The values that are held back, by series."""
        return self._memory.facts().held

    def series(self, *, retired: bool = False) -> dict[str, Series]:
        """All series by id, in order of id; those that were retired only where they are asked for too."""
        now = self._memory.facts()
        if not retired:
            return dict(now.series)
        return dict(sorted({**now.series, **{name: one for name, (one, _) in now.retired.items()}}.items()))

    def targets(self) -> list[str]:
        """The series that are forecast, in order of id: all targets whose id is none that today's rule refuses."""
        return [name for name, one in self.series().items() if one.is_target and not names.unservable(name)]

    def evidence(self) -> list[str]:
        """The series that only tell what events did, in order of id, as ``targets`` has those that are forecast."""
        return [name for name, one in self.series().items() if one.tells_events_only and not names.unservable(name)]

    def unservable(self) -> dict[str, str]:
        """The series that can have no run, for an older version took their ids in, and why."""
        return {name: str(Unservable(name, rule)) for name in self.series() if (rule := names.unservable(name))}

    def retired(self) -> dict[str, datetime]:
        """The series that were retired, and since when (UTC)."""
        return {name: since for name, (_, since) in self._memory.facts().retired.items()}

    def facts(self) -> tuple[int, dict[str, Series], dict[str, datetime]]:
        """The edition, the series that are not retired, and those that are and since when: one state, one question."""
        now = self._memory.facts()
        return now.number, dict(now.series), {name: since for name, (_, since) in now.retired.items()}

    def get(self, series_id: str) -> Series:
        """One series. Raises ``NotFound``, and ``Retired`` for one that was."""
        return self._memory.facts().get(series_id)

    def minerals(self) -> Minerals:
        """The tree of minerals."""
        return self._memory.facts().minerals

    def history(self, series_id: str, as_of: date | None = None) -> History:
        """What was known of one series at the end of a day, or at a moment (UTC).

        Raises ``NotFound``, and ``TooShort`` when nothing was.
        """
        series = self.get(series_id)
        found = self._memory.vintages([series_id]).get(series_id)
        return (found or vintages.Vintages.of(())).history(series, as_of)

    def remember(self, series_ids: Iterable[str]) -> None:
        """Read the values of these series in one query, so that what asks for one after another need not."""
        self._memory.vintages(series_ids)

    def as_known(self, series_id: str, days: Iterable[date]) -> list[History | None]:
        """What was known of one series at the end of each of these days, None where nothing was; from one state."""
        series = self.get(series_id)
        found = self._memory.vintages([series_id]).get(series_id)
        return [
            found.history(series, day) if found is not None and found.standing(day)[1].size else None for day in days
        ]

    def histories(self, series_ids: Iterable[str] | None = None, as_of: date | None = None) -> dict[str, History]:
        """What was known of many series (by default all), those that have no observation or were retired left out."""
        now = self._memory.facts()
        series = now.series
        # One may be retired while others are trained: it teaches them nothing more, and is no fault of theirs.
        asked = series if series_ids is None else [name for name in series_ids if name not in now.retired]
        ids = [rows.named(series, name).series_id for name in asked]
        found = {}
        for series_id, of_series in self._memory.vintages(ids).items():
            if of_series.has_value(as_of):
                found[series_id] = of_series.history(series[series_id], as_of)
        return found

    def observations(
        self, series_id: str, as_of: date | None = None, start: date | None = None, end: date | None = None
    ) -> list[Observation]:
        """The values of the periods that start from ``start`` to ``end``, each in the last vintage known."""
        self.get(series_id)
        found, faults = self._database.read(lambda connection: vintages.read(connection, series_id, as_of, start, end))
        if faults:
            self._memory.facts().note(faults)
        return found

    def standing(self, series_id: str) -> tuple[Days, Floats]:
        """The periods that have a value now, in order, and these values; none of a series that is not there."""
        found = self._memory.vintages([series_id]).get(series_id) or vintages.Vintages.of(())
        _, last = found.standing(None)
        return found.ds[last], found.value[last]

    def published_to(self, series_id: str, as_of: date) -> np.datetime64 | None:
        """The last period of which a value stood at the end of ``as_of``; None where none did.

        None also where that cannot be known while the database is away, which ``lapses`` counts.
        """
        try:
            found = self._memory.vintages([series_id]).get(series_id) or vintages.Vintages.of(())
        except Unavailable:
            if self.away is None:
                raise
            self.lapses += 1
            return None
        _, last = found.standing(as_of)
        return found.ds[last[-1]] if last.size else None

    def periods(self, series_id: str) -> list[date]:
        """The periods of which a series ever had a value, withdrawn or not, in order."""
        self.get(series_id)
        found = self._memory.vintages([series_id]).get(series_id)
        days: list[date] = [] if found is None else np.unique(found.ds).tolist()
        return days

    def observed(self) -> set[str]:
        """The ids of all series that ever had a value, retired ones included."""
        with self._database.reading() as connection:
            # of each series its first row: all of them may be millions
            has_some = exists().where(OBSERVATIONS.c.series_id == SERIES.c.series_id)
            return set(connection.execute(select(SERIES.c.series_id).where(has_some)).scalars())

    def events(self, as_of: date | None = None) -> Events:
        """The events as they were known at the end of a day."""
        events = self._memory.facts().events
        return events if as_of is None else events.known_on(as_of)

    def events_known_to(self, as_of: date | None = None) -> date:
        """The last day, up to ``as_of``, of which the catalogue tells anything of events; ``date.min`` if of none."""
        return self._memory.facts().events.known_to(as_of)

    def known_on(self, series_ids: Iterable[str], as_of: date | None = None) -> date:
        """The day on which the newest value of these series, of those known at the end of ``as_of``, became known.

        ``date.min`` where nothing was.
        """
        return max((one.newest(as_of) for one in self._memory.vintages(series_ids).values()), default=date.min)

    def edition(self) -> int:
        """A number that grows whenever the catalogue changes, by whichever process."""
        return self._memory.facts().number

    def mark(self) -> Hashable:
        """What is another as soon as the catalogue has changed, found in microseconds; one of this process only.

        Raises ``Unavailable`` where that cannot be known at once, also while answers are from what was known.
        """
        if (away := self.away) is not None:
            raise Unavailable(self._database.shown, away.why)
        return self._glance.mark()

    def fingerprint(self, series_id: str, as_of: date | None = None) -> str:
        """Hex digest of what a forecast of a series rests on: its observations and those of its companion, since when
        they were out, and the events that touch it."""
        history, minerals = self.history(series_id, as_of), self.minerals()
        companions = self.histories([history.series.spot], as_of) if history.series.spot else {}
        sha = hashlib.sha256()
        for one in (history, *companions.values()):
            sha.update(json.dumps(asdict(one.series), sort_keys=True).encode())
            for array in (one.ds, one.y, one.published(one.ds)):
                sha.update(array.tobytes())
            sha.update("\n".join(one.flag.tolist()).encode())
        for event in self.events(as_of).values():
            if exposure(event, history.series, minerals) > 0:
                facts = {name: value for name, value in asdict(event).items() if name not in UNTRAINED}
                sha.update(json.dumps(facts, sort_keys=True, default=str).encode())
        return sha.hexdigest()

    def add(
        self,
        *,
        series: Iterable[Series] = (),
        observations: Iterable[Observation] = (),
        events: Iterable[Event] = (),
        held: Sequence[Held] = (),
        accepted_by: str = "",
        known_at: datetime,
    ) -> Counts:
        """Write all of it or nothing; what is there already changes nothing.

        Series are replaced by id; observations are added as vintages, and of events that are there the facts that
        differ as changes that are known from now on: neither is ever replaced. ``held``: values that do not count, or
        that count as ``accepted_by`` says so. ``known_at``: the moment of writing. Raises ``NotFound`` for observations
        of an unknown series, ``InvalidInput`` where the values of a series would get another meaning, or a recorded
        moment a second value. What is retired stays retired.
        """
        with self.writing(known_at) as writer:
            values = [*observations, *(one.observation for one in held if accepted_by)]
            writer.add(list(series), values, list(events))
            record(writer, values, held, known_at, accepted_by)
        return writer.counts if accepted_by else replace(writer.counts, held=len(held))

    @contextmanager
    def writing(self, now: datetime, *, keep: bool = True) -> Iterator[Writer]:
        """A transaction that is written whole, or not at all where it raises or is not to be kept."""
        with suppress(_NotKept), self._database.writing() as connection:
            writer = Writer(connection, now)
            yield writer
            if not keep:
                raise _NotKept
            writer.finish()
            audit.write(connection, self._by, now, writer.audited)

    def event_history(self, event_id: str) -> tuple[Event, list[EventChange]]:
        """An event as it was taken in, and every change of it in order of writing. Raises ``NotFound``."""
        check_event(self.row_faults, event_id)
        events, changes = self._database.read(event_changes.recorded)
        if event_id not in events:
            raise NotFound("event", event_id, events)
        return events[event_id], changes.get(event_id, [])

    def change_event(self, change: EventChange, settled: Settled | None = None) -> tuple[str, ...]:
        """Record a change of an event, which counts from ``change.known`` on; what is to be said of it.

        ``settled``: the candidate that it comes of, in the same transaction. Raises ``NotFound``, and as ``settle``.
        """
        with self._database.writing() as connection:
            told = event_changes.add(connection, change)
            audit.write(connection, change.by, change.recorded, [told])
            if settled is not None:
                settle(connection, settled)
            notes = rows.plant(connection, items(str(change.facts.get("minerals", ""))))
            rows.count_change(connection)
        return notes

    def withdraw(self, periods: Mapping[str, Iterable[date]], *, now: datetime) -> tuple[int, int]:
        """Let the values of these periods, by series, be known no more from ``now`` on; before, they stay known.

        How many were withdrawn, and how many had been before. All or nothing: raises ``NotFound``, ``Retired``, and
        ``InvalidInput`` for a period that never had a value.
        """
        for series_id in periods:
            self.get(series_id)
        with self._database.writing() as connection:
            changes, before = vintages.withdraw(connection, periods, now)
            if changes:
                rows.count_change(connection)
                audit.write(connection, self._by, now, changes)
            return sum(len(change.before) for change in changes), before

    def retire(self, series_id: str, *, now: datetime) -> datetime:
        """Serve, train and list a series no longer, nor let it teach others; all of it is kept. Since when (UTC) it is.

        Raises ``NotFound``.
        """
        with self._database.writing() as connection:
            rows.named(rows.stored(connection, SERIES, series_of), series_id)
            since = retirements.load(connection)
            if series_id not in since:
                retirements.add(connection, series_id, True, now, self._by)
                rows.count_change(connection)
            return since.get(series_id, now)

    def bring_back(self, series_id: str, *, now: datetime) -> None:
        """Undo that a series was retired. Raises ``NotFound`` for one that is not."""
        with self._database.writing() as connection:
            since = retirements.load(connection)
            if series_id not in since:
                raise NotFound("retired series", series_id, since)
            retirements.add(connection, series_id, False, now, self._by)
            rows.count_change(connection)
