"""The worker in a process of its own: whatever kills it, every series is trained, and what serves goes on serving."""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from forecast.catalog import Catalog
from forecast.jobs import logs
from forecast.jobs.durable import MillisecondConnection, system_database, tells_milliseconds
from forecast.jobs.tasks import Job
from forecast.registry import Registry
from tests.support import ROOT
from tests.support.trained_home import COPPER, EARTHS, NICKEL, make_home, settings_in

#: A worker whose training takes as long as it is told, and which notes what it starts and every way out it takes.
WORKER = """
import os, sys, time
from pathlib import Path

from forecast.catalog import Catalog
from forecast.registry import Registry
from tests.support.trained_home import TRAINED, add_run

HOME = Path(os.environ["ORECAST_HOME"])


def note(file, text):
    with (HOME / file).open("a") as out:
        out.write(text + "\\n")


def due(settings):
    note("asked", "due")
    registry = Registry(settings.models_dir)
    return tuple(name for name in TRAINED if not str(registry.champion_id(name)).endswith("-new"))


def train(settings, series_id):
    note("started", f"{series_id} {os.getpid()}")
    time.sleep(float((HOME / "seconds").read_text()))
    if (HOME / f"breaks-{series_id}").exists():
        raise ValueError("no good")
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    run_id = add_run(registry, catalog, series_id, level=1.1, name="new")
    registry.promote(series_id, run_id)
    catalog.close()
    return {"status": "trained", "run": run_id}


def watch(event, facts):
    if event == "socket.connect" and not isinstance(facts[1], (str, bytes)):  # those are files of this machine
        note("connected", repr(facts))


if __name__ == "__main__":
    from dataclasses import replace

    from forecast.jobs.schedule import TRAINING
    from forecast.jobs.tasks import Job, Work
    from forecast.jobs.worker import run
    from forecast.settings import Settings

    sys.addaudithook(watch)
    settings = Settings.from_env(os.environ)
    job = Job("retrain", "retrained", settings.schedule, (replace(TRAINING, ask=due, do=train),))
    run(settings, Work((job,), imports=("tests.support.trained_home",)))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path)
    (tmp_path / "worker.py").write_text(WORKER)
    return tmp_path


@pytest.fixture
def start(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    # Not below pytest's folder: the path of a socket must be short.
    monkeypatch.setenv("TMPDIR", temporary := tempfile.mkdtemp(prefix="orecast-worker-"))

    def start(seconds: float) -> subprocess.Popen[bytes]:
        """A worker whose trainings take so many seconds."""
        (home / "seconds").write_text(str(seconds))
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        env = {**os.environ, "ORECAST_HOME": str(home), "ORECAST_JOBS": "2", "PYTHONPATH": path}
        with (home / "log").open("a") as log:
            started.append(subprocess.Popen([sys.executable, home / "worker.py"], env=env, stderr=log))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()
        worker.wait()
    shutil.rmtree(temporary)


def test_a_killed_worker_loses_nothing_and_what_serves_goes_on(
    home: Path, start: Callable[[float], subprocess.Popen[bytes]]
) -> None:
    served = Registry(home / "models").champion(COPPER)
    worker = start(60)
    wait_until(lambda: len(read(home / "started")) == 2)
    trainings = [int(line.split()[1]) for line in read(home / "started")]
    worker.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in trainings))
    after = Registry(home / "models")
    assert after.champion(COPPER).run_id == served.run_id
    assert (after.champion(COPPER).draws == served.draws).all()
    assert after.faults() == ()
    temporary = Path(os.environ["TMPDIR"])
    assert [path.name.startswith("orecast-tmp-") for path in temporary.iterdir()] == [True]

    worker = start(0)
    registry = Registry(home / "models")
    wait_until(lambda: all(registry.champion(name).run_id.endswith("-new") for name in (COPPER, NICKEL, EARTHS)))
    wait_until(lambda: "retrained" in (home / "log").read_text())
    assert read(home / "asked") == ["due"], "what was due was known already"
    (scratch,) = temporary.iterdir()
    assert not list(scratch.glob("tmp*")), "each training takes its own along"
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=5) == 0
    assert list(temporary.iterdir()) == []
    assert not (home / "connected").exists(), "it opened a connection"


def test_a_tick_that_was_missed_is_caught_up_once(
    home: Path, start: Callable[[float], subprocess.Popen[bytes]]
) -> None:
    (home / f"breaks-{NICKEL}").touch()
    worker = start(0)
    wait_until(lambda: "retrained" in (home / "log").read_text())
    log = (home / "log").read_text()
    assert "failed" in log
    assert "ValueError: no good" in log, "the series that failed, with its reason"
    assert Registry(home / "models").champion(COPPER).run_id.endswith("-new"), "the others finish"
    catalog = Catalog.open(settings_in(home))
    (end,) = catalog.job_ends.all()
    catalog.close()
    assert (end.job, end.failed, end.succeeded) == ("retrain", 1, None), "for whoever watches"
    worker.terminate()
    worker.wait(timeout=5)

    worker = start(0)
    wait_until(lambda: (home / "log").read_text().count("worker started") == 2)
    time.sleep(2.5)
    assert read(home / "asked") == ["due"]
    worker.terminate()
    assert worker.wait(timeout=5) == 0


def test_ticks_that_come_faster_than_a_training_are_one(
    home: Path, start: Callable[[float], subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORECAST_SCHEDULE", "* * * * * *")
    start(60)
    record = home / "var" / "jobs.sqlite"
    wait_until(lambda: len(read(home / "started")) == 2 and recorded(record, "retrain-tick").count("SUCCESS") >= 5)
    assert sorted(recorded(record, "retrain")) == ["ENQUEUED", "PENDING"], "one at work, and one after it"
    assert read(home / "asked") == ["due"]


def recorded(record: Path, name: str) -> list[str]:
    """What became of each workflow of a name."""
    with closing(sqlite3.connect(record)) as connection:
        query = "SELECT status FROM workflow_status WHERE name = ?"
        return [status for (status,) in connection.execute(query, [name])]


def test_it_ends_at_once_in_the_middle_of_a_training(
    home: Path, start: Callable[[float], subprocess.Popen[bytes]]
) -> None:
    worker = start(60)
    wait_until(lambda: len(read(home / "started")) == 2)
    second = subprocess.run(
        [sys.executable, "-m", "forecast.cli", "worker"],
        env={**os.environ, "ORECAST_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 2
    assert second.stderr.startswith("orecast: a worker runs here already")
    asked = time.monotonic()
    worker.send_signal(signal.SIGINT)
    assert worker.wait(timeout=5) == 0
    assert time.monotonic() - asked < 2
    assert not any(alive(int(line.split()[1])) for line in read(home / "started"))
    assert "failed" not in (home / "log").read_text()


def test_where_no_record_can_be_kept_it_goes_by_the_clock(
    home: Path, start: Callable[[float], subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORECAST_SCHEDULE", "*/2 * * * * *")
    (home / "var" / "jobs.sqlite").mkdir()
    worker = start(0)
    wait_until(lambda: (home / "log").exists() and "retrained" in (home / "log").read_text())
    registry = Registry(home / "models")
    for series_id in (COPPER, NICKEL, EARTHS):
        assert registry.champion(series_id).run_id.endswith("-new"), "what was missed is caught up"
    registry.rollback(NICKEL)
    wait_until(lambda: registry.champion(NICKEL).run_id.endswith("-new"))  # at a later tick, here as if it were due
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=5) == 0
    log = (home / "log").read_text()
    assert log.count("no record of jobs, so the worker goes by the clock alone") == 1
    assert "unable to open database file" in log
    assert "Traceback" not in log


def test_the_first_of_six_fields_of_a_schedule_is_that_of_seconds(tmp_path: Path) -> None:
    """As the record of jobs reads it, so that the clock and the record tick at the same times."""
    job = Job("retrain", "retrained", settings_in(tmp_path, schedule="30 0 3 * * *").schedule, ())
    noon = dt.datetime(2026, 7, 15, 12, tzinfo=dt.UTC)
    assert job.next_tick(noon) == dt.datetime(2026, 7, 16, 3, 0, 30, tzinfo=dt.UTC)
    assert job.last_tick(noon) == dt.datetime(2026, 7, 15, 3, 0, 30, tzinfo=dt.UTC)


def test_a_library_speaks_in_our_lines_from_our_level_on(capsys: pytest.CaptureFixture[str]) -> None:
    logs.adopt("some.library", "WARNING")
    library = logging.getLogger("some.library")
    library.setLevel("INFO")
    library.info("not asked for")
    try:
        raise ValueError("its own affair")
    except ValueError:
        library.warning("lost %d of %d", 1, 2, exc_info=True)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[warning  \] lost 1 of 2 +\[some\.library\]", line)


def test_the_time_in_milliseconds_is_told_on_any_sqlite() -> None:
    with closing(sqlite3.connect(":memory:")) as old:
        old.create_function("unixepoch", 1, lambda modifier: None)  # as SQLite before 3.42
        assert not tells_milliseconds(old)
    with closing(sqlite3.connect(":memory:")) as new:
        new.create_function("unixepoch", 1, lambda modifier: 1.5)
        assert tells_milliseconds(new)
    with closing(sqlite3.connect(":memory:", factory=MillisecondConnection)) as ours:
        assert tells_milliseconds(ours)
        ours.execute("CREATE TABLE t (at INTEGER NOT NULL DEFAULT (unixepoch('subsec') * 1000))")
        ours.execute("INSERT INTO t DEFAULT VALUES")
        (at,) = ours.execute("SELECT at FROM t").fetchone()
        assert abs(at / 1000 - time.time()) < 60


@pytest.mark.slow
def test_a_record_is_kept_on_an_old_sqlite_whatever_dbos_takes_it_for(
    home: Path, start: Callable[[float], subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORECAST_SCHEDULE", "@yearly")
    (home / "sitecustomize.py").write_text(AS_ON_PYTHON_3_12)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(home), os.environ.get("PYTHONPATH", "")]))
    worker = start(0)
    wait_until(lambda: (home / "log").exists() and "retrained" in (home / "log").read_text())
    worker.terminate()
    assert worker.wait(timeout=5) == 0
    assert "no record" not in (home / "log").read_text()
    with closing(sqlite3.connect(home / "var" / "jobs.sqlite")) as record:
        (table,) = record.execute("SELECT sql FROM sqlite_master WHERE name = 'workflow_status'").fetchone()
        done = record.execute("SELECT name FROM workflow_status WHERE status = 'SUCCESS'").fetchall()
    assert "unixepoch('subsec')" in table
    assert done.count(("train",)) == 3


#: DBOS asks for the version of Python, and takes its SQLite to be as new.
AS_ON_PYTHON_3_12 = """
import sys
import dbos._migration, dbos._sys_db

class Newer:
    version_info = (3, 12)
    def __getattr__(self, name):
        return getattr(sys, name)

dbos._sys_db.sys = Newer()
older, newer = "(strftime('%s','now') * 1000)", "(unixepoch('subsec') * 1000)"
dbos._migration.sqlite_migrations[:] = [text.replace(older, newer) for text in dbos._migration.sqlite_migrations]
"""


def test_the_record_of_jobs_lies_beside_the_catalogue(tmp_path: Path) -> None:
    assert system_database(settings_in(tmp_path)) == f"sqlite:///{tmp_path}/var/jobs.sqlite"
    elsewhere = settings_in(tmp_path, database_url="sqlite:////srv/catalogue.db")
    assert system_database(elsewhere) == "sqlite:////srv/jobs.sqlite"
    shared = "postgresql+psycopg://orecast@db/orecast"
    assert system_database(settings_in(tmp_path, database_url=shared)) == shared


def read(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
