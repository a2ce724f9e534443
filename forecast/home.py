"""The Python interface: a home is opened, and answers as the service and the command line do, in typed objects.

An answer is a frozen pydantic model (``forecast.answers.model``): fields are values, ``to_frame()`` is a pandas data
frame with the columns of its CSV, ``json_object()`` what the service sends. Nothing is fitted by asking.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import index
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, SupportsIndex

from forecast.errors import Fault, InvalidInput, Misconfigured, NothingTrained
from forecast.settings import FORECAST_LEVELS, Settings

if TYPE_CHECKING:
    from forecast.answers.backtests import BacktestPaths, Scores
    from forecast.answers.calendar import EventCalendar
    from forecast.answers.distribution import ForecastQuantiles
    from forecast.answers.diversion import Diversion, DiversionPaths
    from forecast.answers.draws import Draws
    from forecast.answers.duties import DutyOnDay, DutySteps
    from forecast.answers.effects import EffectPaths, Effects
    from forecast.answers.event_classes import ClassEffects
    from forecast.answers.event_records import EventHistory, FindingList
    from forecast.answers.events import EventList, EventOnDay
    from forecast.answers.forecast import Forecast
    from forecast.answers.held import HeldList
    from forecast.answers.observations import ObservationList
    from forecast.answers.runs import RunList
    from forecast.answers.scenarios.outcomes import ScenarioAnswer
    from forecast.answers.series import SeriesList
    from forecast.answers.several import ForecastList
    from forecast.answers.span import Span
    from forecast.catalog import Catalog
    from forecast.registry import Registry

#: A UTC day, also as its ISO text.
Day = dt.date | str
Levels = int | Iterable[int]


def open_home(folder: str | Path | None = None, *, today: Day | None = None) -> Home:
    """Open the home in ``folder``, with its catalogue and its trained runs; without one that of the environment.

    ``today``: the UTC day on which questions are asked that say no other. What ``ORECAST_*`` variables say of other
    settings holds. Raises ``Misconfigured``, also for a folder that is not there.
    """
    given = {} if folder is None else {"ORECAST_HOME": str(folder)}
    settings = Settings.from_env({**os.environ, **given})
    if not settings.home.is_dir():
        raise Misconfigured(f"there is no folder {settings.home}; `orecast run` makes a home and trains what is in it")
    return Home(settings, dt.datetime.now(dt.UTC).date() if today is None else _day("today", today))


@dataclass(frozen=True)
class Home:
    """A catalogue of series and events with the runs that were trained on it, each opened when it is first used.

    Days are UTC and mean their end; ``as_of`` answers with what was known then, and is no day to come. Every method
    raises ``NotFound`` for a name that there is not, with the nearest that there are.
    """

    settings: Settings
    today: dt.date

    @cached_property
    def catalog(self) -> Catalog:
        from forecast.catalog import Catalog

        return Catalog.open(self.settings)

    @cached_property
    def registry(self) -> Registry:
        from forecast.registry import Registry

        return Registry(self.settings.models_dir)

    def __getstate__(self) -> dict[str, object]:
        """What another process opens it by: no connections."""
        return {"settings": self.settings, "today": self.today}

    def close(self) -> None:
        """Give the catalogue's connections back."""
        if "catalog" in self.__dict__:
            self.catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # -- what is known ---------------------------------------------------------------------------------------------

    def series(self, *, retired: bool = False) -> SeriesList:
        """Every series by id, and which run serves it; ``retired``: also those that are no longer served."""
        from forecast.answers.series import series_facts

        return series_facts(self.catalog, self.registry, list(self.catalog.series(retired=retired).values()))

    def observations(
        self, series_id: str, *, start: Day | None = None, end: Day | None = None, as_of: Day | None = None
    ) -> ObservationList:
        """The published values of a series, and when each became known; ``as_of``: those known by then.

        ``start``, ``end``: of the periods that start on one of these days or between them.
        """
        from forecast.answers.held import held_notes
        from forecast.answers.observations import observation_list

        name = self.catalog.get(series_id).series_id
        first, last = (None if day is None else _day(what, day) for what, day in (("start", start), ("end", end)))
        found = self.catalog.observations(name, self.day(as_of), first, last)
        return observation_list(found, held_notes(self.catalog, name))

    def held(self, series_id: str | None = None, *, settled: bool = False) -> HeldList:
        """Values that were delivered and do not count, and why; ``settled``: also what became of those that were."""
        from forecast.answers.held import held_list

        name = None if series_id is None else self.catalog.get(series_id).series_id
        return held_list(self.catalog.quarantine.values(name, settled=settled))

    def events(
        self,
        *,
        series_id: str | None = None,
        mineral: str | None = None,
        actor: str | None = None,
        kind: str | None = None,
        as_of: Day | None = None,
    ) -> EventList:
        """Events by id as they could be known.

        ``series_id``: those that touch the series; ``mineral``: those about it, its parents or parts, or a basket that
        holds it; ``actor``: who acts; ``kind``: such as ``tariff``.
        """
        from forecast.answers.event_filter import EventFilter
        from forecast.answers.events import event_list

        asked, day = EventFilter(series_id, mineral, actor, kind), self.day(as_of)
        return event_list(asked.of(self.catalog.events(day), self.catalog), day)

    def event(self, event_id: str, *, as_of: Day | None = None) -> EventOnDay:
        """One event, its state on the day, and what other events did to it."""
        from forecast.answers.events import event_on_day

        return event_on_day(self.catalog, self.registry, event_id, self.day(as_of))

    def calendar(
        self,
        *,
        start: Day | None = None,
        until: Day | None = None,
        expiring: SupportsIndex | None = None,
        series_id: str | None = None,
        mineral: str | None = None,
        as_of: Day | None = None,
    ) -> EventCalendar:
        """What starts, ends or may come from ``start`` to ``until``, by day; both may be days to come.

        Without ``start`` from the day of the question on, with what is unconfirmed from before; ``expiring``: only what
        ends, or whose suspension ends, within so many days; the others as ``events`` has them. Raises ``InvalidInput``
        for a window that ends before it begins.
        """
        from forecast.answers.calendar import CalendarQuestion, event_calendar
        from forecast.answers.event_filter import EventFilter

        first, last = (None if day is None else _day(name, day) for name, day in (("start", start), ("until", until)))
        days = None if expiring is None else index(expiring)
        asked = CalendarQuestion(self.day(as_of), first, last, days, EventFilter(series_id, mineral))
        return event_calendar(self.catalog, self.registry, asked)

    def duties(
        self, mineral: str, *, origin: str, destination: str, day: Day | None = None, as_of: Day | None = None
    ) -> DutyOnDay:
        """The additional duty on a mineral on a ``day`` (that of the question if left out), past or to come: each part
        with its event, and what is missing. Places are ISO 3166 alpha-3 codes, or EU. Raises ``InvalidInput``."""
        from forecast.answers.duties import DutyQuestion, duty_on_day

        asked = DutyQuestion(mineral, origin, destination, self.day(as_of))
        return duty_on_day(self.catalog, asked, asked.as_of if day is None else _day("day", day))

    def duty_steps(
        self,
        mineral: str,
        *,
        origin: str,
        destination: str,
        start: Day | None = None,
        until: Day | None = None,
        as_of: Day | None = None,
    ) -> DutySteps:
        """The same from ``start`` (the first change on record) to ``until`` (the day of the question): every day on
        which the duty changed."""
        from forecast.answers.duties import DutyQuestion, duty_steps

        first, last = (None if day is None else _day(name, day) for name, day in (("start", start), ("until", until)))
        return duty_steps(self.catalog, DutyQuestion(mineral, origin, destination, self.day(as_of)), first, last)

    def event_history(self, event_id: str) -> EventHistory:
        """Every version of an event: what was recorded, by whom, and since when it counts."""
        from forecast.answers.event_records import event_history

        return event_history(self.catalog, event_id)

    def check_events(self) -> FindingList:
        """What contradicts itself in the records of events, and what should be looked at again."""
        from forecast.answers.event_records import finding_list

        return finding_list(self.catalog.events(), self.today)

    # -- what was trained ------------------------------------------------------------------------------------------

    def forecast(
        self,
        series_id: str,
        *,
        h: SupportsIndex | Span | None = None,
        level: Levels = FORECAST_LEVELS,
        as_of: Day | None = None,
        insufficient: bool = False,
    ) -> Forecast:
        """The median and central intervals, at ``level`` in percent, of the ``h`` periods after today, and before them
        of those between the last value and today.

        ``h``: 12 if left out; a ``Span`` to begin or end on other days, or to count from the last value;
        ``insufficient``: also of what has too few values for a forecast. A run answers for the days from which on all
        was known that it was trained on; how it would have forecast before, ``backtest`` tells. Raises ``NotTrained``,
        and ``InvalidInput`` for an earlier ``as_of`` or an ``h`` beyond the trained horizon; ``CorruptArtifact`` where
        every run that could serve is damaged.
        """
        from forecast.answers.forecast import ForecastQuestion, forecast

        asked = ForecastQuestion(self.day(as_of), _span(h), _levels(level), insufficient=insufficient)
        return forecast(self.catalog, self.registry, series_id, asked)

    def forecasts(
        self,
        series_ids: str | Iterable[str] | None = None,
        *,
        h: SupportsIndex | Span | None = None,
        level: Levels = FORECAST_LEVELS,
        as_of: Day | None = None,
        coherent: bool = False,
        insufficient: bool = False,
    ) -> ForecastList:
        """The same of several series, of all targets without ids; what cannot be served is in ``left_out``.

        Raises ``NotTrained`` where nothing is. ``coherent``: in every draw the parts of a parent add up to it.
        """
        from forecast.answers.forecast import ForecastQuestion
        from forecast.answers.several import forecasts

        if series_ids is None and not self.registry.champions():
            raise NothingTrained
        one = [series_ids] if isinstance(series_ids, str) else series_ids
        ids = self.catalog.targets() if one is None else list(one)
        asked = ForecastQuestion(self.day(as_of), _span(h), _levels(level), coherent, insufficient)
        return forecasts(self.catalog, self.registry, ids, asked)

    def draws(
        self,
        series_id: str,
        *,
        h: SupportsIndex | Span | None = None,
        as_of: Day | None = None,
        insufficient: bool = False,
    ) -> Draws:
        """The joint sample paths that the forecast is made of: for sums, differences, maxima, any quantile."""
        from forecast.answers.draws import draws
        from forecast.answers.forecast import ForecastQuestion

        span = _span(h)
        return draws(
            self.catalog, self.registry, series_id, ForecastQuestion(self.day(as_of), span, insufficient=insufficient)
        )

    def forecast_quantiles(
        self, series_id: str, at: Iterable[float], *, h: SupportsIndex | Span | None = None, as_of: Day | None = None
    ) -> ForecastQuantiles:
        """Quantiles of the forecast at probabilities between 0 and 1, by period. Raises as ``forecast``."""
        from forecast.answers import distribution, forecast

        asked = forecast.ForecastQuestion(self.day(as_of), _span(h))
        return distribution.forecast_quantiles(self.catalog, self.registry, series_id, asked, list(at))

    def effects(self, series_id: str, *, event_id: str | None = None) -> Effects:
        """What past events did to a series as the serving run estimated it; ``event_id``: the episode it is part of."""
        from forecast.answers.effects import effects
        from forecast.answers.findings import findings

        return effects(findings(self.catalog, self.registry, series_id, event_id))

    def effect_paths(self, series_id: str, *, event_id: str | None = None) -> EffectPaths:
        """The same period by period, with the level of the series as it would have been without the episode."""
        from forecast.answers.effects import effect_paths
        from forecast.answers.findings import findings

        return effect_paths(findings(self.catalog, self.registry, series_id, event_id))

    def diversion(self, *event_ids: str, group: str | None = None) -> Diversion:
        """What events on some partners did to the others and to the total, by group of flows with the same reporter.

        Of several events, rounds of one measure, what they did together. ``group``: one, by the id of its total or of
        any of its series. Raises ``NotEstimated`` where no training has told anything of it.
        """
        from forecast.answers.diversion import diversion

        return diversion(self.catalog, self.registry, event_ids, group)

    def diversion_paths(self, *event_ids: str, group: str | None = None) -> DiversionPaths:
        """The same period by period."""
        from forecast.answers.diversion import diversion_paths

        return diversion_paths(self.catalog, self.registry, event_ids, group)

    def class_effects(self) -> ClassEffects:
        """What events of a kind do to prices and to flows, pooled over events and series."""
        from forecast.answers.event_classes import class_effects
        from forecast.answers.event_priors import Evidence

        return class_effects(Evidence.of(self.registry, self.catalog.retired()))

    def scenarios(self, question: Mapping[str, object] | str | Path) -> ScenarioAnswer:
        """Forecasts if events came, stayed away or came otherwise: of a question as a mapping, or in a YAML file."""
        from forecast.answers.scenarios import Question, answer

        if isinstance(question, Mapping):
            asked = Question.read(json.dumps(question, default=str))  # days become their ISO text
        else:
            asked = Question.read_file(Path(question))
        return answer(self.catalog, self.registry, asked, today=self.today)

    def backtest(self, series_id: str) -> Scores:
        """How every family of models did on the history of a series when the serving run was chosen."""
        from forecast.answers.backtests import run_scores
        from forecast.answers.champion import champion_of

        return run_scores(champion_of(self.catalog.get(series_id), self.registry))

    def past_forecasts(self, series_id: str, *, level: Levels = FORECAST_LEVELS) -> BacktestPaths:
        """What the serving run forecast from past periods when it was chosen, and what came; ``level``: 95, 90, 80, 60,
        50, 40 or 20. Raises ``NotTested`` where that was not kept."""
        from forecast.answers.backtests import run_paths
        from forecast.answers.champion import champion_of

        run = champion_of(self.catalog.get(series_id), self.registry)
        return run_paths(self.registry, run, _levels(level))

    def runs(self, series_id: str | None = None) -> RunList:
        """The trained runs, by series, the newest first; ``series_id``: of one series."""
        from forecast.answers.runs import run_list

        name = None if series_id is None else self.catalog.get(series_id).series_id
        return run_list(self.registry.runs(name))

    def day(self, day: Day | None) -> dt.date:
        """The day that was asked for, else today. Raises ``InvalidInput`` for one that is still to come."""
        from forecast.answers.as_of import day_asked

        return day_asked(None if day is None else _day("as_of", day), self.today)


def _day(name: str, day: object) -> dt.date:
    """A day from a date, a moment (its UTC day) or an ISO text. Raises ``InvalidInput``."""
    if isinstance(day, dt.datetime):
        return (day if day.tzinfo is None else day.astimezone(dt.UTC)).date()
    if isinstance(day, dt.date):
        return day
    try:
        return dt.date.fromisoformat(str(day))
    except ValueError:
        raise InvalidInput(Fault(name, day, "a date, or a day as YYYY-MM-DD")) from None


def _span(h: SupportsIndex | Span | None) -> Span:
    """The periods asked for. Raises ``InvalidInput``."""
    from forecast.answers.span import Span

    return h if isinstance(h, Span) else Span(None if h is None else _whole(h))


def _whole(h: SupportsIndex) -> int:
    """A whole number of whatever integer type. Raises ``InvalidInput``."""
    if isinstance(h, bool) or not hasattr(h, "__index__"):
        raise InvalidInput(Fault("h", h, "a whole number of periods"))
    return index(h)


def _levels(level: Levels) -> list[int]:
    """One level, or several."""
    return list(level) if isinstance(level, Iterable) else [level]
