"""What users rely on: every day on which something starts, ends or may come is listed once, by what was known."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from forecast.events import EXPIRIES, Act, Event, Events, StateChange, What, changes, last_day, timeline
from tests.support.small_world import SOURCED, an_event

NO_70, NO_72, TARIFFS = "cn-suspension-no70-2025", "cn-suspension-no72-2025", "cn-tariff-suspension-2025-11"
CONTROLS = tuple(f"cn-mofcom-{number}-2025" for number in (55, 56, 57, 58, 61, 62))


def of(event_id: str, *events: Event, known_on: date = date(2030, 12, 31)) -> list[tuple[What, date]]:
    """What happens to one of these events, and when."""
    return [(one.what, one.day) for one in changes(Events(events), known_on) if one.event_id == event_id]


def expiry(events: Events, event_id: str, known_on: date) -> StateChange | None:
    return next((c for c in changes(events, known_on) if c.event_id == event_id and c.what in EXPIRIES), None)


@pytest.mark.parametrize(
    ("known_on", "passed"),
    [(date(2026, 11, 1), []), (date(2026, 11, 27), [NO_70, TARIFFS]), (date(2027, 2, 1), [NO_70, TARIFFS, NO_72])],
)
def test_the_suspensions_of_2025_end_on_their_last_day_with_what_returns(
    bundled_events: Events, known_on: date, passed: list[str]
) -> None:
    found = {event_id: expiry(bundled_events, event_id, known_on) for event_id in (NO_70, TARIFFS, NO_72)}
    assert {event_id: (one.what, one.day, one.event_ids) for event_id, one in found.items() if one} == {
        NO_70: (What.SUSPENSION_ENDS, date(2026, 11, 10), CONTROLS),
        TARIFFS: (What.SUSPENSION_ENDS, date(2026, 11, 10), ("cn-retal-34-84-125-2025",)),
        NO_72: (What.SUSPENSION_ENDS, date(2026, 11, 27), ("cn-us-ban-gagesb-2024",)),
    }
    assert [event_id for event_id, one in found.items() if one and one.branch and one.branch.unconfirmed] == passed


def test_before_it_was_announced_no_suspension_ends(bundled_events: Events) -> None:
    known_on = date(2025, 10, 15)
    assert [expiry(bundled_events, event_id, known_on) for event_id in (NO_70, TARIFFS, NO_72)] == [None] * 3
    coming = {(c.event_id, c.what, c.day) for c in changes(bundled_events, known_on) if c.day > known_on}
    assert ("cn-mofcom-61-2025", What.STARTS, date(2025, 12, 1)) in coming


def test_the_end_of_a_truce_that_holds_nothing_back_is_told_as_that(bundled_events: Events) -> None:
    found = expiry(bundled_events, "us-cn-busan-2025", date(2026, 11, 27))
    assert found is not None
    assert (found.what, found.day, found.event_ids) == (What.TRUCE_ENDS, date(2027, 1, 10), ())


def test_the_days_are_those_of_the_timeline_and_the_last_day(bundled_events: Events) -> None:
    known_on = date(2026, 11, 27)
    listed = changes(bundled_events, known_on)
    starts = {(c.event_id, c.day) for c in listed if c.what in (What.STARTS, What.RESUMES)}
    known = bundled_events.known_on(known_on)
    assert starts == {(name, day) for name in known for day, level in timeline(known, name, known_on) if level}
    ends = {c.event_id: c.day for c in listed if c.what in EXPIRIES}
    fixed = {name: day for name in ends if (day := last_day(known, name, known_on))}
    assert len(fixed) > 50
    assert fixed == {name: ends[name] for name in fixed}


def test_every_change_is_listed_once_and_by_day(bundled_events: Events) -> None:
    listed = changes(bundled_events, date(2026, 11, 27))
    assert [change.day for change in listed] == sorted(change.day for change in listed)
    assert len({(c.day, c.event_id, c.what) for c in listed}) == len(listed)


def test_a_measure_starts_is_suspended_resumes_and_ends() -> None:
    duty = an_event("duty", ended=date(2030, 9, 30), end_known=date(2030, 1, 10))
    pause = an_event(
        "pause",
        kind="truce",
        effective=date(2030, 3, 1),
        ended=date(2030, 4, 30),
        status="lapsed",
        acts=(Act("suspends", "duty"),),
    )
    assert of("duty", duty, pause) == [
        (What.STARTS, date(2030, 2, 1)),
        (What.SUSPENDED, date(2030, 3, 1)),
        (What.RESUMES, date(2030, 5, 1)),
        (What.ENDS, date(2030, 9, 30)),
    ]
    (suspended,) = (c for c in changes(Events([duty, pause]), date(2030, 12, 31)) if c.what is What.SUSPENDED)
    assert suspended.by == "pause"


def test_a_measure_that_another_ends_is_in_force_up_to_the_day_before() -> None:
    duty, repeal = an_event("duty"), an_event("repeal", effective=date(2030, 6, 1), acts=(Act("terminates", "duty"),))
    assert of("duty", duty, repeal) == [(What.STARTS, date(2030, 2, 1)), (What.ENDS, date(2030, 5, 31))]


def test_what_is_given_up_before_its_day_is_withdrawn_and_never_starts_nor_ends() -> None:
    day = date(2030, 1, 20)
    given_up = an_event("threat", kind="threat", status="withdrawn", ended=day, end_known=day)
    assert of("threat", given_up) == [(What.WITHDRAWN, day)]
    lapsed = an_event("duty", status="lapsed", ended=day, end_known=day)
    assert of("duty", lapsed) == [(What.WITHDRAWN, day + timedelta(days=1))]


def test_a_threat_that_became_a_measure_was_carried_out() -> None:
    day = date(2030, 1, 20)
    threat = an_event(
        "threat", kind="threat", ended=day, end_known=day, status="enacted", acts=(Act("announces", "duty"),)
    )
    assert of("threat", threat, an_event("duty")) == [(What.CARRIED_OUT, day)]


@pytest.mark.parametrize(("known_on", "unconfirmed"), [(date(2030, 1, 31), False), (date(2030, 2, 1), True)])
def test_a_threat_may_start_on_its_day_and_is_unconfirmed_once_it_has_come(known_on: date, unconfirmed: bool) -> None:
    threat = an_event("threat", SOURCED | {"kind": "threat", "status": "threatened", "probability": 0.3})
    (change,) = changes(Events([threat]), known_on)
    assert (change.what, change.day) == (What.MAY_START, date(2030, 2, 1))
    assert change.branch is not None
    assert (change.branch.probability, change.branch.unconfirmed) == (0.3, unconfirmed)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("withdrawn", "never took effect: announced 2030-01-10, ended 2030-01-20 before its date 2030-02-01"),
        ("suspended", "not in force: announced 2030-01-10, suspended 2030-01-20 before its date 2030-02-01"),
    ],
)
def test_what_ended_before_its_date_has_no_range_of_dates(status: str, words: str) -> None:
    assert an_event("duty", status=status, ended=date(2030, 1, 20)).dates == words


def test_the_dates_of_a_measure_in_words() -> None:
    assert an_event("duty").dates == "2030-02-01"
    assert an_event("duty", ended=date(2030, 9, 30)).dates == "2030-02-01 to 2030-09-30"
    assert an_event("duty", ended=date(2030, 2, 1)).dates == "2030-02-01 to 2030-02-01"
    assert an_event("talks", effective=None).dates == "2030-01-10"


def test_no_bundled_event_is_dated_backwards(bundled_events: Events) -> None:
    ranges = [event.dates.split(" to ") for event in bundled_events.values() if not event.never_took_effect]
    assert all(first <= last for first, last in (r for r in ranges if len(r) == 2))
    never = [event.event_id for event in bundled_events.values() if event.dates.startswith("never took effect: ")]
    assert "us-copper-50-threat-2025" in never
