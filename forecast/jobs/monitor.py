"""Monitor: is each series fresh, and did the forecasts that were served hold?

Every stored run is a forecast made before what came after it: where its later periods have been observed since, the
share of them inside its intervals says whether the intervals can be believed.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

import numpy as np

from forecast.answers.champion import serving
from forecast.answers.health import Health, HealthList, Inside
from forecast.catalog import Catalog
from forecast.errors import CorruptArtifact, ForecastError, TooShort
from forecast.registry import Registry, Run
from forecast.timeseries.series import History, Series
from forecast.timeseries.trade import has_trade

#: Central intervals that are judged, in percent.
LEVELS = Inside.levels_if_unsaid


def monitor(catalog: Catalog, registry: Registry, as_of: dt.date) -> HealthList:
    """The health of every target at the end of the UTC day ``as_of``."""
    faults = dict(fault.split(": ", 1) for fault in registry.faults()) | catalog.unservable()
    return HealthList.of(
        [
            _health(catalog, registry, series, as_of, faults.get(series.series_id))
            for series in catalog.series().values()
            if series.is_target
        ]
    )


def _health(catalog: Catalog, registry: Registry, series: Series, as_of: dt.date, fault: str | None) -> Health:
    series_id = series.series_id
    champion = registry.champion_id(series_id)
    state, fault = _state(registry, series, as_of, fault) if champion else ("none", fault)
    last, overdue, hits = None, 0, _NONE
    with suppress(TooShort):
        history = catalog.history(series_id, as_of)
        last, overdue = _day(history.last), _overdue(history, as_of)
        hits = np.concatenate([_hits(run, history) for run in _one_a_period(registry, series_id)] or [_NONE])
    inside = {level: float(hits[:, i].mean()) if len(hits) else None for i, level in enumerate(LEVELS)}
    return Health(
        series_id=series_id,
        run=champion,
        last=last,
        overdue=overdue,
        judged=len(hits),
        inside=Inside.of(inside),
        fault=fault,
        state=state,
    )


def _state(registry: Registry, series: Series, as_of: dt.date, fault: str | None) -> tuple[str, str | None]:
    """How a promoted run serves, and why not: what a question on that day would be told."""
    try:
        serving(series, registry, as_of)
    except ForecastError as error:
        return "silent", fault or str(error)
    return ("damaged" if fault else "served"), fault


def _day(start: np.datetime64) -> dt.date:
    return dt.date.fromisoformat(str(start))


_NONE = np.zeros((0, len(LEVELS)), dtype=bool)


def _overdue(history: History, as_of: dt.date) -> int:
    freq = history.series.calendar
    following: dt.date = freq.end(freq.shift(history.last, 1)).item()
    return max((as_of - following).days - history.series.release_lag_days, 0)


def _one_a_period(registry: Registry, series_id: str) -> list[Run]:
    """The stored runs, the newest of those that end with the same period."""
    newest: dict[np.datetime64, Run] = {}
    for summary in registry.runs(series_id):
        try:
            run = registry.get(series_id, summary.run_id)
        except CorruptArtifact:
            continue
        newest.setdefault(run.last, run)
    return list(newest.values())


def _hits(run: Run, history: History) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """(K, L): was each of the K outcomes that are known since inside each interval of the run?"""
    freq = history.series.calendar
    ds = freq.range(freq.shift(run.last, 1), run.draws.shape[1])
    known = np.isin(ds, history.ds[history.scored])
    if not known.any():
        return _NONE
    came = history.y[np.isin(history.ds, ds[known])]
    forward = run.record.forward(ds, freq, run.last)
    draws = np.exp(run.draws + forward)
    if run.trade is not None:
        draws = np.where(has_trade(run.trade, run.held, forward), draws, 0.0)
    draws = draws[:, known]
    bounds = [np.quantile(draws, (0.5 - level / 200, 0.5 + level / 200), axis=0) for level in LEVELS]
    return np.stack([(low <= came) & (came <= high) for low, high in bounds], axis=1)
