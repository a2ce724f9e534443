"""The peers that live in the project's own environment, as their documentation shows them, on the log."""

from __future__ import annotations

import logging
import warnings

import numpy as np

from forecast.metrics import QUANTILE_LEVELS
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats


def ucm(x: Floats, season: int, horizon: int) -> Floats:
    """(H, 15): statsmodels ``UnobservedComponents``, a local level, and a trigonometric season where there is one."""
    from scipy.stats import norm
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    seasonal = [{"period": season, "stochastic": False}] if season > 1 else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = UnobservedComponents(x, "llevel", freq_seasonal=seasonal)
        forecast = model.fit(disp=0, maxiter=100).get_forecast(horizon)
    return np.asarray(forecast.predicted_mean[:, None] + forecast.se_mean[:, None] * norm.ppf(QUANTILE_LEVELS))


def prophet(x: Floats, ds: Days, future: Days, seed: int) -> Floats:
    """(H, 15): ``Prophet()`` with its defaults; quantiles of its own 1,000 predictive samples."""
    import pandas as pd

    for name in ("prophet.plot", "prophet", "cmdstanpy"):
        logging.getLogger(name).disabled = True
    from prophet import Prophet

    np.random.seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = Prophet().fit(pd.DataFrame({"ds": ds.astype("datetime64[ns]"), "y": x}))
        samples = model.predictive_samples(pd.DataFrame({"ds": future.astype("datetime64[ns]")}))["yhat"]
    return np.quantile(samples, QUANTILE_LEVELS, axis=1).T
