"""The calendar of events as an answer: what starts, ends or may come in a window of days, and what it would hit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from forecast.answers.champion import champion_of
from forecast.answers.event_filter import EventFilter
from forecast.answers.model import LINES, Listing, Part, Text
from forecast.answers.series import served
from forecast.answers.words import Precision
from forecast.errors import Damaged, Fault, InvalidInput, NotTrained
from forecast.events import EXPIRIES, Event, Events, KindFamily, StateChange, What, branches, changes
from forecast.events.check import RECHECK_DAYS
from forecast.events.exposure import Minerals, exposure
from forecast.registry import Registry
from forecast.timeseries.series import Series

if TYPE_CHECKING:
    from forecast.catalog import Catalog

#: The most days that ``expiring`` looks ahead.
MOST_DAYS = 36500


class DatedChange(Part):
    """A day on which an event starts, ends or may change."""

    day: dt.date = Field(description="day on which it happens: of an end the last day in force or of the suspension")
    date_precision: Precision = Field(description="day, month or year: how exact its dates are")
    event_id: str = Field(title="event", description="id of the event")
    title: str = Field(description="title of the event")
    actor: Text = Field(description="who acts: an ISO 3166 alpha-3 code, EU, UN or WLD")
    what: What = Field(
        description="what happens: starts, suspended, resumes, ends, withdrawn or carried out (a threat that became a "
        "measure); or may: suspension ends, truce ends (it holds nothing back that is on record), may start"
    )
    certain: bool = Field(description="whether it is set; else it is a branch, which may not come")
    probability: float | None = Field(description="0 to 1, of a branch; null where nobody has said, and of the certain")
    unconfirmed: bool = Field(description="a branch whose day has passed, and nothing later is known")
    event_ids: tuple[str, ...] = Field(description="what returns on the next day, of a suspension that ends")
    by: str | None = Field(description="id of the event that brings it about, where another does")
    series: int = Field(description="how many series that are served it touches")
    series_ids: tuple[str, ...] = Field(description="their ids")
    in_forecast: Literal["yes", "drawn", "no"] = Field(
        title="in forecast",
        description="whether the forecasts of these series count with it; drawn: with its probability, draw by draw; "
        "no: it is only listed",
    )
    why_not: str | None = Field(description="why it is only listed")
    status_note: Text = Field(description="what is to be said of the status of the event")
    status_as_of: dt.date | None = Field(description="day on which the record of the event was last verified")
    recheck_overdue: bool = Field(
        description=f"its day has passed without news, or it should be checked again and was not for {RECHECK_DAYS} "
        "days"
    )


class EventCalendar(Listing):
    """The dated changes of events in a window of days, by day."""

    line = (LINES, "as_of")

    as_of: dt.date = Field(description="day whose knowledge counts, to its end (UTC)")
    start: dt.date | None = Field(
        alias="from", description="first day of the window; null: as_of, and before it what is unconfirmed"
    )
    until: dt.date | None = Field(description="last day of the window; null: it has none")
    data: tuple[DatedChange, ...]
    undated: tuple[str, ...] = Field(description="ids of the threats for which no day is set")


@dataclass(frozen=True)
class CalendarQuestion:
    """What is asked of the calendar.

    ``as_of``: the UTC day whose knowledge counts. ``start``, ``until``: the window, both days in it, also to come;
    without ``start`` it is ``as_of``, and what is unconfirmed from before it is told too. ``expiring``: only what ends,
    or may end, up to so many days after ``as_of``. ``about``: events of which, or of what they bring back, this holds.
    Raises ``InvalidInput`` for a window that ends before it begins.
    """

    as_of: dt.date
    start: dt.date | None = None
    until: dt.date | None = None
    expiring: int | None = None
    about: EventFilter = field(default_factory=EventFilter)

    def __post_init__(self) -> None:
        first, days = self.start or self.as_of, self.expiring
        if days is not None and not 0 <= days <= MOST_DAYS:
            raise InvalidInput(Fault("expiring", days, f"a whole number of days from 0 to {MOST_DAYS}"))
        if self.until is not None and self.until < first:
            raise InvalidInput(Fault("until", str(self.until), f"a day not before {first}, when the window begins"))
        if self.last is not None and self.last < first:
            least = (first - self.as_of).days
            raise InvalidInput(Fault("expiring", days, f"at least {least} days, since the window begins on {first}"))

    @property
    def last(self) -> dt.date | None:
        """The last day of the window."""
        if self.expiring is None:
            return self.until
        soon = dt.date.fromordinal(min(self.as_of.toordinal() + self.expiring, dt.date.max.toordinal()))
        return min(soon, self.until or soon)

    def holds(self, change: StateChange) -> bool:
        """Whether a change is in the window, and of what is asked for."""
        if self.expiring is not None and change.what not in EXPIRIES:
            return False
        if self.last is not None and change.day > self.last:
            return False
        if self.start is not None:
            return change.day >= self.start
        return change.day >= self.as_of or _unconfirmed(change)


def event_calendar(catalog: Catalog, registry: Registry, question: CalendarQuestion) -> EventCalendar:
    """The changes that are asked for. Raises ``NotFound`` for a series, a mineral or a kind that there is not."""
    events = catalog.events(question.as_of)
    about = {event.event_id for event in question.about.of(events, catalog)}
    found = [
        change
        for change in changes(events, question.as_of)
        if question.holds(change) and about.intersection((change.event_id, *change.event_ids))
    ]
    minerals, reach = catalog.minerals(), _reach(served(catalog, registry), registry)
    undated = (b for b in branches(events, question.as_of) if b.starts is None and question.expiring is None)
    return EventCalendar.model_validate(
        {
            "as_of": question.as_of,
            "from": question.start,
            "until": question.last,
            "data": [_dated(change, events, reach, minerals, question.as_of) for change in found],
            "undated": [branch.event_id for branch in undated if branch.event_id in about],
        }
    )


def touched(events: Iterable[Event], series: Iterable[Series], minerals: Minerals) -> tuple[str, ...]:
    """Ids of the series that any of these events touches."""
    found = tuple(events)
    return tuple(one.series_id for one in series if any(exposure(event, one, minerals) > 0 for event in found))


def recheck_overdue(event: Event, as_of: dt.date, *, unconfirmed: bool = False) -> bool:
    """Whether the record of an event should have been verified again by the end of ``as_of``."""
    late = event.status_as_of is None or (as_of - event.status_as_of).days > RECHECK_DAYS
    return unconfirmed or (event.needs_recheck and late)


def _unconfirmed(change: StateChange) -> bool:
    return change.branch is not None and change.branch.unconfirmed


def _reach(series: Iterable[Series], registry: Registry) -> dict[Series, dt.date]:
    """The last day that the forecast of each series reaches; what is damaged has none."""
    found: dict[Series, dt.date] = {}
    for one in series:
        with suppress(Damaged, NotTrained):
            run = champion_of(one, registry)
            freq = run.card.series.calendar
            found[one] = freq.end(freq.shift(run.last, run.draws.shape[1])).item()
    return found


def _dated(
    change: StateChange, events: Events, reach: Mapping[Series, dt.date], minerals: Minerals, as_of: dt.date
) -> dict[str, object]:
    """The members of ``DatedChange``; ``reach``: the series that are served, and up to which day each is forecast."""
    event, branch = events[change.event_id], change.branch
    hit = touched((events[name] for name in (change.event_id, *change.event_ids)), reach, minerals)
    last = max((day for one, day in reach.items() if one.series_id in hit), default=None)
    why_not = _why_not(change, event, last)
    return {
        "day": change.day,
        "date_precision": event.date_precision,
        "event_id": event.event_id,
        "title": event.title,
        "actor": event.actor,
        "what": change.what,
        "certain": branch is None,
        "probability": branch and branch.probability,
        "unconfirmed": _unconfirmed(change),
        "event_ids": change.event_ids,
        "by": change.by,
        "series": len(hit),
        "series_ids": hit,
        "in_forecast": "no" if why_not else "yes" if branch is None else "drawn",
        "why_not": why_not,
        "status_note": event.status_note,
        "status_as_of": event.status_as_of,
        "recheck_overdue": recheck_overdue(event, as_of, unconfirmed=_unconfirmed(change)),
    }


def _why_not(change: StateChange, event: Event, last: dt.date | None) -> str | None:
    """Why no forecast counts with a change; None where one does. ``last``: the last day forecast of what it touches."""
    if last is None:
        return "it touches no series that is served"
    if change.branch is not None and change.branch.probability is None:
        stated = change.branch.stated is not None
        return "its probability has no source or no date" if stated else "nobody has given it a probability"
    if change.day > last:
        return "it lies beyond the forecasts of what it touches"
    if change.branch is None and event.family is KindFamily.THREAT:
        return "what is only said adds nothing to the periods ahead"
    return None
