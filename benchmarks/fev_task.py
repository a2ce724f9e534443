"""The accuracy benchmark as tasks of fev (https://github.com/autogluon/fev), with the engine's answers to them.

    python benchmarks/fev_task.py FOLDER [--quick] [--json FILE] [--extra DIR|XLSX]… [--origins N] [--horizon N]

Writes ``tasks.yaml``, and for each task its observations, and the forecasts of the engine and of the baseline as CSV
files with the columns of ``orecast backtest``. Where ``make peers`` has made its environment, fev evaluates them: it
makes ``data.parquet``, which the tasks name, and ``results.csv``, which its leaderboard reads. Any other model runs in
FOLDER with ``fev.Benchmark.from_yaml("tasks.yaml")``.

fev has one window at a time for all series, windows a fixed number of periods apart, and no word for a value that is
not to be judged: figures that are imputed or suspect are left out of the observations, and series that the engine
cannot forecast from in one of the windows out of the task.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml
from support.foreign import write_forecasts
from support.methods import PEERS_PYTHON, backtested, baselines
from support.origins import Answer, Task
from support.panel import KINDS, Kind, Panel, catalogue
from support.report import Report, Row, parser

from forecast.errors import ForecastError
from forecast.metrics import QUANTILE_LEVELS
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats, History

SCRIPT = Path(__file__).parent / "peers" / "fev_script.py"
#: Periods that a series has before the first window that it is in.
CONTEXT = 24
#: What fev calls the baseline of its leaderboards: the naive forecast where there is no season.
BASELINE = "seasonal_naive"


@dataclass(frozen=True, eq=False)
class Target:
    """A series as fev sees it: each period from the first to the last value that may be judged, NaN where there is
    none."""

    series_id: str
    ds: Days
    y: Floats

    @classmethod
    def of(cls, history: History) -> Target:
        at = np.flatnonzero(history.scored)
        span = slice(at[0], at[-1] + 1)
        y = np.where(history.scored, history.y, np.nan)
        return cls(history.series.series_id, history.ds[span], y[span])

    def windows(self, cutoffs: Days, horizon: int) -> npt.NDArray[np.bool_]:
        """(O,) the windows that fev evaluates it in: enough periods before, and all after."""
        seen = np.searchsorted(self.ds, cutoffs, side="right")
        return (seen >= CONTEXT) & (len(self.ds) - seen >= horizon)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path, metavar="FOLDER", help="where the files are written")
    arguments.add_argument("--origins", type=int, metavar="N", help="windows a task (47 for prices, 33 for volumes)")
    arguments.add_argument("--horizon", type=int, metavar="N", help="periods ahead (24 for prices, 12 for volumes)")
    options = arguments.parse_args()
    report, tasks = Report("fev_task", options), []
    with catalogue(options.extra) as (catalog, settings, added):
        panel = Panel.of(catalog, added)
        for kind in KINDS:
            histories = kind.histories(panel)[:: 4 if options.quick else 1]
            every = windows(histories, options.origins or kind.origins, options.horizon or kind.horizon)
            targets = [Target.of(history) for history in histories]
            task, ours = whole(every, targets, backtested(every, catalog, settings))
            tasks.append(definition(kind, task))
            forecasts = options.folder / kind.name / "forecasts"
            forecasts.mkdir(parents=True, exist_ok=True)
            write_targets(forecasts.parent / "observations.csv", [t for t in targets if t.series_id in task.origins])
            baseline = baselines(task)["naive" if task.season == 1 else "seasonal naive"]
            for name, answer in {BASELINE: baseline, "orecast": ours}.items():
                write_forecasts(forecasts / f"{name}.csv", name, task, answer)
            report.note(f"{kind.title}: {len(task.origins)} of {len(targets)} series, {len(task.cutoffs)} windows")
    content = yaml.safe_dump({"tasks": tasks}, sort_keys=False)
    (options.folder / "tasks.yaml").write_text(content, encoding="utf-8")
    if fev_is_there():
        report.table("evaluated by fev", evaluated(options.folder))
    else:
        report.note("fev did not evaluate it: `make peers` makes its environment.")
    report.finish()


def windows(histories: Sequence[History], count: int, horizon: int) -> Task:
    """At most so many windows, as far apart as evenly spaced ones are at least."""
    spread = Task.of(histories, count, horizon)
    months = np.diff(np.asarray(spread.panel.freq.ordinal(spread.cutoffs)))
    return Task.of(histories, count, horizon, stride=int(months.min()))


def whole(task: Task, targets: Sequence[Target], ours: Answer) -> tuple[Task, Answer]:
    """What fev asks of the series that the engine answers wherever fev asks, and of no other; from the first to the
    last window that any of them is in."""
    wanted = np.array([target.windows(task.cutoffs, task.horizon) for target in targets])
    asked = wanted & (task.where(ours).asked | ~wanted).all(axis=1)[:, None]
    used = np.flatnonzero(asked.any(axis=0))
    span = slice(used[0], used[-1] + 1)
    found = replace(task, cutoffs=task.cutoffs[span], actual=task.actual[:, span], asked=asked[:, span])
    return found, replace(ours, quantiles=ours.quantiles[:, span])


def definition(kind: Kind, task: Task) -> dict[str, object]:
    """A task as fev's YAML has it."""
    at = np.asarray(task.panel.freq.ordinal(task.cutoffs))
    return {
        "task_name": kind.name,
        "dataset_path": f"{kind.name}/data.parquet",
        "horizon": task.horizon,
        "num_windows": len(at),
        "initial_cutoff": str(task.cutoffs[0]),
        "window_step_size": int(at[1] - at[0]) if len(at) > 1 else task.horizon,
        "min_context_length": CONTEXT,
        "seasonality": task.season,
        "eval_metric": "SQL",
        "extra_metrics": ["MASE", "WQL"],
        "quantile_levels": QUANTILE_LEVELS.tolist(),
    }


def write_targets(path: Path, targets: Sequence[Target]) -> None:
    """``id,timestamp,target``; an empty cell where there is no value."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "timestamp", "target"))
        for target in targets:
            for ds, y in zip(target.ds, target.y.tolist(), strict=True):
                rows.writerow((target.series_id, ds, repr(y) if np.isfinite(y) else ""))


def fev_is_there() -> bool:
    """Whether the environment of the peers has it, which one of an earlier day has not."""
    return any(PEERS_PYTHON.parents[1].glob("lib/*/site-packages/fev"))


def evaluated(folder: Path) -> list[Row]:
    """What fev says, a row a method and task."""
    with tempfile.TemporaryDirectory() as cache:
        own = {"HF_HOME": cache, "HF_HUB_OFFLINE": "1"}  # its data sets library keeps copies, and may ask the network
        subprocess.run([PEERS_PYTHON, SCRIPT, folder], check=True, env={**os.environ, **own})
    with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
        results = sorted(csv.DictReader(file), key=lambda row: (row["task_name"], float(row["test_error"])))
    return [
        {
            "task": row["task_name"],
            "method": row["model_name"],
            **{metric: float(row[metric]) for metric in ("SQL", "MASE", "WQL")},
            "forecasts": int(row["num_forecasts"]),
        }
        for row in results
    ]


if __name__ == "__main__":
    try:
        main()
    except ForecastError as error:
        sys.exit(f"fev_task.py: {error}")
