"""Monitoring: freshness of each series, and coverage of the forecasts that were served.

Every stored run is a forecast made before what came after it: where its later periods have been observed since, the
share of them inside its intervals says whether the intervals can be believed. They are those that were served on the
day of the training: with the events, coming ones and branches as they were known by then. Only what events of a kind
do, for those that nobody had seen act, is taken as it is known now.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from forecast.answers.champion import future_of, serving
from forecast.answers.event_priors import Evidence
from forecast.answers.forecast import at_levels
from forecast.answers.future import Future
from forecast.answers.health import Health, HealthList, Inside
from forecast.answers.held import held_by_series
from forecast.answers.span import period_day
from forecast.catalog import Catalog
from forecast.coupling import quantiles_of
from forecast.errors import CorruptArtifact, ForecastError, TooShort
from forecast.registry import Registry, Run
from forecast.timeseries.series import History, Series

#: Central intervals that are judged, in percent.
MONITOR_LEVELS = Inside.levels_if_unsaid


def monitor(catalog: Catalog, registry: Registry, as_of: dt.date) -> HealthList:
    """The health of every target at the end of the UTC day ``as_of``."""
    faults = dict(fault.split(": ", 1) for fault in registry.faults()) | catalog.unservable()
    evidence = Evidence.of(registry, catalog.retired())
    held = held_by_series(catalog)
    return HealthList.of(
        [
            _health(catalog, registry, series, as_of, evidence, faults.get(series.series_id)).model_copy(
                update={"held": held.get(series.series_id, ())}
            )
            for series in catalog.series().values()
            if series.is_target
        ]
    )


def _health(
    catalog: Catalog, registry: Registry, series: Series, as_of: dt.date, evidence: Evidence, fault: str | None
) -> Health:
    series_id = series.series_id
    champion = registry.champion_id(series_id)
    state, fault = _state(registry, series, as_of, fault) if champion else ("none", fault)
    last, overdue, hits = None, 0, _NONE
    with suppress(TooShort):
        history = catalog.history(series_id, as_of)
        last, overdue = period_day(history.last), series.overdue(history.last, as_of)
        runs = _one_a_period(registry, series_id)
        served = (future_of(catalog, series, run, run.card.as_of, evidence) for run in runs)
        hits = np.concatenate([_NONE, *(_hits(future, history) for future in served)])
    inside = {level: float(hits[:, i].mean()) if len(hits) else None for i, level in enumerate(MONITOR_LEVELS)}
    return Health(
        series_id=series_id,
        run=champion,
        last=last,
        overdue=overdue,
        judged=len(hits),
        held=(),
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


_NONE = np.zeros((0, len(MONITOR_LEVELS)), dtype=bool)


def _one_a_period(registry: Registry, series_id: str) -> list[Run]:
    """The stored runs, the newest of those that end with the same period."""
    newest: dict[np.datetime64, Run] = {}
    for summary in registry.runs(series_id):
        try:
            run = registry.get(series_id, summary.run_id)
        except CorruptArtifact:
            continue
        if run.card.forecasts:
            newest.setdefault(run.last, run)
    return list(newest.values())


def _hits(future: Future, history: History) -> npt.NDArray[np.bool_]:
    """(K, L): was each of the K outcomes that are known since inside each interval that was served?"""
    known = np.isin(future.ds, history.ds[history.scored])
    if not known.any():
        return _NONE
    came = history.y[np.isin(history.ds, future.ds[known])]
    bounds = quantiles_of(future.margins()[known], at_levels(MONITOR_LEVELS))[1:]
    return np.stack(
        [(low <= came) & (came <= high) for low, high in zip(bounds[::2], bounds[1::2], strict=True)], axis=1
    )
