"""Events: policy measures and shocks, as known on a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, fields

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.events import Event, Events, state
from forecast.events.exposure import exposure
from service.answers import json_answer, list_answer
from service.context import Context
from service.describe import answers, group
from service.documents import EventDocument, EventList
from service.schemas import AsOfOnlyQuery, EventPath, EventsQuery

HEADER = tuple(field.name for field in fields(Event))


def routes(context: Context) -> APIBlueprint:
    api = group("events")

    @api.get("/events", responses=answers(EventList, csv=True))
    def list_events(query: EventsQuery) -> Response:
        """Events by id, as they could be known at the end of a day."""
        events = context.catalog.events(context.day(query.as_of))
        tests = conditions(context, query)
        rows = [asdict(event) for event in events.values() if all(test(event) for test in tests)]
        return list_answer(HEADER, rows, query.format, "events")

    @api.get("/events/<event_id>", responses=answers(EventDocument))
    def get_event(path: EventPath, query: AsOfOnlyQuery) -> Response:
        """One event, how it stood on a day, and what other events did to it."""
        day = context.day(query.as_of)
        return json_answer(document(context.catalog.events(day), path.event_id, day))

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


def document(events: Events, event_id: str, day: dt.date) -> dict[str, object]:
    """An event with its state on ``day``, as known on that day, and the acts upon it in order of date."""
    event = events[event_id]
    acts = [
        {"event_id": other.event_id, "relation": act.relation, "effective": other.effective, "title": other.title}
        for other, act in events.acts_on(event_id)
    ]
    return {**asdict(event), "as_of": day, "state": asdict(state(events, event_id, day, day)), "acts_on_it": acts}
