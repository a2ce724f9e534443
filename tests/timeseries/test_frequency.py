"""What users rely on: periods are those of pandas, for every frequency, past and future, and so are its names."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidInput
from forecast.timeseries.frequency import WEEKDAYS, Freq, parse_freq

pytestmark = pytest.mark.filterwarnings("ignore:Period with BDay freq is deprecated:FutureWarning")

CODES = ("D", "B", *(f"W-{day}" for day in WEEKDAYS), "M", "Q", "Y")
FREQS = st.sampled_from([Freq(code) for code in CODES])
DAYS = st.dates(dt.date(1950, 1, 1), dt.date(2100, 12, 31))
#: A frequency and so many periods of it, 250 years at most: dates have years of four digits.
STEPS = FREQS.flatmap(
    lambda freq: st.tuples(st.just(freq), st.integers(-(most := min(3000, round(250 * freq.per_year))), most))
)

#: What pandas users write, and what is understood.
ALIASES = {
    "D": "D",
    "B": "B",
    "W": "W-SUN",
    "daily": "D",
    "business": "B",
    "weekly": "W-SUN",
    **{f"W-{day}": f"W-{day}" for day in WEEKDAYS},
    **dict.fromkeys(("M", "MS", "ME", "BMS", "BME", "BM", "monthly", " m "), "M"),
    **dict.fromkeys(("Q", "QS", "QE", "QE-DEC", "Q-MAR", "QS-JAN", "QS-OCT", "BQS", "BQE", "quarterly"), "Q"),
    **dict.fromkeys(("Y", "YS", "YE", "YE-DEC", "A", "A-DEC", "AS", "AS-JAN", "YS-JAN", "annual", "yearly"), "Y"),
}


def period(day: dt.date, freq: Freq) -> pd.Period:
    """The period of pandas that contains a day; a weekend day is in the next business day's."""
    moment = pd.Timestamp(day)
    if freq.unit == "B":
        moment = pd.offsets.BDay().rollforward(moment)
    return pd.Period(moment, freq=freq.code)


@given(DAYS, FREQS)
def test_a_day_is_in_the_period_of_pandas(day: dt.date, freq: Freq) -> None:
    expected = period(day, freq)
    start = freq.floor(day)
    assert start.item() == expected.start_time.date()
    assert freq.end(start).item() == expected.end_time.date()


@given(DAYS, STEPS)
def test_periods_are_counted_as_pandas_counts_them(day: dt.date, stepped: tuple[Freq, int]) -> None:
    freq, steps = stepped
    expected = (period(day, freq) + steps).start_time.date()
    shifted = freq.shift(day, steps)
    assert shifted.item() == expected
    assert freq.ordinal(shifted) - freq.ordinal(day) == steps


@given(DAYS, FREQS)
def test_numbers_and_starts_are_each_others_inverse(day: dt.date, freq: Freq) -> None:
    number = freq.ordinal(day)
    start = freq.start(number)
    assert freq.ordinal(start) == number
    assert freq.floor(start) == start
    assert freq.shift(start, 0) == start
    assert freq.ordinal(freq.end(start)) == number
    assert freq.ordinal(freq.end(start) + np.timedelta64(1, "D")) == number + 1


@given(DAYS, FREQS)
def test_the_last_period_that_has_begun(day: dt.date, freq: Freq) -> None:
    begun = freq.begun(day)
    assert freq.start(begun) <= np.datetime64(day) < freq.start(begun + 1)
    assert begun == freq.ordinal(day) or freq.unit == "B"


@given(DAYS, FREQS, st.integers(1, 400))
def test_a_range_is_unbroken(day: dt.date, freq: Freq, periods: int) -> None:
    ds = freq.range(day, periods)
    assert ds.dtype == np.dtype("datetime64[D]")
    assert len(ds) == periods
    assert (np.diff(freq.ordinal(ds)) == 1).all()
    assert (freq.between(ds[0], freq.end(ds[-1])) == ds).all()
    if freq.unit != "B":
        assert (freq.end(ds[:-1]) + np.timedelta64(1, "D") == ds[1:]).all()
    else:
        assert np.is_busday(ds).all()


@given(st.lists(DAYS, min_size=1, max_size=20), FREQS)
def test_many_days_are_what_each_is(days: list[dt.date], freq: Freq) -> None:
    together = freq.floor(np.array(days, dtype="datetime64[D]"))
    assert together.tolist() == [freq.floor(day).item() for day in days]


def test_years_of_52_and_of_53_weeks() -> None:
    weekly = parse_freq("W")
    starts = weekly.range("2015-01-01", 600)
    years = (starts + np.timedelta64(3, "D")).astype("datetime64[Y]").astype(int) + 1970  # the ISO year of a week
    lengths = dict(zip(*np.unique(years, return_counts=True), strict=True))
    assert [lengths[year] for year in (2015, 2016, 2020, 2021)] == [53, 52, 53, 52]


@pytest.mark.parametrize("written", ALIASES)
def test_what_pandas_users_write_is_understood(written: str) -> None:
    assert str(parse_freq(written)) == ALIASES[written]


@pytest.mark.parametrize("code", CODES)
def test_what_was_understood_is_understood_again(code: str) -> None:
    assert parse_freq(code) == Freq(code)
    assert parse_freq(code.lower()) == Freq(code)


@pytest.mark.parametrize("code", CODES)
def test_an_alias_of_pandas_means_the_same_periods(code: str) -> None:
    written = {"M": "ME", "Q": "QE", "Y": "YE"}.get(code, code)
    stamps = pd.date_range("2019-01-01", periods=60, freq=written)
    ds = parse_freq(written).floor(stamps.values.astype("datetime64[D]"))
    assert (np.diff(parse_freq(written).ordinal(ds)) == 1).all()


@pytest.mark.parametrize(
    "written", ["", "2M", "h", "W-XYZ", "Q-JAN", "QS-FEB", "YE-JUN", "M-JAN", "D-MON", "month", "-"]
)
def test_what_does_not_follow_the_calendar_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput, match=r"freq = .*expected one of D, B, W"):
        parse_freq(written)


@pytest.mark.parametrize(("code", "months"), [("M", 6), ("W-SUN", 26), ("D", 183), ("B", 130), ("Q", 2), ("Y", 1)])
def test_half_a_year_in_periods(code: str, months: int) -> None:
    assert Freq(code).months(6) == months


@pytest.mark.parametrize(
    ("code", "day", "first", "last", "next_first"),
    [
        ("D", "2024-02-28", "2024-02-28", "2024-02-28", "2024-02-29"),
        ("D", "2023-12-31", "2023-12-31", "2023-12-31", "2024-01-01"),
        ("B", "2024-02-29", "2024-02-29", "2024-02-29", "2024-03-01"),
        ("B", "2024-12-27", "2024-12-27", "2024-12-27", "2024-12-30"),  # a Friday
        ("B", "2024-12-28", "2024-12-30", "2024-12-30", "2024-12-31"),  # a Saturday is in Monday's
        ("B", "2024-12-31", "2024-12-31", "2024-12-31", "2025-01-01"),
        ("W-SUN", "2024-12-29", "2024-12-23", "2024-12-29", "2024-12-30"),  # a Sunday ends its week
        ("W-SUN", "2024-12-31", "2024-12-30", "2025-01-05", "2025-01-06"),
        ("W-SUN", "2024-02-29", "2024-02-26", "2024-03-03", "2024-03-04"),
        ("W-FRI", "2024-12-28", "2024-12-28", "2025-01-03", "2025-01-04"),  # a Saturday begins one
        ("M", "2024-02-29", "2024-02-01", "2024-02-29", "2024-03-01"),
        ("M", "2023-02-28", "2023-02-01", "2023-02-28", "2023-03-01"),
        ("M", "2024-12-31", "2024-12-01", "2024-12-31", "2025-01-01"),
        ("Q", "2024-02-29", "2024-01-01", "2024-03-31", "2024-04-01"),
        ("Q", "2024-12-31", "2024-10-01", "2024-12-31", "2025-01-01"),
        ("Y", "2024-12-31", "2024-01-01", "2024-12-31", "2025-01-01"),
        ("Y", "1969-12-31", "1969-01-01", "1969-12-31", "1970-01-01"),
    ],
)
def test_periods_at_the_ends_of_years_and_on_leap_days(
    code: str, day: str, first: str, last: str, next_first: str
) -> None:
    freq = Freq(code)
    assert [str(freq.floor(day)), str(freq.end(freq.floor(day)))] == [first, last]
    assert str(freq.shift(day, 1)) == next_first
    assert str(freq.shift(next_first, -1)) == first
    assert [str(ds) for ds in freq.between(day, next_first)] == [first, next_first]


@pytest.mark.parametrize(
    ("code", "day", "steps", "there"),
    [
        ("M", "2024-02-29", 12, "2025-02-01"),
        ("M", "2024-01-31", -1, "2023-12-01"),
        ("Q", "2023-11-30", 1, "2024-01-01"),
        ("Y", "2024-02-29", -1, "2023-01-01"),
        ("W-SUN", "2020-12-31", 1, "2021-01-04"),  # 2020 had 53 weeks
        ("B", "2024-12-31", -2, "2024-12-27"),
        ("D", "2024-03-01", -1, "2024-02-29"),
        ("D", "2023-03-01", -1, "2023-02-28"),
    ],
)
def test_a_shift_is_counted_in_periods(code: str, day: str, steps: int, there: str) -> None:
    assert str(Freq(code).shift(day, steps)) == there


@pytest.mark.parametrize(
    ("day", "begun"),
    [("2024-12-27", "2024-12-27"), ("2024-12-28", "2024-12-27"), ("2024-12-29", "2024-12-27"), ("2024-12-30",) * 2],
)
def test_on_a_weekend_the_last_business_day_that_has_begun_is_friday(day: str, begun: str) -> None:
    business = Freq("B")
    assert str(business.start(business.begun(day))) == begun


@pytest.mark.parametrize(
    ("code", "season", "four_years"),
    [("D", 7, 1461), ("B", 5, 1044), ("W-SUN", 52, 209), ("M", 12, 48), ("Q", 4, 16), ("Y", 1, 4)],
)
def test_the_season_and_four_years_in_periods(code: str, season: int, four_years: int) -> None:
    assert Freq(code).season == season
    assert Freq(code).months(48) == four_years
