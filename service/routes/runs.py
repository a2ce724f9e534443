"""Runs: what was trained, how well it did, and which run serves."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers import promotion
from forecast.answers.event_priors import refresh
from forecast.answers.runs import RunCard, RunList, run_card, run_list
from forecast.answers.series_filter import SeriesFilter
from forecast.answers.written import Serving
from forecast.catalog import Catalog
from forecast.errors import NotFound
from service.answers import json_answer, respond
from service.context import Context
from service.describe import KEY_NEEDED, answers, asked, group, writes
from service.paging import Key, ListPage
from service.schemas import NoQuery, RunPath, RunsQuery, SeriesPath
from service.write_bodies import PromotionBody, json_object
from service.writes import WRITE_WAIT, Written, write


def routes(context: Context) -> APIBlueprint:
    api = group("runs")

    @api.get("/runs", responses=answers(RunList, csv=True))
    def list_runs(query: RunsQuery) -> Response:
        """Every run, by series, the newest first; those of retired series are kept and not listed."""
        series_id = context.catalog.get(query.series_id).series_id if query.series_id else None
        chosen_series = query.chosen()
        if chosen_series == SeriesFilter():
            retired = context.catalog.retired()
            found = [run for run in context.registry.runs(series_id) if run.series_id not in retired]
        else:
            of = {series.series_id for series in chosen_series.of(context.catalog.series().values(), context.catalog)}
            found = [run for run in context.registry.runs(series_id) if run.series_id in of]
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

    @api.post(
        "/series/<series_id>/promote", security=KEY_NEEDED, request_body=asked(PromotionBody), responses=writes(Serving)
    )
    def promote_run(path: SeriesPath, query: NoQuery) -> Response:
        """Let a run serve, from the next request on."""
        series_id = context.catalog.get(path.series_id).series_id
        run_id = PromotionBody.model_validate(json_object()).run_id

        def promote(catalog: Catalog, _: str) -> Written:
            promotion.promote(catalog, context.registry, series_id, run_id, context.clock())
            return Written(Serving(series_id=series_id, run=run_id))

        return _serving(context, series_id, promote)

    @api.post("/series/<series_id>/rollback", security=KEY_NEEDED, responses=writes(Serving))
    def roll_back(path: SeriesPath, query: NoQuery) -> Response:
        """Let the run that served before serve again."""
        series_id = context.catalog.get(path.series_id).series_id

        def rollback(catalog: Catalog, served: str) -> Written:
            serves = promotion.rollback(catalog, context.registry, series_id, context.clock(), served=served)
            return Written(Serving(series_id=series_id, run=serves))

        return _serving(context, series_id, rollback)

    return api


def _serving(context: Context, series_id: str, change: Callable[[Catalog, str], Written]) -> Response:
    """Change which run serves, under the lock of its series, which all take before that of the catalogue."""
    with context.registry.lock(series_id, WRITE_WAIT):
        response = write(context, change, before=context.registry.champion_id(series_id) or "")
    refresh(context.registry, context.catalog.retired())
    return response


def _follows(key: Key, last: Key) -> bool:
    """By series, and of one the newest first."""
    return key[0] > last[0] or (key[0] == last[0] and key[1:] < last[1:])
