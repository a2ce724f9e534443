"""What is published is whole at every moment, whoever is killed when, and says the same as every other answer."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from forecast.catalog import Catalog
from forecast.cli import call
from forecast.errors import CorruptArtifact, Misconfigured, NothingTrained
from forecast.export.finished import verify
from forecast.jobs.publish import publish
from forecast.registry import Registry
from tests.support import ROOT
from tests.support.documents import Json
from tests.support.trained_home import COPPER, TRAINED, add_run, make_home

DAY = dt.date(2026, 7, 15)
#: Publishes tables that a number is in, one number after another, on the same day until it is killed.
PUBLISHER = """
import datetime as dt, itertools, sys
from pathlib import Path
from forecast.export.csv_writer import csv_export
from forecast.jobs import publish

numbers = itertools.count(int(sys.argv[2]))


def tables(catalog, registry, day):
    n = next(numbers)
    return {f"{name}.csv": csv_export(["n"], [{"n": n}] * 50) for name in ("a", "b", "c")}, ()


publish._tables = tables
while True:
    publish.publish(None, None, Path(sys.argv[1]), dt.date(2026, 7, 15), 0)
"""


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Catalog, Registry]]:
    settings = make_home(tmp_path / "home")
    catalog = Catalog.open(settings)
    yield catalog, Registry(settings.models_dir)
    catalog.close()


def index(edition: Path) -> dict[str, Json]:
    """The index of an edition, each file of which is what it and its own manifest say."""
    found: dict[str, Json] = json.loads((edition / "manifest.json").read_bytes())
    for file in found["files"]:
        assert verify(edition / file["file"]) == file["rows"]
        assert json.loads((edition / f"{file['file']}.manifest.json").read_bytes()) == file
    return found


def test_a_day_is_published_as_files_of_the_same_digits_as_every_answer(
    stores: tuple[Catalog, Registry],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "out"
    published = publish(*stores, folder, DAY, 0)
    assert (published.status, published.day) == ("published", DAY)
    assert (folder / "latest").resolve() == (folder / "2026-07-15").resolve()
    found = index(folder / "latest")
    names = "calendar.csv effects.csv events.csv forecasts.csv held.csv observations.csv series.csv"
    assert " ".join(file["file"] for file in found["files"]) == names
    assert found["day"] == "2026-07-15"
    assert COPPER not in {one["series_id"] for one in found["left_out"]}
    assert {"price.tin"} < {one["series_id"] for one in found["left_out"]}, "who is left out is named"

    monkeypatch.setenv("ORECAST_HOME", str(tmp_path / "home"))
    assert call(["export", *TRAINED, "--as-of", "2026-07-15", "-o", str(tmp_path / "export.csv")]) == 0
    assert (folder / "latest" / "forecasts.csv").read_bytes() == (tmp_path / "export.csv").read_bytes()
    assert call(["effects", COPPER, "--format", "csv"]) == 0
    of_copper = capsys.readouterr().out.partition("\n")[2].splitlines()[1:]
    effects = (folder / "latest" / "effects.csv").read_text().splitlines()
    assert of_copper
    assert set(of_copper) <= set(effects)


def test_what_did_not_change_is_not_published_again(stores: tuple[Catalog, Registry], tmp_path: Path) -> None:
    publish(*stores, tmp_path, DAY, 0)
    before = state(tmp_path)
    assert publish(*stores, tmp_path, DAY, 0).status == "unchanged"
    assert state(tmp_path) == before


def test_the_same_day_again_is_replaced_whole_and_who_reads_it_meanwhile_reads_on(
    stores: tuple[Catalog, Registry], tmp_path: Path
) -> None:
    catalog, registry = stores
    publish(*stores, tmp_path, DAY, 0)
    before = (tmp_path / "latest").resolve()
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    assert publish(*stores, tmp_path, DAY, 0).status == "published"
    after = (tmp_path / "latest").resolve()
    assert after == (tmp_path / "2026-07-15").resolve() != before
    assert index(before) != index(after)
    publish(*stores, tmp_path, DAY + dt.timedelta(days=1), 0)
    assert not before.exists(), "nobody reads for so long"
    assert index(tmp_path / "2026-07-15") == index(after)
    assert index(tmp_path / "latest")["day"] == "2026-07-16"


def test_only_the_newest_days_are_kept_where_a_number_of_them_is_said(
    stores: tuple[Catalog, Registry], tmp_path: Path
) -> None:
    for days in range(4):
        publish(*stores, tmp_path, DAY + dt.timedelta(days=days), 2)
    assert sorted(path.name for path in tmp_path.glob("2026-*")) == ["2026-07-17", "2026-07-18"]
    assert len(list((tmp_path / ".editions").iterdir())) == 3, "the one that went last is still read"
    assert index(tmp_path / "latest")["day"] == "2026-07-18"


def test_nothing_is_published_where_nothing_is_trained(tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(NothingTrained):
        publish(catalog, Registry(tmp_path / "models"), tmp_path / "out", DAY, 0)
    assert not (tmp_path / "out").exists()


def test_what_is_in_the_way_is_named_and_left_alone(stores: tuple[Catalog, Registry], tmp_path: Path) -> None:
    (tmp_path / "out" / "latest").mkdir(parents=True)
    (tmp_path / "out" / "latest" / "mine.txt").write_text("mine")
    with pytest.raises(Misconfigured, match=r"out/latest is in the way .* expected a symbolic link, or nothing"):
        publish(*stores, tmp_path / "out", DAY, 0)
    assert (tmp_path / "out" / "latest" / "mine.txt").read_text() == "mine"


def test_a_file_system_without_links_is_told(
    stores: tuple[Catalog, Registry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", refuse)
    with pytest.raises(Misconfigured, match=r"not permitted; expected .* file system with symbolic links"):
        publish(*stores, tmp_path / "out", DAY, 0)
    assert not list((tmp_path / "out").glob("[!.]*"))


def test_the_command_publishes_where_it_is_told_or_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_home(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    assert call(["publish"]) == 2
    assert capsys.readouterr().err == (
        "orecast: nothing says where to publish: expected --to DIR, or ORECAST_PUBLISH_DIR\n"
    )
    monkeypatch.setenv("ORECAST_PUBLISH_DIR", str(tmp_path / "set"))
    assert call(["publish"]) == 1, "series that were never trained are left out"
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'set'}: published, 7 files of ")
    assert call(["publish"]) == 1
    assert ": unchanged, 7 files of " in capsys.readouterr().out
    call(["publish", "--to", str(tmp_path / "told")])
    assert index(tmp_path / "told" / "latest")["files"] == index(tmp_path / "set" / "latest")["files"]


@pytest.mark.parametrize("seed", range(2))
def test_whoever_is_killed_at_whatever_moment_there_is_a_latest_and_it_is_whole(tmp_path: Path, seed: int) -> None:
    (tmp_path / "publisher.py").write_text(PUBLISHER)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    chance, folder, numbers = random.Random(seed), tmp_path / "out", set[str]()
    with read_all_the_time(folder) as faults:
        for attempt in range(8):
            command = [sys.executable, str(tmp_path / "publisher.py"), str(folder), str(1000 * attempt)]
            publisher = subprocess.Popen(command, env=env)
            before = (folder / "latest").readlink() if (folder / "latest").is_symlink() else None
            while not (folder / "latest").is_symlink() or (folder / "latest").readlink() == before:
                time.sleep(0.001)
                assert publisher.poll() is None
            time.sleep(chance.uniform(0, 0.05))
            publisher.kill()
            publisher.wait()
            latest = index(folder / "latest")
            numbers.add((folder / "latest" / "a.csv").read_text().split()[1])
            assert [file["rows"] for file in latest["files"]] == [50, 50, 50]
            assert index(folder / "2026-07-15")["day"] == "2026-07-15"
    assert faults == []
    assert len(numbers) == 8, "each got on"
    assert len(list((folder / ".editions").iterdir())) <= 4, "what was left is swept"


@contextmanager
def read_all_the_time(folder: Path) -> Iterator[list[str]]:
    """Read ``latest`` again and again, from when it is first there; what was found wrong with it."""
    over, faults = threading.Event(), list[str]()

    def read() -> None:
        while not over.is_set() and not (folder / "latest").exists():
            time.sleep(0.001)
        while not over.is_set():
            edition = folder / (folder / "latest").readlink()  # it is there at every moment
            try:
                contents = {(edition / f"{name}.csv").read_bytes() for name in "abc"}
                if len(contents) != 1:
                    faults.append(f"{edition}: files of several editions")
                index(edition)
            except (OSError, CorruptArtifact, AssertionError) as error:
                if edition == folder / (folder / "latest").readlink():  # else two others were published since
                    faults.append(repr(error))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield faults
    finally:
        over.set()
        reader.join()


def state(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*") if path.name != ".lock"}
