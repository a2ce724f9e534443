"""Event scenarios from the scenarios of a question: checked against the catalogue and applied to the events it
knows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from forecast import names
from forecast.answers.event_versions import (
    ENDS,
    Assumption,
    ChanceNode,
    EventScenario,
    EventVersion,
    comes_with,
    open_nodes,
)
from forecast.answers.precedent_paths import PrecedentPath
from forecast.answers.scenarios.likeness import LikePaths
from forecast.answers.scenarios.question import Acting, Add, Amend, Dated, Question, Scenario, Take
from forecast.errors import Fault, InvalidInput, known_name
from forecast.events import Branch, Event, Events, KindFamily, branches, last_day
from forecast.events.exposure import Minerals
from forecast.interventions import Licence, parse_shape

_NOTHING = Assumption()
#: An effect is not multiplied by more than this: nobody has seen what a hundred times the rate does.
MAX_MULTIPLIER = 100
#: The widest standard deviation on the log that may be stated of an effect.
MAX_STATED_SD = 3


def build(
    question: Question,
    known: EventVersion,
    open_branches: Sequence[Branch],
    minerals: Minerals,
    likeness: LikePaths | None = None,
) -> tuple[EventScenario, ...]:
    """One event scenario for each scenario of the question, in order. ``open_branches``: of the events as they are
    ``known``; ``likeness``: what was measured of precedents, which only a question with ``like`` needs.

    Raises ``InvalidInput`` with every name that the catalogue does not know and every date out of order.
    """
    builder = _Builder(known, open_branches, minerals, likeness)
    event_scenarios = tuple(
        builder.event_scenario(f"scenarios.{i}", scenario) for i, scenario in enumerate(question.scenarios)
    )
    if builder.faults:
        raise InvalidInput(builder.faults)
    return event_scenarios


@dataclass
class _Builder:
    known: EventVersion
    open_branches: Sequence[Branch]
    minerals: Minerals
    likeness: LikePaths | None = None
    faults: list[Fault] = field(default_factory=list)

    @property
    def as_of(self) -> dt.date:
        return self.known.known_on

    @property
    def events(self) -> Events:
        return self.known.events

    def event_scenario(self, place: str, scenario: Scenario) -> EventScenario:
        """The event scenario of a scenario, as far as it is valid; the rest is among the faults."""
        self._known(place + ".remove", scenario.remove)
        changed: dict[str, Event] = {}
        assumptions: dict[str, Assumption] = {}
        for i, part in enumerate(scenario.amend):
            self._amend(f"{place}.amend.{i}", part, changed, assumptions)
        for i, new in enumerate(scenario.add):
            self._add(f"{place}.add.{i}", new, changed, assumptions)
        version = self.known.edited(changed.values(), {e for e in scenario.remove if e in self.events})
        is_open = self._open(version, [*(part.event for part in scenario.amend), *scenario.remove])
        forks: list[tuple[Branch, Take]] = []
        spoken_of: set[str] = set()
        for i, taken in enumerate(scenario.take):
            branch = self._branch(f"{place}.take.{i}", taken, version.events, is_open)
            if branch is None:
                continue
            if branch.event_id in spoken_of:
                self._fault(f"{place}.take.{i}.branch", taken.branch, f"each branch once; it is {branch.event_id}")
            spoken_of |= {branch.event_id, branch.extension}
            self._assume_taken(f"{place}.take.{i}", taken, branch, assumptions)
            if taken.slips or taken.probability not in (None, 1.0):
                forks.append((branch, taken))
            else:
                version = version.taking(branch, self._starts(taken, branch))
        chance_nodes = open_nodes(is_open, version, spoken_of)
        chance_nodes += [self._fork(version, branch, taken) for branch, taken in forks]
        slipping = [part for part in (*scenario.amend, *scenario.add) if part.slips and part.event in version.events]
        chance_nodes += [self._slip(version, part) for part in slipping]
        return EventScenario(version, assumptions, tuple(chance_nodes))

    def _open(self, version: EventVersion, event_ids: Iterable[str]) -> Sequence[Branch]:
        """The branches that are open once these events have other facts, or none."""
        touched = [self.events[event_id] for event_id in event_ids if event_id in self.events]
        bears = any(event.acts or event.family in (KindFamily.RELIEF, KindFamily.THREAT) for event in touched)
        return branches(version.events, self.as_of) if bears else self.open_branches

    # -- parts -----------------------------------------------------------------------------------------------------

    def _amend(self, place: str, part: Amend, changed: dict[str, Event], assumptions: dict[str, Assumption]) -> None:
        if not self._known(f"{place}.event", [part.event], indexed=False):
            return
        event = self.events[part.event]
        ended = part.ended or self._extended(place, part)
        now = replace(
            event,
            announced=min(part.announced or event.announced or self.as_of, self.as_of),
            effective=part.effective or event.effective,
        )
        if ended:
            over = now.status in ("lapsed", "withdrawn")
            now = replace(now, ended=ended, end_known=None, status="enacted" if over else now.status)
        self._in_order(place, part, part.announced or event.announced, now)
        assumption = self._assumption(place, part, event, (now,))
        if now != event or assumption != _NOTHING or part.slips:
            changed[part.event], assumptions[part.event] = now, assumption

    def _extended(self, place: str, part: Amend) -> dt.date | None:
        if part.extend_days is None:
            return None
        until = last_day(self.events, part.event, self.as_of)
        if until is None:
            self._fault(f"{place}.extend_days", part.extend_days, f"an event with an end; {part.event} has none")
            return None
        return until + dt.timedelta(days=part.extend_days)

    def _add(self, place: str, part: Add, changed: dict[str, Event], assumptions: dict[str, Assumption]) -> None:
        if part.event in self.events:
            self._fault(
                f"{place}.event", part.event, "an id that the catalogue does not have; `amend` changes one it has"
            )
        if part.event.removesuffix(ENDS) != part.event and part.event.removesuffix(ENDS) in self.events:
            expected = f"an id that does not end in {ENDS!r}: so the end of {part.event.removesuffix(ENDS)} is called"
            self._fault(f"{place}.event", part.event, expected)
        for k, mineral in enumerate(part.minerals):
            if mineral not in self.minerals:
                self._fault(f"{place}.minerals.{k}", mineral, known_name("mineral", mineral, self.minerals.parents))
        if not part.minerals and not part.effect and not part.like:
            self._fault(f"{place}.minerals", "", "at least one mineral, or an effect that is stated")
        precedent = self.events.get(part.like.event) if part.like else None
        event = _event(part, self.as_of) if precedent is None else _event_like(part, self.as_of, precedent)
        self._in_order(place, part, part.announced, event)
        changed[part.event] = event
        assumptions[part.event] = replace(self._assumption(place, part, event, (event,)), group=part.event)

    def _branch(self, place: str, part: Take, events: Events, is_open: Sequence[Branch]) -> Branch | None:
        """The open branch of this name; the threat that explains the end of a suspension is a name for it too."""
        by_name = {branch.event_id: branch for branch in is_open}
        for branch in is_open:
            acting = events.acts_on(branch.event_id)
            by_name |= {by.event_id: branch for by, act in acting if act.relation == "terminates"}
        if part.branch not in by_name:
            self._fault(f"{place}.branch", part.branch, known_name("open branch", part.branch, by_name))
        return by_name.get(part.branch)

    def _assume_taken(self, place: str, part: Take, branch: Branch, assumptions: dict[str, Assumption]) -> None:
        comes = comes_with(branch)
        come = [self.events[e] for e in (branch.event_id, *branch.event_ids) if e in self.events]
        assumption = self._assumption(place, part, self.events.get(comes), come)
        assumption = replace(assumption, group=branch.event_id)
        assumptions[comes] = assumption
        # What is stated of the branch is stated of all that comes with it: once, not for each of its measures.
        nothing = tuple((on, 0.0, 0.0) for on in (*(on for on, _, _ in assumption.sizes), *assumption.paths))
        others = replace(assumption, sizes=nothing, paths={})
        assumptions.update({event_id: others for event_id in branch.event_ids if event_id != comes})

    def _assumption(self, place: str, part: Acting, event: Event | None, acting: Sequence[Event]) -> Assumption:
        """What is assumed of an event; ``acting``: those with it that say which series it hits, and how squarely."""
        sizes = tuple(
            (on, float(np.log1p(e.percent / 100)), e.plus_minus / (100 + e.percent)) for on, e in part.effect.items()
        )
        for on, _, sd in sizes:
            if sd > MAX_STATED_SD:
                left, plus_minus = 100 + part.effect[on].percent, part.effect[on].plus_minus
                expected = f"at most {MAX_STATED_SD} times the {left:g} % of the level that are left"
                self._fault(f"{place}.effect.{on}.plus_minus", plus_minus, expected)
        return Assumption(
            shape=parse_shape(part.shape) if part.shape else None,
            licence=Licence(part.licence.delay_months, part.licence.approval) if part.licence else None,
            sizes=sizes,
            levels=self._levels(place, part, event),
            paths=self._paths(place, part, acting),
        )

    def _paths(self, place: str, part: Acting, acting: Sequence[Event]) -> Mapping[str, PrecedentPath]:
        """By id of a series, the path that was measured of the precedent."""
        if part.like is None or self.likeness is None:
            return {}
        if not self._known(f"{place}.like.event", [part.like.event], indexed=False):
            return {}
        found = self.likeness.paths(part.like, acting)
        if isinstance(found, Fault):
            self.faults.append(replace(found, where=f"{place}.{found.where}"))
            return {}
        return found

    def _levels(self, place: str, part: Acting, event: Event | None) -> tuple[tuple[np.datetime64, float], ...]:
        """Rates as multiples of the one whose effect is known, or else of the first."""
        steps = [(step.since, step.rate) for step in part.rates]
        of_user = isinstance(part, Add)
        known = event is not None and not of_user and event.value_after is not None and not event.terms
        before = event.value_before or 0.0 if known and event else 0.0
        if isinstance(part, Dated) and part.rate is not None and not of_user:
            if not known:
                self._fault(f"{place}.rate", part.rate, "an event with a known rate; state its `effect` instead")
            steps = [(dt.date.min, part.rate)]
        if not steps:
            return ()
        unit = event.value_after - before if known and event and event.value_after is not None else steps[0][1]
        if not unit:
            self._fault(f"{place}.rates", steps[0][1], "a first rate other than 0")
            return ()
        levels = [(np.datetime64(day, "D"), (rate - before) / unit) for day, rate in steps]
        if beyond := next(
            (rate for (_, rate), (_, level) in zip(steps, levels, strict=True) if abs(level) > MAX_MULTIPLIER), None
        ):
            name = "rates" if part.rates else "rate"
            self._fault(
                f"{place}.{name}",
                beyond,
                f"a rate within {MAX_MULTIPLIER} times the one whose effect is known, {unit:g}",
            )
            return ()
        # What is in force has its known rate until the first step; what only comes begins with it.
        return ((np.datetime64(dt.date.min, "D"), 1.0), *levels) if isinstance(part, Amend) and known else tuple(levels)

    def _fork(self, version: EventVersion, branch: Branch, part: Take) -> ChanceNode:
        starts = self._starts(part, branch)
        days = [_later(starts, months) for months in _months(part)]
        probability = 1.0 if part.probability is None else part.probability
        return ChanceNode(branch.chance, probability, tuple(version.taking(branch, day) for day in days))

    def _slip(self, version: EventVersion, part: Dated) -> ChanceNode:
        event = version.events[part.event]
        days = [_later(event.effective or self.as_of, months) for months in _months(part)]
        return ChanceNode(part.event, 1.0, tuple(version.edited([replace(event, effective=day)]) for day in days))

    def _starts(self, part: Take, branch: Branch) -> dt.date:
        """The day that is asked for, else the day of the first rate, else the branch's own."""
        return part.starts or (part.rates[0].since if part.rates else None) or branch.starts or self.as_of

    # -- faults ----------------------------------------------------------------------------------------------------

    def _fault(self, where: str, value: object, expected: str) -> None:
        self.faults.append(Fault(where, value, expected))

    def _known(self, place: str, event_ids: Sequence[str], *, indexed: bool = True) -> bool:
        unknown = [(i, event_id) for i, event_id in enumerate(event_ids) if event_id not in self.events]
        for i, event_id in unknown:
            where = f"{place}.{i}" if indexed else place
            self._fault(where, event_id, known_name("event", event_id, self.events, f"on {self.as_of}"))
        return not unknown

    def _in_order(self, place: str, part: Dated, announced: dt.date | None, now: Event) -> None:
        """Announced, effective, ended: the catalogue may know otherwise, but what a user says is in order."""
        if (part.announced or part.effective) and announced and now.effective and announced > now.effective:
            self._fault(f"{place}.effective", now.effective, f"a day from {announced} on, when it is announced")
        if (part.effective or part.ended) and now.effective and now.ended and now.effective > now.ended:
            self._fault(f"{place}.ended", now.ended, f"a day from {now.effective} on, when it takes effect")


def _event(part: Add, as_of: dt.date) -> Event:
    """A user's event, known from now on at the latest: the question knows it."""
    return Event(
        event_id=part.event,
        title=part.title or part.event,
        kind=part.kind,
        actor="",
        targets=(),
        announced=min(part.announced or part.effective, as_of),
        effective=part.effective,
        ended=part.ended,
        end_known=None,
        date_precision="day",
        status="enacted",
        status_as_of=None,
        status_note="",
        instrument="",
        value_before=None,
        value_after=part.rate,
        value_unit="pp ad valorem" if part.kind == "tariff" else "",
        value_text="",
        intensity="",
        minerals=part.minerals,
        scope_note="",
        flows=tuple(map(names.flow, part.flows)),
        price_world=part.price,
        price_local=part.price,
        local_market="",
        volume=part.volume,
        mechanism="",
        acts=(),
        certainty="",
        sources=(),
        needs_recheck=False,
    )


def _event_like(part: Add, as_of: dt.date, precedent: Event) -> Event:
    """The same, what is not said of it being as it was of its precedent."""
    own = _event(part, as_of)
    taken = precedent if {"kind", "price", "volume"}.isdisjoint(part.model_fields_set) else own
    return replace(
        own,
        kind=precedent.kind if "kind" not in part.model_fields_set and precedent.kind != "threat" else own.kind,
        minerals=part.minerals or precedent.minerals,
        flows=own.flows or precedent.flows,
        price_world=taken.price_world,
        price_local=taken.price_local,
        volume=taken.volume,
    )


def _months(part: Acting) -> range:
    first, last = part.slips or (0, 0)
    return range(first, last + 1)


def _later(day: dt.date, months: int) -> dt.date:
    """The same day so many months later, or the last day of that month."""
    month = np.datetime64(day, "M") + months
    last: dt.date = ((month + 1).astype("datetime64[D]") - 1).item()
    return last.replace(day=min(day.day, last.day))
