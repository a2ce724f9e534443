"""Data quality: remarks for the reader of a forecast, and checks for series that cannot be forecast."""

from __future__ import annotations

import numpy as np

from forecast.errors import TooShort
from forecast.timeseries.sample import SIGMA_FLOOR
from forecast.timeseries.series import History
from forecast.wording import counted

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
        notes.append(f"all {counted(zeros.size, 'value')} are zero: nothing tells how much may come")
    elif zeros.size:
        zero, last = "value is" if zeros.size == 1 else "values are", _in_words(history, zeros[-1])
        notes.append(
            f"{zeros.size:,} {zero} zero (the last: {last}): a forecast period may be 0, too, as often as before"
        )
    if history.no_price.any():
        many = int(history.no_price.sum())
        are = "is 0, which no price is: it counts" if many == 1 else "are 0, which no price is: they count"
        notes.append(f"{counted(many, 'price')} {are} as missing")
    if ended := len(used) - 1 - rows[-1]:
        missing = f"last {counted(ended, freq.period)} have" if ended > 1 else f"last {freq.period} has"
        notes.append(f"the {missing} no usable value: the forecast begins after {_in_words(history, rows[-1])}")
    span = rows[-1] - rows[0] + 1
    if 2 * rows.size < span:
        notes.append(
            f"only {rows.size:,} of {counted(span, freq.period)} have a value: is its frequency really {freq}?"
        )
    widths = np.diff(rows)
    if widths.size and widths.max() > freq.per_year + 1:
        at = int(widths.argmax())
        before, after = (_in_words(history, row) for row in rows[at : at + 2])
        notes.append(f"no usable value between {before} and {after}")
    return notes


def _in_words(history: History, row: int) -> str:
    """What the period of a row is called."""
    return history.series.calendar.in_words(history.ds[row].item())
