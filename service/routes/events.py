"""Events: policy measures and shocks, as known on a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.calendar import CalendarQuestion, EventCalendar, event_calendar
from forecast.answers.event_filter import EventFilter
from forecast.answers.events import EventList, EventOnDay, event_list, event_on_day
from forecast.answers.written import EventWritten
from forecast.catalog import Catalog
from forecast.errors import Fault, InvalidInput
from service import describe, security
from service.answers import json_answer, respond
from service.context import Context
from service.describe import KEY_NEEDED, answers, group, writes
from service.paging import ListPage
from service.schemas import AsOfOnlyQuery, CalendarQuery, EventPath, EventsChoice, EventsQuery, NoQuery
from service.write_bodies import (
    EventAmendment,
    EventBody,
    EventReturn,
    EventWithdrawal,
    event_texts,
    json_object,
)
from service.writes import Written, write

if TYPE_CHECKING:
    from forecast.jobs.event_edits import Author


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

    _add_route(api, context)
    _change_routes(api, context)
    return api


def asked(query: EventsChoice) -> EventFilter:
    """Which events a query asks for."""
    return EventFilter(query.series_id, query.mineral, query.actor, query.kind)


def _add_route(api: APIBlueprint, context: Context) -> None:
    @api.post(
        "/events",
        security=KEY_NEEDED,
        request_body=describe.asked(EventBody),
        responses=writes(EventWritten, status=201),
    )
    def add_event(query: NoQuery) -> Response:
        """Add an event, checked as `orecast events add` does; it is known from the day on which it was announced."""
        facts = {name: fact for name, fact in event_texts(json_object(), EventBody).items() if fact is not None}
        event_id = facts.pop("event_id", "")

        def add(catalog: Catalog, _: str) -> Written:
            from forecast.jobs.event_edits import add_event

            with _located():
                told = _told(event_id, add_event(catalog, event_id, facts, context.clock()))
            return Written(told, 201, {"Location": f"/v1/events/{event_id}"})

        return write(context, add)


def _change_routes(api: APIBlueprint, context: Context) -> None:
    @api.patch(
        "/events/<event_id>",
        security=KEY_NEEDED,
        request_body=describe.asked(EventAmendment),
        responses=writes(EventWritten),
    )
    def amend_event(path: EventPath, query: NoQuery) -> Response:
        """Change the facts of an event that are named, from now on or from `known_at`; before, it stays as it was."""
        body = json_object()
        facts = event_texts(body, EventAmendment)
        said = {name: fact for name, fact in facts.items() if fact is not None}
        if not facts:
            raise InvalidInput(Fault("body", "", "at least one fact that changes, such as ended"))

        def amend(catalog: Catalog, author: Author) -> list[str]:
            from forecast.jobs.event_edits import amend_event

            return amend_event(catalog, path.event_id, said, facts.keys() - said.keys(), author)

        reasons = EventReturn.model_validate({name: body[name] for name in ("known_at", "why") if name in body})
        return _changed(context, path.event_id, reasons, amend)

    @api.post(
        "/events/<event_id>/retire",
        security=KEY_NEEDED,
        request_body=describe.asked(EventWithdrawal),
        responses=writes(EventWritten),
    )
    def retire_event(path: EventPath, query: NoQuery) -> Response:
        """Let an event be known no more that should not be there, from now on or from `known_at`; nothing is lost."""

        def retire(catalog: Catalog, author: Author) -> list[str]:
            from forecast.jobs.event_edits import retire_event

            return retire_event(catalog, path.event_id, author)

        return _changed(context, path.event_id, EventWithdrawal.model_validate(json_object()), retire)

    @api.post(
        "/events/<event_id>/bring-back",
        security=KEY_NEEDED,
        request_body=describe.asked(EventReturn),
        responses=writes(EventWritten),
    )
    def bring_back_event(path: EventPath, query: NoQuery) -> Response:
        """Undo that an event was retired, from now on or from `known_at`."""

        def bring_back(catalog: Catalog, author: Author) -> list[str]:
            from forecast.jobs.event_edits import bring_back_event

            return bring_back_event(catalog, path.event_id, author)

        return _changed(context, path.event_id, EventReturn.model_validate(json_object()), bring_back)


def _changed(
    context: Context,
    event_id: str,
    reasons: EventReturn | EventWithdrawal,
    change: Callable[[Catalog, Author], list[str]],
) -> Response:
    """Change an event in the name of whoever asks. Raises ``InvalidInput``."""

    def make(catalog: Catalog, _: str) -> Written:
        from forecast.jobs.event_edits import Author, known_at

        now = context.clock()
        with _located():
            author = Author(security.asking().id, known_at(reasons.known_at, now), now, reasons.why or "")
            return Written(_told(event_id, change(catalog, author)))

    return write(context, make)


def _told(event_id: str, notes: Sequence[str]) -> EventWritten:
    return EventWritten(event_id=event_id, remarks=tuple(notes))


@contextmanager
def _located() -> Iterator[None]:
    """Let what refuses an event name the member of the body: commands have its facts from options."""
    try:
        yield
    except InvalidInput as error:
        raise type(error)(
            replace(fault, where=f"body.{fault.where.removeprefix('--').replace('-', '_')}") for fault in error.faults
        ) from None
