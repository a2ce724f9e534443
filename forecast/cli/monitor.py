"""``orecast monitor``: is each series fresh, and did its forecasts hold?"""

from __future__ import annotations

import typer

from forecast.cli.options import AsOf
from forecast.cli.output import FormatOption, Out, OutputOption, warn
from forecast.cli.session import session

_COLUMNS = ("series_id", "last", "overdue", "judged", "inside_80", "inside_95", "state")


def monitor(as_of: AsOf = None, format: FormatOption = None, output: OutputOption = None) -> None:
    """Show how every series stands: late data, damaged runs, forecasts that held.

    Data to: the last period with data. Late: days since the next value
    should have been there. Judged: periods that stored runs forecast and that
    were observed since; 80 % and 95 %: the shares of them inside those
    intervals. State: served; damaged (an earlier run answers for it); silent
    (none can answer); none (nothing is trained: `orecast train SERIES`).
    What keeps the serving run from answering is named (exit code 1).

    \b
    Examples:
      orecast monitor
      orecast monitor --format csv --output health.csv
    """
    from forecast.jobs.monitor import monitor as watch

    with session() as s:
        found = watch(s.catalog, s.registry, s.day(as_of))
    Out(format, output).answer(found, _COLUMNS, wrap=("series_id",))
    faults = [f"{health.series_id}: {health.fault}" for health in found.data if health.fault]
    for fault in faults:
        warn(fault)
    raise typer.Exit(bool(faults))
