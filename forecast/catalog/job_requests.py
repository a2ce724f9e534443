"""Work that somebody asked of the worker: a row a request, which the worker takes up and tells its progress in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Row, insert, select, update

from forecast.catalog import audit
from forecast.catalog.audit import AuditAction, AuditedChange
from forecast.catalog.engine import Database
from forecast.catalog.schema import JOB_REQUESTS, WORKERS, stored_moment
from forecast.errors import NotFound

#: A worker that was seen so long ago is there.
THERE = timedelta(seconds=60)


class JobName(StrEnum):
    """The jobs that can be asked of the worker, as it calls them itself."""

    UPDATE = "update"
    RETRAIN = "retrain"


class JobState(StrEnum):
    """How a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class JobFailure:
    """One thing that could not be done, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class JobRequest:
    """A job that was asked for; ``names``: the things to do, all that is due where none is named.

    ``asked``: how many requests it answers; of the things to do ``total`` are known so far and ``done`` are over, which
    ``outcomes`` counts by what became of them; ``why``: the reason where it could not be done at all.
    """

    job_id: str
    job: JobName
    names: tuple[str, ...]
    state: JobState
    requested: datetime
    requested_by: str
    asked: int = 1
    started: datetime | None = None
    ended: datetime | None = None
    total: int = 0
    done: int = 0
    outcomes: Mapping[str, int] | None = None
    failed: tuple[JobFailure, ...] = ()
    why: str = ""


class JobRequests:
    """The requests of one catalogue; reads and writes as the catalogue does. ``by``: who asks."""

    def __init__(self, database: Database, by: str) -> None:
        self._database, self._by = database, by

    def request(self, job: JobName, names: Sequence[str], now: datetime) -> JobRequest:
        """A job that waits for the worker: one that is asked for already and has not begun is that one."""
        wanted = tuple(sorted(set(names)))
        with self._database.writing() as connection:
            for waiting in _found(connection, JobState.QUEUED):
                if (waiting.job, waiting.names) == (job, wanted):
                    _set(connection, waiting.job_id, asked=waiting.asked + 1)
                    return _one(connection, waiting.job_id)
            job_id = secrets.token_hex(8)
            row: dict[str, object] = {
                "job_id": job_id,
                "job": job.value,
                "names": json.dumps(wanted),
                "state": JobState.QUEUED.value,
            }
            row |= {"requested": stored_moment(now), "requested_by": self._by, "asked": 1, "total": 0, "done": 0}
            connection.execute(insert(JOB_REQUESTS), row | {"outcomes": "{}", "failed": "[]", "why": ""})
            change = AuditedChange(AuditAction.JOBS_REQUEST, job_id, {}, {"job": job, "names": wanted})
            audit.write(connection, self._by, now, [change])
            return _one(connection, job_id)

    def all(self) -> list[JobRequest]:
        """Every job that was ever asked for, the newest first."""
        return self._database.read(_found)[::-1]

    def waiting(self) -> list[JobRequest]:
        """Those that no worker has begun, in order of asking."""
        return self._database.read(lambda connection: _found(connection, JobState.QUEUED))

    def get(self, job_id: str) -> JobRequest:
        """Raises ``NotFound``."""
        return self._database.read(lambda connection: _one(connection, job_id))

    # -- what the worker tells -----------------------------------------------------------------------------------------

    def begin(self, job_id: str, now: datetime) -> JobRequest:
        """A worker has taken it up; one that a killed worker had begun begins anew. Raises ``NotFound``."""
        with self._database.writing() as connection:
            cells = {"state": JobState.RUNNING.value, "started": stored_moment(now), "total": 0, "done": 0}
            _set(connection, job_id, **cells, outcomes="{}", failed="[]")
            return _one(connection, job_id)

    def found(self, job_id: str, number: int) -> None:
        """So many more things are to be done."""
        with self._database.writing() as connection:
            _set(connection, job_id, total=_one(connection, job_id).total + number)

    def progress(self, job_id: str, status: str, failure: JobFailure | None = None) -> None:
        """One more thing is over; ``failure``: of one that could not be done."""
        with self._database.writing() as connection:
            one = _one(connection, job_id)
            outcomes = dict(one.outcomes or {})
            outcomes[status] = outcomes.get(status, 0) + 1
            failed = [[each.name, each.why] for each in (*one.failed, *([failure] if failure else ()))]
            cells = {"outcomes": json.dumps(outcomes), "failed": json.dumps(failed, ensure_ascii=False)}
            _set(connection, job_id, done=one.done + 1, **cells)

    def end(self, job_id: str, now: datetime, why: str = "") -> None:
        """It is over; ``why``: the reason where it could not be done at all."""
        state = JobState.FAILED if why else JobState.DONE
        with self._database.writing() as connection:
            _set(connection, job_id, state=state.value, ended=stored_moment(now), why=why)

    def see(self, host: str, now: datetime) -> None:
        """A worker is there."""
        with self._database.writing() as connection:
            seen = {"seen": stored_moment(now)}
            if connection.execute(update(WORKERS).where(WORKERS.c.host == host).values(seen)).rowcount == 0:
                connection.execute(insert(WORKERS), {"host": host, **seen})

    def worker_seen(self) -> datetime | None:
        """When a worker was last seen; None where none ever was."""
        query = select(WORKERS.c.seen).order_by(WORKERS.c.seen.desc()).limit(1)
        seen = self._database.read(lambda connection: connection.execute(query).scalar())
        return None if seen is None else seen.replace(tzinfo=UTC)


def _found(connection: Connection, state: JobState | None = None) -> list[JobRequest]:
    query = select(JOB_REQUESTS).order_by(JOB_REQUESTS.c.requested, JOB_REQUESTS.c.job_id)
    if state is not None:
        query = query.where(JOB_REQUESTS.c.state == state.value)
    return [_request(row) for row in connection.execute(query)]


def _one(connection: Connection, job_id: str) -> JobRequest:
    row = connection.execute(select(JOB_REQUESTS).where(JOB_REQUESTS.c.job_id == job_id)).first()
    if row is None:
        raise NotFound("job", job_id, connection.execute(select(JOB_REQUESTS.c.job_id)).scalars())
    return _request(row)


def _set(connection: Connection, job_id: str, **cells: object) -> None:
    connection.execute(update(JOB_REQUESTS).where(JOB_REQUESTS.c.job_id == job_id).values(cells))


def _request(row: Row[*tuple[object, ...]]) -> JobRequest:
    cells = row._mapping
    return JobRequest(
        cells["job_id"],
        JobName(cells["job"]),
        tuple(json.loads(cells["names"])),
        JobState(cells["state"]),
        cells["requested"].replace(tzinfo=UTC),
        cells["requested_by"],
        cells["asked"],
        cells["started"] and cells["started"].replace(tzinfo=UTC),
        cells["ended"] and cells["ended"].replace(tzinfo=UTC),
        cells["total"],
        cells["done"],
        json.loads(cells["outcomes"]),
        tuple(JobFailure(*each) for each in json.loads(cells["failed"])),
        cells["why"],
    )
