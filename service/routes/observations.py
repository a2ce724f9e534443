"""Observations: what was published of a series, and when it became known."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.held import held_notes
from forecast.answers.observations import ObservationList, known_since, observation_list
from service.answers import respond
from service.context import Context
from service.describe import answers, group
from service.paging import ListPage
from service.schemas import ObservationsQuery, SeriesPath


def routes(context: Context) -> APIBlueprint:
    api = group("observations")

    @api.get("/series/<series_id>/observations", responses=answers(ObservationList, csv=True))
    def list_observations(path: SeriesPath, query: ObservationsQuery) -> Response:
        """What was published, as known on a day; that day is assumed where it was not recorded."""
        series_id = context.catalog.get(path.series_id).series_id
        seen = context.catalog.observations(series_id, context.day(query.as_of), query.start, query.end)
        page = ListPage(query)
        chosen = page.of(known_since(seen, query.since), lambda each: (each.ds.isoformat(),))
        found = page.with_next(observation_list(chosen, held_notes(context.catalog, series_id)))
        return respond(found, query.format, f"{series_id}-observations")

    return api
