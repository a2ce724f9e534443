"""The tasks of a worker: jobs on cron schedules, each a row of stages, whose work is done in processes of its own."""

from __future__ import annotations

import datetime as dt
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from croniter import croniter  # type: ignore[import-untyped]
from structlog.typing import FilteringBoundLogger

from forecast.errors import FitFailed
from forecast.jobs.processes import apart
from forecast.settings import Settings

#: What became of one thing that was done: its ``status`` (``failed`` where nothing did), and other words for the log.
Outcome = dict[str, str]
#: A word of an outcome: at which level the log has it, ``warning`` for a failure and ``info`` for the rest if unsaid.
LOG_LEVEL = "level"


def failed(settings: Settings, name: str, why: str) -> Outcome:
    """The outcome of what raised, or whose process died."""
    return {"status": "failed", "detail": why}


def keep_end(settings: Settings, job: str, count: int, fault: str) -> None:
    """Keep in the catalogue that a job ends now, with so many failures, or not done at all because of a fault."""
    from forecast.catalog import Catalog

    catalog = Catalog.open(settings)
    try:
        catalog.job_ends.record(job, _now(), count, fault)
    finally:
        catalog.close()


@dataclass(frozen=True)
class Stage:
    """Work of one kind. Its functions are importable and of plain values, and are called in other processes.

    ``ask`` names what there is to do, ``do`` does one of it; ``died``: what is to be said where that raised, died or
    was not done after ``seconds``. In the record the question is called ``question``, the work ``name`` and its queue
    ``queue``; in the log what is done is a ``subject``, and to have begun is to be ``doing`` it, if that needs a line.

    ``ask_all``: what there is to do where somebody asks for the job, if that is more than what ``ask`` names;
    ``by_name``: whether somebody may name what is to be done; ``at_once``: how many are done at the same time, 0: as
    many as the settings allow trainings; ``joined``: what is under way already is waited for, not begun again;
    ``news``: no stage comes after this one unless an outcome has one of these statuses, if any is named.
    """

    name: str
    question: str
    queue: str
    subject: str
    doing: str
    ask: Callable[[Settings], tuple[str, ...]]
    do: Callable[[Settings, str], Outcome]
    died: Callable[[Settings, str, str], Outcome] = failed
    seconds: float | None = None
    at_once: int = 0
    joined: bool = False
    news: tuple[str, ...] = ()
    ask_all: Callable[[Settings], tuple[str, ...]] | None = None
    by_name: bool = False

    def goes_on(self, outcomes: Iterable[Outcome]) -> bool:
        """Whether these outcomes give the next stage something to do."""
        return not self.news or any(outcome["status"] in self.news for outcome in outcomes)


@dataclass(frozen=True)
class Job:
    """Stages that follow each other at each tick of a ``schedule`` (cron, UTC); without one it never begins by itself.

    ``done``: what the log calls the end of it.
    """

    name: str
    done: str
    schedule: str
    stages: tuple[Stage, ...]

    def next_tick(self, now: dt.datetime) -> dt.datetime:
        upcoming: dt.datetime = ticks(self.schedule, now).get_next(dt.datetime)
        return upcoming

    def last_tick(self, now: dt.datetime) -> dt.datetime:
        missed: dt.datetime = ticks(self.schedule, now).get_prev(dt.datetime)
        return missed


def ticks(schedule: str, now: dt.datetime) -> croniter:
    """The ticks of a schedule around a moment, as the record of jobs reads it."""
    return croniter(schedule, now, second_at_beginning=True)


@dataclass(frozen=True)
class Work:
    """What a worker does; ``imports``: modules that its processes share."""

    jobs: tuple[Job, ...]
    imports: tuple[str, ...] = ()

    @property
    def scheduled(self) -> tuple[Job, ...]:
        return tuple(job for job in self.jobs if job.schedule)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Each stage of its jobs once."""
        return tuple(dict.fromkeys(stage for job in self.jobs for stage in job.stages))


@dataclass(frozen=True)
class Tasks:
    """The work of one worker, until ``stop``."""

    settings: Settings
    work: Work
    stop: threading.Event
    log: FilteringBoundLogger
    #: Held by a job where no queue lets one follow the other.
    alone: threading.Lock = field(default_factory=threading.Lock)

    def at_once(self, stage: Stage) -> int:
        """How much of a stage is done at the same time."""
        return stage.at_once or (self.settings.jobs if self.settings.jobs > 0 else os.cpu_count() or 1)

    def ask(self, stage: Stage, *, requested: bool = False) -> tuple[str, ...]:
        """What there is to do, or is ``requested``. Raises ``FitFailed``; ``SystemExit`` once the worker is ending."""
        ask = stage.ask_all if requested and stage.ask_all else stage.ask
        return apart(self.stop, ask, self.settings)

    def do(self, stage: Stage, name: str) -> Outcome:
        """What became of one thing. Raises ``SystemExit`` once the worker is ending."""
        started = time.monotonic()
        try:
            outcome = apart(self.stop, stage.do, self.settings, name, seconds=stage.seconds)
        except FitFailed as error:
            outcome = self._died(stage, name, str(error))
        level = outcome.get(LOG_LEVEL, "warning" if outcome["status"] == "failed" else "info")
        told = ("status", LOG_LEVEL, "series_id", stage.subject)
        facts = {key: word for key, word in outcome.items() if word and key not in told}
        say = getattr(self.log, level)
        say(outcome["status"], **{stage.subject: name}, **facts, seconds=round(time.monotonic() - started, 1))
        return outcome

    def _died(self, stage: Stage, name: str, why: str) -> Outcome:
        try:
            return apart(self.stop, stage.died, self.settings, name, why)
        except FitFailed:
            return failed(self.settings, name, why)

    def begun(self, stage: Stage, names: tuple[str, ...], **facts: str) -> None:
        """Say what is being done, if anything is."""
        if names and stage.doing:
            self.log.info(stage.doing, **facts, due=len(names))

    def run(self, job: Job, done: Callable[[Stage], list[Outcome]], **facts: str) -> str:
        """Have the stages of a job done, and say how many things ended in which way, or why it could not be asked for
        them, which is returned.
        """
        outcomes: list[Outcome] = []
        try:
            for stage in job.stages:
                outcomes += (of_stage := done(stage))
                if not stage.goes_on(of_stage):
                    break
        except FitFailed as error:
            self._keep_end(job, 0, str(error))
            self.log.error(f"not {job.done}", **facts, detail=str(error))
            return str(error)
        statuses = [outcome["status"] for outcome in outcomes]
        self._keep_end(job, statuses.count("failed"), "")
        self.log.info(job.done, **facts, **{status: statuses.count(status) for status in sorted(set(statuses))})
        return ""

    def _keep_end(self, job: Job, count: int, fault: str) -> None:
        """Let the catalogue know how a job ended: the service tells it to whoever watches the worker."""
        try:
            apart(self.stop, keep_end, self.settings, job.name, count, fault)
        except FitFailed as error:
            self.log.warning("the end of a job could not be kept", job=job.name, detail=str(error))


def keep_by_clock(tasks: Tasks) -> None:
    """Do each job now and at its ticks, without a record: what was done is not due when it is asked again."""
    upcoming = dict.fromkeys(tasks.work.scheduled, _now())
    while True:
        job = min(upcoming, key=upcoming.__getitem__)
        # In short waits: the clock of a machine may be set, and it may sleep.
        while (left := (upcoming[job] - _now()).total_seconds()) > 0:
            if tasks.stop.wait(min(left, 60.0)):
                return
        with tasks.alone:
            tasks.run(job, partial(_done, tasks))
        upcoming[job] = job.next_tick(_now())


def _done(tasks: Tasks, stage: Stage) -> list[Outcome]:
    names = tasks.ask(stage)
    tasks.begun(stage, names)
    return list(done_here(tasks, stage, names))


def done_here(tasks: Tasks, stage: Stage, names: tuple[str, ...]) -> Iterator[Outcome]:
    """What becomes of things that are done without a record, in their order."""
    with ThreadPoolExecutor(tasks.at_once(stage)) as pool:
        yield from pool.map(partial(tasks.do, stage), names)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
