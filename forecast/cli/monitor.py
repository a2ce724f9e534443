"""``orecast monitor``: is each series fresh, did its forecasts hold, and do the sources of its data answer?"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import AsOf
from forecast.cli.output import FormatOption, Out, OutputOption, to_the_minute, warn
from forecast.cli.session import session

if TYPE_CHECKING:
    from forecast.answers.sources import SourceState
    from forecast.cli.output import Line

_COLUMNS = ("series_id", "last", "overdue", "judged", "inside_80", "inside_95", "state")
_SOURCES = ("source", "succeeded", "fault_since", "fault")


def monitor(
    sources: Annotated[bool, typer.Option("--sources", help="how the public sources did, instead")] = False,
    as_of: AsOf = None,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show how every series stands: late data, damaged runs, forecasts that held.

    Data to: the last period with data. Late: days since the next value
    should have been there. Judged: periods that stored runs forecast and that
    were observed since; 80 % and 95 %: the shares of them inside those
    intervals. State: served; damaged (an earlier run answers for it); silent
    (none can answer); none (nothing is trained: `orecast train SERIES`).
    What keeps the serving run from answering is named (exit code 1). With
    --sources: when each source last gave all that it was asked for, and what
    is wrong since when (exit code 1).

    \b
    Examples:
      orecast monitor
      orecast monitor --sources
      orecast monitor --format csv --output health.csv
    """
    out = Out(format, output)
    faults = _sources(out) if sources else _series(out, as_of)
    for fault in faults:
        warn(fault)
    raise typer.Exit(bool(faults))


def _series(out: Out, as_of: dt.date | None) -> list[str]:
    """Show how the series stand; what keeps them from being served. Sources that fail are no fault of a series."""
    from forecast.answers.sources import source_states
    from forecast.jobs.monitor import monitor as watch

    with session() as s:
        found, states = watch(s.catalog, s.registry, s.day(as_of)), source_states(s.catalog)
        rows = [*s.catalog.row_faults, *s.catalog.inbox.faults()]
    out.answer(found, _COLUMNS, wrap=("series_id",), below=(_at_fault(state) for state in states if state.fault))
    return [*(f"{health.series_id}: {health.fault}" for health in found.data if health.fault), *map(str, rows)]


def _sources(out: Out) -> list[str]:
    """Show how the sources did; what is wrong with them."""
    from forecast.answers.sources import SourceStateList, source_states

    with session() as s:
        states = source_states(s.catalog)
    out.answer(SourceStateList.of(states), _SOURCES, wrap=("fault",), instead=_short)
    return [_at_fault(state) for state in states if state.fault]


def _at_fault(state: SourceState) -> str:
    return f"source {state.source}: since {state.fault_since:%Y-%m-%d %H:%M} UTC: {state.fault}"


def _short(line: Line) -> Line:
    """Moments to the minute, and addresses without what is asked there."""
    return {**to_the_minute(line), "fault": re.sub(r"\?\S+", "?…", str(line["fault"] or ""))}
