"""Effects: what events did to a series, as its serving run estimated it, and what events of a kind do."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.champion import champion_of
from forecast.answers.effects import findings
from forecast.answers.event_priors import Evidence
from forecast.export import effects as export
from service.answers import csv_answer, flat, json_answer, tag, unchanged, wants_csv
from service.context import Context
from service.describe import answers, group
from service.documents import ClassesDocument, EffectsDocument
from service.schemas import EffectsQuery, Query, SeriesPath


def routes(context: Context) -> APIBlueprint:
    api = group("effects")

    @api.get("/series/<series_id>/effects", responses=answers(EffectsDocument, csv=True))
    def list_effects(path: SeriesPath, query: EffectsQuery) -> Response:
        """What each episode of events did to a series: how much on average, in sum, and when; or period by period."""
        series_id, evidence = path.series_id, Evidence.of(context.registry, context.catalog.retired())
        run = champion_of(context.catalog.get(series_id), context.registry)
        as_csv, by_period = wants_csv(query.format), query.detail == "path"
        stores = run.run_id, context.catalog.edition(), evidence.digest
        etag = tag("effects", series_id, stores, by_period, query.event, as_csv)
        if same := unchanged(etag):
            return same
        found = findings(context.catalog, context.registry, series_id, query.event, context.cache)
        if as_csv:
            names, rows = (
                (export.path_names(), export.path_rows(found))
                if by_period
                else (export.effect_names(), export.effect_lines(found))
            )
            return csv_answer(names, [flat(row) for row in rows], f"{series_id}-effects", etag)
        return json_answer(export.paths_document(found) if by_period else export.effects_document(found), etag)

    @api.get("/effects", responses=answers(ClassesDocument, csv=True))
    def list_classes(query: Query) -> Response:
        """What events of a kind do to prices and to flows, pooled over events and series, and how much they differ."""
        evidence, as_csv = Evidence.of(context.registry, context.catalog.retired()), wants_csv(query.format)
        etag = tag("classes", evidence.digest, as_csv)
        if same := unchanged(etag):
            return same
        if as_csv:
            rows = [flat(row) for row in export.class_rows(evidence)]
            return csv_answer(export.class_names(), rows, "effects", etag)
        return json_answer(export.classes_document(evidence), etag)

    return api
