"""The answer: every scenario's forecast, how it differs from the baseline, and the mixture by their probabilities.

All of it is worked out draw by draw: a difference is one of worlds in which the same luck struck, and its quantiles
are quantiles of differences, never differences of quantiles. Expected values are means of all draws: those of a mixture
are the means of its worlds by their probabilities, to the digit.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from forecast.answers.as_of import day_asked
from forecast.answers.branches import branch_facts
from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.champion import futures
from forecast.answers.estimate import number
from forecast.answers.event_versions import EventScenario
from forecast.answers.forecast import BASELINE_SCENARIO, ForecastQuestion, check_asked, checked_levels
from forecast.answers.future import Draws, Future
from forecast.answers.precedents import Library, Precedents
from forecast.answers.provenance import unseen
from forecast.answers.quality import quality_notes
from forecast.answers.reconcile import together
from forecast.answers.scenarios.build import build
from forecast.answers.scenarios.likeness import LikePaths
from forecast.answers.scenarios.outcomes import Outcome, ScenarioAnswer
from forecast.answers.scenarios.question import Question
from forecast.answers.scenarios.rests_on import EffectBasis, RestsOn, rests_on
from forecast.answers.scenarios.tables import CoherentTable, CoherentWorlds, SeriesTable, World
from forecast.answers.several import LeftOut, each
from forecast.answers.span import Span
from forecast.coupling import pooled
from forecast.errors import Fault, InvalidInput, OutOfTime, Retired, known_name
from forecast.events import Event
from forecast.registry import Registry
from forecast.settings import SpanOrigin
from forecast.timeseries.hierarchy import groups
from forecast.timeseries.series import Floats

if TYPE_CHECKING:
    from forecast.catalog import Catalog

MIXTURE = "mixture"


class Deadline:
    """A moment ``seconds`` from now by which an answer must be there; never, if None."""

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds, self._until = seconds, time.monotonic() + (seconds or 0.0)

    def check(self) -> None:
        """Raises ``OutOfTime`` when it has passed."""
        if self._seconds is not None and time.monotonic() > self._until:
            raise OutOfTime("the scenarios", self._seconds)


def answer(
    catalog: Catalog,
    registry: Registry,
    question: Question,
    *,
    today: dt.date,
    cache: Cache = NOTHING_KEPT,
    seconds: float | None = None,
) -> ScenarioAnswer:
    """Answer a question, in at most ``seconds`` if they are given; nothing is fitted, and of it nothing is kept.

    A series that cannot be served is left out and named. Raises ``InvalidInput`` with the place of each fault, the
    first reason where no series can be served, and ``OutOfTime``.
    """
    deadline = Deadline(seconds)
    as_of = day_asked(question.as_of, today)
    _check_series(question, catalog)
    span = Span(question.h, SpanOrigin(question.origin), question.start, question.until)
    levels = checked_levels(question.level)
    asked = ForecastQuestion(as_of, span, levels, question.coherent, question.insufficient)
    tables, left_out = _tables(catalog, registry, question, asked, cache)
    first = tables[0].future
    edition, _, retired = catalog.facts()
    precedents = Precedents(catalog, Library.of(registry, retired), first.events, first.minerals, edition, cache)
    runs = {table.future.series.series_id: table.future.run for table in tables}
    likeness = LikePaths(precedents, [table.future.series for table in tables], runs)
    event_scenarios = build(question, first.known, first.open_branches, first.minerals, likeness)
    outcomes = [
        outcome
        for table in tables
        for outcome in _outcomes(table, question, event_scenarios, precedents, deadline.check)
    ]
    return ScenarioAnswer(
        as_of=as_of,
        events_known_to=first.events_known_to,
        origin=span.origin,
        coherent=question.coherent,
        levels=levels,
        data=tuple(outcomes),
        left_out=left_out,
    )


def _check_series(question: Question, catalog: Catalog) -> None:
    """Raise ``InvalidInput`` with every series that there is not, ``Retired`` for one that was."""
    _, known, retired = catalog.facts()
    faults = []
    for i, series_id in enumerate(question.series):
        if series_id in retired:
            raise Retired(series_id, retired[series_id])
        if series_id not in known:
            faults.append(Fault(f"series.{i}", series_id, known_name("series", series_id, known)))
    if faults:
        raise InvalidInput(faults)


def _tables(
    catalog: Catalog, registry: Registry, question: Question, asked: ForecastQuestion, cache: Cache
) -> tuple[list[SeriesTable], tuple[LeftOut, ...]]:
    """A table a series, in the order of the question, and what there is none of: of coherent ones a group whole."""

    def of_one(series_id: str) -> list[SeriesTable]:
        (future,) = futures(catalog, registry, [series_id], asked.as_of, cache)
        check_asked(future.run, asked)
        freq, published_to = future.series.calendar, future.published_to
        return [SeriesTable(future, asked, asked.span.periods(future.ds, freq, asked.as_of, 0, published_to), cache)]

    def of_group(*names: str) -> list[SeriesTable]:
        made: list[SeriesTable] = []
        for group in groups(catalog.series(), names):
            if len(group.members) == 1:
                return of_one(group.root)
            of_members = tuple(futures(catalog, registry, group.members, asked.as_of, cache))
            for future in of_members:
                check_asked(future.run, asked)
            whole = together(catalog, group, of_members, cache)
            base, worlds = whole.base, CoherentWorlds(whole)
            for name in names:
                future, before = base.futures[name], base.rows(name).start
                periods = asked.span.periods(base.ds, base.freq, asked.as_of, before, future.published_to)
                made.append(CoherentTable(future, asked, periods, cache, worlds))
        return made

    if not question.coherent:
        found, left_out = each([(name,) for name in question.series], of_one)
    else:
        families = groups(catalog.series(), question.series)
        found, left_out = each([[n for n in question.series if n in f.members] for f in families], of_group)
    by_id = {table.future.series.series_id: table for some in found for table in some}
    return [by_id[name] for name in question.series if name in by_id], left_out


def _outcomes(
    table: SeriesTable,
    question: Question,
    event_scenarios: Sequence[EventScenario],
    precedents: Precedents,
    check: Callable[[], None],
) -> list[Outcome]:
    future = table.future
    weights = [scenario.probability for scenario in question.scenarios]
    weighed = [weight for weight in weights if weight is not None]
    rest = max(1.0 - sum(weighed), 0.0) if weighed else None
    notes = (*quality_notes(future.run.card), *unseen(future), *table.notes, *future.notes, *_drawn(future))
    known = rests_on(future, future.contributions, (), future.events)
    outcomes = [table.baseline(BASELINE_SCENARIO, number(rest), notes, known)]
    worlds: list[tuple[World, float]] = []
    for scenario, event_scenario in zip(question.scenarios, event_scenarios, strict=True):
        check()
        world = table.given(scenario.name, event_scenario, check)
        rests = rests_on_world(future, world, _events(event_scenario), precedents)
        outcome = table.outcome(world, scenario.probability, rests)
        outcomes.append(outcome.model_copy(update={"notes": (*outcome.notes, *_as_precedents(outcome.rests_on))}))
        if scenario.probability is not None:
            worlds.append((world, scenario.probability))
    if rest is not None:
        outcomes.append(table.outcome(mixture(table, worlds, rest), None))
    return outcomes


def rests_on_world(
    future: Future, world: World, events: Mapping[str, Event], precedents: Precedents
) -> tuple[RestsOn, ...]:
    """What a scenario rests on."""
    given = world.given
    return rests_on(future, given.contributions, given.removed, events, precedents) if given else ()


def mixture(table: SeriesTable, worlds: Sequence[tuple[World, float]], rest: float) -> World:
    """The world that is each of these with its probability, and the baseline in the ``rest``: as many draws live in
    each; the quantiles are of all of their draws, and the means are theirs by their probabilities."""
    chance, passed = table.chances(MIXTURE), 0.0
    mixed: Draws | Floats = np.zeros_like(table.base)
    change_mean = np.zeros(table.stop)
    for world, probability in worlds:
        mixed = np.where((chance >= passed) & (chance < passed + probability), world.change, mixed)
        change_mean += probability * world.change_mean
        passed += probability
    parts = [*((probability, world.draws) for world, probability in worlds), (rest, table.base)]
    values = pooled([(weight, np.sort(draws, axis=1)) for weight, draws in parts], table.at)
    return World(MIXTURE, values, table.base + mixed, table.base_mean + change_mean, mixed, change_mean)


def _events(scenario: EventScenario) -> Mapping[str, Event]:
    """The events of a scenario, those of a draw's choice among them."""
    alternatives = (version.events for node in scenario.chance_nodes for version in node.alternatives)
    return ChainMap(*(dict(events) for events in (scenario.version.events, *alternatives)))


def _drawn(future: Future) -> list[str]:
    """Which branches are in the baseline already, in the share of its draws that has them."""
    found = (branch_facts(branch, future.events) for branch in future.branches)
    return [
        f"in {100 * one.probability:.0f} % of the draws, of the baseline and of each scenario that does not speak of "
        f"it, this comes to pass: {one.says} ({one.event_id})"
        for one in found
        if one.probability is not None
    ]


def _as_precedents(found: Sequence[RestsOn]) -> list[str]:
    """What is said of events that go as a precedent went, as notes."""
    return [one.says for one in found if one.basis is EffectBasis.PRECEDENT]
