"""``orecast runs``: what was trained, and which run serves."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Annotated

import typer

from forecast.cli.options import SeriesArgument
from forecast.cli.output import Column, FormatOption, Out, OutputOption
from forecast.cli.session import session

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="id of a run, as `orecast runs list` shows it")]

COLUMNS = (
    Column("series_id", "series", wrap=True),
    Column("run_id", "run"),
    Column("champion", "serves"),
    Column("family"),
    Column("fault", wrap=True),
)

runs = typer.Typer(
    help="What was trained: list runs, read a card, promote a run, roll back.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@runs.command("list")
def list_runs(
    series_id: Annotated[str | None, typer.Argument(metavar="[SERIES]", help="its runs only")] = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List the runs, by series, the newest first.

    \b
    Examples:
      orecast runs list
      orecast runs list price.copper --format json
    """
    from forecast.registry import RunSummary

    with session() as s:
        name = s.catalog.get(series_id).series_id if series_id else None
        retired = s.catalog.retired()
        rows = [asdict(run) for run in s.registry.runs(name) if run.series_id not in retired]
        columns = COLUMNS if any(row["fault"] for row in rows) else COLUMNS[:-1]
        Out(format, output).rows(rows, columns, header=[f.name for f in fields(RunSummary)])


@runs.command()
def show(
    series_id: SeriesArgument,
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="the serving run if left out")] = None,
    output: OutputOption = None,
) -> None:
    """Print the card of a run as JSON.

    It tells data, settings, scores per horizon, effects of events, branches,
    versions, and what to know about the run.

    \b
    Examples:
      orecast runs show price.copper
      orecast runs show price.copper 2026-06-01-b581d27a7b
    """
    with session() as s:
        s.catalog.get(series_id)
        run = s.registry.get(series_id, run_id) if run_id else s.registry.champion(series_id)
        Out(None, output).document(run.card.document())


@runs.command()
def promote(series_id: SeriesArgument, run_id: RunArgument) -> None:
    """Let a run serve, from the next request on.

    \b
    Example:
      orecast runs promote price.copper 2026-06-01-b581d27a7b
    """
    from forecast.answers.event_priors import refresh

    with session() as s:
        s.catalog.get(series_id)
        s.registry.promote(series_id, run_id)
        refresh(s.registry, s.catalog.retired())
        print(f"{series_id}: {run_id} serves")


@runs.command()
def rollback(series_id: SeriesArgument) -> None:
    """Let the run that served before serve again.

    \b
    Example:
      orecast runs rollback price.copper
    """
    from forecast.answers.event_priors import refresh

    with session() as s:
        s.catalog.get(series_id)
        serves = s.registry.rollback(series_id)
        refresh(s.registry, s.catalog.retired())
        print(f"{series_id}: {serves} serves")
