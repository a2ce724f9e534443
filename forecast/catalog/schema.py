"""The tables of the catalogue, and how series and events stand in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Never, cast

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
)

from forecast.catalog.csv_reader import items
from forecast.catalog.csv_records import acts
from forecast.events import Event
from forecast.names import stored_flow, unit
from forecast.timeseries.series import Series

#: The newest migration; a catalogue that has another one is migrated when it is opened.
SCHEMA_VERSION = "0010"

METADATA = MetaData(naming_convention={"pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s"})

#: One row: how often the catalogue has changed, so that readers know when what they remember is out of date.
CHANGES = Table(
    "changes",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

#: Digests of the bundled data that have been read in.
SNAPSHOTS = Table(
    "snapshots", METADATA, Column("digest", String(64), primary_key=True), Column("read_at", DateTime, nullable=False)
)


def _series_column(name: str) -> Column[object]:
    if name == "resolution":
        return Column(name, Float)
    return Column(name, Integer if name == "release_lag_days" else Text, nullable=False)


SERIES = Table(
    "series",
    METADATA,
    Column("series_id", String(100), primary_key=True),
    *(_series_column(field.name) for field in fields(Series) if field.name != "series_id"),
)

MINERALS = Table(
    "minerals",
    METADATA,
    Column("mineral", String(100), primary_key=True),
    Column("parent", String(100), primary_key=True),
    Column("kind", Text, nullable=False),
)

#: Vintages: ``known`` (UTC) is the moment since which a value could be known. Rows are added, never changed.
OBSERVATIONS = Table(
    "observations",
    METADATA,
    Column("series_id", String(100), ForeignKey("series.series_id"), primary_key=True),
    Column("ds", Date, primary_key=True),
    Column("known", DateTime, primary_key=True),
    Column("value", Float, nullable=False),
    Column("flag", Text, nullable=False),
    Column("assumed", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

#: Since when (``known``, UTC) the value that a period had until then is not known any more.
WITHDRAWALS = Table(
    "withdrawals",
    METADATA,
    Column("series_id", String(100), ForeignKey("series.series_id"), primary_key=True),
    Column("ds", Date, primary_key=True),
    Column("known", DateTime, primary_key=True),
    sqlite_with_rowid=False,
)

#: What was said of a series, and when (UTC); the last row holds.
RETIREMENTS = Table(
    "retirements",
    METADATA,
    Column("series_id", String(100), ForeignKey("series.series_id"), primary_key=True),
    Column("moment", DateTime, primary_key=True),
    Column("retired", Boolean, nullable=False),
)

#: Values that were delivered and do not count; ``known`` as claimed, ``outcome`` null as long as they are held.
HELD_VALUES = Table(
    "held_values",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("series_id", String(100), ForeignKey("series.series_id"), nullable=False),
    Column("ds", Date, nullable=False),
    Column("known", DateTime, nullable=False),
    Column("value", Float, nullable=False),
    Column("flag", Text, nullable=False),
    Column("assumed", Boolean, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("unit", "source", "reason", "why")),
    Column("since", DateTime, nullable=False),
    Column("outcome", Text),
    Column("settled", DateTime),
    Column("by", Text, nullable=False),
)

#: How each public source did when it was last asked; ``fault`` is empty if that went well, ``counts`` are JSON,
#: ``asked`` is the digest of the series that were asked for.
FETCHES = Table(
    "fetches",
    METADATA,
    Column("source", String(100), primary_key=True),
    Column("tried", DateTime, nullable=False),
    Column("succeeded", DateTime),
    Column("fault", Text, nullable=False),
    Column("fault_since", DateTime),
    Column("counts", Text, nullable=False),
    Column("asked", Text, nullable=False),
)

#: How each job of the worker ended last: how much of it failed, and why it could not be done at all, else empty.
JOB_ENDS = Table(
    "job_ends",
    METADATA,
    Column("job", String(100), primary_key=True),
    Column("ended", DateTime, nullable=False),
    Column("succeeded", DateTime),
    Column("failed", Integer, nullable=False),
    Column("fault", Text, nullable=False),
)

#: What publishers said of the answers that came in whole, by which they are asked for only if they changed.
FETCHED_PAGES = Table(
    "fetched_pages",
    METADATA,
    Column("source", String(100), primary_key=True),
    Column("place", String(64), primary_key=True),
    *(Column(name, Text, nullable=False) for name in ("etag", "modified", "digest")),
)

_DATES = ("announced", "effective", "ended", "end_known", "status_as_of", "probability_date")
_MARKS = ("needs_recheck", "own")
_NUMBERS = ("value_before", "value_after", "probability")


def _event_column(name: str) -> Column[object]:
    if name == "event_id":
        return Column(name, String(100), primary_key=True)
    if name in _DATES:
        return Column(name, Date)
    if name in _NUMBERS:
        return Column(name, Float)
    return Column(name, Boolean if name in _MARKS else Text, nullable=False)


#: The facts of an event that are its row; its duties are in a file of their own.
_EVENT_FACTS = tuple(field.name for field in fields(Event) if field.name != "duties")
#: Lists are joined by semicolons, as in the CSV files.
EVENTS = Table("events", METADATA, *map(_event_column, _EVENT_FACTS))

#: What was said of an event after it was taken in: ``known`` (UTC) is the moment since which it counts, ``recorded``
#: that of writing; ``facts``: the changed cells of its row, as JSON. Rows are added, never changed.
EVENT_CHANGES = Table(
    "event_changes",
    METADATA,
    Column("event_id", String(100), ForeignKey("events.event_id"), primary_key=True),
    Column("recorded", DateTime, primary_key=True),
    Column("known", DateTime, nullable=False),
    Column("action", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("facts", Text, nullable=False),
)


#: What official notices suggest, and what became of it: ``outcome`` null as long as it waits. ``facts``: of its event,
#: as JSON; ``doubts`` and ``cites``: JSON lists. A document of a source comes once. Rows are never deleted.
CANDIDATES = Table(
    "candidates",
    METADATA,
    Column("source", String(100), primary_key=True),
    Column("document", String(100), primary_key=True),
    Column("candidate_id", String(100), nullable=False),
    Column("published", Date, nullable=False),
    *(
        Column(name, Text, nullable=False)
        for name in ("title", "reference", "corrects", "doubts", "cites", "facts", "event_id", "by", "why")
    ),
    Column("since", DateTime, nullable=False),
    Column("outcome", Text),
    Column("settled", DateTime),
)

#: Keys of those who may ask over HTTP: ``digest`` is that of the secret, which is nowhere; ``scopes`` are joined by a
#: space; an empty ``rate`` is that of the settings. Rows are never deleted.
API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("key_id", String(20), primary_key=True),
    *(Column(name, Text, nullable=False) for name in ("name", "scopes", "rate", "digest")),
    Column("created", DateTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires", DateTime),
    Column("revoked", DateTime),
    Column("revoked_by", Text, nullable=False),
)

#: Every change, who made it and when (UTC); ``before`` and ``after``: facts as JSON, empty where there are none. Rows
#: are added, never changed.
AUDIT = Table(
    "audit",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("moment", DateTime, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("by", "action", "subject", "before", "after", "why")),
)

#: Requests that must not be carried out twice, by who sent them (``caller``) and the key that they gave: ``digest`` is
#: that of the request, ``token`` of who carries it out ``since`` then, ``before`` what it found; the answer that it got
#: (``status``, ``headers`` as JSON, ``body``) is null until there is one. Rows are deleted after a day.
IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("caller", String(100), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("token", String(32), nullable=False),
    Column("since", DateTime, nullable=False),
    Column("before", Text, nullable=False),
    Column("status", Integer),
    Column("headers", Text),
    Column("body", Text),
)

#: Work that somebody asked of the worker: ``names`` and ``failed`` are JSON lists, ``outcomes`` a JSON object; of what
#: there is to do ``total`` is known so far, ``done`` is over. ``asked``: how many requests are one.
JOB_REQUESTS = Table(
    "job_requests",
    METADATA,
    Column("job_id", String(32), primary_key=True),
    *(Column(name, Text, nullable=False) for name in ("job", "names", "state", "requested_by")),
    Column("requested", DateTime, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("started", DateTime),
    Column("ended", DateTime),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("outcomes", "failed", "why")),
)

#: Workers, and when (UTC) each was last seen.
WORKERS = Table(
    "workers",
    METADATA,
    Column("host", String(255), primary_key=True),
    Column("seen", DateTime, nullable=False),
)


def stored_moment(moment: datetime) -> datetime:
    """A moment as tables hold it: in UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def series_row(series: Series) -> dict[str, object]:
    return {field.name: getattr(series, field.name) for field in fields(Series)}


def series_of(row: Row[*tuple[object, ...]]) -> Series:
    facts = row._mapping
    return Series(**{**facts, "unit": unit(facts["unit"])})


def event_row(event: Event) -> dict[str, object]:
    row = {name: getattr(event, name) for name in _EVENT_FACTS}
    return row | {
        "targets": ";".join(event.targets),
        "minerals": ";".join(event.minerals),
        "flows": ";".join(f"{exporter}>{importer}" for exporter, importer in event.flows),
        "acts": ";".join(f"{act.relation}:{act.target}" for act in event.acts),
        "sources": ";".join(event.sources),
    }


def event_of(row: Row[*tuple[object, ...]]) -> Event:
    return event_of_cells(dict(row._mapping))


def event_of_cells(cells: Mapping[str, object]) -> Event:
    """An event from the cells of its whole row."""
    return Event(**cast("dict[str, Never]", {**cells, **_facts(cells)}))  # each column holds what its field does


def amended(event: Event, cells: Mapping[str, object]) -> Event:
    """The event with these cells of its row in place of its own."""
    facts = dict(vars(event))
    facts.update(_facts(cells))
    return Event(**facts)


def _facts(cells: Mapping[str, object]) -> dict[str, object]:
    return {name: _LISTS[name](str(cell)) if name in _LISTS else cell for name, cell in cells.items()}


_LISTS: dict[str, Callable[[str], tuple[object, ...]]] = {
    **dict.fromkeys(("targets", "minerals", "sources"), items),
    "flows": lambda text: tuple(map(stored_flow, items(text))),
    "acts": acts,
}


def cells_text(cells: Mapping[str, object]) -> str:
    """Cells of a row of an event as JSON, days as their ISO text."""
    return json.dumps(cells, default=str, sort_keys=True, ensure_ascii=False)


def cells_of(text: str) -> dict[str, object]:
    """The cells again."""
    found: dict[str, object] = json.loads(text)
    return {name: date.fromisoformat(str(cell)) if name in _DATES and cell else cell for name, cell in found.items()}
