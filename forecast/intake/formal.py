"""Formal checks: what is wrong with a value whatever its size."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from forecast.catalog import Observation
from forecast.catalog.quarantine import Held, Reason
from forecast.errors import Fault, InvalidInput
from forecast.intake.unit_names import is_same
from forecast.names import Measure
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import FIRST_YEAR, Floats, Series

#: A value of an earlier year is held: hardly any statistic of minerals is older.
USUAL_YEAR = 1900


def checked(
    series: Series, observations: Sequence[Observation], today: dt.date
) -> tuple[list[Observation], list[Held]]:
    """What is left to be judged by its size, and what is held whatever that is.

    Raises ``InvalidInput`` for what is no value of a series: a year before ``FIRST_YEAR``, a price of 0, a number that
    is negative or none.
    """
    days = period_starts(observations)
    y = np.array([one.value for one in observations], dtype=np.float64)
    refused = ~np.isfinite(y) | (y < 0) | (days < np.datetime64(f"{FIRST_YEAR}-01-01"))
    if series.measure is Measure.PRICE:
        refused |= y == 0
    if refused.any():
        raise InvalidInput([_fault(observations[k]) for k in np.flatnonzero(refused).tolist()])
    units = {unit for unit in {one.unit for one in observations} if unit and not is_same(unit, series.unit)}
    wrong = np.array([one.unit in units for one in observations]) if units else np.zeros(len(y), dtype=bool)
    looked_at = (days < np.datetime64(f"{USUAL_YEAR}-01-01")) | (days >= _first_open(series, today)) | wrong
    if not looked_at.any():
        return list(observations), []
    held = [_held(observations[k], series) for k in np.flatnonzero(looked_at).tolist()]
    return [observations[k] for k in np.flatnonzero(~looked_at).tolist()], held


def is_fine(series: Series, ds: Days, y: Floats, today: dt.date) -> bool:
    """Whether nothing is wrong with values of the periods that start on ``ds``, whatever their size; a 0 may be."""
    usual = (ds >= np.datetime64(f"{USUAL_YEAR}-01-01")) & (ds < _first_open(series, today))
    return bool((usual & np.isfinite(y) & (y > 0)).all())


def period_starts(observations: Sequence[Observation]) -> Days:
    """The first days of their periods."""
    return np.array([one.ds for one in observations], dtype="datetime64[D]")


def _fault(one: Observation) -> Fault:
    where = f"{one.series_id} {one.ds}"
    if one.ds.year < FIRST_YEAR:
        return Fault(where, one.ds.year, f"a year from {FIRST_YEAR} on, since when there are statistics")
    if one.value == 0:
        return Fault(where, one.value, "more than 0, as a price is; leave out a period without a price")
    return Fault(where, one.value, "a number, zero or more")


def _first_open(series: Series, today: dt.date) -> np.datetime64:
    """The first day of the first period that is not over; a period that is a day is never waited for."""
    freq = series.calendar
    if freq.unit in "DB":
        return np.datetime64("9999-12-31")
    first = freq.floor(today)
    return first if freq.end(first) > np.datetime64(today) else freq.shift(first, 1)


def _held(one: Observation, series: Series) -> Held:
    if one.ds.year < USUAL_YEAR:
        reason, why = Reason.YEAR, f"{one.ds.year} is before {USUAL_YEAR}: a year with a wrong digit?"
    elif one.unit and not is_same(one.unit, series.unit):
        reason, why = Reason.UNIT, f"its file says {one.unit}, and the series is in {series.unit}"
    else:
        end = series.calendar.end(one.ds)
        reason, why = Reason.EARLY, f"the period is not over before {end}, deliver its value again then"
    return Held(one, reason, why, one.source)
