"""Observations: what was published of a series, and when it became known."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from service.answers import Row, list_answer
from service.context import Context
from service.describe import answers, group
from service.documents import ObservationList
from service.schemas import ObservationsQuery, SeriesPath

HEADER = ("series_id", "ds", "y", "flag", "known_at", "assumed")


def routes(context: Context) -> APIBlueprint:
    api = group("observations")

    @api.get("/series/<series_id>/observations", responses=answers(ObservationList, csv=True))
    def list_observations(path: SeriesPath, query: ObservationsQuery) -> Response:
        """What was published, as known on a day; that day is assumed where it was not recorded."""
        series_id = context.catalog.get(path.series_id).series_id
        seen = context.catalog.observations(series_id, context.day(query.as_of), query.start, query.end)
        rows: list[Row] = [
            dict(zip(HEADER, (series_id, o.ds, o.value, o.flag, o.known_at, o.assumed), strict=True)) for o in seen
        ]
        return list_answer(HEADER, rows, query.format, f"{series_id}-observations")

    return api
