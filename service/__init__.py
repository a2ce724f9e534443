"""The service: answers over HTTP from what is trained. It never fits and never fetches."""

from __future__ import annotations

from flask_openapi.models.info import Info
from flask_openapi.openapi import OpenAPI
from pydantic import BaseModel

from forecast.answers.backtests import BacktestPaths, Scores
from forecast.answers.cache import Cache
from forecast.answers.calendar import EventCalendar
from forecast.answers.changes import ChangeList
from forecast.answers.distribution import ForecastDraws, ForecastQuantiles
from forecast.answers.diversion import Diversion, DiversionPaths
from forecast.answers.duties import DutyOnDay, DutySteps
from forecast.answers.effects import EffectPaths, Effects
from forecast.answers.event_classes import ClassEffects
from forecast.answers.events import EventList, EventOnDay
from forecast.answers.forecast import Forecast
from forecast.answers.jobs import JobFacts, JobList
from forecast.answers.observations import ObservationList
from forecast.answers.runs import RunCard, RunList
from forecast.answers.scenarios import Question, ScenarioAnswer
from forecast.answers.series import SeriesFacts, SeriesList
from forecast.answers.several import ForecastList
from forecast.answers.written import Delivered, EventWritten, Serving
from forecast.catalog import Catalog
from forecast.registry import Registry
from forecast.settings import Auth, Settings
from service import cors, describe, problems, security, stale, telemetry
from service.answers import VERSION
from service.context import EXPORTS, KEPT, Clock, Context, utc_now
from service.credentials import Credentials
from service.encoding import Json
from service.gate import RequestGate
from service.rates import Counters
from service.ready import ReadyAnswers
from service.routes import (
    backtests,
    changes,
    diversion,
    duties,
    effects,
    events,
    exports,
    forecasts,
    health,
    jobs,
    observations,
    pages,
    runs,
    scenarios,
    series,
)
from service.write_bodies import BODIES

#: Endpoints that machines and pages ask often: no line in the log while all is well.
_QUIET = frozenset({"health.alive", "health.ready", "health.scrape", "pages.static", "swagger.static"})

#: What routes answer with.
ANSWERS: tuple[type[BaseModel], ...] = (
    SeriesFacts,
    SeriesList,
    ObservationList,
    Forecast,
    ForecastList,
    ForecastQuantiles,
    ForecastDraws,
    ScenarioAnswer,
    EventOnDay,
    EventList,
    EventCalendar,
    DutyOnDay,
    DutySteps,
    Scores,
    BacktestPaths,
    RunCard,
    RunList,
    ChangeList,
    health.Alive,
    health.Ready,
    health.ReadyWithSources,
    Effects,
    EffectPaths,
    ClassEffects,
    JobFacts,
    JobList,
    Delivered,
    EventWritten,
    Serving,
    Diversion,
    DiversionPaths,
)


#: What the API is about, each a module of routes.
NOUNS = (
    series,
    observations,
    effects,
    diversion,
    backtests,
    forecasts,
    exports,
    scenarios,
    events,
    duties,
    runs,
    jobs,
    changes,
)


def create_app(
    settings: Settings,
    *,
    catalog: Catalog | None = None,
    registry: Registry | None = None,
    counters: Counters | None = None,
    clock: Clock = utc_now,
) -> OpenAPI:
    """The application; what is not passed in is opened as the settings say. ``clock`` gives the time in UTC.

    ``counters``: of requests, shared with other workers. Raises ``Misconfigured`` for an address that others reach
    where nobody said who may read.
    """
    settings.require_auth()
    catalog, registry = catalog or Catalog.open(settings), registry or Registry(settings.models_dir)
    catalog.outlast()
    kept, exported = (Cache(entries, lambda: catalog.lapses) for entries in (KEPT, EXPORTS))
    context = Context(settings, catalog, registry, clock, kept, exported)
    metrics, log = telemetry.Metrics(), telemetry.logger(settings.log_level)
    app = describe.DescribedApi(
        __name__,
        info=Info(title="orecast", version=VERSION, description=(__doc__ or "").strip()),
        validation_error_model=problems.Problem,
        validation_error_callback=problems.not_an_object,
        security_schemes=describe.SECURITY_SCHEMES,
        openapi_extensions={"security": describe.KEY_NEEDED if settings.auth is Auth.KEYS else describe.KEY_OPTIONAL},
        doc_ui=False,
        static_folder=None,
    )
    app.answers, app.questions = (*ANSWERS, problems.Problem), (Question, *BODIES)
    app.json = Json(app)
    told = telemetry.Telemetry(metrics, log, _QUIET)
    told.install(app)
    stale.install(app, catalog, log)
    gate = RequestGate(settings, Credentials(catalog.keys), counters or Counters(), clock)
    security.install(app, gate)
    cors.install(app, settings.origins)
    problems.install(app, log)
    for noun in NOUNS:
        app.register_api(noun.routes(context))
    app.register_api(health.routes(context, metrics))
    app.register_blueprint(pages.routes(context, app))
    app.register_blueprint(pages.swagger())
    app.wsgi_app = ReadyAnswers(app.wsgi_app, context, gate, told)  # type: ignore[method-assign]
    return app
