"""Which periods a forecast shows: from today on, and before them what is over or has begun without a value."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.answers.span import Span, SpanPeriods
from forecast.errors import InvalidInput
from forecast.registry import Run
from forecast.settings import SpanOrigin
from forecast.timeseries.frequency import Days, parse_freq
from tests.support.small_world import a_run

FREQUENCIES = ("D", "B", "W-SUN", "W-WED", "M", "Q", "Y")
TODAY = dt.date(2026, 11, 27)
MONTHS = parse_freq("M").range("2026-07-01", 30)


def of_months(span: Span, day: dt.date = TODAY) -> SpanPeriods:
    return span.periods(MONTHS, parse_freq("M"), day)


def shown(found: SpanPeriods) -> list[tuple[str, int, bool]]:
    return [
        (str(ds)[:7], int(h), bool(over))
        for ds, h, over in zip(found.shown_ds, found.h[found.rows], found.shown_nowcast, strict=True)
    ]


def long_run(ds: Days, horizon: int) -> Run:
    """A run of so many periods, of which ``horizon`` may be asked for."""
    run = a_run()
    card = replace(run.card, settings=replace(run.card.settings, horizon=horizon))
    return replace(run, card=card, draws=np.zeros((4, len(ds)), dtype=np.float32), last=np.datetime64("2026-06-01"))


def test_of_data_to_june_november_shows_four_months_that_are_over_the_one_that_has_begun_and_twelve_ahead() -> None:
    rows = shown(of_months(Span()))
    assert rows[:6] == [
        ("2026-07", -4, True),
        ("2026-08", -3, True),
        ("2026-09", -2, True),
        ("2026-10", -1, True),
        ("2026-11", 0, False),
        ("2026-12", 1, False),
    ]
    assert rows[-1] == ("2027-11", 12, False)


def test_of_years_the_one_that_has_begun_and_five_ahead_are_shown() -> None:
    years = parse_freq("Y").range("2026-01-01", 30)
    found = Span().periods(years, parse_freq("Y"), TODAY)
    assert [(str(ds)[:4], int(h)) for ds, h in zip(found.shown_ds, found.h[found.rows], strict=True)] == [
        *(("2026", 0), ("2027", 1), ("2028", 2), ("2029", 3), ("2030", 4), ("2031", 5)),
    ]
    assert len(Span(7).periods(years, parse_freq("Y"), TODAY).shown_ds) == 8


def test_a_month_is_over_on_its_last_day() -> None:
    assert shown(of_months(Span(1), dt.date(2026, 11, 29)))[-2:] == [("2026-11", 0, False), ("2026-12", 1, False)]
    assert shown(of_months(Span(1), dt.date(2026, 11, 30)))[-2:] == [("2026-11", 0, True), ("2026-12", 1, False)]
    assert shown(of_months(Span(1), dt.date(2026, 12, 1)))[-2:] == [("2026-12", 0, False), ("2027-01", 1, False)]


def test_counted_from_the_last_value_the_first_period_after_it_is_one_and_what_is_over_is_still_marked() -> None:
    rows = shown(of_months(Span(6, SpanOrigin.LAST)))
    assert [row[1:] for row in rows] == [(1, True), (2, True), (3, True), (4, True), (5, False), (6, False)]


def test_from_and_until_cut_the_same_rows_out() -> None:
    whole = shown(of_months(Span(24)))
    assert shown(of_months(Span(start=dt.date(2026, 12, 1), until=dt.date(2027, 2, 28)))) == whole[5:8]
    assert shown(of_months(Span(start=dt.date(2026, 12, 2), until=dt.date(2027, 2, 1)))) == whole[6:8]
    assert shown(of_months(Span(start=dt.date(2027, 3, 1)))) == whole[8:20], "twelve from there on"
    assert shown(of_months(Span(2, start=dt.date(2026, 10, 1)))) == whole[3:7]
    assert shown(of_months(Span(until=dt.date(2028, 12, 31)))) == shown(of_months(Span(until=dt.date(2040, 1, 1))))


@pytest.mark.parametrize(
    ("span", "where", "expected"),
    [
        (Span(until=dt.date(2026, 6, 30)), "until", "not before 2026-07-01, the first period without a value"),
        (Span(start=dt.date(2029, 1, 1)), "from", "not after 2028-12-01"),
        (Span(2, start=dt.date(2027, 6, 1)), "from", "not after 2027-01-01"),
        (Span(start=dt.date(2027, 6, 2), until=dt.date(2027, 6, 30)), "from", "not after 2027-06-01"),
    ],
)
def test_a_span_without_a_period_is_refused(span: Span, where: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        of_months(span)
    (fault,) = refused.value.faults
    assert (fault.where, expected in fault.expected) == (where, True)


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidInput, match="until = '2026-01-01': expected a day not before 2026-01-02"):
        Span(start=dt.date(2026, 1, 2), until=dt.date(2026, 1, 1))


@given(
    code=st.sampled_from(FREQUENCIES),
    last=st.dates(dt.date(1995, 1, 1), dt.date(2030, 12, 31)),
    later=st.integers(0, 400),
    horizon=st.integers(1, 24),
)
def test_whatever_the_day_one_is_the_first_period_after_it_and_every_period_before_is_told(
    code: str, last: dt.date, later: int, horizon: int
) -> None:
    freq = parse_freq(code)
    ds = freq.range(freq.shift(last, 1), 460)
    day = freq.end(freq.floor(last)).item() + dt.timedelta(days=later)
    found = Span(horizon).periods(ds, freq, day)
    h, starts = found.h[found.rows], found.shown_ds
    assert starts[0] == ds[0]
    assert h[-1] == horizon
    assert (np.diff(h) == 1).all()
    assert ((starts > np.datetime64(day)) == (h >= 1)).all()
    assert (found.shown_nowcast == (freq.end(starts) <= np.datetime64(day))).all()
    assert not found.shown_nowcast[h >= 1].any()


def test_fewer_periods_than_asked_for_are_explained_and_nothing_is_padded() -> None:
    short = MONTHS[:10]
    run = long_run(short, 24)
    found = Span().periods(short, parse_freq("M"), TODAY)
    (note,) = Span().notes(found, run)
    assert note == (
        "five of twelve months: the run reaches to April 2027; training anew reaches further (orecast train "
        f"{run.series_id})"
    )
    assert len(shown(found)) == 10


def test_a_run_that_reaches_no_period_ahead_says_so() -> None:
    over = MONTHS[:3]
    found = Span().periods(over, parse_freq("M"), TODAY)
    assert Span().notes(found, long_run(over, 24)) == (
        "nothing is ahead: the last value is that of June 2026, and the run reaches to September 2026",
    )
    assert found.shown_nowcast.all()


def test_what_is_all_over_is_said_to_be() -> None:
    span = Span(until=dt.date(2026, 9, 30))
    assert span.notes(of_months(span), long_run(MONTHS, 24)) == (
        "all of it is over: no value of these periods is there yet",
    )


def test_a_day_that_no_training_reaches_is_not_promised() -> None:
    span = Span(until=dt.date(2040, 1, 1))
    (note,) = span.notes(of_months(span), long_run(MONTHS, 24))
    assert note == (
        "the run reaches to December 2028, and not to 2040-01-01; ORECAST_HORIZON says how far ahead is trained"
    )
    assert Span().notes(of_months(Span()), long_run(MONTHS, 24)) == ()
