"""Evaluates forecasts with fev, in an environment of its own; imports nothing of the project.

    python fev_script.py FOLDER

FOLDER holds ``tasks.yaml`` and a folder a task, named like it: ``observations.csv`` (``id,timestamp,target``), of which
the ``data.parquet`` that the task names is made, and ``forecasts/METHOD.csv`` with ``series_id,cutoff,ds`` and a column
a quantile (``q025`` is the 2.5 % quantile). Writes ``results.csv``, a row a method and task, which fev's leaderboard
reads.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fev
import pandas as pd


def convert(folder: Path) -> None:
    """One row a series, as fev has it."""
    data = pd.read_csv(folder / "observations.csv", parse_dates=["timestamp"])
    data.groupby("id").agg(list).reset_index().to_parquet(folder / "data.parquet", index=False)


def answers(task: fev.Task, forecasts: pd.DataFrame) -> Iterator[list[dict[str, list[float]]]]:
    """For each window, for each series in fev's order, the median and the quantiles."""
    columns = {str(level): "q" + f"{level:.3f}"[2:].removesuffix("0") for level in task.quantile_levels}
    by_origin = {key: rows.sort_values("ds") for key, rows in forecasts.groupby(["series_id", "cutoff"])}
    for window in task.iter_windows():
        past, _ = window.get_input_data()
        rows = [by_origin[series_id, str(window.cutoff)[:10]] for series_id in past["id"]]
        yield [
            {"predictions": row["q50"].tolist(), **{level: row[name].tolist() for level, name in columns.items()}}
            for row in rows
        ]


def main(folder: Path) -> None:
    logging.getLogger("fev").setLevel(logging.WARNING)  # it tells of each series that is too short for a window
    os.chdir(folder)  # paths in the tasks are relative to it
    summaries = []
    names = [path.parent.name for path in sorted(Path().glob("*/observations.csv"))]
    for name in names:
        convert(Path(name))
    for task in fev.Benchmark.from_yaml("tasks.yaml").tasks:
        for path in sorted(Path(task.task_name, "forecasts").glob("*.csv")):
            started = time.perf_counter()
            summary = task.evaluation_summary(answers(task, pd.read_csv(path)), model_name=path.stem)
            print(f"{task.task_name}, {path.stem}: {time.perf_counter() - started:.1f} s")
            summaries.append(summary)
    pd.DataFrame(summaries).to_csv("results.csv", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
