"""The effect record as the card of a run holds it: types of JSON objects, in which days are ISO text."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic, which tells the schema, asks for it below Python 3.12


class CandidatesDocument(TypedDict):
    """The ways in which an episode may have acted: each shape with each lead."""

    shapes: list[str]
    leads: list[int]


class PriorDocument(TypedDict):
    """Mean and standard deviation of the main scale of a size."""

    mean: float
    sd: float


class EpisodeDocument(TypedDict):
    """One episode and its effect; what is not required is missing in cards of older versions."""

    episode: str
    events: list[str]
    family: str
    stringency: NotRequired[str]
    direction: int
    announced: str | None
    effective: str | None
    ended: str | None
    strength: float
    exposure: NotRequired[float]
    dose: NotRequired[float]
    share: NotRequired[float]
    start: str
    end: str | None
    intensity: list[list[str | float]]
    shape: str
    lead: int
    candidates: CandidatesDocument
    window: list[str] | None
    average: dict[str, float] | None
    size: dict[str, float] | None
    prior: PriorDocument
    likelihood: list[float] | None
    prior_dominated: bool
    identified: bool
    placebo_rank: float | None
    apart: NotRequired[bool]
    told_with: NotRequired[str]
    in_force: NotRequired[dict[str, list[list[str | None]]]]
    detectable: NotRequired[float | None]


class OmissionDocument(TypedDict):
    """An episode that the record leaves out."""

    episode: str
    events: list[str]
    reason: str


class RecordDocument(TypedDict):
    """The effects of all episodes on one series."""

    series_id: str
    method: str
    draws: int
    freq: str
    last: str
    episodes: list[EpisodeDocument]
    omitted: list[OmissionDocument]
    notes: list[str]
    latent: NotRequired[dict[str, float]]
