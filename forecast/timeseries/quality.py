"""Data quality: remarks for the reader of a forecast, and checks for series that cannot be forecast."""

from __future__ import annotations

import numpy as np

from forecast.errors import TooShort
from forecast.timeseries.sample import SIGMA_FLOOR
from forecast.timeseries.series import History

#: Fewer observations than this are not forecast.
MIN_USABLE_OBSERVATIONS = 3


def check_usable(history: History) -> None:
    """Raises ``TooShort`` for a series without usable values, or with fewer than three."""
    values = history.y[history.used]
    if not values.size:
        raise TooShort("no value that a model may use: nothing is published, or all of it is imputed")
    if values.size < MIN_USABLE_OBSERVATIONS:
        raise TooShort(f"{values.size} observations where at least {MIN_USABLE_OBSERVATIONS} are needed")


def is_constant(history: History) -> bool:
    """Whether the usable values never moved by as much as a thousandth."""
    y = history.y[history.used]
    return bool(np.ptp(y) <= 0 or (y.min() > 0 and np.ptp(np.log(y)) < SIGMA_FLOOR))


def remarks(history: History) -> list[str]:
    """Notes on zeros, gaps, sparse values, and periods at the end that no model may use."""
    used, freq = history.used, history.series.calendar
    rows = np.flatnonzero(used)
    notes = []
    zeros = rows[history.y[rows] <= 0]
    if zeros.size == rows.size:
        notes.append(f"all {zeros.size} values are zero: nothing tells how much may come")
    elif zeros.size:
        last = history.ds[zeros[-1]]
        notes.append(f"{zeros.size} values are zero (the last: {last}): forecasts are 0 with a chance of their own")
    if history.no_price.any():
        notes.append(f"{history.no_price.sum()} prices are 0, which no price is: they count as missing")
    if ended := len(used) - 1 - rows[-1]:
        missing = f"the last {ended} periods have" if ended > 1 else "the last period has"
        notes.append(f"{missing} no value that a model may use: the forecast follows {history.last}")
    span = rows[-1] - rows[0] + 1
    if 2 * rows.size < span:
        notes.append(f"{rows.size} of {span} periods have a value: is {freq} the frequency of the series?")
    widths = np.diff(rows)
    if widths.size and widths.max() > freq.per_year + 1:
        at = int(widths.argmax())
        notes.append(f"no usable value between {history.ds[rows[at]]} and {history.ds[rows[at + 1]]}")
    return notes
