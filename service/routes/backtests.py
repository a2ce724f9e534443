"""Backtests: how every family did on the history of a series, by horizon."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.backtests import Scores, run_scores
from forecast.answers.champion import champion_of
from service.answers import respond, tag, unchanged, wants_csv
from service.context import Context
from service.describe import answers, group
from service.schemas import Query, SeriesPath


def routes(context: Context) -> APIBlueprint:
    api = group("backtests")

    @api.get("/series/<series_id>/backtest", responses=answers(Scores, csv=True))
    def get_backtest(path: SeriesPath, query: Query) -> Response:
        """CRPS of every family as a ratio to the baseline's, at each horizon, and how often its intervals held."""
        series_id = path.series_id
        run = champion_of(context.catalog.get(series_id), context.registry)
        etag = tag("backtest", series_id, run.run_id, wants_csv(query.format))
        if same := unchanged(etag):
            return same
        return respond(run_scores(run), query.format, f"{series_id}-backtest", etag)

    return api
