"""Exports: whole tables as CSV, finished before the first byte, with their rows and digest in the headers."""

# Annotations are evaluated here: the queries are made for the horizon of the settings, inside a function.

from collections.abc import Sequence

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.event_priors import Evidence
from forecast.answers.forecast import ForecastQuestion
from forecast.answers.reconcile import members
from forecast.answers.span import Span
from forecast.errors import ForecastError
from forecast.export.choices import TableShape
from forecast.export.csv_writer import csv_export
from forecast.export.datasets import ExportQuestion, Stores, found
from forecast.export.finished import Export
from forecast.settings import SpanOrigin
from service.answers import export_answer, tag, unchanged
from service.context import Context
from service.describe import csv_only, group
from service.routes.events import asked as events_asked
from service.routes.forecasts import fingerprint, trained
from service.schemas import (
    BacktestsExport,
    EffectsExport,
    EventsExport,
    ExportQuery,
    ForecastsExport,
    ObservationsExport,
    ahead,
)


def routes(context: Context) -> APIBlueprint:
    api = group("export")
    within, field = ahead(context.settings.horizon)

    class FromTrained(ForecastsExport):
        h: within | None = field  # type: ignore[valid-type]

    @api.get("/export/forecasts.csv", responses=csv_only("Forecasts of several series."))
    def export_forecasts(query: FromTrained) -> Response:
        """Forecasts of several series, of every series that has one if none is named; with history if so asked."""
        every, together = list(known(context, query.series_id)) or trained(context), query.coherent == "true"
        of = members(context.catalog, every) if together else every
        etag = fingerprint(context, of, query, every, together, shape_of(query), query.history)
        span = Span(query.h, SpanOrigin(query.origin or SpanOrigin.TODAY), query.start, query.until)
        day, insufficient = context.day(query.as_of), query.insufficient == "true"
        question = ExportQuestion(
            ForecastQuestion(day, span, query.level, together, insufficient),
            tuple(every),
            history=query.history == "true",
        )
        return answer(context, "forecasts", query, question, etag)

    @api.get("/export/observations.csv", responses=csv_only("What was published of several series."))
    def export_observations(query: ObservationsExport) -> Response:
        """What was published of several series, of all if none is named, each value as last known on a day."""
        ids, day = known(context, query.series_id), context.day(query.as_of)
        edition, _, _ = context.catalog.facts()
        etag = tag("observations", edition, ids, day, query.start, query.end, shape_of(query))
        question = ExportQuestion(ForecastQuestion(day), ids, query.start, query.end)
        return answer(context, "observations", query, question, etag)

    @api.get("/export/effects.csv", responses=csv_only("What each episode of events did to each series."))
    def export_effects(query: EffectsExport) -> Response:
        """What each episode of events did to each series, as its serving run estimated it."""
        ids = known(context, query.series_id)
        edition, _, retired = context.catalog.facts()
        runs = serving(context, ids or sorted(context.registry.champions()))
        stores = edition, Evidence.of(context.registry, retired).digest, runs
        question = ExportQuestion(ForecastQuestion(context.day(None)), ids)
        return answer(context, "effects", query, question, tag("effects", stores, ids, shape_of(query)))

    @api.get("/export/events.csv", responses=csv_only("Events as they were known on a day."))
    def export_events(query: EventsExport) -> Response:
        """Events by id, as they could be known at the end of a day."""
        wanted, day = events_asked(query), context.day(query.as_of)
        edition, _, _ = context.catalog.facts()
        etag = tag("events", edition, vars(wanted), day, shape_of(query))
        return answer(context, "events", query, ExportQuestion(ForecastQuestion(day), events=wanted), etag)

    @api.get("/export/backtests.csv", responses=csv_only("What was forecast from past periods, and what came."))
    def export_backtests(query: BacktestsExport) -> Response:
        """What the serving runs forecast from past periods, and what came."""
        ids = known(context, query.series_id) or tuple(trained(context))
        runs = serving(context, ids)
        question = ExportQuestion(ForecastQuestion(context.day(None), levels=query.level), ids)
        return answer(context, "backtests", query, question, tag("backtests", runs, query.level, shape_of(query)))

    return api


def known(context: Context, series_ids: list[str]) -> tuple[str, ...]:
    """These ids, checked. Raises ``NotFound`` and ``Retired``."""
    return tuple(context.catalog.get(series_id).series_id for series_id in series_ids)


def serving(context: Context, series_ids: Sequence[str]) -> list[tuple[str, str]]:
    """The run that serves each series, or why there is none."""
    found = []
    for series_id in series_ids:
        try:
            found.append((series_id, context.registry.serving_id(series_id)))
        except ForecastError as error:
            found.append((series_id, str(error)))
    return found


def shape_of(query: ExportQuery) -> tuple[str | None, str | None]:
    """What of the query changes how the same rows are written."""
    return query.shape, query.bom


def answer(context: Context, name: str, query: ExportQuery, question: ExportQuestion, etag: str) -> Response:
    """A table as CSV, made once for as long as nothing changes that it depends on."""
    if same := unchanged(etag):
        return same

    def make() -> tuple[Export, list[str]]:
        stores = Stores(context.catalog, context.registry, context.cache)
        made = found(stores, name, question, TableShape(query.shape or TableShape.LONG))
        export = csv_export(made.table.names, made.table.lines, bom=query.bom == "true")
        return export, [each.series_id for each in made.left_out]

    export, left_out = context.exports.get(etag, make)
    return export_answer(export, name, etag, left_out)
