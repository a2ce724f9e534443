"""What events add to the future of a series, draw by draw, on the log.

A run holds what its model drew and what past events had done. The rest is here: how the path of a past event goes on
when it ends, returns or never was; what coming events may do; and which draws live in which of several futures.
Every size hangs on (seed, series, event) and every choice between futures on (seed, event): the same numbers in each
scenario, so that a difference of scenarios is one of worlds and not of luck, and one world for all series.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from forecast.calendars import Days
from forecast.effects.episodes import direction
from forecast.effects.shapes import columns
from forecast.events import Branch, Events, KindFamily, branches, timeline
from forecast.exposure import Minerals, exposure
from forecast.interventions import Intervention, Ramp, mean_intensity
from forecast.registry import Registry, Run
from forecast.series import Floats, Series
from forecast.worlds import Assumption, Choice, World, affected, reached, take

if TYPE_CHECKING:
    from forecast.catalog import Catalog

Steps = tuple[tuple[dt.date, float], ...]

#: Standard deviation on the log of what an event of unknown effect does to a price and to a flow: a coming event is
#: first of all uncertainty.
SPREAD_PRICE, SPREAD_FLOW = 0.034, 0.083
#: How an effect builds up when nothing else is said: half in its first period, whole from the second on.
BUILD_UP = Ramp(2)

#: Acts whose effect is the path of the measure that they act on.
_ON_A_PATH = frozenset({"suspends", "terminates", "reinstates", "extends"})
_NEVER = 2**62
_NOTHING = Assumption()


@dataclass(frozen=True)
class _Spell:
    """Some time in force: from ``day``, that is from period ``start``, until before period ``stop`` (ordinals)."""

    day: dt.date
    start: int
    stop: int

    def inside(self, ordinals: npt.NDArray[np.int64]) -> Floats:
        return ((ordinals >= self.start) & (ordinals < self.stop)).astype(float)


@dataclass(frozen=True)
class _Rewritten:
    """An event of the record whose ``share`` of the episode's path follows other ``steps``, or an assumption."""

    event_id: str
    share: float
    steps: Steps
    assumption: Assumption


@dataclass(frozen=True)
class _Coming:
    """An event outside the record: a ``size`` (mean, sd on the log) times a ``column`` over the H periods.

    Of those with the same ``episode``, only the strongest counts.
    """

    event_id: str
    size: tuple[float, float]
    column: tuple[float, ...]
    episode: tuple[object, ...]


_Part = _Rewritten | _Coming
#: What was worked out for one run in one request: paths of parts, and (None) what was drawn at the training.
Memo = dict[_Part | None, Floats]


class Future:
    """The paths of one run in any version of the events.

    ``events``: as known at the end of ``as_of``. The H periods of the run's draws follow its last observation.
    """

    def __init__(self, run: Run, series: Series, minerals: Minerals, events: Events, as_of: dt.date) -> None:
        self.run, self.series, self.events, self.as_of = run, series, events, as_of
        self.events_known_to: dt.date | None = None
        self._minerals = minerals
        self._freq = series.calendar
        self._last = int(self._freq.ordinal(run.last))
        self.ds: Days = self._freq.range(self._freq.shift(run.last, 1), run.draws.shape[1])
        self._ordinals = np.arange(self._last + 1, self._last + 1 + len(self.ds))
        self._seed = int(run.card["settings"]["seed"])
        self._trained_on = dt.date.fromisoformat(run.card["as_of"])
        self._known_then = events.known_on(min(self._trained_on, as_of))
        self._effects = {event_id: effect for effect in run.record.effects for event_id in effect.episode.events}

    @classmethod
    def of(cls, catalog: Catalog, registry: Registry, series_id: str, as_of: dt.date) -> Future:
        """The future of a series by its champion. What it finds out is kept with the run, while nothing changes.

        Raises ``NotFound`` or ``NotTrained``.
        """
        series, events = catalog.get(series_id), catalog.events()
        run = registry.champion(series_id)
        source, future = run.derived.get("future", (None, None))
        if source is not events or future.as_of != as_of or future.series != series:
            future = cls(run, series, catalog.minerals(), events.known_on(as_of), as_of)
            future.events_known_to = catalog.events_known_to(as_of)
            run.derived["future"] = events, future
        return cast(Future, future)

    def paths(self, world: World, memo: Memo | None = None) -> Floats:
        """(n, H) joint paths of the log in this world. ``memo`` carries what several worlds have in common."""
        memo = {} if memo is None else memo
        here = self._parts(world.events, world.assumptions)
        total = self._trained(memo) + self._sum(here, memo)
        for choice in world.choices:
            rng = self._rng(choice.key)
            taken = rng.random(len(total)) < choice.probability
            which = rng.integers(len(choice.alternatives), size=len(total))
            for i, alternative in enumerate(choice.alternatives):
                there = self._parts(alternative, world.assumptions)
                change = self._sum(set(there) - set(here), memo) - self._sum(set(here) - set(there), memo)
                total += np.where((taken & (which == i))[:, None], change, 0.0)
        return total

    @cached_property
    def baseline(self) -> World:
        """The events as they are known; of the open branches, those with a probability are drawn with it."""
        return World(
            self.events,
            choices=tuple(
                Choice(branch.event_id, branch.probability, (self.taken(branch),))
                for branch in self.branches
                if branch.probability is not None
            ),
        )

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The open branches that touch the series, by what would start or what would end with them."""
        return tuple(
            branch
            for branch in branches(self.events, self.as_of)
            if any(
                exposure(self.events[event_id], self.series, self._minerals) > 0
                for event_id in (branch.event_id, *branch.event_ids)
            )
        )

    @cached_property
    def first_day(self) -> dt.date:
        """The first day after the last observation."""
        day: dt.date = self.ds[0].item()
        return day

    def taken(self, branch: Branch) -> Events:
        """The events if the branch came to pass on its day; on ``as_of`` where none is set."""
        return take(self.events, branch, branch.starts or self.as_of, self.as_of)

    # -- which parts -----------------------------------------------------------------------------------------------

    def _parts(self, events: Events, assumptions: Mapping[str, Assumption]) -> list[_Part]:
        changed = (
            affected(self.events, events) | assumptions.keys() if events is not self.events else assumptions.keys()
        )
        recorded = sorted((self._drifted & self._clear | changed) & self._effects.keys())
        rewritten = [self._rewritten(event_id, events, assumptions.get(event_id, _NOTHING)) for event_id in recorded]
        coming = {event_id: c for event_id, c in self._coming_as_known.items() if event_id not in changed}
        for event_id in changed:
            if found := self._coming(event_id, events, assumptions.get(event_id, _NOTHING)):
                coming[event_id] = found
        return [part for part in rewritten if part] + _merged(coming[event_id] for event_id in sorted(coming))

    @cached_property
    def _drifted(self) -> set[str]:
        """Events whose life looks different today from what was known at the training."""
        return affected(self._known_then, self.events)

    @cached_property
    def _clear(self) -> set[str]:
        """Events of the record whose effect is clear enough to move a forecast that nobody asked to move."""
        clear = self.run.record.clear
        return {event_id for event_id, effect in self._effects.items() if effect.episode.episode_id in clear}

    @cached_property
    def _coming_as_known(self) -> dict[str, _Coming]:
        late = {
            event.event_id
            for event in self.events.values()
            if max(event.effective or dt.date.min, event.ended or dt.date.min) >= self.first_day
        }
        found = {event_id: self._coming(event_id, self.events, _NOTHING) for event_id in reached(late, self.events)}
        return {event_id: coming for event_id, coming in found.items() if coming}

    def _rewritten(self, event_id: str, events: Events, assumption: Assumption) -> _Rewritten | None:
        """The part of an episode's path that goes on differently from what was known at the training, if it does."""
        if event_id not in events:
            return _Rewritten(event_id, self._share(event_id), (), _NOTHING) if event_id in self.events else None
        trained = self._steps_trained(event_id)
        steps = timeline(events, event_id, self.as_of)
        says = assumption.shape or assumption.levels or assumption.size(self.series)
        # An episode that was never in force is one of talk: the measure itself, if it comes, comes on top.
        if not trained or (steps == trained and not says):
            return None
        return _Rewritten(event_id, self._share(event_id), steps, assumption)

    def _coming(self, event_id: str, events: Events, assumption: Assumption) -> _Coming | None:
        """What an event outside the record changes after the last observation, if anything."""
        event = events.get(event_id) or self.events.get(event_id)
        if event is None or event.family is KindFamily.THREAT or self._steps_trained(event_id):
            return None
        if event.acts and all(act.relation in _ON_A_PATH for act in event.acts):
            return None
        stated = assumption.size(self.series)
        weight = 1.0 if stated else exposure(event, self.series, self._minerals)
        if not weight:
            return None
        column = self._change(event_id, events, assumption).tolist()
        first = next((k for k, level in enumerate(column) if level), None)
        if first is None:
            return None
        spread = SPREAD_PRICE if self.series.is_price else SPREAD_FLOW
        sign = direction(event, self.series) * (1 if column[first] > 0 else -1)
        episode = (event_id,) if stated else (assumption.group, first, sign)
        return _Coming(event_id, stated or (0.0, weight * spread), tuple(column), episode)

    def _change(self, event_id: str, events: Events, assumption: Assumption) -> Floats:
        """(H,) the level of an event in each period, less its level at the last observation."""
        spells = self._spells(event_id, events)
        known = spells if events is self.events else self._spells(event_id, self.events)
        before = any(spell.start <= self._last < spell.stop for spell in known)
        shape = assumption.shape or BUILD_UP
        column = np.zeros(len(self.ds))
        for spell in spells:
            if spell.start <= self._last and before:
                response = np.ones(len(self.ds))
            else:
                response = shape.response((self._ordinals - max(spell.start, self._last + 1)).astype(float))
            column += response * spell.inside(self._ordinals)
        return column * self._multiplier(assumption) - float(before)

    def _multiplier(self, assumption: Assumption) -> Floats | float:
        return mean_intensity(assumption.levels, self.ds, self._freq) if assumption.levels else 1.0

    def _spells(self, event_id: str, events: Events) -> list[_Spell]:
        return self._in_force(timeline(events, event_id, self.as_of)) if event_id in events else []

    def _in_force(self, steps: Steps) -> list[_Spell]:
        ends = [*(day for day, _ in steps[1:]), None]
        return [
            _Spell(day, int(self._freq.ordinal(day)), self._stop(end))
            for (day, level), end in zip(steps, ends, strict=False)
            if level
        ]

    def _stop(self, end: dt.date | None) -> int:
        """The first period without a measure that is no longer in force on ``end``: its last day's period is whole."""
        return _NEVER if end is None else int(self._freq.ordinal(end - dt.timedelta(days=1))) + 1

    def _steps_trained(self, event_id: str) -> Steps:
        """The life of an event of the record, as the record saw it; empty for any other event."""
        if event_id not in self._effects or event_id not in self._known_then:
            return ()
        return timeline(self._known_then, event_id, self._trained_on)

    def _share(self, event_id: str) -> float:
        """The data cannot tell the events of an episode apart: each has the part of its exposure."""
        members = self._effects[event_id].episode.events
        weights = {m: exposure(self.events[m], self.series, self._minerals) for m in members if m in self.events}
        total = sum(weights.values())
        return weights.get(event_id, 0.0) / total if total else 1 / len(members)

    # -- what they amount to ---------------------------------------------------------------------------------------

    def _trained(self, memo: Memo) -> Floats:
        """(n, H) the future as it looked at the training."""
        if None not in memo:
            memo[None] = self.run.draws + self.run.record.forward(self.ds, self._freq, self.run.last)
        return memo[None]

    def _sum(self, parts: Collection[_Part], memo: Memo) -> Floats:
        """(n, H) what these parts add, always summed in one order: the same parts, the same digits."""
        ordered = sorted(parts, key=lambda part: part.event_id)
        coming = [part for part in ordered if isinstance(part, _Coming)]
        sizes = np.array([self._sizes(part.event_id, part.size) for part in coming]).reshape(
            len(coming), len(self.run.draws)
        )
        total: Floats = sizes.T @ np.array([part.column for part in coming]).reshape(len(coming), len(self.ds))
        for part in ordered:
            if isinstance(part, _Rewritten):
                if part not in memo:
                    memo[part] = self._rewrite(part)
                total += memo[part]
        return total

    def _rewrite(self, part: _Rewritten) -> Floats:
        effect, assumption = self._effects[part.event_id], part.assumption
        spells = [spell for spell in self._in_force(part.steps) if spell.stop > self._last + 1]
        rows = np.zeros((len(effect.candidates), len(self.ds)))
        for row, candidate in zip(rows, effect.candidates, strict=True):
            shape = assumption.shape or candidate.shape
            for spell in spells:
                if spell.start <= self._last:
                    goes_on = [replace(candidate, shape=shape, end=None, intensity=())]
                    response = columns(goes_on, self.ds, self._freq, self.run.last)[0]
                else:
                    response = Intervention(shape, np.datetime64(spell.day, "D")).column(self.ds, self._freq)
                row += response * spell.inside(self._ordinals)
        rows *= self._multiplier(assumption)
        trained = part.share * effect.size[:, None] * effect.held(self.ds, self._freq, self.run.last)[effect.choice]
        stated = assumption.size(self.series)
        # What somebody states is what the event does, not its share in what an episode did.
        size = self._sizes(part.event_id, stated) if stated else part.share * effect.size
        return np.asarray(size[:, None] * rows[effect.choice] - trained)

    def _sizes(self, event_id: str, size: tuple[float, float]) -> Floats:
        mean, sd = size
        z: Floats = self._rng(self.series.series_id, event_id).standard_normal(len(self.run.draws))
        return mean + sd * z

    def _rng(self, *words: str) -> np.random.Generator:
        digest = hashlib.sha256("\n".join((str(self._seed), *words)).encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _merged(coming: Iterable[_Coming]) -> list[_Part]:
    """Of each episode the strongest event: what begins in one period and pushes one way is not counted twice."""
    groups: dict[tuple[object, ...], list[_Coming]] = {}
    for part in coming:
        groups.setdefault(part.episode, []).append(part)
    return [max(group, key=lambda part: part.size[1] * max(map(abs, part.column))) for group in groups.values()]
