"""Events of a file, also of a list that was exported: one of an earlier day tells what was known then, and no news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from forecast.catalog import Catalog
from forecast.catalog.csv_reader import Reading, SomeDay, TableRow, read_rows
from forecast.catalog.csv_records import EVENTS_NOT_TAKEN, EventRow, judged_events
from forecast.catalog.event_changes import differences
from forecast.catalog.schema import event_row
from forecast.events import Event, Events


class ListedEvent(EventRow):
    """A line of a list of events; ``as_of``: the day of its knowledge, nothing in a file that is no export."""

    as_of: SomeDay = None


_NOT_TAKEN = tuple(name for name in EVENTS_NOT_TAKEN if name not in ListedEvent.model_fields)


@dataclass(frozen=True)
class ListedEvents:
    """The events of a file that may be new or tell something new, and how many others are in it."""

    news: Sequence[Event] = ()
    unchanged: int = 0


def read_listed(catalog: Catalog, path: Path, told_before: Events, reading: Reading, today: date) -> ListedEvents:
    """Compare each event of a file with what was known of it on the day of its line, today where it has none.

    An export leaves out what was not known yet, such as an end to come: what is as it was known then is no news. What
    an export of an earlier day says otherwise is noted as wrong.
    """
    lines = list(read_rows(path, ListedEvent, reading, not_taken=_NOT_TAKEN))
    events = judged_events(lines, told_before, reading, today)
    news = []
    for (row, cells), event in zip(lines, events, strict=True):
        day = cells.as_of or today
        known = catalog.events(day).get(event.event_id) if day <= today else None
        if known is not None and not differences(known, event):
            continue
        if day > today:
            reading.note(row, "as_of", f"a day up to {today}, or nothing in a file that is no export")
        elif day < today and (known is not None or event.event_id in told_before) and not row.wrong:
            _refuse(row, day, event, known, reading)
        # an event that nobody knew is the user's own; one of the bundled data that is put right stays one of these
        before = told_before.get(event.event_id)
        news.append(replace(event, own=before.own if before else True))
    return ListedEvents(news, len(events) - len(news))


def _refuse(row: TableRow, day: date, event: Event, known: Event | None, reading: Reading) -> None:
    """Note what a line says otherwise than it was known on its day, ``known``: the event then."""
    remedy = f"an export of an earlier day cannot be amended, orecast events amend {event.event_id} can"
    if known is None:
        reading.note(row, "as_of", f"a day on which {event.event_id} was known; {remedy}")
        return
    was = event_row(known)
    for column in differences(known, event):
        told = was[column] if was[column] not in (None, "") else "nothing"
        reading.note(row, column, f"{told}, as was known on {day}; {remedy}")
