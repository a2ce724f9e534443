"""The audit: every change of what is kept, by whom, and how that was before and after; rows are only added."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select

from forecast.catalog.engine import Database
from forecast.catalog.schema import AUDIT, cells_text, stored_moment

Facts = Mapping[str, object]


class AuditAction(StrEnum):
    """What was done, named after what it was done to."""

    SERIES_ADD = "series.add"
    SERIES_CHANGE = "series.change"
    SERIES_RETIRE = "series.retire"
    SERIES_BRING_BACK = "series.bring-back"
    OBSERVATIONS_ADD = "observations.add"
    OBSERVATIONS_HOLD = "observations.hold"
    OBSERVATIONS_SETTLE = "observations.settle"
    OBSERVATIONS_WITHDRAW = "observations.withdraw"
    EVENTS_ADD = "events.add"
    EVENTS_AMEND = "events.amend"
    EVENTS_RETIRE = "events.retire"
    EVENTS_BRING_BACK = "events.bring-back"
    CANDIDATES_SETTLE = "candidates.settle"
    RUNS_PROMOTE = "runs.promote"
    RUNS_ROLLBACK = "runs.rollback"
    JOBS_REQUEST = "jobs.request"
    KEYS_CREATE = "keys.create"
    KEYS_REVOKE = "keys.revoke"


@dataclass(frozen=True)
class AuditedChange:
    """A change of one ``subject``, by its id: facts of it ``before`` and ``after``, and the reason if one was given."""

    action: AuditAction
    subject: str
    before: Facts = field(default_factory=dict)
    after: Facts = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class AuditEntry:
    """A change on record: by whom (the name of a person or of a key) and when (UTC)."""

    number: int
    moment: datetime
    by: str
    change: AuditedChange


@dataclass(frozen=True)
class AuditQuestion:
    """Which entries are asked for: of a person or key, of an action or all of a kind of subject (``runs``), of one of
    several kinds, of a subject, not before a moment, and ``after`` the entry of a number; the ``last`` of them, or the
    ``first``."""

    by: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    last: int | None = None
    subjects: tuple[str, ...] = ()
    after: int = 0
    first: int | None = None


class Audit:
    """The audit of one catalogue; reads and writes as the catalogue does. ``by``: who does what is recorded here."""

    def __init__(self, database: Database, by: str) -> None:
        self._database, self._by = database, by

    @contextmanager
    def recording(self, now: datetime) -> Iterator[list[AuditedChange]]:
        """Record changes of what is kept elsewhere: those that the block adds to the list, none where it raises."""
        with self._database.writing() as connection:
            changes: list[AuditedChange] = []
            yield changes
            write(connection, self._by, now, changes)

    def entries(self, question: AuditQuestion) -> list[AuditEntry]:
        """What was changed, in order of writing."""
        backwards = question.first is None
        query = select(AUDIT).order_by(AUDIT.c.number.desc() if backwards else AUDIT.c.number)
        query = query.where(AUDIT.c.number > question.after)
        for column, wanted in ((AUDIT.c.by, question.by), (AUDIT.c.subject, question.subject)):
            if wanted is not None:
                query = query.where(column == wanted)
        if question.action is not None:
            kinds = [one for one in AuditAction if question.action in (one, one.partition(".")[0])]
            query = query.where(AUDIT.c.action.in_(kinds))
        if question.since is not None:
            query = query.where(AUDIT.c.moment >= stored_moment(question.since))
        if question.subjects:
            kinds = [one for one in AuditAction if one.partition(".")[0] in question.subjects]
            query = query.where(AUDIT.c.action.in_(kinds))
        if (most := question.first or question.last) is not None:
            query = query.limit(most)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return [
            AuditEntry(
                row.number,
                row.moment.replace(tzinfo=UTC),
                row.by,
                AuditedChange(AuditAction(row.action), row.subject, _facts(row.before), _facts(row.after), row.why),
            )
            for row in (reversed(rows) if backwards else rows)
        ]


def write(connection: Connection, by: str, now: datetime, changes: Iterable[AuditedChange]) -> None:
    """Record changes in the transaction that makes them."""
    rows = [
        {
            "moment": stored_moment(now),
            "by": by,
            "action": change.action.value,
            "subject": change.subject,
            "before": cells_text(change.before) if change.before else "",
            "after": cells_text(change.after) if change.after else "",
            "why": change.why,
        }
        for change in changes
    ]
    if rows:
        connection.execute(insert(AUDIT), rows)


def operator() -> str:
    """The user of the operating system that this process runs as; empty where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _facts(text: str) -> Facts:
    """What was recorded; a text that is none of ours as it stands."""
    try:
        found: Facts = json.loads(text or "{}")
        return dict(found)
    except (ValueError, TypeError, RecursionError):
        return {"unreadable": text}
