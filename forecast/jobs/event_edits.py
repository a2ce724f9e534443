"""Events added, amended and retired by hand: checked as files are, recorded with since when and by whom."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path

from forecast.answers.event_records import changed_facts
from forecast.answers.scenarios.yaml_text import to_json
from forecast.catalog import Catalog
from forecast.catalog.csv_reader import Reading, TableRow, moment
from forecast.catalog.csv_records import EventRow, read_event, read_events
from forecast.catalog.event_changes import differences, event_versions
from forecast.catalog.inbox import Settled, settle
from forecast.catalog.schema import event_row
from forecast.errors import Fault, InvalidInput, NotFound, one_of
from forecast.events import PROSE, UNTRAINED, Action, Event, EventChange
from forecast.events.exposure import exposure
from forecast.jobs.event_notes import event_notes, finding_notes

#: Every fact that can be said of an event, in the order of ``events.csv``.
FACTS = tuple(name for name in EventRow.model_fields if name != "event_id")


@dataclass(frozen=True)
class Author:
    """Who changes an event, since when it is known (UTC), when it is written (now), and why."""

    by: str
    known: datetime
    now: datetime
    why: str = ""

    def change(self, event_id: str, action: Action, facts: Mapping[str, object] | None = None) -> EventChange:
        return EventChange(event_id, action, self.known, self.now, self.by, self.why, facts or {})


def known_at(text: str | None, now: datetime) -> datetime:
    """A day or a moment since which something is known, now where nothing is said. Raises ``InvalidInput``."""
    if text is None:
        return now
    expected = f"a day or an ISO 8601 moment up to now, {now:%Y-%m-%dT%H:%M}Z"
    try:
        found = moment(text)
    except ValueError:
        raise InvalidInput(Fault("--known-at", text, expected)) from None
    if found > now:
        raise InvalidInput(Fault("--known-at", text, expected))
    return found


def add_event(
    catalog: Catalog, event_id: str, facts: Mapping[str, str], now: datetime, settled: Settled | None = None
) -> list[str]:
    """Take in a new event from the texts of its facts; what it touches and lacks.

    ``settled``: the candidate that it comes of, in the same transaction. Raises ``InvalidInput`` with every wrong fact,
    and for an id that is there.
    """
    reading = Reading()
    row = _row({"event_id": event_id, **facts})
    event = read_event(row, catalog.events(), reading, now.date())
    if _there(catalog, event_id):
        reading.note(row, "event_id", f"a new id; to change what is there: orecast events amend {event_id}")
    reading.finish()
    return _taken_in(catalog, [event], now, settled)


def add_events(catalog: Catalog, path: Path, now: datetime) -> list[str]:
    """Take in the new events of a CSV file with the columns of ``events.csv``, or of a YAML file with the same names.

    Raises ``InvalidInput`` with every fault of the file, and for an id that is there.
    """
    reading = Reading()
    known = catalog.events()
    if path.suffix.lower() in (".yaml", ".yml"):
        rows = _yaml_rows(path)
        named = [row["event_id"] for row in rows]
        ids = {*known, *named}
        for number, row in enumerate(rows):
            if row["event_id"] and row["event_id"] in named[:number]:
                reading.note(row, "event_id", f"each once; it is event {named.index(row['event_id']) + 1} already")
        events = [read_event(row, ids, reading, now.date()) for row in rows]
    else:
        events = read_events(path, known, reading, now.date())
    reading.finish()  # in place of a wrong id stands that of an example, which may be there
    for event in events:
        if _there(catalog, event.event_id):
            expected = f"a new id; to change what is there: orecast events amend {event.event_id}"
            reading.faults.append(Fault("event_id", event.event_id, expected, str(path)))
    reading.finish()
    return _taken_in(catalog, events, now)


def amend_event(
    catalog: Catalog,
    event_id: str,
    facts: Mapping[str, str],
    unset: Collection[str],
    author: Author,
    settled: Settled | None = None,
) -> list[str]:
    """Change the facts that are named of an event from ``author.known`` on; what changes, and what that moves.

    An end that is said counts as known from its day, or from ``author.known`` if that comes first; what is withdrawn
    ends on that day unless another is said, and of that day is the evidence for a new status. ``settled``: the
    candidate that the change comes of, in the same transaction. Raises ``NotFound``, and ``InvalidInput`` with every
    wrong fact, and for a day on which nobody knew the event.
    """
    was = believed(catalog, event_id, author.known)
    cells = fact_texts(was) | dict(facts) | dict.fromkeys(facts_named(unset, facts), "")
    said, day = {*facts, *unset}, author.known.date()
    if "ended" in facts and "end_known" not in said and (ended := _day(facts["ended"])):
        cells["end_known"] = str(max(was.known_from, min(ended, day)))
    elif "ended" in unset and "end_known" not in said:
        cells["end_known"] = ""
    elif facts.get("status") == "withdrawn" and "ended" not in said and not (was.ended and was.ended <= day):
        cells |= {"ended": str(day), "end_known": str(day)}  # not on the day that it was to last to
    if said & {"status", "ended"} and "status_as_of" not in said:
        cells["status_as_of"] = str(day)
    reading = Reading()
    now = read_event(_row(cells), catalog.events(), reading, author.now.date())
    reading.finish()
    _known_by_then(was, now, day)
    changed = differences(was, now)
    if not changed:
        if settled is not None:
            catalog.inbox.settle(settled)
        return [f"{event_id} says so already; nothing is recorded"]
    notes = catalog.change_event(author.change(event_id, Action.AMEND, changed), settled)
    listed = "; ".join(changed_facts(was, now))
    return [
        f"{event_id} is amended, {_since(author)}: {listed}",
        *notes,
        *_overruled(catalog, now, author, changed),
        *_moves(catalog, was, now, author, set(changed)),
    ]


def _known_by_then(was: Event, now: Event, day: date) -> None:
    """Raises ``InvalidInput`` for a change that is known before the event itself."""
    first = min(was.known_from, now.known_from)
    if day < first:
        expected = f"a day not before {first}, when the event was announced; or an earlier day of --announced too"
        raise InvalidInput(Fault("--known-at", str(day), expected))


def _overruled(catalog: Catalog, said: Event, author: Author, changed: Collection[str]) -> Iterator[str]:
    """Which of the changed facts a later change, that was recorded before, says otherwise."""
    event, changes = catalog.event_history(said.event_id)
    last = event_versions(event, changes)[-1].event
    if last is None:
        yield f"{said.event_id} was retired later, so no answer of today knows it"
        return
    held = sorted(differences(said, last).keys() & changed)
    if held:
        yield f"a change that is known later stays: today it still is {'; '.join(_as_told(last, held))}"


def _as_told(event: Event, facts: Collection[str]) -> list[str]:
    cells = fact_texts(event)
    return [f"{name}: {cells[name] or 'nothing'}" for name in facts]


def retire_event(catalog: Catalog, event_id: str, author: Author) -> list[str]:
    """Let an event be known no more from ``author.known`` on; before, it stays known. Raises ``NotFound``."""
    was = believed(catalog, event_id, author.known)
    acting = [by.event_id for by, _ in catalog.events().acts_on(event_id)]
    catalog.change_event(author.change(event_id, Action.RETIRE))
    notes = [f"{event_id} is retired, {_since(author)}; until then it stays known, and nothing is deleted"]
    if acting:
        notes.append(f"{', '.join(acting)} acted on it: amend or retire what is not so any more")
    return [*notes, *_moves(catalog, was, None, author, set(FACTS))]


def bring_back_event(catalog: Catalog, event_id: str, author: Author) -> list[str]:
    """Undo that an event was retired, from ``author.known`` on. Raises ``NotFound`` for one that is not."""
    event, changes = catalog.event_history(event_id)
    if event_versions(event, changes)[-1].event is not None:
        raise NotFound("retired event", event_id)
    catalog.change_event(author.change(event_id, Action.BRING_BACK))
    back = believed(catalog, event_id, author.known)
    return [f"{event_id} is back, {_since(author)}", *_moves(catalog, back, back, author, set(FACTS))]


def _moves(catalog: Catalog, was: Event, now: Event | None, author: Author, changed: set[str]) -> Iterator[str]:
    """Which series a change touches, what it moves of them, and what is found in the record as it is now."""
    minerals = catalog.minerals()
    touched = [
        one.series_id
        for one in catalog.series().values()
        if one.is_target and any(exposure(event, one, minerals) > 0 for event in (was, now) if event)
    ]
    if not touched:
        yield f"{was.event_id} touches no series that is forecast"
    elif changed <= PROSE:
        yield f"{was.event_id} touches {', '.join(touched)}: no number changes, only what is said"
    elif changed <= UNTRAINED:
        yield f"{was.event_id} touches {', '.join(touched)}: their next answers change, and no training is due"
    else:
        yield f"{was.event_id} touches {', '.join(touched)}; training is due (orecast retrain --due)"
    if now:
        yield from finding_notes(catalog.events(), [now], author.now.date())


def _taken_in(catalog: Catalog, events: list[Event], now: datetime, settled: Settled | None = None) -> list[str]:
    before = catalog.events()
    mine = [replace(event, own=True) for event in events]
    with catalog.writing(now) as writer:
        writer.add([], [], mine)
        if settled is not None:
            settle(writer.connection, settled)
    added = [f"{event.event_id} is added, known from {event.known_from}" for event in mine]
    found = finding_notes(catalog.events(), mine, now.date())
    return [*added, *writer.counts.notes, *event_notes(catalog, mine, before), *found]


def _there(catalog: Catalog, event_id: str) -> bool:
    """Whether an event was ever taken in, retired or not."""
    try:
        catalog.event_history(event_id)
    except NotFound:
        return False
    return True


def believed(catalog: Catalog, event_id: str, known: datetime) -> Event:
    """An event as it is told on the day of ``known``. Raises ``NotFound``, and ``InvalidInput`` for a retired one."""
    event, changes = catalog.event_history(event_id)
    there = [version.event for version in event_versions(event, changes) if version.known <= known.date()][-1]
    if there is None:
        expected = f"an event that is not retired; to bring it back: orecast events retire {event_id} --undo"
        raise InvalidInput(Fault("event_id", event_id, expected))
    return there


def facts_named(names: Collection[str], facts: Mapping[str, str]) -> list[str]:
    """Names of facts that are to be empty. Raises ``InvalidInput`` for a strange one, or one that is given as well."""
    plain = [name.replace("-", "_").lstrip("_") for name in names]
    faults = [Fault("--unset", name, one_of(FACTS)) for name in plain if name not in FACTS]
    faults += [Fault("--unset", name, "a fact that is not said as well") for name in plain if name in facts]
    if faults:
        raise InvalidInput(faults)
    return plain


def _row(cells: Mapping[str, str]) -> TableRow:
    """A line that was not read from a file: its columns are named as options are."""
    stripped = {name: text.strip() for name, text in cells.items()}
    options = {name: f"--{name.replace('_', '-')}" for name in FACTS}
    return TableRow("", 0, stripped, options | {"event_id": "event_id"})


def fact_texts(event: Event) -> dict[str, str]:
    """The texts of an event's facts as a line of ``events.csv`` has them."""
    row = event_row(event)
    names = [field.name for field in fields(Event) if field.name in EventRow.model_fields]
    texts = {name: "" if row[name] is None else str(row[name]) for name in names}
    return texts | {"needs_recheck": "yes" if event.needs_recheck else "no"}


def _yaml_rows(path: Path) -> list[TableRow]:
    """One event as a mapping, or several as a list of them; lists of words may stand for texts joined by ``;``."""
    found = _yaml(path)
    rows = []
    for number, one in enumerate(found if isinstance(found, list) else [found], 1):
        if not isinstance(one, dict):
            raise InvalidInput(Fault(f"event {number}", one, "a mapping of facts: title: …", str(path)))
        if strange := [name for name in one if name not in EventRow.model_fields]:
            raise InvalidInput([Fault(name, one[name], one_of(EventRow.model_fields), str(path)) for name in strange])
        cells = {"event_id": ""} | {name: _text(value) for name, value in one.items()}
        rows.append(TableRow(str(path), 0, cells, {name: f"{number}.{name}" for name in cells}))
    return rows


def _yaml(path: Path) -> object:
    """What a YAML file says. Raises ``InvalidInput`` with the file and the line of what is no plain YAML."""
    try:
        found: object = json.loads(to_json(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError:
        raise InvalidInput(Fault("encoding", path.name, "UTF-8 throughout", str(path))) from None
    except InvalidInput as error:
        raise InvalidInput(replace(fault, file=str(path)) for fault in error.faults) from None
    return found


def _text(value: object) -> str:
    if isinstance(value, list):
        return ";".join(map(_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value).strip()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None  # told with the other faults


def _since(author: Author) -> str:
    return f"known since {author.known.astimezone(UTC):%Y-%m-%d}"
