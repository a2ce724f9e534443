"""SARIMAX on the log: (0,1,1) for prices, the airline model (0,1,1)(0,1,1) with a season.

A monthly average of a daily random walk is an ARIMA(0,1,1) with θ = 2 − √3 (Working, Econometrica 28, 1960); the
airline model is Box and Jenkins' (Time Series Analysis, 1970, ch. 9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecast.forecasters.state_space import SEASON_PRIOR, Frame, Model, StateSpace, initialise, maximise
from forecast.timeseries.series import Floats


@dataclass(frozen=True)
class Sarimax(StateSpace):
    """Moving averages of the differenced log; effects under the same noise."""

    family: ClassVar[str] = "sarimax"
    estimates_effects: ClassVar[bool] = True

    def model(self, u: Floats, frame: Frame) -> Model:
        model = _sarimax(u, frame.season)
        differences = 1 + frame.season
        return initialise(model, 0, {(1, differences): SEASON_PRIOR}, (differences, model.k_states))

    def start(self, frame: Frame) -> Floats:
        return np.array([-0.4, -0.6, 0.5] if frame.season else [0.2, 0.9])

    def estimate(self, u: Floats, frame: Frame, start: Floats) -> tuple[Floats, bool]:
        """An unbroken sample is differenced first and its variance concentrated out: the same maximum, much faster."""
        if np.isnan(u).any():
            return super().estimate(u, frame, start)
        found = maximise(_sarimax(u, frame.season, differenced=True), start[:-1])
        return np.append(found.params, found.scale), bool(found.mle_retvals["converged"])


def _sarimax(u: Floats, season: int, differenced: bool = False) -> Model:
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    seasonal = (0, 1, 1, season) if season else (0, 0, 0, 0)
    model: Model = SARIMAX(
        u, order=(0, 1, 1), seasonal_order=seasonal, simple_differencing=differenced, concentrate_scale=differenced
    )
    return model
