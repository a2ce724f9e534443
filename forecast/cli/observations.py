"""``orecast observations``: values that were published, and the way to take one back."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from forecast.cli.options import day
from forecast.cli.session import session

observations = typer.Typer(
    help="Values that were published: withdraw what was wrong.", no_args_is_help=True, rich_markup_mode="rich"
)


@observations.callback()
def group() -> None:
    """Values that were published: withdraw what was wrong."""


@observations.command()
def withdraw(
    series_id: Annotated[str | None, typer.Argument(metavar="[SERIES]", help="whose values")] = None,
    first: Annotated[
        dt.date | None, typer.Option("--from", parser=day, metavar="DAY", help="periods that start on it or later")
    ] = None,
    last: Annotated[
        dt.date | None, typer.Option("--to", parser=day, metavar="DAY", help="periods that start on it or earlier")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="instead: a CSV file with series_id and ds")
    ] = None,
) -> None:
    """Take values back that should not have been taken in.

    Nothing is deleted: from now on they are not known, and --as-of an earlier
    day they still are. Training becomes due. Taking the same file in again
    does not bring them back; another value does, and so does a row that says
    its known_at.

    \b
    Examples:
      orecast observations withdraw price.copper --from 2026-05-01 --to 2026-06-01
      orecast observations withdraw --file wrong.csv
    """
    from forecast.jobs.withdraw import between, read

    if (series_id is None) == (file is None) or (file is not None and (first or last)):
        raise typer.BadParameter("name a series with --from, --to or both, or a --file")
    if series_id is not None and first is None and last is None:
        raise typer.BadParameter(f"which values of {series_id}? Say --from, --to or both")
    with session() as s:
        periods = read(file, s.catalog) if file else between(s.catalog, str(series_id), first, last)
        done, before = s.catalog.withdraw(periods, now=dt.datetime.now(dt.UTC))
    for name, days in periods.items():
        print(f"{name}: {min(days)} to {max(days)}, {len(days)} in all")
    due = "; training is due (orecast retrain --due)" if done else ""
    print(f"withdrawn: {done:,}; withdrawn before: {before:,}{due}")
