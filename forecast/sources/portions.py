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


def months(since: dt.date) -> list[dt.date]:
    """First days of the months from that of ``since`` to that of today (UTC)."""
    found: list[dt.date] = _MONTHLY.between(since, dt.datetime.now(dt.UTC).date()).tolist()
    return found
