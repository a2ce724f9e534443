"""The answer: every scenario's forecast, how it differs from the baseline, and the mixture by their probabilities.

All of it is worked out draw by draw: a difference is one of worlds in which the same luck struck, and its quantiles
are quantiles of differences, never differences of quantiles.
"""

from __future__ import annotations

import datetime as dt
import difflib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.champion import futures
from forecast.answers.event_versions import World
from forecast.answers.forecast import (
    BASELINE,
    Forecast,
    Row,
    at_levels,
    baseline,
    check_horizon,
    checked_levels,
    quantiles,
    table,
)
from forecast.answers.future import Draws, Future
from forecast.answers.scenarios.build import build
from forecast.answers.scenarios.question import Question
from forecast.answers.several import LeftOut, each
from forecast.coupling import pooled
from forecast.errors import Fault, InvalidInput, OutOfTime
from forecast.registry import Registry
from forecast.timeseries.series import Floats, Series

if TYPE_CHECKING:
    from forecast.catalog import Catalog

MIXTURE = "mixture"
_SAME = "nothing in scenario {scenario} touches {series_id} within the horizon: it is the baseline"


@dataclass(frozen=True)
class Outcome:
    """One series in one world.

    ``difference``: from the baseline, period by period, in the series' unit; ``cumulated``: the sum of the differences
    up to each period; both are empty for the baseline, and ``cumulated`` also where a sum has no meaning (prices,
    indices). ``probability``: None where nobody gave one. ``notes``: what a reader should know of it.
    """

    forecast: Forecast
    difference: tuple[Row, ...] = ()
    cumulated: tuple[Row, ...] = ()
    probability: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """Outcomes by series: the baseline first, then the scenarios in order, then the mixture if there is one.

    ``left_out``: series that cannot be served, and why.
    """

    as_of: dt.date
    events_known_to: dt.date | None
    levels: tuple[int, ...]
    outcomes: tuple[Outcome, ...]
    left_out: tuple[LeftOut, ...] = ()

    def of(self, series_id: str) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.forecast.series.series_id == series_id)


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
) -> Answer:
    """Answer a question, in at most ``seconds`` if they are given; nothing is fitted, and of it nothing is kept.

    A series that cannot be served is left out and named. Raises ``InvalidInput`` with the place of each fault, the
    first reason where no series can be served, and ``OutOfTime``.
    """
    deadline = Deadline(seconds)
    as_of = question.as_of or today
    if as_of > today:
        raise InvalidInput(Fault("as_of", str(as_of), f"a day not after {today}"))
    _check_series(question, catalog.series())
    levels = checked_levels(question.level)

    def of_one(series_id: str) -> Future:
        (future,) = futures(catalog, registry, [series_id], as_of, cache)
        check_horizon(question.h, future.run)
        return future

    made, left_out = each([(series_id,) for series_id in question.series], of_one)
    first = made[0]
    worlds = build(question, first.known, first.open_branches, first.minerals)
    tables = [_Table(future, question.h, levels, cache) for future in made]
    outcomes = [outcome for of_series in tables for outcome in _outcomes(of_series, question, worlds, deadline)]
    return Answer(as_of, first.events_known_to, levels, tuple(outcomes), left_out)


def _check_series(question: Question, known: Mapping[str, Series]) -> None:
    faults = []
    for i, series_id in enumerate(question.series):
        if series_id not in known:
            nearest = ", ".join(difflib.get_close_matches(series_id, known, n=3, cutoff=0.5))
            expected = "a known series" + (f"; nearest: {nearest}" if nearest else "")
            faults.append(Fault(f"series.{i}", series_id, expected))
    if faults:
        raise InvalidInput(faults)


def _outcomes(of_series: _Table, question: Question, worlds: Sequence[World], deadline: Deadline) -> list[Outcome]:
    future = of_series.future
    outcomes = [Outcome(of_series.forecast(BASELINE, of_series.values), notes=future.notes)]
    weighed = any(scenario.probability is not None for scenario in question.scenarios)
    mixed, passed = of_series.base, 0.0
    chance = future.uniform(MIXTURE) if weighed else None
    mixture: list[tuple[float, Draws]] = []
    for scenario, world in zip(question.scenarios, worlds, strict=True):
        deadline.check()
        given = future.given(world, deadline.check)
        there, coupled = given.draws[: question.h], given.coupled[: question.h]
        outcomes.append(of_series.outcome(scenario.name, there, coupled, scenario.probability, given.notes))
        if scenario.probability is not None and chance is not None:
            here = (chance >= passed) & (chance < passed + scenario.probability)
            mixed, passed = np.where(here, there, mixed), passed + scenario.probability
            mixture.append((scenario.probability, coupled))
    if weighed:
        mixture.append((1.0 - passed, future.coupled[: question.h]))
        outcomes.append(of_series.outcome(MIXTURE, mixed, pooled(mixture), None, ()))
    return outcomes


@dataclass(frozen=True, eq=False)
class _Table:
    """The quantiles of one series' draws ``h`` periods ahead, and of what sets them apart from the baseline's."""

    future: Future
    h: int
    levels: tuple[int, ...]
    cache: Cache

    @property
    def base(self) -> Draws:
        """(h, n) draws of the baseline."""
        return self.future.draws[: self.h]

    @cached_property
    def values(self) -> Floats:
        """Quantiles of the baseline."""
        return baseline(self.future, self.levels, self.cache)[:, : self.h]

    def outcome(
        self, name: str, draws: Draws, coupled: Draws | Floats, probability: float | None, notes: tuple[str, ...]
    ) -> Outcome:
        """Only periods from the first that differs on are new: differences by ``draws``, quantiles by ``coupled``."""
        k = next(iter(np.flatnonzero((draws != self.base).any(axis=1))), len(self.base))
        change = draws[k:] - self.base[k:]
        same, unmoved = self.values[:, :k], np.zeros((len(self.values), k))
        difference = np.hstack([unmoved, self._quantiles(change)])
        adds_up = not self.future.series.is_price
        sums = np.hstack([unmoved, self._quantiles(change.cumsum(axis=0))]) if adds_up else None
        return Outcome(
            self.forecast(name, np.hstack([same, self._quantiles(coupled[k:])])),
            self._rows(difference),
            () if sums is None else self._rows(sums),
            probability,
            notes if k < len(self.base) else (_SAME.format(scenario=name, series_id=self.future.series.series_id),),
        )

    def forecast(self, name: str, values: Floats) -> Forecast:
        future = self.future
        return Forecast(
            series=future.series,
            run_id=future.run.run_id,
            as_of=future.as_of,
            events_known_to=future.events_known_to,
            scenario=name,
            levels=self.levels,
            rows=self._rows(values),
            branches=future.branches,
            notes=(*future.run.card.notes, *future.notes),
        )

    def _quantiles(self, draws: Draws | Floats) -> Floats:
        return quantiles(draws, at_levels(self.levels))

    def _rows(self, values: Floats) -> tuple[Row, ...]:
        return table(values, self.future.ds, self.levels)
