"""``orecast diversion``: what events on some partners did to the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.output import Format, FormatOption, Out, OutputOption, TableColumn, lines, table
from forecast.cli.session import session
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.answers.diversion import Diversion, GroupDiversion, PartnerEffect
    from forecast.answers.estimate import Estimate

_COLUMNS = (
    TableColumn("who", "partner", wrap=True),
    TableColumn("role"),
    TableColumn("observed", number=True),
    TableColumn("amount", number=True),
    TableColumn("low", "90 % from", number=True),
    TableColumn("high", "to", number=True),
    TableColumn("percent", "%", number=True),
)
_PERIOD_COLUMNS = ("group", "ds", "what", "partner", "y", "amount_median", "amount_lo-90", "amount_hi-90")
_PERIODS = {"D": "day", "B": "day", "M": "month", "Q": "quarter", "Y": "year"}


def diversion(
    events: Annotated[list[str], typer.Argument(metavar="EVENT...", help="ids of events, which are added up")],
    group: Annotated[
        str | None,
        typer.Option(metavar="SERIES", help="the group of this total, or of this series of it, only"),
    ] = None,
    paths: Annotated[bool, typer.Option("--paths", help="every period of each partner")] = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show what events on some partners did to the others.

    Of every group of flows of one mineral to or from several partners that an
    event acts on in part: what the partners hit lost, what the others gained
    over the same periods, and the total, which they add up to in every draw.
    As the last training estimated it; several events are rounds of one
    measure, and are told together.

    \b
    Examples:
      orecast diversion cn-7ree-licence-2025
      orecast diversion cn-7ree-licence-2025 --group value.rare-earths.import.in
      orecast diversion us-s301-list1-2018 us-s301-list2-2018 --format csv
    """
    from forecast.answers.diversion import diversion as answer
    from forecast.answers.diversion import diversion_paths

    out = Out(format, output)
    with session() as s:
        if paths:
            out.answer(diversion_paths(s.catalog, s.registry, events, group), _PERIOD_COLUMNS)
            return
        found = answer(s.catalog, s.registry, events, group)
    if out.chosen is Format.TABLE:
        out.text(_page(found))
    else:
        out.answer(found)


def _page(answer: Diversion) -> str:
    return "\n".join(map(_group, answer.data))


def _group(each: GroupDiversion) -> str:
    period = _PERIODS.get(each.freq, "week")
    together = [*each.event_ids, *each.told_with]
    number = _short
    notes = [
        f"{', '.join(together)}: {counted(each.periods, period)} from {each.first} to {each.last}",
        each.says,
        *_share(each),
        *each.notes,
        *(
            f"{row.partner}: weighed with {', '.join(row.nearby)}, which began within a year"
            for row in each.data
            if row.nearby
        ),
    ]
    rows = [_cells(row, number) for row in each.data]
    return f"{each.group}, {each.unit}\n\n{table(rows, _COLUMNS)}{lines(notes)}"


def _cells(row: PartnerEffect, number: Callable[[float], str]) -> dict[str, str]:
    low, high = row.amount.interval(90)
    return {
        "who": row.partner or row.what,
        "role": row.role or "sum",
        "observed": number(row.y),
        "amount": number(row.amount.median),
        "low": number(low),
        "high": number(high),
        "percent": f"{row.percent.median:+.0f}",
    }


def _share(each: GroupDiversion) -> list[str]:
    if each.share is None or each.gained is None:
        return []
    said = _between(each.share)
    return [
        f"share diverted {each.share.median:.2f} (90 % {said}); the others went the other way with {each.gained:.0%}"
    ]


def _between(share: Estimate) -> str:
    low, high = share.interval(90)
    return f"{low:.2f} to {high:.2f}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
