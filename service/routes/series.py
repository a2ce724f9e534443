"""Series: what can be asked about."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.series import SeriesFacts, SeriesList, series_facts
from forecast.timeseries.series import Series
from service.answers import json_answer, respond
from service.context import Context
from service.describe import answers, group
from service.schemas import NoQuery, SeriesPath, SeriesQuery


def routes(context: Context) -> APIBlueprint:
    api = group("series")

    @api.get("/series", responses=answers(SeriesList, csv=True))
    def list_series(query: SeriesQuery) -> Response:
        """Every series, by id, but for those that were retired, unless they are asked for too."""
        found = series_facts(context.catalog, context.registry, chosen(context, query))
        return respond(found, query.format, "series")

    @api.get("/series/<series_id>", responses=answers(SeriesFacts))
    def get_series(path: SeriesPath, query: NoQuery) -> Response:
        """One series."""
        (one,) = series_facts(context.catalog, context.registry, [context.catalog.get(path.series_id)]).data
        return json_answer(one.json_object())

    return api


def chosen(context: Context, query: SeriesQuery) -> list[Series]:
    """The series a query asks for, by id."""
    found = list(context.catalog.series(retired=query.retired == "true").values())
    if query.measure:
        found = [series for series in found if series.measure == query.measure]
    if query.role:
        found = [series for series in found if series.role == query.role]
    if query.mineral:
        slug, minerals = context.mineral(query.mineral), context.catalog.minerals()
        found = [series for series in found if minerals.related(series.mineral, slug)]
    return found
