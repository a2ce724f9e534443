"""Series: what can be asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.timeseries.series import Series
from service.answers import Row, json_answer, list_answer
from service.context import Context
from service.describe import answers, group
from service.documents import SeriesDocument, SeriesList
from service.schemas import NoQuery, SeriesPath, SeriesQuery

HEADER = (*(field.name for field in fields(Series)), "run", "retired", "fault")


def routes(context: Context) -> APIBlueprint:
    api = group("series")

    @api.get("/series", responses=answers(SeriesList, csv=True))
    def list_series(query: SeriesQuery) -> Response:
        """Every series, by id, but for those that were retired, unless they are asked for too."""
        rows = _rows(context, chosen(context, query))
        return list_answer(HEADER, rows, query.format, "series")

    @api.get("/series/<series_id>", responses=answers(SeriesDocument))
    def get_series(path: SeriesPath, query: NoQuery) -> Response:
        """One series."""
        (row,) = _rows(context, [context.catalog.get(path.series_id)])
        return json_answer(row)

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


def _rows(context: Context, found: Sequence[Series]) -> list[Row]:
    retired, unservable = context.catalog.retired(), context.catalog.unservable()

    def serving(series: Series) -> str | None:
        serves = series.is_target and series.series_id not in retired
        return context.registry.champion_id(series.series_id) if serves else None

    return [
        {
            **asdict(series),
            "run": serving(series),
            "retired": retired.get(series.series_id),
            "fault": unservable.get(series.series_id, ""),
        }
        for series in found
    ]
