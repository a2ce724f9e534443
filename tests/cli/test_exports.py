"""``orecast export``: any table, or all of them in one go, for other programs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest

from forecast.cli import call
from forecast.export.finished import verify
from tests.support.trained_home import COPPER, EARTHS, NICKEL, TRAINED, make_home


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_home(tmp_path / "home")
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_all_of_it_is_exported_in_one_go(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["export", "--all", "out"]) == 1
    names = ["series", "observations", "forecasts", "events", "effects", "backtests", "scores", "runs"]
    printed = capsys.readouterr()
    assert printed.err.count("orecast: price.zinc: ") == 1, "though it is in neither of three tables"
    told = printed.out.splitlines()
    assert [line.partition(".csv")[0] for line in told] == [f"out/{name}" for name in names]
    assert told[2].startswith(f"out/forecasts.csv: {len(rows(home / 'out/forecasts.csv'))} rows of 3 series, sha256 ")
    for name in names:
        assert verify(home / f"out/{name}.csv") == len(rows(home / f"out/{name}.csv"))
    package = json.loads((home / "out" / "datapackage.json").read_bytes())
    assert [one["path"] for one in package["resources"]] == [f"{name}.csv" for name in names]
    assert {row["series_id"] for row in rows(home / "out/forecasts.csv")} == {*TRAINED}
    assert {row["series_id"] for row in rows(home / "out/backtests.csv")} == {*TRAINED}


def test_only_some_series_with_their_history_and_side_by_side(home: Path) -> None:
    assert call(["export", COPPER, NICKEL, "--all", "out", "--history", "--shape", "wide", "--bom"]) == 0
    assert (home / "out/forecasts.csv").read_bytes().startswith(b"\xef\xbb\xbffreq,ds,")
    wide = rows(home / "out/forecasts.csv")
    assert [name for name in wide[0] if name.endswith(("_y", "_yhat"))] == [
        *(f"{COPPER}_y", f"{COPPER}_yhat", f"{NICKEL}_y", f"{NICKEL}_yhat")
    ]
    assert wide[0][f"{COPPER}_y"]
    assert not wide[0][f"{COPPER}_yhat"]
    assert wide[-1][f"{COPPER}_yhat"]
    assert {row["series_id"] for row in rows(home / "out/runs.csv")} == {COPPER, NICKEL}
    assert len(rows(home / "out/events.csv")) > 100, "events are of no one series"


def test_the_name_of_the_file_says_its_format(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for suffix in ("csv", "parquet", "xlsx"):
        assert call(["export", EARTHS, "--table", "observations", "--output", f"seen.{suffix}"]) == 0
    seen = rows(home / "seen.csv")
    assert [row["y"] for row in pq.read_table(home / "seen.parquet").to_pylist()] == [float(row["y"]) for row in seen]
    page = openpyxl.load_workbook(home / "seen.xlsx").active
    assert page is not None
    assert page.max_row == len(seen) + 1
    assert {verify(home / f"seen.{suffix}") for suffix in ("csv", "parquet", "xlsx")} == {len(seen)}


def test_observations_are_those_between_two_days(home: Path) -> None:
    options = ["--table", "observations", "--from", "2026-01-01", "--until", "2026-03-01"]
    assert call(["export", COPPER, *options]) == 0
    assert [row["ds"] for row in rows(home / "observations.csv")] == ["2026-01-01", "2026-02-01", "2026-03-01"]


def test_past_forecasts_have_the_same_columns_from_every_command(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["export", COPPER, "--table", "backtests"]) == 0
    capsys.readouterr()
    assert call(["backtest", COPPER, "--paths", "--format", "csv"]) == 0
    assert capsys.readouterr().out.encode() == (home / "backtests.csv").read_bytes()
    assert call(["backtest", COPPER, "--paths"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].split() == [
        "cutoff",
        "period",
        "from",
        "h",
        "y",
        "yhat",
        "lo-80",
        "hi-80",
        "lo-95",
        "hi-95",
    ]
    assert f"{COPPER}, USD/t: random-walk, in run 2026-06-01-a" in shown


def test_a_table_of_which_there_is_nothing_is_named_and_the_others_are_written(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in (home / "home" / "models").glob("[!.]*/champion*"):  # and its copy
        line.unlink()
    assert call(["export", "--all", "out"]) == 1
    assert "orecast: forecasts: left out: nothing is trained" in capsys.readouterr().err
    assert {path.name for path in (home / "out").glob("*.csv")} >= {"series.csv", "observations.csv", "events.csv"}
    assert not (home / "out/forecasts.csv").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--all", "out", "--output", "x.csv"], "--all writes every table to its folder"),
        (["--format", "xlsx"], "--format is for --all"),
        (["--table", "forecast"], "expected one of series, observations, forecasts"),
        (["--table", "events", "--shape", "wide"], "expected long; wide, with a column a series, there are"),
        ([COPPER, "--all", "out", "--horizon", "25"], "h = 25: expected"),
        (["--all", "out", "--level", "70"], "level = 70: expected one of 95, 90, 80, 60, 50, 40, 20"),
        (["--table", "backtests", "--level", "70"], "level = 70: expected one of 95, 90, 80, 60, 50, 40, 20"),
        (["--output", "nowhere/x.csv"], "there is no folder nowhere"),
        (["--output", "x.json"], "expected a name that ends in one of .csv, .parquet, .xlsx"),
        (["--output", "x.csv.gz"], "expected a name that ends in one of .csv, .parquet, .xlsx"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    home: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    assert call(["export", *options]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert {path.name for path in home.iterdir()} == {"home"}
