"""Parts of what is answered of an episode: how it may have acted, and what of it was in force."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, Field


class ShapeWeight(BaseModel):
    """How likely a shape is, given the data."""

    shape: str
    weight: float


class LeadWeight(BaseModel):
    """How likely it is that the effect came so many periods early, given the data."""

    periods: int
    weight: float


class TimeInForce(BaseModel):
    """A time in force: first and last day."""

    since: dt.date = Field(alias="from")
    to: dt.date | None = Field(description="null while no end is known")


class OtherEvent(BaseModel):
    """An event of an episode that does not lead it."""

    event: str
    days_in_force: int | None
    standing: str | None
