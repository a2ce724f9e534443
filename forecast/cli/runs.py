"""``orecast runs``: what was trained, and which run serves."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated

import typer

from forecast.cli.options import SeriesArgument
from forecast.cli.output import Format, FormatOption, Out, OutputOption
from forecast.cli.session import session
from forecast.wording import counted

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="id of a run, as `orecast runs list` shows it")]

#: The exit code where something stored is damaged, as that of a command that meets it.
DAMAGED = 5
_COLUMNS = ("series_id", "run", "champion", "family")


class CardFormat(StrEnum):
    """How a card is printed: it is no table."""

    JSON = "json"
    CSV = "csv"


runs = typer.Typer(
    help="What was trained: list and verify runs, read a card, promote a run, roll back.",
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
    from forecast.answers.runs import run_list

    with session() as s:
        name = s.catalog.get(series_id).series_id if series_id else None
        retired = s.catalog.retired()
        found = run_list(run for run in s.registry.runs(name) if run.series_id not in retired)
    columns = (*_COLUMNS, "fault") if any(run.fault for run in found.data) else _COLUMNS
    Out(format, output).answer(found, columns, wrap=("series_id", "fault"))


@runs.command()
def show(
    series_id: SeriesArgument,
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="the serving run if left out")] = None,
    format: Annotated[
        CardFormat, typer.Option("--format", "-f", help="json, or csv with the card as JSON in a cell")
    ] = (CardFormat.JSON),
    output: OutputOption = None,
) -> None:
    """Print a run with its card as JSON.

    The card tells data, settings, scores by horizon, effects of events, open
    futures, versions, and what to know about the run.

    \b
    Examples:
      orecast runs show price.copper
      orecast runs show price.copper 2026-06-01-b581d27a7b
    """
    from forecast.answers.runs import run_card

    with session() as s:
        s.catalog.get(series_id)
        run = s.registry.get(series_id, run_id) if run_id else s.registry.champion(series_id)
        Out(Format(format), output).answer(run_card(s.registry, run))


@runs.command()
def verify() -> None:
    """Read every byte of what training stored, and say what is not as it was written.

    All runs and their cards, the lines of champions and their copies, what
    events of a kind do, and the groups of flows by partner. Exit code 5 if
    anything is wrong.

    \b
    Example:
      orecast runs verify
    """
    from forecast.answers.stored import stored_faults

    with session() as s:
        faults = stored_faults(s.registry, s.catalog.retired(), thorough=True)
        held = counted(len(s.registry.runs()), "run")
    for fault in faults:
        print(fault)
    if faults:
        raise typer.Exit(DAMAGED)
    print(f"{held}: every byte is as it was written")


@runs.command()
def promote(series_id: SeriesArgument, run_id: RunArgument) -> None:
    """Let a run serve, from the next request on.

    \b
    Example:
      orecast runs promote price.copper 2026-06-01-b581d27a7b
    """
    from forecast.answers import promotion
    from forecast.answers.event_priors import refresh

    with session() as s:
        s.catalog.get(series_id)
        promotion.promote(s.catalog, s.registry, series_id, run_id, dt.datetime.now(dt.UTC))
        refresh(s.registry, s.catalog.retired())
        print(f"{series_id}: {run_id} serves")


@runs.command()
def rollback(series_id: SeriesArgument) -> None:
    """Let the run that served before serve again.

    \b
    Example:
      orecast runs rollback price.copper
    """
    from forecast.answers import promotion
    from forecast.answers.event_priors import refresh

    with session() as s:
        s.catalog.get(series_id)
        serves = promotion.rollback(s.catalog, s.registry, series_id, dt.datetime.now(dt.UTC))
        refresh(s.registry, s.catalog.retired())
        print(f"{series_id}: {serves} serves")
