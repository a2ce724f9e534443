"""Changes: a feed of what became of series, values, events and serving runs."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.changes import ChangeList, change_list
from service.answers import respond
from service.context import Context
from service.describe import answers, group
from service.schemas import ChangesQuery


def routes(context: Context) -> APIBlueprint:
    api = group("changes")

    @api.get("/changes", responses=answers(ChangeList, csv=True))
    def list_feed(query: ChangesQuery) -> Response:
        """What changed after the change that is numbered ``since``, in order of writing; ask on with ``last``."""
        return respond(change_list(context.catalog, query.since, query.limit), query.format, "changes")

    return api
