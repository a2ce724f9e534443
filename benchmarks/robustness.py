"""What slips in the data cost: the same forecasts from a history that was spoiled.

    python benchmarks/robustness.py [--quick] [--json FILE] [--extra DIR]… [--origins N]

Every history up to each cutoff is spoiled at random places, never at the last two; the outcomes are the true ones. One
table for the bundled prices, one for the bundled volumes and values, and likewise for each ``--extra``: a panel of its
own, less what is bundled. CRPS, absolute error of the median, and width of the 95 % interval on the log are ratios to
those from the true history, geometric means over series; coverages are of the spoiled one, in the first line of the
true one. Slips of each kind count where at least 100 observations precede the cutoff; the last lines have all kinds
together in shorter ones. ``--quick``: every fourth series.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from support.origins import Task
from support.panel import monthly_targets, read_panel
from support.report import Report, Row, parser

from forecast import metrics
from forecast.errors import ForecastError
from forecast.forecasters.grid.engine import MIN_GRID_OBSERVATIONS, panel_quantiles
from forecast.timeseries.series import Floats, History

#: Histories with fewer values than this tell nothing.
LEAST = 40
#: Observations before a cutoff by which the kinds of slips are compared; nine in four years are another question.
LONG = (100, 10_000)
SHORT = ((MIN_GRID_OBSERVATIONS, 60), (60, 100))
MEDIAN = len(metrics.QUANTILE_LEVELS) // 2


@dataclass(frozen=True)
class Slips:
    """What is done to a history: so many values are multiplied by ``factors`` (0: by none that tells, as a zero or a
    gap), each with its next ``run`` - 1 neighbours; ``ages``: how many observations before the last one they lie."""

    name: str
    factors: tuple[float, ...]
    run: int = 1
    ages: tuple[int, int] = (2, 10_000)

    def spoil(self, x: Floats, rng: np.random.Generator) -> None:
        """Spoil the logs ``x`` (T,), NaN where missing, in place."""
        at = np.flatnonzero(np.isfinite(x))
        first = max(len(at) - 1 - self.ages[1], 0)
        places = np.arange(first, max(len(at) - self.ages[0] - self.run + 1, first))
        if len(at) - 2 < MIN_GRID_OBSERVATIONS or len(places) < len(self.factors):
            return
        hit = rng.choice(places, len(self.factors), replace=False)
        with np.errstate(divide="ignore"):
            logs = np.log(self.factors)
        for k in range(self.run):
            x[at[hit + k]] += np.where(np.isfinite(logs), logs, np.nan)


ALL = Slips("3 × 10, 2 zeros, 4 gaps", (10.0,) * 3 + (0.0,) * 6)
KINDS = (
    Slips("3 × 10", (10.0,) * 3),
    Slips("3 ÷ 10", (0.1,) * 3),
    Slips("1 × 1000", (1000.0,)),
    Slips("2 × 10 in a row", (10.0,), run=2),
    Slips("2 zeros, 4 gaps", (0.0,) * 6),
    *(Slips(f"1 × 10, {a} to {b} months ago", (10.0,), ages=(a, b)) for a, b in ((2, 3), (4, 12), (13, 36))),
    ALL,
)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--origins", type=int, default=12, help="cutoffs a panel; each has slips of its own")
    options = arguments.parse_args()
    report = Report("robustness", options)
    for title, histories in panels(options):
        task = Task.of(histories, options.origins, 12)
        started = time.perf_counter()
        table = rows(task, options.seed)
        seconds = time.perf_counter() - started
        report.table(f"{title}: {len(task.ids)} series, {len(task.cutoffs)} origins, {seconds:.0f} s", table)
    report.finish()


def panels(options: Namespace) -> Iterator[tuple[str, list[History]]]:
    """Prices, volumes and values of the bundle and of each more folder, by name."""
    bundled = read_panel().histories
    folders: list[Path | None] = [None, *options.extra]
    for folder in folders:
        every = monthly_targets(read_panel([folder] if folder else []), LEAST)
        own = [one for one in every if folder is None or one.series.series_id not in bundled]
        for kind, chosen in (
            ("prices", [one for one in own if one.series.measure == "price"]),
            ("volumes and values", [one for one in own if not one.series.is_price]),
        ):
            if chosen:
                yield f"{folder.name if folder else 'bundle'}, {kind}", chosen[:: 4 if options.quick else 1]


def rows(task: Task, seed: int) -> list[Row]:
    """One row a kind of slips, and one a length of shorter histories."""
    clean = panel_quantiles(task.panel, task.cutoffs, task.horizon)
    spoiled = {slips: quantiles(task, slips, seed) for slips in KINDS}
    cases = [("the true history", clean, LONG), *((slips.name, spoiled[slips], LONG) for slips in KINDS)]
    cases += [(f"{ALL.name}, of {low} to {high - 1}", spoiled[ALL], (low, high)) for low, high in SHORT]
    scored = ((name, compared(task, q, clean, lengths)) for name, q, lengths in cases)
    return [{"slips": name, **row} for name, row in scored if row is not None]


def quantiles(task: Task, slips: Slips, seed: int) -> Floats:
    """(N, O, H, 15) of the log, from spoiled histories."""
    rng, answers = np.random.default_rng(seed), []
    for cutoff in task.cutoffs:
        x = np.where(task.panel.ds <= cutoff, task.panel.x, np.nan)
        for values in x:
            slips.spoil(values, rng)
        panel = replace(task.panel, x=x, scored=task.panel.scored & np.isfinite(x))
        answers.append(panel_quantiles(panel, cutoff[None], task.horizon))
    return np.concatenate(answers, axis=1)


def compared(task: Task, spoiled: Floats, clean: Floats, lengths: tuple[int, int]) -> dict[str, object] | None:
    """Scores of one from the other, over the origins with so many observations; None without any."""
    seen = np.cumsum(np.isfinite(task.panel.x), axis=1)[:, np.searchsorted(task.panel.ds, task.cutoffs)]
    asked = task.asked & (seen >= lengths[0]) & (seen < lengths[1])
    asked &= np.isfinite(clean).all(axis=(2, 3)) & np.isfinite(spoiled).all(axis=(2, 3))
    actual = np.where(asked[..., None], task.actual, np.nan)
    series = np.isfinite(actual).any(axis=(1, 2))
    if not series.any():
        return None
    ours, theirs = (scores(q[series], actual[series]) for q in (spoiled, clean))
    cover = (metrics.coverage(np.exp(spoiled[series]), actual[series], level) for level in (0.5, 0.8, 0.95))
    return {
        **{name: float(metrics.relative(ours[name], theirs[name])) for name in ours},
        **dict(zip(("cov50", "cov80", "cov95"), cover, strict=True)),
        "series": int(series.sum()),
    }


def scores(logs: Floats, actual: Floats) -> dict[str, npt.NDArray[np.float64]]:
    """(N,) mean scores of quantiles (N, O, H, 15) of the log."""
    q = np.exp(logs)
    every = {
        "CRPS": metrics.crps_from_quantiles(q, actual),
        "MAE": np.abs(actual - q[..., MEDIAN]),
        "width": np.where(np.isfinite(actual), logs[..., -1] - logs[..., 0], np.nan),
    }
    return {name: np.nanmean(score, axis=(1, 2)) for name, score in every.items()}


if __name__ == "__main__":
    try:
        main()
    except ForecastError as error:
        sys.exit(f"robustness.py: {error}")
