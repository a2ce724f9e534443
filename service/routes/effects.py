"""Effects: what events did to a series, as its serving run estimated it, and what events of a kind do."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.champion import teller_of
from forecast.answers.effects import EffectPaths, Effects, effect_paths, effects
from forecast.answers.event_classes import ClassEffects, class_effects
from forecast.answers.event_priors import Evidence
from forecast.answers.findings import findings
from service.answers import keep, respond, tag, unchanged, wants_csv
from service.context import Context
from service.describe import answers, group
from service.schemas import EffectsQuery, Query, SeriesPath


def routes(context: Context) -> APIBlueprint:
    api = group("effects")

    @api.get("/series/<series_id>/effects", responses=answers(Effects, EffectPaths, csv=True))
    def list_effects(path: SeriesPath, query: EffectsQuery) -> Response:
        """What each episode of events did to a series: how much on average, in sum, and when; or period by period."""
        edition, known, retired = context.catalog.facts()
        series_id, evidence = path.series_id, Evidence.of(context.registry, retired)
        run = teller_of(known.get(series_id) or context.catalog.get(series_id), context.registry)
        as_csv, by_period = wants_csv(query.format), query.detail == "path"
        keep()
        stores = run.run_id, edition, evidence.digest
        etag = tag("effects", series_id, stores, by_period, query.event, as_csv)
        if same := unchanged(etag):
            return same
        found = findings(context.catalog, context.registry, series_id, query.event, context.cache)
        answer = effect_paths(found) if by_period else effects(found)
        return respond(answer, query.format, f"{series_id}-effects", etag)

    @api.get("/effects", responses=answers(ClassEffects, csv=True))
    def list_classes(query: Query) -> Response:
        """What events of a kind do to prices and to flows, pooled over events and series, and how much they differ."""
        evidence, as_csv = Evidence.of(context.registry, context.catalog.retired()), wants_csv(query.format)
        etag = tag("classes", evidence.digest, as_csv)
        if same := unchanged(etag):
            return same
        return respond(class_effects(evidence), query.format, "effects", etag)

    return api
