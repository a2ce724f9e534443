"""Backtests: how every family did on the history of a series, by horizon."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.registry import Run
from service.answers import Row, csv_answer, flat, json_answer, tag, unchanged, wants_csv
from service.context import Context
from service.describe import answers, group
from service.documents import BacktestDocument
from service.schemas import Query, SeriesPath

HEADER = ("series_id", "run", "family", "champion", "origins", "score", "h", "rel_crps")
COVERAGE = ("coverage.50", "coverage.80", "coverage.95")


def routes(context: Context) -> APIBlueprint:
    api = group("backtests")

    @api.get("/series/<series_id>/backtest", responses=answers(BacktestDocument, csv=True))
    def get_backtest(path: SeriesPath, query: Query) -> Response:
        """CRPS of every family as a ratio to the baseline's, at each horizon, and how often its intervals held."""
        series_id = context.catalog.get(path.series_id).series_id
        run = context.registry.champion(series_id)
        as_csv = wants_csv(query.format)
        etag = tag("backtest", series_id, run.run_id, as_csv)
        if same := unchanged(etag):
            return same
        rows = scores(run)
        if as_csv:
            return csv_answer((*HEADER, *COVERAGE), [flat(row) for row in rows], f"{series_id}-backtest", etag)
        facts = {"series_id": series_id, "run": run.run_id, "champion": run.card["champion_family"]}
        return json_answer({**facts, "why": run.card.get("why", ""), "data": rows, "next": None}, etag)

    return api


def scores(run: Run) -> list[Row]:
    """A row for each family and horizon; none for a series that had too little history to test on."""
    return [
        {
            "series_id": run.series_id,
            "run": run.run_id,
            "family": family,
            "champion": family == run.card["champion_family"],
            "origins": table["origins"],
            "score": table["score"],
            "h": h,
            "rel_crps": ratio,
            "coverage": table["coverage"],
        }
        for family, table in run.card["backtest"].items()
        for h, ratio in enumerate(table["rel_crps"], start=1)
    ]
