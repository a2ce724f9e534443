"""``orecast events``: policy measures and shocks, as known on a day."""

from __future__ import annotations

from typing import Annotated

import typer

from forecast.cli.event_edits import add, amend, check, history, retire
from forecast.cli.options import AsOf, ListingCommands
from forecast.cli.output import FormatOption, Out, OutputOption
from forecast.cli.session import session
from forecast.errors import NotFound

_COLUMNS = ("event_id", "announced", "effective", "status")


events = typer.Typer(cls=ListingCommands, rich_markup_mode="rich", subcommand_metavar="[EVENT] | COMMAND")


@events.callback()
def group() -> None:
    """List tariffs, export controls and shocks, or show one; add, amend, retire and check them.

    Without a command it is `orecast events show`, whose options it takes.

    \b
    Examples:
      orecast events --series volume.rare-earths.export.cn
      orecast events cn-7ree-licence-2025
      orecast events amend cn-suspension-no70-2025 --ended 2027-01-10
      orecast events check
    """


@events.command()
def show(
    event_id: Annotated[str | None, typer.Argument(metavar="[EVENT]", help="one event, with all its facts")] = None,
    series: Annotated[str | None, typer.Option(metavar="ID", help="that touch this series")] = None,
    kind: Annotated[str | None, typer.Option(help="of this kind, such as tariff or export_control")] = None,
    as_of: AsOf = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List tariffs, export controls and shocks, or show one; the word show may be left out.

    Shown as known at the end of the day --as-of: an event that was not yet
    announced is not listed, an end that was not yet known is left out. Of one
    event you see how it stands on that day, and what other events did to it.

    \b
    Examples:
      orecast events show --series volume.rare-earths.export.cn
      orecast events show cn-7ree-licence-2025
      orecast events show --kind tariff --as-of 2025-04-01 --format csv
    """
    from forecast.answers.events import event_list, event_on_day
    from forecast.events import KINDS
    from forecast.events.exposure import exposure

    out = Out(format, output)
    with session() as s:
        day = s.day(as_of)
        known = s.catalog.events(day)
        if event_id is not None:
            out.answer(event_on_day(known, event_id, day))
            return
        if kind and kind not in KINDS:
            raise NotFound("kind of event", kind, KINDS)
        found = [event for event in known.values() if not kind or event.kind == kind]
        if series:
            touched, minerals = s.catalog.get(series), s.catalog.minerals()
            found = [event for event in found if exposure(event, touched, minerals) > 0]
        out.answer(event_list(found), _COLUMNS)


for command in (add, amend, retire, history, check):
    events.command()(command)
