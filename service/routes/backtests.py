"""Backtests: how every family did on the history of a series, by horizon, and what was forecast from past periods."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.backtests import BacktestPaths, Scores, run_paths, run_scores
from forecast.answers.champion import champion_of
from service.answers import keep, respond, tag, unchanged, wants_csv
from service.context import Context
from service.describe import answers, group
from service.schemas import BacktestQuery, SeriesPath


def routes(context: Context) -> APIBlueprint:
    api = group("backtests")

    @api.get("/series/<series_id>/backtest", responses=answers(Scores, BacktestPaths, csv=True))
    def get_backtest(path: SeriesPath, query: BacktestQuery) -> Response:
        """CRPS of every family as a ratio to the baseline's, at each horizon, and how often its intervals held; or
        what the one that serves forecast from past periods, and what came."""
        series_id = path.series_id
        run = champion_of(context.catalog.get(series_id), context.registry)
        keep()
        by_period = query.detail == "path"
        etag = tag("backtest", series_id, run.run_id, by_period, query.level, wants_csv(query.format))
        if same := unchanged(etag):
            return same
        answer = run_paths(context.registry, run, query.level) if by_period else run_scores(run)
        return respond(answer, query.format, f"{series_id}-backtest", etag)

    return api
