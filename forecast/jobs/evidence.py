"""Estimate what events did to a series of evidence: a run that forecasts nothing."""

from __future__ import annotations

import numpy as np

from forecast.errors import TooShort
from forecast.jobs.card import make_card
from forecast.registry import Card, Payload
from forecast.registry.card import NO_FORECAST
from forecast.timeseries.quality import remarks
from forecast.timeseries.series import History
from forecast.training.information import RealTimeData
from forecast.training.selection import Selection
from forecast.wording import counted

#: The fewest observations that effects are estimated from: fifteen years, or two dozen shorter periods.
LEAST_YEARS, LEAST_PERIODS = 15, 24
#: How such a run came about.
EFFECTS_ONLY = Selection(NO_FORECAST, float("nan"), "evidence: what events did to it is estimated, and no forecast")


def least_observations(history: History) -> int:
    return LEAST_YEARS if history.series.calendar.per_year == 1 else LEAST_PERIODS


def speaks(history: History) -> bool:
    """Whether a series of evidence has enough observations to tell of events."""
    return int(history.used.sum()) >= least_observations(history)


def evidence_run(real_time: RealTimeData, run_id: str) -> tuple[Card, Payload]:
    """The card of a series of evidence, and its effect record beside no draws. Raises ``TooShort``."""
    history = real_time.history
    if not speaks(history):
        there, least = counted(int(history.used.sum()), "observation"), least_observations(history)
        raise TooShort(f"{there} where evidence needs {least}")
    information = real_time.now(real_time.settings.draws)
    card = make_card(real_time, run_id, EFFECTS_ONLY, (), remarks(history), None)
    return card, Payload(np.zeros((real_time.settings.draws, 0)), information.record, None)
