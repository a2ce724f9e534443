"""The future of a series: the joint draws of its run with the contributions of events, as they are known or in a
scenario.

A run holds what its model drew and what past events had done. ``contributions`` says which events change that, and
``paths`` what they add, draw by draw; here both are joined.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forecast.answers.contributions import Contribution, ContributionModel, ContributionSet
from forecast.answers.event_priors import Evidence
from forecast.answers.event_versions import EventScenario, EventVersion, open_nodes
from forecast.answers.forecast_periods import ForecastPeriods
from forecast.answers.paths import CommonRandomNumbers, difference, forked, total
from forecast.coupling import Bools, convolved, couple, thinned
from forecast.events import Branch, Events, branches
from forecast.events.exposure import Minerals
from forecast.registry import Run
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats, Series
from forecast.timeseries.trade import has_trade

Draws = npt.NDArray[np.float32]

#: No world changes the log of a draw by more than this.
MAX_LOG_CHANGE = 50.0


@dataclass(frozen=True, eq=False)
class ConditionalForecast:
    """The future of a series given another world: ``draws`` (h, n) in its unit, the very same numbers as without it in
    periods in which it changes nothing; ``change`` (H, n): of their log; ``notes``: what is taken of events that nobody
    has seen; ``contributions``: of events that are not as they are known; ``removed``: of those that add nothing any
    more.
    """

    draws: Draws
    change: Floats
    notes: tuple[str, ...]
    contributions: tuple[Contribution, ...] = ()
    removed: tuple[Contribution, ...] = ()


@dataclass(frozen=True, eq=False)
class Future:
    """The joint draws of one run in any version of the events.

    ``events``: as known at the end of ``as_of``; ``evidence``: what events of a kind do, for those whose effect nobody
    has seen; ``events_known_to``: the latest day of which anything is known, None where there are no events;
    ``published_to``: the last period of which there is a value, which the run may not have seen.
    The H periods of the run's draws follow its last observation; what a companion had seen of the first of them holds
    what events did.
    """

    run: Run
    series: Series
    minerals: Minerals
    events: Events
    as_of: dt.date
    evidence: Evidence = field(default_factory=Evidence)
    events_known_to: dt.date | None = None
    published_to: np.datetime64 | None = None

    @property
    def last_published(self) -> np.datetime64:
        """The last period of which there is a value, whether the run has seen it or not."""
        return self.run.last if self.published_to is None else max(self.run.last, self.published_to)

    @property
    def ds(self) -> Days:
        """(H,) starts of the periods ahead."""
        freq = self.series.calendar
        return freq.range(freq.shift(self.run.last, 1), self.run.draws.shape[1])

    @cached_property
    def known(self) -> EventVersion:
        """The events as they are known."""
        return EventVersion(self.events, self.as_of)

    def margins(self) -> Draws:
        """(H, n) the draws of each period in ascending order: quantiles of the sum of what the run drew and what events
        add, in the series' unit and in the world as it is known; exactly 0 without trade. Worked out anew, as quickly
        as ``draws`` can be sorted."""
        return _Predictive.of(self.run, self.added).margins()

    @cached_property
    def draws(self) -> Draws:
        """(H, n) joint draws with these margins, in the order of what the paths of the run are with what events add in
        each draw. As they come, each path met one effect, and their quantiles wander by what that meeting left to
        chance. Not to be written to."""
        return _Predictive.of(self.run, self.added).draws()

    @cached_property
    def added(self) -> Draws:
        """(H, n) contributions of events to the log, as events are known."""
        forward = self.run.record.forward(self._ahead.ds, self._ahead.freq, self._ahead.last).T
        added = forward + total(self._additions.contributions, self._ahead, self._luck) + self._forked()
        return np.asarray(self._after_bridge(added), dtype=np.float32)  # half as large to keep

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What the draws take of coming events whose effect nobody has seen."""
        return self._contributions.notes(self.baseline, self._additions)

    def given(
        self, scenario: EventScenario, check: Callable[[], None] = lambda: None, horizon: int | None = None
    ) -> ConditionalForecast:
        """The forecast conditional on an event scenario, of the first ``horizon`` periods or all; ``check`` is called
        on the way and may raise."""
        moved = self.moved(scenario, check)
        change = moved.change[:horizon]
        rows = np.flatnonzero(change.any(axis=1))
        draws = self.draws[:horizon].copy()
        draws[rows] = _Predictive.of(self.run, self.added[rows] + change[rows], rows=rows).draws()
        return replace(moved, draws=draws)

    def moved(self, scenario: EventScenario, check: Callable[[], None] = lambda: None) -> ConditionalForecast:
        """The same without its draws: what the scenario changes of the log in all periods."""
        additions = self._contributions.of(scenario, check)
        change = difference(additions.contributions, self._additions.contributions, self._ahead, self._luck)
        if additions.chances or self._additions.chances:
            change += forked(additions, self._ahead, self._luck, check) - self._forked()
        # What is stated may be absurd, but a number in single precision it stays.
        change = np.clip(self._after_bridge(change), -MAX_LOG_CHANGE, MAX_LOG_CHANGE)
        notes = self._contributions.notes(scenario, additions, self._additions.contributions)
        beyond, without = additions.beyond(self._additions), additions.without(self._additions)
        return ConditionalForecast(self.draws[:0], change, notes, beyond, without)

    def uniform(self, key: str, n: int | None = None) -> Floats:
        """(n,) numbers from 0 to 1 by which draws choose, of all draws if not said: the same in every scenario and, of
        one seed, every series."""
        return (self._luck if n is None else replace(self._luck, n=n)).uniform(key)

    # -- the world as it is known ----------------------------------------------------------------------------------

    @property
    def contributions(self) -> tuple[Contribution, ...]:
        """Of events as they are known, beyond what the run's draws hold."""
        return self._additions.every

    @cached_property
    def baseline(self) -> EventScenario:
        """The events as they are known; of the open branches, those with a probability are drawn with it."""
        return EventScenario(self.known, chance_nodes=tuple(open_nodes(self.branches, self.known)))

    @cached_property
    def open_branches(self) -> tuple[Branch, ...]:
        """All branches open on ``as_of``."""
        return branches(self.events, self.as_of)

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The open branches that touch the series, by what would start or what would end with them."""
        return tuple(
            branch
            for branch in self.open_branches
            if any(self._contributions.touches(event_id) for event_id in (branch.event_id, *branch.event_ids))
        )

    @cached_property
    def _ahead(self) -> ForecastPeriods:
        # those of which nobody has seen what events do
        freq, bridged = self.series.calendar, self.run.card.bridged
        return ForecastPeriods.after(freq.shift(self.run.last, bridged), self.run.draws.shape[1] - bridged, freq)

    def _after_bridge(self, added: Floats) -> Floats:
        """(H, n) what is added in the periods ahead, nothing in those that a companion had seen whole."""
        return np.concatenate([np.zeros((self.run.card.bridged, added.shape[1])), added])

    @cached_property
    def _luck(self) -> CommonRandomNumbers:
        return CommonRandomNumbers(self.run.card.settings.seed, self.series.series_id, len(self.run.draws))

    @cached_property
    def _contributions(self) -> ContributionModel:
        trained_on = min(self.run.card.as_of, self.as_of)
        trained = EventVersion(self.events.known_on(trained_on), trained_on)
        return ContributionModel(
            self.series, self.run.record, self._ahead, trained, self.known, self.minerals, self.evidence
        )

    @cached_property
    def _additions(self) -> ContributionSet:
        return self._contributions.of(self.baseline)

    def _forked(self) -> Floats:
        return forked(self._additions, self._ahead, self._luck)

    def arranged(self, place: npt.NDArray[np.int64], rows: slice = slice(None), change: Floats | None = None) -> Draws:
        """(h, n) draws of the periods ``rows`` with path ``place[i]`` of the run in draw i; what events add, and a
        ``change`` (H, n) of that, stays with its draw."""
        added = self.added if change is None else self.added + change
        return _Predictive.of(self.run, added[rows, : len(place)], place, rows).draws()


@dataclass(frozen=True, eq=False)
class _Predictive:
    """The predictive distribution in one event scenario: paths of a run (h, n), what events add to their log, and which
    have trade; None: all."""

    paths: Draws
    added: npt.NDArray[np.floating]
    trade: Bools | None

    @classmethod
    def of(
        cls,
        run: Run,
        added: npt.NDArray[np.floating],
        place: npt.NDArray[np.int64] | slice = slice(None),
        rows: npt.NDArray[np.int64] | slice = slice(None),
    ) -> _Predictive:
        """The paths ``place`` of a run in the periods ``rows``, with what is ``added`` (h, n)."""
        trade = None if run.trade is None else has_trade(run.trade[place].T[rows], run.held, added)
        return cls(run.draws[place].T[rows], added, trade)

    def margins(self) -> Draws:
        """(h, n) quantiles of the sum in ascending order, in the series' unit: first the draws without trade, 0."""
        logs = convolved(self.paths, self.added, self.trade)
        if self.trade is not None:
            for row, count in zip(logs, self.trade.sum(axis=1).tolist(), strict=True):
                row[len(row) - count :] = thinned(row, count)
                row[: len(row) - count] = -np.inf
        return np.exp(logs).astype(np.float32)

    def draws(self) -> Draws:
        """(h, n) the margins in the order of the sums draw by draw."""
        sums = self.paths.astype(float) + self.added
        sums = sums if self.trade is None else np.where(self.trade, sums, -np.inf)
        return couple(sums, self.margins()).astype(np.float32)
