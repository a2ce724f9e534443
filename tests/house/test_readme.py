"""What the README says is so: its commands print what it shows to the digit, its tables and paths are the code's."""

from __future__ import annotations

import datetime as dt
import json
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
from forecast.jobs.train import TrainingPlan, train
from forecast.registry import Registry
from forecast.settings import Settings, variable
from forecast.sources.configuration import configured_sources
from tests.support import ROOT, feeds
from tests.support.documents import Json
from tests.support.internet import internet
from tests.support.trained_home import add_run

README = (ROOT / "README.md").read_text(encoding="utf-8")
#: Its suspended controls may return, which is weighed with what such controls did to all that was trained; here only a
#: few series are, and what is ahead differs by some percent.
WEIGHED = "volume.rare-earths.import.in"
#: Trained for real, with the family that `make run` chooses for them; it takes no time.
TRAINED = {
    "price.copper": "random-walk",
    WEIGHED: "grid",
    "volume.magnets.export.cn": "grid",
    "volume.rare-earths.export.cn": "seasonal-naive",
}
#: Sources that the README fetches.
FETCHED = ("worldbank", "imf")
#: The day on which the README asks.
DAY = dt.datetime.strptime(re.findall(r"asked on (\d+ \w+ \d+)", README)[0], "%d %b %Y").date()
EVENT = "cn-7ree-licence-2025"
OWN = {
    "prices.csv": 'date,"Copper, $/mt"\n2026-07,13500\n',
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
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder as a user's: trained runs, the bundled data beside them, files of their own; its sources are local.

    One for all: the commands are tried in the order of the README, and each finds what the ones before it left.
    """
    home = tmp_path_factory.mktemp("home")
    settings = Settings.from_env({"ORECAST_HOME": str(home), "ORECAST_JOBS": "1"})
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    for series_id, family in TRAINED.items():
        report = train(catalog, registry, settings, [series_id], TrainingPlan(dt.date.today(), families=(family,)))
        assert not report.of("failed"), report
    for series in catalog.series().values():  # the other targets serve something, so that exports are of all of them
        if series.is_target and series.series_id not in TRAINED:
            registry.promote(series.series_id, add_run(registry, catalog, series.series_id))
    (home / "data").symlink_to(ROOT / "data")
    for name, text in OWN.items():
        (home / name).write_text(text)
    catalog.close()
    played = {name: feeds.of_observations()[name] for name in FETCHED}
    with internet(played, settings, DAY) as outlets:
        for outlet in outlets.values():
            outlet.publish(DAY)
        yield home


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


def result(line: str) -> str:
    """A line as it is on every day and of every version of the code.

    The day of asking, the end of a run's id (a digest of data, settings and code) and a file's digest are left out.
    """
    line = re.sub(r'(\basked on |"as_of":")(\d{4}-\d\d-\d\d|\d\d? \w{3} \d{4})', r"\1TODAY", line)
    line = re.sub(r"\b(\d{4}-\d\d-\d\d)-[0-9a-f]{10}\b", r"\1-DIGEST", line)
    return re.sub(r"\bsha256 [0-9a-f]{64}\b", "sha256 DIGEST", line).rstrip()


def asked_on_its_day(command: str) -> str:
    """A command of the README as it was asked on the day that the README shows: what is ahead depends on the day."""
    if command.startswith(("orecast forecast ", "orecast export ")):
        return f"{command} --as-of {DAY}"
    return command.replace("?h=", f"?as_of={DAY}&h=") if command.startswith("curl ") else command


def matches(shown: list[str], printed: list[str], near: float = 0.0) -> bool:
    """Whether the printed lines are the shown ones: ``…`` stands for lines, or for the rest of a line.

    ``near``: how far numbers may be apart, relatively.
    """
    if not shown:
        return not printed
    head, *rest = shown
    if head.strip() == "…":
        return any(matches(rest, printed[i:], near) for i in range(len(printed) + 1))
    if not printed:
        return False
    line = result(printed[0])
    same = line.startswith(result(head[:-1])) if head.endswith("…") else alike(result(head), line, near)
    return same and matches(rest, printed[1:], near)


def alike(shown: str, printed: str, near: float) -> bool:
    """Whether two lines have the same words, and numbers that are no further apart."""
    ours, theirs = (re.split(r"[,\s]+", line) for line in (shown, printed))
    number = re.compile(r"-?\d+(\.\d+)?")
    return shown == printed or (
        near > 0
        and len(ours) == len(theirs)
        and all(
            a == b
            or (bool(number.fullmatch(a) and number.fullmatch(b)) and abs(float(a) - float(b)) <= near * abs(float(a)))
            for a, b in zip(ours, theirs, strict=True)
        )
    )


@pytest.mark.parametrize(("command", "shown"), sessions())
def test_a_command_prints_what_the_readme_shows(
    command: str, shown: list[str], home: Path, environment: dict[str, str], service: str
) -> None:
    command = asked_on_its_day(command).replace("http://127.0.0.1:8000", service)
    done = subprocess.run(
        shlex.split(command), cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    near = 0.03 if WEIGHED in command else 0.0
    assert matches(shown or ["…"], done.stdout.splitlines(), near), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("2026-07-01 13547.3", "2026-07-01 13547.4", False),
        ("2026-07-01 13547.3", "2026-07-02 13547.3", False),
        (
            "asked on 24 Nov 2026; checked to 8 Oct 2026",
            "asked on 1 Dec 2026; checked to 8 Oct 2026",
            True,
        ),
        (
            "asked on 24 Nov 2026; checked to 8 Oct 2026",
            "asked on 1 Dec 2026; checked to 9 Oct 2026",
            False,
        ),
        ("run 2026-06-01-b581d27a7b", "run 2026-06-01-0123456789", True),
        ("run 2026-06-01-b581d27a7b", "run 2026-07-01-b581d27a7b", False),
        (f"300 rows, sha256 {64 * 'a'}", f"300 rows, sha256 {64 * 'b'}", True),
        (f"300 rows, sha256 {64 * 'a'}", f"301 rows, sha256 {64 * 'a'}", False),
        ('"as_of":"2026-11-24",…', '"as_of":"2026-12-01","data":[]', True),
        ("a  b", "a b", False),
    ],
)
def test_only_what_a_day_or_a_version_changes_may_differ(shown: str, printed: str, same: bool) -> None:
    assert matches([shown], [printed]) is same


def test_the_words_about_an_effect_are_those_of_its_numbers(home: Path, environment: dict[str, str]) -> None:
    message = re.search(r"took (\d+) % off a year of magnet exports,\s([\d,]+) t; four fifths of a month's", README)
    interval = re.search(r"The 90 %\sinterval is (\d+) to (\d+) %", README)
    assert message is not None
    assert interval is not None

    def effects(*options: str) -> list[dict[str, Json]]:
        command = ["orecast", "effects", "volume.magnets.export.cn", "--format", "json", "--event", EVENT, *options]
        done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=True)
        data: list[dict[str, Json]] = json.loads(done.stdout)["data"]
        return data

    (licences,) = effects()
    assert message[1] == f"{-licences['average']['median']:.0f}"
    assert interval.groups() == tuple(f"{-licences['average'][end]:.0f}" for end in ("hi-90", "lo-90"))
    assert message[2] == f"{-round(licences['cumulated']['median'], -2):,.0f}"
    assert min(period["effect"]["median"] for period in effects("--paths")) == pytest.approx(-80, abs=2.5)


def test_the_two_commands_stand_on_the_first_screen() -> None:
    screen = README.splitlines()[:24]
    assert any(line.startswith("make run") for line in screen)
    assert any(line.startswith("make test") for line in screen)


def test_the_table_of_settings_is_that_of_the_code() -> None:
    rows = dict(re.findall(r"^\| `(ORECAST_\w+)` \| (.*?) \|", README, re.MULTILINE))
    fields = Settings.model_fields.items()
    defaults = {name: "" if field.default_factory else str(field.default) for name, field in fields}
    assert rows == {variable(name): f"`{default}`" if default else "" for name, default in defaults.items()}
    assert all(field.description and field.description in README for _, field in fields)


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


def test_the_sources_of_ones_own_are_read_as_they_stand(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (tmp_path / "sources.toml").write_text(shown)
    found = configured_sources(Settings.from_env({"ORECAST_HOME": str(tmp_path)}))
    own = {name: [one.series.series_id for one in found[name].series({})] for name in ("my-prices", "ecb")}
    assert own == {"my-prices": ["price.copper.mine"], "ecb": ["index.dollar-euro"]}
