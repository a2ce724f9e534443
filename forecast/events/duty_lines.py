"""Duty lines: what an event charges on goods of some origins, as its own words state it.

A *layer* is a legal programme (301 on China, 232, forced labour); layers add up, and within one the latest line in
force takes the place of the earlier ones. Rates are points of the value of the goods.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from forecast.events.event import Event, Events
from forecast.names import EU_MEMBERS, WORLD, Flow, Place, Slug

if TYPE_CHECKING:
    from forecast.events.exposure import Minerals

#: All goods, where a line names no mineral; and the basket from which an exemption list takes goods.
ALL_GOODS, NON_EXEMPT = Slug("*"), Slug("all-non-exempt")
#: How closely ``*`` and baskets name a mineral: less than any of its parents.
_BASKET = 100
_UNKNOWN = "whether it is exempt is not on record"
NO_RATE = "no rate in points of the value: value_after, and value_unit such as pp ad valorem"
#: The columns of an event in which a rate is stated.
STATING = ("title", "value_text", "intensity", "scope_note", "status_note", "mechanism")
#: The basis of a rate that is not added to the ordinary one.
INSTEAD = "instead of the ordinary rate"


@dataclass(frozen=True)
class DutyLine:
    """What one event charges on ``minerals`` from ``origins`` into ``destinations``.

    ``low``, ``high``: points of the value, equal where the rate is stated; None: that bound is on no record. ``basis``:
    of what they are points. ``since``, ``until``: first and last day where they are not those of the event; of two
    lines of one event the later one takes over. ``states``: (event, words) that state the rate; ``note``: why there are
    only bounds. ``exempt``, ``charged``: of a line on ``all-non-exempt``, the minerals of which the layer has said by
    then that they are exempt, and that they are not.
    """

    event_id: str
    layer: str
    origins: tuple[Place, ...]
    destinations: tuple[Place, ...]
    minerals: tuple[Slug, ...]
    low: float | None
    high: float | None
    basis: str = "value"
    since: date | None = None
    until: date | None = None
    states: tuple[tuple[str, str], ...] = ()
    note: str = ""
    exempt: tuple[tuple[Slug, str], ...] = ()
    charged: tuple[Slug, ...] = ()

    @property
    def is_exact(self) -> bool:
        return self.low is not None and self.low == self.high

    def nearness(self, origin: str, destination: str) -> int | None:
        """How closely it names an origin: 0 the place itself, 1 a union it is in, 2 the world; None if it does not."""
        if not any(_within(destination, place) is not None for place in self.destinations):
            return None
        return min((near for place in self.origins if (near := _within(origin, place)) is not None), default=None)

    def is_known(self, events: Events) -> bool:
        """Whether the events as they are known say the words that state it."""
        return all(name in events and is_said(events[name], words) for name, words in self.states)


@dataclass(frozen=True)
class AverageStep:
    """The added duty on all goods from an origin, in points: an average by the trade of 2024, from ``day`` on."""

    day: date
    destination: Place
    origin: Place
    points: float


def is_said(event: Event, words: str) -> bool:
    """Whether the record of an event says these words."""
    return any(words in getattr(event, column) for column in STATING)


def _within(place: str, named: str) -> int | None:
    if place == named:
        return 0
    if named == "EU" and place in EU_MEMBERS:
        return 1
    return 2 if named == WORLD else None


def places(flows: Iterable[Flow]) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
    """The exporters and the importers of some flows, each once."""
    pairs = tuple(flows)
    return tuple(dict.fromkeys(one for one, _ in pairs)), tuple(dict.fromkeys(other for _, other in pairs))


def naming(line: DutyLine, slug: str, minerals: Minerals) -> int | None:
    """How closely a line names a mineral: 0 itself, 1 what it is part of, more by a basket; None if it does not."""
    above = minerals.ancestors(slug)
    found = [
        0 if named == slug else 1 if named in above else _BASKET
        for named in line.minerals
        if named in (slug, ALL_GOODS) or named in above or minerals.is_basket(named)
    ]
    return min(found, default=None)


def charge(line: DutyLine, slug: str, minerals: Minerals) -> tuple[float | None, float | None, str]:
    """What a line charges on a mineral that it names, or whose basket it does: bounds, and why they are none closer."""
    if naming(line, slug, minerals) != _BASKET or NON_EXEMPT not in line.minerals:
        return line.low, line.high, line.note
    exempt: dict[str, str] = dict(line.exempt)
    for names in ([slug], sorted(minerals.ancestors(slug))):
        if set(names).intersection(line.charged):
            return line.low, line.high, line.note
        if by := next((exempt[name] for name in names if name in exempt), ""):
            return 0.0, 0.0, f"exempt, as {by} says"
    return (None if line.low is None else 0.0), line.high, "; ".join(filter(None, (line.note, _UNKNOWN)))


def verdict(lines: Iterable[DutyLine], slug: str, flow: Flow, minerals: Minerals) -> bool | None:
    """Whether lines of one event charge a mineral on a flow, whatever the day: True, False where they exempt it, None
    where they do not say."""
    found = [
        (named, near, line)
        for line in lines
        if (near := line.nearness(*flow)) is not None and (named := naming(line, slug, minerals)) is not None
    ]
    closest = min((each[:2] for each in found), default=None)
    rates = [charge(line, slug, minerals)[:2] for *near, line in found if tuple(near) == closest]
    if any(low for low, _ in rates):
        return True
    return False if rates and all(rate == (0.0, 0.0) for rate in rates) else None


Carry = Callable[[Event], Event]


def carrier(lines: Iterable[DutyLine], events: Mapping[str, Event]) -> Carry:
    """Puts its lines onto an event: those of the file, else what its own rate says.

    What the layer of a line has said before of what is exempt is settled here, from ``events``, all that there are.
    """
    by_event: dict[str, list[DutyLine]] = {}
    for line in lines:
        by_event.setdefault(line.event_id, []).append(line)
    layers: dict[str, list[tuple[date, DutyLine]]] = {}
    for event_id, of_event in by_event.items():
        if event_id in events:
            for line in of_event:
                layers.setdefault(line.layer, []).append((line.since or events[event_id].takes_effect, line))

    def carry(event: Event) -> Event:
        found = by_event.get(event.event_id, [])
        if not found or not _states_its_rate(event, found):
            found = _default(event, by_event, events)
        if not found:
            return event
        settled = (_settled(_placed(line, event), event, layers.get(line.layer, [])) for line in found)
        return replace(event, duties=tuple(settled))

    return carry


def _states_its_rate(event: Event, lines: Iterable[DutyLine]) -> bool:
    """Whether the lines of the file are of this rate: somebody may have given the event another one since."""
    if event.value_after is None or not event.is_ad_valorem:
        return True
    texts = [words for line in lines for _, words in line.states]
    rates = {rate for line in lines for rate in (line.low, line.high)}
    said = {float(number) for text in texts for number in re.findall(r"\d+(?:\.\d+)?", text)}
    return event.value_after in rates | said


def _default(event: Event, by_event: Mapping[str, list[DutyLine]], events: Mapping[str, Event]) -> list[DutyLine]:
    """What the rate of an event says that no line of the file is about, or that was given another rate."""
    theirs = event.own or event.event_id in by_event
    if not theirs or event.kind not in ("tariff", "tariff_relief") or not event.flows or not event.minerals:
        return []
    origins, destinations = places(event.flows)
    layer, rate = _layer(event, by_event, events), event.value_after
    if rate is None or not event.is_ad_valorem:
        if event.kind != "tariff" or event.event_id in by_event or "headline" in event.value_unit:
            return []
        basis = event.value_unit or "not said"
        return [DutyLine(event.event_id, layer, origins, destinations, event.minerals, None, None, basis, note=NO_RATE)]
    return [DutyLine(event.event_id, layer, origins, destinations, event.minerals, rate, rate)]


def _layer(event: Event, by_event: Mapping[str, list[DutyLine]], events: Mapping[str, Event]) -> str:
    """The layer of what an event amends or ends, and that of what it amended in its turn; else one of its own."""
    seen = {event.event_id}
    while event.event_id not in by_event:
        others = (act.target for act in event.acts if act.relation in ("amends", "terminates"))
        before = next((events[name] for name in others if name in events and name not in seen), None)
        if before is None:
            return event.event_id
        event = before
        seen.add(event.event_id)
    return by_event[event.event_id][0].layer


def _placed(line: DutyLine, event: Event) -> DutyLine:
    return line if line.destinations else replace(line, destinations=places(event.flows)[1])


def _settled(line: DutyLine, event: Event, layer: Iterable[tuple[date, DutyLine]]) -> DutyLine:
    """A line on what is not exempt, with what its layer has said of minerals up to then."""
    if NON_EXEMPT not in line.minerals or not line.origins:
        return line
    starts = line.since or event.takes_effect
    said: dict[Slug, tuple[tuple[int, date], DutyLine]] = {}
    for day, other in layer:
        near = min((n for place in other.origins if (n := _within(line.origins[0], place)) is not None), default=None)
        if day > starts or near is None:
            continue
        for slug in other.minerals:
            if slug in (NON_EXEMPT, ALL_GOODS):
                continue
            order = (-near, day)
            if slug not in said or order >= said[slug][0]:
                said[slug] = (order, other)
    exact = {slug: other for slug, (_, other) in sorted(said.items()) if other.is_exact}
    return replace(
        line,
        exempt=tuple((slug, other.event_id) for slug, other in exact.items() if not other.high),
        charged=tuple(slug for slug, other in exact.items() if other.high),
    )
