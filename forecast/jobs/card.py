"""The card of a run as training writes it: what was trained, on what, how well, and what a reader should know."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from forecast import provenance
from forecast.registry.card import Card, DataSummary, FamilyScores, RunSettings
from forecast.timeseries.series import History
from forecast.training.backtest import BacktestScores
from forecast.training.information import RealTimeData
from forecast.training.selection import Selection


def make_card(
    real_time: RealTimeData,
    run_id: str,
    selection: Selection,
    table: Sequence[BacktestScores],
    notes: Sequence[str],
    families: tuple[str, ...] | None,
) -> Card:
    """Everything about a run but its effect record and its digests, which the registry adds as it stores them."""
    settings = real_time.settings
    return Card(
        series=real_time.series,
        run=run_id,
        trained_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        as_of=real_time.as_of,
        events_known_to=real_time.events_known_to,
        data=_data(real_time.history),
        champion_family=selection.family,
        score=_rounded(selection.score, 4),
        why=selection.reason,
        backtest={scores.family: _row(scores) for scores in table},
        settings=RunSettings(settings.draws, min(settings.horizon, real_time.horizon), settings.seed),
        known_on=real_time.known_on,
        families=families,
        branches=real_time.branches,
        notes=tuple(dict.fromkeys(notes)),
        versions=provenance.versions(),
        code=provenance.code_digest()[:12],
    )


def _data(history: History) -> DataSummary:
    first, last = (dt.date.fromisoformat(str(day)) for day in (history.ds[0], history.last))
    return DataSummary(first, last, int(history.used.sum()), int(history.scored.sum()), int((~history.used).sum()))


def _row(scores: BacktestScores) -> FamilyScores:
    return FamilyScores(
        scores.origins,
        _rounded(scores.score, 4),
        tuple(_rounded(ratio, 4) for ratio in scores.rel_crps.tolist()),
        {level: _rounded(share, 3) for level, share in scores.coverage.items()},
        tuple(_rounded(share, 4) for share in scores.pit.tolist()),
    )


def _rounded(value: float, digits: int) -> float | None:
    """None for what is no number."""
    return round(float(value), digits) if math.isfinite(value) else None
