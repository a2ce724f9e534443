"""The Python interface: a home is opened, and answers as the service and the command line do, in typed objects.

An answer is a frozen pydantic model (``forecast.answers.model``): fields are values, ``to_frame()`` is a pandas data
frame with the columns of its CSV, ``json_object()`` what the service sends. Nothing is fitted by asking.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from forecast.settings import Settings

if TYPE_CHECKING:
    from forecast.answers.backtests import Scores
    from forecast.answers.draws import Draws
    from forecast.answers.effects import EffectPaths, Effects
    from forecast.answers.event_classes import ClassEffects
    from forecast.answers.events import EventList, EventOnDay
    from forecast.answers.forecast import Forecast
    from forecast.answers.observations import ObservationList
    from forecast.answers.runs import RunList
    from forecast.answers.scenarios.answer import ScenarioAnswer
    from forecast.answers.series import SeriesList
    from forecast.answers.several import ForecastList
    from forecast.catalog import Catalog
    from forecast.registry import Registry

HORIZON, LEVELS = 12, (80, 95)


def open_home(folder: str | Path | None = None, *, today: dt.date | None = None) -> Home:
    """Open the home in ``folder``, with its catalogue and its trained runs; without one that of the environment.

    ``today``: the UTC day on which questions are asked that say no other. What ``ORECAST_*`` variables say of other
    settings holds. Raises ``Misconfigured``.
    """
    given = {} if folder is None else {"ORECAST_HOME": str(folder)}
    return Home(Settings.from_env({**os.environ, **given}), today or dt.datetime.now(dt.UTC).date())


@dataclass(frozen=True)
class Home:
    """A catalogue of series and events with the runs that were trained on it, each opened when it is first used.

    Days are UTC and mean their end; ``as_of`` answers with what was known then. Every method raises ``NotFound`` for a
    name that there is not, with the nearest that there are.
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

    def observations(self, series_id: str, *, as_of: dt.date | None = None) -> ObservationList:
        """The published values of a series, and when each became known."""
        from forecast.answers.observations import observation_list

        name = self.catalog.get(series_id).series_id
        return observation_list(self.catalog.observations(name, as_of or self.today))

    def events(self, *, series_id: str | None = None, as_of: dt.date | None = None) -> EventList:
        """Events by id as they could be known; ``series_id``: those that touch the series."""
        from forecast.answers.events import event_list
        from forecast.events.exposure import exposure

        found = self.catalog.events(as_of or self.today).values()
        if series_id is not None:
            series, minerals = self.catalog.get(series_id), self.catalog.minerals()
            return event_list(event for event in found if exposure(event, series, minerals) > 0)
        return event_list(found)

    def event(self, event_id: str, *, as_of: dt.date | None = None) -> EventOnDay:
        """One event, its state on the day, and what other events did to it."""
        from forecast.answers.events import event_on_day

        day = as_of or self.today
        return event_on_day(self.catalog.events(day), event_id, day)

    # -- what was trained ------------------------------------------------------------------------------------------

    def forecast(
        self,
        series_id: str,
        *,
        h: int = HORIZON,
        level: Sequence[int] = LEVELS,
        as_of: dt.date | None = None,
    ) -> Forecast:
        """The ``h`` periods after the last observation: the median and central intervals at ``level`` in percent.

        Raises ``NotTrained``, and ``InvalidInput`` for an ``h`` beyond the trained horizon.
        """
        from forecast.answers.forecast import ForecastQuestion, forecast

        return forecast(self.catalog, self.registry, series_id, ForecastQuestion(as_of or self.today, h, level))

    def forecasts(
        self,
        series_ids: Sequence[str] | None = None,
        *,
        h: int = HORIZON,
        level: Sequence[int] = LEVELS,
        as_of: dt.date | None = None,
        coherent: bool = False,
    ) -> ForecastList:
        """The same of several series, of all targets without ids; what cannot be served is in ``left_out``.

        ``coherent``: in every draw the parts of a parent add up to it.
        """
        from forecast.answers.forecast import ForecastQuestion
        from forecast.answers.several import forecasts

        ids = self.catalog.targets() if series_ids is None else series_ids
        return forecasts(self.catalog, self.registry, ids, ForecastQuestion(as_of or self.today, h, level, coherent))

    def draws(self, series_id: str, *, h: int = HORIZON, as_of: dt.date | None = None) -> Draws:
        """The joint sample paths that the forecast is made of: for sums, differences, maxima, any quantile."""
        from forecast.answers.draws import draws

        return draws(self.catalog, self.registry, series_id, horizon=h, as_of=as_of or self.today)

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

    def runs(self, series_id: str | None = None) -> RunList:
        """The trained runs, by series, the newest first; ``series_id``: of one series."""
        from forecast.answers.runs import run_list

        name = None if series_id is None else self.catalog.get(series_id).series_id
        return run_list(self.registry.runs(name))
