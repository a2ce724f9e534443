"""What contradicts itself in the records of events, and what should be looked at."""

from __future__ import annotations

from datetime import date

import pytest

from forecast.events import Act, Event, Events
from forecast.events.check import Finding, Severity, check
from tests.support.records import EventFacts
from tests.support.small_world import SOURCED, an_event

TODAY = date(2030, 7, 15)
BAN = an_event("ban", kind="export_ban")
LATER = an_event("later", announced=date(2030, 6, 1), effective=date(2030, 6, 1))
TALK = an_event("talk", kind="threat", status="threatened")


def one(message: EventFacts | None = None, *acts: tuple[str, str]) -> Event:
    return an_event("it", message, acts=tuple(Act(*act) for act in acts))


def of(event: Event, *others: Event) -> list[Finding]:
    events = Events([BAN, LATER, TALK, event, *others])
    return [finding for finding in check(events, TODAY) if finding.event_id == event.event_id]


CONTRADICTIONS: list[tuple[Event, str, str]] = [
    (one({"ended": date(2030, 1, 20), "end_known": date(2030, 1, 15)}), "ended", "before it took effect"),
    (one(None, ("suspends", "nothing")), "acts", "which is no event"),
    (one(None, ("suspends", "talk")), "acts", "only threatened"),
    (one({"effective": date(2030, 6, 15)}, ("suspends", "term")), "acts", "suspends term, which was over by then"),
    (one({"effective": date(2033, 1, 1)}), "status", "effective only on 2033-01-01"),
    (one({"announced": date(2125, 1, 10)}), "announced", "announced is 2125-01-10"),
    (one({"status_as_of": date(2030, 7, 16)}), "status_as_of", "2030-07-16"),
    (one({"status": "threatened", "status_as_of": date(2030, 7, 1)}), "status", "still so on 2030-07-01"),
    (one({"status": "lapsed", "end_known": date(2030, 1, 20)}), "status", "before it began"),
    (one({"status": "withdrawn"}), "ended", "with no end"),
    (one(None, ("amends", "later")), "acts", "announced later, on 2030-06-01"),
    (one(None, ("reinstates", "talk2")), "acts", "never was in force"),
    (one({"ended": date(2030, 5, 1), "end_known": date(2030, 1, 10)}, ("extends", "term")), "ended", "no later than"),
    (one({"probability_source": "A. Forecaster"}), "probability", "that is not there"),
]
OTHERS = (
    an_event("talk2", effective=None),
    an_event("term", ended=date(2030, 6, 1), end_known=date(2030, 1, 10)),
)
REMINDERS: list[tuple[Event, str, str]] = [
    (one({"needs_recheck": True, "status_as_of": date(2030, 4, 1)}), "status_as_of", "105 days ago"),
    (one({"probability": 0.3}), "probability_source", "without probability_source and probability_date"),
    (one({"ended": date(2030, 5, 1)}), "end_known", "nobody says since when"),
    (one({"ended": date(2031, 5, 1), "end_known": date(2031, 5, 1)}), "end_known", "counts as known from that day"),
    (one({"value_unit": "% approvd"}), "value_unit", "'% approvd' is none that is known"),
    (one({"value_unit": "pct"}), "value_unit", "'pct' is none that is known"),
    (one({"kind": "truce", "ended": date(2030, 9, 1), "end_known": date(2030, 1, 10)}), "acts", "suspends nothing"),
    (one(None, ("extends", "ban")), "ended", "has no end of its own"),
    (one({"needs_recheck": True, "ended": date(2030, 7, 10), "end_known": date(2030, 7, 9),
          "status_as_of": date(2030, 7, 9)}), "status", "2030-07-10 has passed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "field", "what", "severity"),
    [
        *((*case, Severity.CONTRADICTION) for case in CONTRADICTIONS),
        *((*case, Severity.REMINDER) for case in REMINDERS),
    ],
)
def test_each_slip_is_found_once_where_it_is_and_says_what_to_do(
    event: Event, field: str, what: str, severity: Severity
) -> None:
    (finding,) = of(event, *OTHERS)
    assert (finding.field, finding.severity) == (field, severity)
    assert what in finding.what
    assert finding.why
    assert finding.do


@pytest.mark.parametrize(
    "event",
    [
        one(),
        one({"ended": date(2030, 1, 20), "end_known": date(2030, 1, 15), "status": "withdrawn"}),
        one({"ended": date(2030, 6, 30), "end_known": date(2030, 1, 10)}, ("suspends", "ban")),
        one(SOURCED | {"kind": "threat", "status": "threatened", "probability": 0.3}),
        one({"value_unit": "pp ad valorem"}),
        one(None, ("responds_to", "ban"), ("amends", "ban")),
        one({"needs_recheck": True, "status_as_of": date(2030, 7, 1)}),
    ],
)
def test_nothing_is_found_where_nothing_is_wrong(event: Event) -> None:
    assert of(event) == []


def test_an_act_tells_why_a_measure_ended_before_it_began() -> None:
    held = one({"ended": date(2030, 1, 20), "end_known": date(2030, 1, 15)})
    stop = an_event("stop", announced=date(2030, 1, 15), effective=date(2030, 1, 20), acts=(Act("terminates", "it"),))
    assert of(held, stop) == []


def test_no_threat_tells_why_a_measure_ended_before_it_began() -> None:
    held = one({"ended": date(2030, 1, 20), "end_known": date(2030, 1, 15)})
    facts: EventFacts = {"announced": date(2030, 1, 15), "effective": date(2030, 9, 1), "status": "threatened"}
    (finding,) = of(held, an_event("may-stop", facts, acts=(Act("terminates", "it"),)))
    assert "before it took effect" in finding.what


@pytest.mark.parametrize(("status", "open_ends"), [("enacted", 0), ("threatened", 1)])
def test_an_end_that_was_moved_on_record_is_not_open(status: str, open_ends: int) -> None:
    ended = one({"needs_recheck": True, "ended": date(2030, 7, 10), "end_known": date(2030, 2, 1),
                 "status_as_of": date(2030, 7, 9)})  # fmt: skip
    facts: EventFacts = {"effective": date(2030, 7, 10), "ended": date(2030, 9, 9), "end_known": date(2030, 2, 1),
                         "status": status}  # fmt: skip
    found = of(ended, an_event("longer", facts, acts=(Act("extends", "it"),)))
    assert len(found) == open_ends


def test_a_circle_is_told_once() -> None:
    circle = [an_event(name, acts=(Act("amends", to),)) for name, to in (("a", "b"), ("b", "c"), ("c", "a"))]
    found = check(Events(circle), TODAY)
    assert [(finding.event_id, finding.what) for finding in found] == [("a", "amends in a circle: a, b, c")]


def test_the_bundled_events_contradict_themselves_nowhere(bundled_events: Events) -> None:
    found = check(bundled_events, date(2026, 11, 27))
    assert [finding for finding in found if finding.severity is Severity.CONTRADICTION] == []
    overdue = {finding.event_id for finding in found if finding.field == "status"}
    assert {"cn-suspension-no70-2025", "cn-suspension-no72-2025", "cn-tariff-suspension-2025-11"} <= overdue


def test_contradictions_come_first() -> None:
    events = Events([one({"probability": 0.3}), an_event("z", status="withdrawn")])
    assert [finding.severity for finding in check(events, TODAY)] == [Severity.CONTRADICTION, Severity.REMINDER]
