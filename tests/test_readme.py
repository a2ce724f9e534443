"""What the README says is so: its commands run and print what it shows, its tables and paths are those of the code."""

from __future__ import annotations

import datetime as dt
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecast.catalog import Catalog
from forecast.config import SETTINGS, Settings
from forecast.jobs.train import Plan, train
from forecast.registry import Registry

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: Trained for real, with a family that takes no time.
TRAINED = {
    "price.copper": "random-walk",
    "volume.magnets.export.cn": "seasonal-naive",
    "volume.rare-earths.export.cn": "seasonal-naive",
}
OWN = {
    "series.csv": "series_id,mineral,measure,flow,reporter,partner,unit,freq\n"
    "value.minerals-ores.import.us,,value,import,USA,WLD,USD,M\n",
    "events.csv": "event_id,title,kind,actor,targets,announced,effective,minerals,flows\n"
    "us-ores-duty-2019,A duty on all ores,tariff,USA,WLD,2019-01-15,2019-03-01,all-non-exempt,WLD>USA\n",
    "observations.csv": "series_id,ds,value\n"
    + "".join(f"value.minerals-ores.import.us,{2016 + m // 12}-{m % 12 + 1:02d},{100 + m % 12}\n" for m in range(24)),
}


def sessions() -> list[tuple[str, list[str]]]:
    """Each command of the README's console blocks, with the lines it is shown to print."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user's: trained runs, the bundled data beside them, files of their own."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings.from_env({"ORECAST_HOME": str(home), "ORECAST_JOBS": "1"})
    catalog = Catalog.open(settings)
    for series_id, family in TRAINED.items():
        report = train(
            catalog, Registry(settings.models_dir), settings, [series_id], Plan(dt.date.today(), families=(family,))
        )
        assert not report.of("failed"), report
    catalog.close()
    (home / "data").symlink_to(ROOT / "data")
    for name, text in OWN.items():
        (home / name).write_text(text)
    return home


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "ORECAST_HOME": str(home), "ORECAST_PORT": str(port), "COLUMNS": "80"}


@pytest.fixture(scope="module")
def service(home: Path, environment: dict[str, str]) -> Iterator[str]:
    process = subprocess.Popen(["orecast", "serve"], cwd=home, env=environment, stderr=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{environment['ORECAST_PORT']}"
    try:
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{base}/readyz"):
                    break
            except OSError:
                time.sleep(0.1)
        yield base
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def shape(line: str) -> str:
    """A line without its numbers, dates, names of runs, digests and spaces."""
    line = re.sub(r"\d{4}-\d\d-\d\d-[0-9a-f]{10}|[0-9a-f]{64}", "NAME", line)
    line = re.sub(r"[-+]?\d[\d.,]*(e[-+]?\d+)?", "#", line)
    return re.sub(r"[\s─#]+", " ", line).strip()


def matches(shown: list[str], printed: list[str]) -> bool:
    """Whether the printed lines have the shape of the shown: ``…`` stands for lines, or for the rest of a line."""
    if not shown:
        return not printed
    head, *rest = shown
    if head.strip() == "…":
        return any(matches(rest, printed[i:]) for i in range(len(printed) + 1))
    if not printed:
        return False
    same = shape(printed[0]).startswith(shape(head[:-1])) if head.endswith("…") else shape(printed[0]) == shape(head)
    return same and matches(rest, printed[1:])


@pytest.mark.parametrize(("command", "shown"), sessions())
def test_a_command_prints_what_the_readme_shows(
    command: str, shown: list[str], home: Path, environment: dict[str, str], service: str
) -> None:
    command = command.replace("http://127.0.0.1:8000", service)
    done = subprocess.run(
        shlex.split(command), cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode in (0, 1) if command.startswith("orecast export") else done.returncode == 0, done.stderr
    assert matches(shown or ["…"], done.stdout.splitlines()), done.stdout + done.stderr


def test_the_two_commands_stand_on_the_first_screen() -> None:
    screen = README.splitlines()[:24]
    assert any(line.startswith("make run") for line in screen)
    assert any(line.startswith("make test") for line in screen)


def test_the_table_of_settings_is_that_of_the_code() -> None:
    rows = dict(re.findall(r"^\| `(ORECAST_\w+)` \| (.*?) \|", README, re.MULTILINE))
    assert rows == {setting.name: f"`{setting.default}`" if setting.default else "" for setting in SETTINGS}
    assert all(setting.help in README for setting in SETTINGS)


def test_links_and_paths_of_the_map_exist() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    missing = [link for link in links if not (ROOT / link).exists()]
    tree = re.search(r"## The map\n\n```\n(.*?)```", README, re.DOTALL)
    assert tree is not None
    for line in tree[1].splitlines():
        names = re.split(r" {2,}", line.strip())[0].split()
        folder = ROOT if not line.startswith(" ") else ROOT / "forecast"
        missing += [name for name in names if not ((folder / name).exists() or (folder / f"{name}.py").exists())]
    assert not missing
