"""Runs: what was trained, how well it did, and which run serves."""

from __future__ import annotations

from dataclasses import asdict, fields

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.errors import NotFound
from forecast.registry import RunSummary
from service.answers import json_answer, list_answer
from service.context import Context
from service.describe import answers, group
from service.documents import RunDocument, RunList
from service.schemas import NoQuery, RunPath, RunsQuery

HEADER = tuple(field.name for field in fields(RunSummary))


def routes(context: Context) -> APIBlueprint:
    api = group("runs")

    @api.get("/runs", responses=answers(RunList, csv=True))
    def list_runs(query: RunsQuery) -> Response:
        """Every run, by series, the newest first; those of retired series are kept and not listed."""
        series_id = context.catalog.get(query.series_id).series_id if query.series_id else None
        retired = context.catalog.retired()
        rows = [asdict(run) for run in context.registry.runs(series_id) if run.series_id not in retired]
        return list_answer(HEADER, rows, query.format, "runs")

    @api.get("/runs/<run_id>", responses=answers(RunDocument))
    def get_run(path: RunPath, query: NoQuery) -> Response:
        """The card of one run: data, settings, scores and effects, as they were when it was trained."""
        runs = context.registry.runs()
        found = next((run for run in runs if run.run_id == path.run_id), None)
        if found is None:
            raise NotFound("run", path.run_id, [run.run_id for run in runs])
        card = context.registry.get(found.series_id, found.run_id).card.document()
        return json_answer(
            {"series_id": found.series_id, "run": found.run_id, "champion": found.champion, "card": card}
        )

    return api
