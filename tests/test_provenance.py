"""The digest of what a run was made of: the same for the same parts, another for whatever can change a number."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pytest

from forecast import provenance
from forecast.provenance import digest, versions


def test_a_digest_hangs_on_the_parts_and_not_on_the_order_of_names() -> None:
    text = b'[{"a":2,"b":[1,null]},"2026-07-15"]'
    assert digest({"b": [1, None], "a": 2}, dt.date(2026, 7, 15)) == hashlib.sha256(text).hexdigest()
    assert digest({"a": 2, "b": [None, 1]}, dt.date(2026, 7, 15)) != hashlib.sha256(text).hexdigest()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package in the place of ours: what makes numbers, and what only answers from them."""
    for name in ("metrics.py", "forecasters/grid.py", "predict.py", "cli/runs.py", "jobs/monitor.py"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x = 1\n")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    return tmp_path


def code() -> str:
    return provenance.code_digest.__wrapped__()


@pytest.mark.parametrize("name", ["metrics.py", "forecasters/grid.py"])
def test_code_that_makes_numbers_makes_runs_due(package: Path, name: str) -> None:
    before = code()
    (package / name).write_text("x = 2\n")
    assert code() != before
    (package / name).write_text("x = 1\n")
    assert code() == before
    (package / name).rename(package / "zz.py")
    assert code() != before


@pytest.mark.parametrize("name", ["predict.py", "cli/runs.py", "jobs/monitor.py"])
def test_code_that_only_answers_does_not(package: Path, name: str) -> None:
    before = code()
    (package / name).write_text("x = 2\n")
    assert code() == before


def test_each_part_that_is_said_to_make_no_numbers_is_there() -> None:
    root = Path(provenance.__file__).parent
    missing = [name for name in provenance._NO_NUMBERS if name != "_data" and not (root / name).exists()]
    assert missing == []


def test_the_versions_are_those_of_all_that_can_change_a_number() -> None:
    libraries = {"numpy", "scipy", "pandas", "statsmodels", "prophet", "cmdstanpy"}
    assert set(versions()) == {"orecast", "python", *libraries}
