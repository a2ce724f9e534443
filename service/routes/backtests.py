"""Backtests: how every family did on the history of a series, by horizon."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.champion import champion_of
from forecast.export.forecasts import score_names, score_rows, scores_document
from service.answers import csv_answer, flat, json_answer, tag, unchanged, wants_csv
from service.context import Context
from service.describe import answers, group
from service.documents import BacktestDocument
from service.schemas import Query, SeriesPath


def routes(context: Context) -> APIBlueprint:
    api = group("backtests")

    @api.get("/series/<series_id>/backtest", responses=answers(BacktestDocument, csv=True))
    def get_backtest(path: SeriesPath, query: Query) -> Response:
        """CRPS of every family as a ratio to the baseline's, at each horizon, and how often its intervals held."""
        series_id = path.series_id
        run = champion_of(context.catalog.get(series_id), context.registry)
        as_csv = wants_csv(query.format)
        etag = tag("backtest", series_id, run.run_id, as_csv)
        if same := unchanged(etag):
            return same
        if as_csv:
            return csv_answer(score_names(), [flat(row) for row in score_rows(run)], f"{series_id}-backtest", etag)
        return json_answer(scores_document(run), etag)

    return api
