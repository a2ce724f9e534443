"""Quality of the data behind a forecast, in a word: how far its numbers may be believed before any is looked at."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from forecast.errors import Insufficient
from forecast.registry import Run
from forecast.registry.card import Card
from forecast.wording import counted

#: So many observations, and so many seasons of a flow, are the least that is forecast unless somebody insists: a season
#: and a half is where the grid engine makes its first forecast.
LEAST_OBSERVATIONS, LEAST_SEASONS = 12, 1.5
#: A history is short with fewer observations, or fewer seasons, than these.
SHORT_OBSERVATIONS, SHORT_SEASONS = 36, 3
#: A history is sparse where a smaller share of its periods has a value.
SPARSE_SHARE = 0.75


class Quality(StrEnum):
    """What the data behind a forecast can bear, the best first."""

    SOLID = "solid"
    SHORT = "short"
    SPARSE = "sparse"
    UNTESTED = "untested"
    INSUFFICIENT = "insufficient"


QualityWord = Annotated[
    Quality,
    Field(
        description="what the data can bear: solid; short (fewer than 36 values or three seasons); sparse (over a "
        "quarter of the periods without a value); untested (too few to test a model on); insufficient (too few to "
        "forecast)"
    ),
]


def quality(card: Card) -> Quality:
    """The worst that is true of the history that a run was trained on."""
    data, season = card.data, card.series.calendar.season
    if data.observations < least_observations(card):
        return Quality.INSUFFICIENT
    if card.forecasts and card.champion_family not in card.backtest:
        return Quality.UNTESTED
    if data.observations < SPARSE_SHARE * (data.observations + data.missing):
        return Quality.SPARSE
    return Quality.SHORT if data.observations < max(SHORT_OBSERVATIONS, SHORT_SEASONS * season) else Quality.SOLID


def least_observations(card: Card) -> int:
    """The least number of observations that is forecast."""
    seasons = 0 if card.series.is_price else LEAST_SEASONS * card.series.calendar.season
    return max(LEAST_OBSERVATIONS, round(seasons))


def check_quality(run: Run, insufficient: bool) -> None:
    """Raise ``Insufficient`` for a run on too few values, unless ``insufficient`` ones are asked for."""
    if not insufficient and quality(run.card) is Quality.INSUFFICIENT:
        there, least = run.card.data.observations, least_observations(run.card)
        are = "is" if there == 1 else "are"
        raise Insufficient(run.series_id, f"{counted(there, 'value')} {are} there where {least} are the least")


def quality_notes(card: Card) -> tuple[str, ...]:
    """What a reader should know of a forecast on too few values."""
    if quality(card) is not Quality.INSUFFICIENT:
        return ()
    there, least = counted(card.data.observations, "value"), least_observations(card)
    return (f"not to be relied on: {there} where {least} are the least; the intervals are hardly more than a guess",)
