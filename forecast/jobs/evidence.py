"""A run of evidence: what events did to the series, estimated as for a target, and no forecast.

Nothing is backtested, selected or drawn ahead, so that a series costs a second or two. Other series get what it says of
events from its card, as from any other.
"""

from __future__ import annotations

import numpy as np

from forecast.jobs.card import make_card
from forecast.registry import Card, Payload
from forecast.registry.card import EFFECTS_ONLY
from forecast.timeseries.quality import remarks
from forecast.timeseries.series import History
from forecast.training.information import RealTimeData
from forecast.training.selection import Selection
from forecast.wording import counted

#: The fewest observations that effects are estimated from: fifteen years, or two dozen shorter periods.
LEAST_YEARS, LEAST_PERIODS = 15, 24
#: What stands in place of a family and of the reason why it was chosen.
NOT_FORECAST = Selection(EFFECTS_ONLY, float("nan"), "effects estimated: it is evidence, which is never forecast")


def too_few(history: History) -> str:
    """Why evidence cannot tell of events; empty where it can, and for a target, which may be forecast from less."""
    there = int(history.used.sum())
    least = LEAST_YEARS if history.series.calendar.per_year == 1 else LEAST_PERIODS
    if not history.series.is_evidence or there >= least:
        return ""
    return f"{counted(there, 'observation')} where evidence needs {least} to tell what events do"


def evidence_run(real_time: RealTimeData, run_id: str) -> tuple[Card, Payload]:
    """The card of a run of evidence, and its effect record beside draws of no period."""
    draws = real_time.settings.draws
    record = real_time.now(draws).record
    card = make_card(real_time, run_id, NOT_FORECAST, (), remarks(real_time.history), None)
    return card, Payload(np.zeros((draws, 0)), record, None)
