"""What was recorded of an event, version by version, and what is found in the records of events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from forecast.answers.model import Listing, Part, Text
from forecast.catalog import Catalog
from forecast.catalog.event_changes import BUNDLED
from forecast.catalog.inbox import Verdict
from forecast.catalog.schema import amended, event_row
from forecast.events import Action, Event, Events
from forecast.events.check import check

if TYPE_CHECKING:
    from forecast.catalog.inbox import InboxEntry


class EventVersionFacts(Part):
    """A version of an event: what was recorded, since when it counts, and what it changed."""

    event_id: str = Field(title="event", description="id of the event")
    known: dt.date = Field(description="day since which it counts (UTC); with an earlier `as_of` it is not known")
    action: str = Field(description="take in, amend, retire or bring back")
    by: Text = Field(description="who recorded it")
    recorded: dt.datetime | None = Field(description="moment of writing (UTC); null where it was not kept")
    changes: tuple[str, ...] = Field(description="what was changed: `fact: before -> after`")
    why: Text = Field(description="the reason, as it was given")


class EventHistory(Listing):
    """The versions of an event in order of writing."""

    data: tuple[EventVersionFacts, ...]


class FindingFacts(Part):
    """Something in the record of an event that cannot be so, or that should be looked at."""

    event_id: str = Field(title="event", description="id of the event")
    severity: str = Field(description="contradiction, or reminder")
    field: str = Field(description="the fact that it is about")
    what: str = Field(description="what is found")
    why: str = Field(description="why it matters")
    do: str = Field(description="what to do")


class FindingList(Listing):
    """Findings, contradictions first."""

    data: tuple[FindingFacts, ...]


def event_history(catalog: Catalog, event_id: str) -> EventHistory:
    """Every version of an event. Raises ``NotFound``."""
    event, changes = catalog.event_history(event_id)
    accepted = next((one for one in catalog.inbox.entries(settled=True) if _became(one, event_id)), None)
    told = accepted.settled if accepted else None
    first = EventVersionFacts(
        event_id=event_id,
        known=event.known_from,
        action="take in",
        by=(told.by if told else "") or ("a user" if event.own else BUNDLED),
        recorded=told.now if told else None,
        changes=(),
        why=(told.why if told else "") or (f"candidate {accepted.candidate.candidate_id}" if accepted else ""),
    )
    found = [first]
    for change in changes:
        after = amended(event, change.facts) if change.action is Action.AMEND else event
        found.append(
            EventVersionFacts(
                event_id=event_id,
                known=change.known.date(),
                action=change.action,
                by=change.by,
                recorded=change.recorded,
                changes=changed_facts(event, after),
                why=change.why,
            )
        )
        event = after
    return EventHistory.of(found)


def _became(entry: InboxEntry, event_id: str) -> bool:
    settled = entry.settled
    return settled is not None and settled.verdict is Verdict.ACCEPTED and settled.event_id == event_id


def changed_facts(before: Event, after: Event) -> tuple[str, ...]:
    """``fact: before -> after`` for each fact that differs."""
    was, now = event_row(before), event_row(after)
    return tuple(
        f"{name}: {_shown(was[name])} -> {_shown(now[name])}"
        for name in was
        if was[name] != now[name] and name != "own"
    )


def finding_list(events: Events, today: dt.date, only: Iterable[str] = ()) -> FindingList:
    """What is found in the records of events on ``today``; ``only``: in these."""
    ids = {events[event_id].event_id for event_id in only}
    found = [FindingFacts.model_validate(one) for one in check(events, today) if not ids or one.event_id in ids]
    return FindingList.of(found)


def _shown(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:g}"
    return "nothing" if cell is None or cell == "" else str(cell)
