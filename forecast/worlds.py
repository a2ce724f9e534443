"""Versions of the events: what a scenario changes, what it assumes, and the forks at which draws part."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from forecast.events import Act, Branch, Event, Events
from forecast.interventions import Shape
from forecast.series import Series


@dataclass(frozen=True)
class Assumption:
    """What somebody says of an event's effect.

    ``shape``: how it goes over the periods from its start, None for the usual; ``sizes``: (mean, standard deviation)
    of the full effect on the log, by id of a series or by measure (``price``, ``volume``, …).
    """

    shape: Shape | None = None
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def size(self, series: Series) -> tuple[float, float] | None:
        return self.sizes.get(series.series_id, self.sizes.get(series.measure))


@dataclass(frozen=True, eq=False)
class Choice:
    """A fork: with ``probability`` a draw lives in one of the ``alternatives``, evenly likely; else in the world as is.

    ``key`` seeds the decision, and the same key decides alike for every series and scenario.
    """

    key: str
    probability: float
    alternatives: tuple[Events, ...]


@dataclass(frozen=True, eq=False)
class World:
    """One version of the events, what is assumed of them, and what each draw decides for itself."""

    events: Events
    assumptions: Mapping[str, Assumption] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()


def take(events: Events, branch: Branch, starts: dt.date, known_on: dt.date) -> Events:
    """The events if the branch came to pass on ``starts``: a threat enacted, or what was suspended in force again."""
    event = events[branch.event_id]
    if branch.cause == "threat":
        kind = "tariff" if "ad valorem" in event.value_unit else "export_control"
        taken = replace(event, kind=kind, status="enacted", effective=starts, ended=None, end_known=None)
    else:
        acts = tuple(Act("reinstates", target) for target in branch.event_ids)
        again = f"{branch.event_id}.again"
        taken = replace(
            event, event_id=again, status="enacted", effective=starts, ended=None, end_known=None, acts=acts
        )
    return edited(events, [taken], known_on=known_on)


def edited(
    events: Events, changed: Iterable[Event] = (), removed: Collection[str] = (), *, known_on: dt.date
) -> Events:
    """These events with some of them replaced or added and some removed, all as known on a day."""
    kept = {event_id: event for event_id, event in events.items() if event_id not in removed}
    return Events((kept | {event.event_id: event for event in changed}).values()).known_on(known_on)


def affected(a: Events, b: Events) -> set[str]:
    """Ids of events that differ, and of those that they act on, directly or by others."""
    both = dict.fromkeys([*a, *b])
    differ = {i for i in both if a.get(i) is not b.get(i) and _facts(a.get(i)) != _facts(b.get(i))}
    return reached(differ, a) | reached(differ, b)


def _facts(event: Event | None) -> object:
    """What of an event can move a number; notes about it cannot."""
    return event and replace(event, title="", status_as_of=None, status_note="", sources=(), certainty="")


def reached(event_ids: Iterable[str], events: Events) -> set[str]:
    found: set[str] = set()
    queue = list(event_ids)
    while queue:
        event_id = queue.pop()
        if event_id not in found:
            found.add(event_id)
            event = events.get(event_id)
            queue += [act.target for act in event.acts] if event else []
    return found


def rate_change(known: Event | None, event: Event | None) -> float:
    """How much harder a measure hits with the rate it has now than with the rate it is known with."""
    if not known or not event or known.value_after is None or event.value_after is None:
        return 1.0
    was = known.value_after - (known.value_before or 0.0)
    now = event.value_after - (event.value_before or 0.0)
    return now / was if was else 1.0
