"""The tasks of fev: read back as its documentation says, every window is answered whole."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from forecast.timeseries.frequency import Freq
from tests.support import ROOT

pytestmark = pytest.mark.slow
MONTHS = Freq("M")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("fev")
    command = [sys.executable, "benchmarks/fev_task.py", str(found), "--origins", "4", "--horizon", "6"]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return found


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_window_is_answered_for_every_series_that_fev_asks_of(folder: Path) -> None:
    tasks = yaml.safe_load((folder / "tasks.yaml").read_text("utf-8"))["tasks"]
    assert [task["task_name"] for task in tasks] == ["prices", "volumes"]
    for task in tasks:
        periods = defaultdict(list)
        for row in rows(folder / task["task_name"] / "observations.csv"):
            periods[row["id"]].append(row["timestamp"])
        for ds in periods.values():
            assert ds == [str(day) for day in MONTHS.between(ds[0], ds[-1])], "an unbroken calendar"
        wanted = set()
        for k in range(task["num_windows"]):
            cutoff = str(MONTHS.shift(task["initial_cutoff"], k * task["window_step_size"]))
            for name, ds in periods.items():
                seen = sum(day <= cutoff for day in ds)  # up to and including it
                if seen >= task["min_context_length"] and len(ds) - seen >= task["horizon"]:
                    wanted |= {(name, cutoff, day) for day in ds[seen : seen + task["horizon"]]}
        assert len(wanted) > 6 * task["num_windows"]
        for method in ("orecast", "seasonal_naive"):
            answered = rows(folder / task["task_name"] / "forecasts" / f"{method}.csv")
            assert {(row["series_id"], row["cutoff"], row["ds"]) for row in answered} == wanted
            assert len(answered) == len(wanted)


def test_what_may_not_be_judged_is_not_there_to_be_judged(folder: Path) -> None:
    found = rows(folder / "volumes" / "observations.csv") + rows(folder / "prices" / "observations.csv")
    values = {(row["id"], row["timestamp"]): row["target"] for row in found}
    flagged = {
        (row["series_id"], row["ds"])
        for path in (ROOT / "data" / "observations").glob("*.csv")
        for row in rows(path)
        if row["flag"] in ("imputed", "suspect_publisher")
    }
    assert all(not values[each] for each in flagged & values.keys())


@pytest.mark.registry
def test_fev_evaluates_the_forecasts(folder: Path) -> None:
    results = {(row["task_name"], row["model_name"]): float(row["test_error"]) for row in rows(folder / "results.csv")}
    assert results.keys() == {(t, m) for t in ("prices", "volumes") for m in ("orecast", "seasonal_naive")}
    assert results["volumes", "orecast"] < results["volumes", "seasonal_naive"]
