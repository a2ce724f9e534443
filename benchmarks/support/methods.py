"""Every method of the accuracy and speed benchmarks on one task: the engine, the baselines, the peers."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from peers.local import prophet, ucm
from peers.naive import naive

from forecast.catalog import Catalog
from forecast.forecasters.calibration import student_levels
from forecast.forecasters.grid.engine import Grid, panel_quantiles
from forecast.jobs.backtest import BacktestQuestion, run
from forecast.metrics import QUANTILE_LEVELS
from forecast.settings import Settings
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats
from support.origins import Answer, Task

STATSFORECAST = ("AutoARIMA", "AutoETS", "AutoTheta", "CES")
PEERS_PYTHON = Path(__file__).parents[2] / ".venv-peers" / "bin" / "python"
_SCRIPT = Path(__file__).parents[1] / "peers" / "statsforecast_script.py"


def backtested(task: Task, catalog: Catalog, settings: Settings, family: str = Grid.family) -> Answer:
    """What ``orecast backtest`` says: the same job on the same catalogue, its series among all of their kind."""
    student_levels()  # loads scipy
    question = BacktestQuestion(dt.date.today(), task.horizon, family=family, compared=False)
    started = time.perf_counter()
    answer = run(catalog, settings, task.origins, question)
    seconds = time.perf_counter() - started
    q = np.full((*task.asked.shape, task.horizon, len(QUANTILE_LEVELS)), np.nan)
    for one in answer.tested:
        q[task.ids.index(one.test.series_id), np.searchsorted(task.cutoffs, one.test.cutoffs)] = one.test.quantiles
    return Answer(q, seconds)


def one_pass(task: Task) -> Answer:
    """The engine's pass alone, calibrated by the series of the task."""
    student_levels()  # loads scipy
    started = time.perf_counter()
    q = panel_quantiles(task.panel, task.cutoffs, task.horizon)
    return Answer(np.exp(q), time.perf_counter() - started)


def one_by_one(task: Task, forecast: Callable[[Floats, Days, Days], Floats]) -> Answer:
    """A method that sees one series up to one cutoff: ``forecast(log, ds, future)`` gives (H, 15) of the log."""
    q = np.full((*task.asked.shape, task.horizon, len(QUANTILE_LEVELS)), np.nan)
    started = time.perf_counter()
    for i, o in zip(*np.nonzero(task.asked), strict=True):
        ds, x = task.past(i, o)
        future = task.panel.freq.range(task.panel.freq.shift(ds[-1], 1), task.horizon)
        with np.errstate(over="ignore"):  # what explodes is no answer
            q[i, o] = np.exp(forecast(x, ds, future))
    return Answer(q, time.perf_counter() - started)


def baselines(task: Task) -> dict[str, Answer]:
    """Naive and seasonal naive."""
    answers = {"naive": one_by_one(task, lambda x, ds, future: naive(x, 1, task.horizon))}
    if task.season > 1:
        answers["seasonal naive"] = one_by_one(task, lambda x, ds, future: naive(x, task.season, task.horizon))
    return answers


def local_peers(task: Task, seed: int) -> dict[str, Answer]:
    """UCM of statsmodels and Prophet."""
    return {
        "UCM": one_by_one(task, lambda x, ds, future: ucm(x, task.season, task.horizon)),
        "Prophet": one_by_one(task, lambda x, ds, future: prophet(x, ds, future, seed)),
    }


def statsforecast_peers(task: Task) -> dict[str, Answer]:
    """The four automatic models and the mean of their quantiles; gaps are interpolated, as they take none."""
    freq = {"M": "MS", "Q": "QS", "Y": "YS"}.get(task.panel.freq.unit, task.panel.freq.code)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(task, folder)
        files = [str(folder / file) for file in ("series.csv", "cutoffs.csv", "quantiles.csv", "times.csv")]
        arguments = [str(task.horizon), str(task.season), freq]
        subprocess.run([PEERS_PYTHON, _SCRIPT, *files, *arguments], check=True)
        q = _read(task, folder / "quantiles.csv")
        with (folder / "times.csv").open(newline="", encoding="utf-8") as file:
            seconds = {row["method"]: float(row["seconds"]) for row in csv.DictReader(file)}
    answers = {method: Answer(np.exp(q[method]), seconds[method]) for method in STATSFORECAST}
    answers["mean of the four"] = Answer(np.exp(np.mean(list(q.values()), axis=0)), sum(seconds.values()))
    return answers


def kept(folder: Path | None, name: str, task: Task, make: Callable[[], dict[str, Answer]]) -> dict[str, Answer]:
    """Answers of slow methods, read from ``folder`` where this task was answered before, else made and put there."""
    if folder is None:
        return make()
    content = b"".join(np.ascontiguousarray(a).tobytes() for a in (task.panel.x, task.cutoffs, task.asked))
    path = folder / f"{name}-{hashlib.sha256(content).hexdigest()[:16]}-{task.horizon}.npz"
    if path.exists():
        with np.load(path) as stored:
            methods = [key for key in stored.files if not key.endswith(" seconds")]
            return {key: Answer(stored[key], float(stored[f"{key} seconds"])) for key in methods}
    answers = make()
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {key: answer.quantiles for key, answer in answers.items()}
    arrays |= {f"{key} seconds": np.array(answer.seconds, dtype=float) for key, answer in answers.items()}
    np.savez_compressed(path, allow_pickle=False, **arrays)
    return answers


def _write(task: Task, folder: Path) -> None:
    with (
        (folder / "series.csv").open("w", newline="", encoding="utf-8") as series,
        (folder / "cutoffs.csv").open("w", newline="", encoding="utf-8") as cutoffs,
    ):
        values, origins = csv.writer(series), csv.writer(cutoffs)
        values.writerow(("unique_id", "ds", "y"))
        origins.writerow(("unique_id", "cutoff"))
        for i, x in enumerate(task.panel.x):
            known = np.flatnonzero(np.isfinite(x))
            span = np.arange(known[0], known[-1] + 1)
            filled = np.interp(span, known, x[known])
            values.writerows((f"{i:06d}", task.panel.ds[t], repr(float(v))) for t, v in zip(span, filled, strict=True))
            origins.writerows((f"{i:06d}", cutoff) for cutoff in task.cutoffs[task.asked[i]])


def _read(task: Task, path: Path) -> dict[str, Floats]:
    shape = (*task.asked.shape, task.horizon, len(QUANTILE_LEVELS))
    q = {method: np.full(shape, np.nan) for method in STATSFORECAST}
    place = {str(cutoff): o for o, cutoff in enumerate(task.cutoffs)}
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        for method, series, cutoff, h, *values in rows:
            q[method][int(series), place[cutoff[:10]], int(h) - 1] = [float(value or "nan") for value in values]
    return q
