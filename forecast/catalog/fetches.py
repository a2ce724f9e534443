"""How each public source did when it was last asked: what came, what went wrong and since when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, delete, insert, select

from forecast.catalog.engine import Database
from forecast.catalog.row_faults import RowFault, sound_rows
from forecast.catalog.schema import FETCHED_PAGES, FETCHES

#: ETag, Last-Modified and SHA-256 of an answer.
PageMarks = tuple[str, str, str]


@dataclass(frozen=True)
class FetchState:
    """A source when it was last asked; moments are UTC.

    ``succeeded``: when it last gave all that was asked for, None if it never did; ``fault``: what went wrong the last
    time, empty if nothing did, ``fault_since``: since which attempt; ``counts``: what the last attempt brought, by
    name; ``asked``: digest of what it was asked for.
    """

    source: str
    tried: datetime
    succeeded: datetime | None = None
    fault: str = ""
    fault_since: datetime | None = None
    counts: Mapping[str, int] | None = None
    asked: str = ""


class Fetches:
    """The states of all sources that were ever asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def states(self) -> dict[str, FetchState]:
        """By name of the source; one whose row cannot be what was written as if it had just failed for that reason."""
        faults: list[RowFault] = []
        found = self._database.read(lambda one: list(sound_rows(one, select(FETCHES), FETCHES, faults)))
        now = datetime.now(UTC)
        states = [*map(_state, found), *(FetchState(one.key, now, None, str(one), now) for one in faults)]
        return {state.source: state for state in sorted(states, key=lambda state: state.source)}

    def pages(self, source: str) -> dict[str, PageMarks]:
        """Marks of the answers that came in whole, by digest of their addresses."""
        query = select(FETCHED_PAGES).where(FETCHED_PAGES.c.source == source)
        found = self._database.read(lambda connection: connection.execute(query).all())
        return {row.place: (row.etag, row.modified, row.digest) for row in found}

    def record(self, state: FetchState, pages: Mapping[str, PageMarks] | None = None) -> None:
        """Keep how an attempt went; ``pages``: marks of its answers, once what they say is written."""
        with self._database.writing() as connection:
            connection.execute(delete(FETCHES).where(FETCHES.c.source == state.source))
            connection.execute(insert(FETCHES), _row(state))
            for place, marks in (pages or {}).items():
                _mark(connection, state.source, place, marks)


def _mark(connection: Connection, source: str, place: str, marks: PageMarks) -> None:
    here = (FETCHED_PAGES.c.source == source) & (FETCHED_PAGES.c.place == place)
    connection.execute(delete(FETCHED_PAGES).where(here))
    values = dict(zip(("etag", "modified", "digest"), marks, strict=True))
    connection.execute(insert(FETCHED_PAGES), {"source": source, "place": place, **values})


def _row(state: FetchState) -> dict[str, object]:
    moments = {name: _stored(getattr(state, name)) for name in ("tried", "succeeded", "fault_since")}
    return {**vars(state), **moments, "counts": json.dumps(dict(state.counts or {}), sort_keys=True)}


def _state(row: Row[*tuple[object, ...]]) -> FetchState:
    facts = dict(row._mapping)
    for name in ("tried", "succeeded", "fault_since"):
        if facts[name] is not None:
            facts[name] = facts[name].replace(tzinfo=UTC)
    return FetchState(**{**facts, "counts": json.loads(facts["counts"])})


def _stored(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)
