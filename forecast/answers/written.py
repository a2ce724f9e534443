"""What a write changed, as an answer."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pydantic import Field

from forecast.answers.model import Answer, SeriesKey, in_unit

if TYPE_CHECKING:
    from forecast.catalog import Counts


class Delivered(Answer):
    """What a delivery of observations and series changed."""

    written_at: dt.datetime = Field(description="moment of writing (UTC): since then is known what does not say itself")
    observations: int = Field(description="values of new periods", json_schema_extra=in_unit("values"))
    revised: int = Field(description="new values of known periods", json_schema_extra=in_unit("values"))
    described_series: int = Field(
        title="series", description="series that are new or were changed", json_schema_extra=in_unit("series")
    )
    unchanged: int = Field(description="rows that were there already", json_schema_extra=in_unit("rows"))
    held_values: int = Field(
        title="held",
        description="values that do not count until somebody accepts them",
        json_schema_extra=in_unit("values"),
    )
    remarks: tuple[str, ...] = Field(description="what is to be said of it: what is held and why, and what is due")


class EventWritten(Answer):
    """What became of an event that was added, amended, retired or brought back."""

    event_id: str = Field(title="event", description="id of the event")
    remarks: tuple[str, ...] = Field(
        description="what was recorded, since when it is known, which series it touches, and whether training is due"
    )


class Serving(Answer):
    """The run that serves after a promotion or a rollback."""

    series_id: SeriesKey
    run: str = Field(description="id of the run that serves now")


def delivered(counts: Counts, now: dt.datetime) -> Delivered:
    """What was counted while it was written at a moment (UTC)."""
    return Delivered(
        written_at=now,
        observations=counts.observations,
        revised=counts.revised,
        described_series=counts.series,
        unchanged=counts.unchanged,
        held_values=counts.held,
        remarks=counts.notes,
    )
