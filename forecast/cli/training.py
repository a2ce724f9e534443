"""``orecast train``, ``retrain`` and ``worker``: the offline work."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from forecast.cli.options import AsOf, SomeSeries
from forecast.cli.output import TableColumn, table, warn
from forecast.cli.session import session
from forecast.extras import installed, missing, require
from forecast.settings import OFF

if TYPE_CHECKING:
    from forecast.jobs.train import TrainingReport, TrainingResult

_DONE = (TableColumn("series_id", "series"), TableColumn("family"), TableColumn("run_id", "run"))


def train(
    series_ids: SomeSeries = None,
    family: Annotated[
        list[str] | None,
        typer.Option(help="consider this family only (may be repeated); a single one serves even if it loses"),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="leave this family out (may be repeated); the baseline stays")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="train also what is up to date")] = False,
    as_of: AsOf = None,
) -> None:
    """Train series: backtest every family, let the best one serve.

    A series whose data, events, settings and code are those of its champion is
    left as it is. One that fails is reported and the others finish (exit code
    1). `orecast runs show SERIES` prints how it was done and how good it is.
    Retraining on schedule keeps the families; train without options considers
    all again. Of evidence only what events did is estimated, which takes a
    second or two; evidence of too few values is left out.

    \b
    Examples:
      orecast train
      orecast train price.copper --family ucm
      orecast train --without prophet
      orecast train price.copper --force
    """
    require("train", "orecast train")
    from forecast.jobs.processes import workplace
    from forecast.jobs.train import TrainingPlan, chosen_families, trainable
    from forecast.jobs.train import train as train_series

    with session() as s, workplace():
        plan = TrainingPlan(s.day(as_of), chosen_families(family or (), without or ()), force=force)
        names = s.known(series_ids) if series_ids else trainable(s.catalog)
        if not series_ids:
            s.name_unservable()
        if plan.families is None:
            _name_left_out()
        with _progress(len(names)) as done:
            report = train_series(s.catalog, s.registry, s.settings, names, plan, done)
    raise typer.Exit(_conclude(report))


def retrain(due: Annotated[bool, typer.Option("--due", help="what this command does; may be left out")] = True) -> None:
    """Train what is due; for cron.

    Due is a series whose observations, events or settings changed since its
    champion was trained, or that has none; all are when the method changed:
    the code of training, or the version of a library that it computes with.

    \b
    Examples:
      orecast retrain --due
      0 3 * * *  cd /srv/orecast && orecast retrain --due    # a line of crontab
    """
    require("train", "orecast retrain")
    from forecast.answers.event_priors import refresh
    from forecast.jobs import train as jobs
    from forecast.jobs.processes import workplace

    with session() as s, workplace():
        s.name_unservable()
        names = jobs.due(s.catalog, s.registry, s.settings, s.today)
        if not names:
            refresh(s.registry, s.catalog.retired())  # a training that was killed may not have come to it
            s.catalog.job_ends.record("retrain", dt.datetime.now(dt.UTC))
            print("nothing is due")
            return
        _name_left_out()
        with _progress(len(names)) as done:
            report = jobs.train(s.catalog, s.registry, s.settings, names, jobs.TrainingPlan(s.today, kept=True), done)
        s.catalog.job_ends.record("retrain", dt.datetime.now(dt.UTC), len(report.of("failed")))
    raise typer.Exit(_conclude(report))


def worker() -> NoReturn:
    """Fetch public sources, retrain what is due and publish, until stopped.

    Two schedules, cron in UTC. ORECAST_FETCH_SCHEDULE, daily at 02:00 by
    default: fetch every source and, if anything came, retrain what is due and
    publish; off: the worker never opens the network. ORECAST_SCHEDULE, daily
    at 03:00: retrain what is due and publish. It is published where
    ORECAST_PUBLISH_DIR names a folder. What a killed worker left undone the
    next one takes up; of ticks that were missed the last is caught up once.
    Where the record of jobs cannot be kept it says so and goes by the clock
    alone. Log lines go to stderr.

    \b
    Examples:
      orecast worker
      ORECAST_SCHEDULE='30 5 * * 1-5' ORECAST_FETCH_SCHEDULE=off orecast worker
    """
    require("worker", "orecast worker")
    from forecast.jobs.retrain import IMPORTS
    from forecast.jobs.schedule import jobs
    from forecast.jobs.tasks import Work
    from forecast.jobs.worker import run as work

    with session() as s:
        settings = s.settings
        s.catalog.edition()  # without a catalogue to be had there is nothing to wait for
    _name_left_out()
    if settings.fetch_schedule != OFF and not installed("sources"):
        warn(f"{missing('sources', 'fetching public sources')}; the worker goes on without it")
    work(settings, Work(jobs(settings), IMPORTS))


def _name_left_out() -> None:
    """Say on stderr which families are not tried because their libraries are not installed."""
    from forecast.forecasters import left_out

    for family, extra in left_out().items():
        warn(f"{missing(extra, f'the family {family!r}')}; the others are tried without it")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[TrainingResult], None]]:
    """Tell of each series when it is done: a bar on a terminal, a line each elsewhere."""
    if not sys.stdout.isatty():
        count = iter(range(1, total + 1))
        yield lambda outcome: print(f"[{next(count, total)}/{total}]", _line(outcome), flush=True)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[last]}"),
    )
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=total, last="")

        def done(outcome: TrainingResult) -> None:
            bar.update(task, advance=1, last=f"{outcome.series_id}: {outcome.status}")

        yield done


def _line(outcome: TrainingResult) -> str:
    family = f" {outcome.family}" if outcome.family else ""
    return f"{outcome.series_id}: {outcome.status}{family}" + (f" ({outcome.detail})" if outcome.detail else "")


def _conclude(report: TrainingReport) -> int:
    """Say what became of the series; 1 if one failed."""
    if sys.stdout.isatty():
        # The bar is gone; elsewhere each series has had its line.
        print(table([vars(outcome) for outcome in report.of("trained")], _DONE), end="")
        for outcome in report.of("held", "left out"):
            print(_line(outcome))
    counts = {status: len(report.of(status)) for status in ("trained", "held", "current", "left out", "failed")}
    print("; ".join(f"{count} {status}" for status, count in counts.items() if count))
    for outcome in report.of("failed"):
        warn(_line(outcome))
    return 1 if report.of("failed") else 0
