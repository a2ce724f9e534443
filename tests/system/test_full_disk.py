"""A disk without room: what is stored is told all the same; what cannot be written says which file, and how much."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.trained_home import COPPER, make_home


def no_room() -> None:
    """No file of this process may grow: what a full disk is to it, without one."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def orecast(home: Path, *arguments: str, full: bool) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "forecast.cli", *arguments],
        env={**os.environ, "ORECAST_HOME": str(home), "ORECAST_DRAWS": "400"},
        preexec_fn=no_room if full else None,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path)
    return tmp_path


def below(home: Path) -> set[Path]:
    """What there is in a home, but for what SQLite keeps beside its file."""
    return {path for path in home.rglob("*") if not path.name.endswith(("-wal", "-shm"))}


@pytest.mark.parametrize("asked", [["forecast", COPPER, "--format", "json"], ["series", "--format", "csv"]])
def test_what_is_stored_is_told(home: Path, asked: list[str]) -> None:
    assert not list((home / "var").glob("*-shm")), "nobody has the catalogue open"
    found = orecast(home, *asked, full=True)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == orecast(home, *asked, full=False).stdout


def test_an_export_says_what_it_would_have_needed_and_leaves_nothing(home: Path) -> None:
    before = below(home)
    found = orecast(home, "export", "--output", str(home / "out.csv"), full=True)
    assert found.returncode == 1
    told = rf"orecast: File too large: [\d,]+ bytes were needed, and [\d,]+ are free: {re.escape(str(home))}/out\.csv\n"
    assert re.fullmatch(told, found.stderr)
    assert below(home) == before


def test_a_promotion_that_cannot_be_written_changes_nothing(home: Path) -> None:
    before = {path: path.read_bytes() for path in below(home / "models") if path.is_file()}
    found = orecast(home, "runs", "rollback", COPPER, full=True)
    assert found.returncode == 4, "there is no earlier champion, on a full disk as on any"
    found = orecast(home, "runs", "promote", COPPER, "2026-06-01-a", full=True)
    assert found.returncode == 1
    assert re.search(rf"13 bytes were needed, and [\d,]+ are free: .*/{COPPER}/champion", found.stderr), found.stderr
    assert {path: path.read_bytes() for path in before} == before
    again = orecast(home, "runs", "promote", COPPER, "2026-06-01-a", full=False)
    assert again.returncode == 0
