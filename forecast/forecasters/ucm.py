"""Unobserved components on the log: a local level, and a trigonometric season where there is one.

Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, 1989, ch. 2. There is no trend component:
extrapolated slopes are what makes forecasts of prices and trade explode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecast.forecasters.state_space import SEASON_PRIOR, Frame, Model, StateSpace, initialise
from forecast.timeseries.series import Floats


@dataclass(frozen=True)
class Ucm(StateSpace):
    """Level that walks, season that drifts, noise; effects beside them."""

    family: ClassVar[str] = "ucm"
    estimates_effects: ClassVar[bool] = True

    def model(self, u: Floats, frame: Frame) -> Model:
        from statsmodels.tsa.statespace.structural import UnobservedComponents

        season = [{"period": frame.season}] if frame.season else None
        model: Model = UnobservedComponents(u, level="llevel", freq_seasonal=season)
        return initialise(model, 0, {(1, model.k_states): SEASON_PRIOR}, (0, 0))

    def start(self, frame: Frame) -> Floats:
        return np.array([0.2, 0.3, 0.01] if frame.season else [0.1, 0.8])  # noise, level, season
