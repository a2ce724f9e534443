"""Times in force, against lives that can be read off the calendar."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Unpack

import numpy as np
import pytest

from forecast.events import Act, Event, Events, InForceInterval, days_in_force, in_force, was_in_force
from forecast.events.spells import in_words
from forecast.timeseries.frequency import Freq
from tests.support.records import EventFacts
from tests.support.small_world import a_ban, an_event

MONTHLY, JUNE = Freq("M"), np.datetime64("2030-06-01")
KNOWN = date(2030, 12, 31)


def pause(event_id: str, start: date, **facts: Unpack[EventFacts]) -> Event:
    return an_event(event_id, kind="truce", effective=start, acts=(Act("suspends", "ban"),), message=facts)


def life(*events: Event, known_on: date = KNOWN) -> tuple[InForceInterval, ...]:
    return in_force(Events(events), "ban", known_on)


def test_times_in_force_have_their_last_day_and_what_came_after() -> None:
    ban = a_ban("ban", effective=date(2030, 2, 1), ended=date(2030, 9, 30))
    held, back = pause("held", date(2030, 4, 10)), an_event(
        "back", effective=date(2030, 6, 20), acts=(Act("reinstates", "ban"),)
    )  # fmt: skip
    assert life(ban, held, back) == (
        InForceInterval(date(2030, 2, 1), date(2030, 4, 9), "suspended"),
        InForceInterval(date(2030, 6, 20), date(2030, 9, 30), "ended"),
    )
    assert life(a_ban("ban")) == (InForceInterval(date(2030, 2, 1)),)
    assert life(a_ban("ban", effective=None)) == ()
    assert life(a_ban("ban", status="threatened")) == ()


def test_what_was_not_known_yet_is_no_part_of_a_life() -> None:
    later = pause("held", date(2030, 4, 10), announced=date(2030, 4, 8))
    assert life(a_ban("ban"), later, known_on=date(2030, 4, 7)) == (InForceInterval(date(2030, 2, 1)),)
    assert life(a_ban("ban"), later, known_on=date(2030, 4, 8)) == (
        InForceInterval(date(2030, 2, 1), date(2030, 4, 9), "suspended"),
    )


def test_days_are_counted_with_the_first_and_the_last_and_up_to_the_end_of_a_day() -> None:
    times = (InForceInterval(date(2030, 2, 1), date(2030, 2, 7), "suspended"), InForceInterval(date(2030, 6, 20)))
    asked = [date(2030, 1, 31), date(2030, 2, 1), date(2030, 2, 28), date(2030, 6, 19), date(2030, 6, 30)]
    assert [days_in_force(times, day) for day in asked] == [0, 1, 7, 7, 18]
    assert days_in_force((), KNOWN) == 0


@pytest.mark.parametrize(
    ("code", "last", "days", "counts"),
    [
        # a month is 30.4 days on average, a quarter 91.3
        ("M", "2030-06-01", 30, False),
        ("M", "2030-06-01", 31, True),
        ("W-SUN", "2030-06-24", 6, False),
        ("W-SUN", "2030-06-24", 7, True),
        ("Q", "2030-07-01", 91, False),
        ("Q", "2030-07-01", 92, True),
        ("D", "2030-06-30", 1, True),
    ],
)
def test_a_measure_counts_once_it_was_in_force_for_a_period(code: str, last: str, days: int, counts: bool) -> None:
    start = date(2030, 3, 1)
    over = (InForceInterval(start, start + timedelta(days - 1), "suspended"),)
    assert was_in_force(over, Freq(code), np.datetime64(last)) is counts


@pytest.mark.parametrize(
    ("code", "since", "until", "counts"),
    [
        ("Y", date(2010, 1, 1), date(2010, 12, 31), True),  # 365 days, and a mean year has 365.25
        ("Y", date(2010, 1, 2), date(2010, 12, 31), False),
        ("Y", date(2010, 7, 8), date(2011, 6, 30), False),
        ("M", date(2030, 2, 1), date(2030, 2, 28), True),
        ("M", date(2030, 2, 2), date(2030, 3, 1), False),
    ],
)
def test_a_measure_counts_if_it_was_in_force_through_the_whole_of_a_period(
    code: str, since: date, until: date, counts: bool
) -> None:
    assert was_in_force((InForceInterval(since, until, "ended"),), Freq(code), np.datetime64("2035-01-01")) is counts


@pytest.mark.parametrize(
    ("since", "until", "counts"),
    [
        (date(2030, 6, 30), None, True),
        (date(2030, 6, 30), date(2030, 6, 30), True),
        (date(2030, 6, 29), date(2030, 6, 29), False),
        (date(2030, 7, 1), None, False),
    ],
)
def test_a_measure_in_force_on_the_last_day_of_the_sample_counts_however_new(
    since: date, until: date | None, counts: bool
) -> None:
    assert was_in_force((InForceInterval(since, until, "ended"),), MONTHLY, JUNE) is counts
    assert not was_in_force((), MONTHLY, JUNE)


FEBRUARY = InForceInterval(date(2030, 2, 1), date(2030, 2, 7), "suspended")


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ((), "announced, never in force"),
        ((InForceInterval(date(2030, 4, 4)),), "in force since 2030-04-04"),
        (
            (InForceInterval(date(2030, 4, 4), date(2030, 9, 30), "ended"),),
            "in force since 2030-04-04, until 2030-09-30",
        ),
        ((InForceInterval(date(2030, 9, 1)),), "announced, in force from 2030-09-01 on"),
        ((InForceInterval(date(2030, 4, 4), date(2030, 5, 5), "ended"),), "in force 32 days, then ended"),
        ((FEBRUARY,), "in force 7 days, then suspended, too short to count for more than the announcement"),
        ((FEBRUARY, InForceInterval(date(2030, 5, 1))), "in force again since 2030-05-01"),
        (
            (InForceInterval(date(2030, 2, 1), date(2030, 3, 7), "suspended"), InForceInterval(date(2030, 11, 10))),
            "in force 35 days, then suspended, in force from 2030-11-10 on",
        ),
    ],
)
def test_a_life_in_words_as_it_stands_at_the_end_of_the_sample(times: tuple[InForceInterval, ...], words: str) -> None:
    assert in_words(times, MONTHLY, JUNE) == words


def test_a_shock_is_in_no_force() -> None:
    assert in_words(
        (InForceInterval(date(2030, 6, 30), date(2030, 6, 30), "ended"),), Freq("D"), JUNE, "under way"
    ) == ("announced, under way from 2030-06-30 on")
    assert in_words(
        (InForceInterval(date(2030, 6, 1), date(2030, 6, 1), "ended"),), Freq("D"), JUNE + 5, "under way"
    ) == ("under way 1 day, then ended")
