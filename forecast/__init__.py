"""orecast: forecasts of mineral prices and trade volumes that know about tariffs and export controls.

::

    import forecast

    with forecast.open_home() as home:
        copper = home.forecast("price.copper", h=12, level=(80, 95))
        copper.to_frame()                                    # series_id, ds, h, yhat, lo-80, hi-80, …
        home.draws("price.copper").values.sum(axis=1)        # joint sample paths
        home.effects("volume.magnets.export.cn").to_frame()  # what events did

The names below are loaded when they are used; the packages, from the top of the stack down:

* ``cli``, ``jobs``: commands, and the work that is done offline (ingest, train, retrain, backtest, monitor)
* ``home``: this interface
* ``export``, ``answers``: CSV and pictures; what a trained run answers
* ``training``, ``registry``: how a run is made, and where it is kept
* ``effects``, ``forecasters``: what events did; families of models
* ``catalog``: observations in vintages, events, and how files of them are read
* ``interventions``, ``metrics``, ``events``, ``timeseries``: the terms all of this is said in
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str

    from forecast.answers.backtests import BacktestPaths, Scores
    from forecast.answers.calendar import EventCalendar
    from forecast.answers.draws import Draws
    from forecast.answers.effects import EffectPaths, Effects
    from forecast.answers.estimate import Estimate
    from forecast.answers.event_classes import ClassEffects
    from forecast.answers.event_records import EventHistory, FindingList
    from forecast.answers.events import EventList, EventOnDay
    from forecast.answers.forecast import Forecast, ForecastPoint
    from forecast.answers.held import HeldList
    from forecast.answers.model import Answer, Column
    from forecast.answers.observations import ObservationList
    from forecast.answers.runs import RunList
    from forecast.answers.scenarios.outcomes import ScenarioAnswer
    from forecast.answers.series import SeriesList
    from forecast.answers.several import ForecastList
    from forecast.answers.span import Span
    from forecast.errors import (
        CorruptArtifact,
        ForecastError,
        InvalidInput,
        Misconfigured,
        MissingExtra,
        NotEstimated,
        NotFound,
        NotTested,
        NotTrained,
        Retired,
    )
    from forecast.home import Home, open_home

#: Where each public name is defined.
_FROM = {
    "Answer": "answers.model",
    "BacktestPaths": "answers.backtests",
    "ClassEffects": "answers.event_classes",
    "Column": "answers.model",
    "CorruptArtifact": "errors",
    "Draws": "answers.draws",
    "EffectPaths": "answers.effects",
    "Effects": "answers.effects",
    "Estimate": "answers.estimate",
    "EventCalendar": "answers.calendar",
    "EventHistory": "answers.event_records",
    "EventList": "answers.events",
    "EventOnDay": "answers.events",
    "FindingList": "answers.event_records",
    "Forecast": "answers.forecast",
    "ForecastError": "errors",
    "ForecastList": "answers.several",
    "ForecastPoint": "answers.forecast",
    "Home": "home",
    "InvalidInput": "errors",
    "Misconfigured": "errors",
    "MissingExtra": "errors",
    "NotEstimated": "errors",
    "NotFound": "errors",
    "NotTested": "errors",
    "NotTrained": "errors",
    "HeldList": "answers.held",
    "ObservationList": "answers.observations",
    "open_home": "home",
    "Retired": "errors",
    "RunList": "answers.runs",
    "ScenarioAnswer": "answers.scenarios.outcomes",
    "Scores": "answers.backtests",
    "SeriesList": "answers.series",
    "Span": "answers.span",
}

__all__ = [
    "Answer",
    "BacktestPaths",
    "ClassEffects",
    "Column",
    "CorruptArtifact",
    "Draws",
    "EffectPaths",
    "Effects",
    "Estimate",
    "EventCalendar",
    "EventHistory",
    "EventList",
    "EventOnDay",
    "FindingList",
    "Forecast",
    "ForecastError",
    "ForecastList",
    "ForecastPoint",
    "HeldList",
    "Home",
    "InvalidInput",
    "Misconfigured",
    "MissingExtra",
    "NotEstimated",
    "NotFound",
    "NotTested",
    "NotTrained",
    "ObservationList",
    "Retired",
    "RunList",
    "ScenarioAnswer",
    "Scores",
    "SeriesList",
    "Span",
    "__version__",
    "open_home",
]


def __getattr__(name: str) -> object:
    """A public name, imported when it is first used, so that importing a module of the package loads no other."""
    if name == "__version__":
        from importlib.metadata import version

        return version("orecast")
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_FROM[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__doc__", "__file__", "__name__", "__path__"])
