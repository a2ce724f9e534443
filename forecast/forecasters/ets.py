"""Exponential smoothing on the log: simple for prices, with damped trend and additive season for volumes.

Hyndman, Koehler, Ord and Snyder, Forecasting with Exponential Smoothing: The State Space Approach, 2008: models
(A,N,N) and (A,Ad,A) on the log. The state space form makes gaps legal: a missing value moves no state and widens
what follows, where the recursion in its textbook form would need a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecast.forecasters.state_space import SEASON_PRIOR, Frame, Model, StateSpace, initialise
from forecast.timeseries.series import Floats

_TREND_PRIOR = 0.01  # variance of the first slope, in squared typical changes


@dataclass(frozen=True)
class Ets(StateSpace):
    """One source of error; the initial states are filtered from a wide start, not estimated."""

    family: ClassVar[str] = "ets"
    estimates_effects: ClassVar[bool] = False

    def model(self, u: Floats, frame: Frame) -> Model:
        from statsmodels.tsa.statespace.exponential_smoothing import ExponentialSmoothing

        trend, season = not frame.is_price, frame.season or None
        model: Model = ExponentialSmoothing(
            u,
            trend=trend,
            damped_trend=trend,
            seasonal=season,
            initialization_method="known",
            initial_level=0.0,
            initial_trend=0.0 if trend else None,
            initial_seasonal=np.zeros(season) if season else None,
            concentrate_scale=False,
        )
        states = 2 + int(trend)  # error, level, slope, then the season
        known = {(0, 1): 1.0, (2, states): _TREND_PRIOR, (states, model.k_states): SEASON_PRIOR}
        return initialise(model, 1, known, (0, 0))

    def start(self, frame: Frame) -> Floats:
        """Level, slope, season, damping, variance."""
        if frame.is_price:
            return np.array([0.9, 0.9])
        return np.array([0.4, 0.01, *([0.05] if frame.season else []), 0.95, 0.5])
