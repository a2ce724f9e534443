"""Held values in sentences: what was delivered of a series and does not count, why, and what can be done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from forecast.answers.model import OF_SERIES, Listing, Part, PeriodStart, SeriesKey, Text, in_unit
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.catalog import Catalog
    from forecast.catalog.quarantine import Held, HeldValue

#: Held values of a series that are told one by one.
TOLD = 5


class HeldObservation(Part):
    """A value that was delivered and is held back from what counts."""

    series_id: SeriesKey
    ds: PeriodStart
    y: float = Field(description="value as delivered", json_schema_extra=in_unit(OF_SERIES))
    flag: str = Field(description="flag as delivered")
    known_at: dt.date = Field(description="day by whose end (UTC) it was known, as claimed")
    source: Text = Field(description="who delivered it; null where nobody said")
    reason: str = Field(
        description="early: its period is not over; year: of a year before statistics; unit: of another unit; slip: a "
        "unit slip by its size; size: far outside what was thought possible"
    )
    why: str = Field(description="the same in a sentence")
    since: dt.datetime = Field(description="since when it is held")
    outcome: str | None = Field(
        description="accepted, discarded, confirmed (by a later value or another source), superseded (by another value "
        "of its period); null while it is held"
    )
    settled: dt.datetime | None = Field(description="since when that is so")
    by: Text = Field(description="by whom it was settled; null where nobody had to")


class HeldList(Listing):
    """Values that are held back, by series and period."""

    data: tuple[HeldObservation, ...]


def held_list(found: Iterable[HeldValue]) -> HeldList:
    """Held values as an answer."""
    return HeldList.of(
        [
            HeldObservation(
                series_id=one.held.observation.series_id,
                ds=one.held.observation.ds,
                y=one.held.observation.value,
                flag=one.held.observation.flag,
                known_at=one.held.observation.known_at,
                source=one.held.source,
                reason=one.held.reason,
                why=one.held.why,
                since=one.since,
                outcome=one.outcome,
                settled=one.settled,
                by=one.by,
            )
            for one in found
        ]
    )


def held_notes(catalog: Catalog, series_id: str) -> tuple[str, ...]:
    """What is held of a series, in sentences."""
    return sentences([one.held for one in catalog.held().get(series_id, ())])


def held_by_series(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """What is held of each series, in sentences."""
    return {series_id: sentences([one.held for one in some]) for series_id, some in catalog.held().items()}


def sentences(held: Sequence[Held]) -> tuple[str, ...]:
    """A sentence for each held value, and one for those of a series that are too many to be told."""
    by_series: dict[str, list[Held]] = {}
    for one in held:
        by_series.setdefault(one.observation.series_id, []).append(one)
    return tuple(sentence for series_id, some in by_series.items() for sentence in _of_series(series_id, some))


def _of_series(series_id: str, held: Sequence[Held]) -> list[str]:
    told = [f"{series_id} {one.observation.ds} is held and does not count: {one.why}" for one in held[:TOLD]]
    if (more := len(held) - TOLD) > 0:
        told.append(f"{series_id}: {counted(more, 'more value')} held (orecast observations held {series_id})")
    return told
