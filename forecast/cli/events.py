"""``orecast events``: policy measures and shocks, as known on a day, and the calendar of what they are to do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import starmap
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.event_edits import add, amend, check, history, retire
from forecast.cli.inbox import inbox
from forecast.cli.options import AsOf, ListingCommands, day
from forecast.cli.output import FormatOption, Out, OutputOption, percent
from forecast.cli.session import Session, session
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.answers.calendar import CalendarQuestion, EventCalendar
    from forecast.answers.event_filter import EventFilter
    from forecast.answers.events import EventList
    from forecast.answers.model import Cell
    from forecast.cli.output import Line

_COLUMNS = ("event_id", "announced", "effective", "status")
_CALENDAR = ("day", "what", "event_id", "series", "in_forecast")
#: What a table says where JSON has an empty list; and the mark of such an event in the list.
NO_SOURCE, _MARK = "no source recorded", " *"


events = typer.Typer(cls=ListingCommands, rich_markup_mode="rich", subcommand_metavar="[EVENT] | COMMAND")


@events.callback()
def group() -> None:
    """List tariffs, export controls and shocks, or show one; add, amend, retire and check them; what notices suggest.

    Without a command it is `orecast events show`, whose options it takes.

    \b
    Examples:
      orecast events --series volume.rare-earths.export.cn
      orecast events cn-7ree-licence-2025
      orecast events --expiring 90
      orecast events amend cn-suspension-no70-2025 --ended 2027-01-10
      orecast events check
    """


@events.command()
def show(
    event_id: Annotated[str | None, typer.Argument(metavar="[EVENT]", help="one event, with all its facts")] = None,
    series: Annotated[str | None, typer.Option(metavar="ID", help="that touch this series")] = None,
    mineral: Annotated[
        str | None, typer.Option(help="about this mineral, its parents and children, or a basket that holds it")
    ] = None,
    actor: Annotated[str | None, typer.Option(help="of this actor, such as CHN, USA or EU")] = None,
    kind: Annotated[str | None, typer.Option(help="of this kind, such as tariff or export_control")] = None,
    start: Annotated[
        dt.date | None, typer.Option("--from", parser=day, metavar="DAY", help="what changes from this day on")
    ] = None,
    until: Annotated[
        dt.date | None, typer.Option("--until", parser=day, metavar="DAY", help="what changes up to this day")
    ] = None,
    expiring: Annotated[
        int | None, typer.Option(metavar="N", help="what ends, or whose suspension ends, within N days")
    ] = None,
    as_of: AsOf = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """List tariffs, export controls and shocks, show one, or what changes when; the word show may be left out.

    Shown as known at the end of the day --as-of: an event that was not yet
    announced is not listed, an end that was not yet known is left out. With
    --from, --until or --expiring it is the calendar, a line a dated change:
    what starts, ends or may come, what returns then, and whether the forecast
    counts with it. Without --from it begins today, after what was to come
    before and of which nothing later is known.

    \b
    Examples:
      orecast events show --series volume.rare-earths.export.cn
      orecast events show cn-7ree-licence-2025
      orecast events show --expiring 90
      orecast events show --from 2026-11-01 --until 2027-01-31 --mineral gallium
      orecast events show --kind tariff --as-of 2025-04-01 --format csv
    """
    from forecast.answers.calendar import CalendarQuestion
    from forecast.answers.event_filter import EventFilter

    is_calendar = not (start is None and until is None and expiring is None)
    about = EventFilter(series, mineral, actor, kind)
    if event_id is not None and (is_calendar or about != EventFilter()):
        raise typer.BadParameter("an EVENT, or options that choose some, not both")
    out = Out(format, output)
    with session() as s:
        known_on = s.day(as_of)
        if event_id is not None:
            out.answer(s.event(event_id, as_of=known_on), instead=_one)
        elif is_calendar:
            _calendar(out, s, CalendarQuestion(known_on, start, until, expiring, about))
        else:
            _list(out, s, about, known_on)


def _list(out: Out, s: Session, about: EventFilter, known_on: dt.date) -> None:
    from forecast.answers.events import event_list

    listed = event_list(about.of(s.catalog.events(known_on), s.catalog), known_on)
    out.answer(listed, _COLUMNS, instead=_listed, below=_unsourced(listed))


def _calendar(out: Out, s: Session, question: CalendarQuestion) -> None:
    from forecast.answers.calendar import event_calendar

    calendar = event_calendar(s.catalog, s.registry, question)
    out.answer(calendar, _CALENDAR, wrap=["event_id"], instead=_changed, below=_below(calendar))


def _listed(line: Line) -> Line:
    """A line of the list: what has no source is marked, and what never took effect has no such day."""
    instead: dict[str, Cell] = {}
    if line["never_took_effect"]:
        instead["effective"] = "not yet" if line["status"] == "suspended" else "never"
    if not line["sources"]:
        instead["status"] = f"{line['status']}{_MARK}"
    return instead


def _one(line: Line) -> Line:
    return {} if line["sources"] else {"sources": NO_SOURCE}


def _unsourced(listed: EventList) -> Iterator[str]:
    """What the mark says, where there is one."""
    without = sum(not event.sources for event in listed.data)
    if without:
        yield f"{_MARK.strip()} {NO_SOURCE}: {without:,} of {counted(len(listed.data), 'event')}"


def _changed(line: Line) -> Line:
    """A line of the calendar: its title and what returns below the id, what is not sure below what happens."""
    returns = [f"returns: {event_id}" for event_id in str(line["event_ids"]).split(";") if event_id]
    drawn = line["in_forecast"] == "drawn"
    return {
        "what": f"{line['what']}\nunconfirmed" if line["unconfirmed"] else line["what"],
        "event_id": "\n".join([f"{line['event_id']}", f"{line['title']}", *returns]),
        "in_forecast": percent(line["probability"]) if drawn else line["in_forecast"],
    }


def _below(calendar: EventCalendar) -> Iterator[str]:
    """What the words of the table mean, why what is not in the forecast is not, and what has no day."""
    if not calendar.data:
        yield "Nothing is known to change in this window."
    if any(change.unconfirmed for change in calendar.data):
        yield "unconfirmed: its day has passed, and nothing later is known"
    if any(change.in_forecast == "drawn" for change in calendar.data):
        yield "%: the share of the draws in which it comes"
    for reason in sorted({change.why_not for change in calendar.data if change.why_not}):
        ids = dict.fromkeys(change.event_id for change in calendar.data if change.why_not == reason)
        yield f"not in the forecast, for {reason}: {', '.join(ids)}"
    overdue = {change.event_id: change.status_as_of for change in calendar.data if change.recheck_overdue}
    if overdue:
        yield f"to be verified again, with the day of the last time: {', '.join(starmap(_verified, overdue.items()))}"
    if calendar.undated:
        yield f"may come, no day set: {', '.join(calendar.undated)}"


def _verified(event_id: str, last: dt.date | None) -> str:
    return f"{event_id} ({last or 'never'})"


for command in (add, amend, retire, history, check):
    events.command()(command)
events.add_typer(inbox, name="inbox")
