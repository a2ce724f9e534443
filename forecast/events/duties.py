"""Additional duties on a trade: what is paid on a mineral from an origin at a destination, day by day.

Everything is a function of the events, of a trade and of two days: the day of the crossing, and the day whose knowledge
counts. The ordinary rate of the tariff is in none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from forecast.events.duty_lines import DutyLine, charge, naming
from forecast.events.event import Event, Events
from forecast.events.exposure import Minerals
from forecast.events.lifecycle import timeline

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Trade:
    """A mineral that goes from one place to another."""

    mineral: str
    origin: str
    destination: str


@dataclass(frozen=True)
class DutyPart:
    """What one layer charges: ``low`` to ``high`` points of the value, None where that bound is on no record.

    ``event``, ``line``: what governs; ``since``: its first day at this rate; ``note``: why there are only bounds.
    """

    layer: str
    event: Event
    line: DutyLine
    low: float | None
    high: float | None
    since: date
    note: str = ""

    @property
    def is_exact(self) -> bool:
        return self.low is not None and self.low == self.high


@dataclass(frozen=True)
class Governing:
    """A line that may govern a trade: what it charges on it (``low`` to ``high``, and why so), the level of its event
    over time, and how closely it names the mineral and the origin (the smaller, the closer)."""

    event: Event
    line: DutyLine
    low: float | None
    high: float | None
    note: str
    steps: tuple[tuple[date, float], ...]
    naming: tuple[int, int]

    @property
    def start(self) -> date:
        """The first day on which it may govern."""
        return max(self.line.since or self.steps[0][0], self.steps[0][0])

    @property
    def days(self) -> set[date]:
        """The days from which on it may be otherwise."""
        last = self.line.until
        return {day for day, _ in self.steps} | {self.start} | ({last + _DAY} if last else set())

    def governs(self, day: date) -> bool:
        within = self.start <= day and (self.line.until is None or day <= self.line.until)
        return within and next((level for since, level in reversed(self.steps) if since <= day), 0.0) > 0

    def on(self, day: date) -> DutyPart:
        """What it charges on a day on which it governs."""
        again = (since for since, level in self.steps if level and since <= day)
        return DutyPart(self.line.layer, self.event, self.line, self.low, self.high, max(self.start, *again), self.note)


@dataclass(frozen=True)
class DutySchedule:
    """The duties on a trade on every day, as known on ``known_on``.

    ``lines``: by mineral, that of the trade and, where it has parts, each of them; who asks for all of it means all.
    """

    trade: Trade
    known_on: date
    lines: Mapping[str, tuple[Governing, ...]]

    @property
    def every(self) -> tuple[Governing, ...]:
        """The lines of all its minerals."""
        return tuple(each for some in self.lines.values() for each in some)

    @property
    def changes(self) -> tuple[date, ...]:
        """The days from which on a part may be another."""
        return tuple(sorted({day for each in self.every for day in each.days}))

    def on(self, day: date) -> tuple[DutyPart, ...]:
        """What each layer charges on a day, by layer; where it charges nothing by its own words, that is a part too."""
        layers = sorted({each.line.layer for each in self.every})
        return tuple(part for layer in layers if (part := self._part(layer, day)))

    def only(self, event_ids: Iterable[str], layers: Iterable[str]) -> DutySchedule:
        """What these events charge in these layers."""
        ids, names = set(event_ids), set(layers)
        kept = {
            slug: tuple(each for each in some if each.event.event_id in ids and each.line.layer in names)
            for slug, some in self.lines.items()
        }
        return replace(self, lines=kept)

    def _part(self, layer: str, day: date) -> DutyPart | None:
        found = {slug: _governing(some, layer, day) for slug, some in self.lines.items()}
        whole = found[self.trade.mineral]
        parts = {slug: part for slug, part in found.items() if slug != self.trade.mineral} or found
        there = [part for part in parts.values() if part] or ([whole] if whole else [])
        if not there:
            return None
        # Some of its parts may be charged and others not: what is paid on all of it lies between.
        lows, highs = zip(*((part.low, part.high) if part else (0.0, 0.0) for part in parts.values()), strict=True)
        if len(set(zip(lows, highs, strict=True))) == 1:
            return whole or there[0]
        dearest = max(there, key=lambda part: (part.high is None, part.high or 0.0))
        told = ", ".join(f"{slug} {rate_in_words(part)}" for slug, part in parts.items())
        return replace(dearest, low=_bound(lows, min), high=_bound(highs, max), note=f"by what of it is meant: {told}")


def schedule(events: Events, trade: Trade, minerals: Minerals, known_on: date) -> DutySchedule:
    """The duties on a trade, from the lines of the events as they were known at the end of ``known_on``."""
    known = events.known_on(known_on)
    parts = [slug for slug in sorted(minerals.parents) if trade.mineral in minerals.ancestors(slug)]
    ends = [slug for slug in parts if not any(slug in minerals.ancestors(other) for other in parts)]
    lines: dict[str, list[Governing]] = {slug: [] for slug in (trade.mineral, *ends)}
    for event in known.values():
        met = [
            (line, near)
            for line in event.duties
            if (near := line.nearness(trade.origin, trade.destination)) is not None
        ]
        met = [(line, near) for line, near in met if _is_known(line, event, known, known_on)]
        steps = timeline(known, event.event_id, known_on) if met else ()
        for line, near in met if steps else ():
            for slug, some in lines.items():
                closely = naming(line, slug, minerals)
                if closely is not None:
                    some.append(Governing(event, line, *charge(line, slug, minerals), steps, (closely, near)))
    return DutySchedule(trade, known_on, {slug: tuple(some) for slug, some in lines.items()})


def changes_by(
    events: Events, event_ids: Sequence[str], trade: Trade, minerals: Minerals, known_on: date
) -> tuple[tuple[date, float], ...]:
    """What a measure changes in the duty on a trade, in points from each day on; empty where that is not on record.

    ``event_ids``: the event, and those that only go on with what it began. While it is in force it is what its layers
    charge by it, less what they charged on the day before it began.
    """
    whole = schedule(events, trade, minerals, known_on)
    own = [each for each in whole.every if each.event.event_id in event_ids]
    if not own:
        return ()
    layers = {each.line.layer for each in own}
    theirs = whole.only(event_ids, layers)
    started = min(each.start for each in own)
    before = [part for part in whole.on(started - _DAY) if part.layer in layers]
    days = [day for day in theirs.changes if day >= started]
    on = [(day, theirs.on(day)) for day in days]
    if not all(part.is_exact for part in (*before, *(part for _, parts in on for part in parts))):
        return ()
    was = total(before)[0]
    found: list[tuple[date, float]] = []
    for day, parts in on:
        points = total(parts)[0] - was if parts else 0.0
        if not found or points != found[-1][1]:
            found.append((day, points))
    return tuple(found)


def total(parts: Iterable[DutyPart]) -> tuple[float, float | None]:
    """The bounds of all parts together: a lower bound that is on no record counts as nothing, and without an upper one
    there is none."""
    found = list(parts)
    highs = [part.high for part in found]
    return sum(part.low or 0.0 for part in found), _bound(highs, sum) if found else 0.0


def _bound(rates: Iterable[float | None], join: Callable[[Iterable[float]], float]) -> float | None:
    found = list(rates)
    known = [rate for rate in found if rate is not None]
    return join(known) if len(known) == len(found) else None


def _is_known(line: DutyLine, event: Event, known: Events, known_on: date) -> bool:
    """Whether a line could be known: its words are said, and a later step of the event has come."""
    later = line.since if line.since and line.since > event.takes_effect else None
    return line.is_known(known) and (later is None or later <= known_on)


def _governing(lines: Iterable[Governing], layer: str, day: date) -> DutyPart | None:
    """The line of the latest event of a layer in force; of one event the closest in mineral, then in origin, then the
    latest."""
    now = [each for each in lines if each.line.layer == layer and each.governs(day)]
    if not now:
        return None
    latest = max(now, key=lambda each: (each.steps[0][0], each.event.known_from, each.event.event_id)).event.event_id
    of_latest = (each for each in now if each.event.event_id == latest)
    return min(of_latest, key=lambda each: (*each.naming, -each.start.toordinal(), each.line.minerals)).on(day)


def rate_in_words(part: DutyPart | None) -> str:
    """``25``, ``0 to 25``, ``at least 15``, ``unknown``."""
    if part is None:
        return "0"
    low, high = part.low, part.high
    if low is not None and high is not None:
        return f"{high:g}" if low == high else f"{low:g} to {high:g}"
    return f"at least {low:g}" if low else "unknown" if high is None else f"at most {high:g}"
