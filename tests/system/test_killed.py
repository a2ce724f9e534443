"""Trainings and workers that are killed at random moments: forecasts stay whole, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from forecast.catalog import Catalog
from forecast.registry import Registry
from forecast.settings import Settings
from tests.jobs.test_processes import wait_until
from tests.jobs.test_train import monthly, series, walk

NAMES = ("price.k0", "price.k1", "price.k2")
TRAIN = ("train", *NAMES, "--family", "random-walk")


@dataclass(frozen=True)
class Killable:
    """A home with three short series, each with a champion, and a folder for what is temporary."""

    home: Path
    temporary: Path

    def start(self, seed: int, *command: str) -> subprocess.Popen[bytes]:
        """A command whose trainings differ from those of every other ``seed``, so that all is due."""
        given = {"home": self.home, "draws": 200, "horizon": 6, "jobs": 2, "seed": seed, "fetch_schedule": "off"}
        env = {**os.environ, **{f"ORECAST_{name.upper()}": str(value) for name, value in given.items()}}
        env |= {"ORECAST_SCHEDULE": "* * * * * *", "TMPDIR": str(self.temporary)}
        with (self.home / "log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", "forecast.cli", *command], env=env, stdout=log, stderr=log)

    def processes(self) -> list[int]:
        """Every process that works on this home."""
        mine = f"ORECAST_HOME={self.home}".encode()
        found = []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mine in environment.read_bytes().split(b"\0"):
                    found.append(int(environment.parent.name))
        return found

    def check_whole(self) -> None:
        """Every series has a sound champion, read anew and in every byte."""
        registry = Registry(self.home / "models")
        assert registry.faults(thorough=True) == ()
        assert sorted(registry.champions()) == sorted(NAMES)
        for name in NAMES:
            run = registry.champion(name)
            assert run.run_id == registry.champion_id(name)
            assert len(run.draws) == 200
            assert np.isfinite(run.draws).all()

    def check_clean(self) -> None:
        """Nothing is left of what was killed."""
        left = [path for path in (self.home / "models").rglob(".*") if path.name not in (".locks", ".all")]
        assert left == []
        assert list(self.temporary.iterdir()) == []
        assert not [path.name for path in (self.home / "var").iterdir() if "tmp" in path.name]


@pytest.fixture(scope="module")
def trained(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A home with the three series trained; copied, never used. And the seconds that it took."""
    home = tmp_path_factory.mktemp("trained")
    (home / "var").mkdir()
    shutil.copy(seeded, home / "var" / "orecast.db")
    with contextlib.closing(sqlite3.connect(home / "var" / "orecast.db")) as connection, connection:
        connection.execute("DELETE FROM observations")  # of what is bundled: this is about three series
    catalog = Catalog.open(Settings.from_env({"ORECAST_HOME": str(home)}))
    values = [one for k, name in enumerate(NAMES) for one in monthly(name, walk(40 + k))]
    catalog.add(series=[series(name) for name in NAMES], observations=values, known_at=datetime(2026, 7, 1, tzinfo=UTC))
    catalog.close()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        assert Killable(home, Path(temporary)).start(0, *TRAIN).wait() == 0, (home / "log").read_text()
    return home, time.monotonic() - began


@pytest.fixture
def killable(trained: tuple[Path, float], tmp_path: Path) -> Iterator[Killable]:
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    # Not below pytest's folder: the path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="orecast-killed-") as temporary:
        made = Killable(tmp_path, Path(temporary))
        made.check_whole()
        yield made
        for pid in made.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def kill_at_random(killable: Killable, command: tuple[str, ...], times: int, seconds: float) -> None:
    """Start a command so many times, and kill it somewhere within the ``seconds`` that it takes if left alone."""
    moments = random.Random(14)
    for seed in range(1, times + 1):
        process = killable.start(seed, *command)
        time.sleep(moments.uniform(0, seconds))
        process.kill()
        process.wait()
        wait_until(lambda: not killable.processes(), 5)
        killable.check_whole()


TIMES = [2, pytest.param(20, marks=pytest.mark.storm)]


@pytest.mark.slow
@pytest.mark.parametrize("times", TIMES)
def test_a_training_that_is_killed_leaves_whole_forecasts_no_orphan_and_nothing_after_the_next(
    killable: Killable, trained: tuple[Path, float], times: int
) -> None:
    kill_at_random(killable, TRAIN, times, trained[1])
    assert killable.start(times + 1, *TRAIN).wait() == 0
    killable.check_whole()
    killable.check_clean()


@pytest.mark.slow
@pytest.mark.parametrize("times", TIMES)
def test_a_worker_that_is_killed_leaves_whole_forecasts_no_orphan_and_nothing_after_the_next(
    killable: Killable, trained: tuple[Path, float], times: int
) -> None:
    kill_at_random(killable, ("worker",), times, 1.5 * trained[1])
    before = Registry(killable.home / "models").champions()
    worker = killable.start(times + 1, "worker")
    wait_until(lambda: not before.items() & Registry(killable.home / "models").champions().items(), 180)
    worker.terminate()
    assert worker.wait(10) == 0
    killable.check_whole()
    killable.check_clean()
