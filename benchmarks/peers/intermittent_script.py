"""statsforecast's methods for intermittent demand on many cutoffs; runs in an environment of its own.

    python intermittent_script.py SERIES.csv CUTOFFS.csv OUTPUT.csv HORIZON SEASON FREQ

SERIES.csv: ``unique_id,ds,y`` without gaps; CUTOFFS.csv: ``unique_id,cutoff``, the last period seen. OUTPUT.csv:
``method,unique_id,cutoff,h,q025,q05,…,q975``, none of them negative. Croston and TSB have no intervals of their own
and get the package's conformal ones.
"""

from __future__ import annotations

import sys
import warnings

import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import TSB, CrostonOptimized, CrostonSBA, Naive, SeasonalNaive
from statsforecast.utils import ConformalIntervals
from statsforecast_script import BANDS, quantiles


def models(length: int, horizon: int, season: int) -> dict[str, object]:
    windows = max(min(length // horizon - 1, 8), 2)
    intervals = ConformalIntervals(n_windows=windows, h=horizon)
    return {
        "TSB": TSB(alpha_d=0.1, alpha_p=0.1, alias="TSB", prediction_intervals=intervals),
        "Croston": CrostonOptimized(alias="Croston", prediction_intervals=intervals),
        "Croston SBA": CrostonSBA(alias="Croston SBA", prediction_intervals=intervals),
        "seasonal naive": SeasonalNaive(season_length=season, alias="seasonal naive"),
    }


def main(series: str, cutoffs: str, output: str, horizon: int, season: int, freq: str) -> None:
    warnings.simplefilter("ignore")
    data, origins = pd.read_csv(series, parse_dates=["ds"]), pd.read_csv(cutoffs, parse_dates=["cutoff"])
    parts = []
    for (name, cutoff), _ in origins.groupby(["unique_id", "cutoff"]):
        past = data[(data.unique_id == name) & (data.ds <= cutoff)]
        for method, model in models(len(past), horizon, season).items():
            runner = StatsForecast(models=[model], freq=freq, n_jobs=1, fallback_model=Naive())
            forecast = runner.forecast(df=past, h=horizon, level=sorted(BANDS)).reset_index(drop=True)
            part = quantiles(forecast, method).clip(lower=0.0)
            part.insert(0, "h", range(1, horizon + 1))
            part.insert(0, "cutoff", cutoff)
            part.insert(0, "unique_id", name)
            part.insert(0, "method", method)
            parts.append(part)
    pd.concat(parts).to_csv(output, index=False)


if __name__ == "__main__":
    given, cutoffs, output, horizon, season, freq = sys.argv[1:]
    main(given, cutoffs, output, int(horizon), int(season), freq)
