"""Whether a candidate tells of an event that is there: by the act, by its sources, or by who did what and when."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from forecast.events.candidate import Candidate
from forecast.events.event import Event
from forecast.events.exposure import Minerals

#: Between two announcements that may be of one measure: it is signed, told and printed; and between two days from which
#: it applies.
NEAR, SOON = dt.timedelta(days=10), dt.timedelta(days=3)
_NUMBERS = r"(\d{4,5}(?:\s*(?:/|,|and)\s*\d{4,5})*)"
_ACTS = {
    "proclamation": re.compile(rf"\bProc(?:s|lamations?)?\.?\s*{_NUMBERS}", re.I),
    "order": re.compile(rf"\b(?:E\.?O\.?|Executive Orders?)\s*(?:No\.? )?{_NUMBERS}", re.I),
    "page": re.compile(r"\b(\d{2,3} FR \d{3,6})\b"),
    "docket": re.compile(r"\b([AC]-\d{3}-\d{3})\b"),
}


class Sign(IntEnum):
    """By what a candidate is like an event, the surest first; by the last it changes the event, by others it is it."""

    SOURCE = 0
    ACT = 1
    DEED = 2
    NAMED = 3


@dataclass(frozen=True)
class EventMatch:
    """An event that a candidate may be about, by which sign, and why in words."""

    event_id: str
    sign: Sign
    why: str

    @property
    def same(self) -> bool:
        """Whether the candidate may be this very event."""
        return self.sign < Sign.NAMED


def alike(candidate: Candidate, events: Iterable[Event], minerals: Minerals) -> tuple[EventMatch, ...]:
    """The events that a candidate may tell of, the likeliest first."""
    found = [match for event in events for match in _matches(candidate, event, minerals)]
    return tuple(sorted(found, key=lambda one: (one.sign, one.event_id)))


def _matches(candidate: Candidate, event: Event, minerals: Minerals) -> Iterator[EventMatch]:
    """At most one, the surest."""
    own, named = candidate.event, _acts(f"{event.instrument} {event.title} {event.status_note}")
    shared = set(own.sources) & set(event.sources) or any(candidate.document in source for source in event.sources)
    if shared:
        yield EventMatch(event.event_id, Sign.SOURCE, "it has the same source")
    elif ours := _acts(own.instrument) & named:
        yield EventMatch(event.event_id, Sign.ACT, f"it is by the same act, {', '.join(sorted(ours))}")
    elif own.actor == event.actor and own.family is event.family and _meet(own, event, minerals) and _near(own, event):
        yield EventMatch(event.event_id, Sign.DEED, "its actor does the like then to the same minerals")
    elif cited := _acts("; ".join(candidate.cites)) & _acts(f"{event.instrument} {event.title}"):
        yield EventMatch(event.event_id, Sign.NAMED, f"it names {', '.join(sorted(cited))}")


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
    return _within(one.announced, other.announced, NEAR) or _within(one.effective, other.effective, SOON)


def _within(one: dt.date | None, other: dt.date | None, time: dt.timedelta) -> bool:
    return one is not None and other is not None and abs(one - other) <= time
