"""The worker's record: jobs and what they do as durable workflows (DBOS), so that no crash loses any of it.

Each tick puts the workflow of its job on a queue, unless one waits there already: ticks that come faster than their
work is done are one. What somebody asks of the worker is put there too. One job after another asks what there is to do
and puts one workflow a thing on the queue of its stage; of these as many run at once as the settings allow. What a
killed worker left undone, the next one takes up where it stood.
"""

from __future__ import annotations

import datetime as dt
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from forecast.jobs import logs
from forecast.jobs.requested import RequestedJobs
from forecast.jobs.tasks import Job, Outcome, Stage, Tasks
from forecast.settings import Settings

if TYPE_CHECKING:
    from dbos import WorkflowHandle

#: The workflow of a job: the time of its tick, and what the record hands on besides.
Tick = Callable[[dt.datetime, object], None]
#: The queue of the jobs, and that of their ticks.
JOBS, TICKS = "jobs", "ticks"
#: Changes only when what is recorded of a workflow below would be read as something else: steps that are new at its end
#: and workflows that are new do not change it, so that an upgraded worker takes up what the old one left.
SHAPE = "1"


def keep_by_record(tasks: Tasks) -> None:
    """Start to work in the background, taking up what was left undone; of ticks that were missed the last is caught up.

    Raises whatever keeps the record from being opened.
    """
    from dbos import DBOS, DBOSConfig

    logs.adopt("dbos", tasks.settings.log_level)
    url = system_database(tasks.settings)
    config: DBOSConfig = {
        "name": "orecast",
        "system_database_url": url,
        "application_version": SHAPE,
        "executor_id": socket.gethostname(),
        "log_level": "WARNING",
    }
    if url.startswith("sqlite"):
        config["db_engine_kwargs"] = {"connect_args": {"factory": MillisecondConnection}}
    DBOS(config=config)
    # All of them, also those of a job without a schedule: a killed worker that had one may have left some of it.
    stages = {stage: _stage_workflow(tasks, stage) for stage in tasks.work.stages}
    ticks = {job: _tick_workflow(job, _job_workflow(tasks, job, stages)) for job in tasks.work.jobs}
    asked = RequestedJobs.of(tasks)
    requested = _requested_workflow(asked, stages)
    try:
        DBOS.launch()
        DBOS.register_queue(JOBS, worker_concurrency=1)  # what one has trained is not due when the next one asks
        DBOS.register_queue(TICKS, worker_concurrency=1)  # so that no two of them find the other queue empty
        for stage in stages:
            DBOS.register_queue(stage.queue, worker_concurrency=tasks.at_once(stage))
        for job, workflow in ticks.items():
            _schedule(job, workflow)
        threading.Thread(target=asked.watch, args=(requested,), daemon=True).start()
    except Exception:
        DBOS.destroy()
        raise


def _schedule(job: Job, workflow: Tick) -> None:
    """Let a job begin at its ticks, or no longer."""
    from dbos import DBOS

    if not job.schedule:
        DBOS.delete_schedule(job.name)
        return
    DBOS.apply_schedules(
        [{"schedule_name": job.name, "workflow_fn": workflow, "schedule": job.schedule, "queue_name": TICKS}]
    )
    now = dt.datetime.now(dt.UTC)
    # The name of a tick's workflow is its time: a tick that ran is not run again, and of many missed ones only the last
    # is.
    DBOS.backfill_schedule(job.name, job.last_tick(now) - dt.timedelta(seconds=1), now)


def _stage_workflow(tasks: Tasks, stage: Stage) -> Callable[[str], Outcome]:
    from dbos import DBOS

    @DBOS.workflow(name=stage.name)
    def one(name: str) -> Outcome:
        return DBOS.run_step({"name": stage.name}, tasks.do, stage, name)

    return one


def _job_workflow(tasks: Tasks, job: Job, stages: Mapping[Stage, Callable[[str], Outcome]]) -> Tick:
    from dbos import DBOS

    def done(stage: Stage, at: str) -> list[Outcome]:
        names = DBOS.run_step({"name": stage.question}, tasks.ask, stage)
        tasks.begun(stage, names, tick=at)
        return list(_outcomes(stages, stage, names))

    @DBOS.workflow(name=job.name)
    def tick(at: dt.datetime, _context: object) -> None:
        tasks.run(job, lambda stage: done(stage, at.isoformat()), tick=at.isoformat())

    return tick


def _requested_workflow(
    asked: RequestedJobs, stages: Mapping[Stage, Callable[[str], Outcome]]
) -> Callable[[str], None]:
    """Put a job that was asked for on the queue of jobs, once, however often it is put there."""
    from dbos import DBOS, SetWorkflowID

    tasks = asked.tasks

    def ask(stage: Stage) -> tuple[str, ...]:
        names: tuple[str, ...] = DBOS.run_step({"name": stage.question}, tasks.ask, stage, requested=True)
        return names

    @DBOS.workflow(name="requested")
    def requested(job_id: str) -> None:
        asked.carry_out(job_id, ask, partial(_outcomes, stages))

    def enqueue(job_id: str) -> None:
        with SetWorkflowID(job_id):
            DBOS.enqueue_workflow(JOBS, requested, job_id)

    return enqueue


def _outcomes(
    stages: Mapping[Stage, Callable[[str], Outcome]], stage: Stage, names: tuple[str, ...]
) -> Iterator[Outcome]:
    """Put one workflow a thing on the queue of a stage; what becomes of each, in their order."""
    from dbos import DBOS, SetEnqueueOptions

    def enqueue(name: str) -> WorkflowHandle[Outcome]:
        if not stage.joined:
            return DBOS.enqueue_workflow(stage.queue, stages[stage], name)
        with SetEnqueueOptions(deduplication_id=name, duplication_policy="return-existing"):
            return DBOS.enqueue_workflow(stage.queue, stages[stage], name)

    running = [enqueue(name) for name in names]
    for handle in running:
        yield handle.get_result()


def _tick_workflow(job: Job, workflow: Tick) -> Tick:
    """Put a job on its queue, unless one that did not begin yet will do what this one would."""
    from dbos import DBOS

    @DBOS.workflow(name=f"{job.name}-tick")
    def tick(at: dt.datetime, _context: object) -> None:
        if not DBOS.list_workflows(queue_name=JOBS, name=job.name, status="ENQUEUED", limit=1, load_input=False):
            DBOS.enqueue_workflow(JOBS, workflow, at, None)

    return tick


def system_database(settings: Settings) -> str:
    """URL of the record of the workflows: beside the catalogue, in its PostgreSQL or in a SQLite file of its own."""
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return settings.database_url
    return f"sqlite:///{Path(url.database).with_name('jobs.sqlite')}"


def tells_milliseconds(connection: sqlite3.Connection) -> bool:
    """Whether ``unixepoch('subsec')`` is a number: it is NULL before SQLite 3.42 and no function before 3.38.

    DBOS asks for the time so on Python 3.12 and newer, whatever SQLite that is linked to.
    """
    try:
        (now,) = connection.execute("SELECT unixepoch('subsec')").fetchone()
    except sqlite3.OperationalError:
        return False
    return now is not None


class MillisecondConnection(sqlite3.Connection):
    """A connection that can tell the time in milliseconds, also where SQLite is too old to."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # as sqlite3.connect hands them on
        if not _told_here():
            self.create_function("unixepoch", 1, _unixepoch)


@cache
def _told_here() -> bool:
    # Asked on a connection of its own: Python keeps the statements of a connection, with the functions they found.
    with closing(sqlite3.connect(":memory:")) as connection:
        return tells_milliseconds(connection)


def _unixepoch(modifier: object) -> float:
    if modifier != "subsec":
        raise ValueError("only unixepoch('subsec') is replaced")
    return round(time.time(), 3)
