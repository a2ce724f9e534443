"""Trade diversion: what an event on some partners did to the others, as the last training estimated it."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.diversion import Diversion, DiversionPaths, diversion, diversion_paths, identity
from service.answers import respond, tag, unchanged, wants_csv
from service.context import Context
from service.describe import answers, group
from service.schemas import DiversionQuery, EventPath


def routes(context: Context) -> APIBlueprint:
    api = group("diversion")

    @api.get("/events/<event_id>/diversion", responses=answers(Diversion, DiversionPaths, csv=True))
    def get_diversion(path: EventPath, query: DiversionQuery) -> Response:
        """What an event on some partners did to the others and to the total, by group of flows; or period by period."""
        edition, _, _ = context.catalog.facts()
        as_csv, by_period = wants_csv(query.format), query.detail == "path"
        asked = [path.event_id, *query.event]
        etag = tag("diversion", identity(context.registry), edition, asked, query.group, by_period, as_csv)
        if same := unchanged(etag):
            return same
        answer = diversion_paths if by_period else diversion
        found = answer(context.catalog, context.registry, asked, query.group)
        return respond(found, query.format, f"{path.event_id}-diversion", etag)

    return api
