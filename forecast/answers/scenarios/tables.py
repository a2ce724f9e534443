"""The worlds of one series: its draws as the events are known and in each scenario, and what is told of them.

Shapes: h periods, all up to the last that is told, so that sums count from the first; n draws; Q quantiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from forecast.answers.cache import Cache
from forecast.answers.estimate import number, six_digits
from forecast.answers.event_versions import EventScenario
from forecast.answers.forecast import ForecastQuestion, at_levels, baseline, quantiles, rows_of
from forecast.answers.future import ConditionalForecast, Draws, Future
from forecast.answers.model import by_level
from forecast.answers.provenance import data_to, overdue, provenance
from forecast.answers.quality import quality
from forecast.answers.reconcile import CoherentGroup
from forecast.answers.scenarios.outcomes import Outcome
from forecast.answers.scenarios.rests_on import RestsOn
from forecast.answers.span import SpanPeriods
from forecast.coupling import quantiles_of
from forecast.metrics import rounded
from forecast.timeseries.series import Floats

#: Where the largest hundredth of the draws is more than this part of their mean, that says little but how far the tail
#: goes: of copper or magnets it is 3 to 5 %, of flows that were stopped, or of a yearly unit value, up to 77 %.
_HEAVY = 0.15
_SAME = "nothing in scenario {scenario} touches {series_id} within the horizon: it is the baseline"


@dataclass(frozen=True, eq=False)
class World:
    """A series in one world, ``given`` what changes it: ``values`` (Q, h), ``draws`` (h, n) and their ``mean`` (h,);
    and what sets the draws apart from the baseline's: ``change`` (h, n), with its mean ``change_mean`` (h,)."""

    name: str
    values: Floats
    draws: Draws | Floats
    mean: Floats
    change: Draws | Floats
    change_mean: Floats
    given: ConditionalForecast | None = None


@dataclass(frozen=True, eq=False)
class SeriesTable:
    """One series by itself; ``periods`` says which periods are told."""

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
        """What a reader should know of the periods, and of expected values."""
        return (*self.asked.span.notes(self.periods, self.future.run), *self._tail_notes())

    def _tail_notes(self) -> tuple[str, ...]:
        """A note where a few draws make the mean. None is left out for it: what is trimmed is no expected value."""
        last = np.sort(self.base[-1].astype(float))
        share = last[-max(len(last) // 100, 1) :].sum() / (last.sum() or 1.0)
        if share <= _HEAVY:
            return ()
        name = self.future.series.series_id
        return (
            f"expected values of {name} hang on its tail: the largest 1 % of the draws are {100 * share:.0f} % of "
            "their mean in the last period; the median says more",
        )

    @property
    def base(self) -> Draws | Floats:
        """(h, n) draws of the baseline."""
        return self.future.draws[: self.stop]

    @cached_property
    def base_mean(self) -> Floats:
        """(h,) expected values of the baseline."""
        return _mean(self.base)

    @property
    def at(self) -> list[float]:
        """The probabilities of which quantiles are told."""
        return at_levels(self.levels)

    @cached_property
    def values(self) -> Floats:
        """(Q, h) quantiles of the baseline."""
        return baseline(self.future, self.levels, self.cache)[:, : self.stop]

    def chances(self, key: str) -> Floats:
        """(n,) numbers from 0 to 1 by which draws choose."""
        return self.future.uniform(key)

    def given(self, name: str, scenario: EventScenario, check: Callable[[], None]) -> World:
        """The world of a scenario."""
        given = self.future.given(scenario, check, self.stop)
        # A draw in which nothing changes keeps its value, though another has its rank now.
        change = np.where(given.change[: self.stop] == 0, np.float32(0), given.draws - self.base)
        return self._world(name, given.draws, change, given)

    def _world(self, name: str, draws: Draws | Floats, change: Draws | Floats, given: ConditionalForecast) -> World:
        values, mean = quantiles_of(np.sort(draws, axis=1), self.at), _mean(draws)
        return World(name, values, draws, mean, change, mean - self.base_mean, given)

    # -- outcomes --------------------------------------------------------------------------------------------------

    def baseline(
        self, name: str, probability: float | None, notes: tuple[str, ...], rests: Sequence[RestsOn]
    ) -> Outcome:
        """The world as it is known."""
        data = self._points(self.values, self.base_mean)
        return self._outcome(name, data, self._year(self.values, self.base, self.base_mean), probability, notes, rests)

    def outcome(self, world: World, probability: float | None, rests: Sequence[RestsOn] = ()) -> Outcome:
        """Another world, new from the first period that differs on."""
        k = next(iter(np.flatnonzero(world.change.any(axis=1)).tolist()), self.stop)
        values = np.hstack([self.values[:, :k], world.values[:, k:]])
        data = self._points(values, world.mean)
        differences = self._changes(world.change, world.change_mean, k)
        sums: Sequence[Mapping[str, float] | None] = [None] * self.stop
        if not self.future.series.is_price:
            sums = self._changes(world.change.cumsum(axis=0), world.change_mean.cumsum(), k)
        for point, difference, total in zip(data, differences, sums, strict=True):
            point |= {"difference": difference, "cumulated": total}
        same = _SAME.format(scenario=world.name, series_id=self.future.series.series_id)
        year = self._year(values, world.draws, world.mean, world)
        own = world.given.notes if world.given else ()
        notes = own if k < self.stop else (same,)
        return self._outcome(world.name, data, year, probability, notes, rests if k < self.stop else ())

    def _outcome(
        self,
        name: str,
        data: list[dict[str, object]],
        year: dict[str, object] | None,
        probability: float | None,
        notes: tuple[str, ...],
        rests: Sequence[RestsOn],
    ) -> Outcome:
        future = self.future
        # All at once: a call for each period takes longer than its checks.
        return Outcome.model_validate(
            {
                "series_id": future.series.series_id,
                "unit": future.series.unit,
                "freq": future.series.freq,
                "run": future.run.run_id,
                "data_to": data_to(future.run),
                "overdue": overdue(future),
                "quality": quality(future.run.card),
                "provenance": provenance(future),
                "scenario": name,
                "probability": probability,
                "levels": self.levels,
                "data": data[self.periods.rows],
                "year": year,
                "rests_on": tuple(rests),
                "notes": notes,
            }
        )

    def _points(self, values: Floats, mean: Floats) -> list[dict[str, object]]:
        """The members of a point for each period, by name."""
        rows = rows_of(values, self.periods, self.levels)
        return [{**row, "mean": value} for row, value in zip(rows, rounded(mean).tolist(), strict=True)]

    def _changes(self, draws: Draws | Floats, mean: Floats, k: int) -> list[dict[str, float]]:
        """The members of ``Change`` for each period, by name; nothing changes in the first ``k``."""
        values = np.hstack([np.zeros((len(self.at), k)), quantiles(draws[k:], self.at)])
        found = by_level("median", self.levels, rounded(values))
        return [{**one, "mean": value} for one, value in zip(found, six_digits(mean).tolist(), strict=True)]

    def _year(
        self, values: Floats, draws: Draws | Floats, mean: Floats, world: World | None = None
    ) -> dict[str, object] | None:
        """The members of ``Total``, by name: the first year ahead that is told, if it is whole."""
        first = max(self.periods.begun, self.periods.rows.start)
        rows = slice(first, first + self.periods.freq.months(12))
        if rows.stop > self.stop:
            return None
        if self.future.series.is_price:  # a year of prices ends with one
            rows = slice(rows.stop - 1, rows.stop)
            found = values[:, rows]
        else:
            found = quantiles(draws[rows].sum(axis=0, dtype=float, keepdims=True), self.at)
        days = self.periods.ds[rows].tolist()
        total: dict[str, object] = {"first": days[0], "last": days[-1], "mean": number(float(mean[rows].sum()))}
        total |= by_level("yhat", self.levels, rounded(found))[0]
        if world:
            change = world.change[rows].sum(axis=0, dtype=float, keepdims=True)
            k = 0 if change.any() else 1
            total["difference"] = self._changes(change, world.change_mean[rows].sum(keepdims=True), k)[0]
        return total


@dataclass(frozen=True, eq=False)
class CoherentWorlds:
    """The worlds of a group of series whose draws add up in each; each scenario is worked out once for all members."""

    whole: CoherentGroup
    _made: dict[EventScenario, tuple[Floats, Mapping[str, ConditionalForecast]]] = field(default_factory=dict)

    def given(
        self, scenario: EventScenario, check: Callable[[], None]
    ) -> tuple[Floats, Mapping[str, ConditionalForecast]]:
        """(M, H, n) draws in a scenario, and what it changes of each member by itself."""
        if scenario not in self._made:
            futures = self.whole.base.futures
            moved = {name: future.moved(scenario, check) for name, future in futures.items()}
            draws = self.whole.given({name: one.change for name, one in moved.items()})
            self._made[scenario] = draws, moved
        return self._made[scenario]


@dataclass(frozen=True, eq=False)
class CoherentTable(SeriesTable):
    """One series of a group, in agreement with the others in every world."""

    group: CoherentWorlds

    @property
    def _row(self) -> int:
        return self.group.whole.base.group.members.index(self.future.series.series_id)

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.group.whole.notes, *super().notes)

    @property
    def base(self) -> Floats:
        found: Floats = self.group.whole.draws[self._row, : self.stop]
        return found

    @cached_property
    def values(self) -> Floats:
        return quantiles(self.base, self.at)

    def chances(self, key: str) -> Floats:
        """The same for all members: those of the root."""
        base = self.group.whole.base
        return base.futures[base.group.root].uniform(key, self.base.shape[1])

    def given(self, name: str, scenario: EventScenario, check: Callable[[], None]) -> World:
        draws, moved = self.group.given(scenario, check)
        own: Floats = draws[self._row, : self.stop]
        return self._world(name, own, own - self.base, moved[self.future.series.series_id])


def _mean(draws: Draws | Floats) -> Floats:
    return np.asarray(draws.mean(axis=1, dtype=float))
