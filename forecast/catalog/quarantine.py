"""Held values: what was delivered of a series and does not count, why, and what became of it; no row is deleted."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from sqlalchemy import Connection, Row, insert, select, update

from forecast.catalog import audit, rows
from forecast.catalog.audit import AuditAction, AuditedChange
from forecast.catalog.claims import Claims
from forecast.catalog.csv_records import Observation
from forecast.catalog.engine import Database
from forecast.catalog.row_faults import RowFault, sound_rows, word
from forecast.catalog.schema import HELD_VALUES, OBSERVATIONS, stored_moment
from forecast.catalog.writer import Writer
from forecast.errors import Fault, InvalidInput

#: Two values of a period are the same from so near on, on the log: sources round differently.
SAME_VALUE = 0.005


class Reason(StrEnum):
    """Why a value is held. One that is only of an unusual size is let in once another value confirms it."""

    EARLY = "early"  # its period is not over
    YEAR = "year"  # of a year before statistics
    UNIT = "unit"  # its row says another unit
    SLIP = "slip"  # a unit slip by its size, which no event explains
    SIZE = "size"  # far outside what was thought possible


class Settlement(StrEnum):
    """What became of a held value."""

    ACCEPTED = "accepted"  # somebody let it in
    DISCARDED = "discarded"  # somebody said that it is wrong
    CONFIRMED = "confirmed"  # a later value or another source confirmed it
    SUPERSEDED = "superseded"  # another value of its period came and passed


_CHECKS = {"reason": word(Reason), "outcome": word(Settlement)}


@dataclass(frozen=True)
class Held:
    """A value that does not count, and why in a sentence; ``source``: who delivered it, where that was said."""

    observation: Observation
    reason: Reason
    why: str
    source: str = ""

    @property
    def claim(self) -> tuple[object, ...]:
        """What is the same when the same is delivered again."""
        one = self.observation
        return one.series_id, one.ds, one.value, one.flag, self.source


@dataclass(frozen=True)
class HeldValue:
    """A held value on record: since when (UTC) it is held, and what became of it, when and by whom (a name)."""

    number: int
    held: Held
    since: datetime
    outcome: Settlement | None = None
    settled: datetime | None = None
    by: str = ""


class Quarantine:
    """The held values of one catalogue; reads and writes as the catalogue does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def values(self, series_id: str | None = None, *, settled: bool = False) -> list[HeldValue]:
        """What is held, of one series or all, by series and period; ``settled``: also what no longer is."""
        return self._database.read(lambda connection: list(load(connection, series_id, settled)))

    def accept(self, series_id: str, periods: Collection[date] | None, *, by: str, now: datetime) -> list[HeldValue]:
        """Let in what is held of these periods, or of all; of several values of a period the last one delivered.

        A value counts since the moment that was claimed for it, or from ``now`` where its period has had another value
        since. Raises ``InvalidInput`` for a period of which nothing is held.
        """
        with self._database.writing() as connection:
            chosen = _chosen(connection, series_id, periods)
            last = {one.held.observation.ds: one for one in chosen}
            latest = _latest(connection, series_id)
            wanted = [_dated(one.held.observation, latest, now) for one in last.values()]
            writer = Writer(connection, now)
            writer.observe(writer.compare(Claims.of(wanted)))
            accepted = {one.number for one in last.values()}
            _close(connection, accepted, Settlement.ACCEPTED, by, now)
            _close(connection, {one.number for one in chosen} - accepted, Settlement.SUPERSEDED, by, now)
            audit.write(connection, by, now, _settled((one.held for one in last.values()), Settlement.ACCEPTED))
            rows.count_change(connection)
            return list(last.values())

    def discard(self, series_id: str, periods: Collection[date] | None, *, by: str, now: datetime) -> list[HeldValue]:
        """Say of what is held of these periods, or of all, that it is wrong.

        Raises ``InvalidInput`` for a period of which nothing is held.
        """
        with self._database.writing() as connection:
            chosen = _chosen(connection, series_id, periods)
            _close(connection, {one.number for one in chosen}, Settlement.DISCARDED, by, now)
            audit.write(connection, by, now, _settled((one.held for one in chosen), Settlement.DISCARDED))
            rows.count_change(connection)
            return chosen


def record(
    writer: Writer, passed: Iterable[Observation], held: Sequence[Held], now: datetime, accepted_by: str = ""
) -> None:
    """Hold what is new of ``held``, and settle what was held of periods of which something ``passed``.

    ``accepted_by``: who lets in what would have been held. The same claim is held once, and one that was discarded is
    not held again.
    """
    connection = writer.connection
    ids = {one.series_id for one in passed} | {one.observation.series_id for one in held}
    only = next(iter(ids)) if len(ids) == 1 else None
    before = [one for one in load(connection, only, settled=True) if one.held.observation.series_id in ids]
    open_rows = [one for one in before if one.outcome is None]
    by_period: dict[tuple[str, date], list[float]] = {}
    for one in passed:
        by_period.setdefault((one.series_id, one.ds), []).append(one.value)
    same: set[int] = set()
    other: set[int] = set()
    for row in open_rows:
        claim = row.held.observation
        if values := by_period.get((claim.series_id, claim.ds)):
            (same if any(same_value(claim.value, value) for value in values) else other).add(row.number)
    agreed = Settlement.ACCEPTED if accepted_by else Settlement.CONFIRMED
    _close(connection, same, agreed, accepted_by, now)
    _close(connection, other, Settlement.SUPERSEDED, accepted_by, now)
    done = (None,) if accepted_by else (None, Settlement.DISCARDED)
    known = {one.held.claim for one in before if one.outcome in done}
    new = list({one.claim: one for one in held if one.claim not in known}.values())
    if new:
        outcome = Settlement.ACCEPTED if accepted_by else None
        connection.execute(
            insert(HELD_VALUES), [_row(HeldValue(0, one, now, outcome, now, accepted_by)) for one in new]
        )
    writer.recorded += len(same) + len(other) + len(new)
    writer.audited += [
        *(_settled(new, Settlement.ACCEPTED) if accepted_by else _held(new)),
        *_settled((one.held for one in open_rows if one.number in same), agreed),
        *_settled((one.held for one in open_rows if one.number in other), Settlement.SUPERSEDED),
    ]


def _held(some: Iterable[Held]) -> Iterator[AuditedChange]:
    for series_id, values in _values(some).items():
        yield AuditedChange(AuditAction.OBSERVATIONS_HOLD, series_id, {}, {"held": values})


def _settled(some: Iterable[Held], outcome: Settlement) -> Iterator[AuditedChange]:
    for series_id, values in _values(some).items():
        after = {"outcome": outcome.value}
        yield AuditedChange(AuditAction.OBSERVATIONS_SETTLE, series_id, {"held": values}, after)


def _values(some: Iterable[Held]) -> dict[str, dict[str, float]]:
    """The last value of each period, by series."""
    found: dict[str, dict[str, float]] = {}
    for one in some:
        found.setdefault(one.observation.series_id, {})[str(one.observation.ds)] = one.observation.value
    return found


def same_value(a: float, b: float) -> bool:
    """Whether two sources say the same of a period."""
    return a == b or (a > 0 and b > 0 and abs(math.log(a / b)) <= SAME_VALUE)


def load(
    connection: Connection, series_id: str | None, settled: bool, faults: list[RowFault] | None = None
) -> Iterator[HeldValue]:
    """What is held, by series and period; rows that cannot be so go to ``faults``."""
    faults = [] if faults is None else faults
    query = select(HELD_VALUES).order_by(HELD_VALUES.c.series_id, HELD_VALUES.c.ds, HELD_VALUES.c.number)
    if series_id is not None:
        query = query.where(HELD_VALUES.c.series_id == series_id)
    if not settled:
        query = query.where(HELD_VALUES.c.outcome.is_(None))
    yield from map(_held_value, sound_rows(connection, query, HELD_VALUES, faults, _CHECKS))


def _chosen(connection: Connection, series_id: str, periods: Collection[date] | None) -> list[HeldValue]:
    found = list(load(connection, series_id, settled=False))
    held = {one.held.observation.ds for one in found}
    there = f"a period of which a value of {series_id} is held: {', '.join(map(str, sorted(held))) or 'there is none'}"
    if periods is None and not held:
        raise InvalidInput(Fault("series_id", series_id, "a series of which a value is held"))
    if missing := sorted(set(periods or ()) - held):
        raise InvalidInput([Fault("period", str(day), there) for day in missing])
    return [one for one in found if periods is None or one.held.observation.ds in periods]


def _latest(connection: Connection, series_id: str) -> dict[date, datetime]:
    """Since when the last vintage of each period is known."""
    query = select(OBSERVATIONS.c.ds, OBSERVATIONS.c.known).where(OBSERVATIONS.c.series_id == series_id)
    return {ds: known.replace(tzinfo=UTC) for ds, known in connection.execute(query.order_by(OBSERVATIONS.c.known))}


def _dated(observation: Observation, latest: dict[date, datetime], now: datetime) -> Observation:
    stands = latest.get(observation.ds)
    return observation if stands is None or stands < observation.known else replace(observation, known=now)


def _close(connection: Connection, numbers: Collection[int], outcome: Settlement, by: str, now: datetime) -> None:
    if numbers:
        closed = {"outcome": outcome.value, "by": by, "settled": stored_moment(now)}
        connection.execute(update(HELD_VALUES).where(HELD_VALUES.c.number.in_(sorted(numbers))).values(closed))


def _row(one: HeldValue) -> dict[str, object]:
    observation = one.held.observation
    return {
        "series_id": observation.series_id,
        "ds": observation.ds,
        "known": stored_moment(observation.known),
        "value": observation.value,
        "flag": observation.flag,
        "assumed": observation.assumed,
        "unit": observation.unit,
        "source": one.held.source,
        "reason": one.held.reason.value,
        "why": one.held.why,
        "since": stored_moment(one.since),
        "outcome": one.outcome and one.outcome.value,
        "settled": one.outcome and stored_moment(one.settled or one.since),
        "by": one.by,
    }


def _held_value(row: Row[*tuple[object, ...]]) -> HeldValue:
    cells = row._mapping
    observation = Observation(
        cells["series_id"],
        cells["ds"],
        cells["value"],
        cells["flag"],
        cells["known"].replace(tzinfo=UTC),
        cells["assumed"],
        cells["unit"],
        cells["source"],
    )
    held = Held(observation, Reason(cells["reason"]), cells["why"], cells["source"])
    outcome, settled = cells["outcome"], cells["settled"]
    return HeldValue(
        cells["number"],
        held,
        cells["since"].replace(tzinfo=UTC),
        outcome and Settlement(outcome),
        settled and settled.replace(tzinfo=UTC),
        cells["by"],
    )
