"""Observations as an answer: what was published of a series, and when it became known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from forecast.answers.model import OF_SERIES, Listing, Part, PeriodStart, SeriesKey, in_unit
from forecast.answers.words import Flag

if TYPE_CHECKING:
    from forecast.catalog import Observation


class Observed(Part):
    """A published value."""

    series_id: SeriesKey
    ds: PeriodStart
    y: float = Field(description="value", json_schema_extra=in_unit(OF_SERIES))
    flag: Flag = Field(
        description="reported, annual_contract, derived, derived_approx, suspect_publisher or imputed (never fitted)"
    )
    known_at: dt.date = Field(description="day by whose end (UTC) it was known")
    assumed: bool = Field(description="the day it became known is derived from the usual delay, not recorded")


class ObservationList(Listing):
    """A list of observations."""

    data: tuple[Observed, ...]
    held: tuple[str, ...] = Field((), description="values that were delivered and do not count, and why")


def known_since(found: list[Observation], since: dt.date | None) -> list[Observation]:
    """Those that became known on a day or later; without a day all."""
    return found if since is None else [each for each in found if each.known_at >= since]


def observation_list(found: Iterable[Observation], held: Sequence[str] = ()) -> ObservationList:
    """Observations in their order; ``held``: the sentences of what is held."""
    # All at once: there are many, and a call for each takes longer than its checks.
    return ObservationList.model_validate(
        {
            "data": [
                {
                    "series_id": each.series_id,
                    "ds": each.ds,
                    "y": each.value,
                    "flag": each.flag,
                    "known_at": each.known_at,
                    "assumed": each.assumed,
                }
                for each in found
            ],
            "held": held,
        }
    )
