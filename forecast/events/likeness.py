"""Whether a candidate tells of an event that is there: by the act, by its sources, or by who did what and when."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from forecast.events.candidate import Candidate
from forecast.events.event import Event
from forecast.events.exposure import Minerals

#: Days between two announcements that may be of one measure: it is signed, told and printed.
NEAR = dt.timedelta(days=10)
_NUMBERS = r"(\d{4,5}(?:\s*(?:/|,|and)\s*\d{4,5})*)"
_ACTS = {
    "proclamation": re.compile(rf"\bProc(?:s|lamations?)?\.?\s*{_NUMBERS}", re.I),
    "order": re.compile(rf"\b(?:E\.?O\.?|Executive Orders?)\s*(?:No\.? )?{_NUMBERS}", re.I),
    "page": re.compile(r"\b(\d{2,3} FR \d{3,6})\b"),
    "docket": re.compile(r"\b([AC]-\d{3}-\d{3})\b"),
}


@dataclass(frozen=True)
class Likeness:
    """An event that a candidate may be about, and why; ``same``: it may be this very event, else it changes it."""

    event_id: str
    why: str
    same: bool


def alike(candidate: Candidate, events: Iterable[Event], minerals: Minerals) -> tuple[Likeness, ...]:
    """The events that a candidate may tell of, those that it may be first."""
    found = [likeness for event in events for likeness in _likeness(candidate, event, minerals)]
    return tuple(sorted(found, key=lambda one: (not one.same, one.event_id)))


def _likeness(candidate: Candidate, event: Event, minerals: Minerals) -> Iterator[Likeness]:
    """At most one, the surest."""
    own, named = candidate.event, _acts(f"{event.instrument} {event.title} {event.status_note}")
    shared = set(own.sources) & set(event.sources) or any(candidate.document in source for source in event.sources)
    if shared:
        yield Likeness(event.event_id, "it has the same source", True)
    elif ours := _acts(own.instrument) & named:
        yield Likeness(event.event_id, f"it is by the same act, {', '.join(sorted(ours))}", True)
    elif own.actor == event.actor and own.family is event.family and _meet(own, event, minerals) and _near(own, event):
        yield Likeness(event.event_id, "the same actor does the like about the same time to the same minerals", True)
    elif cited := _acts("; ".join(candidate.cites)) & _acts(f"{event.instrument} {event.title}"):
        yield Likeness(event.event_id, f"it names {', '.join(sorted(cited))}", False)


def _acts(text: str) -> set[str]:
    """The acts that a text names: ``proclamation 10895``, ``order 14257``, ``89 FR 76581``, ``A-570-194``."""
    found = set()
    for kind, pattern in _ACTS.items():
        for written in pattern.findall(text):
            if kind in ("page", "docket"):
                found.add(written)
            else:
                found |= {f"{kind} {number}" for number in re.findall(r"\d{4,5}", written)}
    return found


def _meet(one: Event, other: Event, minerals: Minerals) -> bool:
    return any(minerals.related(a, b) for a in one.minerals for b in other.minerals)


def _near(one: Event, other: Event) -> bool:
    if one.effective is not None and one.effective == other.effective:
        return True
    return one.announced is not None and other.announced is not None and abs(one.announced - other.announced) <= NEAR
