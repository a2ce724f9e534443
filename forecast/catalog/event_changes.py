"""Events as users changed them: what was taken in, and a log of changes that is only added to.

What the bundled data say of an event holds for all days, and so does what a new snapshot corrects in it; what a user
says of an event that is there counts from the moment since which it is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, insert, select

from forecast.catalog import rows
from forecast.catalog.audit import AuditAction, AuditedChange
from forecast.catalog.row_faults import RowFault, sound_rows
from forecast.catalog.schema import EVENT_CHANGES, EVENTS, amended, cells_of, cells_text, event_of, event_row
from forecast.errors import NotFound
from forecast.events import Action, Event, EventChange, Events, Version, versions
from forecast.events.duty_lines import DutyLine, carrier

#: Who says what the bundled data say, and who what is in a file that was taken in.
BUNDLED, FILE = "bundled data", "ingest"
#: The moment since which holds what holds for all days.
_ALWAYS = datetime.combine(date.min, time(), UTC)


def recorded(
    connection: Connection, faults: list[RowFault] | None = None
) -> tuple[dict[str, Event], dict[str, list[EventChange]]]:
    """The events as they were taken in, by id, and the changes to each in order of writing; rows that cannot be so go
    to ``faults``."""
    faults = [] if faults is None else faults
    events = rows.stored(connection, EVENTS, event_of, faults)
    changes: dict[str, list[EventChange]] = {}
    query = select(EVENT_CHANGES).order_by(EVENT_CHANGES.c.recorded)
    for row in sound_rows(connection, query, EVENT_CHANGES, faults):
        if row.event_id not in events:  # its own row cannot be read
            continue
        changes.setdefault(row.event_id, []).append(
            EventChange(
                row.event_id,
                Action(row.action),
                row.known.replace(tzinfo=UTC),
                row.recorded.replace(tzinfo=UTC),
                row.recorded_by,
                row.why,
                cells_of(row.facts),
            )
        )
    return events, changes


def load(connection: Connection, duties: Iterable[DutyLine], faults: list[RowFault] | None = None) -> Events:
    """The events as they are known, with their duties, and with the versions of those that were changed; rows that
    cannot be so go to ``faults``."""
    events, changes = recorded(connection, faults)
    carry = carrier(duties, events)
    found = {
        event_id: tuple(replace(version, event=version.event and carry(version.event)) for version in told)
        for event_id, each in changes.items()
        for told in [event_versions(events[event_id], each)]
    }
    last = [carry(event) for event_id, event in events.items() if event_id not in found]
    last += [event for each in found.values() if (event := each[-1].event)]
    return Events(last, versions=found)


def event_versions(event: Event, changes: list[EventChange]) -> tuple[Version, ...]:
    """The versions of an event after these changes."""
    return versions(event, changes, amended)


def differences(before: Event, after: Event) -> dict[str, object]:
    """The cells of the row of ``after`` that are others than those of ``before``; whose event it is stays as it is."""
    was = event_row(before)
    return {name: cell for name, cell in event_row(after).items() if cell != was[name] and name != "own"}


def add(connection: Connection, change: EventChange) -> AuditedChange:
    """Write a change, after all that was written of the event before, whatever the clock does. Raises ``NotFound``."""
    events, changes = recorded(connection)
    if change.event_id not in events:
        raise NotFound("event", change.event_id, events)
    before = changes.get(change.event_id, [])
    _append(connection, change, before)
    if change.action is Action.AMEND:
        known = [one for one in before if one.known <= change.known]
        return _amended(_last_facts(events[change.event_id], known), change)
    retires = change.action is Action.RETIRE
    action = AuditAction.EVENTS_RETIRE if retires else AuditAction.EVENTS_BRING_BACK
    return AuditedChange(action, change.event_id, {"retired": not retires}, {"retired": retires}, change.why)


def take_in(
    connection: Connection, events: Iterable[Event], now: datetime
) -> tuple[list[AuditedChange], list[AuditedChange]]:
    """Write events from a file: new ones as they are, changed facts of others known from ``now`` on.

    Those that were new, and those that were there before and changed.
    """
    stored, changes = recorded(connection)
    given = {event.event_id: event for event in events}
    rows.replace(connection, EVENTS, {}, new := _without(given, stored), event_row)
    changed = []
    for event_id in given.keys() & stored.keys():
        before = changes.get(event_id, [])
        believed = _last_facts(stored[event_id], before)
        if facts := differences(believed, given[event_id]):
            change = EventChange(event_id, Action.AMEND, now, now, FILE, "", facts)
            _append(connection, change, before)
            changed.append(_amended(believed, change))
    return [
        AuditedChange(AuditAction.EVENTS_ADD, event_id, {}, _facts(event)) for event_id, event in new.items()
    ], changed


def _amended(before: Event, change: EventChange) -> AuditedChange:
    was = event_row(before)
    told = {name: was[name] for name in change.facts}
    return AuditedChange(AuditAction.EVENTS_AMEND, change.event_id, told, change.facts, change.why)


def _facts(event: Event) -> dict[str, object]:
    """What is said of an event, by column."""
    return {name: cell for name, cell in event_row(event).items() if cell not in (None, "", False)}


def put_right(connection: Connection, bundled: Iterable[Event], now: datetime) -> list[AuditedChange]:
    """Write the events of the bundled data: what they say holds for all days, and what they no longer hold is retired
    for all days. What that changed."""
    stored, changes = recorded(connection)
    given = {event.event_id: event for event in bundled}
    rows.replace(connection, EVENTS, stored, given, event_row)
    changed = [_corrected(stored.get(name), event) for name, event in given.items() if stored.get(name) != event]
    for event_id, event in stored.items():
        before = changes.get(event_id, [])
        said = [change.action for change in before if change.by == BUNDLED]
        gone, was_gone = event_id not in given and not event.own, said[-1:] == [Action.RETIRE]
        if gone != was_gone:
            action, why = (Action.RETIRE, "no longer in them") if gone else (Action.BRING_BACK, "in them again")
            _append(connection, EventChange(event_id, action, _ALWAYS, now, BUNDLED, why), before)
            audited = AuditAction.EVENTS_RETIRE if gone else AuditAction.EVENTS_BRING_BACK
            changed.append(AuditedChange(audited, event_id, {"retired": was_gone}, {"retired": gone}, why))
    return changed


def _corrected(before: Event | None, after: Event) -> AuditedChange:
    if before is None:
        return AuditedChange(AuditAction.EVENTS_ADD, after.event_id, {}, _facts(after))
    was, facts = event_row(before), differences(before, after)
    return AuditedChange(AuditAction.EVENTS_AMEND, after.event_id, {name: was[name] for name in facts}, facts)


def _without(given: Mapping[str, Event], stored: Mapping[str, Event]) -> dict[str, Event]:
    return {event_id: event for event_id, event in given.items() if event_id not in stored}


def _last_facts(event: Event, changes: list[EventChange]) -> Event:
    """What is known last of an event, whether it is retired or not."""
    last = event_versions(event, [change for change in changes if change.action is Action.AMEND])[-1].event
    return last or event


def _append(connection: Connection, change: EventChange, before: list[EventChange]) -> None:
    last = [one.recorded + timedelta(microseconds=1) for one in before]
    change = replace(change, recorded=max([change.recorded, *last]))
    connection.execute(
        insert(EVENT_CHANGES),
        {
            "event_id": change.event_id,
            "recorded": change.recorded.astimezone(UTC).replace(tzinfo=None),
            "known": change.known.astimezone(UTC).replace(tzinfo=None),
            "action": str(change.action),
            "recorded_by": change.by,
            "why": change.why,
            "facts": cells_text(change.facts),
        },
    )
