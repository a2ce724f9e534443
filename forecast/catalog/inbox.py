"""The inbox: what official notices suggest as events, and what became of it; no row is deleted, and nothing acts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, Row, insert, select, update

from forecast.catalog import audit
from forecast.catalog.audit import AuditAction, AuditedChange
from forecast.catalog.engine import Database
from forecast.catalog.row_faults import RowFault, sound_rows, word
from forecast.catalog.schema import CANDIDATES, cells_of, cells_text, event_of_cells, event_row, stored_moment
from forecast.errors import Fault, InvalidInput, NotFound
from forecast.events.candidate import Candidate


class Verdict(StrEnum):
    """What somebody said of a candidate."""

    ACCEPTED = "accepted"  # it is an event of its own
    MERGED = "merged"  # it tells of an event that is there
    DISMISSED = "dismissed"  # it is none


@dataclass(frozen=True)
class Settled:
    """That a candidate was settled: how, by whom, why and when (UTC); ``event_id``: of the event that it became, or
    that it tells of, empty where it was dismissed."""

    candidate_id: str
    verdict: Verdict
    event_id: str
    by: str
    why: str
    now: datetime


@dataclass(frozen=True)
class InboxEntry:
    """A candidate on record: since when (UTC) it is there, and what became of it."""

    candidate: Candidate
    since: datetime
    settled: Settled | None = None


class Inbox:
    """The candidates of one catalogue; reads and writes as the catalogue does.

    Nothing here changes an event, nor the edition of the catalogue: a candidate moves no answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, candidates: Iterable[Candidate], now: datetime) -> int:
        """Keep those whose document was never seen before, whatever became of it; how many these are."""
        found = {(one.source, one.document): one for one in candidates}
        if not found:
            return 0
        with self._database.writing() as connection:
            columns = (CANDIDATES.c.source, CANDIDATES.c.document)
            known = {(row.source, row.document) for row in connection.execute(select(*columns))}
            new = [one for key, one in found.items() if key not in known]
            if new:
                connection.execute(insert(CANDIDATES), [_row(one, now) for one in new])
        return len(new)

    def entries(self, *, settled: bool = False) -> list[InboxEntry]:
        """What waits, the latest document first; ``settled``: also what no longer does; ``faults`` has the rows that
        cannot be what was written."""
        return self._database.read(lambda connection: list(_load(connection, settled, [])))

    def faults(self) -> list[RowFault]:
        """The rows that cannot be what was written, and are in no answer."""
        found: list[RowFault] = []
        self._database.read(lambda connection: list(_load(connection, True, found)))
        return found

    def entry(self, candidate_id: str) -> InboxEntry:
        """One candidate, settled or not. Raises ``NotFound``."""
        return self._database.read(lambda connection: _entry(connection, candidate_id))

    def settle(self, settled: Settled) -> None:
        """Say what became of a candidate where no event changes; its document does not come again.

        Raises as the function ``settle`` does.
        """
        with self._database.writing() as connection:
            settle(connection, settled)


def settle(connection: Connection, settled: Settled) -> None:
    """Write what became of a candidate. Raises ``NotFound``, and ``InvalidInput`` for one that was settled before."""
    entry = _entry(connection, settled.candidate_id)
    if (before := entry.settled) is not None:
        what = f"one that waits; it was {before.verdict} on {before.now:%Y-%m-%d} by {before.by or 'nobody named'}"
        raise InvalidInput(Fault("candidate", settled.candidate_id, what))
    place = (CANDIDATES.c.source == entry.candidate.source) & (CANDIDATES.c.document == entry.candidate.document)
    outcome = {"outcome": settled.verdict.value, "settled": stored_moment(settled.now)}
    told = {"event_id": settled.event_id, "by": settled.by, "why": settled.why}
    connection.execute(update(CANDIDATES).where(place).values(outcome | told))
    after = {"outcome": settled.verdict.value, "event_id": settled.event_id}
    change = AuditedChange(
        AuditAction.CANDIDATES_SETTLE, settled.candidate_id, {"outcome": "waits"}, after, settled.why
    )
    audit.write(connection, settled.by, settled.now, [change])


def _entry(connection: Connection, candidate_id: str) -> InboxEntry:
    faults: list[RowFault] = []
    entries = {one.candidate.candidate_id: one for one in _load(connection, True, faults)}
    if candidate_id not in entries:
        query = select(CANDIDATES.c.source, CANDIDATES.c.document).where(CANDIDATES.c.candidate_id == candidate_id)
        keys = {"/".join(row) for row in connection.execute(query)}
        for fault in (one for one in faults if one.key in keys):
            raise fault.error
        raise NotFound("candidate", candidate_id, entries)
    return entries[candidate_id]


def _load(connection: Connection, settled: bool, faults: list[RowFault]) -> Iterator[InboxEntry]:
    query = select(CANDIDATES).order_by(CANDIDATES.c.published.desc(), CANDIDATES.c.source, CANDIDATES.c.document)
    if not settled:
        query = query.where(CANDIDATES.c.outcome.is_(None))
    yield from map(_inbox_entry, sound_rows(connection, query, CANDIDATES, faults, {"outcome": word(Verdict)}))


def _row(one: Candidate, now: datetime) -> dict[str, object]:
    return {
        "source": one.source,
        "document": one.document,
        "candidate_id": one.candidate_id,
        "published": one.published,
        "title": one.title,
        "reference": one.reference,
        "corrects": one.corrects,
        "doubts": json.dumps(one.doubts, ensure_ascii=False),
        "cites": json.dumps(one.cites, ensure_ascii=False),
        "facts": cells_text(event_row(one.event)),
        "since": stored_moment(now),
        **dict.fromkeys(("event_id", "by", "why"), ""),
    }


def _inbox_entry(row: Row[*tuple[object, ...]]) -> InboxEntry:
    cells = row._mapping
    candidate = Candidate(
        cells["source"],
        cells["document"],
        cells["published"],
        cells["title"],
        cells["reference"],
        event_of_cells(cells_of(cells["facts"])),
        tuple(json.loads(cells["doubts"])),
        tuple(json.loads(cells["cites"])),
        cells["corrects"],
    )
    settled = None
    if cells["outcome"] is not None:
        moment = cells["settled"].replace(tzinfo=UTC)
        verdict = Verdict(cells["outcome"])
        settled = Settled(candidate.candidate_id, verdict, cells["event_id"], cells["by"], cells["why"], moment)
    return InboxEntry(candidate, cells["since"].replace(tzinfo=UTC), settled)
