"""Periods have one reading or none, and fit the frequency of their series."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.timeseries.frequency import Freq
from forecast.timeseries.periods import PeriodReader, is_doubtful_date, is_period, order_of, span

MONTHS = """
2024-02 2024/02 202402 2024M02 2024m2 2024-M02 Feb-24 Feb'24 FEB-2024 Feb.2024 2024Feb 02/2024 2-2024 2024.02
20240201 20240229 2024-02-01 2024-02-29 2024/2/29 2024.02.29 29.02.2024 29/02/2024 2/29/2024 2024-02-01T00:00:00Z
01-Feb-2024 01-Feb-24 29-Feb-2024 2024-2
"""
SPACED = ["Feb 2024", "February 2024", "Feb. 2024", "2024 Feb", "1 Feb 2024", "Feb 29, 2024", "2024-02-29 00:00:00"]


@pytest.mark.parametrize("text", [*MONTHS.split(), *SPACED, "Feb 2024 p", "2024M02 ¹", "\u200f2024-02"])
def test_february_2024_however_it_is_written(text: str) -> None:
    assert PeriodReader().first_day(text, Freq("M")) == dt.date(2024, 2, 1)
    assert is_period(text)


@pytest.mark.parametrize(
    ("freq", "text", "day"),
    [
        ("Q", "2024Q1", "2024-01-01"),
        ("Q", "2024-Q2", "2024-04-01"),
        ("Q", "Q3 2024", "2024-07-01"),
        ("Q", "4Q2024", "2024-10-01"),
        ("Q", "2024-03-31", "2024-01-01"),
        ("Q", "2024-04", "2024-04-01"),
        ("Q", "Jun-24", "2024-04-01"),
        ("Y", "2024", "2024-01-01"),
        ("Y", "2024-12-31", "2024-01-01"),
        ("Y", "2023 e", "2023-01-01"),
        ("Y", "Dec 2024", "2024-01-01"),
        ("W-SUN", "2024-W07", "2024-02-12"),
        ("W-FRI", "2024-02-10", "2024-02-10"),
        ("D", "20240224", "2024-02-24"),
        ("D", "24 Feb 2024", "2024-02-24"),
        ("B", "2024-02-23", "2024-02-23"),
        ("M", "Jan-60", "1960-01-01"),
        ("M", "Jan-49", "2049-01-01"),
    ],
)
def test_periods_of_each_frequency(freq: str, text: str, day: str) -> None:
    assert str(PeriodReader().first_day(text, Freq(freq))) == day


@pytest.mark.parametrize(
    ("freq", "text", "expected"),
    [
        ("M", "2024-02-15", "the first day of a period of frequency M: 2024-02-01"),
        ("W-SUN", "2024-02-14", "the first day of a period of frequency W-SUN: 2024-02-12"),
        ("W-SUN", "2024-02-18", "the first day of a period of frequency W-SUN: 2024-02-12"),
        ("M", "2024", "a month"),
        ("M", "2024Q1", "a month"),
        ("Q", "2024-02", "a quarter"),
        ("Q", "2024", "a quarter"),
        ("Y", "2024-06", "a year"),
        ("Y", "2024Q4", "a year"),
        ("D", "2024-02", "a day"),
        ("B", "2024-02", "a day"),
        ("B", "2024-02-24", "a day"),
        ("W-SUN", "2024-02", "a week"),
        ("W-FRI", "2024-W07", "a week"),
        ("W-SUN", "2024-W54", "a week"),
        ("W-SUN", "2023-W53", "a week"),
        ("M", "45323", "a month"),
        ("M", "1699-01", "a month"),
        ("M", "2024-00", "a month"),
        ("M", "02/03/04", "a month"),
        ("M", "24-Feb", "a month"),
        ("M", "Mai 2024", "a month"),
        ("M", "", "a month"),
        ("M", "03/04/2024", "--dates dmy or --dates mdy"),
    ],
)
def test_what_is_no_period_of_the_frequency_is_refused(freq: str, text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        PeriodReader().first_day(text, Freq(freq))


def test_an_order_of_day_and_month_settles_what_is_in_doubt_and_refuses_the_other() -> None:
    daily = Freq("D")
    assert PeriodReader("dmy").first_day("03/04/2024", daily) == dt.date(2024, 4, 3)
    assert PeriodReader("mdy").first_day("03/04/2024", daily) == dt.date(2024, 3, 4)
    with pytest.raises(ValueError, match="a day"):
        PeriodReader("dmy").first_day("03/14/2024", daily)
    assert PeriodReader().first_day("04/04/2024", daily) == dt.date(2024, 4, 4)
    assert [is_doubtful_date(text) for text in ("03/04/2024", "4/04/2024", "13/04/2024")] == [True, False, False]
    assert (order_of(["03/04/2024", "13/04/2024"]), order_of(["3-14-2024"])) == ({"dmy"}, {"mdy"})


def test_serial_days_are_read_where_a_column_has_them() -> None:
    reader = PeriodReader(serial=True)
    assert reader.first_day("45351", Freq("D")) == reader.first_day("45351.0", Freq("D")) == dt.date(2024, 2, 29)
    assert reader.first_day("45323", Freq("M")) == dt.date(2024, 2, 1)
    assert reader.first_day("202402", Freq("M")) == dt.date(2024, 2, 1)


def test_one_reader_serves_series_of_several_frequencies() -> None:
    reader = PeriodReader()
    assert reader.first_day("2024-03-31", Freq("M")) == dt.date(2024, 3, 1)
    assert reader.first_day("2024-03-31", Freq("Q")) == dt.date(2024, 1, 1)
    assert reader.first_day("2024-03-31", Freq("D")) == dt.date(2024, 3, 31)


_SHAPES = ("%Y-%m-%d", "%Y%m%d", "%d-%b-%Y", "%d %B %Y", "%B %d, %Y", "%Y/%m/%d")


@given(st.dates(dt.date(1700, 1, 1), dt.date(2199, 12, 31)), st.sampled_from(_SHAPES))
def test_any_day_comes_back_from_any_shape(day: dt.date, shape: str) -> None:
    assert PeriodReader().first_day(day.strftime(shape), Freq("D")) == day


@given(st.text("0123456789-/.QMWT :FebJan", max_size=12))
def test_any_text_is_a_period_or_refused(text: str) -> None:
    try:
        assert 1700 <= span(text).start.year < 2200
    except ValueError:
        assert not is_period(text) or is_doubtful_date(text.strip())
