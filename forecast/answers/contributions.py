"""Contributions of events to the future of a series: revised ones of recorded events, and new ones of others.

What is found here is plain data, a ``Contribution`` an event; ``paths`` says what the parts add, draw by draw.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecast.answers.event_priors import EventClass, Evidence
from forecast.answers.event_versions import Assumption, EventScenario, EventVersion, differing, reached
from forecast.answers.forecast_periods import ForecastPeriods, Levels, Spell, Steps
from forecast.answers.new_contributions import LicenceGrants, NewContribution, merged, net
from forecast.answers.precedent_paths import PrecedentContribution, PrecedentPath
from forecast.effects import EffectRecord, EpisodeEffect
from forecast.effects.candidates import in_periods
from forecast.effects.episodes import licence
from forecast.effects.event_classes import BUILD_UP, Size
from forecast.events import Event, KindFamily, was_in_force
from forecast.events.exposure import Minerals, exposure
from forecast.interventions import Licence, Shape, at_full
from forecast.timeseries.series import Floats, Series

#: Acts whose effect is the path of the measure that they act on.
_ON_A_PATH = frozenset({"suspends", "terminates", "reinstates", "extends"})
_NOTHING = Assumption()


@dataclass(frozen=True)
class RevisedContribution:
    """Contribution of a recorded event whose ``share`` of its episode's path has other spells than the stored draws.

    ``drawn``: the spells that the stored draws hold; ``spells``: those that count instead; ``gone``: it never was.
    ``stated``: mean and sd on the log that somebody says instead of the estimate; ``path``: that of a precedent,
    likewise; ``shape``, ``levels``: likewise;
    a licence under which none is granted yet is a ``shape`` by its terms on record, too.
    """

    event_id: str
    effect: EpisodeEffect
    share: float
    drawn: tuple[Spell, ...] = ()
    spells: tuple[Spell, ...] = ()
    stated: Size | None = None
    shape: Shape | None = None
    levels: Levels = ()
    path: PrecedentPath | None = None
    gone: bool = False


Contribution = RevisedContribution | NewContribution | PrecedentContribution


@dataclass(frozen=True)
class ChanceContributions:
    """Contributions at a chance node: with ``probability``, ``after`` what others of this key take, those of one of
    ``alternatives``, else those of all draws."""

    key: str
    probability: float
    alternatives: tuple[tuple[Contribution, ...], ...]
    after: float = 0.0


@dataclass(frozen=True)
class ContributionSet:
    """Contributions in one scenario: ``contributions`` to all draws, but for those that take one of ``chances``."""

    contributions: tuple[Contribution, ...]
    chances: tuple[ChanceContributions, ...] = ()

    @property
    def every(self) -> tuple[Contribution, ...]:
        """Those of all draws, and those of some."""
        of_some = (one for chance in self.chances for some in chance.alternatives for one in some)
        return (*self.contributions, *(one for one in of_some if one not in self.contributions))

    def beyond(self, known: ContributionSet) -> tuple[Contribution, ...]:
        """Those that ``known`` does not have."""
        before = known.every
        return tuple(one for one in self.every if one not in before)

    def without(self, known: ContributionSet) -> tuple[Contribution, ...]:
        """Those of ``known`` of events that this one has nothing of."""
        there = {one.event_id for one in self.every}
        return tuple(one for one in known.every if one.event_id not in there)


@dataclass(frozen=True, eq=False)
class ContributionModel:
    """The contributions of events to one series after its last observation, in any version of the events.

    ``record``: what past events did; ``trained``: the events as known when the draws were made; ``known``: as known
    now; ``evidence``: what events of a kind do, for those whose effect nobody has seen.
    """

    series: Series
    record: EffectRecord
    ahead: ForecastPeriods
    trained: EventVersion
    known: EventVersion
    minerals: Minerals
    evidence: Evidence

    def of(self, scenario: EventScenario, check: Callable[[], None] = lambda: None) -> ContributionSet:
        """The contributions in a scenario, and in each version that a draw may take; ``check`` is called before
        each."""

        def contributions(version: EventVersion) -> tuple[Contribution, ...]:
            check()
            return self._contributions(version, scenario.assumptions)

        chances = (
            ChanceContributions(c.key, c.probability, tuple(map(contributions, c.alternatives)), c.after)
            for c in scenario.chance_nodes
        )
        return ContributionSet(contributions(scenario.version), tuple(chances))

    def touches(self, event_id: str) -> bool:
        """Whether an event, as it is known, is about this series."""
        return self._exposure(event_id) > 0

    def notes(
        self, scenario: EventScenario, additions: ContributionSet, known: Sequence[Contribution] = ()
    ) -> tuple[str, ...]:
        """What is taken of each coming event whose effect nobody has seen or stated, but for ``known`` parts."""
        found = [(scenario.version, additions.contributions)]
        for node, chance in zip(scenario.chance_nodes, additions.chances, strict=True):
            found += zip(node.alternatives, chance.alternatives, strict=True)
        by_event: dict[str, str] = {}
        for version, contributions in found:
            for each in contributions:
                if isinstance(each, NewContribution) and not each.stated and each not in known:
                    event = version.events.get(each.event_id) or self.known.events[each.event_id]
                    begun, own = self._begun(each.event_id), self._own(each.event_id)
                    by_event[each.event_id] = self.evidence.in_words(event, self.series, begun=begun, own=own)
        together: dict[str, list[str]] = {}
        for event_id in sorted(by_event):
            together.setdefault(by_event[event_id], []).append(event_id)
        return tuple(f"{', '.join(event_ids)}: {words}" for words, event_ids in together.items())

    # -- which parts -----------------------------------------------------------------------------------------------

    def _contributions(self, version: EventVersion, assumptions: Mapping[str, Assumption]) -> tuple[Contribution, ...]:
        # The act that brings measures back has no effect of its own beside what is stated of them.
        stated = {event_id: one.group for event_id, one in assumptions.items() if one.says(self.series)}
        changed = (version.changed | assumptions.keys()) - (set(stated.values()) - stated.keys())
        recorded = sorted((self._drifted | self._licensed | changed) & self._effects.keys())
        revised = [self._revised(event_id, version, assumptions.get(event_id, _NOTHING)) for event_id in recorded]
        coming = {event_id: c for event_id, c in self._new_as_known.items() if event_id not in changed}
        apart: list[NewContribution] = []
        likened: list[PrecedentContribution] = []
        for event_id in sorted(changed):
            assumption = assumptions.get(event_id, _NOTHING)
            if path := assumption.path(self.series):
                likened += self._likened(event_id, version, path)
            elif assumption.group and not assumption.size(self.series):
                known = self._new_as_known.get(event_id)
                coming |= {event_id: known} if known else {}
                found = self._new(event_id, version, assumption, known)
                apart += [found] if found else []
            elif found := self._new(event_id, version, assumption):
                coming[event_id] = found
        new = merged([*(coming[i] for i in sorted(coming)), *apart])
        return (*(each for each in revised if each), *new, *likened)

    @cached_property
    def _effects(self) -> dict[str, EpisodeEffect]:
        """The effect of the episode that each event is part of."""
        return {event_id: effect for effect in self.record.effects for event_id in effect.episode.events}

    @cached_property
    def _drifted(self) -> set[str]:
        """Events with a clear effect whose life looks different today from what was known at the training."""
        if self.known.known_on <= self.trained.known_on:
            return set()
        clear = {e for e, effect in self._effects.items() if effect.episode.episode_id in self.record.clear}
        return differing(self.trained.events, self.known.events) & clear

    @cached_property
    def _new_as_known(self) -> dict[str, NewContribution]:
        # The period of a last day is whole: what ends in the last one observed is missed from the next one on. What
        # began before may have to build up, or to be licensed.
        since: dt.date = self.ahead.freq.start(self.ahead.origin).item()
        late = {
            event.event_id
            for event in self.known.events.values()
            if max(event.effective or dt.date.min, event.ended or dt.date.min) >= since
            or self.known.events.terms(event.event_id)
            or self._builds_up(event)
        }
        found = {event_id: self._new(event_id, self.known, _NOTHING) for event_id in reached(late, self.known.events)}
        return {event_id: coming for event_id, coming in found.items() if coming}

    def _revised(self, event_id: str, version: EventVersion, assumption: Assumption) -> RevisedContribution | None:
        """The part of an episode's path that goes on differently from what the run's draws hold, if it does."""
        effect, share = self._effects[event_id], self._share(event_id)
        if event_id in self._fresh:
            return None
        if event_id not in version.events:
            return RevisedContribution(event_id, effect, share, gone=True) if event_id in self.known.events else None
        steps, drawn = version.steps(event_id), self._steps_drawn(event_id)
        stated, shape = assumption.size(self.series), assumption.response(self.ahead.freq)
        path = assumption.path(self.series)
        if not shape and (stated or effect.episode.episode_id in self.record.clear):
            shape = self._ungranted(event_id, version)
        # An episode that was never in force is one of talk: the measure itself, if it comes, comes on top.
        if not self._was_in_force(event_id) or (steps == drawn and not (shape or assumption.levels or stated or path)):
            return None
        spells = self.ahead.spells(drawn), self.ahead.spells(steps)
        return RevisedContribution(
            event_id, effect, share, *spells, Size(*stated) if stated else None, shape, assumption.levels, path
        )

    def _new(
        self, event_id: str, version: EventVersion, assumption: Assumption, known: NewContribution | None = None
    ) -> NewContribution | None:
        """What an event that the record does not tell changes after the last observation, beyond what is ``known``."""
        event = version.events.get(event_id) or self.known.events.get(event_id)
        if event is None or event.family is KindFamily.THREAT or self._in_record(event_id):
            return None
        stated = assumption.size(self.series)
        if stated == (0.0, 0.0) or (not stated and _on_a_path(event)):
            return None
        kind = self._kind(event)
        size = Size(*stated) if stated else self._unseen(event, kind)
        if not (size.mean or size.sd):
            return None
        column, granted = self._level(event_id, version, assumption)
        if known:
            column = column - known.column
            granted += tuple(each.already() for each in known.granted)
        levels = net(column, granted).tolist()
        first = next((k for k, level in enumerate(levels) if level), None)
        if first is None:
            return None
        sign = kind.direction * (1 if levels[first] > 0 else -1)
        late = event.effective if self._builds_up(event) else None
        begins = int(self.ahead.freq.ordinal(late)) if late else self.ahead.origin + 1 + first
        episode = (event_id,) if stated else (assumption.group, begins, sign)
        return NewContribution(event_id, size, tuple(column.tolist()), episode, bool(stated), granted)

    def _likened(self, event_id: str, version: EventVersion, path: PrecedentPath) -> Sequence[PrecedentContribution]:
        """An event that the record does not tell and that goes as a precedent went, if it is in force at all."""
        spells, seen = self.ahead.spells(version.steps(event_id)), self.ahead.spells(self.known.steps(event_id))
        there = spells and not self._in_record(event_id)
        return [PrecedentContribution(event_id, path, spells, seen)] if there else []

    def _in_record(self, event_id: str) -> bool:
        """Whether the record tells what an event does."""
        return self._was_in_force(event_id) and event_id not in self._fresh

    def _unseen(self, event: Event, kind: EventClass) -> Size:
        """An effect that the record does not tell: by its kind, by how squarely it hits the series, before it begins by
        how far its record is believed, and once it has by its own data, if it has any."""
        weight = exposure(event, self.series, self.minerals)
        if weight and not self._begun(event.event_id):
            weight *= event.credence
        own = self._own(event.event_id)
        return self.evidence.expected(kind, self.series, weight, own) if weight else Size(0.0, 0.0)

    def _level(
        self, event_id: str, version: EventVersion, assumption: Assumption
    ) -> tuple[Floats, tuple[LicenceGrants, ...]]:
        """(H,) the level of an event in each period, less its level, as it is known, at the last observation; and what
        is granted under it, less what was then.

        What is in force then goes on to build up, or to be licensed: no other shape moves it any more.
        """
        ahead, last = self.ahead, self.ahead.origin
        usual, stated = self._usual(self.known, event_id), assumption.response(ahead.freq)
        shape = stated or self._usual(version, event_id)
        before = [spell.start for spell in ahead.spells(self.known.steps(event_id)) if spell.start <= last < spell.stop]
        age = np.array([last - before[0]] if before else [-1], dtype=float)
        now = at_full(usual).response(age).item()
        approved_now = usual.approved(age).item() if isinstance(usual, Licence) else 0.0
        column, approved = np.zeros(len(ahead.ds)), np.zeros(len(ahead.ds))
        for spell in ahead.spells(version.steps(event_id)):
            goes_on = spell.start <= last and bool(before)
            k = (ahead.ordinals - (before[0] if goes_on else max(spell.start, last + 1))).astype(float)
            column += at_full(usual if goes_on else shape).response(k) * spell.inside(ahead.ordinals)
            acts = usual if goes_on and not isinstance(shape, Licence) else shape
            if isinstance(acts, Licence):
                approved += acts.approved_ahead(k, approved_now if goes_on else 0.0) * spell.inside(ahead.ordinals)
        column *= ahead.multiplier(assumption.levels)
        if not (approved_now or approved.any()):
            return column - now, ()
        there = LicenceGrants((now,) * len(column), (approved_now,) * len(column), times=-1.0)
        return column - now, (LicenceGrants(tuple(column.tolist()), tuple(approved.tolist())), there)

    def _usual(self, version: EventVersion, event_id: str) -> Shape:
        """How an effect comes about of which nobody says more: as a licence on record does, else it builds up."""
        granted = licence(version.events, event_id, self.ahead.freq) if event_id in version.events else None
        return granted or in_periods(BUILD_UP, self.ahead.freq)

    # -- what the record tells -------------------------------------------------------------------------------------

    @cached_property
    def _licensed(self) -> set[str]:
        """Events of the record that are licences with their terms."""
        events = self.known.events
        return {event_id for event_id in events if events.terms(event_id)} & self._effects.keys()

    def _ungranted(self, event_id: str, version: EventVersion) -> Licence | None:
        """A licence on record of which no observation has seen the grants: what comes back is in no estimate."""
        one = licence(version.events, event_id, self.ahead.freq)
        spells, ahead = self.ahead.spells(self.known.steps(event_id)), self.ahead.origin + 1
        return one if one and all(min(spell.stop, ahead) <= spell.start + one.delay for spell in spells) else None

    def _was_in_force(self, event_id: str) -> bool:
        """Whether the record holds the effect of an event that was in force, by what was known at the training."""
        times = self.trained.in_force(event_id) if event_id in self._effects else ()
        return was_in_force(times, self.ahead.freq, self.ahead.last)

    @cached_property
    def _fresh(self) -> frozenset[str]:
        """Events of the record that are in force, not built up at the last observation, and whose effect is not clear.

        Of these the record cannot tell yet what they do. A clear effect stays as it stood, built up or not: what it
        grows to is in no data, and shapes cannot be told apart well enough to forecast by.
        """
        return frozenset(
            event_id
            for event_id, effect in self._effects.items()
            if effect.episode.episode_id not in self.record.clear
            and (event := self.known.events.get(event_id))
            and self._builds_up(event)
            and not _on_a_path(event)
            and self._was_in_force(event_id)
        )

    def _own(self, event_id: str) -> EpisodeEffect | None:
        """The data of an event's own, if they count beside what others of its kind did."""
        return self._effects[event_id] if event_id in self._fresh else None

    def _kind(self, event: Event) -> EventClass:
        own = self._own(event.event_id)
        return EventClass.of_episode(own.episode) if own else EventClass.of_event(event, self.series)

    def _builds_up(self, event: Event) -> bool:
        """Whether an event took effect so late that it has not built up at the last observation."""
        after, until = self._young
        return event.effective is not None and after < event.effective <= until

    @cached_property
    def _young(self) -> tuple[dt.date, dt.date]:
        """Whether an event that took effect after the first day, and by the second, has not built up at the last
        observation."""
        freq, last = self.ahead.freq, self.ahead.origin
        ages = np.arange(float(freq.months(12)))
        young = int((in_periods(BUILD_UP, freq).response(ages) < 1).sum())
        return freq.end(freq.start(last - young)).item(), freq.end(freq.start(last)).item()

    def _begun(self, event_id: str) -> bool:
        """Whether an event was in force by the last observation, as it is known."""
        return any(spell.start <= self.ahead.origin for spell in self.ahead.spells(self.known.steps(event_id)))

    def _steps_drawn(self, event_id: str) -> Steps:
        """The life by which the run's draws go: what was known at the training; nothing moves an unclear effect."""
        return (self.trained if event_id in self._drifted else self.known).steps(event_id)

    def _exposure(self, event_id: str) -> float:
        events = self.known.events
        return exposure(events[event_id], self.series, self.minerals) if event_id in events else 0.0

    def _share(self, event_id: str) -> float:
        """The data cannot tell the events of an episode apart: each has the part of its exposure."""
        weights = {e: self._exposure(e) for e in self._effects[event_id].episode.events}
        total = sum(weights.values())
        return weights[event_id] / total if total else 1 / len(weights)


def _on_a_path(event: Event) -> bool:
    """Whether an event's effect is in the path of the measures that it acts on."""
    return event.tells_terms or any(act.relation in _ON_A_PATH for act in event.acts)
