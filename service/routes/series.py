"""Series: what can be asked about."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.series import SeriesFacts, SeriesList, series_facts
from service.answers import json_answer, respond
from service.context import Context
from service.describe import answers, group
from service.paging import ListPage
from service.schemas import NoQuery, SeriesPath, SeriesQuery


def routes(context: Context) -> APIBlueprint:
    api, catalog = group("series"), context.catalog

    @api.get("/series", responses=answers(SeriesList, csv=True))
    def list_series(query: SeriesQuery) -> Response:
        """Every series, by id, but for those that were retired, unless they are asked for too."""
        page = ListPage(query)
        chosen = query.chosen(query.role).of(catalog.series(retired=query.retired == "true").values(), catalog)
        found = series_facts(catalog, context.registry, page.of(chosen, lambda series: (series.series_id,)))
        return respond(page.with_next(found), query.format, "series")

    @api.get("/series/<series_id>", responses=answers(SeriesFacts))
    def get_series(path: SeriesPath, query: NoQuery) -> Response:
        """One series."""
        (one,) = series_facts(catalog, context.registry, [catalog.get(path.series_id)]).data
        return json_answer(one.json_object())

    return api
