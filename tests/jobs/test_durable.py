"""The record of jobs outlives the version that wrote it: an upgraded worker takes up what the old one left."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from forecast.jobs.durable import SHAPE
from tests.support import ROOT

#: The workflows as the first version recorded them, word for word; its trainings hang but for the first.
FIRST_VERSION = """
import datetime as dt, socket, sys, time
from pathlib import Path
from dbos import DBOS
from forecast.jobs.durable import MillisecondConnection

HOME = Path(sys.argv[1])
DBOS(config={
    "name": "orecast",
    "system_database_url": f"sqlite:///{HOME}/var/jobs.sqlite",
    "application_version": "1",
    "executor_id": socket.gethostname(),
    "log_level": "WARNING",
    "db_engine_kwargs": {"connect_args": {"factory": MillisecondConnection}},
})


def train_one(series_id):
    with (HOME / "trained").open("a") as out:
        out.write(f"{series_id} old\\n")
    time.sleep(0 if series_id == "a" else 60)
    return {"status": "trained", "series_id": series_id}


@DBOS.workflow(name="train")
def train(series_id):
    return DBOS.run_step({"name": "train"}, train_one, series_id)


@DBOS.workflow(name="retrain")
def retrain(at, _context):
    series_ids = DBOS.run_step({"name": "due"}, lambda: ("a", "b", "c"))
    running = [DBOS.enqueue_workflow("training", train, series_id) for series_id in series_ids]
    outcomes = [handle.get_result() for handle in running]


DBOS.launch()
DBOS.register_queue("training", worker_concurrency=2)
DBOS.apply_schedules([{"schedule_name": "retrain", "workflow_fn": retrain, "schedule": "@yearly"}])
now = dt.datetime.now(dt.UTC)
this_year = dt.datetime(now.year, 1, 1, tzinfo=dt.UTC)
DBOS.backfill_schedule("retrain", this_year - dt.timedelta(seconds=1), now)
time.sleep(120)
"""
#: The worker of today, with trainings that only note that they ran, and a folder to publish into.
TODAY = """
import os
from dataclasses import replace
from pathlib import Path

HOME = Path(os.environ["ORECAST_HOME"])


def note(file, text):
    with (HOME / file).open("a") as out:
        out.write(text + "\\n")


def due(settings):
    note("asked", "due")
    return ()


def train(settings, series_id):
    note("trained", f"{series_id} new")
    return {"status": "trained"}


def publish(settings, folder):
    note("published", folder)
    return {"status": "published"}


if __name__ == "__main__":
    from forecast.jobs import schedule
    from forecast.jobs.tasks import Work
    from forecast.jobs.worker import run
    from forecast.settings import Settings

    schedule.TRAINING = replace(schedule.TRAINING, ask=due, do=train)
    schedule.PUBLISHING = replace(schedule.PUBLISHING, do=publish)
    settings = Settings.from_env(os.environ)
    run(settings, Work(schedule.jobs(settings)))
"""


def test_an_upgraded_worker_takes_up_what_the_first_version_left_and_does_what_is_new_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", temporary := tempfile.mkdtemp(prefix="orecast-worker-"))
    (tmp_path / "var").mkdir()
    (tmp_path / "old.py").write_text(FIRST_VERSION)
    (tmp_path / "new.py").write_text(TODAY)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": path, "ORECAST_HOME": str(tmp_path), "ORECAST_SCHEDULE": "@yearly"}
    env |= {"ORECAST_FETCH_SCHEDULE": "off", "ORECAST_PUBLISH_DIR": str(tmp_path / "out")}
    with (tmp_path / "log").open("w") as log:
        old = subprocess.Popen([sys.executable, tmp_path / "old.py", tmp_path], env=env, stderr=log)
        try:
            wait_until(lambda: len(read(tmp_path / "trained")) == 3)
            time.sleep(1)  # that the first is done is recorded
        finally:
            old.send_signal(signal.SIGKILL)
            old.wait()
        new = subprocess.Popen([sys.executable, tmp_path / "new.py"], env=env, stderr=log)
        try:
            wait_until(lambda: "retrained" in (tmp_path / "log").read_text() and len(states(tmp_path)) == 1)
        finally:
            new.terminate()
            new.wait(timeout=10)
            Path(temporary).rmdir()
    assert sorted(read(tmp_path / "trained")) == ["a old", "b new", "b old", "c new", "c old"]
    assert not (tmp_path / "asked").exists(), "what was due was known already"
    assert len(read(tmp_path / "published")) == 1
    assert states(tmp_path) == [("SUCCESS", SHAPE)]


def states(home: Path) -> list[tuple[str, str]]:
    """What became of the workflows, and which version they are of."""
    with closing(sqlite3.connect(home / "var" / "jobs.sqlite")) as record:
        return record.execute("SELECT DISTINCT status, application_version FROM workflow_status").fetchall()


def read(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
