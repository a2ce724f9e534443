"""Which events are asked for: by what they touch, are about, who acts, and of which kind they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forecast.errors import NotFound
from forecast.events import KINDS, Event, Events
from forecast.events.exposure import Minerals, exposure
from forecast.names import WORLD, Flow, Place

if TYPE_CHECKING:
    from forecast.catalog import Catalog


@dataclass(frozen=True)
class EventFilter:
    """What is asked of an event; what is None or empty asks nothing.

    ``series_id``: it touches the series. ``mineral``: it names the mineral, a parent or a part of it, or a basket of
    goods on a flow of the mineral. ``actor``: who acts. ``kind``: such as ``tariff``. ``since``: something became known
    of it on that day or later, that it is retired included.
    """

    series_id: str | None = None
    mineral: str | None = None
    actor: str | None = None
    kind: str | None = None
    since: dt.date | None = None

    def of(self, events: Events, catalog: Catalog) -> tuple[Event, ...]:
        """The events that are asked for, by id; what was retired since a day is news of that day too. Raises
        ``NotFound`` for a series, a mineral, a kind or an actor that there is not, and ``Retired``."""
        tests, since = self._tests(events, catalog), self.since
        listed = [event for event in events.values() if since is None or events.told_of(event.event_id) >= since]
        if since is not None:
            listed += [event for day, event in events.retired.values() if day >= since]
        found = (event for event in listed if all(test(event) for test in tests))
        return tuple(sorted(found, key=lambda event: event.event_id))

    def _tests(self, events: Events, catalog: Catalog) -> list[Callable[[Event], bool]]:
        tests: list[Callable[[Event], bool]] = []
        minerals = catalog.minerals()
        if self.kind:
            if self.kind not in KINDS:
                raise NotFound("kind of event", self.kind, KINDS)
            tests.append(lambda event: event.kind == self.kind)
        if self.actor:
            actors = {event.actor for event in catalog.events().values()} - {""}
            if self.actor not in actors:
                raise NotFound("actor", self.actor, actors, "who acts in an event, such as CHN, USA or EU")
            tests.append(lambda event: event.actor == self.actor)
        if self.mineral:
            tests.append(_about(known_mineral(self.mineral, minerals), events, catalog))
        if self.series_id:
            series = catalog.get(self.series_id)
            tests.append(lambda event: exposure(event, series, minerals) > 0)
        return tests


def known_mineral(slug: str, minerals: Minerals) -> str:
    """The slug, if there is such a mineral. Raises ``NotFound`` with the nearest there are."""
    if slug not in minerals:
        raise NotFound("mineral", slug, minerals.parents)
    return slug


def _about(slug: str, events: Events, catalog: Catalog) -> Callable[[Event], bool]:
    """Whether an event is about a mineral. A basket holds what is traded on the flows it acts on, which are looked for
    in the series of the mineral and in the events that name it: what a basket exempts is in no record."""
    minerals = catalog.minerals()

    def names(event: Event) -> bool:
        return any(minerals.related(slug, mineral) for mineral in event.minerals)

    if minerals.is_basket(slug):
        return names
    traded: set[Flow] = {flow for event in events.values() if names(event) for flow in event.flows}
    for series in catalog.series().values():
        if series.flow != "world" and minerals.related(slug, series.mineral):
            own, other = series.reporter, series.partner
            traded.add((own, other) if series.flow == "export" else (other, own))
    traded.discard((Place(WORLD), Place(WORLD)))  # what is felt everywhere says nothing of where a mineral is traded

    def holds(event: Event) -> bool:
        return any(map(minerals.is_basket, event.minerals)) and any(_meets(flow, traded) for flow in event.flows)

    return lambda event: names(event) or holds(event)


def _meets(flow: Flow, others: Collection[Flow]) -> bool:
    """Whether a flow may carry what is on one of the others; the world is any place."""
    return any(all(a == b or WORLD in (a, b) for a, b in zip(flow, other, strict=True)) for other in others)
