"""The worker: on a cron schedule, retrain what is due, so that no crash loses a series.

One durable workflow a tick asks what is due and puts one durable workflow a series on a queue; as many run at once as
the settings allow. What a killed worker left undone, the next one takes up where it stood. Several workers may share
one PostgreSQL database; on one machine one worker is enough, and a second is refused.

Training happens in a process of its own for each series, forked from one that has imported what training needs: it
gives its memory back, a crash in a library is one failed series, and the worker can end at once. Ending is the same as
being killed: there is nothing to tidy up.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from croniter import croniter  # type: ignore[import-untyped]
from dbos import DBOS, DBOSConfig
from sqlalchemy import make_url

from forecast.errors import FitFailed, ForecastError, Misconfigured
from forecast.jobs import logs
from forecast.jobs.logs import Log
from forecast.settings import Settings

R = TypeVar("R")

QUEUE = "training"
SCHEDULE = "retrain"
#: Changes only with the shape of the workflows below, so that an upgraded worker takes up what the old one left.
SHAPE = "1"


@dataclass(frozen=True)
class Work:
    """What the worker does at a tick: importable functions of plain values, called in other processes.

    ``train`` says what became of a series: its ``status`` (``trained``, ``held``, ``current`` or ``failed``) and other
    words for the log. ``imports``: modules that those processes share.
    """

    due: Callable[[Settings], tuple[str, ...]]
    train: Callable[[Settings, str], dict[str, str]]
    imports: tuple[str, ...] = ()


def run(settings: Settings, work: Work) -> NoReturn:
    """Work until SIGTERM or SIGINT, then end the process at once with exit code 0.

    Raises ``Misconfigured`` for a schedule that is none, or when a worker runs here already.
    """
    if not croniter.is_valid(settings.schedule):
        raise Misconfigured(f"ORECAST_SCHEDULE = {settings.schedule!r}: expected five fields of cron, in UTC")
    stop, log = threading.Event(), logs.logger(settings.log_level)
    multiprocessing.set_forkserver_preload(list(work.imports))
    with _alone(settings.home / "var" / "worker.lock"):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        _launch(settings, work, stop, log)
        stop.wait()
        for child in multiprocessing.active_children():
            if child.pid:
                _kill_group(child.pid)
                child.join()
        log.info("worker ended")
        sys.stderr.flush()
        os._exit(0)


def system_database(settings: Settings) -> str:
    """URL of the record of the workflows: beside the catalogue, in its PostgreSQL or in a SQLite file of its own."""
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return settings.database_url
    return f"sqlite:///{Path(url.database).with_name('jobs.sqlite')}"


def _launch(settings: Settings, work: Work, stop: threading.Event, log: Log) -> None:
    logs.adopt("dbos", log)
    config: DBOSConfig = {
        "name": "orecast",
        "system_database_url": system_database(settings),
        "application_version": SHAPE,
        "executor_id": socket.gethostname(),
        "log_level": "WARNING",
    }
    DBOS(config=config)

    def train_step(series_id: str) -> dict[str, str]:
        started = time.monotonic()
        try:
            outcome = _apart(stop, work.train, settings, series_id)
        except FitFailed as error:
            outcome = {"status": "failed", "detail": str(error)}
        say = log.warning if outcome["status"] == "failed" else log.info
        facts = {name: word for name, word in outcome.items() if word and name not in ("status", "series_id")}
        say(outcome["status"], series=series_id, **facts, seconds=round(time.monotonic() - started, 1))
        return outcome

    @DBOS.workflow(name="train")
    def train(series_id: str) -> dict[str, str]:
        return DBOS.run_step({"name": "train"}, train_step, series_id)

    @DBOS.workflow(name="retrain")
    def retrain(at: dt.datetime, _context: Any) -> None:
        series_ids = DBOS.run_step({"name": "due"}, _apart, stop, work.due, settings)
        log.info("retraining", tick=at.isoformat(), due=len(series_ids))
        running = [DBOS.enqueue_workflow(QUEUE, train, series_id) for series_id in series_ids]
        statuses = [handle.get_result()["status"] for handle in running]
        counts = {status: statuses.count(status) for status in sorted(set(statuses))}
        log.info("retrained", tick=at.isoformat(), **counts)

    DBOS.launch()
    jobs = settings.jobs if settings.jobs > 0 else os.cpu_count() or 1
    DBOS.register_queue(QUEUE, worker_concurrency=jobs)
    DBOS.apply_schedules([{"schedule_name": SCHEDULE, "workflow_fn": retrain, "schedule": settings.schedule}])
    now = dt.datetime.now(dt.UTC)
    missed = croniter(settings.schedule, now).get_prev(dt.datetime)
    # The name of a tick's workflow is its time: a tick that ran is not run again, and of many missed ones only the
    # last is.
    DBOS.backfill_schedule(SCHEDULE, missed - dt.timedelta(seconds=1), now)
    upcoming = croniter(settings.schedule, now).get_next(dt.datetime)
    log.info("worker started", schedule=settings.schedule, next=upcoming.isoformat(), jobs=jobs)


# -- processes ---------------------------------------------------------------------------------------------------------


def _apart(stop: threading.Event, function: Callable[..., R], *args: object) -> R:
    """Call a function in a new process. Raises ``FitFailed`` with what it raised there; ``SystemExit`` while the worker
    is ending, so that the step stays open.
    """
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, function, args))
    process.start()
    theirs.close()
    try:
        value, error = ours.recv()
    except EOFError:
        if stop.is_set():
            raise SystemExit from None
        value, error = None, "the training process died (out of memory?)"
    finally:
        process.join()
        ours.close()
    if error:
        raise FitFailed(error)
    return cast("R", value)


def _answer(pipe: Connection, function: Callable[..., object], args: tuple[object, ...]) -> None:
    _follow_parent()
    try:
        pipe.send((function(*args), ""))
    except ForecastError as error:
        pipe.send((None, str(error)))
    except Exception as error:
        pipe.send((None, f"{type(error).__name__}: {error}"))
        raise


def _follow_parent() -> None:
    """Lead a process group of one's own, and end it all, the solvers of a fit too, when the worker is gone.

    A request to end that reaches every process is for the worker to carry out.
    """
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        _kill_group(os.getpid())

    threading.Thread(target=watch, daemon=True).start()


def _kill_group(pid: int) -> None:
    """Kill a process and its group; a process too young to lead a group is killed alone."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            return kill(pid, signal.SIGKILL)
    return None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of this home while the process lives; a killed process lets go of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misconfigured(f"a worker runs here already: {path} is locked") from None
        yield
