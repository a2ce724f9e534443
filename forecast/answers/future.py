"""What events add to the future of a series, draw by draw.

A run holds what its model drew and what past events had done. The rest is here: how the path of a past event goes on
when it ends, returns or never was; what coming events may do; and which draws live in which of several futures.
Every size hangs on (seed, series, event) and every choice between futures on (seed, event): the same numbers in each
scenario, so that a difference of scenarios is one of worlds and not of luck, and one world for all series.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from forecast.answers.champion import serving
from forecast.answers.contributions import Coming, Part, Rewritten, Spell, merged
from forecast.answers.event_priors import Evidence
from forecast.answers.event_versions import Assumption, Choice, Steps, Version, World, differing, reached
from forecast.effects import EpisodeEffect
from forecast.effects.candidates import columns, in_periods
from forecast.effects.episodes import direction
from forecast.effects.event_classes import BUILD_UP
from forecast.events import Branch, Event, Events, KindFamily, branches
from forecast.events.exposure import Minerals, exposure
from forecast.interventions import Intervention, mean_intensity
from forecast.registry import Registry, Run
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats, Series

if TYPE_CHECKING:
    from forecast.catalog import Catalog

#: Acts whose effect is the path of the measure that they act on.
_ON_A_PATH = frozenset({"suspends", "terminates", "reinstates", "extends"})
_NEVER = 2**62
_NOTHING = Assumption()
_NO_EVIDENCE = Evidence()


Draws = npt.NDArray[np.float32]


class Future:
    """The draws of one run in any version of the events.

    ``events``: as known at the end of ``as_of``; ``evidence``: what events of a kind do, for those whose effect nobody
    has seen. The H periods of the run's draws follow its last observation.
    """

    def __init__(
        self,
        run: Run,
        series: Series,
        minerals: Minerals,
        events: Events,
        as_of: dt.date,
        evidence: Evidence = _NO_EVIDENCE,
    ) -> None:
        self.run, self.series, self.as_of, self.evidence = run, series, as_of, evidence
        self.known = Version(events, as_of)
        self.events_known_to: dt.date | None = None
        #: Levels of intervals, and the quantiles of the draws for them: what was asked last.
        self.summary: tuple[tuple[int, ...], Floats] | None = None
        self._latest: tuple[World, list[Part]] | None = None
        self.minerals = minerals
        self._freq = series.calendar
        self._last = int(self._freq.ordinal(run.last))
        self.ds: Days = self._freq.range(self._freq.shift(run.last, 1), run.draws.shape[1])
        self._ordinals = np.arange(self._last + 1, self._last + 1 + len(self.ds))
        self._seed = int(run.card["settings"]["seed"])
        trained_on = min(dt.date.fromisoformat(run.card["as_of"]), as_of)
        self._trained = Version(events.known_on(trained_on), trained_on)
        self._effects = {event_id: effect for effect in run.record.effects for event_id in effect.episode.events}

    @classmethod
    def of(cls, catalog: Catalog, registry: Registry, series_ids: Sequence[str], as_of: dt.date) -> list[Future]:
        """The futures of series by their champions. What one finds out is kept with its run, while nothing changes.

        Raises ``NotFound``, ``NotTrained``, and ``InvalidInput`` for a day that is too early for a run.
        """
        every, events, minerals = catalog.series(), catalog.events(), catalog.minerals()
        evidence, futures = Evidence.of(registry), []
        for series_id in series_ids:
            series = every.get(series_id) or catalog.get(series_id)
            run = serving(series, registry, as_of)
            source, future = run.derived.get("future", (None, None))
            known = future is not None and future.evidence is evidence and future.as_of == as_of
            if source is not events or not known or future.series != series:
                future = cls(run, series, minerals, events.known_on(as_of), as_of, evidence)
                future.events_known_to = catalog.events_known_to(as_of)
                run.derived["future"] = events, future
            futures.append(cast(Future, future))
        return futures

    # -- draws -----------------------------------------------------------------------------------------------------

    @cached_property
    def draws(self) -> Draws:
        """(H, n) joint draws in the series' unit, in the world as it is known. Not to be written to."""
        forward = self.run.record.forward(self.ds, self._freq, self.run.last)
        log = np.ascontiguousarray((self.run.draws + forward).T)
        return np.exp(log + self._sum(self._baseline_parts) + self._baseline_forks).astype(np.float32)

    def draws_in(self, world: World) -> Draws:
        """(H, n) the same in another world: the very same numbers where it changes nothing."""
        change = self.change(world).astype(np.float32)
        moved = slice(next(iter(np.flatnonzero(change.any(axis=1))), len(change)), None)
        there = self.draws.copy()
        there[moved] *= np.exp(change[moved])
        return there

    def change(self, world: World) -> Floats:
        """(H, n) what a world changes of the log of the draws; 0 where it changes nothing."""
        parts = self._parts_of(world)
        change = self._difference(parts, self._baseline_parts)
        if world.choices or self.baseline.choices:
            change += self._forks(world, parts) - self._baseline_forks
        return change

    def uniform(self, key: str) -> Floats:
        """(n,) numbers from 0 to 1 by which draws choose: the same in every scenario and, of one seed, every series."""
        return self._rng(key).random(len(self.run.draws))

    @cached_property
    def baseline(self) -> World:
        """The events as they are known; of the open branches, those with a probability are drawn with it."""
        return World(
            self.known,
            choices=tuple(
                Choice(branch.event_id, branch.probability, (self.known.taking(branch, branch.starts or self.as_of),))
                for branch in self.branches
                if branch.probability is not None
            ),
        )

    @cached_property
    def open_branches(self) -> tuple[Branch, ...]:
        """All branches open on ``as_of``."""
        return branches(self.known.events, self.as_of)

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The open branches that touch the series, by what would start or what would end with them."""
        return tuple(
            branch
            for branch in self.open_branches
            if any(self._exposure(event_id, self.known.events) for event_id in (branch.event_id, *branch.event_ids))
        )

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What the draws take of coming events whose effect nobody has seen."""
        return self._told(self.baseline, ())

    def notes_in(self, world: World) -> tuple[str, ...]:
        """The same of what another world adds."""
        return self._told(world, self._baseline_parts)

    def _told(self, world: World, known: Sequence[Part]) -> tuple[str, ...]:
        found = [(world.version, self._parts_of(world))]
        for version in (version for choice in world.choices for version in choice.alternatives):
            found.append((version, self._parts(version, world.assumptions)))
        told: dict[str, str] = {}
        for version, parts in found:
            for part in parts:
                stated = world.assumptions.get(part.event_id, _NOTHING).size(self.series)
                if isinstance(part, Coming) and part not in known and not stated:
                    event = version.events.get(part.event_id) or self.known.events[part.event_id]
                    told[part.event_id] = self.evidence.in_words(event, self.series)
        together: dict[str, list[str]] = {}
        for event_id in sorted(told):
            together.setdefault(told[event_id], []).append(event_id)
        return tuple(f"{', '.join(event_ids)}: {words}" for words, event_ids in together.items())

    # -- which parts -----------------------------------------------------------------------------------------------

    @cached_property
    def _baseline_parts(self) -> list[Part]:
        return self._parts(self.known, {})

    @cached_property
    def _baseline_forks(self) -> Floats:
        return self._forks(self.baseline, self._baseline_parts)

    def _parts_of(self, world: World) -> list[Part]:
        """Those of a world but for its choices; of the last that was asked for they are at hand."""
        if self._latest is None or self._latest[0] is not world:
            self._latest = world, self._parts(world.version, world.assumptions)
        return self._latest[1]

    def _parts(self, version: Version, assumptions: Mapping[str, Assumption]) -> list[Part]:
        changed = version.changed | assumptions.keys()
        recorded = sorted((self._drifted | changed) & self._effects.keys())
        rewritten = [self._rewritten(event_id, version, assumptions.get(event_id, _NOTHING)) for event_id in recorded]
        coming = {event_id: c for event_id, c in self._coming_as_known.items() if event_id not in changed}
        apart: list[Coming] = []
        for event_id in sorted(changed):
            assumption = assumptions.get(event_id, _NOTHING)
            if assumption.group and not assumption.size(self.series):
                known = self._coming_as_known.get(event_id)
                coming |= {event_id: known} if known else {}
                already = np.array(known.column) if known else 0.0
                found = self._coming(event_id, version, assumption, already)
                apart += [found] if found else []
            elif found := self._coming(event_id, version, assumption):
                coming[event_id] = found
        return [part for part in rewritten if part] + merged([*(coming[i] for i in sorted(coming)), *apart])

    @cached_property
    def _drifted(self) -> set[str]:
        """Events with a clear effect whose life looks different today from what was known at the training."""
        clear = {e for e, effect in self._effects.items() if effect.episode.episode_id in self.run.record.clear}
        return (
            differing(self._trained.events, self.known.events) & clear if self.as_of > self._trained.known_on else set()
        )

    @cached_property
    def _coming_as_known(self) -> dict[str, Coming]:
        # The period of a last day is whole: what ends in the last one observed is missed from the next one on.
        since: dt.date = self._freq.start(self._last).item()
        late = {
            event.event_id
            for event in self.known.events.values()
            if max(event.effective or dt.date.min, event.ended or dt.date.min) >= since
        }
        found = {
            event_id: self._coming(event_id, self.known, _NOTHING) for event_id in reached(late, self.known.events)
        }
        return {event_id: coming for event_id, coming in found.items() if coming}

    def _rewritten(self, event_id: str, version: Version, assumption: Assumption) -> Rewritten | None:
        """The part of an episode's path that goes on differently from what the run's draws hold, if it does."""
        if event_id not in version.events:
            gone = Rewritten(event_id, self._share(event_id), (), _NOTHING, gone=True)
            return gone if event_id in self.known.events else None
        says = assumption.shape or assumption.levels or assumption.size(self.series)
        # An episode that was never in force is one of talk: the measure itself, if it comes, comes on top.
        if not self._lived(event_id) or (version.steps(event_id) == self._steps_drawn(event_id) and not says):
            return None
        return Rewritten(event_id, self._share(event_id), version.steps(event_id), assumption)

    def _coming(
        self, event_id: str, version: Version, assumption: Assumption, already: Floats | float = 0.0
    ) -> Coming | None:
        """What an event outside the record changes after the last observation, if anything more than ``already``."""
        event = version.events.get(event_id) or self.known.events.get(event_id)
        if event is None or event.family is KindFamily.THREAT or self._lived(event_id):
            return None
        stated = assumption.size(self.series)
        if stated == (0.0, 0.0) or (not stated and any(act.relation in _ON_A_PATH for act in event.acts)):
            return None
        size = stated or self._unseen(event)
        if size == (0.0, 0.0):
            return None
        column = (self._level(event_id, version, assumption) - already).tolist()
        first = next((k for k, level in enumerate(column) if level), None)
        if first is None:
            return None
        sign = direction(event, self.series) * (1 if column[first] > 0 else -1)
        episode = (event_id,) if stated else (assumption.group, first, sign)
        return Coming(event_id, size, tuple(column), episode)

    def _unseen(self, event: Event) -> tuple[float, float]:
        """Mean and sd on the log of what an event of its kind does, by how squarely this one hits the series."""
        weight = exposure(event, self.series, self.minerals)
        if not weight:
            return 0.0, 0.0
        prior = self.evidence.prior(event.family, self.series, without=(event.event_id,))
        mean, sd = prior.towards(direction(event, self.series))
        return weight * mean, weight * sd

    def _level(self, event_id: str, version: Version, assumption: Assumption) -> Floats:
        """(H,) the level of an event in each period, less its level, as it is known, at the last observation."""
        known = self._in_force(self.known.steps(event_id))
        before = any(spell.start <= self._last < spell.stop for spell in known)
        shape = assumption.shape or in_periods(BUILD_UP, self._freq)
        column = np.zeros(len(self.ds))
        for spell in self._in_force(version.steps(event_id)):
            if spell.start <= self._last and before:
                response = np.ones(len(self.ds))
            else:
                response = shape.response((self._ordinals - max(spell.start, self._last + 1)).astype(float))
            column += response * spell.inside(self._ordinals)
        return column * self._multiplier(assumption) - float(before)

    def _multiplier(self, assumption: Assumption) -> Floats | float:
        return mean_intensity(assumption.levels, self.ds, self._freq) if assumption.levels else 1.0

    def _in_force(self, steps: Steps) -> list[Spell]:
        ends = [*(day for day, _ in steps[1:]), None]
        return [
            Spell(day, int(self._freq.ordinal(day)), self._stop(end))
            for (day, level), end in zip(steps, ends, strict=False)
            if level
        ]

    def _stop(self, end: dt.date | None) -> int:
        """The first period without a measure that is no longer in force on ``end``: its last day's period is whole."""
        return _NEVER if end is None else int(self._freq.begun(end - dt.timedelta(days=1))) + 1

    def _lived(self, event_id: str) -> bool:
        """Whether the record holds the effect of an event that was in force."""
        return event_id in self._effects and bool(self._trained.steps(event_id))

    def _steps_drawn(self, event_id: str) -> Steps:
        """The life by which the run's draws go: what was known at the training; nothing moves an unclear effect."""
        return (self._trained if event_id in self._drifted else self.known).steps(event_id)

    def _exposure(self, event_id: str, events: Events) -> float:
        return exposure(events[event_id], self.series, self.minerals) if event_id in events else 0.0

    def _share(self, event_id: str) -> float:
        """The data cannot tell the events of an episode apart: each has the part of its exposure."""
        weights = {e: self._exposure(e, self.known.events) for e in self._effects[event_id].episode.events}
        total = sum(weights.values())
        return weights[event_id] / total if total else 1 / len(weights)

    # -- what they amount to ---------------------------------------------------------------------------------------

    def _difference(self, parts: Sequence[Part], less: Sequence[Part]) -> Floats:
        gone = [part for part in less if part not in parts]
        new = self._sum([part for part in parts if part not in less])
        return new - self._sum(gone) if gone else new

    def _forks(self, world: World, parts: Sequence[Part]) -> Floats:
        """(H, n) what is added in the draws that take a fork; ``parts``: those of the world as it is."""
        total = np.zeros((len(self.ds), len(self.run.draws)))
        for choice in world.choices:
            u = self.uniform(choice.key)
            which = np.floor(u / (choice.probability or 1.0) * len(choice.alternatives))
            for i, alternative in enumerate(choice.alternatives):
                change = self._difference(self._parts(alternative, world.assumptions), parts)
                total += np.where((u < choice.probability) & (which == i), change, 0.0)
        return total

    def _sum(self, parts: Iterable[Part]) -> Floats:
        """(H, n) what these parts add, always summed in one order: the same parts, the same digits."""
        total = np.zeros((len(self.ds), len(self.run.draws)))
        for part in sorted(parts, key=lambda part: part.event_id):
            if isinstance(part, Coming):
                total += np.array(part.column)[:, None] * self._sizes(part.event_id, part.size)
            else:
                total += self._rewrite(part)
        return total

    def _rewrite(self, part: Rewritten) -> Floats:
        effect = self._effects[part.event_id]
        own = part.share * effect.size
        if part.gone:
            held = effect.held(self.ds, self._freq, self.run.last)
            return np.asarray(-held.T[:, effect.choice] * own)
        drawn = self._responses(effect, self._steps_drawn(part.event_id), _NOTHING)
        rows = self._responses(effect, part.steps, part.assumption)
        stated = part.assumption.size(self.series)
        if not stated:
            return np.asarray((rows - drawn).T[:, effect.choice] * own)
        # What somebody states is what the event does, not its share in what an episode did.
        return rows.T[:, effect.choice] * self._sizes(part.event_id, stated) - drawn.T[:, effect.choice] * own

    def _responses(self, effect: EpisodeEffect, steps: Steps, assumption: Assumption) -> Floats:
        """(K, H) each candidate at full strength while in force: as it stood at the last observation, or begun anew."""
        rows = np.zeros((len(effect.candidates), len(self.ds)))
        for spell in self._in_force(steps):
            if spell.stop <= self._last + 1:
                continue
            if spell.start <= self._last:
                guess, held = replace(effect.candidates[0], end=None, intensity=()), self.run.last
            else:
                guess, held = Intervention(in_periods(BUILD_UP, self._freq), np.datetime64(spell.day, "D")), None
            begun = [
                replace(guess, shape=assumption.shape or c.shape, lead=c.lead if held else 0) for c in effect.candidates
            ]
            rows += columns(begun, self.ds, self._freq, held) * spell.inside(self._ordinals)
        return rows * self._multiplier(assumption)

    def _sizes(self, event_id: str, size: tuple[float, float]) -> Floats:
        mean, sd = size
        z: Floats = self._rng(self.series.series_id, event_id).standard_normal(len(self.run.draws))
        return mean + sd * z

    def _rng(self, *words: str) -> np.random.Generator:
        digest = hashlib.sha256("\n".join((str(self._seed), *words)).encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:16], "big"))
