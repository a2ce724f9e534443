"""The worker: on cron schedules, fetch public sources, retrain what is due and publish, so that no crash loses a thing.

It keeps a record of what it does (``durable``), from which the next one takes up what a killed worker left undone;
where the record cannot be opened it says so and goes by the clock alone. Several workers may share one PostgreSQL
database; on one machine one worker is enough, and a second is refused.

Each series is trained, and each source fetched, in a process of its own, forked from one that has imported what
training needs: it gives its memory back, a crash in a library is one failed series, and the worker can end at once.
Ending is the same as being killed: there is nothing to tidy up but temporary files, and the next one does so too.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

from forecast.errors import Misconfigured
from forecast.files import scratch
from forecast.jobs import logs
from forecast.jobs.processes import end_all, preload
from forecast.jobs.requested import RequestedJobs
from forecast.jobs.tasks import Tasks, Work, done_here, keep_by_clock
from forecast.settings import OFF, Settings


def run(settings: Settings, work: Work) -> NoReturn:
    """Work until SIGTERM or SIGINT, then end the process at once with exit code 0.

    Raises ``Misconfigured`` when a worker runs here already.
    """
    stop, log = threading.Event(), logs.logger(settings.log_level)
    preload(work.imports)
    with _alone(settings.home / "var" / "worker.lock"), scratch():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        _start(Tasks(settings, work, stop, log))
        stop.wait()
        end_all()
        log.info("worker ended")
    sys.stderr.flush()
    os._exit(0)


def _start(tasks: Tasks) -> None:
    """Begin to work in the background, with a record if that can be."""
    try:
        from forecast.jobs.durable import keep_by_record

        keep_by_record(tasks)
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        tasks.log.warning("no record of jobs, so the worker goes by the clock alone", why=why)
        threading.Thread(target=keep_by_clock, args=(tasks,), daemon=True).start()
        threading.Thread(target=_watch_by_clock, args=(tasks,), daemon=True).start()
    now = dt.datetime.now(dt.UTC)
    upcoming = {job.name: job.next_tick(now).isoformat() if job.schedule else OFF for job in tasks.work.jobs}
    tasks.log.info("worker started", **upcoming)


def _watch_by_clock(tasks: Tasks) -> None:
    """Do what is asked of the worker, without a record, while no other job is at work."""
    asked = RequestedJobs.of(tasks)

    def carry_out(job_id: str) -> None:
        with tasks.alone:
            asked.carry_out(job_id, partial(tasks.ask, requested=True), partial(done_here, tasks))

    asked.watch(carry_out)


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
