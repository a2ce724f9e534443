"""Effects: what events did to a series, as its serving run estimated it."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from service.answers import Row, csv_answer, flat, json_answer, tag, unchanged, wants_csv
from service.context import Context
from service.describe import answers, group
from service.documents import EffectsDocument
from service.schemas import Query, SeriesPath

HEADER = (
    *("series_id", "run", "episode", "events", "family", "announced", "effective", "ended", "shape", "lead", "window"),
    *("average.q05", "average.q10", "average.q25", "average.q50", "average.q75", "average.q90", "average.q95"),
    *("identified", "prior_dominated", "placebo_rank"),
)


def routes(context: Context) -> APIBlueprint:
    api = group("effects")

    @api.get("/series/<series_id>/effects", responses=answers(EffectsDocument, csv=True))
    def list_effects(path: SeriesPath, query: Query) -> Response:
        """What each episode of events did to a series: shape, dates, and quantiles of its effect on the log."""
        series_id = context.catalog.get(path.series_id).series_id
        run = context.registry.champion(series_id)
        as_csv = wants_csv(query.format)
        etag = tag("effects", series_id, run.run_id, as_csv)
        if same := unchanged(etag):
            return same
        record = run.card["effects"]
        names = {"series_id": series_id, "run": run.run_id}
        rows: list[Row] = [{**names, **episode} for episode in record["episodes"]]
        if as_csv:
            return csv_answer(HEADER, [flat(row) for row in rows], f"{series_id}-effects", etag)
        facts = {name: record[name] for name in ("method", "omitted", "notes")}
        return json_answer({**names, **facts, "data": record["episodes"], "next": None}, etag)

    return api
