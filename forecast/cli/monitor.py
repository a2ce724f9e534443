"""``orecast monitor``: is each series fresh, and did its forecasts hold?"""

from __future__ import annotations

from dataclasses import asdict

import typer

from forecast.cli.options import AsOf
from forecast.cli.output import Column, Format, FormatOption, Out, OutputOption, warn_left_out
from forecast.cli.session import session

COLUMNS = (
    Column("series_id", "series", wrap=True),
    Column("last", "data from"),
    Column("overdue", "late", number=True),
    Column("judged", number=True),
    Column("inside.80", "80 %", number=True),
    Column("inside.95", "95 %", number=True),
    Column("state"),
)


def monitor(as_of: AsOf = None, format: FormatOption = None, output: OutputOption = None) -> None:
    """Show how every series stands: late data, damaged runs, kept promises.

    Late: days since the next value should have been there. Judged: periods
    that stored runs forecast and that were observed since; 80 % and 95 %: the
    shares of them inside those intervals. State: served; damaged (an earlier
    run answers for it); silent (none can answer); none (nothing is trained).
    What keeps a champion from answering is named (exit code 1).

    \b
    Examples:
      orecast monitor
      orecast monitor --format csv --output health.csv
    """
    from forecast.jobs.monitor import LEVELS
    from forecast.jobs.monitor import monitor as watch

    out = Out(format, output)
    with session() as s:
        found = watch(s.catalog, s.registry, as_of or s.today)
    rows = [asdict(health) for health in found]
    if out.chosen is Format.TABLE:
        for row in rows:
            row["inside"] = {
                level: "" if share is None else f"{100 * share:.0f} %" for level, share in row["inside"].items()
            }
    header = [
        "series_id",
        "run",
        "last",
        "overdue",
        "judged",
        *(f"inside.{level}" for level in LEVELS),
        "fault",
        "state",
    ]
    out.rows(rows, COLUMNS, header=header)
    raise typer.Exit(warn_left_out(f"{health.series_id}: {health.fault}" for health in found if health.fault))
