"""What was last read of the catalogue: it holds until the catalogue changes, and while its database is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, select

from forecast.catalog import duty_records, event_changes, retirements, rows, vintages
from forecast.catalog.engine import Database
from forecast.catalog.quarantine import HeldValue, load
from forecast.catalog.row_faults import RowFault
from forecast.catalog.schema import CHANGES, MINERALS, SERIES, series_of
from forecast.errors import Retired, Unavailable
from forecast.events import Events
from forecast.events.exposure import Minerals
from forecast.settings import data_dir
from forecast.timeseries.series import Series

_T = TypeVar("_T")

#: Seconds for which a database that was found away is not asked again; then one thread asks.
RESTS = 1.0


@dataclass
class Facts:
    """One state of the catalogue but for observations, of which ``vintages`` holds what was asked for; ``series``:
    those that are not ``retired``; ``held``: the values that do not count, by series; ``faults``: the rows that cannot
    be so, by table and key.
    """

    number: int
    series: dict[str, Series]
    retired: dict[str, tuple[Series, datetime]]
    minerals: Minerals
    events: Events
    held: dict[str, tuple[HeldValue, ...]]
    faults: dict[tuple[str, str], RowFault] = field(default_factory=dict)
    vintages: dict[str, vintages.Vintages | None] = field(default_factory=dict)

    def note(self, faults: Iterable[RowFault]) -> None:
        self.faults.update({(fault.table, fault.key): fault for fault in faults})

    def get(self, series_id: str) -> Series:
        if fault := self.faults.get((SERIES.name, series_id)):
            raise fault.error
        if series_id in self.retired:
            raise Retired(series_id, self.retired[series_id][1])
        return rows.named(self.series, series_id)


@dataclass(frozen=True)
class Away:
    """A database that cannot be used: since when (UTC) that is known, and why."""

    since: datetime
    why: str


class Memory:
    """The facts of one database, shared by threads.

    ``outlasts``: while the database is away the last facts are told, and ``away`` says so; else whoever asks gets
    ``Unavailable``.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._facts: Facts | None = None
        self._asks_again = 0.0
        self._asking = threading.Lock()
        self.outlasts = False
        self.away: Away | None = None

    @property
    def noted(self) -> tuple[RowFault, ...]:
        """The rows that cannot be so, of those that were read."""
        return () if self._facts is None else tuple(self._facts.faults.values())

    def facts(self) -> Facts:
        """What is remembered, if it still holds; else read anew."""
        try:
            return self.ask(self._read)
        except Unavailable:
            if self.away is None or (known := self._facts) is None:
                raise
            return known

    def vintages(self, series_ids: Iterable[str]) -> dict[str, vintages.Vintages]:
        """The vintages of these series, those that are not remembered in one query.

        Raises ``Unavailable`` for those that are not remembered while the database is away.
        """
        ids = list(series_ids)

        def read(connection: Connection) -> dict[str, vintages.Vintages | None]:
            found = self._read(connection).vintages
            if missing := [series_id for series_id in ids if series_id not in found]:
                faults: list[RowFault] = []
                loaded = vintages.load(connection, missing, faults)
                self._read(connection).note(faults)
                found.update({series_id: loaded.get(series_id) for series_id in missing})
            return found

        try:
            found = self.ask(read)
        except Unavailable:
            if self.away is None or (known := self._facts) is None or not known.vintages.keys() >= set(ids):
                raise
            found = known.vintages
        return {series_id: one for series_id in ids if (one := found[series_id]) is not None}

    def ask(self, question: Callable[[Connection], _T]) -> _T:
        """The answer of the database; one that was found away is asked now and then, and by one thread only.

        Raises ``Unavailable``.
        """
        away = self.away
        if away is None:
            return self._answer(question)
        if time.monotonic() < self._asks_again or not self._asking.acquire(blocking=False):
            raise Unavailable(self._database.shown, away.why)
        try:
            return self._answer(question)
        finally:
            self._asking.release()

    def _answer(self, question: Callable[[Connection], _T]) -> _T:
        try:
            found = self._database.read(question)
        except Unavailable as error:
            self._asks_again = time.monotonic() + RESTS
            if self.outlasts and self._facts is not None and self.away is None:
                self.away = Away(datetime.now(UTC), error.why)
            raise
        self.away = None
        return found

    def _read(self, connection: Connection) -> Facts:
        number: int = connection.execute(select(CHANGES.c.number)).scalar_one()
        facts = self._facts
        if facts is None or facts.number != number:
            tree = connection.execute(select(MINERALS.c.mineral, MINERALS.c.parent, MINERALS.c.kind)).all()
            faults: list[RowFault] = []
            series = sorted(rows.stored(connection, SERIES, series_of, faults).items())
            since = retirements.load(connection, faults)
            held: dict[str, list[HeldValue]] = {}
            for one in load(connection, None, settled=False, faults=faults):
                held.setdefault(one.held.observation.series_id, []).append(one)
            facts = Facts(
                number,
                {name: one for name, one in series if name not in since},
                {name: (one, since[name]) for name, one in series if name in since},
                Minerals.from_rows((mineral, parent, kind) for mineral, parent, kind in tree),
                event_changes.load(connection, duty_records.duty_lines(data_dir()), faults),
                {name: tuple(some) for name, some in held.items()},
            )
            facts.note(faults)
            self._facts = facts
        return facts
