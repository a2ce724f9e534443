"""Jobs that somebody asked of the worker: taken up one after another, their progress told beside the request."""

from __future__ import annotations

import datetime as dt
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from forecast.catalog import Catalog
from forecast.catalog.job_requests import JobFailure, JobRequests
from forecast.errors import Unavailable
from forecast.jobs.tasks import Outcome, Stage, Tasks

_T = TypeVar("_T")

#: Seconds between two looks at what was asked for, and after which a worker says again that it is there.
LOOK, SEEN_AGAIN = 1.0, 20.0
#: What there is to do of a stage, and what becomes of the things that are to be done, in their order.
Ask = Callable[[Stage], tuple[str, ...]]
Work = Callable[[Stage, tuple[str, ...]], Iterable[Outcome]]


@dataclass(frozen=True)
class RequestedJobs:
    """The jobs that are asked of one worker, as they stand in its catalogue."""

    tasks: Tasks
    requests: JobRequests

    @classmethod
    def of(cls, tasks: Tasks) -> RequestedJobs:
        """Those of the catalogue that the settings name; it is opened when it is first looked at."""
        return cls(tasks, Catalog.opened(tasks.settings).job_requests)

    def watch(self, hand_on: Callable[[str], None]) -> None:
        """Hand on each job that is asked for, in order, until the worker ends; and say that a worker is there.

        What cannot be handed on, for the catalogue or the record of jobs is away, is so at the next look.
        """
        seen, handed_on = -SEEN_AGAIN, set[str]()
        while not self.tasks.stop.is_set():
            try:
                if time.monotonic() - seen >= SEEN_AGAIN:
                    self.requests.see(socket.gethostname(), _now())
                    seen = time.monotonic()
                for job in self.requests.waiting():
                    if job.job_id not in handed_on:
                        hand_on(job.job_id)
                        handed_on.add(job.job_id)
            except Exception as error:
                why = " ".join(f"{type(error).__name__}: {error}".split())
                self.tasks.log.warning("no look at what is asked of the worker", why=why)
            self.tasks.stop.wait(LOOK)

    def carry_out(self, job_id: str, ask: Ask, work: Work) -> None:
        """Do a job, from its beginning also if a killed worker had begun it: what is done already is not done again.

        Raises ``SystemExit`` once the worker is ending.
        """
        asked = self._insist(lambda: self.requests.begin(job_id, _now()))
        job = next((job for job in self.tasks.work.jobs if job.name == asked.job), None)

        def done(stage: Stage) -> list[Outcome]:
            names = asked.names if asked.names and stage.by_name else ask(stage)
            self._insist(lambda: self.requests.found(job_id, len(names)))
            outcomes = []
            for name, outcome in zip(names, work(stage, names), strict=True):
                outcomes.append(outcome)
                self._over(job_id, name, outcome)
            return outcomes

        why = f"this worker knows no job {asked.job}" if job is None else self.tasks.run(job, done, request=job_id)
        self._insist(lambda: self.requests.end(job_id, _now(), why))

    def _over(self, job_id: str, name: str, outcome: Outcome) -> None:
        status = outcome["status"]
        failure = JobFailure(name, outcome.get("detail", "")) if status == "failed" else None
        self._insist(lambda: self.requests.progress(job_id, status, failure))

    def _insist(self, tell: Callable[[], _T]) -> _T:
        """Tell the catalogue, again and again while it is away. Raises ``SystemExit`` once the worker is ending."""
        while True:
            try:
                return tell()
            except Unavailable:
                if self.tasks.stop.wait(LOOK):
                    raise SystemExit from None


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
