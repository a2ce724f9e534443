"""Precedents: past events whose effect was measured, the one that a scenario takes as its assumption, and the nearest.

An event is *measured* on a series if the serving run of that series has it in an episode which was in force, and of
which the data say something. Events that the data cannot part have one path: it is that of the episode, and named so.

**The most similar series** to one that is asked for, where an event was not measured on that itself: of the same class
of measures (prices, flows), then in this order: the same kind of place (world price, unit value, volume, value), the
same mineral, one that contains it or is contained, one of the same family of minerals, any other; an effect that is
told without being asked for; the same direction of flow; the same frequency; the same reporter; the same partner; the
id.

**The nearest precedents** of an event are those of its kind family measured on series of the same class of measures, by
the sum of these points: another stringency 2 (a ban for a licence); a mineral that contains it or is contained 1,
of the same family 2, another 4; another exporter 1 and another importer 1 (``WLD`` is any); another actor 1; the size
of the rate, where both have one in the same unit, |log₂| of the ratio, at most 2; another series than the one asked for
1, and for its mineral as many points as above. Equal ones come in order of their start, the latest first, then by id.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from pydantic import Field

from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.estimate import DAYS, PERCENT, Estimate
from forecast.answers.model import Part
from forecast.answers.precedent_paths import PrecedentPath, by_age
from forecast.answers.span import period_day
from forecast.effects.record import EpisodeEffect
from forecast.effects.report import report
from forecast.errors import Damaged
from forecast.events import Event, Events, days_in_force, was_in_force
from forecast.events.exposure import Minerals, exposure
from forecast.names import WORLD
from forecast.registry import Registry, Run
from forecast.timeseries.series import Series
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.catalog import Catalog

#: So many precedents are shown beside an event.
PRECEDENTS_SHOWN = 3
#: How unlike two minerals are: the same, one in the other, of one family, others.
_SAME, _RELATED, _FAMILY, _OTHER = 0, 1, 2, 4
_MOST_OF_RATES = 2.0
_DAYS_IN_MONTH = 365.25 / 12


class Precedent(Part):
    """A past event whose effect was measured."""

    event_id: str = Field(description="id of the past event")
    event_ids: tuple[str, ...] = Field(description="ids of the events of its episode, which the data cannot part")
    series_id: str = Field(description="id of the series on which it was measured")
    since: dt.date = Field(description="day from which its effect counts")
    days_in_force: int | None = Field(
        description="days in force up to the end of the sample; null in a run of an older version",
        json_schema_extra=DAYS,
    )
    effect: Estimate = Field(
        description="mean effect over the periods in force, at most a year, as `effects` tells it",
        json_schema_extra=PERCENT,
    )

    def __str__(self) -> str:
        low, high = self.effect.interval(90)
        count = None if self.days_in_force is None else round(self.days_in_force / _DAYS_IN_MONTH)
        months = "" if count is None else f", {counted(count, 'month')} in force"
        return f"{self.event_id} on {self.series_id}: {self.effect.median:+.0f} % ({low:+.0f} to {high:+.0f} %){months}"


@dataclass(frozen=True, eq=False)
class Measured:
    """The effect of one episode on the series of a serving run; ``told``: without being asked for, since it could be
    estimated apart from others."""

    run: Run
    effect: EpisodeEffect
    told: bool

    @property
    def series(self) -> Series:
        """The series, as it was when its run was trained."""
        return self.run.card.series

    @property
    def leader(self) -> str:
        """Id of the event that hits hardest of the episode."""
        return self.effect.episode.episode_id

    @property
    def start(self) -> dt.date:
        """Day from which its effect counts."""
        return period_day(self.effect.episode.intervention.start)

    @property
    def observed(self) -> int:
        """Periods of the series from the start on."""
        freq, last = self.run.record.freq, self.run.record.last
        return int(freq.ordinal(last)) - int(freq.ordinal(self.effect.episode.intervention.start)) + 1

    @property
    def says_something(self) -> bool:
        """Whether it was in force while it was observed, and the data say something of it."""
        record, times = self.run.record, self.effect.episode.in_force.get(self.leader)
        there = times is None or was_in_force(times, record.freq, record.last)
        return self.effect.identified and self.observed > 0 and there

    def days_in_force(self, event_id: str) -> int | None:
        """Days in force up to the end of the sample."""
        record, times = self.run.record, self.effect.episode.in_force.get(event_id)
        return None if times is None else days_in_force(times, record.freq.end(record.last).item())


@dataclass(frozen=True, eq=False)
class Library:
    """What the serving runs measured, an episode and series each."""

    measured: tuple[Measured, ...]
    _told: dict[tuple[str, str], Precedent] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, registry: Registry, retired: Collection[str] = ()) -> Library:
        """Of the runs that serve series which are not retired."""
        return _of_runs(registry, tuple((n, run) for n, run in registry.champions().items() if n not in retired))

    @cached_property
    def by_event(self) -> Mapping[str, Sequence[Measured]]:
        """Where each event was measured, also as one of several of an episode."""
        found: dict[str, list[Measured]] = {}
        for one in self.measured:
            for event_id in one.effect.episode.events:
                found.setdefault(event_id, []).append(one)
        return found

    @cached_property
    def leaders(self) -> Mapping[str, Sequence[Measured]]:
        """Where each event was measured apart from others, as the one that hits hardest of its episode."""
        found: dict[str, list[Measured]] = {}
        for one in (one for one in self.measured if one.told):
            found.setdefault(one.leader, []).append(one)
        return found

    def told(self, catalog: Catalog, one: Measured) -> Precedent:
        """A measured effect as an answer."""
        key = one.series.series_id, one.leader
        if key not in self._told:
            record = one.run.record
            found = report(catalog.history(one.series.series_id, one.run.card.seen), record, one.leader)
            assert found.average is not None, "what says something has a window"
            self._told[key] = Precedent(
                event_id=one.leader,
                event_ids=one.effect.episode.events,
                series_id=one.series.series_id,
                since=one.start,
                days_in_force=one.days_in_force(one.leader),
                effect=Estimate.of(found.average),
            )
        return self._told[key]


@lru_cache(maxsize=4)
def _of_runs(registry: Registry, serving: tuple[tuple[str, str], ...]) -> Library:
    measured: list[Measured] = []
    for series_id, _ in serving:
        try:
            run = registry.champion(series_id)
        except Damaged:
            continue
        reported = run.record.reported
        there = {event for effect in reported for event in effect.episode.events}
        weighed = [effect for effect in run.record.effects if effect.episode.episode_id not in there]
        found = [*(Measured(run, e, told=True) for e in reported), *(Measured(run, e, told=False) for e in weighed)]
        measured += [one for one in found if one.says_something]
    return Library(tuple(measured))


@dataclass(frozen=True, eq=False)
class Precedents:
    """What was measured of past events, with the ``events`` as they are known; ``edition``: of the catalogue."""

    catalog: Catalog
    library: Library
    events: Events
    minerals: Minerals
    edition: int = 0
    cache: Cache = NOTHING_KEPT
    _unlike_minerals: dict[tuple[str, str], int] = field(default_factory=dict, repr=False)

    def source(self, event_id: str, series: Series) -> Measured | None:
        """The effect of an event on a series or, where it was not measured on it, on the most similar one."""
        found = [one for one in self.library.by_event.get(event_id, ()) if _comparable(one.series, series)]

        def order(one: Measured) -> tuple[object, ...]:
            unlike = self._unlike(one.series, series)
            return (*unlike[:3], not one.told, *unlike[3:])

        return min(found, key=order, default=None)

    def on(self, event_id: str, series_id: str) -> Measured | None:
        """The effect of an event as it was measured on this series."""
        found = (one for one in self.library.by_event.get(event_id, ()) if one.series.series_id == series_id)
        return next(found, None)

    def path(
        self, event_id: str, one: Measured, series: Series, periods: int, exposed: float, scale: float
    ) -> PrecedentPath:
        """The path of a precedent as it is assumed on a series that an event hits with the exposure ``exposed``.

        It is what was measured, times the exposure of the event and over that of the precedent. ``scale``: times that.
        """
        weight = scale * exposed / one.effect.episode.exposure
        record = one.run.record
        draws = by_age(one.effect, record.freq, record.last, series.calendar, periods)
        name = one.series.series_id
        return PrecedentPath(
            event_id, one.effect.episode.events, name, record.freq, one.observed, weight, weight * draws
        )

    def nearest(self, event: Event, series: Series, without: Collection[str] = ()) -> tuple[Precedent, ...]:
        """The nearest precedents of an event for a series, the nearest first, none of the events ``without``; an event
        once, where it was measured on what is most like the series."""
        left_out = frozenset({event.event_id, *without})

        def make() -> tuple[Precedent, ...]:
            found = sorted(self._ranked(event, series, left_out), key=lambda pair: pair[0])
            return tuple(self.library.told(self.catalog, one) for _, one in found[:PRECEDENTS_SHOWN])

        key = "nearest", self.library, self.edition, self.events.as_of, event, series.series_id, left_out
        return self.cache.get(key, make)

    def hardest(self, event_ids: Iterable[str], series: Series) -> Event | None:
        """The one of some events that hits a series hardest."""
        there = [self.events[event_id] for event_id in sorted(event_ids) if event_id in self.events]
        return max(there, key=lambda event: exposure(event, series, self.minerals), default=None)

    def _ranked(
        self, event: Event, series: Series, without: Collection[str]
    ) -> Iterable[tuple[tuple[float, int, str], Measured]]:
        for event_id, measured in self.library.leaders.items():
            past = self.events.get(event_id)
            alike = [one for one in measured if _comparable(one.series, series)]
            if past is None or past.family is not event.family or not alike or event_id in without:
                continue
            one = min(alike, key=lambda one: self._unlike(one.series, series))
            yield (self._distance(event, past, one.series, series), -one.start.toordinal(), event_id), one

    def _distance(self, event: Event, past: Event, measured_on: Series, series: Series) -> float:
        """How far a past event is from one, in the points of the module's docstring."""
        named = event.minerals or (series.mineral,)
        minerals = min((self._apart(a, b) for a in named for b in past.minerals), default=_OTHER)
        flows = min((_differs(a[0], b[0]) + _differs(a[1], b[1]) for a in event.flows for b in past.flows), default=1.0)
        return (
            2.0 * (event.stringency is not past.stringency)
            + minerals
            + flows
            + (event.actor != past.actor)
            + _rates_apart(event, past)
            + (measured_on.series_id != series.series_id)
            + self._apart(measured_on.mineral, series.mineral)
        )

    def _unlike(self, one: Series, series: Series) -> tuple[object, ...]:
        """How unlike two series are, in the order of the module's docstring."""
        return (
            one.series_id != series.series_id,
            (one.flow == "world", one.measure) != (series.flow == "world", series.measure),
            self._apart(one.mineral, series.mineral),
            one.flow != series.flow,
            one.freq != series.freq,
            one.reporter != series.reporter,
            one.partner != series.partner,
            one.series_id,
        )

    def _apart(self, a: str, b: str) -> int:
        if (a, b) not in self._unlike_minerals:
            family = a and b and self.minerals.tops(a) & self.minerals.tops(b)
            farther = _RELATED if self.minerals.related(a, b) else _FAMILY if family else _OTHER
            self._unlike_minerals[a, b] = _SAME if a == b else farther
        return self._unlike_minerals[a, b]


def _comparable(one: Series, series: Series) -> bool:
    return one.measure_class is series.measure_class


def _differs(a: str, b: str) -> float:
    return float(a != b and WORLD not in (a, b))


def _rates_apart(event: Event, past: Event) -> float:
    """|log₂| of the ratio of two rates in one unit, at most ``_MOST_OF_RATES``; 0 where there are not two."""
    sizes = [abs((e.value_after or 0.0) - (e.value_before or 0.0)) for e in (event, past)]
    if event.value_unit != past.value_unit or not all(sizes):
        return 0.0
    return min(abs(math.log2(sizes[0] / sizes[1])), _MOST_OF_RATES)
