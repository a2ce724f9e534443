"""Exposure of a series to an event, from 0 to 1: the only place that defines it.

An event touches a series by what it is about (minerals) and by where it acts (flows). The two strengths multiply.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from forecast.events.duty_lines import verdict
from forecast.names import WORLD, Flow
from forecast.timeseries.series import Series

if TYPE_CHECKING:
    from forecast.events import Event


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

    def tops(self, slug: str) -> frozenset[str]:
        """The minerals at the top of the tree that one is a part of: itself where it is part of none."""
        return frozenset(above for above in {slug, *self.ancestors(slug)} if not self.parents.get(above))

    def related(self, a: str, b: str) -> bool:
        """The same mineral, or one contains the other; never siblings."""
        return bool(a) and (a == b or a in self.ancestors(b) or b in self.ancestors(a))


def exposure(event: Event, series: Series, minerals: Minerals) -> float:
    """How squarely an event hits a series, from 0 (not at all) to 1 (this mineral, this flow).

    Minerals match themselves, what contains them and what they contain, never siblings: of several it is the one that
    the series is of that counts. A basket touches every flow it acts on and no world price: wholly where its duties are
    known to be paid on the mineral, not at all where they exempt it; all goods of a country are touched by baskets, and
    by what names several minerals. A flow A>B touches exports of A (to B or the world) and
    imports of B (from A or the world), ``WLD`` being any; a world series is touched by any flow of its mineral.
    """
    what = _about(event, series, minerals)
    return what and what * _where(event, series)


def untouched(event: Event, series: Series, minerals: Minerals) -> str:
    """Why an event does not touch a series: what it names, and what the series has; empty where it does."""
    if exposure(event, series, minerals) > 0:
        return ""
    named, one = ", ".join(event.minerals), series.series_id
    if not event.minerals:
        return "it names no mineral"
    if _paid(event, series, minerals) is False:
        return f"what it charges exempts {series.mineral}, as {_exempting(event, series, minerals)} says"
    if not _about(event, series, minerals):
        if not _holds_anything(series, minerals):
            return f"it is about {named}, and {one} is of {series.mineral}"
        seen = (
            "the price of no mineral"
            if series.flow == "world"
            else "of all goods, of which one mineral is a small part"
        )
        return f"it is about {named}, and {one} is {seen}"
    if not event.flows:
        return f"it names no flow, such as {_sides(series)}"
    acts_on = ", ".join(f"{origin}>{destination}" for origin, destination in event.flows)
    return f"it acts on {acts_on}, and {one} is of {_sides(series)}"


def _sides(series: Series) -> str:
    """The flow of a series, as events name one."""
    own, other = series.reporter, series.partner
    return f"{own}>{other}" if series.flow == "export" else f"{other}>{own}"


def _about(event: Event, series: Series, minerals: Minerals) -> float:
    # Two baskets hold the same goods; several parts of a mineral are more of it than one.
    baskets = any(map(minerals.is_basket, event.minerals))
    named = [slug for slug in event.minerals if not minerals.is_basket(slug)]
    if _holds_anything(series, minerals):
        if series.flow == "world":
            return 0.0  # the world price of no mineral (cotton) holds none
        return 1.0 if baskets else _of_all_goods(named, minerals)
    paid = _paid(event, series, minerals)
    if paid is not None:
        return float(paid)
    rest = math.prod(1.0 - _mineral(slug, series, minerals) for slug in named)
    return 1.0 - (0.3 if baskets and series.flow != "world" else 1.0) * rest


def _paid(event: Event, series: Series, minerals: Minerals) -> bool | None:
    """Whether what a basket charges is paid on a flow; None where that is on no record, and of what is no basket."""
    if not any(map(minerals.is_basket, event.minerals)) or _holds_anything(series, minerals):
        return None
    found = {verdict(event.duties, series.mineral, flow, minerals) for flow in flows(event, series)}
    return True if True in found else False if found == {False} else None


def _exempting(event: Event, series: Series, minerals: Minerals) -> str:
    """The event that says of the mineral of a series that a basket does not hold it."""
    said: dict[str, str] = {slug: by for line in event.duties for slug, by in line.exempt}
    names = (series.mineral, *sorted(minerals.ancestors(series.mineral)))
    return next((said[name] for name in names if name in said), event.event_id)


def flows(event: Event, series: Series) -> tuple[Flow, ...]:
    """The flows of an event that a series has a part in, between the places that both name; none of a world series."""
    if series.flow == "world":
        return ()
    own, other = series.reporter, series.partner
    exporter, importer = (own, other) if series.flow == "export" else (other, own)
    met = (flow for flow in event.flows if _flow(*flow, series))
    return tuple(
        dict.fromkeys(
            (exporter if origin == WORLD else origin, importer if destination == WORLD else destination)
            for origin, destination in met
        )
    )


def _of_all_goods(named: Iterable[str], minerals: Minerals) -> float:
    # One mineral is too small a part of all goods to be seen in them; the more an event names, the wider it is.
    return 1.0 - 0.7 ** max(len({minerals.tops(slug) for slug in named}) - 1, 0)


def _mineral(slug: str, series: Series, minerals: Minerals) -> float:
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
