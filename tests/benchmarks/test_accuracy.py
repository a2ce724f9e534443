"""The benchmark of accuracy as a program: what it writes others can answer, and what they answer it reads."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.slow


def accuracy(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "benchmarks/accuracy.py", "--alone", "--only", "volumes", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    done = accuracy("--quick", "--horizon", "3", "--write", folder)
    assert done.returncode == 0, done.stderr
    return folder / "volumes"


LEVELS = (95, 90, 80, 60, 50, 40, 20)


def quantiles(path: Path) -> dict[tuple[str, ...], list[float]]:
    """The quantiles of each line from the lowest up, whichever way a file has them."""
    bounds = (*(f"lo-{level}" for level in LEVELS), "yhat", *(f"hi-{level}" for level in reversed(LEVELS)))
    found: dict[tuple[str, ...], list[float]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            names = bounds if "yhat" in row else [name for name in row if name[0] == "q"]
            key = row.get("method") or row["family"], row["series_id"], row["cutoff"], row["ds"]
            found[key] = [float(row[name]) for name in names]
    return found


def table(path: Path, title: str) -> Sequence[dict[str, float]]:
    (found,) = [rows for name, rows in json.loads(path.read_text("utf-8"))["tables"].items() if title in name]
    return list(found)


def test_a_version_is_compared_with_another_on_the_same_origins(written: Path, tmp_path: Path) -> None:
    words = ["--horizon", "3", "--origins", str(written / "origins.csv"), "--peer", f"before={written.parent}"]
    done = accuracy(*words, "--by-horizon", "--by-group", "--json", tmp_path / "tables.json")
    assert done.returncode == 0, done.stderr
    with (written / "origins.csv").open(newline="", encoding="utf-8") as file:
        origins = len(list(csv.DictReader(file)))
    assert f"before: {origins} origins of {origins} answered\n" in done.stdout
    (summary,) = table(tmp_path / "tables.json", "as a ratio to before")
    assert (summary["ratio"], summary["worse by 2 se"]) == (1.0, 0)
    assert table(tmp_path / "tables.json", "differ from before") == []
    assert [row["h"] for row in table(tmp_path / "tables.json", "by horizon: orecast grid")] == [1, 2, 3]
    assert {row["group"] for row in table(tmp_path / "tables.json", "by group: before")} >= {"bundle"}


def test_orecast_backtest_answers_what_was_written(written: Path, tmp_path: Path) -> None:
    words = ["--origins", str(written / "origins.csv"), "--horizon", "3"]
    asked = [*words, "--level", ",".join(map(str, LEVELS)), "--output", str(tmp_path / "theirs.csv")]
    command = [sys.executable, "-m", "forecast.cli", "backtest", *asked]
    home = {**os.environ, "ORECAST_HOME": str(tmp_path)}
    subprocess.run(command, cwd=ROOT, env=home, capture_output=True, check=True)
    ours = quantiles(written / "orecast.csv")
    assert len(ours) > 20
    assert quantiles(tmp_path / "theirs.csv") == ours
    assert accuracy(*words, "--peer", tmp_path / "theirs.csv").returncode == 0


def test_a_wrong_peer_ends_the_program_with_one_line(written: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text((written / "orecast.csv").read_text("utf-8").replace("series_id", "unique_id", 1), "utf-8")
    done = accuracy("--quick", "--peer", wrong)
    assert done.returncode == 1
    assert f"{wrong}:1: header = " in done.stderr
    assert "Traceback" not in done.stderr


def test_the_name_of_another_method_is_no_name_for_a_peer(written: Path) -> None:
    done = accuracy("--quick", "--horizon", "3", "--peer", f"naive={written / 'orecast.csv'}")
    assert done.returncode == 1
    assert "peer = 'naive': expected a name that no other method has" in done.stderr
