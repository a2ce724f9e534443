"""Jobs as an answer: what was asked of the worker, and how far it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from forecast.answers.model import Answer, Listing, Part, Text, in_unit
from forecast.catalog.job_requests import THERE, JobName, JobRequest, JobState
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.catalog import Catalog

_THINGS = in_unit("series, sources or folders")


class JobOutcome(Part):
    """How many things ended in one way."""

    status: str = Field(description="what became of them: trained, current, held, fetched, published, failed and so on")
    number: int = Field(description="how many", json_schema_extra=_THINGS)


class JobFault(Part):
    """A thing that could not be done."""

    name: str = Field(description="id of a series, name of a source, or the folder that is published into")
    why: Text = Field(description="the reason")


class JobFacts(Answer):
    """A job that was asked of the worker."""

    job_id: str = Field(title="job", description="id of the job")
    job: JobName = Field(
        title="kind",
        description="update: fetch the public sources, train what is due and publish; retrain: train and publish",
    )
    series_ids: tuple[str, ...] = Field(description="what is trained; where nothing is named, what is due")
    state: JobState = Field(description="queued, running, done (some of it may have failed), or failed as a whole")
    says: str = Field(description="the state in words; of one that waits, whether there is a worker")
    requested: dt.datetime = Field(description="when it was asked for (UTC)")
    requested_by: str = Field(description="name of the key, and its id, or of the person that asked first")
    asked: int = Field(description="how many requests it answers", json_schema_extra=in_unit("requests"))
    started: dt.datetime | None = Field(description="when a worker began it (UTC)")
    finished: dt.datetime | None = Field(description="when it was over (UTC)")
    total: int = Field(description="things to do, as far as is known so far", json_schema_extra=_THINGS)
    done: int = Field(description="things that are over, well or not", json_schema_extra=_THINGS)
    outcomes: tuple[JobOutcome, ...] = Field(description="what became of them; in CSV `status:number`")
    failed: tuple[JobFault, ...] = Field(description="what could not be done, and why; in CSV `name:why`")


class JobList(Listing):
    """Jobs that were asked of the worker, the newest first."""

    data: tuple[JobFacts, ...]


def job_list(catalog: Catalog, found: Iterable[JobRequest], now: dt.datetime) -> JobList:
    """Jobs in their order, as they stand at a moment (UTC)."""
    seen = catalog.job_requests.worker_seen()
    return JobList.of([_facts(one, seen, now) for one in found])


def job_facts(catalog: Catalog, job: JobRequest, now: dt.datetime) -> JobFacts:
    """A job as it stands at a moment (UTC)."""
    return _facts(job, catalog.job_requests.worker_seen(), now)


def _facts(job: JobRequest, seen: dt.datetime | None, now: dt.datetime) -> JobFacts:
    return JobFacts(
        job_id=job.job_id,
        job=job.job,
        series_ids=job.names,
        state=job.state,
        says=_says(job, seen, now),
        requested=job.requested,
        requested_by=job.requested_by,
        asked=job.asked,
        started=job.started,
        finished=job.ended,
        total=job.total,
        done=job.done,
        outcomes=tuple(JobOutcome(status=status, number=n) for status, n in sorted((job.outcomes or {}).items())),
        failed=tuple(JobFault(name=one.name, why=one.why) for one in job.failed),
    )


def _says(job: JobRequest, seen: dt.datetime | None, now: dt.datetime) -> str:
    match job.state:
        case JobState.QUEUED:
            return f"queued; {_worker(seen, now)}"
        case JobState.RUNNING:
            away = "" if _is_there(seen, now) else f"; {_worker(seen, now)}"
            return f"running, {job.done} of {job.total} done{away}"
        case JobState.FAILED:
            return f"failed: {job.why}"
    failed = f", {counted(len(job.failed), 'failure')}" if job.failed else ""
    return f"done{failed}" if job.total else "done; nothing was due"


def _is_there(seen: dt.datetime | None, now: dt.datetime) -> bool:
    return seen is not None and now - seen < THERE


def _worker(seen: dt.datetime | None, now: dt.datetime) -> str:
    """Whether a worker is there to do it."""
    if _is_there(seen, now):
        return "a worker is there and does one job after another"
    since = "has ever been seen" if seen is None else f"has been seen since {seen:%Y-%m-%d %H:%M} UTC"
    return f"no worker {since}: it waits until one is started with `orecast worker`"
