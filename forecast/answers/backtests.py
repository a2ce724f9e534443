"""Backtests as an answer: how every family did when a run was chosen, and what was forecast from past periods."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from forecast import metrics
from forecast.answers.champion import champion_of
from forecast.answers.forecast import at_levels, checked_levels
from forecast.answers.model import (
    LINES,
    OF_SERIES,
    Answer,
    Coverage,
    FreqName,
    Intervals,
    NextPage,
    Part,
    PeriodStart,
    RunKey,
    SeriesKey,
    UnitName,
    by_level,
    in_unit,
)
from forecast.answers.several import Several, each
from forecast.errors import Fault, InvalidInput, NotTested, one_of
from forecast.registry import PastForecasts, Registry, Run
from forecast.timeseries.series import Series

if TYPE_CHECKING:
    from forecast.catalog import Catalog


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


class PastPoint(Intervals):
    """A period as it was forecast from a past one, and what came."""

    level_unit: ClassVar[str] = OF_SERIES

    cutoff: dt.date = Field(description="first day of the last period that was seen")
    ds: PeriodStart
    h: int = Field(description="periods ahead of the cutoff", json_schema_extra=in_unit("periods"))
    y: float | None = Field(
        description="what came; null where nothing was published, or no figure to judge by",
        json_schema_extra=in_unit(OF_SERIES),
    )
    yhat: float = Field(description="median", json_schema_extra=in_unit(OF_SERIES))


class BacktestPaths(Answer):
    """What one family forecast of a series from past periods, period by period, and what came."""

    line: ClassVar[tuple[str, ...]] = ("series_id", LINES, "unit", "family", "run")

    series_id: SeriesKey
    unit: UnitName
    freq: FreqName
    family: str = Field(description="family of models")
    run: str | None = Field(description="id of the run that was chosen by it; null of a backtest of one's own")
    levels: tuple[int, ...] = Field(description="levels of the central intervals", json_schema_extra=in_unit("%"))
    data: tuple[PastPoint, ...]
    next: NextPage = None


class BacktestPathsList(Several):
    """What was forecast of several series from past periods, and what came."""

    levels: tuple[int, ...] = Field(description="levels of the central intervals", json_schema_extra=in_unit("%"))
    data: tuple[BacktestPaths, ...]


#: The central intervals that a backtest keeps, in percent: those between its quantiles.
KEPT_LEVELS = tuple(round(100 * (1 - 2 * level)) for level in metrics.QUANTILE_LEVELS.tolist() if level < 0.5)


def kept_levels(levels: Collection[float]) -> tuple[int, ...]:
    """The levels in order. Raises ``InvalidInput`` for one that a backtest does not keep."""
    checked = checked_levels(levels)
    if faults := [Fault("level", each, one_of(map(str, KEPT_LEVELS))) for each in checked if each not in KEPT_LEVELS]:
        raise InvalidInput(faults)
    return checked


def backtest_paths(
    catalog: Catalog, registry: Registry, series_ids: Sequence[str], levels: Collection[float]
) -> BacktestPathsList:
    """What the serving run of each series forecast from past periods. Raises the first reason where there is none."""

    def of_one(series_id: str) -> BacktestPaths:
        return run_paths(registry, champion_of(catalog.get(series_id), registry), levels)

    wanted = kept_levels(levels)
    found, left_out = each([(name,) for name in series_ids], of_one)
    return BacktestPathsList(levels=wanted, data=tuple(found), left_out=left_out)


def run_paths(registry: Registry, run: Run, levels: Collection[float]) -> BacktestPaths:
    """What the family of a run forecast from past periods when it was chosen.

    Raises ``NotTested`` where that was not kept, and ``InvalidInput`` for a level that is not.
    """
    wanted = kept_levels(levels)
    past = registry.past_forecasts(run.series_id, run.run_id)
    if past is None:
        raise NotTested(run.series_id)
    return paths(run.card.series, run.card.champion_family, past, wanted, run.run_id)


def paths(
    series: Series, family: str, past: PastForecasts, levels: tuple[int, ...], run_id: str | None = None
) -> BacktestPaths:
    """Past forecasts as an answer; numbers are rounded here, and what came is as it was published."""
    at = [int(np.argmin(np.abs(metrics.QUANTILE_LEVELS - level))) for level in at_levels(levels)]
    freq, horizon, data = series.calendar, past.actual.shape[1], []
    for cutoff, actual, q in zip(
        past.cutoffs, past.actual.tolist(), metrics.rounded(past.quantiles[..., at]), strict=True
    ):
        ahead = freq.range(freq.shift(cutoff, 1), horizon).tolist()
        rows = zip(ahead, actual, by_level("yhat", levels, q.T), strict=True)
        data += [
            {"cutoff": cutoff.item(), "ds": ds, "h": h, "y": y if y == y else None, **bounds}
            for h, (ds, y, bounds) in enumerate(rows, start=1)
        ]
    facts = {"series_id": series.series_id, "unit": series.unit, "freq": series.freq, "family": family, "run": run_id}
    return BacktestPaths.model_validate({**facts, "levels": levels, "data": data})


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
