"""Events: policy measures and shocks, as known on a day."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.events import EventList, EventOnDay, event_list, event_on_day
from forecast.events import Event
from forecast.events.exposure import exposure
from service.answers import json_answer, respond
from service.context import Context
from service.describe import answers, group
from service.schemas import AsOfOnlyQuery, EventPath, EventsQuery


def routes(context: Context) -> APIBlueprint:
    api = group("events")

    @api.get("/events", responses=answers(EventList, csv=True))
    def list_events(query: EventsQuery) -> Response:
        """Events by id, as they could be known at the end of a day."""
        events = context.catalog.events(context.day(query.as_of))
        tests = conditions(context, query)
        found = [event for event in events.values() if all(test(event) for test in tests)]
        return respond(event_list(found), query.format, "events")

    @api.get("/events/<event_id>", responses=answers(EventOnDay))
    def get_event(path: EventPath, query: AsOfOnlyQuery) -> Response:
        """One event, how it stood on a day, and what other events did to it."""
        day = context.day(query.as_of)
        return json_answer(event_on_day(context.catalog.events(day), path.event_id, day).json_object())

    return api


def conditions(context: Context, query: EventsQuery) -> list[Callable[[Event], bool]]:
    """What an event must be to be listed. Raises ``NotFound`` for a mineral or a series that there is not."""
    tests: list[Callable[[Event], bool]] = []
    minerals = context.catalog.minerals()
    if query.mineral:
        slug = context.mineral(query.mineral)
        tests.append(lambda event: any(minerals.related(slug, mineral) for mineral in event.minerals))
    if query.actor:
        tests.append(lambda event: event.actor == query.actor)
    if query.kind:
        tests.append(lambda event: event.kind == query.kind)
    if query.series_id:
        series = context.catalog.get(query.series_id)
        tests.append(lambda event: exposure(event, series, minerals) > 0)
    return tests
