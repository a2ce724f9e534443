"""statsforecast's automatic models on many cutoffs; runs in an environment of its own and knows nothing of orecast.

    python statsforecast_script.py SERIES.csv CUTOFFS.csv OUTPUT.csv TIMES.csv HORIZON SEASON FREQ

SERIES.csv: ``unique_id,ds,y`` without gaps; CUTOFFS.csv: ``unique_id,cutoff``, the last period seen. OUTPUT.csv:
``method,unique_id,cutoff,h,q025,q05,…,q975``; TIMES.csv: ``method,seconds``.
"""

from __future__ import annotations

import sys
import time
import warnings

import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import AutoARIMA, AutoCES, AutoETS, AutoTheta, Naive

BANDS = (95, 90, 80, 60, 50, 40, 20)
NAMES = ["q025", "q05", "q10", "q20", "q25", "q30", "q40", "q50", "q60", "q70", "q75", "q80", "q90", "q95", "q975"]
MODELS = {"AutoARIMA": AutoARIMA, "AutoETS": AutoETS, "AutoTheta": AutoTheta, "CES": AutoCES}


def quantiles(forecast: pd.DataFrame, name: str) -> pd.DataFrame:
    """The median is the point forecast; the other levels are the ends of the central intervals."""
    columns = [f"{name}-lo-{band}" for band in BANDS] + [name] + [f"{name}-hi-{band}" for band in reversed(BANDS)]
    return pd.DataFrame(forecast[columns].to_numpy(), columns=NAMES, index=forecast.index)


def main(series: str, cutoffs: str, output: str, times: str, horizon: int, season: int, freq: str) -> None:
    warnings.simplefilter("ignore")
    data, origins = pd.read_csv(series, parse_dates=["ds"]), pd.read_csv(cutoffs, parse_dates=["cutoff"])
    seconds, parts = dict.fromkeys(MODELS, 0.0), []
    for cutoff, wanted in origins.groupby("cutoff"):
        past = data[data.unique_id.isin(wanted.unique_id) & (data.ds <= cutoff)]
        for method, model in MODELS.items():
            one = model(season_length=season, alias=method)
            runner = StatsForecast(models=[one], freq=freq, n_jobs=1, fallback_model=Naive())
            started = time.perf_counter()
            forecast = runner.forecast(df=past, h=horizon, level=sorted(BANDS)).reset_index(drop=True)
            seconds[method] += time.perf_counter() - started
            part = quantiles(forecast, method)
            part.insert(0, "h", forecast.groupby("unique_id").cumcount() + 1)
            part.insert(0, "cutoff", cutoff)
            part.insert(0, "unique_id", forecast.unique_id)
            part.insert(0, "method", method)
            parts.append(part)
    pd.concat(parts).to_csv(output, index=False)
    pd.DataFrame({"method": list(seconds), "seconds": list(seconds.values())}).to_csv(times, index=False)


if __name__ == "__main__":
    given, cutoffs, output, times, horizon, season, freq = sys.argv[1:]
    main(given, cutoffs, output, times, int(horizon), int(season), freq)
