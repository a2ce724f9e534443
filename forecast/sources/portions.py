"""Questions in portions that a publisher has room for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TypeVar

from forecast.timeseries.frequency import parse_freq

_Item = TypeVar("_Item")
_MONTHLY = parse_freq("M")


def portions(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """The items in their order, so many at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def months(since: dt.date, until: dt.date) -> list[dt.date]:
    """First days of the months from that of ``since`` to that of ``until``."""
    found: list[dt.date] = _MONTHLY.between(since, until).tolist()
    return found


def spans(since: dt.date, until: dt.date, size: int) -> Iterator[tuple[dt.date, dt.date]]:
    """The same in spans of so many months: first days of the first and the last month of each."""
    return ((some[0], some[-1]) for some in portions(months(since, until), size))
