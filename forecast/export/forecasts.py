"""Forecasts, scenarios and scores as rows and documents: one definition of names and digits for JSON and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forecast.answers.forecast import Forecast
    from forecast.answers.scenarios import Answer, Outcome
    from forecast.answers.several import Several
    from forecast.registry import Run

#: What is told of a scenario besides its forecast, by the name of the field.
DIFFERENCES = ("difference", "cumulated")


def interval_names(levels: Sequence[int]) -> list[str]:
    """``lo-80, hi-80, lo-95, hi-95``: the columns of the intervals, in the order of the levels."""
    return [f"{side}-{level}" for level in levels for side in ("lo", "hi")]


def point_names(levels: Sequence[int]) -> list[str]:
    """What one period of a forecast is called: ``ds, h, yhat`` and its intervals."""
    return ["ds", "h", "yhat", *interval_names(levels)]


def points(forecast: Forecast) -> list[dict[str, object]]:
    """One JSON object a period, keys as ``point_names``."""
    return [
        {"ds": row.ds.isoformat(), "h": row.h, "yhat": row.yhat}
        | {
            f"{side}-{level}": value
            for level, bounds in row.intervals.items()
            for side, value in zip(("lo", "hi"), bounds, strict=True)
        }
        for row in forecast.rows
    ]


def forecast_names(levels: Sequence[int]) -> list[str]:
    """The header of a forecast as CSV."""
    return ["series_id", *point_names(levels), "unit", "scenario", "run"]


def forecast_rows(forecast: Forecast) -> list[dict[str, object]]:
    """The same periods with series, unit, scenario and run in each, keys as ``forecast_names``."""
    constant = {"unit": forecast.series.unit, "scenario": forecast.scenario, "run": forecast.run_id}
    return [{"series_id": forecast.series.series_id, **point, **constant} for point in points(forecast)]


def forecast_document(forecast: Forecast) -> dict[str, object]:
    """A forecast as JSON: what holds for all periods once, then an object a period."""
    return {
        "series_id": forecast.series.series_id,
        "unit": forecast.series.unit,
        "freq": forecast.series.freq,
        "run": forecast.run_id,
        "as_of": forecast.as_of,
        "events_known_to": forecast.events_known_to,
        "scenario": forecast.scenario,
        "data": points(forecast),
        "branches": [asdict(branch) for branch in forecast.branches],
        "notes": forecast.notes,
    }


def forecasts_document(found: Several) -> dict[str, object]:
    """Forecasts of several series as JSON, with those that could not be served and why."""
    return {
        "data": [forecast_document(each) for each in found.made],
        "left_out": [asdict(each) for each in found.left_out],
        "next": None,
    }


def scenario_names(levels: Sequence[int]) -> list[str]:
    """The header of scenarios as CSV: a forecast, then its difference from the baseline and the sum of it so far."""
    changes = [f"{what}.{name}" for what in DIFFERENCES for name in point_names(levels)[2:]]
    return [*forecast_names(levels), "probability", *changes]


def scenario_rows(answer: Answer) -> list[dict[str, object]]:
    """A row a series, world and period, keys as ``scenario_names``; a difference that there is not is left out."""
    rows = []
    for outcome in answer.outcomes:
        changes = [_changes(outcome, what) for what in DIFFERENCES]
        for i, row in enumerate(forecast_rows(outcome.forecast)):
            row["probability"] = outcome.probability
            for what, of_periods in zip(DIFFERENCES, changes, strict=True):
                told = of_periods[i] if of_periods else {}
                row |= {f"{what}.{name}": told[name] for name in told if name not in ("ds", "h")}
            rows.append(row)
    return rows


def scenario_document(answer: Answer) -> dict[str, object]:
    """Scenarios as JSON: an object a series and world, with the periods of its forecast and of its differences."""
    return {
        "as_of": answer.as_of,
        "events_known_to": answer.events_known_to,
        "data": [
            {
                "series_id": outcome.forecast.series.series_id,
                "unit": outcome.forecast.series.unit,
                "freq": outcome.forecast.series.freq,
                "run": outcome.forecast.run_id,
                "scenario": outcome.forecast.scenario,
                "probability": outcome.probability,
                "data": points(outcome.forecast),
                **{what: _changes(outcome, what) for what in DIFFERENCES},
                "notes": outcome.notes,
            }
            for outcome in answer.outcomes
        ],
        "left_out": [asdict(each) for each in answer.left_out],
        "next": None,
    }


def _changes(outcome: Outcome, what: str) -> list[dict[str, object]]:
    return points(replace(outcome.forecast, rows=getattr(outcome, what)))


def score_names() -> list[str]:
    """The header of the scores of a run as CSV."""
    names = ["series_id", "run", "family", "champion", "origins", "score", "h", "rel_crps"]
    return [*names, "coverage.50", "coverage.80", "coverage.95"]


def score_rows(run: Run) -> list[dict[str, object]]:
    """A row for each family and horizon, keys as ``score_names`` once the members of an object are ``a.b``.

    None for a series that had too little history to test on.
    """
    return [
        {
            "series_id": run.series_id,
            "run": run.run_id,
            "family": family,
            "champion": family == run.card.champion_family,
            "origins": scores.origins,
            "score": scores.score,
            "h": h,
            "rel_crps": ratio,
            "coverage": {str(level): share for level, share in scores.coverage.items()},
        }
        for family, scores in run.card.backtest.items()
        for h, ratio in enumerate(scores.rel_crps, start=1)
    ]


def scores_document(run: Run) -> dict[str, object]:
    """How every family did when the run was chosen, as JSON."""
    facts = {"series_id": run.series_id, "run": run.run_id, "champion": run.card.champion_family}
    return {**facts, "why": run.card.why, "data": score_rows(run), "next": None}
