"""The answer: every scenario's forecast, how it differs from the baseline, and the mixture by their probabilities.

All of it is worked out draw by draw: a difference is one of worlds in which the same luck struck, and its quantiles
are quantiles of differences, never differences of quantiles.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from forecast.answers.as_of import day_asked
from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.champion import futures
from forecast.answers.event_versions import EventScenario
from forecast.answers.forecast import (
    BASELINE_SCENARIO,
    ForecastPoint,
    ForecastQuestion,
    at_levels,
    baseline,
    check_asked,
    checked_levels,
    quantiles,
    rows_of,
)
from forecast.answers.future import Draws, Future
from forecast.answers.model import (
    LINES,
    OF_SERIES,
    Answer,
    FreqName,
    Intervals,
    RunKey,
    SeriesKey,
    UnitName,
    by_level,
    in_unit,
)
from forecast.answers.provenance import (
    DataTo,
    EventsKnownTo,
    OriginWord,
    Overdue,
    Provenance,
    data_to,
    overdue,
    provenance,
    unseen,
)
from forecast.answers.quality import QualityWord, quality, quality_notes
from forecast.answers.scenarios.build import build
from forecast.answers.scenarios.question import Question
from forecast.answers.several import Several, each
from forecast.answers.span import Span, SpanPeriods
from forecast.coupling import pooled, quantiles_of
from forecast.errors import Fault, InvalidInput, OutOfTime, Retired, known_name
from forecast.metrics import rounded
from forecast.registry import Registry
from forecast.settings import SpanOrigin
from forecast.timeseries.series import Floats

if TYPE_CHECKING:
    from forecast.catalog import Catalog

MIXTURE = "mixture"
_SAME = "nothing in scenario {scenario} touches {series_id} within the horizon: it is the baseline"


class Change(Intervals):
    """What sets a scenario apart from the baseline, draw by draw, with its central intervals."""

    level_unit: ClassVar[str] = OF_SERIES

    median: float = Field(description="median", json_schema_extra=in_unit(OF_SERIES))


class OutcomePoint(ForecastPoint):
    """A period ahead in a scenario."""

    difference: Change | None = Field(
        None, description="difference from the baseline, draw by draw; null for the baseline"
    )
    cumulated: Change | None = Field(
        None, description="sum of the differences up to the period; null for the baseline and for prices"
    )


class Outcome(Answer):
    """One series in one scenario."""

    line: ClassVar[tuple[str, ...]] = ("series_id", LINES, "unit", "scenario", "run", "probability")

    series_id: SeriesKey
    unit: UnitName
    freq: FreqName
    run: RunKey
    data_to: DataTo
    overdue: Overdue
    quality: QualityWord
    provenance: Provenance
    scenario: str = Field(description="baseline, the name of a scenario, or mixture: all by their probabilities")
    probability: float | None = Field(None, description="of the scenario, 0 to 1; null where nobody gave one")
    levels: tuple[int, ...] = Field(description="levels of the central intervals", json_schema_extra=in_unit("%"))
    data: tuple[OutcomePoint, ...]
    notes: tuple[str, ...] = Field((), description="what is taken of events whose effect nobody has seen or stated")


class ScenarioAnswer(Several):
    """Forecasts in each scenario, by series: the baseline first, then the scenarios in order, then their mixture."""

    as_of: dt.date = Field(description="day whose knowledge of events counts, to its end (UTC)")
    events_known_to: EventsKnownTo
    origin: OriginWord
    levels: tuple[int, ...] = Field(description="levels of the central intervals", json_schema_extra=in_unit("%"))
    data: tuple[Outcome, ...]

    def of_series(self, series_id: str) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.data if outcome.series_id == series_id)


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
    asked = ForecastQuestion(as_of, span, checked_levels(question.level), insufficient=question.insufficient)

    def of_one(series_id: str) -> _Table:
        (future,) = futures(catalog, registry, [series_id], as_of, cache)
        check_asked(future.run, asked)
        freq, published_to = future.series.calendar, future.published_to
        return _Table(future, asked, span.periods(future.ds, freq, as_of, published_to=published_to), cache)

    tables, left_out = each([(series_id,) for series_id in question.series], of_one)
    first = tables[0].future
    event_scenarios = build(question, first.known, first.open_branches, first.minerals)
    outcomes = [
        outcome for of_series in tables for outcome in _outcomes(of_series, question, event_scenarios, deadline)
    ]
    return ScenarioAnswer(
        as_of=as_of,
        events_known_to=first.events_known_to,
        origin=span.origin,
        levels=tuple(int(level) for level in asked.levels),
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


def _outcomes(
    of_series: _Table, question: Question, event_scenarios: Sequence[EventScenario], deadline: Deadline
) -> list[Outcome]:
    future = of_series.future
    notes = (*quality_notes(future.run.card), *unseen(future), *of_series.notes, *future.notes)
    outcomes = [of_series.of_values(BASELINE_SCENARIO, of_series.values, notes=notes)]
    weighed = any(scenario.probability is not None for scenario in question.scenarios)
    mixed, passed = np.zeros_like(of_series.base), 0.0
    chance = future.uniform(MIXTURE) if weighed else None
    mixture: list[tuple[float, Draws]] = []
    for scenario, event_scenario in zip(question.scenarios, event_scenarios, strict=True):
        deadline.check()
        given = future.given(event_scenario, deadline.check, of_series.stop)
        # A draw in which nothing changes keeps its value, though another has its rank now.
        change = np.where(given.change == 0, np.float32(0), given.draws - of_series.base)
        margins = np.sort(given.draws, axis=1)
        values = quantiles_of(margins, of_series.at)
        outcomes.append(of_series.outcome(scenario.name, values, change, scenario.probability, given.notes))
        if scenario.probability is not None and chance is not None:
            here = (chance >= passed) & (chance < passed + scenario.probability)
            mixed, passed = np.where(here, change, mixed), passed + scenario.probability
            mixture.append((scenario.probability, margins))
    if weighed:
        mixture.append((1.0 - passed, np.sort(of_series.base, axis=1)))
        outcomes.append(of_series.outcome(MIXTURE, pooled(mixture, of_series.at), mixed, None, ()))
    return outcomes


@dataclass(frozen=True, eq=False)
class _Table:
    """The quantiles of one series' draws, and of what sets them apart from the baseline's.

    All is worked out for the first ``stop`` periods, so that sums count from the first; ``periods`` says which of them
    are told.
    """

    future: Future
    asked: ForecastQuestion
    periods: SpanPeriods
    cache: Cache

    @property
    def stop(self) -> int:
        """The row after the last that is told."""
        stop: int = self.periods.rows.stop
        return stop

    @property
    def levels(self) -> tuple[int, ...]:
        return tuple(int(level) for level in self.asked.levels)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the periods."""
        return self.asked.span.notes(self.periods, self.future.run)

    @property
    def base(self) -> Draws:
        """(stop, n) draws of the baseline."""
        return self.future.draws[: self.stop]

    @property
    def at(self) -> list[float]:
        """The probabilities of which quantiles are told."""
        return at_levels(self.levels)

    @cached_property
    def values(self) -> Floats:
        """Quantiles of the baseline."""
        return baseline(self.future, self.levels, self.cache)[:, : self.stop]

    def outcome(
        self, name: str, values: Floats, change: Draws, probability: float | None, notes: tuple[str, ...]
    ) -> Outcome:
        """A world with these quantiles and the ``change`` (stop, n) of its draws, new from the first period that
        differs on."""
        k = next(iter(np.flatnonzero(change.any(axis=1)).tolist()), self.stop)
        adds_up = not self.future.series.is_price
        same = _SAME.format(scenario=name, series_id=self.future.series.series_id)
        return self.of_values(
            name,
            np.hstack([self.values[:, :k], values[:, k:]]),
            self._changes(change, k),
            self._changes(change.cumsum(axis=0), k) if adds_up else None,
            probability=probability,
            notes=notes if k < self.stop else (same,),
        )

    def of_values(
        self,
        name: str,
        values: Floats,
        differences: Sequence[Mapping[str, float]] | None = None,
        sums: Sequence[Mapping[str, float]] | None = None,
        *,
        probability: float | None = None,
        notes: tuple[str, ...],
    ) -> Outcome:
        """The answer of one world; without differences it is the baseline's."""
        nothing = [None] * self.stop
        rows = rows_of(values, self.periods, self.levels)
        # All at once: a call for each period takes longer than its checks.
        return Outcome.model_validate(
            {
                "series_id": self.future.series.series_id,
                "unit": self.future.series.unit,
                "freq": self.future.series.freq,
                "run": self.future.run.run_id,
                "data_to": data_to(self.future.run),
                "overdue": overdue(self.future),
                "quality": quality(self.future.run.card),
                "provenance": provenance(self.future),
                "scenario": name,
                "probability": probability,
                "levels": self.levels,
                "data": [
                    {**row, "difference": change, "cumulated": total}
                    for row, change, total in zip(rows, differences or nothing, sums or nothing, strict=True)
                ][self.periods.rows],
                "notes": notes,
            }
        )

    def _changes(self, draws: Draws, k: int) -> list[dict[str, float]]:
        """The members of ``Change`` for each period, by name; nothing changes in the first ``k``."""
        values = np.hstack([np.zeros((len(self.at), k)), quantiles(draws[k:], self.at)])
        return by_level("median", self.levels, rounded(values))
