"""Seconds a series for a backtest of 24 origins × 12 horizons, against the peers; and how time and memory grow.

    python benchmarks/speed.py [--quick] [--json FILE] [--extra DIR]…

All on one core. Prophet, UCM and statsforecast's four models run in the same run on two of the series, as they take
long. Growth: synthetic monthly series, half prices, half volumes, 20 years each, in blocks of 250: the backtest with
calibration, the fit, and 2,000 joint draws of 12 months a series; every size in a process of its own. ``--quick``: one
series and four origins for the peers, up to 1,000 synthetic series.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from support.methods import PEERS_PYTHON, baselines, local_peers, one_pass, statsforecast_peers
from support.origins import Task
from support.panel import monthly_targets, read_panel
from support.report import Report, Row, parser

from forecast.forecasters.calibration import student_levels
from forecast.forecasters.grid.engine import MIN_GRID_OBSERVATIONS, Grid, Panel, panel_quantiles
from forecast.interventions import Design
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import History

ORIGINS, HORIZON, BLOCK, YEARS, DRAWS = 24, 12, 250, 20, 2000
SIZES = (10, 100, 1000, 10_000)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--grow", type=int, help="only train so many synthetic series, and print what it took")
    options = arguments.parse_args()
    if options.grow:
        print(json.dumps(grow(options.grow, options.seed)))
        return
    report = Report("speed", options)
    targets = monthly_targets(read_panel(options.extra), MIN_GRID_OBSERVATIONS)
    for title, price in (("prices", True), ("volumes and values", False)):
        histories = [h for h in targets if h.series.is_price == price and h.series.measure != "index"]
        report.table(f"{title}: seconds a series for {ORIGINS} origins × {HORIZON} horizons", race(histories, options))
    rows = []
    for size in SIZES[:3] if options.quick else SIZES:
        command = [sys.executable, __file__, "--grow", str(size), "--seed", str(options.seed)]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    report.table("growth: the engine on synthetic series", rows)
    if not PEERS_PYTHON.exists():
        report.note("statsforecast was left out: `make peers` makes its environment.")
    report.finish()


def race(histories: list[History], options: argparse.Namespace) -> list[Row]:
    """The engine on all series, the peers on the longest few; times are brought to 24 origins."""
    longest = sorted(histories, key=lambda h: -int(h.used.sum()))[: 1 if options.quick else 2]
    origins = 4 if options.quick else ORIGINS
    few = Task.of(longest, origins, HORIZON)
    answers = {"orecast grid, panel": (one_pass(Task.of(histories, ORIGINS, HORIZON)), len(histories), ORIGINS)}
    alone = one_pass(Task.of(longest, ORIGINS, HORIZON))
    answers["orecast grid, the peers' series alone"] = (alone, len(longest), ORIGINS)
    peers = baselines(few) | local_peers(few, options.seed)
    if PEERS_PYTHON.exists():
        peers |= statsforecast_peers(few)
    answers |= {name: (answer, len(longest), origins) for name, answer in peers.items()}
    seconds = {name: a.seconds / n * ORIGINS / o for name, (a, n, o) in answers.items()}
    ours = seconds["orecast grid, panel"]
    return [{"method": name, "s/series": value, "times ours": value / ours} for name, value in seconds.items()]


def grow(size: int, seed: int) -> Row:
    """Train ``size`` synthetic series block by block; nothing but counts is kept."""
    student_levels()  # loads scipy
    before, started, computing = peak(), time.perf_counter(), time.process_time()
    for first in range(0, size, BLOCK):
        for is_price in (True, False):
            count = max(min(BLOCK, size - first) // 2, 1)
            train(synthetic(count, is_price, seed + first), seed)
    seconds, cpu = time.perf_counter() - started, time.process_time() - computing
    return {
        "series": size,
        "seconds": seconds,
        "of the processor": cpu,
        "ms a series": 1000 * cpu / size,
        "MB": peak(),
        "MB above start": peak() - before,
    }


def train(panel: Panel, seed: int) -> None:
    """What a training does with the engine."""
    T = len(panel.ds)
    panel_quantiles(panel, panel.ds[T - HORIZON - ORIGINS : T - HORIZON], HORIZON)
    for fitted in Grid(horizon=HORIZON).fit_panel(panel):
        if fitted is not None:
            future = panel.freq.range(panel.freq.shift(fitted.last, 1), HORIZON)
            fitted.simulate(Design.empty(future), DRAWS, seed)


def synthetic(count: int, is_price: bool, seed: int) -> Panel:
    """Random walks with Student-t steps; or level, season and noise; 2 % of the months are missing."""
    rng, T = np.random.default_rng(seed), 12 * YEARS
    steps = rng.standard_t(5, (count, T)) * (0.05 if is_price else 0.04)
    x = 5 + np.cumsum(steps, axis=1)
    if not is_price:
        phase = 2 * np.pi * (np.arange(T) / 12 + rng.random((count, 1)))
        x = x + 0.2 * np.sin(phase) + rng.normal(0, 0.15, (count, T))
    x[rng.random((count, T)) < 0.02] = np.nan
    x[:, -1] = np.where(np.isfinite(x[:, -1]), x[:, -1], 5.0)
    months = Freq("M")
    return Panel(months.range("2005-01-01", T), x, months, is_price, np.isfinite(x))


def peak() -> float:
    """Peak resident memory of this program in MB (Linux)."""
    # getrusage would count what the parent held before this program was started in its place
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


if __name__ == "__main__":
    main()
