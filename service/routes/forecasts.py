"""Forecasts: the periods ahead of one series, or of many at once."""

# Annotations are evaluated here: the queries are made for the horizon of the settings, inside a function.

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers import forecast as predict
from forecast.answers.champion import serving
from forecast.answers.event_priors import Evidence
from forecast.answers.forecast import Forecast
from forecast.answers.reconcile import coherent, members
from forecast.export.forecasts import forecast_document, forecast_names, forecast_rows
from service.answers import csv_answer, json_answer, tag, unchanged, wants_csv
from service.context import Context
from service.describe import answers, group
from service.documents import ForecastDocument, ForecastList
from service.schemas import BulkQuery, ForecastQuery, SeriesPath, Whole, ahead


def routes(context: Context) -> APIBlueprint:
    api = group("forecasts")
    horizon = context.settings.horizon

    class One(ForecastQuery):
        h: Whole = ahead(horizon)

    class Many(BulkQuery):
        h: Whole = ahead(horizon)

    @api.get("/forecasts/<series_id>", responses=answers(ForecastDocument, csv=True))
    def get_forecast(path: SeriesPath, query: One) -> Response:
        """The median and the intervals of each period after the last observation."""
        ids = [context.catalog.get(path.series_id).series_id]
        etag = fingerprint(context, ids, query)
        if same := unchanged(etag):
            return same
        (made,) = forecasts(context, ids, query)
        if wants_csv(query.format):
            return csv_answer(
                forecast_names(made.levels), forecast_rows(made), f"{made.series.series_id}-forecast", etag
            )
        return json_answer(forecast_document(made), etag)

    @api.get("/forecasts", responses=answers(ForecastList, csv=True))
    def list_forecasts(query: Many) -> Response:
        """Forecasts of several series; of every series that has one, if none is named."""
        ids = [context.catalog.get(series_id).series_id for series_id in query.series_id] or trained(context)
        together = query.coherent == "true"
        etag = fingerprint(context, members(context.catalog, ids) if together else ids, query, ids, together)
        if same := unchanged(etag):
            return same
        made = forecasts(context, ids, query, together)
        if wants_csv(query.format):
            rows = [row for forecast in made for row in forecast_rows(forecast)]
            return csv_answer(forecast_names(sorted(query.level)), rows, "forecasts", etag)
        return json_answer({"data": [forecast_document(forecast) for forecast in made], "next": None}, etag)

    return api


def forecasts(context: Context, series_ids: list[str], query: ForecastQuery, together: bool = False) -> list[Forecast]:
    """Raises ``NotTrained``, and ``InvalidInput`` for more periods than were trained."""
    as_of = context.day(query.as_of)
    if together:
        return coherent(context.catalog, context.registry, series_ids, horizon=query.h, levels=query.level, as_of=as_of)
    return [
        predict.forecast(context.catalog, context.registry, series_id, horizon=query.h, levels=query.level, as_of=as_of)
        for series_id in series_ids
    ]


def trained(context: Context) -> list[str]:
    return [series_id for series_id in context.catalog.targets() if context.registry.champion_id(series_id)]


def fingerprint(context: Context, series_ids: list[str], query: ForecastQuery, *asked: object) -> str:
    """What an answer depends on: the runs that serve and what they say of events, the catalogue, and the question."""
    as_of = context.day(query.as_of)
    known = context.catalog.series()
    runs = [serving(known[series_id], context.registry, as_of).run_id for series_id in series_ids]
    stores = context.catalog.edition(), Evidence.of(context.registry).digest
    return tag(series_ids, runs, stores, as_of, query.h, query.level, wants_csv(query.format), *asked)
