"""What one write changes: series, events and claims, within a transaction of the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from forecast.catalog import claims, event_changes, rows
from forecast.catalog.audit import AuditAction, AuditedChange
from forecast.catalog.claims import ClaimKind, Claims, News
from forecast.catalog.csv_records import Observation
from forecast.catalog.schema import OBSERVATIONS, SERIES, series_of, series_row
from forecast.errors import Fault, InvalidInput
from forecast.events import Event
from forecast.timeseries.series import Series


@dataclass(frozen=True)
class Counts:
    """What a write changed. ``observations``: of new periods; ``revised``: new vintages of known ones;
    ``replaced``: those of the ``events`` that were known by their id; ``refused``: rows that were left out, ``held``:
    those that wait until somebody accepts them."""

    series: int = 0
    observations: int = 0
    revised: int = 0
    events: int = 0
    replaced: int = 0
    unchanged: int = 0
    refused: int = 0
    held: int = 0
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> int:
        return self.series + self.observations + self.revised + self.events


class Writer:
    """Writes within one transaction, and counts what that changes. ``now``: the moment of writing (UTC);
    ``recorded``: changes in the same transaction that are none of series, observations and events; ``audited``: what
    the audit is to say of it all."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection, self._now = connection, now
        self.counts = Counts()
        self.recorded = 0
        self.audited: list[AuditedChange] = []
        self._observed: dict[str, Counter[str]] = {}

    def add(self, series: Sequence[Series], observations: Sequence[Observation], events: Sequence[Event]) -> None:
        """Raises ``NotFound`` for observations of a series that is nowhere, ``InvalidInput`` for what clashes."""
        known = rows.stored(self.connection, SERIES, series_of) | {one.series_id: one for one in series}
        for series_id in {one.series_id for one in observations}:
            rows.named(known, series_id)
        self.describe(series, events)
        told = Claims.of(observations)
        found = self.compare(told)
        if found.contradicted:
            raise InvalidInput(
                Fault(f"{one.series_id} {one.ds}", one.value, expected)
                for one, expected in ((told.observation(k), expected) for k, expected in found.contradicted.items())
            )
        self.observe(found)

    def describe(self, series: Sequence[Series], events: Sequence[Event]) -> None:
        """Write series, each in place of the one with its id, what is new of events, and the minerals that they name.

        Raises ``InvalidInput`` where the values of a series would get another meaning.
        """
        known = rows.stored(self.connection, SERIES, series_of)
        rows.check_series(self.connection, known, series)
        changed = rows.replace(self.connection, SERIES, known, {one.series_id: one for one in series}, series_row)
        named = {one.mineral for one in series} | {slug for event in events for slug in event.minerals}
        notes = rows.plant(self.connection, named - {""})
        self.audited += (change for one in series if (change := _described(known.get(one.series_id), one)))
        new, replaced = event_changes.take_in(self.connection, events, self._now) if events else ([], [])
        self.audited += [*new, *replaced]
        told = len(new) + len(replaced)
        self.count(
            series=changed,
            events=told,
            replaced=len(replaced),
            unchanged=len(series) + len(events) - changed - told,
        )
        self.counts = replace(self.counts, notes=(*self.counts.notes, *notes))

    def compare(self, told: Claims) -> News:
        """Claims beside what is stored of their series."""
        before = claims.stored(self.connection, told.ids, np.unique(told.series).tolist())
        return claims.news(before, told, self._now)

    def observe(self, news: News) -> None:
        """Write the claims that are new."""
        # Neither types nor parameters by name: of millions of rows most of the time would go there.
        marks = ", ".join(["?" if self.connection.dialect.paramstyle == "qmark" else "%s"] * len(OBSERVATIONS.c))
        columns = ", ".join(OBSERVATIONS.c.keys())
        for some in news.claims[news.new].table_rows():
            self.connection.exec_driver_sql(f"INSERT INTO {OBSERVATIONS.name} ({columns}) VALUES ({marks})", some)
        for kind, name in ((ClaimKind.ADDED, "added"), (ClaimKind.REVISED, "revised")):
            numbers, counts = np.unique(news.claims.series[news.kind == kind], return_counts=True)
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
                self._observed.setdefault(news.claims.ids[number], Counter())[name] += count
        kinds = np.bincount(news.kind, minlength=len(ClaimKind)).tolist()
        self.count(
            observations=kinds[ClaimKind.ADDED],
            revised=kinds[ClaimKind.REVISED],
            unchanged=kinds[ClaimKind.UNCHANGED],
            held=kinds[ClaimKind.HELD],
        )

    def finish(self) -> None:
        """Increment the edition of the catalogue if anything changed."""
        self.audited += (
            AuditedChange(AuditAction.OBSERVATIONS_ADD, series_id, {}, dict(counts))
            for series_id, counts in sorted(self._observed.items())
        )
        if self.counts.changed or self.counts.notes or self.recorded:
            rows.count_change(self.connection)

    def count(self, **more: int) -> None:
        """Add to the counts of these names."""
        self.counts = replace(self.counts, **{name: getattr(self.counts, name) + n for name, n in more.items()})


def _described(stored: Series | None, series: Series) -> AuditedChange | None:
    """What the audit says of a series that was written; nothing where it was there as it is."""
    now = asdict(series)
    if stored is None:
        return AuditedChange(AuditAction.SERIES_ADD, series.series_id, {}, {name: v for name, v in now.items() if v})
    was = asdict(stored)
    changed = [name for name in now if now[name] != was[name]]
    if not changed:
        return None
    before, after = ({name: facts[name] for name in changed} for facts in (was, now))
    return AuditedChange(AuditAction.SERIES_CHANGE, series.series_id, before, after)
