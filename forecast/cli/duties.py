"""``orecast duties``: what is paid on a mineral from an origin at a destination, on a day or over some."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import AsOf, day
from forecast.cli.output import FormatOption, Out, OutputOption
from forecast.cli.session import session
from forecast.events.duty_lines import INSTEAD

if TYPE_CHECKING:
    from forecast.answers.duties import DutyOnDay, DutySteps
    from forecast.answers.model import Cell
    from forecast.cli.output import Line

_COLUMNS = ("layer", "event_id", "low", "high", "rate_since")
_STEPS = ("day", "total_low", "total_high", "says")


def duties(
    mineral: Annotated[str, typer.Argument(help="slug of a mineral, or a word of it that is in no other: magnets")],
    origin: Annotated[str, typer.Option(metavar="PLACE", help="where it comes from, such as CHN or EU")],
    destination: Annotated[str, typer.Option(metavar="PLACE", help="where it enters, such as USA")],
    on: Annotated[
        dt.date | None, typer.Option("--day", parser=day, metavar="DAY", help="day of the crossing; today by default")
    ] = None,
    start: Annotated[
        dt.date | None, typer.Option("--from", parser=day, metavar="DAY", help="every change from this day on")
    ] = None,
    until: Annotated[
        dt.date | None, typer.Option("--until", parser=day, metavar="DAY", help="every change up to this day")
    ] = None,
    as_of: AsOf = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show the additional duty that is paid on a mineral, by legal programme, and what is not on record.

    What is paid, not what was announced: exemptions, suspensions and what was
    voided count, in points of the value. The ordinary rate of the tariff is
    in no record, and always missing. Where the records give bounds only, so
    does the answer. With --from or --until it has a line for every day on
    which the duty changed.

    \b
    Examples:
      orecast duties magnets --origin CHN --destination USA
      orecast duties graphite-synthetic --origin CHN --destination USA --day 2025-04-15
      orecast duties copper-ore --origin USA --destination CHN --from 2025-01-01
    """
    if on is not None and not (start is None and until is None):
        raise typer.BadParameter("--day, or --from and --until, not both")
    out, places = Out(format, output), {"origin": origin, "destination": destination}
    with session() as s:
        if start is None and until is None:
            found = s.duties(mineral, **places, day=on, as_of=as_of)
            out.answer(found, _COLUMNS, wrap=["event_id"], instead=_rate, below=_below(found))
        else:
            steps = s.duty_steps(mineral, **places, start=start, until=until, as_of=as_of)
            out.answer(steps, _STEPS, wrap=["says"], instead=_totals, below=_missing(steps))


def _rate(line: Line) -> dict[str, Cell]:
    return {name: "not on record" for name in ("low", "high") if line[name] is None}


def _totals(line: Line) -> dict[str, Cell]:
    return {"total_high": "not on record"} if line["total_high"] is None else {}


def _below(found: DutyOnDay) -> Iterator[str]:
    yield f"{found.mineral} from {found.origin} into {found.destination} on {found.day}: {found.says}"
    yield from _missing(found)
    for layer in found.data:
        if layer.note and layer.low == layer.high is not None:
            yield f"{layer.layer}: {layer.note}"
        if layer.basis == INSTEAD:
            yield f"{layer.layer} is charged {INSTEAD}"
        elif layer.basis != "value":
            yield f"{layer.layer} is not charged on the value alone: {layer.basis}"
    if found.average:
        average = found.average
        yield (
            f"All goods from {average.place}: {average.points:g} points on average since {average.since}, weighted by "
            "the trade of 2024; that is the rate of no line"
        )
    for change in found.changes:
        what = "changes" if change.certain else "may change, where a suspension ends"
        yield f"{change.day}: {what} ({', '.join(change.event_ids)})"


def _missing(found: DutyOnDay | DutySteps) -> Iterator[str]:
    yield from (f"Missing: {what}" for what in found.missing)
