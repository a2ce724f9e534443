"""The tasks of a worker at a tick: ask what is due, train each series in a process of its own, log the results."""

from __future__ import annotations

import datetime as dt
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from croniter import croniter  # type: ignore[import-untyped]
from structlog.typing import FilteringBoundLogger

from forecast.errors import FitFailed
from forecast.jobs.processes import apart
from forecast.settings import Settings


@dataclass(frozen=True)
class Work:
    """The two functions of a worker: importable, of plain values, called in other processes.

    ``train`` says what became of a series: its ``status`` (``trained``, ``held``, ``current`` or ``failed``) and other
    words for the log. ``imports``: modules that those processes share.
    """

    due: Callable[[Settings], tuple[str, ...]]
    train: Callable[[Settings, str], dict[str, str]]
    imports: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tasks:
    """The work of one worker, until ``stop``."""

    settings: Settings
    work: Work
    stop: threading.Event
    log: FilteringBoundLogger

    @property
    def at_once(self) -> int:
        """Series that are trained at the same time."""
        return self.settings.jobs if self.settings.jobs > 0 else os.cpu_count() or 1

    def due(self) -> tuple[str, ...]:
        """The series that are due. Raises ``FitFailed``; ``SystemExit`` once the worker is ending."""
        return apart(self.stop, self.work.due, self.settings)

    def train(self, series_id: str) -> dict[str, str]:
        """What became of a series. Raises ``SystemExit`` once the worker is ending."""
        started = time.monotonic()
        try:
            outcome = apart(self.stop, self.work.train, self.settings, series_id)
        except FitFailed as error:
            outcome = {"status": "failed", "detail": str(error)}
        say = self.log.warning if outcome["status"] == "failed" else self.log.info
        facts = {name: word for name, word in outcome.items() if word and name not in ("status", "series_id")}
        say(outcome["status"], series=series_id, **facts, seconds=round(time.monotonic() - started, 1))
        return outcome

    def next_tick(self, now: dt.datetime) -> dt.datetime:
        upcoming: dt.datetime = self._ticks(now).get_next(dt.datetime)
        return upcoming

    def last_tick(self, now: dt.datetime) -> dt.datetime:
        missed: dt.datetime = self._ticks(now).get_prev(dt.datetime)
        return missed

    def _ticks(self, now: dt.datetime) -> croniter:
        return croniter(self.settings.schedule, now, second_at_beginning=True)  # as the record of jobs reads it


def counts(outcomes: list[dict[str, str]]) -> dict[str, int]:
    """How many series ended in which way."""
    statuses = [outcome["status"] for outcome in outcomes]
    return {status: statuses.count(status) for status in sorted(set(statuses))}


def keep_by_clock(tasks: Tasks) -> None:
    """Train what is due now and at each tick, without a record: what was done is not due when it is asked again."""
    while True:
        try:
            _retrain(tasks)
        except FitFailed as error:
            tasks.log.error("not retrained", detail=str(error))
        upcoming = tasks.next_tick(_now())
        # In short waits: the clock of a machine may be set, and it may sleep.
        while (left := (upcoming - _now()).total_seconds()) > 0:
            if tasks.stop.wait(min(left, 60.0)):
                return


def _retrain(tasks: Tasks) -> None:
    series_ids = tasks.due()
    tasks.log.info("retraining", due=len(series_ids))
    with ThreadPoolExecutor(tasks.at_once) as pool:
        outcomes = list(pool.map(tasks.train, series_ids))
    tasks.log.info("retrained", **counts(outcomes))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
