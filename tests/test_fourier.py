"""Seasonal terms are those of statsmodels, without the columns that say nothing."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa import deterministic

from forecast.timeseries.fourier import CalendarFourier, Fourier, seasonal, yearly
from forecast.timeseries.frequency import parse_freq


def cosines_first(columns: pd.DataFrame) -> np.ndarray:
    """statsmodels has the sine of each harmonic before its cosine."""
    sines, cosines = columns.to_numpy()[:, ::2], columns.to_numpy()[:, 1::2]
    return np.stack([cosines, sines], axis=2).reshape(len(columns), -1)


@pytest.mark.parametrize(
    ("alias", "first", "period", "order"),
    [("M", "2000-01-01", 12, 6), ("M", "2000-01-01", 12, 5), ("Q", "2000-01-01", 4, 2), ("D", "1999-12-30", 7, 3)],
)
def test_counted_terms_are_those_of_statsmodels_but_for_the_sine_that_is_always_0(
    alias: str, first: str, period: int, order: int
) -> None:
    freq = parse_freq(alias)
    ds = freq.range(first, 5 * period + 3)
    assert freq.ordinal(ds[0]) % period == 0
    expected = cosines_first(deterministic.Fourier(period, order).in_sample(pd.DatetimeIndex(ds)))
    found = Fourier(period, order).terms(ds, freq)
    np.testing.assert_allclose(found, expected[:, : found.shape[1]], atol=1e-12)
    np.testing.assert_allclose(expected[:, found.shape[1] :], 0.0, atol=1e-12)


@pytest.mark.parametrize("alias", ["W-SUN", "W-WED", "D", "B"])
def test_terms_of_the_year_are_the_calendar_terms_of_statsmodels(alias: str) -> None:
    freq = parse_freq(alias)
    ds = freq.range("1999-06-01", 1200)  # with leap years and the turns of years
    expected = cosines_first(deterministic.CalendarFourier("YE", 4).in_sample(pd.DatetimeIndex(ds)))
    np.testing.assert_allclose(CalendarFourier(4).terms(ds, freq), expected, atol=1e-12)
    np.testing.assert_array_equal(yearly(ds, freq, 4), CalendarFourier(4).terms(ds, freq))


@pytest.mark.parametrize(("alias", "columns"), [("M", 11), ("Q", 3), ("W", 12), ("D", 6), ("B", 4), ("Y", 0)], ids=str)
def test_a_season_has_as_many_terms_as_say_something_beside_a_constant(alias: str, columns: int) -> None:
    freq = parse_freq(alias)
    ds = freq.range("2000-01-03", 5 * freq.season)
    terms = seasonal(ds, freq)
    assert terms.shape == (len(ds), columns)
    assert np.linalg.matrix_rank(np.column_stack([np.ones(len(ds)), terms])[: freq.season]) == columns + 1
    # what is said of the future is what would be said of it as a part of a longer sample
    np.testing.assert_array_equal(seasonal(ds[-9:], freq), terms[-9:])


def test_harmonics_that_a_short_cycle_cannot_have_are_left_out() -> None:
    freq = parse_freq("Q")
    ds = freq.range("2000-01-01", 8)
    np.testing.assert_array_equal(Fourier(4, 6).terms(ds, freq), Fourier(4, 2).terms(ds, freq))
    assert seasonal(ds, freq, 0).shape == (8, 0)


def test_a_week_of_july_has_the_phase_of_july_a_generation_later() -> None:
    freq = parse_freq("W-SUN")
    then, now = freq.range("1996-07-01", 1), freq.range("2024-07-01", 1)
    assert (then[0].item().month, then[0].item().day) == (now[0].item().month, now[0].item().day)
    np.testing.assert_allclose(seasonal(then, freq), seasonal(now, freq), atol=1e-12)
    # by counting 52 weeks a year it would be five weeks off
    assert (freq.ordinal(now[0]) - freq.ordinal(then[0])) % 52 == 5
