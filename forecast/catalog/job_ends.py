"""How each job of the worker ended last, for whoever watches that it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, insert, select

from forecast.catalog.engine import Database
from forecast.catalog.schema import JOB_ENDS


@dataclass(frozen=True)
class JobEnd:
    """The last end of a job; moments are UTC.

    ``succeeded``: when it last ended with nothing failed, None if it never did; ``failed``: how many of the things that
    it did came to nothing; ``fault``: why it could not be done at all, else empty.
    """

    job: str
    ended: datetime
    succeeded: datetime | None
    failed: int = 0
    fault: str = ""


class JobEnds:
    """The last ends of all jobs that a worker ever did."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> tuple[JobEnd, ...]:
        """By name of the job."""
        rows = self._database.read(lambda connection: connection.execute(select(JOB_ENDS)).all())
        return tuple(
            JobEnd(row.job, row.ended.replace(tzinfo=UTC), _utc(row.succeeded), row.failed, row.fault)
            for row in sorted(rows, key=lambda row: row.job)
        )

    def record(self, job: str, ended: datetime, failed: int = 0, fault: str = "") -> None:
        """Keep how a job ended at a moment (UTC)."""
        here, moment = JOB_ENDS.c.job == job, ended.astimezone(UTC).replace(tzinfo=None)
        with self._database.writing() as connection:
            before = connection.execute(select(JOB_ENDS.c.succeeded).where(here)).scalar()
            connection.execute(delete(JOB_ENDS).where(here))
            connection.execute(
                insert(JOB_ENDS),
                {
                    "job": job,
                    "ended": moment,
                    "succeeded": before if failed or fault else moment,
                    "failed": failed,
                    "fault": fault,
                },
            )


def _utc(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(tzinfo=UTC)
