"""The worker fetches, retrains and publishes, in processes of its own: nothing is done twice, nothing is lost, and what
fails is told once.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from forecast.catalog import Catalog
from forecast.export.finished import verify
from forecast.jobs.durable import system_database
from forecast.registry import Registry
from tests.support import ROOT
from tests.support.numbers_source import months, numbers, write_sources
from tests.support.publishers import Answer, Publisher, Request, published
from tests.support.trained_home import COPPER, TRAINED, make_home, settings_in

#: The worker as it is, but for training, which takes as long as it is told, of what has no new run or is new.
WORKER = """
import os, time
from pathlib import Path

import tests.support.numbers_source
from forecast.catalog import Catalog
from forecast.registry import Registry
from tests.support.trained_home import TRAINED, add_run

HOME = Path(os.environ["ORECAST_HOME"])


def due(settings):
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    fetched = [name for name in catalog.series() if name in ("price.alpha", "price.beta")]
    found = tuple(n for n in (*TRAINED, *fetched) if not str(registry.champion_id(n)).endswith("-new"))
    catalog.close()
    return found


def train(settings, series_id):
    with (HOME / "trained").open("a") as out:
        out.write(f"{series_id} {os.getpid()}\\n")
    time.sleep(float((HOME / "seconds").read_text()))
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    registry.promote(series_id, add_run(registry, catalog, series_id, level=1.1, name="new"))
    catalog.close()
    return {"status": "trained"}


if __name__ == "__main__":
    import socket
    from dataclasses import replace

    from forecast.jobs import schedule
    from forecast.jobs.tasks import Work
    from forecast.jobs.worker import run
    from forecast.settings import Settings

    if name := os.environ.get("HOST_NAME"):
        socket.gethostname = lambda: name
    settings = Settings.from_env(os.environ)
    schedule.TRAINING = replace(schedule.TRAINING, ask=due, do=train)
    run(settings, Work(schedule.jobs(settings), imports=("tests.support.trained_home",)))
"""
YEARLY = "@yearly"
Start = Callable[..., subprocess.Popen[bytes]]


class Sources:
    """Publishers of numbers by the name of the source; one that is ``down`` refuses, one that ``hangs`` is silent."""

    def __init__(self) -> None:
        self.values = {name: {"K": months(40, value)} for name, value in (("alpha", 100.0), ("beta", 200.0))}
        self.down: set[str] = set()
        self.hangs: set[str] = set()
        self.over = threading.Event()

    def __call__(self, request: Request) -> Answer:
        name = request.path.partition("/")[0]
        while name in self.hangs and not self.over.is_set():
            time.sleep(0.05)
        return Answer(b"closed", "text/plain", 403) if name in self.down else numbers(self.values[name])


def on_record(home: Path, name: str) -> int:
    """How many workflows of a name the worker's record has as done: they are not done again."""
    with closing(sqlite3.connect(home / "var" / "jobs.sqlite", timeout=10)) as record:
        query = "SELECT count(*) FROM workflow_status WHERE name = ? AND status = 'SUCCESS'"
        try:
            (found,) = record.execute(query, (name,)).fetchone()
        except sqlite3.OperationalError:  # it is not there yet
            return 0
    return int(found)


@pytest.fixture
def sources() -> Iterator[Sources]:
    sources = Sources()
    yield sources
    sources.over.set()


@pytest.fixture
def publisher(sources: Sources) -> Iterator[Publisher]:
    with published(sources) as publisher:
        yield publisher
        sources.over.set()


@pytest.fixture
def home(tmp_path: Path, publisher: Publisher) -> Path:
    make_home(tmp_path)
    (tmp_path / "worker.py").write_text(WORKER)
    write_sources(tmp_path, publisher.url, "alpha", "beta")
    return tmp_path


@pytest.fixture
def start(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []
    monkeypatch.setenv("TMPDIR", temporary := tempfile.mkdtemp(prefix="orecast-worker-"))

    def start(seconds: float = 0, fetch: str = YEARLY, **changed: str) -> subprocess.Popen[bytes]:
        """A worker that publishes into ``out`` and whose trainings take so many seconds."""
        (home / "seconds").write_text(str(seconds))
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        env = {**os.environ, "ORECAST_HOME": str(home), "ORECAST_JOBS": "2", "PYTHONPATH": path}
        env |= {"ORECAST_FETCH_SCHEDULE": fetch, "ORECAST_SCHEDULE": YEARLY, "ORECAST_PUBLISH_DIR": str(home / "out")}
        with (home / "log").open("a") as log:
            started.append(subprocess.Popen([sys.executable, home / "worker.py"], env=env | changed, stderr=log))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()
        worker.wait()
    shutil.rmtree(temporary, ignore_errors=True)


def test_a_worker_that_is_killed_again_and_again_fetches_trains_and_publishes_everything_once(
    home: Path, start: Start, sources: Sources, publisher: Publisher
) -> None:
    sources.hangs.add("beta")
    worker = start(60)
    wait_until(lambda: asked(publisher)["beta"] == 1 and on_record(home, "fetch") == 1)
    kill(worker)
    sources.hangs.clear()

    worker = start(60)
    wait_until(lambda: on_record(home, "fetch") == 2 and len(read(home / "trained")) == 2)
    kill(worker)

    worker = start(0)
    wait_until(lambda: told(home, "updated") and told(home, "retrained"))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0
    assert asked(publisher) == {"alpha": 1, "beta": 2}, "what was fetched is not asked again"
    registry = Registry(home / "models")
    assert all(str(registry.champion_id(name)).endswith("-new") for name in (*TRAINED, "price.alpha", "price.beta"))
    catalog = Catalog.open(settings_in(home))
    assert [len(catalog.observations(name)) for name in ("price.alpha", "price.beta")] == [40, 40]
    catalog.close()
    edition = home / "out" / "latest"
    assert {file["file"] for file in whole(edition)} >= {"forecasts.csv", "effects.csv", "series.csv", "events.csv"}
    assert "price.beta" in (edition / "forecasts.csv").read_text()


@pytest.mark.slow
def test_a_source_that_is_down_for_days_is_told_once_and_so_is_that_it_is_well_again(
    home: Path, start: Start, sources: Sources, publisher: Publisher
) -> None:
    sources.down.add("beta")
    worker = start(fetch="*/2 * * * * *")
    wait_until(lambda: asked(publisher)["beta"] >= 3)
    kill(worker)
    worker = start(fetch="*/2 * * * * *")
    wait_until(lambda: asked(publisher)["beta"] >= 5)
    assert told(home, "failed", "source=beta", "status 403: closed")
    sources.down.clear()
    wait_until(lambda: told(home, "again=", "source=beta"))
    before = asked(publisher)["beta"]
    wait_until(lambda: asked(publisher)["beta"] >= before + 2)
    worker.terminate()
    assert worker.wait(timeout=10) == 0
    of_it = lines(home, "beta")
    assert sum("[warning" in line for line in of_it) == 1, "that it began to fail"
    assert sum("failed" in line for line in of_it) == 1
    assert sum("again=" in line for line in of_it) == 1, "that it is well again"
    assert told(home, "fetched", "source=alpha"), "the others are fetched"


def test_what_nothing_new_came_for_is_neither_trained_nor_published_again(
    home: Path, start: Start, publisher: Publisher
) -> None:
    worker = start(fetch="*/2 * * * * *")
    wait_until(lambda: log(home).count("unchanged") >= 4)
    worker.terminate()
    assert worker.wait(timeout=10) == 0
    trained = Counter(line.split()[0] for line in read(home / "trained"))
    assert trained["price.alpha"] == trained["price.beta"] == 1
    assert len(list((home / "out" / ".editions").iterdir())) <= 2, "before the new series, and with them"


def test_a_fetch_that_hangs_holds_up_neither_the_others_nor_the_end(
    home: Path, start: Start, sources: Sources, publisher: Publisher
) -> None:
    sources.hangs.add("alpha")
    worker = start()
    wait_until(lambda: asked(publisher)["alpha"] == 1 and told(home, "fetched", "source=beta"))
    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0
    assert time.monotonic() - began < 5
    assert "failed" not in log(home)


def test_where_no_record_can_be_kept_it_fetches_trains_and_publishes_by_the_clock(
    home: Path, start: Start, sources: Sources, publisher: Publisher
) -> None:
    (home / "var" / "jobs.sqlite").mkdir()
    sources.down.add("beta")
    worker = start(fetch="*/3 * * * * *")
    wait_until(lambda: told(home, "published"))
    assert told(home, "goes by the clock alone")
    sources.down.clear()
    wait_until(lambda: told(home, "again=", "source=beta"))
    wait_until(lambda: "price.beta" in (home / "out" / "latest" / "forecasts.csv").read_text())
    worker.terminate()
    assert worker.wait(timeout=10) == 0
    assert sum("[warning" in line for line in lines(home, "beta")) == 1


def test_where_fetching_is_off_nothing_is_asked_not_even_what_a_killed_worker_left(
    home: Path, start: Start, sources: Sources, publisher: Publisher
) -> None:
    sources.hangs.update(("alpha", "beta"))
    worker = start()
    wait_until(lambda: asked(publisher) == {"alpha": 1, "beta": 1})
    kill(worker)
    worker = start(fetch="off")
    wait_until(lambda: told(home, "updated", "off=2"))
    worker.terminate()
    assert worker.wait(timeout=10) == 0
    assert asked(publisher) == {"alpha": 1, "beta": 1}
    assert "update=off" in log(home)


def test_sources_that_cannot_be_read_are_told_and_keep_nothing_else_from_being_done(
    home: Path, start: Start, publisher: Publisher
) -> None:
    (home / "sources.toml").write_text("nonsense = 1")
    worker = start()
    wait_until(lambda: told(home, "retrained"))
    worker.terminate()
    assert worker.wait(timeout=10) == 0
    assert told(home, "[error", "not updated", "nonsense = 1: expected a section: [nonsense]")
    assert whole(home / "out" / "latest")


@pytest.mark.slow
def test_two_workers_on_one_database_ask_each_source_once(
    home: Path, start: Start, publisher: Publisher, postgres_url: str
) -> None:
    shared = {"ORECAST_DATABASE_URL": postgres_url, "ORECAST_MODELS_DIR": str(home / "models")}
    other = home / "other"
    other.mkdir()
    (other / "seconds").write_text("0")
    write_sources(other, publisher.url, "alpha", "beta")
    assert system_database(settings_in(home, database_url=postgres_url)) == postgres_url
    start(HOST_NAME="one", **shared)
    start(HOST_NAME="two", **shared | {"ORECAST_HOME": str(other)})
    wait_until(lambda: told(home, "updated") and told(home, "retrained") and log(home).count("worker started") == 2)
    assert asked(publisher) == {"alpha": 1, "beta": 1}
    assert whole(home / "out" / "latest")
    assert Registry(home / "models").champion(COPPER).run_id.endswith("-new")


def whole(edition: Path) -> list[dict[str, object]]:
    """The files of an edition, each of which is what the index and its manifest say."""
    files: list[dict[str, object]] = json.loads((edition / "manifest.json").read_text())["files"]
    assert [verify(edition / str(file["file"])) for file in files] == [file["rows"] for file in files]
    return files


def asked(publisher: Publisher) -> Counter[str]:
    """How often each source was asked."""
    return Counter(request.path.partition("/")[0] for request in publisher.requests)


def kill(worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    time.sleep(0.5)  # what it had started ends soon after


def log(home: Path) -> str:
    return (home / "log").read_text() if (home / "log").exists() else ""


def lines(home: Path, source: str) -> list[str]:
    return [line for line in log(home).splitlines() if re.search(rf"\bsource={source}\b", line)]


def told(home: Path, *words: str) -> bool:
    return any(all(word in line for word in words) for line in log(home).splitlines())


def read(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def wait_until(true: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
