"""Jobs that are asked of the worker: done one after another, told of while they run, and not lost with a worker."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forecast.catalog import Catalog
from forecast.catalog.job_requests import JobFailure, JobName, JobRequests, JobState
from forecast.catalog.keys import KeyOrder
from forecast.settings import Scope, Settings
from tests.conftest import postgres_database
from tests.support import ROOT
from tests.support.documents import Json
from tests.support.server import serving
from tests.support.trained_home import make_home, settings_in

#: A worker, without a schedule where there is a record of jobs, whose trainings take as long as they are told to and
#: only note what they do.
WORKER = """
import os, sys, time
from dataclasses import replace
from pathlib import Path

HOME = Path(os.environ["ORECAST_HOME"])


def note(text):
    with (HOME / "done").open("a") as out:
        out.write(text + "\\n")


def due(settings):
    return ("a", "b")


def train(settings, name):
    note(f"begun {name}")
    while (HOME / f"hold-{name}").exists():
        time.sleep(0.05)
    if (HOME / f"breaks-{name}").exists():
        raise ValueError("no good")
    note(f"trained {name}")
    return {"status": "trained"}


if __name__ == "__main__":
    from forecast.jobs.schedule import FETCHING, TRAINING
    from forecast.jobs.tasks import Job, Work
    from forecast.jobs.worker import run
    from forecast.settings import Settings

    schedule = ""
    if "without-record" in sys.argv:
        sys.modules["dbos"] = None
        schedule = "0 0 1 1 *"
    training = TRAINING if "really" in sys.argv else replace(TRAINING, ask=due, do=train)
    jobs = (Job("retrain", "retrained", schedule, (training,)), Job("update", "updated", "", (FETCHING, training)))
    run(Settings.from_env(os.environ), Work(jobs))
"""
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    make_home(tmp_path)
    (tmp_path / "worker.py").write_text(WORKER)
    if request.param == "sqlite":
        return settings_in(tmp_path)
    return settings_in(tmp_path, database_url=postgres_database(request.getfixturevalue("postgres_server")))


@pytest.fixture
def requests(settings: Settings) -> Iterator[JobRequests]:
    catalog = Catalog.open(settings)
    yield catalog.acting("analyst (key 1)").job_requests
    catalog.close()


@pytest.fixture
def start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []
    # Not below pytest's folder: the path of a socket must be short.
    monkeypatch.setenv("TMPDIR", temporary := tempfile.mkdtemp(prefix="orecast-worker-"))

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        env = {**os.environ, "ORECAST_HOME": str(settings.home), "ORECAST_DATABASE_URL": settings.database_url}
        env |= {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]), "ORECAST_JOBS": "1"}
        with (settings.home / "log").open("a") as log:
            started.append(
                subprocess.Popen([sys.executable, settings.home / "worker.py", *arguments], env=env, stderr=log)
            )
        return started[-1]

    yield start
    for worker in started:
        worker.kill()
        worker.wait()
    shutil.rmtree(temporary, ignore_errors=True)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def done(settings: Settings) -> list[str]:
    path = settings.home / "done"
    return path.read_text().splitlines() if path.exists() else []


def test_what_is_asked_for_waits_for_a_worker_is_one_while_it_waits_and_is_done_in_order(
    settings: Settings, requests: JobRequests, start: Start
) -> None:
    assert requests.worker_seen() is None
    first, again = requests.request(JobName.RETRAIN, [], now()), requests.request(JobName.RETRAIN, [], now())
    assert (again.job_id, again.asked) == (first.job_id, 2)
    named = requests.request(JobName.RETRAIN, ["c"], now())
    assert named.job_id != first.job_id, "another is asked for"
    (settings.home / "hold-b").touch()
    (settings.home / "breaks-a").touch()
    start()
    wait_until(lambda: "begun b" in done(settings))
    wait_until(lambda: requests.get(first.job_id).done == 1)
    running = requests.get(first.job_id)
    assert (running.state, running.total, running.outcomes) == (JobState.RUNNING, 2, {"failed": 1})
    assert running.failed == (JobFailure("a", "ValueError: no good"),)
    assert requests.get(named.job_id).state is JobState.QUEUED, "one at a time"
    later = requests.request(JobName.RETRAIN, [], now())
    assert later.job_id != first.job_id, "one that has begun may not see what is new"
    seen = requests.worker_seen()
    assert seen is not None
    assert now() - seen < dt.timedelta(seconds=60)
    (settings.home / "hold-b").unlink()
    wait_until(lambda: requests.get(later.job_id).state is JobState.DONE)
    assert done(settings) == [
        "begun a",
        "begun b",
        "trained b",
        "begun c",
        "trained c",
        "begun a",
        "begun b",
        "trained b",
    ]
    ended = requests.get(first.job_id)
    assert (ended.state, ended.done, ended.outcomes) == (JobState.DONE, 2, {"failed": 1, "trained": 1})
    assert ended.started is not None
    assert ended.ended is not None
    assert ended.requested <= ended.started <= ended.ended


def test_a_killed_worker_loses_no_job_and_does_nothing_twice(
    settings: Settings, requests: JobRequests, start: Start
) -> None:
    (settings.home / "hold-b").touch()
    job = requests.request(JobName.RETRAIN, [], now())
    worker = start()
    wait_until(lambda: "begun b" in done(settings))
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert requests.get(job.job_id).state is JobState.RUNNING
    (settings.home / "hold-b").unlink()
    start()
    wait_until(lambda: requests.get(job.job_id).state is JobState.DONE)
    assert requests.get(job.job_id).outcomes == {"trained": 2}
    assert done(settings).count("trained a") == 1, "what was done already"


def test_a_worker_without_its_record_does_what_is_asked_for_too(
    settings: Settings, requests: JobRequests, start: Start
) -> None:
    job = requests.request(JobName.RETRAIN, ["c"], now())
    start("without-record")
    wait_until(lambda: requests.get(job.job_id).state is JobState.DONE)
    assert "trained c" in done(settings)
    assert "goes by the clock alone" in (settings.home / "log").read_text()


def test_a_job_that_the_worker_is_not_to_do_fails_with_the_reason(
    settings: Settings, requests: JobRequests, start: Start
) -> None:
    job = requests.request(JobName.UPDATE, [], now())
    start()
    wait_until(lambda: requests.get(job.job_id).state is JobState.FAILED)
    assert requests.get(job.job_id).why == "the worker opens no network: ORECAST_FETCH_SCHEDULE is off"
    assert done(settings) == []


@pytest.mark.slow
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_is_delivered_and_asked_for_over_http_is_trained_and_served(settings: Settings, start: Start) -> None:
    """The service takes the values in and hands the job on; a real worker fits, and the next answer is a forecast."""
    catalog = Catalog.open(settings)
    _, token = catalog.keys.create(KeyOrder("admin", [Scope.ADMIN]), now())
    catalog.close()
    months = [f"{2018 + month // 12}-{month % 12 + 1:02}-01" for month in range(100)]
    values = [{"series_id": "price.mine", "ds": ds, "value": 100 + (7 * k) % 11} for k, ds in enumerate(months)]
    series = [{"series_id": "price.mine", "measure": "price", "unit": "USD/t", "freq": "M", "mineral": "copper"}]

    def ask(path: str, body: object = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(server.url + path, data, headers), timeout=60) as response:
            return json.loads(response.read())

    with serving(settings.home) as server:
        assert ask("/v1/observations", {"observations": values, "series": series})["observations"] == 100
        job = ask("/v1/jobs", {"job": "retrain", "series_id": ["price.mine"]})
        assert (
            job["says"] == "queued; no worker has ever been seen: it waits until one is started with `orecast worker`"
        )
        start("really")
        wait_until(lambda: ask(f"/v1/jobs/{job['job_id']}")["state"] == "done", 300)
        assert ask(f"/v1/jobs/{job['job_id']}")["outcomes"] == [{"status": "trained", "number": 1}]
        assert ask("/v1/forecasts/price.mine?h=2")["data_to"] == "2026-04-01"
