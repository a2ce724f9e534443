"""The task that every method gets: the logs of a panel up to each of many cutoffs; and how answers are judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast import metrics
from forecast.forecasters.grid.engine import MIN_GRID_OBSERVATIONS, Panel
from forecast.timeseries.frequency import Days
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History
from forecast.training.origins import spaced
from support.report import Row


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
    def of(cls, histories: Sequence[History], origins: int, horizon: int) -> Task:
        """Evenly spaced cutoffs from the 48th period, or the first quarter, to the last that leaves ``horizon``."""
        samples = [Sample.of(history) for history in histories]
        panel, scored = Panel.of(samples), []
        for history in histories:
            row = np.zeros(len(Panel.of(samples).ds), dtype=bool)
            inside = history.ds <= panel.ds[-1]
            row[np.searchsorted(panel.ds, history.ds[inside])] = history.scored[inside]
            scored.append(row)
        T = len(panel.ds)
        cutoffs = spaced(panel.ds[max(48, T // 4) : T - horizon], origins)
        at = np.searchsorted(panel.ds, cutoffs)
        panel = Panel(panel.ds, panel.x, panel.freq, panel.is_price, np.array(scored) & np.isfinite(panel.x))
        outcome = np.where(panel.scored, np.exp(panel.x), np.nan)
        ahead = at[:, None] + np.arange(1, horizon + 1)
        season = 1 if panel.is_price else panel.freq.season
        seen = np.cumsum(np.isfinite(panel.x), axis=1)
        asked = np.isfinite(panel.x[:, at]) & (seen[:, at] >= MIN_GRID_OBSERVATIONS)
        ids = tuple(history.series.series_id for history in histories)
        return cls(ids, panel, cutoffs, horizon, season, outcome[:, ahead], asked)

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
    """Quantiles (N, O, H, 15) of one method in the series' unit, and the seconds it took."""

    quantiles: Floats
    seconds: float


def judge(task: Task, answers: Mapping[str, Answer], baseline: str, ours: str) -> list[Row]:
    """One row a method, all on the origins that every method answered.

    rel_CRPS, rel_MAE: geometric means over series of ratios to the baseline; MASE: likewise, of ratios to the scale;
    t: of what ``ours`` gains on the method, each series scaled by its baseline, an origin's mean being one observation.
    """
    answered = np.logical_and.reduce([np.isfinite(a.quantiles).all(axis=(2, 3)) for a in answers.values()])
    actual = np.where((answered & task.asked)[..., None], task.actual, np.nan)
    series = np.isfinite(actual).any(axis=(1, 2))
    actual, scales = actual[series], task.scales()[series][..., None]
    crps, error, inside = {}, {}, {}
    for name, answer in answers.items():
        q = answer.quantiles[series]
        crps[name] = metrics.crps_from_quantiles(q, actual)
        error[name] = np.abs(actual - q[..., len(metrics.QUANTILE_LEVELS) // 2])
        inside[name] = [metrics.coverage(q, actual, level) for level in (0.5, 0.8, 0.95)]
    rows: list[Row] = []
    overall = {name: _relative(crps[name], crps[baseline]) for name in answers}
    base = np.nanmean(crps[baseline], axis=(1, 2), keepdims=True)
    steps = [h for h in (1, 3, 6, 12, 24) if h <= task.horizon]
    for name in sorted(answers, key=overall.__getitem__):
        ratio = {h: _relative(crps[name][..., h - 1], crps[baseline][..., h - 1]) for h in steps}
        rows.append(
            {
                "method": name,
                "rel_CRPS": overall[name],
                "rel_MAE": _relative(error[name], error[baseline]),
                "MASE": _relative(error[name], scales),
                **{f"h{h}": value for h, value in ratio.items()},
                **dict(zip(("cov50", "cov80", "cov95"), inside[name], strict=True)),
                "t": None if name == ours else _clustered((crps[name] - crps[ours]) / base),
                "s/series": answers[name].seconds / len(task.ids),
            }
        )
    return rows


def _relative(scores: Floats, baseline: Floats) -> float:
    axes = tuple(range(1, scores.ndim))
    return float(metrics.relative(np.nanmean(scores, axis=axes), np.nanmean(baseline, axis=axes)))


def _clustered(gains: Floats) -> float:
    by_origin = np.array([np.nanmean(one) for one in np.moveaxis(gains, 1, 0) if np.isfinite(one).any()])
    if len(by_origin) < 2:
        return math.nan
    return float(by_origin.mean() / (by_origin.std(ddof=1) / math.sqrt(len(by_origin))))
