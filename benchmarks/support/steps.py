"""Steps of a known size put into real series: how much of them the estimate finds, by size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from forecast.effects.controls import controls_for
from forecast.effects.episodes import Episode
from forecast.effects.estimate import ModelAveraging, estimate
from forecast.effects.profile import profile
from forecast.events import Stringency
from forecast.interventions import Intervention, Step
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History
from support.panel import Panel
from support.report import Row

#: Sizes on the log: +22, +101, +200, +481, +759 %.
SIZES = (0.2, 0.7, 1.1, 1.76, 2.15)
DRAWS = 1000
#: Periods before a step at least.
BEFORE = 16
#: Noise of a single month on the log above which a flow is noisy.
NOISY = 0.3


def monthly_noise(history: History) -> float:
    """Standard deviation of the innovations on the log."""
    sample = Sample.of(history)
    return float(np.median(profile(sample, None, np.ones(len(sample), dtype=bool)).scale))


def step_rows(kind: str, pool: Sequence[History], months: int, panel: Panel, n: int, seed: int) -> Iterator[Row]:
    """A row for each size, ``n`` trials each: what share of it is found ``months`` after a step at any date, the real
    events of the series unmodelled."""
    for size in SIZES:
        rng = np.random.default_rng(seed)
        found = [_found(pool[int(rng.integers(len(pool)))], size, months, panel, rng) for _ in range(n)]
        means, ends = np.array([d.mean() for d in found]), np.array([np.quantile(d, (0.05, 0.95)) for d in found])
        yield {
            "series": kind,
            "put in, %": f"{100 * np.expm1(size):+.0f}",
            "trials": n,
            "found, % (from the mean log)": f"{100 * np.expm1(means.mean()):+.0f}",
            "share of the log": float(means.mean() / size),
            "cover90": f"{100 * np.mean((ends[:, 0] <= size) & (size <= ends[:, 1])):.0f}",
            "mean width on the log": float((ends[:, 1] - ends[:, 0]).mean()),
        }


def _found(history: History, size: float, months: int, panel: Panel, rng: np.random.Generator) -> Floats:
    """(n,) draws of the average effect over the periods from the step to the end of the sample."""
    freq, sign = history.series.calendar, float(rng.choice((-1.0, 1.0)))
    after = freq.months(months)
    row = int(rng.integers(BEFORE, len(history) - after + 1))
    sample = Sample.of(history.until(history.ds[row + after - 1]))
    start = sample.ds[row]
    spoiled = replace(sample, x=sample.x + sign * size * (np.arange(len(sample)) >= row))
    episode = Episode(
        "put-in", ("put-in",), Stringency.LICENCE, 0, start.item(), start.item(), None, 1.0, Intervention(Step(), start)
    )
    controls = controls_for(history.series, sample, panel.histories, panel.minerals)
    record = estimate(spoiled, [episode], controls=controls, n=DRAWS, seed=0, settings=ModelAveraging(placebo=False))
    return np.asarray(sign * record.effects[0].draws(sample.ds[row:], freq).mean(axis=1))
