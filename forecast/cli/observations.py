"""``orecast observations``: values that were published, the way to take one back, and those that are held."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import AsOf, By, ListingCommands, SeriesArgument, day, person
from forecast.cli.output import FormatOption, Out, OutputOption
from forecast.cli.session import Session, session
from forecast.errors import NotFound

if TYPE_CHECKING:
    from forecast.catalog.quarantine import HeldValue

_VALUES = ("series_id", "ds", "y", "flag", "known_at", "assumed")
_COLUMNS = ("series_id", "ds", "y", "reason", "why")
_SETTLED = (*_COLUMNS[:-1], "outcome", "by")

Periods = Annotated[
    list[dt.date] | None, typer.Option("--period", parser=day, metavar="DAY", help="its first day; may be repeated")
]
All = Annotated[bool, typer.Option("--all", help="everything that is held of the series")]

FirstPeriod = Annotated[
    dt.date | None, typer.Option("--from", parser=day, metavar="DAY", help="periods that start on it or later")
]
LastPeriod = Annotated[
    dt.date | None, typer.Option("--to", parser=day, metavar="DAY", help="periods that start on it or earlier")
]

observations = typer.Typer(cls=ListingCommands, rich_markup_mode="rich", subcommand_metavar="SERIES | COMMAND")


@observations.callback()
def group() -> None:
    """Values that were published: list them, withdraw what was wrong, settle what is held.

    Without a command it is `orecast observations show`, whose options it takes.

    \b
    Examples:
      orecast observations price.copper --from 2026-01-01
      orecast observations held
    """


@observations.command()
def show(
    series_id: SeriesArgument,
    first: FirstPeriod = None,
    last: LastPeriod = None,
    as_of: AsOf = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List the values of a series, each as last known; the word show may be left out.

    \b
    Examples:
      orecast observations show price.copper --from 2026-01-01
      orecast observations show price.copper --as-of 2026-06-30 --format csv
    """
    with session() as s:
        found = s.observations(series_id, start=first, end=last, as_of=as_of)
    Out(format, output).answer(found, _VALUES, below=found.held)


@observations.command()
def withdraw(
    series_id: Annotated[str | None, typer.Argument(metavar="[SERIES]", help="whose values")] = None,
    first: FirstPeriod = None,
    last: LastPeriod = None,
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


@observations.command()
def held(
    series_id: Annotated[
        str | None, typer.Argument(metavar="[SERIES]", help="of this series; of all if left out")
    ] = None,
    settled: Annotated[bool, typer.Option("--settled", help="list also what is held no more, and by whom")] = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List values that were delivered and do not count, and why.

    \b
    Examples:
      orecast observations held
      orecast observations held price.copper --settled --format csv
    """
    from forecast.answers.held import held_list

    with session() as s:
        name = None if series_id is None else _known(s, series_id)
        found = held_list(s.catalog.quarantine.values(name, settled=settled))
    Out(format, output).answer(found, _SETTLED if settled else _COLUMNS, wrap=("series_id", "why"))


@observations.command()
def accept(series_id: SeriesArgument, period: Periods = None, every: All = False, by: By = None) -> None:
    """Let held values in: they count since the moment that was claimed for them.

    Training becomes due. Who accepted what, and when, is kept.

    \b
    Examples:
      orecast observations accept price.copper --period 2026-07-01
      orecast observations accept price.copper --all --by "A. Smith"
    """
    periods = _asked(series_id, period, every)
    with session() as s:
        name = _known(s, series_id)
        done = s.catalog.quarantine.accept(name, periods, by=person(by), now=dt.datetime.now(dt.UTC))
    _told("accepted", done)


@observations.command()
def discard(series_id: SeriesArgument, period: Periods = None, every: All = False, by: By = None) -> None:
    """Say of held values that they are wrong: the same claim is not held again.

    Nothing is deleted. Who discarded what, and when, is kept.

    \b
    Examples:
      orecast observations discard price.copper --period 2026-07-01
      orecast observations discard price.copper --all
    """
    periods = _asked(series_id, period, every)
    with session() as s:
        name = _known(s, series_id)
        done = s.catalog.quarantine.discard(name, periods, by=person(by), now=dt.datetime.now(dt.UTC))
    _told("discarded", done)


def _known(s: Session, series_id: str) -> str:
    """The id of a series, retired or not. Raises ``NotFound``."""
    if series_id not in (known := s.catalog.series(retired=True)):
        raise NotFound("series", series_id, known)
    return series_id


def _asked(series_id: str, periods: list[dt.date] | None, every: bool) -> list[dt.date] | None:
    """The periods that are meant; None for all."""
    if bool(periods) == every:
        raise typer.BadParameter(f"which values of {series_id}? Say --period or --all")
    return periods


def _told(what: str, done: Sequence[HeldValue]) -> None:
    for one in done:
        claim = one.held.observation
        print(f"{claim.series_id} {claim.ds} {what}: {claim.value:,.15g}")
