"""What slips in the data cost: the same forecasts from a history that was spoiled.

    python benchmarks/robustness.py [--quick] [--json FILE] [--extra DIR]… [--origins N]

Of each series up to each cutoff, three values are taken times ten, two are zero and four are missing, at random but
never the last two; histories of at least 100 observations up to the cutoff count. The outcomes are the true ones.
Printed: CRPS and absolute error of the median with the spoiled history as a ratio to those with the true one,
geometric means over series. ``--quick``: every fourth series.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from support.origins import Task
from support.panel import monthly_targets, read_panel
from support.report import Report, parser

from forecast import metrics
from forecast.forecasters.grid.engine import MIN_GRID_OBSERVATIONS, panel_quantiles
from forecast.timeseries.series import Floats

SPIKES, ZEROS, GAPS = 3, 2, 4
#: Shorter histories are another question: nine slips in four years are a fifth of the data.
ENOUGH = 100


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--origins", type=int, default=8, help="cutoffs a panel; each has slips of its own")
    options = arguments.parse_args()
    report = Report("robustness", options)
    targets = monthly_targets(read_panel(options.extra), ENOUGH)
    prices = [history for history in targets if history.series.measure == "price"]
    volumes = [history for history in targets if not history.series.is_price]
    for title, histories in (("prices", prices), ("volumes and values", volumes)):
        task = Task.of(histories[:: 4 if options.quick else 1], options.origins, 12)
        report.table(
            f"{title}: {len(task.ids)} series, {len(task.cutoffs)} origins, {SPIKES} spikes × 10, {ZEROS} zeros and "
            f"{GAPS} gaps in each history: ratios to the true history",
            [row(task, options.seed)],
        )
    report.finish()


def row(task: Task, seed: int) -> dict[str, object]:
    """Ratios of one panel."""
    started = time.perf_counter()
    clean = panel_quantiles(task.panel, task.cutoffs, task.horizon)
    rng = np.random.default_rng(seed)
    spoiled = np.concatenate([_from(task, o, spoil(task, o, rng)) for o in range(len(task.cutoffs))], axis=1)
    answered = np.isfinite(clean).all(axis=(2, 3)) & np.isfinite(spoiled).all(axis=(2, 3)) & task.asked
    seen = np.cumsum(np.isfinite(task.panel.x), axis=1)[:, np.searchsorted(task.panel.ds, task.cutoffs)]
    answered &= seen >= ENOUGH
    actual = np.where(answered[..., None], task.actual, np.nan)
    series = np.isfinite(actual).any(axis=(1, 2))
    crps, error = [], []
    for q in (np.exp(spoiled[series]), np.exp(clean[series])):
        scored = metrics.crps_from_quantiles(q, actual[series])
        off = np.abs(actual[series] - q[..., len(metrics.QUANTILE_LEVELS) // 2])
        crps.append(np.nanmean(scored, axis=(1, 2)))
        error.append(np.nanmean(off, axis=(1, 2)))
    return {
        "CRPS": float(metrics.relative(*crps)),
        "MAE": float(metrics.relative(*error)),
        "series": int(series.sum()),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _from(task: Task, o: int, x: Floats) -> Floats:
    """(N, 1, H, 15) from one cutoff of a panel with other logs."""
    panel = replace(task.panel, x=x, scored=task.panel.scored & np.isfinite(x))
    return panel_quantiles(panel, task.cutoffs[o : o + 1], task.horizon)


def spoil(task: Task, o: int, rng: np.random.Generator) -> Floats:
    """The logs up to a cutoff, with slips in each series; a zero says nothing of the size, as in use."""
    t = int(np.searchsorted(task.panel.ds, task.cutoffs[o]))
    x = np.where(np.arange(len(task.panel.ds)) <= t, task.panel.x, np.nan)
    for values in x:
        at = np.flatnonzero(np.isfinite(values))[:-2]
        if len(at) < MIN_GRID_OBSERVATIONS:
            continue
        hit = rng.choice(at, SPIKES + ZEROS + GAPS, replace=False)
        spikes, zeros, gaps = np.split(hit, [SPIKES, SPIKES + ZEROS])
        values[[*gaps, *zeros]] = np.nan
        values[spikes] += np.log(10)
    return np.asarray(x)


if __name__ == "__main__":
    main()
