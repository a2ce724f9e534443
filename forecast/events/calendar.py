"""The calendar of events: the days on which measures start, end or may change, as known on a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from forecast.events.event import Event, Events, KindFamily
from forecast.events.lifecycle import Branch, branches, states

_DAY = timedelta(days=1)


class What(StrEnum):
    """What happens to an event on a day. The first six are certain, as far as anything known is; the others branches.

    ``starts``, ``suspended``, ``resumes``: on the first day of it. ``ends``: the last day in force. ``withdrawn``:
    given up, or ended before it was in force for a day. ``carried out``: what was threatened became a measure.
    ``suspension ends``, ``truce ends``: the last day that is set for what holds measures back, or for a truce that
    holds none on record. ``may start``: the day for which something is threatened.
    """

    STARTS = "starts"
    SUSPENDED = "suspended"
    RESUMES = "resumes"
    ENDS = "ends"
    WITHDRAWN = "withdrawn"
    CARRIED_OUT = "carried out"
    SUSPENSION_ENDS = "suspension ends"
    TRUCE_ENDS = "truce ends"
    MAY_START = "may start"


#: What is over after its day, or may be.
EXPIRIES = frozenset({What.ENDS, What.SUSPENSION_ENDS, What.TRUCE_ENDS})


@dataclass(frozen=True)
class StateChange:
    """A dated change of one event.

    ``event_ids``: what comes back on the next day, of the end of a suspension; ``by``: the event that brings it about,
    where another does; ``branch``: the branch of which it is the day, None of what is certain.
    """

    day: date
    event_id: str
    what: What
    event_ids: tuple[str, ...] = ()
    by: str | None = None
    branch: Branch | None = None


def changes(events: Events, known_on: date) -> tuple[StateChange, ...]:
    """Every dated change, past and future, as known at the end of ``known_on``, by day.

    An open suspension or truce, or a threat, whose day has passed without news is here too: its branch is unconfirmed.
    """
    known = events.known_on(known_on)
    found = [change for event in known.values() for change in _certain(known, event, known_on)]
    found += [_of_branch(branch, branch.starts) for branch in branches(known, known_on) if branch.starts]
    return tuple(sorted(found, key=lambda change: (change.day, change.event_id, change.what)))


def _certain(known: Events, event: Event, known_on: date) -> Iterator[StateChange]:
    begun = False
    for day, state in states(known, event.event_id, known_on):
        match state.status:
            case "in_force":
                yield StateChange(day, event.event_id, What.RESUMES if begun else What.STARTS, by=state.by)
                begun = True
            case "suspended":
                yield StateChange(day, event.event_id, What.SUSPENDED, by=state.by)
            case "ended" if begun:
                yield StateChange(day - _DAY, event.event_id, What.ENDS, by=state.by)
            case "ended" if event.family is KindFamily.THREAT and event.status == "enacted":
                yield StateChange(day, event.event_id, What.CARRIED_OUT, by=state.by)
            case "ended" | "withdrawn":
                yield StateChange(day, event.event_id, What.WITHDRAWN, by=state.by)


def _of_branch(branch: Branch, starts: date) -> StateChange:
    if branch.cause == "threat":
        return StateChange(starts, branch.event_id, What.MAY_START, branch=branch)
    what = What.SUSPENSION_ENDS if branch.event_ids else What.TRUCE_ENDS
    return StateChange(starts - _DAY, branch.event_id, what, branch.event_ids, branch=branch)
