"""Episodes: groups of events whose effects on one series can be separated by its data.

Events that start in the same period cannot be told apart by the data of a series; they become one episode, led by the
event that hits hardest. Every episode is in the model; of those that overlap a sample bears that about one per twenty
observations is reported apart.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from forecast.effects.affected import direction
from forecast.events import Event, Events, InForceInterval, KindFamily, Stringency, in_force, timeline, was_in_force
from forecast.events.duties import Trade, changes_by
from forecast.events.exposure import Minerals, exposure, flows
from forecast.interventions import Decay, Intervention, Licence, Shape, Step, Temporary
from forecast.timeseries.frequency import Days, Freq

if TYPE_CHECKING:
    from forecast.timeseries.series import Series
from forecast.wording import counted, counted_in_words

#: Observations that one episode costs.
OBSERVATIONS_PER_EPISODE = 20
#: Years after which an episode interests half as much.
RELEVANCE_HALF_LIFE = 10.0
#: Months within which the effects of two episodes overlap.
OVERLAP_MONTHS = 12
#: Share of a year that must be left at an announcement for that year's mean to have felt it.
FELT_SHARE = 0.1

#: Acts whose effect is already in the path of the measure that they act on.
_ON_A_PATH = frozenset({"suspends", "terminates", "reinstates", "extends"})
_MEASURES = frozenset({KindFamily.SUPPLY, KindFamily.TARIFF})
#: What a measure in force weighs against the mere talk of one, when there are more events than the data bear.
_WEIGHT = {
    KindFamily.SUPPLY: 1.0,
    KindFamily.SHOCK: 1.0,
    KindFamily.TARIFF: 0.9,
    KindFamily.RELIEF: 0.6,
    KindFamily.THREAT: 0.4,
}


@dataclass(frozen=True)
class Episode:
    """Events that one series cannot tell apart.

    ``episode_id``: id of the leading event; ``events``: ids of all, the leader first; ``stringency``: of the leader;
    ``direction``: expected sign on this series (+1, −1; 0 if unknown, or mixed so that no sign has three quarters of
    the strength); ``announced``, ``effective``, ``ended``: days of the leader;
    ``strength``: how hard the leader may hit, 0 to 1 (exposure, kind, certainty, whether it ever was in force);
    ``intervention``: one fixed best guess of how it acts; ``apart``: whether its effect is reported, and not only
    weighed with the others; ``told_with``: id of the episode that it is reported with, since the data cannot part them;
    ``in_force``: of each event the times in force as known at the training, none of what was only announced; a card of
    an older version says nothing of an event; ``exposure``: how squarely the leader hits the series, 0 to 1; ``dose``:
    of a leading tariff, see ``Event.dose``; ``share``: that of the strength of all which belongs to events as stringent
    as the leader that push the same way, 0 to 1: the less, the less is said of such events.
    """

    episode_id: str
    events: tuple[str, ...]
    stringency: Stringency
    direction: int
    announced: dt.date | None
    effective: dt.date | None
    ended: dt.date | None
    strength: float
    intervention: Intervention
    apart: bool = True
    told_with: str = ""
    in_force: Mapping[str, tuple[InForceInterval, ...]] = field(default_factory=dict)
    exposure: float = 1.0
    dose: float = 1.0
    share: float = 1.0

    @property
    def family(self) -> KindFamily:
        return self.stringency.family

    def gap(self, freq: Freq) -> int:
        """Periods from the announcement to the start; 0 where the announcement is unknown or later.

        A year that was all but over does not count: what is announced in its last days moves the mean of the next.
        """
        if self.announced is None:
            return 0
        since = int(freq.ordinal(self.intervention.start)) - int(freq.ordinal(self.announced))
        left = int((freq.end(self.announced) - np.datetime64(self.announced)).astype(int)) + 1
        return max(0, since - (freq.unit == "Y" and left < FELT_SHARE * freq.days))


@dataclass(frozen=True)
class Omission:
    """An episode that is not reported, and why."""

    episode_id: str
    events: tuple[str, ...]
    reason: str


def licence(events: Events, event_id: str, freq: Freq) -> Licence | None:
    """How a licence acts whose delay and rate of approval are on record, in periods."""
    terms = events.terms(event_id)
    return Licence(freq.months(terms[0]), terms[1]) if terms else None


def episodes(
    events: Events, series: Series, minerals: Minerals, ds: Days, *, limit: int | None = None, known_on: dt.date
) -> tuple[tuple[Episode, ...], tuple[Omission, ...]]:
    """The episodes of a sample (period starts ``ds``), in order of their start, and those left out.

    ``limit``: how many of those that overlap are reported apart; a twentieth of the sample by default, at least one.
    The weaker ones are in the model all the same, and listed with the reason. Those with an event that somebody took in
    come before all others, and are always reported. ``known_on``: the day whose knowledge counts. An episode that has
    not begun by the end of the sample is left to the answers.
    """
    freq = series.calendar
    merged, omitted = _touching(events.known_on(known_on), series, minerals, known_on, ds[-1])
    kept: list[Episode] = []
    for episode in merged:
        reason = _outside(episode, ds, freq)
        if reason:
            omitted.append(Omission(episode.episode_id, episode.events, reason))
        else:
            kept.append(episode)
    room = max(1, len(ds) // OBSERVATIONS_PER_EPISODE) if limit is None else limit
    last, own = ds[-1], {e.episode_id for e in kept if any(events[event_id].own for event_id in e.events)}
    ranks = {e.episode_id: _rank(e, direction(events[e.episode_id], series), last) for e in kept}
    ranked = sorted(
        kept,
        key=lambda e: (
            e.episode_id not in own,
            -ranks[e.episode_id],
            -e.intervention.start.astype(int),
            e.episode_id,
        ),
    )
    first = max(room, len(own))
    crowded = [e for e in ranked[first:] if any(overlap(e, other, freq) for other in ranked[:first])]
    allow = f"{counted(len(ds), freq.period)} allow {counted_in_words(room, 'event')} apart"
    reason = f"weighed with the others: {allow}"
    omitted += [Omission(e.episode_id, e.events, reason) for e in crowded]
    chosen = [replace(e, apart=e not in crowded) for e in ranked]
    return tuple(sorted(chosen, key=lambda e: (e.intervention.start.astype(int), e.episode_id))), tuple(omitted)


def overlap(one: Episode, other: Episode, freq: Freq) -> bool:
    """Whether two episodes start within ``OVERLAP_MONTHS`` of each other."""
    starts = (int(freq.ordinal(e.intervention.start)) for e in (one, other))
    return abs(next(starts) - next(starts)) <= freq.months(OVERLAP_MONTHS)


def _touching(
    events: Events, series: Series, minerals: Minerals, known_on: dt.date, last: np.datetime64
) -> tuple[list[Episode], list[Omission]]:
    touching = {}
    for event in events.values():
        strength = exposure(event, series, minerals)
        if strength > 0 and (event.effective or event.announced):
            touching[event.event_id] = (event, strength)
    omitted, carried = [], _carried(event for event, _ in touching.values())
    for event_id, target in carried:
        omitted.append(Omission(event_id, (event_id,), f"is in the path of {target}, on which it acts"))
        del touching[event_id]
    duties = _Duties(events, series, minerals, known_on, dict(carried))
    for event_id, (event, _) in list(touching.items()):
        changes = duties.changes(event) if event.family is KindFamily.TARIFF else ()
        if changes and not any(points for _, points in changes):
            omitted.append(Omission(event_id, (event_id,), "changes nothing in the duty that is paid"))
            del touching[event_id]
    groups: dict[int, list[tuple[Event, float]]] = {}
    for event, strength in touching.values():
        period = int(series.calendar.ordinal(_start(events, event, known_on)))
        groups.setdefault(period, []).append((event, strength))
    return [_episode(events, group, duties, last) for group in groups.values()], omitted


@dataclass(frozen=True)
class _Duties:
    """What measures change in the duty on the trade of a series; ``carried``: of the events that go on with what
    another began, the other."""

    events: Events
    series: Series
    minerals: Minerals
    known_on: dt.date
    carried: Mapping[str, str]

    def changes(self, *tariffs: Event) -> tuple[tuple[dt.date, float], ...]:
        """The points that tariffs change together from each day on; empty where the duty is on no record, or not the
        same on all flows."""
        chain = [event.event_id for event in tariffs]
        for name in chain:
            chain += [other for other, target in self.carried.items() if target == name and other not in chain]
        met = dict.fromkeys(flow for event in tariffs for flow in flows(event, self.series))
        trades = [Trade(self.series.mineral, *flow) for flow in met]
        found = {changes_by(self.events, chain, trade, self.minerals, self.known_on) for trade in trades}
        return found.pop() if len(found) == 1 else ()

    def steps(self, leader: Event, group: Iterable[Event]) -> tuple[tuple[dt.date, float], ...]:
        """By day the level of a tariff with those that the data cannot tell from it, or else of it alone: 1 is the
        most that they charge. Empty where the duty is on no record."""
        if leader.family is not KindFamily.TARIFF:
            return ()
        changes = self.changes(*(event for event in group if event.family is KindFamily.TARIFF))
        changes = changes or self.changes(leader)
        most = max((points for _, points in changes), key=abs, default=0.0)
        return tuple((day, points / most) for day, points in changes) if most else ()


def _carried(touching: Iterable[Event]) -> list[tuple[str, str]]:
    """Events that only suspend, end, revive or prolong measures which touch the series themselves, or tell how many of
    their licences are granted."""
    by_id = {event.event_id: event for event in touching}
    carried = []
    for event in by_id.values():
        on_a_path = _ON_A_PATH | {"amends"} if event.tells_terms else _ON_A_PATH
        targets = [by_id.get(act.target) for act in event.acts if act.relation in on_a_path]
        measures = [t for t in targets if t is not None and t.family in _MEASURES]
        if measures and len(measures) == len(event.acts):
            carried.append((event.event_id, measures[0].event_id))
    return carried


def _start(events: Events, event: Event, known_on: dt.date) -> dt.date:
    """The first day in force; the announcement of what never came into force."""
    steps = timeline(events, event.event_id, known_on)
    day = steps[0][0] if steps else event.announced or event.effective
    assert day is not None
    return day


def _episode(events: Events, group: Sequence[tuple[Event, float]], duties: _Duties, last: np.datetime64) -> Episode:
    series, known_on = duties.series, duties.known_on
    weighed = [(event, exposed * _weight(events, event, known_on)) for event, exposed in group]
    ordered = sorted(weighed, key=lambda pair: (-pair[1], pair[0].known_from, pair[0].event_id))
    leader, strength = ordered[0]
    signs = [direction(event, series) for event, _ in ordered]
    alike = sum(
        weight
        for (event, weight), sign in zip(ordered, signs, strict=True)
        if event.stringency is leader.stringency and sign == signs[0]
    )
    return Episode(
        leader.event_id,
        tuple(event.event_id for event, _ in ordered),
        leader.stringency,
        _prevailing(signs, [weight for _, weight in ordered]),
        leader.announced,
        leader.effective,
        leader.ended,
        strength,
        _best_guess(leader, [event for event, _ in ordered], duties, last),
        in_force={event.event_id: in_force(events, event.event_id, known_on) for event, _ in ordered},
        exposure=next(exposed for event, exposed in group if event is leader),
        dose=leader.dose,
        share=alike / sum(weight for _, weight in ordered),
    )


def _prevailing(signs: Sequence[int], weights: Sequence[float]) -> int:
    """The sign that three quarters of the weight of those with a sign have; 0 if none has."""
    net = sum(sign * weight for sign, weight in zip(signs, weights, strict=True))
    total = sum(weight for sign, weight in zip(signs, weights, strict=True) if sign)
    return 0 if abs(net) < total / 2 or not total else 1 if net > 0 else -1


def _best_guess(event: Event, group: Sequence[Event], duties: _Duties, last: np.datetime64) -> Intervention:
    """The default shape of an event that leads a group: measures hold while in force; shocks and announcements last
    until their end, or fade. A tariff is as strong as what is paid more by it, where that is on record.

    Of what was not in force for long enough to be seen in the periods up to ``last`` there is no path that comes back:
    if it does, it is a measure that nobody has seen.
    """
    events, freq, known_on = duties.events, duties.series.calendar, duties.known_on
    start = np.datetime64(_start(events, event, known_on), "D")
    steps = duties.steps(event, group) or timeline(events, event.event_id, known_on)
    if not was_in_force(in_force(events, event.event_id, known_on), freq, last):
        steps = tuple(step for step in steps if step[0] <= freq.end(last).item()) or steps
    if event.family in (KindFamily.SHOCK, KindFamily.THREAT):
        return Intervention(_passing(event, start, freq), start)
    shape = licence(events, event.event_id, freq) or Step()
    if len(steps) < 2:
        return Intervention(shape, start)
    if event.family is KindFamily.TARIFF or len(steps) > 2 or steps[1][1] != 0.0 or steps[0][1] != 1.0:
        return Intervention(shape, start, intensity=tuple((np.datetime64(day, "D"), level) for day, level in steps))
    return Intervention(shape, start, end=np.datetime64(steps[1][0] - dt.timedelta(days=1), "D"))


def _passing(event: Event, start: np.datetime64, freq: Freq) -> Shape:
    if event.ended is None or event.ended < start.astype(dt.date):
        return Decay(0.8)
    return Temporary(int(freq.ordinal(event.ended)) - int(freq.ordinal(start)) + 1)


def _outside(episode: Episode, ds: Days, freq: Freq) -> str:
    """Why a sample cannot speak of an episode; empty if it can."""
    first, last = int(freq.ordinal(ds[0])), int(freq.ordinal(ds[-1]))
    start = int(freq.ordinal(episode.intervention.start))
    if start > last:
        return "begins after the sample"
    if start > first:
        return ""
    changes = [day for day, _ in episode.intervention.intensity[1:]]
    if episode.intervention.end is not None:
        changes.append(episode.intervention.end)
    within = any(first <= int(freq.ordinal(day)) < last for day in changes)
    return "" if within else "began before the sample"


def _weight(events: Events, event: Event, known_on: dt.date) -> float:
    talk = event.family in (KindFamily.SHOCK, KindFamily.THREAT)
    in_force = 1.0 if talk or timeline(events, event.event_id, known_on) else 0.5
    return _WEIGHT[event.family] * event.credence * in_force


def _rank(episode: Episode, expected: int, last: np.datetime64) -> float:
    """How much an episode interests; ``expected``: the direction of its leader, whatever is mixed into it."""
    years = float((last - episode.intervention.start).astype(int)) / 365.25
    return episode.strength * (1.0 if expected else 0.5) * float(0.5 ** (years / RELEVANCE_HALF_LIFE))
