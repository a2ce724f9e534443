"""Counts and days in sentences."""

from __future__ import annotations

import datetime as dt

import pytest

from forecast.timeseries.frequency import parse_freq
from forecast.wording import counted, counted_in_words, day_in_words


@pytest.mark.parametrize(
    ("number", "noun", "says"),
    [
        (0, "event", "0 events"),
        (1, "event", "1 event"),
        (1, "series", "1 series"),
        (2, "series", "2 series"),
        (7143, "forecast", "7,143 forecasts"),
    ],
)
def test_a_count_has_its_noun_in_the_right_number(number: int, noun: str, says: str) -> None:
    assert counted(number, noun) == says


@pytest.mark.parametrize(("number", "says"), [(1, "one month"), (12, "twelve months"), (1300, "1,300 months")])
def test_small_counts_are_words(number: int, says: str) -> None:
    assert counted_in_words(number, "month") == says


def test_a_day_has_its_month_in_words() -> None:
    assert day_in_words(dt.date(2026, 10, 8)) == "8 Oct 2026"


@pytest.mark.parametrize(
    ("freq", "says"),
    [
        ("M", "April 2026"),
        ("Q", "2nd quarter of 2026"),
        ("Y", "2026"),
        ("D", "1 Apr 2026"),
        ("B", "1 Apr 2026"),
        ("W-TUE", "week from 1 Apr 2026"),
    ],
)
def test_a_period_is_called_as_people_call_it(freq: str, says: str) -> None:
    assert parse_freq(freq).in_words(dt.date(2026, 4, 1)) == says
