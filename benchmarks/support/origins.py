"""The task that every method gets: the logs of a panel up to each of many cutoffs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forecast import metrics
from forecast.forecasters.grid.engine import MIN_GRID_OBSERVATIONS, Panel
from forecast.timeseries.frequency import Days
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History
from forecast.training.origins import Origins, spaced


@dataclass(frozen=True, eq=False)
class Task:
    """N series, O cutoffs (period starts, the last period seen), H horizons. ``actual`` (N, O, H) in the series' unit,
    NaN where nothing may be judged; ``asked`` (N, O): which origins are forecast."""

    ids: tuple[str, ...]
    panel: Panel
    cutoffs: Days
    horizon: int
    season: int
    actual: Floats
    asked: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, histories: Sequence[History], origins: int, horizon: int, stride: int | None = None) -> Task:
        """Cutoffs from the 48th period, or the first quarter, to the last that leaves ``horizon``: evenly spaced, or
        the last ones ``stride`` apart."""
        ds = Panel.of([Sample.of(history) for history in histories]).ds
        cutoffs = spaced(ds[max(48, len(ds) // 4) : len(ds) - horizon], origins, stride)
        return cls.at(histories, {history.series.series_id: cutoffs for history in histories}, horizon)

    @classmethod
    def at(cls, histories: Sequence[History], origins: Origins, horizon: int) -> Task:
        """Cutoffs of each series; those with too little seen, or nothing in the period, are not asked."""
        panel = Panel.of([Sample.of(history) for history in histories])
        scored = np.zeros(panel.x.shape, dtype=bool)
        for row, history in zip(scored, histories, strict=True):
            inside = history.ds <= panel.ds[-1]
            row[np.searchsorted(panel.ds, history.ds[inside])] = history.scored[inside]
        panel = replace(panel, scored=scored & np.isfinite(panel.x))
        ids = tuple(history.series.series_id for history in histories)
        none = np.array([], dtype="datetime64[D]")
        cutoffs = np.unique(np.concatenate([none, *(origins.get(name, none) for name in ids)]))
        wanted = np.array([np.isin(cutoffs, origins.get(name, none)) for name in ids])
        at = np.searchsorted(panel.ds, cutoffs)
        seen = np.cumsum(np.isfinite(panel.x), axis=1)
        asked = wanted & np.isfinite(panel.x[:, at]) & (seen[:, at] >= MIN_GRID_OBSERVATIONS)
        to_come = np.full((len(ids), horizon), np.nan)
        outcome = np.concatenate([np.where(panel.scored, np.exp(panel.x), np.nan), to_come], axis=1)
        ahead = at[:, None] + np.arange(1, horizon + 1)
        season = 1 if panel.is_price else panel.freq.season
        return cls(ids, panel, cutoffs, horizon, season, outcome[:, ahead], asked)

    @property
    def origins(self) -> Origins:
        """The cutoffs that are asked, of the series that have any."""
        return {name: self.cutoffs[row] for name, row in zip(self.ids, self.asked, strict=True) if row.any()}

    def where(self, answer: Answer) -> Task:
        """The same, asked only where a method gave an answer."""
        return replace(self, asked=self.asked & np.isfinite(answer.quantiles).all(axis=(2, 3)))

    def past(self, i: int, o: int) -> tuple[Days, Floats]:
        """Dates and log of series ``i`` from its first observation to the cutoff numbered ``o``."""
        upto = self.panel.ds <= self.cutoffs[o]
        x = self.panel.x[i, upto]
        first = int(np.flatnonzero(np.isfinite(x))[0])
        return self.panel.ds[upto][first:], x[first:]

    def scales(self) -> Floats:
        """(N, O): the MASE's denominator at each cutoff, in the series' unit; NaN where the series stood still."""
        out = np.full(self.asked.shape, np.nan)
        for i, o in zip(*np.nonzero(self.asked), strict=True):
            out[i, o] = metrics.mase_scale(np.exp(self.past(i, o)[1]), self.season) or np.nan
        return out


@dataclass(frozen=True, eq=False)
class Answer:
    """Quantiles (N, O, H, 15) of one method in the series' unit, NaN where it gave none, and the seconds it took: NaN
    where it was not run here."""

    quantiles: Floats
    seconds: float = math.nan
