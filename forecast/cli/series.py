"""``orecast series``: what can be asked about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import ListingCommands, SeriesArgument
from forecast.cli.output import FormatOption, Out, OutputOption
from forecast.cli.session import session
from forecast.errors import Fault, InvalidInput, one_of
from forecast.names import unservable

if TYPE_CHECKING:
    from forecast.cli.output import Line

_COLUMNS = ("series_id", "unit", "freq", "run")


series = typer.Typer(cls=ListingCommands, rich_markup_mode="rich", subcommand_metavar="[SERIES] | COMMAND")


@series.callback()
def group() -> None:
    """List the series, or show one; retire one that nobody needs.

    Without a command it is `orecast series show`, whose options it takes.

    \b
    Examples:
      orecast series --measure price
      orecast series price.copper
      orecast series retire price.copper
    """


@series.command()
def show(
    series_id: Annotated[str | None, typer.Argument(metavar="[SERIES]", help="one series, with all its facts")] = None,
    mineral: Annotated[str | None, typer.Option(help="of this mineral, its parents and its children")] = None,
    measure: Annotated[str | None, typer.Option(help="price, volume, value or index")] = None,
    role: Annotated[
        str | None,
        typer.Option(help="target: forecast; comparison: used to estimate effects; evidence: tells what events do"),
    ] = None,
    retired: Annotated[bool, typer.Option("--retired", help="list also those that were retired")] = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List the series, or show one; the word show may be left out.

    \b
    Examples:
      orecast series show --measure price
      orecast series show price.copper
      orecast series show --mineral rare-earths --format csv
      orecast series show --retired
    """
    from forecast.answers.event_filter import known_mineral
    from forecast.answers.series import series_facts
    from forecast.names import MEASURES
    from forecast.timeseries.series import ROLES

    _require("--measure", measure, MEASURES)
    _require("--role", role, tuple(ROLES))
    out = Out(format, output)
    with session() as s:
        if series_id is not None:
            (one,) = series_facts(s.catalog, s.registry, [s.catalog.get(series_id)]).data
            out.answer(one)
            return
        found = [one for one in s.catalog.series(retired=retired).values() if measure in (None, one.measure)]
        found = [one for one in found if role in (None, one.role)]
        if mineral:
            slug, minerals = known_mineral(mineral, s.catalog.minerals()), s.catalog.minerals()
            found = [one for one in found if minerals.related(one.mineral, slug)]
        out.answer(series_facts(s.catalog, s.registry, found), _COLUMNS, instead=_serves)


@series.command()
def retire(
    series_id: SeriesArgument,
    undo: Annotated[bool, typer.Option("--undo", help="bring it back, with its values and its runs")] = False,
) -> None:
    """Serve a series no longer, without deleting anything.

    It is not forecast, trained, exported or listed any more, and teaches other
    series nothing, so that their training is due. Its values and runs are kept.
    Taking its rows in again adds to what is kept and does not bring it back;
    only --undo does. A series cannot be renamed, nor change its unit: take it in
    under a new id, and retire the old one.

    \b
    Examples:
      orecast series retire price.copper
      orecast series retire price.copper --undo
    """
    from forecast.answers.event_priors import refresh

    now = dt.datetime.now(dt.UTC)
    with session() as s:
        if undo:
            s.catalog.bring_back(series_id, now=now)
            message = "is back; its last run serves, if it has one"
        else:
            message = f"is retired since {s.catalog.retire(series_id, now=now):%Y-%m-%d %H:%M} UTC"
        refresh(s.registry, s.catalog.retired())
    print(f"{series_id} {message}")


def _serves(line: Line) -> Line:
    """What stands where the serving run would."""
    if isinstance(retired := line["retired"], dt.datetime):
        return {"run": f"retired {retired:%Y-%m-%d}"}
    if line["fault"]:
        return {"run": "none: its id is refused" if unservable(str(line["series_id"])) else "none: damaged"}
    return {"run": line["run"] or ("none" if line["role"] == "target" else line["role"])}


def _require(option: str, value: str | None, words: Sequence[str]) -> None:
    if value is not None and value not in words:
        raise InvalidInput(Fault(option, value, one_of(words)))
