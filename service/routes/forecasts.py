"""Forecasts: the periods ahead of one series, or of many at once."""

# Annotations are evaluated here: the queries are made for the horizon of the settings, inside a function.

import datetime as dt
from collections.abc import Callable, Iterable, Mapping

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.champion import serving
from forecast.answers.distribution import ForecastDraws, ForecastQuantiles, forecast_draws, forecast_quantiles
from forecast.answers.event_priors import Evidence
from forecast.answers.forecast import Forecast, ForecastQuestion
from forecast.answers.reconcile import members
from forecast.answers.several import ForecastList, forecasts
from forecast.answers.span import Span
from forecast.errors import ForecastError
from forecast.settings import SpanOrigin
from forecast.timeseries.series import Series
from service.answers import keep, respond, settled, tag, unchanged, wants_csv
from service.context import Context
from service.describe import answers, group
from service.schemas import BulkQuery, ForecastQuery, OneForecastQuery, SeriesPath, SeveralSeries, ahead


def routes(context: Context) -> APIBlueprint:
    api = group("forecasts")
    within, field = ahead(context.settings.horizon)

    class One(OneForecastQuery):
        h: within | None = field  # type: ignore[valid-type]

    class Many(BulkQuery):
        h: within | None = field  # type: ignore[valid-type]

    @api.get("/forecasts/<series_id>", responses=answers(Forecast, ForecastQuantiles, ForecastDraws, csv=True))
    def get_forecast(path: SeriesPath, query: One) -> Response:
        """The median and the intervals of each period after today, and before them of those that are not published; or
        quantiles at any probabilities, or joint draws."""
        query.check()
        ids = [context.catalog.get(path.series_id).series_id]
        keep()
        etag = fingerprint(context, ids, query, wants_csv(query.format), *query.probabilities, query.draws)
        if same := unchanged(etag):
            return same
        if query.probabilities or query.draws:
            return respond(
                distribution(context, ids[0], query), query.format, f"{ids[0]}-forecast", settled(context, etag)
            )
        (made,) = several(context, ids, query).data
        return respond(made, query.format, f"{made.series_id}-forecast", settled(context, etag))

    @api.get("/forecasts", responses=answers(ForecastList, csv=True))
    def list_forecasts(query: Many) -> Response:
        """Forecasts of several series; of every series that has one, if none is named.

        A series that cannot be served is left out and named: in ``left_out``, or for CSV in the header X-Left-Out.
        """
        ids, together = chosen(context, query, trained), query.coherent == "true"
        of = members(context.catalog, ids) if together else ids
        keep()
        etag = fingerprint(context, of, query, wants_csv(query.format), ids, together)
        if same := unchanged(etag):
            return same
        made = several(context, ids, query, together)
        return respond(made, query.format, "forecasts", settled(context, etag))

    return api


def several(context: Context, series_ids: list[str], query: ForecastQuery, together: bool = False) -> ForecastList:
    """Raises the first reason where no series has a forecast."""
    question = question_of(context, query, together)
    return forecasts(context.catalog, context.registry, series_ids, question, context.cache)


def distribution(context: Context, series_id: str, query: OneForecastQuery) -> ForecastQuantiles | ForecastDraws:
    """The quantiles of one series, or its draws."""
    stores, question = (context.catalog, context.registry, series_id), question_of(context, query)
    if query.draws:
        return forecast_draws(*stores, question, query.draws, context.cache)
    return forecast_quantiles(*stores, question, query.probabilities, context.cache)


def question_of(context: Context, query: ForecastQuery, together: bool = False) -> ForecastQuestion:
    """What a query asks of each series."""
    span = Span(query.h, SpanOrigin(query.origin or SpanOrigin.TODAY), query.start, query.until)
    insufficient = query.insufficient == "true"
    return ForecastQuestion(context.day(query.as_of), span, query.level, together, insufficient)


def chosen(context: Context, query: SeveralSeries, every: Callable[[Context], Iterable[Series]]) -> list[str]:
    """The ids of the series that a query asks for; ``every``: those that count where none is named.

    Raises ``NotFound`` and ``Retired``.
    """
    named = [context.catalog.get(series_id) for series_id in query.series_id] or every(context)
    return [series.series_id for series in query.chosen().of(named, context.catalog)]


def trained(context: Context) -> list[Series]:
    """The targets that have a run."""
    catalog = context.catalog
    return [catalog.get(series_id) for series_id in catalog.targets() if context.registry.champion_id(series_id)]


def fingerprint(context: Context, series_ids: list[str], query: ForecastQuery, *asked: object) -> str:
    """What an answer depends on: the runs that serve and what they say of events, the catalogue, and the question."""
    as_of = context.day(query.as_of)
    edition, known, retired = context.catalog.facts()
    runs = [_serves(context, known, series_id, as_of) for series_id in series_ids]
    stores = edition, Evidence.of(context.registry, retired).digest
    span = query.h, query.origin, query.start, query.until
    return tag(series_ids, runs, stores, as_of, span, query.level, query.insufficient, *asked)


def _serves(context: Context, known: Mapping[str, Series], series_id: str, as_of: dt.date) -> str:
    """The run that answers for a series, or why there is none."""
    try:
        return serving(known.get(series_id) or context.catalog.get(series_id), context.registry, as_of).run_id
    except ForecastError as error:
        return str(error)
