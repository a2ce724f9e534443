"""The card of a run as training writes it: what was trained, on what, how well, and what a reader should know."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from forecast import provenance
from forecast.registry.card import Card, Data, FamilyScores, Sizes
from forecast.settings import Settings
from forecast.timeseries.series import History
from forecast.training.backtest import Scores
from forecast.training.information import Past
from forecast.training.selection import Chosen


def make_card(
    past: Past,
    run_id: str,
    choice: Chosen,
    table: Sequence[Scores],
    notes: Sequence[str],
    settings: Settings,
    families: tuple[str, ...] | None,
) -> Card:
    """Everything about a run but its effect record and its digests, which the registry adds as it stores them."""
    return Card(
        series=past.series,
        run=run_id,
        trained_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        as_of=past.as_of,
        events_known_to=past.events_known_to,
        data=_data(past.history),
        champion_family=choice.family,
        score=_rounded(choice.score, 4),
        why=choice.reason,
        backtest={scores.family: _row(scores) for scores in table},
        settings=Sizes(settings.draws, settings.horizon, settings.seed),
        known_on=past.known_on,
        families=families,
        branches=past.branches,
        notes=tuple(dict.fromkeys(notes)),
        versions=provenance.versions(),
        code=provenance.code_digest()[:12],
    )


def _data(history: History) -> Data:
    first, last = (dt.date.fromisoformat(str(day)) for day in (history.ds[0], history.last))
    return Data(first, last, int(history.used.sum()), int(history.scored.sum()), int((~history.used).sum()))


def _row(scores: Scores) -> FamilyScores:
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
