"""Series: what can be asked about."""

from __future__ import annotations

from dataclasses import asdict, fields

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.timeseries.series import Series
from service.answers import Row, json_answer, list_answer
from service.context import Context
from service.describe import answers, group
from service.documents import SeriesDocument, SeriesList
from service.schemas import NoQuery, SeriesPath, SeriesQuery

HEADER = (*(field.name for field in fields(Series)), "run")


def routes(context: Context) -> APIBlueprint:
    api = group("series")

    @api.get("/series", responses=answers(SeriesList, csv=True))
    def list_series(query: SeriesQuery) -> Response:
        """Every series, by id; the run that serves is null where none is trained."""
        rows = [_row(context, series) for series in chosen(context, query)]
        return list_answer(HEADER, rows, query.format, "series")

    @api.get("/series/<series_id>", responses=answers(SeriesDocument))
    def get_series(path: SeriesPath, query: NoQuery) -> Response:
        """One series."""
        return json_answer(_row(context, context.catalog.get(path.series_id)))

    return api


def chosen(context: Context, query: SeriesQuery) -> list[Series]:
    """The series a query asks for, by id."""
    found = list(context.catalog.series().values())
    if query.measure:
        found = [series for series in found if series.measure == query.measure]
    if query.role:
        found = [series for series in found if series.role == query.role]
    if query.mineral:
        slug, minerals = context.mineral(query.mineral), context.catalog.minerals()
        found = [series for series in found if minerals.related(series.mineral, slug)]
    return found


def _row(context: Context, series: Series) -> Row:
    return {**asdict(series), "run": context.registry.champion_id(series.series_id)}
