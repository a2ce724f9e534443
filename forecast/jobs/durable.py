"""The worker's record: ticks and trainings as durable workflows (DBOS), so that no crash loses a series.

One workflow a tick asks what is due and puts one workflow a series on a queue; as many run at once as the settings
allow. What a killed worker left undone, the next one takes up where it stood.
"""

from __future__ import annotations

import datetime as dt
import socket
import sqlite3
import time
from contextlib import closing
from functools import cache
from pathlib import Path

from sqlalchemy import make_url

from forecast.jobs import logs
from forecast.jobs.tasks import Tasks, counts
from forecast.settings import Settings

QUEUE = "training"
SCHEDULE = "retrain"
#: Changes only with the shape of the workflows below, so that an upgraded worker takes up what the old one left.
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

    @DBOS.workflow(name="train")
    def train(series_id: str) -> dict[str, str]:
        return DBOS.run_step({"name": "train"}, tasks.train, series_id)

    @DBOS.workflow(name="retrain")
    def retrain(at: dt.datetime, _context: object) -> None:
        series_ids = DBOS.run_step({"name": "due"}, tasks.due)
        tasks.log.info("retraining", tick=at.isoformat(), due=len(series_ids))
        running = [DBOS.enqueue_workflow(QUEUE, train, series_id) for series_id in series_ids]
        outcomes = [handle.get_result() for handle in running]
        tasks.log.info("retrained", tick=at.isoformat(), **counts(outcomes))

    try:
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=tasks.at_once)
        schedule = tasks.settings.schedule
        DBOS.apply_schedules([{"schedule_name": SCHEDULE, "workflow_fn": retrain, "schedule": schedule}])
        now = dt.datetime.now(dt.UTC)
        # The name of a tick's workflow is its time: a tick that ran is not run again, and of many missed ones only the
        # last is.
        DBOS.backfill_schedule(SCHEDULE, tasks.last_tick(now) - dt.timedelta(seconds=1), now)
    except Exception:
        DBOS.destroy()
        raise


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
