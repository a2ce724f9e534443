"""Events as an answer: policy measures and shocks, as known on a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from forecast.answers.calendar import recheck_overdue, touched
from forecast.answers.model import LINES, Answer, Listing, Part, Text
from forecast.answers.series import served
from forecast.answers.words import Certainty, Direction, Kind, Precision, Relation, StateWord, Status
from forecast.catalog.row_faults import check_event
from forecast.events import Event, Events, KindFamily, State, state
from forecast.registry import Registry
from forecast.wording import day_in_words

if TYPE_CHECKING:
    from forecast.catalog import Catalog


Pair = Annotated[tuple[str, ...], Field(min_length=2, max_length=2)]


class ActFacts(Part):
    """What an event does to another, on its own effective date."""

    relation: Relation = Field(
        description="amends, suspends, extends, terminates, reinstates, announces or responds_to"
    )
    target: str = Field(description="id of the other event")


class EventFacts(Answer):
    """An event: a policy measure or a shock."""

    event_id: str = Field(title="event", description="id of the event")
    title: str = Field(description="what it is, in a line")
    kind: Kind = Field(description="kind of measure or shock, such as tariff, export_control or other_shock")
    actor: Text = Field(description="who acts: an ISO 3166 alpha-3 code, EU, UN or WLD")
    targets: tuple[str, ...] = Field(description="against whom: the same codes")
    announced: dt.date | None = Field(description="day on which it was announced (UTC)")
    effective: dt.date | None = Field(description="first day on which it applies")
    ended: dt.date | None = Field(description="its last day, or the day on which the act that ended it took effect")
    end_known: dt.date | None = Field(description="day from which `ended`, and the status it led to, could be known")
    never_took_effect: bool = Field(
        description="whether it was ended, or held back, before the day from which it was to apply"
    )
    dates: str = Field(description="from when to when, in words; of what never took effect, that it did not")
    date_precision: Precision = Field(description="day, month or year: how exact its dates are")
    status: Status = Field(
        description="enacted, threatened, lapsed, suspended or withdrawn; null where its record says nothing"
    )
    status_as_of: dt.date | None = Field(description="day of the evidence for `status` and `status_note`")
    status_note: Text = Field(description="what is to be said of its status")
    instrument: Text = Field(description="the legal text")
    value_before: float | None = Field(description="rate or amount before, in `value_unit`")
    value_after: float | None = Field(description="rate or amount after, in `value_unit`")
    value_unit: Text = Field(description="unit of both; `% approved` for a licence")
    value_text: Text = Field(description="a value that is no number, such as a delay of a licence: `3 months`")
    intensity: Text = Field(description="how strong the measure is")
    minerals: tuple[str, ...] = Field(description="slugs of the minerals that it is about")
    scope_note: Text = Field(description="which goods it covers")
    flows: tuple[Pair, ...] = Field(description="[exporter, importer] codes; in CSV `exporter>importer`")
    price_world: Direction = Field(
        description="expected direction of the world price: up, down, flat, mixed or unclear"
    )
    price_local: Direction = Field(description="the same of the price in `local_market`")
    local_market: Text = Field(description="market of `price_local`")
    volume: Direction = Field(description="expected direction of the flows")
    mechanism: Text = Field(description="why these directions are expected")
    acts: tuple[ActFacts, ...] = Field(description="what it does to other events; in CSV `relation:target`")
    certainty: Certainty = Field(description="verified, partly or background: how far its record was checked")
    sources: tuple[str, ...] = Field(description="where it is told")
    needs_recheck: bool = Field(description="whether its record should be checked again")
    probability: float | None = Field(
        description="0 to 1: of a threat, that it comes; of a suspension, that its end brings back what it suspends"
    )
    probability_source: Text = Field(description="who gives it: a person or an address; without it, it is not drawn")
    probability_date: dt.date | None = Field(description="day of which it is; without it, it is not drawn")
    own: bool = Field(description="taken in by a user of this catalogue; not of the bundled data")
    retired_on: dt.date | None = Field(
        None,
        description="day since which it does not count any more; such an event is listed only among what became known "
        "since a day, and null otherwise",
    )


class EventList(Listing):
    """Events as they were known on a day."""

    line = (LINES, "as_of")

    as_of: dt.date = Field(description="day of this knowledge, to its end (UTC)")
    data: tuple[EventFacts, ...]


class StateFacts(Part):
    """How a measure stands on a day."""

    status: StateWord = Field(
        description="unannounced, announced, threatened, in_force, suspended, ended or withdrawn on the day `as_of`"
    )
    since: dt.date | None = Field(description="first day of this state")
    until: dt.date | None = Field(description="its last day as far as it is known")
    by: str | None = Field(description="id of the event that brought it about, where another did")
    says: str = Field(description="the state in words, and when its record was last verified")


class ActOnIt(Part):
    """What another event did to this one."""

    event_id: str = Field(description="id of the other event")
    relation: Relation = Field(
        description="amends, suspends, extends, terminates, reinstates, announces or responds_to"
    )
    effective: dt.date | None = Field(description="first day on which the other event applies")
    title: str = Field(description="title of the other event")


class EventOnDay(EventFacts):
    """An event, its state on a day, and the acts upon it."""

    as_of: dt.date = Field(description="day of this knowledge, to its end (UTC)")
    state: StateFacts
    acts_on_it: tuple[ActOnIt, ...] = Field(description="what other events did to it, in order of date")
    series_ids: tuple[str, ...] = Field(description="ids of the series that are served and that it touches")
    recheck_overdue: bool = Field(description="whether its record should have been verified again by this day")


def event_list(found: Iterable[Event], day: dt.date, known: Events | None = None) -> EventList:
    """Events in their order, as known on ``day``; ``known``: all that are, which tell of retired ones since when."""
    retired = {} if known is None else known.retired
    data = []
    for event in found:
        facts = EventFacts.model_validate(event)
        if event.event_id in retired:
            facts = facts.model_copy(update={"retired_on": retired[event.event_id][0]})
        data.append(facts)
    return EventList(as_of=day, data=tuple(data))


def event_on_day(catalog: Catalog, registry: Registry, event_id: str, day: dt.date) -> EventOnDay:
    """An event with its state on ``day``, as known on that day. Raises ``NotFound``."""
    check_event(catalog.row_faults, event_id)
    events = catalog.events(day)
    event, now = events[event_id], state(events, event_id, day, day)
    return EventOnDay.model_validate(
        {
            **EventFacts.model_validate(event).json_object(),
            "as_of": day,
            "state": {**vars(now), "says": f"{_in_words(event, now, day)}; {_verified(event)}"},
            "acts_on_it": [
                ActOnIt(event_id=other.event_id, relation=act.relation, effective=other.effective, title=other.title)
                for other, act in events.acts_on(event_id)
            ],
            "series_ids": touched([event], served(catalog, registry), catalog.minerals()),
            "recheck_overdue": recheck_overdue(event, day, unconfirmed=_passed(now, day)),
        }
    )


def _in_words(event: Event, now: State, day: dt.date) -> str:
    """``in force since 7 Nov 2025, was to end on 10 Nov 2026 and nothing later is known``."""
    since = f" since {day_in_words(now.since)}" if now.since else ""
    by = f" by {now.by}" if now.by else ""
    if now.status in ("in_force", "suspended"):
        on = "suspended" if now.status == "suspended" else _in_force(event)
        return f"{on}{since}{by}{_until(now, day)}"
    if event.never_took_effect:
        return event.dates
    if now.status in ("announced", "threatened"):
        starts = f"for {day_in_words(event.effective)}" if event.effective else "no day is set from which it applies"
        passed = event.effective is not None and event.effective <= day
        return f"{now.status}{since}, {starts}" + (", which has passed, and nothing later is known" if passed else "")
    if event.family is KindFamily.THREAT and event.status == "enacted":
        return f"carried out{since}{by}"
    return f"{now.status}{since}{by}"


def _in_force(event: Event) -> str:
    return "under way" if event.family is KindFamily.SHOCK else "in force"


def _until(now: State, day: dt.date) -> str:
    if now.until is None:
        return ""
    last = day_in_words(now.until)
    return f", was to end on {last} and nothing later is known" if _passed(now, day) else f", until {last}"


def _passed(now: State, day: dt.date) -> bool:
    """Whether the last day that is known of a state has passed without news."""
    return now.until is not None and now.until < day


def _verified(event: Event) -> str:
    """When the record of an event was last verified."""
    return f"last verified on {day_in_words(event.status_as_of)}" if event.status_as_of else "no day of verification"
