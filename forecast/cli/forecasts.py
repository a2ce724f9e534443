"""``orecast forecast`` and ``orecast export``: the periods ahead, of one series or of many."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.options import AsOf, Coherent, Horizon, Level, SomeSeries, levels
from forecast.cli.output import Column, Format, FormatOption, Out, OutputOption, in_a_folder, lines, table, warn
from forecast.cli.session import Session, session
from forecast.errors import NotTrained

if TYPE_CHECKING:
    from forecast.answers.forecast import Forecast


def forecast(
    series_ids: Annotated[list[str], typer.Argument(metavar="SERIES", help="ids, such as price.copper")],
    horizon: Horizon = 12,
    level: Level = None,
    as_of: AsOf = None,
    coherent: Coherent = False,
    format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Forecast series: median and intervals of the periods ahead.

    Answers at once from the run that serves; nothing is fitted. Futures that
    are not in the numbers, because nobody has given them a probability, are
    listed below the table.

    \b
    Examples:
      orecast forecast price.copper
      orecast forecast price.copper price.nickel --horizon 6 --level 50,90
      orecast forecast price.copper --format csv > copper.csv
      orecast forecast mine.imports mine.imports.chl --coherent
    """
    from forecast.export.forecasts import forecast_document, forecast_names, forecast_rows

    out, percents = Out(format, output), levels(level)
    with session() as s:
        made = _forecasts(s, s.known(series_ids), Ask(horizon, percents, as_of or s.today, coherent))
    if out.chosen is Format.CSV:
        out.csv(forecast_names(percents), [row for each in made for row in forecast_rows(each)])
    elif out.chosen is Format.JSON:
        documents = [forecast_document(each) for each in made]
        out.document(documents[0] if len(documents) == 1 else {"data": documents, "next": None})
    else:
        out.text("\n".join(_page(each) for each in made))


def export(
    series_ids: SomeSeries = None,
    output: Annotated[Path, typer.Option("--output", "-o", callback=in_a_folder, help="the CSV file")] = Path(
        "forecasts.csv"
    ),
    horizon: Horizon = 12,
    level: Level = None,
    as_of: AsOf = None,
    coherent: Coherent = False,
) -> None:
    """Write the forecasts of some or all series to one CSV file.

    The file is there whole or not at all. Beside it, FILE.manifest.json says
    how many rows and bytes it has and their SHA-256, so that a cut copy cannot
    pass for a whole one. Series without a run are named and left out (exit
    code 1).

    \b
    Examples:
      orecast export
      orecast export price.copper price.nickel --output metals.csv --level 50,80,95
    """
    from forecast.export.csv_writer import csv_export
    from forecast.export.forecasts import forecast_names, forecast_rows

    rows: list[dict[str, Any]] = []
    missing: list[NotTrained] = []
    percents = levels(level)
    with session() as s:
        wanted, asked = s.known(series_ids), Ask(horizon, percents, as_of or s.today, coherent)
        for series_id in wanted:
            try:
                (made,) = _forecasts(s, [series_id], asked)
                rows += forecast_rows(made)
            except NotTrained as error:
                missing.append(error)
    if missing and len(missing) == len(wanted):
        raise missing[0]
    finished = csv_export(forecast_names(percents), rows)
    finished.write(output)
    print(f"{output}: {finished.rows} rows of {len(wanted) - len(missing)} series, sha256 {finished.sha256}")
    for reason in missing:
        warn(str(reason))
    raise typer.Exit(1 if missing else 0)


@dataclass(frozen=True)
class Ask:
    """What holds for all series of one command: periods, intervals in percent, the day, and whether groups agree."""

    horizon: int
    levels: Sequence[int]
    as_of: dt.date
    coherent: bool = False


def _forecasts(s: Session, series_ids: Sequence[str], asked: Ask) -> list[Forecast]:
    if asked.coherent:
        from forecast.answers.reconcile import coherent

        return coherent(
            s.catalog, s.registry, series_ids, horizon=asked.horizon, levels=asked.levels, as_of=asked.as_of
        )
    from forecast.answers.forecast import forecast as of_one

    return [
        of_one(s.catalog, s.registry, name, horizon=asked.horizon, levels=asked.levels, as_of=asked.as_of)
        for name in series_ids
    ]


def _page(made: Forecast) -> str:
    from forecast.export.forecasts import points

    rows = points(made)
    # From the lowest bound to the highest, as the numbers are ordered.
    percents = sorted(made.levels, reverse=True)
    names = [*(f"lo-{p}" for p in percents), "yhat", *(f"hi-{p}" for p in reversed(percents))]
    columns = [Column("ds", "period from"), *(Column(name, number=True) for name in names)]
    title = f"{made.series.series_id}, {made.series.unit}"
    undrawn = [branch for branch in made.branches if branch.probability is None]
    facts = [
        f"run {made.run_id}; as of {made.as_of}, events known to {made.events_known_to or 'no day'}",
        *made.notes,
        *(["Not in these numbers, for want of a probability:"] if undrawn else []),
        *(f"- {_when(branch)}{branch.title} ({branch.event_id})" for branch in undrawn),
    ]
    return f"{title}\n\n{table(rows, columns)}{lines(facts)}"


def _when(branch: Any) -> str:
    day = f"{branch.starts}: " if branch.starts else ""
    return f"{day}{'unconfirmed: ' if branch.unconfirmed else ''}"
