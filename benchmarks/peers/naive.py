"""The textbook baselines: the last value, or the same season of the last cycle, with normal errors."""

from __future__ import annotations

import numpy as np

from forecast.metrics import QUANTILE_LEVELS
from forecast.timeseries.series import Floats


def naive(x: Floats, season: int, horizon: int) -> Floats:
    """(H, 15) quantiles: x_T ± z · s · √(cycles ahead), s the root mean square of all past changes over a season.

    ``x`` (T,) the log, NaN where missing; a missing value of the last cycle is the one of the cycle before.
    """
    from scipy.stats import norm

    changes = x[season:] - x[:-season]
    sd = float(np.sqrt(np.nanmean(changes**2))) if np.isfinite(changes).any() else np.nan
    filled = x.copy()
    for t in range(season, len(x)):
        if not np.isfinite(filled[t]):
            filled[t] = filled[t - season]
    h = np.arange(horizon)
    cycles = h // season + 1
    return np.asarray(
        filled[len(x) - season + h % season][:, None] + sd * np.sqrt(cycles)[:, None] * norm.ppf(QUANTILE_LEVELS)
    )
