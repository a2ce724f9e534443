"""How answers are judged: each method's scores on the same cells, and the tables that are made of them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forecast import metrics
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats
from support.origins import Answer, Task
from support.report import Row

LEVELS = (50, 80, 95)
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Score:
    """One method: ``crps`` and ``error`` of the median (N, O, H) in the series' unit, and ``inside`` (3, N, O, H), 1
    where the central interval of 50, 80 and 95 % holds the outcome; NaN where nothing is judged."""

    crps: Floats
    error: Floats
    inside: Floats
    seconds: float

    @classmethod
    def of(cls, answer: Answer, actual: Floats) -> Score:
        q, middle = metrics.rounded(answer.quantiles), len(metrics.QUANTILE_LEVELS) // 2
        ends = [int(np.abs(metrics.QUANTILE_LEVELS - (0.5 - level / 200)).argmin()) for level in LEVELS]
        inside = [(q[..., end] <= actual) & (actual <= q[..., len(metrics.QUANTILE_LEVELS) - 1 - end]) for end in ends]
        return cls(
            metrics.crps_from_quantiles(q, actual),
            np.abs(actual - q[..., middle]),
            np.where(np.isfinite(actual), np.array(inside, dtype=float), np.nan),
            answer.seconds,
        )

    def at(self, series: Mask, origins: Mask, horizons: slice) -> Score:
        """That of some series, origins and horizons."""
        crps, error, inside = (
            values[..., series, :, :][..., origins, horizons] for values in (self.crps, self.error, self.inside)
        )
        return Score(crps, error, inside, self.seconds)


@dataclass(frozen=True)
class Ratio:
    """The mean CRPS of a series as a ratio to another method's, with its standard error; ``t`` of the ratio being 1."""

    series: str
    origins: int
    ratio: float
    error: float

    @property
    def t(self) -> float:
        return _over(self.ratio - 1, self.error)

    @property
    def row(self) -> Row:
        return {"series": self.series, "origins": self.origins, "ratio": self.ratio, "se": self.error, "t": self.t}


@dataclass(frozen=True, eq=False)
class Scores:
    """What every method scored where all of them answered, in the six digits that are published: a price that stands
    still is exactly where it was.

    ``ids`` (N), ``cutoffs`` (O); ``scales`` (N, O, 1) of the MASE; ``distance`` (O, O): periods between two cutoffs.
    """

    by_method: Mapping[str, Score]
    baseline: str
    ids: npt.NDArray[np.str_]
    cutoffs: Days
    scales: Floats
    distance: Floats

    @classmethod
    def of(cls, task: Task, answers: Mapping[str, Answer], baseline: str) -> Scores:
        answered = np.logical_and.reduce([np.isfinite(a.quantiles).all(axis=(2, 3)) for a in answers.values()])
        actual = metrics.rounded(np.where((answered & task.asked)[..., None], task.actual, np.nan))
        by_method = {name: Score.of(answer, actual) for name, answer in answers.items()}
        ordinals = np.asarray(task.panel.freq.ordinal(task.cutoffs), dtype=float)
        distance = np.abs(ordinals[:, None] - ordinals)
        return cls(by_method, baseline, np.array(task.ids), task.cutoffs, task.scales()[..., None], distance)

    def at(self, series: Mask | None = None, origins: Mask | None = None, horizons: slice = slice(None)) -> Scores:
        """Those of some series, origins and horizons; of all by default."""
        series = np.ones(len(self.ids), dtype=bool) if series is None else series
        origins = np.ones(len(self.cutoffs), dtype=bool) if origins is None else origins
        return Scores(
            {name: score.at(series, origins, horizons) for name, score in self.by_method.items()},
            self.baseline,
            self.ids[series],
            self.cutoffs[origins],
            self.scales[series][:, origins],
            self.distance[origins][:, origins],
        )

    @property
    def horizon(self) -> int:
        return int(self.by_method[self.baseline].crps.shape[-1])

    def judged(self) -> dict[str, int]:
        """How many series, origins and outcomes there are."""
        known: npt.NDArray[np.bool_] = np.isfinite(self.by_method[self.baseline].crps)
        series, origins = (int(np.count_nonzero(known.any(axis=axes))) for axes in ((1, 2), (0, 2)))
        return {"series": series, "origins": origins, "outcomes": int(np.count_nonzero(known))}

    def accuracy(self, name: str) -> dict[str, float]:
        """Accuracy of a method: geometric means over series of ratios of means to the baseline's (``rel_CRPS``,
        ``rel_MAE``) and to the scale (``MASE``)."""
        score, base = self.by_method[name], self.by_method[self.baseline]
        scales = np.where(np.isfinite(score.error), self.scales, np.nan)
        return {
            "rel_CRPS": _relative(score.crps, base.crps),
            "rel_MAE": _relative(score.error, base.error),
            "MASE": _relative(score.error, scales),
        }

    def coverage(self, name: str) -> dict[str, float]:
        """Shares of all outcomes inside the central intervals."""
        return {f"cov{level}": float(_mean(x)) for level, x in zip(LEVELS, self.by_method[name].inside, strict=True)}

    def gains(self, ours: str, other: str) -> float:
        """t of what ``ours`` gains on another method: each series scaled by the baseline's mean, an origin's mean being
        one observation, and origins whose horizons overlap being correlated."""
        difference = self.by_method[other].crps - self.by_method[ours].crps
        base = _mean(self.by_method[self.baseline].crps, (1, 2))
        base[base == 0] = math.nan  # nothing is a share of a certain baseline that came true
        by_origin = _mean(difference / base[:, None, None], (0, 2))
        mean = float(_mean(by_origin))
        return _over(mean, self.error_of_mean(by_origin - mean))

    def error_of_mean(self, deviations: Floats) -> float:
        """Standard error of the mean over origins of what deviates (O,) from it, NaN where an origin has nothing.

        Two origins are taken to be as correlated as their horizons overlap (Bartlett's weights: Newey and West,
        Econometrica 55, 1987; of losses: Diebold and Mariano, JBES 13, 1995). That the mean is that of the same
        origins takes away as many as overlap with one, where independent ones lose one. NaN where none is left.
        """
        known = np.isfinite(deviations)
        n, d = int(known.sum()), deviations[known]
        weights = np.maximum(1 - self.distance[known][:, known] / self.horizon, 0)
        left = n - float(weights.sum()) / n if n else 0.0
        return math.sqrt(float(d @ weights @ d) / (n * left)) if left > 1e-9 else math.nan


def methods(scores: Scores, ours: str) -> list[Row]:
    """One row a method, the best first; ``t``: what ours gains on it."""
    by_step = {f"h{h}": scores.at(horizons=slice(h - 1, h)) for h in (1, 3, 6, 12, 24) if h <= scores.horizon}
    order = sorted(scores.by_method, key=lambda name: scores.accuracy(name)["rel_CRPS"])
    return [
        {
            "method": name,
            **scores.accuracy(name),
            **{step: some.accuracy(name)["rel_CRPS"] for step, some in by_step.items()},
            **scores.coverage(name),
            "t": None if name == ours else _or_none(scores.gains(ours, name)),
            "s/series": _or_none(scores.by_method[name].seconds / len(scores.ids)),
        }
        for name in order
    ]


def by_horizon(scores: Scores, name: str) -> list[Row]:
    """One row a horizon of a method."""
    rows: list[Row] = []
    for h in range(1, scores.horizon + 1):
        some = scores.at(horizons=slice(h - 1, h))
        rows.append({"h": h, "outcomes": some.judged()["outcomes"], **some.accuracy(name), **some.coverage(name)})
    return rows


def by_group(scores: Scores, name: str, groups: Iterable[tuple[str, Mask, Mask]]) -> list[Row]:
    """One row a group of series and origins of a method; those with nothing to judge are left out."""
    rows: list[Row] = []
    for group, series, origins in groups:
        some = scores.at(series, origins)
        if some.judged()["outcomes"]:
            rows.append({"group": group, **some.judged(), **some.accuracy(name), **some.coverage(name)})
    return rows


def groups(scores: Scores, origin_of: Callable[[str], str]) -> Iterator[tuple[str, Mask, Mask]]:
    """Where series come from, the decades of the cutoffs, and the halves: series by the last hexadecimal digit of the
    SHA-256 of their ids, origins by whether they lie before the middle one. Constants are chosen on the first."""
    every_series, every_origin = np.ones(len(scores.ids), dtype=bool), np.ones(len(scores.cutoffs), dtype=bool)
    origin = np.array([origin_of(name) for name in scores.ids.tolist()])
    for name in dict.fromkeys(origin.tolist()):
        yield name, origin == name, every_origin
    decade = np.array([day.year // 10 * 10 for day in scores.cutoffs.tolist()])
    for start in np.unique(decade).tolist():
        yield f"cutoffs {start}–{start + 9}", every_series, decade == start
    even = np.array([int(hashlib.sha256(name.encode()).hexdigest()[-1], 16) % 2 == 0 for name in scores.ids.tolist()])
    early = np.arange(len(scores.cutoffs)) < len(scores.cutoffs) // 2
    for parity, series in (("even", even), ("odd", ~even)):
        for time, origins in (("early", early), ("late", ~early)):
            yield f"half: {parity}, {time}", series, origins


def against(scores: Scores, ours: str, other: str) -> tuple[Row, list[Ratio]]:
    """Ours beside another version: of all series, and of each, the worst first.

    The standard error of a ratio is that of a mean over origins, by the first-order expansion.
    """
    ratios = []
    for i, series_id in enumerate(scores.ids.tolist()):
        a, b = (_mean(scores.by_method[name].crps[i], 1) for name in (ours, other))
        ratio = _over(float(_mean(a)), float(_mean(b)))
        if np.isfinite(ratio):
            error = scores.error_of_mean((a - ratio * b) / _mean(b))
            ratios.append(Ratio(series_id, int(np.isfinite(a).sum()), ratio, error))
    summary = {
        "series": len(ratios),
        "ratio": _relative(scores.by_method[ours].crps, scores.by_method[other].crps),
        "t": _or_none(-replace(scores, baseline=other).gains(ours, other)),
        "better by 2 se": sum(ratio.t < -2 for ratio in ratios),
        "worse by 2 se": sum(ratio.t > 2 for ratio in ratios),
        "of each by chance": 0.023 * len(ratios),
    }
    return summary, sorted(ratios, key=lambda ratio: -np.nan_to_num(ratio.t))


def _relative(scores: Floats, baseline: Floats) -> float:
    return float(metrics.relative(_mean(scores, (1, 2)), _mean(baseline, (1, 2))))


def _mean(values: Floats, axis: int | tuple[int, ...] | None = None) -> Floats:
    """Means of what is there; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _over(value: float, error: float) -> float:
    return value / error if error > 0 else math.nan
