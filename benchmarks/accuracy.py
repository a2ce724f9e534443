"""Forecasts and intervals against the tools one would have picked, on the same origins in the same run.

    python benchmarks/accuracy.py [--quick] [--json FILE] [--extra DIR]… [--origins N] [--only PANEL] [--keep DIR]

The engine is asked as ``orecast backtest`` asks it, on a catalogue of its own. Every other method gets the log of a
series up to each cutoff and gives fifteen quantiles a horizon; scores are taken in the series' unit. Prices: horizons
1 to 24 against the naive forecast; volumes and values: 1 to 12 against the seasonal naive one. Imputed and suspect
figures are never scored. statsforecast runs where ``make peers`` has made its environment. ``--quick``: every fourth
series, six origins, no statsforecast.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support.methods import PEERS_PYTHON, backtested, baselines, kept, local_peers, statsforecast_peers
from support.origins import Answer, Task, judge
from support.panel import catalogue, monthly_targets, read_panel
from support.report import Report, parser

from forecast.forecasters.grid.engine import MIN_GRID_OBSERVATIONS

OURS = "orecast grid"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--origins", type=int, help="cutoffs a panel (default: 47 for prices, 33 for volumes)")
    arguments.add_argument("--only", choices=("prices", "volumes"), help="one of the two panels")
    arguments.add_argument("--keep", type=Path, metavar="DIR", help="keep the peers' forecasts in DIR for the next run")
    options = arguments.parse_args()
    report = Report("accuracy", options)
    targets = monthly_targets(read_panel(options.extra), MIN_GRID_OBSERVATIONS)
    prices = [history for history in targets if history.series.measure == "price"]
    volumes = [history for history in targets if not history.series.is_price]
    step, most, longest = (4, 6, 12) if options.quick else (1, 10**6, 24)
    with catalogue(options.extra) as (catalog, settings):
        for title, histories, origins, horizon in (("prices", prices, 47, 24), ("volumes and values", volumes, 33, 12)):
            if options.only and not title.startswith(options.only):
                continue
            task = Task.of(histories[::step], min(options.origins or origins, most), min(horizon, longest))
            compare(report, title, task, backtested(task, catalog, settings))
    if not PEERS_PYTHON.exists():
        report.note("statsforecast was left out: `make peers` makes its environment.")
    report.finish()


def compare(report: Report, title: str, task: Task, ours: Answer) -> None:
    """One panel, all methods."""
    options = report.options
    answers = {OURS: ours, **baselines(task)}
    answers |= kept(options.keep, "local", task, lambda: local_peers(task, options.seed))
    if not options.quick and PEERS_PYTHON.exists():
        answers |= kept(options.keep, "statsforecast", task, lambda: statsforecast_peers(task))
    baseline = "naive" if task.season == 1 else "seasonal naive"
    rows = judge(task, answers, baseline, OURS)
    asked = int(task.asked.any(axis=1).sum())
    first, last = np.datetime_as_string(task.cutoffs[[0, -1]], unit="M")
    report.table(
        f"{title}: {asked} series, {len(task.cutoffs)} origins from {first} to {last}, h 1 to {task.horizon}, "
        f"ratios to {baseline}",
        rows,
    )


if __name__ == "__main__":
    main()
