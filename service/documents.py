"""What is answered of effects: the shape of each answer, for the OpenAPI document; nothing is validated by it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.episode_parts import LeadWeight, OtherEvent, ShapeWeight, TimeInForce


class BandDocument(BaseModel):
    """A number with its uncertainty; beside the median, `lo-<level>` and `hi-<level>` for 50, 80 and 90."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float]

    median: float


class EpisodeDocument(BaseModel):
    """What an episode did: events that the data of one series cannot tell apart."""

    episode: str = Field(description="id of the leading event")
    title: str
    events: list[str]
    family: str
    direction: int = Field(description="the sign that is expected: 1, -1, or 0 where unknown")
    announced: dt.date | None
    effective: dt.date | None
    ended: dt.date | None
    in_force: list[TimeInForce] | None = Field(
        description="when the leading event was in force, as known at the training; empty if it was only announced, "
        "null in a run of an older version"
    )
    days_in_force: int | None = Field(description="days of that up to the end of the sample")
    standing: str | None = Field(description="the same in words, such as `in force 7 days, then suspended`")
    others: list[OtherEvent] = Field(description="how the other events of the episode stand")
    start: dt.date = Field(description="from when the effect counts")
    window: list[dt.date] | None = Field(description="first and last period that average and sums are over")
    shapes: list[ShapeWeight] = Field(description="what the data favour, the likeliest first")
    leads: list[LeadWeight]
    average: BandDocument | None = Field(
        description="percent of what there would have been without it in the observed periods of the window"
    )
    anticipation: BandDocument | None = Field(description="the same over the periods before, where it may be felt")
    amount: BandDocument | None = Field(
        description="observed less without it, in the unit: mean over the observed periods of the window"
    )
    cumulated: BandDocument | None = Field(description="sum of observed less without it, in the unit; null for prices")
    cumulated_before: BandDocument | None = Field(description="the part of the sum before the start")
    cumulated_after: BandDocument | None
    observed: int = Field(description="periods of the window that were observed, from the start on")
    missing: int = Field(description="periods that were not observed and are not in the sums")
    acts: float = Field(
        description="probability that it did anything at all, beside those that overlap it; 1 where none does"
    )
    placebo_rank: float | None = Field(description="share of dates without events with a smaller estimate")
    relevant: float | None = Field(description="probability that it is on average larger than that size, up or down")
    relevant_size: float = Field(description="percent: the smallest average effect that matters")
    detectable: float | None = Field(
        description="percent: the average effect that this series would have shown, its 90 % interval without 0, four "
        "times in five"
    )
    identified: bool = Field(description="false: the data say nothing, the effect is its prior")
    prior_dominated: bool = Field(description="the data say little")
    apart: bool = Field(description="false: weighed with the others, and shown because its event was asked for")
    others_of_kind: int = Field(description="other events of its kind that there are to compare with")
    given_kind: BandDocument = Field(description="the full effect, percent, by the data and what those others did")


class PeriodDocument(BaseModel):
    """A period of an episode: what was observed, what the episode did (percent), and the level without it."""

    episode: str
    ds: dt.date
    y: float | None
    effect: BandDocument
    without: BandDocument | None


class EffectsDocument(BaseModel):
    """What events did to a series."""

    series_id: str
    run: str
    unit: str
    method: str = Field(description="averaged over shapes and leads; none without an event; of older runs a family")
    omitted: list[dict[str, Any]] = Field(description="episodes that are not reported, and why")
    not_estimated: list[dict[str, str]] = Field(description="events that a user took in, touching it, and why not")
    notes: list[str]
    data: list[EpisodeDocument] | list[PeriodDocument] = Field(
        description="an episode each; with detail=path, a period of an episode each"
    )
    next: None


class ClassRow(BaseModel):
    """What events of a kind do, in percent, towards the direction that is expected."""

    family: str
    measure: str = Field(description="prices or flows")
    events: int = Field(description="how many there are to learn from")
    estimates: int = Field(description="how many there are: an event may be seen on several series")
    up: int = Field(description="estimates that were expected to be positive")
    down: int = Field(description="estimates that were expected to be negative")
    identified: bool = Field(description="whether the mean can be told from zero; else forecasts take variance only")
    mean: float
    mean_lo: float = Field(alias="mean_lo-90")
    mean_hi: float = Field(alias="mean_hi-90")
    spread: float = Field(description="standard deviation between events, on the log, in percent")
    unseen: BandDocument = Field(description="what a forecast takes of an event that nobody has seen")
    says: str = Field(description="the same in a sentence")


class ClassesDocument(BaseModel):
    """What events of a kind do."""

    data: list[ClassRow]
    next: None


ALL: tuple[type[BaseModel], ...] = (EffectsDocument, ClassesDocument)
