"""A run's name holds what makes its numbers, and nothing else: the code of training and the libraries under it."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import forecast
from forecast import provenance
from forecast.provenance import LIBRARIES, NUMERICAL_MODULES, STORAGE_MODULES, code_digest, digest, inside, trained_by

ROOT = Path(str(forecast.__file__)).parent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package in a folder of its own, to be changed."""
    return Path(shutil.copytree(ROOT, tmp_path / "forecast", ignore=shutil.ignore_patterns("__pycache__", "_data")))


def change(copy: Path, module: str, old: str, new: str) -> None:
    path = copy / module
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_whatever_training_imports_is_known_to_change_a_number_or_not_to() -> None:
    # one without a line of code, and the names of the Python interface, which nothing here takes from it
    packages = {"forecast", "forecast.jobs"}
    assert (ROOT / "jobs" / "__init__.py").stat().st_size == 0
    unknown = {name for name in trained_by(ROOT) if not inside(name, (*NUMERICAL_MODULES, *STORAGE_MODULES))} - packages
    assert unknown == set(), "name it in NUMBERS, or in KEEPERS if it cannot change what is trained"


def test_a_module_that_training_newly_imports_is_noticed(copy: Path) -> None:
    (copy / "luck.py").write_text("LUCK = 1.0\n")
    change(copy, "training/selection.py", "import numpy as np\n", "import numpy as np\n\nfrom forecast import luck\n")
    assert "forecast.luck" in trained_by(copy)
    assert not inside("forecast.luck", (*NUMERICAL_MODULES, *STORAGE_MODULES))


def test_every_family_and_every_name_on_the_lists_is_there() -> None:
    found = trained_by(ROOT)
    for family in ("ets", "grid.engine", "prophet", "random_walk", "sarimax", "seasonal_naive", "ucm"):
        assert f"forecast.forecasters.{family}" in found
    for name in (*NUMERICAL_MODULES, *STORAGE_MODULES):
        place = ROOT.parent / name.replace(".", "/")
        assert place.is_dir() or place.with_suffix(".py").is_file()


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("catalog/csv_records.py", "release_lag_days:", "lag_days:"),
        ("catalog/store.py", "The catalogue", "A catalogue"),
        ("settings.py", "(80, 95)", "(50, 90)"),
        ("effects/report.py", "LEVELS", "BOUNDS"),
        ("cli/training.py", "Train series", "Train some series"),
        ("jobs/worker.py", "The worker", "A worker"),
        ("jobs/processes.py", "process", "procedure"),
        ("registry/store.py", "_PATIENCE = 60.0", "_PATIENCE = 61.0"),
    ],
)
def test_what_reads_keeps_and_answers_is_not_in_a_runs_name(copy: Path, module: str, old: str, new: str) -> None:
    before = code_digest(copy)
    change(copy, module, old, new)
    code_digest.cache_clear()
    assert code_digest(copy) == before


@pytest.mark.parametrize(
    "module",
    [
        "catalog/vintages.py",
        "effects/estimate.py",
        "events/exposure.py",
        "forecasters/ets.py",
        "forecasters/grid/spot.py",
        "jobs/train.py",
        "metrics.py",
        "training/selection.py",
    ],
)
def test_a_change_of_method_is_in_every_runs_name(copy: Path, module: str) -> None:
    before = code_digest(copy)
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write("\nANOTHER_METHOD = True\n")
    code_digest.cache_clear()
    assert code_digest(copy) != before


NAME = """
import datetime as dt, os
from forecast.catalog import Catalog
from forecast.settings import Settings
from forecast.training.information import RealTimeData
from forecast.training.panel import PanelSet
settings = Settings.from_env(os.environ)
catalog, day = Catalog.open(settings), dt.date(2026, 7, 15)
print(RealTimeData(catalog, settings, "price.copper", PanelSet(day, {})).run_id())
"""


def run_id(home: Path, installed: Path | None = None) -> str:
    paths = [str(installed)] if installed else []
    env = {**os.environ, "ORECAST_HOME": str(home), "PYTHONPATH": os.pathsep.join([*paths, str(ROOT.parent)])}
    found = subprocess.run([sys.executable, "-c", NAME], env=env, capture_output=True, text=True, check=True)
    return found.stdout.strip()


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_upgraded_library_gives_a_run_another_name(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = provenance.libraries()
    result = tmp_path / f"{library}-99.0.dist-info"
    result.mkdir()
    (result / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {library}\nVersion: 99.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert provenance.libraries() == {**before, library: "99.0"}


def test_only_libraries_that_change_a_number_make_runs_due(tmp_path: Path) -> None:
    before = run_id(tmp_path)
    for library, differs in (("numpy", True), ("flask", False)):
        result = tmp_path / library / f"{library}-99.0.dist-info"
        result.mkdir(parents=True)
        (result / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {library}\nVersion: 99.0\n")
        assert (run_id(tmp_path, result.parent) != before) is differs


def test_a_digest_hangs_on_the_parts_and_not_on_the_order_of_names() -> None:
    text = b'[{"a":2,"b":[1,null]},"2026-07-15"]'
    assert digest({"b": [1, None], "a": 2}, dt.date(2026, 7, 15)) == hashlib.sha256(text).hexdigest()
    assert digest({"a": 2, "b": [None, 1]}, dt.date(2026, 7, 15)) != hashlib.sha256(text).hexdigest()
