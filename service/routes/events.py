"""Events: policy measures and shocks, as known on a day."""

from __future__ import annotations

from dataclasses import replace

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.calendar import CalendarQuestion, EventCalendar, event_calendar
from forecast.answers.event_filter import EventFilter
from forecast.answers.events import EventList, EventOnDay, event_list, event_on_day
from service.answers import json_answer, respond
from service.context import Context
from service.describe import answers, group
from service.paging import ListPage
from service.schemas import AsOfOnlyQuery, CalendarQuery, EventPath, EventsChoice, EventsQuery


def routes(context: Context) -> APIBlueprint:
    api = group("events")

    @api.get("/events", responses=answers(EventList, csv=True))
    def list_events(query: EventsQuery) -> Response:
        """Events by id, as they could be known at the end of a day."""
        day = context.day(query.as_of)
        page, wanted = ListPage(query), replace(asked(query), since=query.since)
        known = context.catalog.events(day)
        found = wanted.of(known, context.catalog)
        chosen = page.of(found, lambda event: (event.event_id,))
        return respond(page.with_next(event_list(chosen, day, known)), query.format, "events")

    @api.get("/events/calendar", responses=answers(EventCalendar, csv=True))
    def list_changes(query: CalendarQuery) -> Response:
        """What starts, ends or may come in a window of days, by day, and which forecasts count with it."""
        day = context.day(query.as_of)
        question = CalendarQuestion(day, query.start, query.until, query.expiring, asked(query))
        return respond(event_calendar(context.catalog, context.registry, question), query.format, "calendar")

    @api.get("/events/<event_id>", responses=answers(EventOnDay))
    def get_event(path: EventPath, query: AsOfOnlyQuery) -> Response:
        """One event, how it stood on a day, and what other events did to it."""
        day = context.day(query.as_of)
        return json_answer(event_on_day(context.catalog, context.registry, path.event_id, day).json_object())

    return api


def asked(query: EventsChoice) -> EventFilter:
    """Which events a query asks for."""
    return EventFilter(query.series_id, query.mineral, query.actor, query.kind)
