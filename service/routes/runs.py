"""Runs: what was trained, how well it did, and which run serves."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.runs import RunCard, RunList, run_card, run_list
from forecast.errors import NotFound
from service.answers import json_answer, respond
from service.context import Context
from service.describe import answers, group
from service.paging import Key, ListPage
from service.schemas import NoQuery, RunPath, RunsQuery


def routes(context: Context) -> APIBlueprint:
    api = group("runs")

    @api.get("/runs", responses=answers(RunList, csv=True))
    def list_runs(query: RunsQuery) -> Response:
        """Every run, by series, the newest first; those of retired series are kept and not listed."""
        series_id = context.catalog.get(query.series_id).series_id if query.series_id else None
        retired = context.catalog.retired()
        found = [run for run in context.registry.runs(series_id) if run.series_id not in retired]
        if query.since:
            found = [run for run in found if run.trained_at >= query.since.isoformat()]
        page = ListPage(query)
        chosen = page.of(found, lambda run: (run.series_id, run.trained_at, run.run_id), _follows)
        return respond(page.with_next(run_list(chosen)), query.format, "runs")

    @api.get("/runs/<run_id>", responses=answers(RunCard))
    def get_run(path: RunPath, query: NoQuery) -> Response:
        """The card of one run: data, settings, scores and effects, as they were when it was trained."""
        runs = context.registry.runs()
        found = next((run for run in runs if run.run_id == path.run_id), None)
        if found is None:
            raise NotFound("run", path.run_id, [run.run_id for run in runs])
        run = context.registry.get(found.series_id, found.run_id)
        return json_answer(run_card(context.registry, run).json_object())

    return api


def _follows(key: Key, last: Key) -> bool:
    """By series, and of one the newest first."""
    return key[0] > last[0] or (key[0] == last[0] and key[1:] < last[1:])
