"""Observations: what was published of a series, and when it became known."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.held import held_notes
from forecast.answers.observations import ObservationList, known_since, observation_list
from forecast.answers.written import Delivered, delivered
from forecast.catalog import Catalog
from service.answers import respond
from service.context import Context
from service.deliveries import DeliveredFiles, delivered_files
from service.describe import KEY_NEEDED, answers, asked, group, writes
from service.paging import ListPage
from service.schemas import NoQuery, ObservationsQuery, SeriesPath
from service.write_bodies import DeliveryBody
from service.writes import Written, write


def routes(context: Context) -> APIBlueprint:
    api = group("observations")

    @api.get("/series/<series_id>/observations", responses=answers(ObservationList, csv=True))
    def list_observations(path: SeriesPath, query: ObservationsQuery) -> Response:
        """What was published, as known on a day; that day is assumed where it was not recorded."""
        series_id = context.catalog.get(path.series_id).series_id
        seen = context.catalog.observations(series_id, context.day(query.as_of), query.start, query.end)
        page = ListPage(query)
        chosen = page.of(known_since(seen, query.since), lambda each: (each.ds.isoformat(),))
        found = page.with_next(observation_list(chosen, held_notes(context.catalog, series_id)))
        return respond(found, query.format, f"{series_id}-observations")

    @api.post(
        "/observations", security=KEY_NEEDED, request_body=asked(DeliveryBody, csv=True), responses=writes(Delivered)
    )
    def add_observations(query: NoQuery) -> Response:
        """Take in values, and series that are new: all of them or none, judged as a file is by `orecast ingest`."""
        with delivered_files() as files:
            return write(context, lambda catalog, _: Written(_taken_in(context, catalog, files)))

    return api


def _taken_in(context: Context, catalog: Catalog, files: DeliveredFiles) -> Delivered:
    from forecast.intake.gate import Gate  # whoever only reads needs none of this
    from forecast.jobs.ingest import IngestOptions, ingest

    now = context.clock()
    gate = Gate(catalog, context.registry, now)
    options = IngestOptions(limits=context.settings.limits, faults=context.settings.file_faults, gate=gate)
    series = files.series.path if files.series else None
    with files.locating():
        counts = ingest(catalog, files.observations.path, series, known_at=now, options=options)
    return delivered(counts, now)
