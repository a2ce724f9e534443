"""A light install reads, answers, serves and exports; each extra adds what it says, and what lacks one names it."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from forecast.catalog import Catalog
from forecast.extras import EXTRAS, LIGHTER, missing
from forecast.forecasters import FORECASTERS
from forecast.registry import Registry
from tests.support import ROOT
from tests.support.installs import Environment, build, environment, megabytes, needed
from tests.support.trained_home import COPPER, add_run, make_home

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: Families that need more than the extra ``train``, and the extra of each.
WITHOUT = {"prophet": "prophet", "pretrained": "pretrained", "ensemble": "pretrained"}

#: A row of the README's table: the extra, packages, megabytes.
ROWS = {
    extra: (int(packages), int(size))
    for extra, packages, size in re.findall(
        r"^\| `orecast(?:\[(\w+)\])?` \|.*\| (\d+) \| (\d+) \|$",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def light(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment without any extra."""
    return environment(wheel, "", tmp_path_factory.mktemp("light"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with runs that were trained where everything is installed."""
    make_home(tmp_path)
    return tmp_path


# -- what is installed -------------------------------------------------------------------------------------------------


def test_the_readme_has_a_row_for_every_extra() -> None:
    assert set(ROWS) == {"", *PROJECT["optional-dependencies"]} - {"dev", *LIGHTER}


@pytest.mark.parametrize(("extra", "result"), ROWS.items())
def test_an_install_is_as_small_as_the_readme_says(wheel: Path, extra: str, result: tuple[int, int]) -> None:
    """Files differ a little between platforms, and so does who needs a package more."""
    found = needed(wheel, extra)
    assert abs(len(found) + 1 - result[0]) <= 2, sorted(found)
    assert megabytes(wheel, found) == pytest.approx(result[1], rel=0.1)


def test_what_serves_and_answers_stays_small(wheel: Path) -> None:
    found = needed(wheel)
    assert len(found) + 1 <= 45, sorted(found)
    assert megabytes(wheel, found) < 125


def names(requirements: list[str]) -> set[str]:
    """The projects that are asked for, those of extras that are held included."""
    found = set()
    for each in map(Requirement, requirements):
        if each.name == "orecast":
            found |= {name for extra in each.extras for name in names(PROJECT["optional-dependencies"][extra])}
        else:
            found.add(canonicalize_name(each.name))
    return found


def test_what_the_code_imports_is_always_there_or_of_an_extra(wheel: Path) -> None:
    projects, imported = packages_distributions(), set()
    for path in (*(ROOT / "forecast").rglob("*.py"), *(ROOT / "service").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    ours = {"forecast", "service", "_typeshed"}  # the last is there for type checkers only
    libraries, base = imported - set(sys.stdlib_module_names) - ours, set(needed(wheel))
    optional = {name for name in libraries if not base & {canonicalize_name(each) for each in projects[name]}}
    # SQLAlchemy imports the driver, and of fracast only the weights are read.
    assert optional | {"psycopg", "fracast"} == {library for some in EXTRAS.values() for library in some}


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_asks_for_the_libraries_that_it_is_for(extra: str) -> None:
    projects = packages_distributions()
    asked = names(PROJECT["optional-dependencies"][extra])
    for library in EXTRAS[extra]:
        assert asked & {canonicalize_name(project) for project in projects[library]}, library


# -- a light install ---------------------------------------------------------------------------------------------------


@contextmanager
def started(env: Environment, home: Path, command: str) -> Iterator[str]:
    """The address of a service that a command has started and that is ready; ended as by Ctrl-C."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [env.python.with_name("orecast"), command],
            cwd=home,
            env=env.variables(home, ORECAST_PORT=str(port), ORECAST_WORKERS="1"),
            stdout=log,
            stderr=log,
        )
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                assert process.poll() is None, (home / "log").read_text()
                with urllib.request.urlopen(f"{base}/readyz", timeout=10):
                    break
            except OSError:
                time.sleep(0.1)
        yield base
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())


@pytest.mark.parametrize("library", sorted({library for some in EXTRAS.values() for library in some}))
def test_a_light_install_has_no_library_of_an_extra(light: Environment, library: str) -> None:
    done = subprocess.run(
        [light.python, "-c", f"import {library}"], capture_output=True, text=True, cwd="/", check=False
    )
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "series",
        "runs list",
        "monitor",
        "forecast price.copper",
        "forecast price.copper --format json",
        "effects price.copper",
        "effects --class",
        "backtest price.copper",
        "export --output all.csv",
        f"scenario {ROOT}/data/scenarios/refined-copper-tariff.yaml",
        "ingest observations.csv",
    ],
)
def test_a_light_install_answers_from_runs_that_were_trained_elsewhere(
    light: Environment, home: Path, command: str
) -> None:
    (home / "observations.csv").write_text("series_id,ds,value\nprice.copper,2026-07,9000\n")
    done = light.orecast(home, *command.split())
    assert "Traceback" not in done.stderr
    # The export names the series that have no run here.
    assert done.returncode == (1 if command.startswith("export") else 0), done.stderr
    assert done.stdout


def test_it_reads_the_bundled_data_with_no_repository_around(light: Environment, tmp_path: Path) -> None:
    done = light.orecast(tmp_path, "series", "--format", "json")
    assert "price.copper" in {row["series_id"] for row in json.loads(done.stdout)["data"]}


def test_a_light_install_serves(light: Environment, home: Path) -> None:
    with started(light, home, "serve") as base:
        assert json.loads(get(f"{base}/readyz"))["status"] == "ready"
        assert len(json.loads(get(f"{base}/v1/forecasts/{COPPER}?h=3&origin=last"))["data"]) == 3
        assert "<html" in get(f"{base}/")


@pytest.mark.parametrize(
    ("command", "what", "extra"),
    [
        ("train", "orecast train", "train"),
        ("retrain --due", "orecast retrain", "train"),
        ("backtest price.copper --origins 3", "orecast backtest --origins", "train"),
        ("worker", "orecast worker", "worker"),
        ("run", "orecast run", "worker"),
        ("plot price.copper", "orecast plot", "plot"),
    ],
)
def test_what_lacks_an_extra_names_it(light: Environment, home: Path, command: str, what: str, extra: str) -> None:
    done = light.orecast(home, *command.split())
    assert done.stderr == f"orecast: {what} needs the extra '{extra}': pip install 'orecast[{extra}]'\n"
    assert done.stdout == ""
    assert done.returncode == 2


@pytest.mark.parametrize("command", ["series", "serve"])
def test_so_does_a_database_whose_driver_is_not_installed(light: Environment, home: Path, command: str) -> None:
    done = light.orecast(home, command, ORECAST_DATABASE_URL="postgresql://me:secret@127.0.0.1:1/ore")
    message = "ORECAST_DATABASE_URL = 'postgresql+psycopg://me:***@127.0.0.1:1/ore' needs the extra 'postgres'"
    assert done.stderr == f"orecast: {message}: pip install 'orecast[postgres]'\n"
    assert done.returncode == 2


def test_a_schedule_is_checked_by_a_service_that_shares_its_settings(light: Environment, home: Path) -> None:
    done = light.orecast(home, "series", ORECAST_SCHEDULE="0 0 30 2 *")
    assert done.returncode == 2
    assert "ORECAST_SCHEDULE" in done.stderr


# -- extras ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def training(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the extra ``train``."""
    return environment(wheel, "train", tmp_path_factory.mktemp("train"))


@pytest.fixture
def own(training: Environment, home: Path) -> tuple[str, str]:
    """Two short series of one's own, which nothing else is like: training them takes a second."""
    ids = "value.own.one", "value.own.two"
    (home / "series.csv").write_text(
        "series_id,measure,flow,reporter,partner,unit,freq\n"
        + "".join(f"{name},value,import,NZL,FJI,USD,Q\n" for name in ids)
    )
    (home / "observations.csv").write_text(
        "series_id,ds,value\n"
        + "".join(f"{name},{2014 + q // 4}-{q % 4 * 3 + 1:02d},{100 + q * 7 % 13}\n" for name in ids for q in range(40))
    )
    done = training.orecast(home, "ingest", "observations.csv", "--series", "series.csv")
    assert done.returncode == 0, done.stderr
    return ids


@pytest.mark.slow
def test_without_prophet_the_other_families_are_tried_and_it_is_said_once(
    training: Environment, home: Path, own: tuple[str, str]
) -> None:
    done = training.orecast(home, "train", *own, ORECAST_DRAWS="100", ORECAST_JOBS="1")
    assert done.returncode == 0, done.stderr
    # the families that one adds are not missed
    prophet = missing("prophet", "the family 'prophet'")
    assert done.stderr == f"orecast: {prophet}; the others are tried without it\n"
    scores = json.loads(training.orecast(home, "backtest", own[0], "--format", "json").stdout)
    assert {row["family"] for row in scores["data"]} == set(FORECASTERS) - set(WITHOUT)


@pytest.mark.slow
def test_a_family_that_is_asked_for_by_name_needs_its_extra(
    training: Environment, home: Path, own: tuple[str, str]
) -> None:
    needs = "orecast: the family 'prophet' needs the extra 'prophet': pip install 'orecast[prophet]'\n"
    done = training.orecast(home, "train", own[0], "--family", "prophet")
    assert (done.returncode, done.stderr) == (2, needs)
    done = training.orecast(home, "backtest", own[0], "--origins", "2", "--family", "prophet")
    assert (done.returncode, done.stderr) == (2, needs)
    done = training.orecast(home, "train", own[0], "--without", "prophet", "--family", "random-walk")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_everything_starts_in_an_empty_folder_with_the_extra_worker(
    wheel: Path, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = make_home(home)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    for series_id in catalog.targets():  # training is tried elsewhere
        registry.promote(series_id, add_run(registry, catalog, series_id))
    catalog.close()
    working = environment(wheel, "worker", tmp_path_factory.mktemp("worker"))
    with started(working, home, "run") as base:
        assert len(json.loads(get(f"{base}/v1/forecasts/{COPPER}?h=3&origin=last"))["data"]) == 3
        log = home / "log"
        deadline = time.monotonic() + 60
        while "worker started" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
    assert "worker started" in log.read_text()
    assert "by the clock alone" not in log.read_text()
    needs = "fetching public sources needs the extra 'sources': pip install 'orecast[sources]'; the worker goes on"
    assert log.read_text().count(needs) == 1
    assert "update=off" in log.read_text()


@pytest.mark.slow
@pytest.mark.registry
def test_pip_installs_it_into_an_empty_environment(wheel: Path, home: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [*pip, "install", "--quiet", "--constraint", str(ROOT / "requirements.lock"), str(wheel)], env=env, check=True
    )
    subprocess.run([*pip, "check"], env=env, check=True)
    listed = subprocess.run([*pip, "list", "--format", "json"], env=env, check=True, capture_output=True, text=True)
    found = {canonicalize_name(row["name"]) for row in json.loads(listed.stdout)} - {"pip", "setuptools"}
    assert found == {"orecast", *needed(wheel)}
    light = Environment(python)
    assert light.orecast(home, "--help").returncode == 0
    assert light.orecast(home, "series").returncode == 0
    assert "needs the extra 'train'" in light.orecast(home, "train").stderr
    with started(light, home, "serve") as base:
        assert json.loads(get(f"{base}/v1/forecasts/{COPPER}"))["series_id"] == COPPER
