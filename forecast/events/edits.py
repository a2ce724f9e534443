"""Changes of the record of an event after it was taken in, and the versions of its facts that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from forecast.events.event import Event, Version

#: What is said about an event but cannot change a number.
PROSE = frozenset(("title", "status_note", "status_as_of", "scope_note", "mechanism", "sources", "needs_recheck"))
#: The facts of an event that change no training: prose, and what enters answers only.
UNTRAINED = PROSE | {"probability", "probability_source", "probability_date"}


class Action(StrEnum):
    """What a change does."""

    AMEND = "amend"
    RETIRE = "retire"
    BRING_BACK = "bring back"


@dataclass(frozen=True)
class EventChange:
    """Something that was said of an event after it was taken in.

    ``known``: the moment (UTC) since which it counts, ``recorded``: that of writing; ``by``: who wrote it, and ``why``;
    ``facts``: of an amendment the changed cells of the event's row, by column.
    """

    event_id: str
    action: Action
    known: datetime
    recorded: datetime
    by: str = ""
    why: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


def in_order(changes: Iterable[EventChange]) -> list[EventChange]:
    """By the moments since which they count; of one moment the one that was recorded last counts last."""
    return sorted(changes, key=lambda change: (change.known, change.recorded))


def versions(
    event: Event, changes: Iterable[EventChange], amended: Callable[[Event, Mapping[str, object]], Event]
) -> tuple[Version, ...]:
    """The versions of an event in order of knowledge, at most one a day, the first as it was taken in.

    ``amended``: an event with some cells of its row changed. A change holds in all later versions.
    """
    found = {date.min: Version(date.min, event)}
    retired = False
    for change in in_order(changes):
        if change.action is Action.AMEND:
            event = amended(event, change.facts)
        else:
            retired = change.action is Action.RETIRE
        day = change.known.date()
        found[day] = Version(day, None if retired else event)
    return tuple(found.values())
