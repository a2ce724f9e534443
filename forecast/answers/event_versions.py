"""Versions of the events: as known on a day or as amended by a scenario, with assumed effects and chance nodes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from forecast.answers.forecast_periods import Steps
from forecast.answers.precedent_paths import PrecedentPath
from forecast.effects.candidates import in_periods
from forecast.events import Act, Branch, Event, Events, InForceInterval, in_force, timeline
from forecast.interventions import Licence, Shape
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import Series

#: What the id of an event that ends a suspension has after that of the suspension.
ENDS = ".end"


@dataclass(frozen=True)
class Assumption:
    """An effect assumed of an event instead of an estimated one.

    ``shape``: how it goes over the periods from its start, None for the usual; ``licence``: the same with a delay in
    months; ``sizes``: (on, mean, standard
    deviation) of the full effect on the log of one series (its id) or of all of a measure (``price``, ``volume``, …);
    ``levels``: by how much it is multiplied from each day on; ``paths``: by id of a series, the measured path of a
    precedent instead; ``group``: events with the same word are one episode in
    what they change of what is known.
    """

    shape: Shape | None = None
    licence: Licence | None = None
    sizes: tuple[tuple[str, float, float], ...] = ()
    levels: tuple[tuple[np.datetime64, float], ...] = ()
    paths: Mapping[str, PrecedentPath] = field(default_factory=dict)
    group: str = ""

    def size(self, series: Series) -> tuple[float, float] | None:
        """Mean and standard deviation for a series; what is said of itself goes before what is said of its measure."""
        stated = {on: (mean, sd) for on, mean, sd in self.sizes}
        return stated.get(series.series_id, stated.get(series.measure))

    def path(self, series: Series) -> PrecedentPath | None:
        """The path of a precedent that is assumed on a series."""
        return self.paths.get(series.series_id)

    def says(self, series: Series) -> bool:
        """Whether it says what the event does to a series."""
        return self.size(series) is not None or self.path(series) is not None

    def response(self, freq: Freq) -> Shape | None:
        """The shape that is said, in periods; None for the usual."""
        return in_periods(self.licence, freq) if self.licence else self.shape


@dataclass(frozen=True, eq=False)
class EventVersion:
    """Events as known on a day, or as amended by a scenario.

    ``events`` have ``known_on`` applied; ``changed``: ids of the events whose life may differ from what is known.
    """

    events: Events
    known_on: dt.date
    changed: frozenset[str] = frozenset()
    _steps: dict[str, Steps] = field(default_factory=dict, repr=False)
    _in_force: dict[str, tuple[InForceInterval, ...]] = field(default_factory=dict, repr=False)

    def steps(self, event_id: str) -> Steps:
        """The level of an event from each day on; empty if it is not in this version or never in force."""
        if event_id not in self._steps:
            there = event_id in self.events
            self._steps[event_id] = timeline(self.events, event_id, self.known_on) if there else ()
        return self._steps[event_id]

    def in_force(self, event_id: str) -> tuple[InForceInterval, ...]:
        """The intervals in which an event is in force."""
        if event_id not in self._in_force:
            there = event_id in self.events
            self._in_force[event_id] = in_force(self.events, event_id, self.known_on) if there else ()
        return self._in_force[event_id]

    def edited(self, changed: Iterable[Event] = (), removed: Collection[str] = ()) -> EventVersion:
        """With some events replaced or added, and some removed."""
        new = {event.event_id: event for event in changed}
        if not new and not removed:
            return self
        kept = {event_id: event for event_id, event in self.events.items() if event_id not in removed}
        known = {event_id: now for event_id, event in new.items() if (now := event.known_on(self.known_on))}
        gone = new.keys() - known.keys()
        merged = (event for event_id, event in (kept | known).items() if event_id not in gone)
        events = Events(merged, as_of=self.known_on)
        touched = reached({*new, *removed}, self.events) | reached(new, events)
        return EventVersion(events, self.known_on, self.changed | touched)

    def taking(self, branch: Branch, starts: dt.date) -> EventVersion:
        """This version with a branch taken on ``starts``: a threat carried out, or a suspension over."""
        event = self.events[branch.event_id]
        taken = replace(event, event_id=comes_with(branch), status="enacted", effective=starts)
        taken = replace(taken, ended=None, end_known=None)
        if branch.cause == "threat":
            taken = replace(taken, kind="tariff" if "ad valorem" in event.value_unit else "export_control")
        else:
            again = (Act("reinstates", event_id) for event_id in branch.event_ids)
            taken = replace(taken, acts=(Act("terminates", branch.event_id), *again))
        return self.edited([taken])


def comes_with(branch: Branch) -> str:
    """Id of the event that comes with a branch: the threat itself, or one that ends the suspension."""
    return branch.event_id if branch.cause == "threat" else f"{branch.event_id}{ENDS}"


@dataclass(frozen=True, eq=False)
class ChanceNode:
    """A chance node: with ``probability`` a draw takes one of ``alternatives``, evenly likely, else the events as they
    are known.

    ``key`` seeds the decision, and the same key decides alike for every series and scenario; ``after``: the share of
    draws that another node of this key takes before.
    """

    key: str
    probability: float
    alternatives: tuple[EventVersion, ...]
    after: float = 0.0


def open_nodes(found: Iterable[Branch], version: EventVersion, spoken_of: Collection[str] = ()) -> list[ChanceNode]:
    """A chance node for each of these branches of a version that has a probability, but for those ``spoken_of``."""
    return [
        ChanceNode(b.chance, b.probability, (version.taking(b, b.starts or version.known_on),), b.after)
        for b in found
        if b.probability is not None and b.event_id not in spoken_of
    ]


@dataclass(frozen=True, eq=False)
class EventScenario:
    """A version of the events with assumed effects and chance nodes: what a forecast is conditional on."""

    version: EventVersion
    assumptions: Mapping[str, Assumption] = field(default_factory=dict)
    chance_nodes: tuple[ChanceNode, ...] = ()


def differing(a: Events, b: Events) -> set[str]:
    """Ids of the events that are not the same in both, and of those that they act on; prose does not count."""
    both = dict.fromkeys([*a, *b])
    differ = {i for i in both if a.get(i) is not b.get(i) and _facts(a.get(i)) != _facts(b.get(i))}
    return reached(differ, a) | reached(differ, b)


def _facts(event: Event | None) -> object:
    return event and replace(event, title="", status_as_of=None, status_note="", sources=(), certainty="")


def reached(event_ids: Iterable[str], events: Events) -> set[str]:
    """These events, and those that they act on, directly or by others."""
    found: set[str] = set()
    queue = list(event_ids)
    while queue:
        event_id = queue.pop()
        if event_id not in found:
            found.add(event_id)
            event = events.get(event_id)
            queue += [act.target for act in event.acts] if event else []
    return found
