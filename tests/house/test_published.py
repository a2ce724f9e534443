"""The published estimates that ours are compared with are well formed, sourced, and on events and series that exist."""

import csv
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "benchmarks" / "published"


def rows(*path: str) -> list[dict[str, str]]:
    with ROOT.joinpath(*path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ESTIMATES = rows("benchmarks", "published", "estimates.csv")


@pytest.mark.parametrize("row", ESTIMATES, ids=[row["estimate_id"] for row in ESTIMATES])
def test_a_published_number_names_its_source_definition_and_spans(row: Mapping[str, str]) -> None:
    assert row["source"]
    assert re.fullmatch(r"https?://[\w.-]+/\S*", row["source_url"])
    assert row["licence"]
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", row["retrieved"])
    assert row["definition"]
    assert row["differs"].endswith(".")
    number = float(row["published"])
    assert number >= (-100 if row["scale"] == "percent" else -10)
    if row["low"]:
        assert float(row["low"]) <= number <= float(row["high"])
    for before, after in (("published_before", "published_after"), ("before", "after")):
        assert row[before].split("/")[1] < row[after].split("/")[0], "what is compared overlaps"


def test_published_numbers_are_on_events_and_series_that_exist() -> None:
    events = {row["event_id"] for row in rows("data", "events.csv")}
    own = rows("benchmarks", "published", "series.csv")
    series = {row["series_id"] for row in [*rows("data", "series.csv"), *own]}
    assert {event for row in ESTIMATES for event in row["events"].split(";")} <= events
    assert {row["series_id"] for row in ESTIMATES if row["series_id"]} <= series
    assert {row["series_id"] for row in own} <= {row["series_id"] for row in ESTIMATES}, "a series nothing is read from"
    assert len({row["estimate_id"] for row in ESTIMATES}) == len(ESTIMATES)


@pytest.mark.slow
def test_the_benchmark_tells_each_published_number_beside_ours() -> None:
    command = [sys.executable, "benchmarks/published_estimates.py", "--quick"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "| antimony, EU imports from China " in told
    assert "https://criticalmaterialsatlas.org/export-controls" in told
    assert "Steps put into real series" in told


def test_a_published_number_without_a_source_is_refused_with_its_line(tmp_path: Path) -> None:
    text = (FOLDER / "estimates.csv").read_text(encoding="utf-8")
    spoiled = tmp_path / "estimates.csv"
    spoiled.write_text(text.replace("https://criticalmaterialsatlas.org/export-controls", "somewhere", 1), "utf-8")
    code = (
        "import sys; from pathlib import Path; from support.published import read_estimates\n"
        "read_estimates(Path(sys.argv[1]), (), ())"
    )
    command = [sys.executable, "-c", code, str(spoiled)]
    done = subprocess.run(command, cwd=ROOT / "benchmarks", capture_output=True, text=True, check=False)
    assert done.returncode
    assert f"{spoiled}:2" in done.stderr or "line 2" in done.stderr
    assert "an address of the web" in done.stderr
