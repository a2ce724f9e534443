"""Backtests as an answer: how every family did when a run was chosen, and quantiles from chosen periods."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import ClassVar

from pydantic import ConfigDict, Field

from forecast import metrics
from forecast.answers.model import (
    LINES,
    OF_SERIES,
    Answer,
    Column,
    Coverage,
    Listing,
    NextPage,
    Part,
    PeriodStart,
    RunKey,
    SeriesKey,
    in_unit,
)
from forecast.answers.several import Several
from forecast.registry import Run

#: Names of the quantiles, by ``metrics.QUANTILE_LEVELS``: q025 is the 2.5 % quantile, q10 the 10 % quantile.
QUANTILES = tuple("q" + f"{level:.3f}"[2:].removesuffix("0") for level in metrics.QUANTILE_LEVELS.tolist())


class FamilyAtHorizon(Part):
    """How a family of models did at one horizon."""

    family: str = Field(description="family of models")
    champion: bool = Field(description="whether it is the family of the run that serves")
    origins: int = Field(description="past moments from which it forecast")
    score: float | None = Field(
        title="all", description="CRPS as a ratio to the baseline's, mean over horizons; below 1 is better"
    )
    h: int = Field(description="horizon", json_schema_extra=in_unit("periods"))
    rel_crps: float | None = Field(title="CRPS", description="CRPS as a ratio to the baseline's at this horizon")
    coverage: Coverage = Field(description="over all horizons")


class Scores(Answer):
    """How every family did on the history of a series, when the run that serves was chosen."""

    line: ClassVar[tuple[str, ...]] = ("series_id", "run", LINES)

    series_id: SeriesKey
    run: RunKey
    champion_family: str = Field(description="family of the run that serves")
    why: str = Field(description="why it serves")
    data: tuple[FamilyAtHorizon, ...]
    next: NextPage = None


class ScoresList(Several):
    """The scores of several series."""

    data: tuple[Scores, ...]


class QuantilesAhead(Part):
    """The quantiles of one period, as a family would have forecast them from a past one."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float]

    method: str = Field(description="family of models")
    series_id: SeriesKey
    cutoff: dt.date = Field(description="first day of the last period that was seen")
    ds: PeriodStart

    @classmethod
    def columns(cls, levels: Sequence[int | str] = ()) -> list[Column]:
        percents = (f"{100 * level:g} % quantile" for level in metrics.QUANTILE_LEVELS.tolist())
        named = zip(QUANTILES, percents, strict=True)
        return [
            *super().columns(levels),
            *(Column(name, "number", OF_SERIES, meaning, name) for name, meaning in named),
        ]


class QuantileList(Listing):
    """The quantiles of a backtest, a line a period ahead."""

    data: tuple[QuantilesAhead, ...]


def run_scores(run: Run) -> Scores:
    """The scores on the card of a run; no line for a series that had too little history to test on."""
    card = run.card
    # All at once: a call for each line takes longer than its checks.
    return Scores.model_validate(
        {
            "series_id": run.series_id,
            "run": run.run_id,
            "champion_family": card.champion_family,
            "why": card.why,
            "data": [
                {
                    "family": family,
                    "champion": family == card.champion_family,
                    "origins": scores.origins,
                    "score": scores.score,
                    "h": h,
                    "rel_crps": ratio,
                    "coverage": coverage,
                }
                for family, scores in card.backtest.items()
                for coverage in [Coverage.of(scores.coverage)]
                for h, ratio in enumerate(scores.rel_crps, start=1)
            ],
        }
    )
