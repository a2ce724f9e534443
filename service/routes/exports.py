"""Exports: whole tables as CSV, finished before the first byte, with their rows and digest in the headers."""

# Annotations are evaluated here: the queries are made for the horizon of the settings, inside a function.

from collections.abc import Sequence
from dataclasses import replace

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.event_priors import Evidence
from forecast.answers.forecast import ForecastQuestion
from forecast.answers.reconcile import members
from forecast.answers.span import Span
from forecast.errors import ForecastError, NothingTrained
from forecast.export.choices import TableShape
from forecast.export.csv_writer import csv_export
from forecast.export.datasets import ExportQuestion, Stores, found
from forecast.settings import SpanOrigin
from forecast.timeseries.series import Series
from service.answers import KeptExport, check_accepted, export_answer, keep, settled, tag, unchanged
from service.context import Context
from service.describe import csv_only, group
from service.routes.events import asked as events_asked
from service.routes.forecasts import chosen, fingerprint, trained
from service.schemas import (
    BacktestsExport,
    EffectsExport,
    EventsExport,
    ExportQuery,
    ForecastsExport,
    ObservationsExport,
    SeveralSeries,
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
        ids, together = of_trained(context, query), query.coherent == "true"
        of = members(context.catalog, ids) if together else ids
        etag = fingerprint(context, of, query, ids, together, shape_of(query), query.history)
        span = Span(query.h, SpanOrigin(query.origin or SpanOrigin.TODAY), query.start, query.until)
        day, insufficient = context.day(query.as_of), query.insufficient == "true"
        question = ExportQuestion(
            ForecastQuestion(day, span, query.level, together, insufficient),
            tuple(ids),
            history=query.history == "true",
        )
        return answer(context, "forecasts", query, question, etag)

    @api.get("/export/observations.csv", responses=csv_only("What was published of several series."))
    def export_observations(query: ObservationsExport) -> Response:
        """What was published of several series, of all if none is named, each value as last known on a day."""
        ids, day = chosen(context, query, lambda context: context.catalog.series().values()), context.day(query.as_of)
        edition, _, _ = context.catalog.facts()
        etag = tag("observations", edition, ids, day, query.start, query.end, query.since, shape_of(query))
        question = ExportQuestion(ForecastQuestion(day), tuple(ids), query.start, query.end, query.since)
        return answer(context, "observations", query, question, etag)

    @api.get("/export/effects.csv", responses=csv_only("What each episode of events did to each series."))
    def export_effects(query: EffectsExport) -> Response:
        """What each episode of events did to each series, as its serving run estimated it."""
        ids = chosen(context, query, estimated)
        edition, _, retired = context.catalog.facts()
        stores = edition, Evidence.of(context.registry, retired).digest, serving(context, ids)
        question = ExportQuestion(ForecastQuestion(context.day(None)), tuple(ids))
        return answer(context, "effects", query, question, tag("effects", stores, ids, shape_of(query)))

    @api.get("/export/events.csv", responses=csv_only("Events as they were known on a day."))
    def export_events(query: EventsExport) -> Response:
        """Events by id, as they could be known at the end of a day."""
        wanted, day = replace(events_asked(query), since=query.since), context.day(query.as_of)
        edition, _, _ = context.catalog.facts()
        etag = tag("events", edition, vars(wanted), day, shape_of(query))
        return answer(context, "events", query, ExportQuestion(ForecastQuestion(day), events=wanted), etag)

    @api.get("/export/backtests.csv", responses=csv_only("What was forecast from past periods, and what came."))
    def export_backtests(query: BacktestsExport) -> Response:
        """What the serving runs forecast from past periods, and what came."""
        ids = of_trained(context, query)
        question = ExportQuestion(ForecastQuestion(context.day(None), levels=query.level), tuple(ids))
        etag = tag("backtests", serving(context, ids), query.level, shape_of(query))
        return answer(context, "backtests", query, question, etag)

    return api


def of_trained(context: Context, query: SeveralSeries) -> list[str]:
    """The ids of the series that a query asks for, of trained targets. Raises ``NothingTrained`` where there is none,
    ``NotFound`` and ``Retired``."""
    if not context.registry.champions():
        raise NothingTrained
    return chosen(context, query, trained)


def estimated(context: Context) -> list[Series]:
    """The series whose effects a run estimated, those that are no targets among them."""
    champions = context.registry.champions()
    return [one for name, one in context.catalog.series().items() if one.is_trained and name in champions]


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
    if query.format is None:
        check_accepted("text/csv")
    keep()
    if same := unchanged(etag):
        return same

    def make() -> KeptExport:
        stores = Stores(context.catalog, context.registry, context.cache)
        made = found(stores, name, question, TableShape(query.shape or TableShape.LONG))
        export = csv_export(made.table.names, made.table.lines, bom=query.bom == "true")
        return KeptExport(export, [each.series_id for each in made.left_out])

    # Another run may have begun to serve while it was made: such a table is given once, and nobody keeps it.
    kept = context.exports.get(etag, make, lambda: bool(settled(context, etag)))
    return export_answer(kept, name, settled(context, etag))
