"""Which events touch which series, and how squarely: the only place that says so.

An event touches a series by what it is about (minerals) and by where it acts (flows). The two strengths multiply.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from forecast.timeseries.series import Series

if TYPE_CHECKING:
    from forecast.events import Event

WORLD = "WLD"


@dataclass(frozen=True)
class Minerals:
    """The tree of minerals: ``parents`` of each slug; ``baskets`` (all-cn-origin) stand for any mineral."""

    parents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    baskets: frozenset[str] = frozenset()

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[str, str, str]]) -> Minerals:
        """From rows (mineral, parent or '', kind); kind ``basket`` marks a basket, a second parent is a second row."""
        parents: dict[str, set[str]] = {}
        baskets = set()
        for mineral, parent, kind in rows:
            parents.setdefault(mineral, set()).update({parent} - {""})
            if kind == "basket":
                baskets.add(mineral)
        return cls({mineral: frozenset(above) for mineral, above in parents.items()}, frozenset(baskets))

    def __contains__(self, slug: object) -> bool:
        return slug in self.parents

    def is_basket(self, slug: str) -> bool:
        return slug in self.baskets

    def ancestors(self, slug: str) -> frozenset[str]:
        """Everything above a mineral, itself left out."""
        found: set[str] = set()
        above = set(self.parents.get(slug, ()))
        while above:
            found |= above
            above = {p for a in above for p in self.parents.get(a, ())} - found
        return frozenset(found)

    def related(self, a: str, b: str) -> bool:
        """The same mineral, or one contains the other; never siblings."""
        return bool(a) and (a == b or a in self.ancestors(b) or b in self.ancestors(a))


def exposure(event: Event, series: Series, minerals: Minerals) -> float:
    """How squarely an event hits a series, from 0 (not at all) to 1 (this mineral, this flow).

    Minerals match themselves, what contains them and what they contain, never siblings; a basket touches every flow
    it acts on and no world price. A flow A>B touches exports of A (to B or the world) and imports of B (from A or the
    world), ``WLD`` being any; a world series is touched by any flow of its mineral.
    """
    what = _about(event, series, minerals)
    return what and what * _where(event, series)


def _about(event: Event, series: Series, minerals: Minerals) -> float:
    # Several parts of a mineral are more of it than one.
    return 1.0 - math.prod(1.0 - _mineral(slug, series, minerals) for slug in event.minerals)


def _mineral(slug: str, series: Series, minerals: Minerals) -> float:
    if minerals.is_basket(slug):
        if series.flow == "world":
            return 0.0
        return 1.0 if _holds_anything(series, minerals) else 0.7
    if _holds_anything(series, minerals):
        # A mineral is a small part of all goods; a world price without a mineral (cotton) holds none.
        return 0.0 if series.flow == "world" else 0.3
    if slug == series.mineral:
        return 1.0
    if slug in minerals.ancestors(series.mineral):
        return 0.9
    return 0.8 if series.mineral in minerals.ancestors(slug) else 0.0


def _holds_anything(series: Series, minerals: Minerals) -> bool:
    return not series.mineral or minerals.is_basket(series.mineral)


def _where(event: Event, series: Series) -> float:
    if series.flow == "world":
        return max((_world(origin, destination) for origin, destination in event.flows), default=1.0)
    return max((_flow(origin, destination, series) for origin, destination in event.flows), default=0.0)


def _world(origin: str, destination: str) -> float:
    # What is kept from everybody moves a world price more than what is kept from one buyer, who is served by others.
    if destination == WORLD:
        return 1.0
    return 0.8 if origin == WORLD else 0.6


def _flow(origin: str, destination: str, series: Series) -> float:
    # Seen from the reporter: its own side of the flow, and the partner's.
    own, other = (origin, destination) if series.flow == "export" else (destination, origin)
    if own not in (series.reporter, WORLD):
        return 0.0
    if other in (series.partner, WORLD):
        return 1.0
    return 0.6 if series.partner == WORLD else 0.0
