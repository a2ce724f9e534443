"""What a reader of a forecast should know of the data behind it, and data that no forecast can be made of."""

from __future__ import annotations

import numpy as np

from forecast.errors import TooShort
from forecast.timeseries.sample import SIGMA_FLOOR
from forecast.timeseries.series import History

#: Fewer observations than this are not forecast.
LEAST = 3


def check_usable(history: History) -> None:
    """Raises ``TooShort`` for a series without usable values, with zeros only, or with fewer than three."""
    values = history.y[history.used]
    if not values.size:
        raise TooShort("no value that a model may use: nothing is published, or all of it is imputed")
    if not (values > 0).any():
        raise TooShort(f"all {values.size} values are zero: nothing tells the scale of what may come")
    if values.size < LEAST:
        raise TooShort(f"{values.size} observations where at least {LEAST} are needed")


def is_constant(history: History) -> bool:
    """Whether the usable values never moved by as much as a thousandth."""
    x = history.x[history.used]
    return bool(x.max() - x.min() < SIGMA_FLOOR)


def remarks(history: History) -> list[str]:
    """Notes on zeros, gaps, sparse values, and periods at the end that no model may use."""
    used, freq = history.used, history.series.calendar
    rows = np.flatnonzero(used)
    said = []
    zeros = rows[history.y[rows] <= 0]
    if zeros.size:
        least = history.y[used & (history.y > 0)].min() / 2
        said.append(
            f"{zeros.size} values are zero (the last: {history.ds[zeros[-1]]}): forecasts count them as {least:g}, "
            f"effects as anything below {history.resolution:g} where an event may have acted"
        )
    if ended := len(used) - 1 - rows[-1]:
        said.append(f"the last {ended} periods have no value that a model may use: the forecast follows {history.last}")
    span = rows[-1] - rows[0] + 1
    if 2 * rows.size < span:
        said.append(f"{rows.size} of {span} periods have a value: is {freq} the frequency of the series?")
    widths = np.diff(rows)
    if widths.size and widths.max() > freq.per_year + 1:
        at = int(widths.argmax())
        said.append(f"no usable value between {history.ds[rows[at]]} and {history.ds[rows[at + 1]]}")
    return said
