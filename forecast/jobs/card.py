"""The card of a run: what was trained, on what, how well, and what a reader should know; plain JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from forecast import provenance
from forecast.events import Branch
from forecast.settings import Settings
from forecast.training.backtest import Scores
from forecast.training.information import Past
from forecast.training.selection import Choice


def write_card(
    past: Past, run_id: str, choice: Choice, table: Sequence[Scores], notes: Sequence[str], settings: Settings
) -> dict[str, Any]:
    """Everything about a run but its effect record and its digests, which the registry adds as it stores them."""
    history = past.history
    return {
        "series": asdict(past.series),
        "run": run_id,
        "trained_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "as_of": past.as_of.isoformat(),
        "events_known_to": past.events_known_to.isoformat(),
        "data": {
            "first": str(history.ds[0]),
            "last": str(history.last),
            "observations": int(history.used.sum()),
            "scored": int(history.scored.sum()),
            "missing": int((~history.used).sum()),
        },
        "champion_family": choice.family,
        "score": round(choice.score, 4),
        "why": choice.reason,
        "backtest": {scores.family: _row(scores) for scores in table},
        "branches": [_branch(branch) for branch in past.branches],
        "settings": {"draws": settings.draws, "horizon": settings.horizon, "seed": settings.seed},
        "notes": list(dict.fromkeys(notes)),
        "versions": provenance.versions(),
        "code": provenance.code_digest()[:12],
    }


def _row(scores: Scores) -> dict[str, Any]:
    return {
        "origins": scores.origins,
        "score": round(scores.score, 4),
        "rel_crps": [round(float(ratio), 4) for ratio in scores.rel_crps],
        "coverage": {str(level): round(share, 3) for level, share in scores.coverage.items()},
        "pit": [round(float(share), 4) for share in scores.pit],
    }


def _branch(branch: Branch) -> dict[str, Any]:
    return {**asdict(branch), "starts": branch.starts.isoformat() if branch.starts else None}
