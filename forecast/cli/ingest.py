"""``orecast ingest``: your own observations, series and events, from files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import By, person
from forecast.cli.output import in_a_folder, warn
from forecast.cli.session import session
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.catalog import Counts
    from forecast.jobs.ingest import Preview

_SEPARATORS = {"tab": "\t", "semicolon": ";", "comma": ","}


Observations = Annotated[
    Path | None,
    typer.Argument(help="series_id, ds (or period), value; may have flag, known_at, assumed, unit and source"),
]
SeriesFile = Annotated[Path | None, typer.Option(help="new series, a row each, columns as data/series.csv")]
EventsFile = Annotated[Path | None, typer.Option(help="new events, a row each, columns as data/events.csv")]
Mapped = Annotated[
    list[str] | None, typer.Option("--map", metavar="COLUMN=FIELD", help="what a column of the file is (repeatable)")
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="COLUMN=ID", help="the series that a column of a wide file is (repeatable)"),
]
SeriesId = Annotated[str, typer.Option(metavar="ID", help="the series that all rows are of")]
Separator = Annotated[str, typer.Option(help="between columns: tab, semicolon, comma, or the sign")]
Encoding = Annotated[str, typer.Option(help="of a text file that is not UTF-8, such as cp1252")]
Sheet = Annotated[str, typer.Option(help="of a workbook")]
Decimal = Annotated[str, typer.Option(metavar="SIGN", help="of numbers: . or ,")]
Dates = Annotated[str, typer.Option(metavar="ORDER", help="of 03/04/2024: dmy or mdy")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="say how the file is read and what would come in; write nothing")
]
Quarantine = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", callback=in_a_folder, help="write refused rows of observations there, and take the rest"
    ),
]
Source = Annotated[
    str, typer.Option(metavar="NAME", help="who publishes these values: one source may confirm what another said")
]
Accept = Annotated[bool, typer.Option("--accept", help="let in also what would be held, as accepted by you")]


def ingest(
    observations: Observations = None,
    series: SeriesFile = None,
    events: EventsFile = None,
    mapping: Mapped = None,
    column: Columns = None,
    series_id: SeriesId = "",
    separator: Separator = "",
    encoding: Encoding = "",
    sheet: Sheet = "",
    decimal: Decimal = "",
    dates: Dates = "",
    dry_run: DryRun = False,
    quarantine: Quarantine = None,
    source: Source = "",
    accept: Accept = False,
    by: By = None,
) -> None:
    """Take in your own observations, series and events, from files.

    Everything is checked first: bad rows are named with file, line, column,
    value and what was expected, and nothing is written unless all is right;
    with --quarantine FILE the bad rows go there, with the reason, and the
    others are taken in. What is there already changes nothing, so what was
    exported can be taken in again; new values of known periods become a new
    vintage. Without a known_at, a new series' values count as known since the
    end of their periods plus its release_lag_days, later ones since now.

    A value is held, and does not count, where it is a slip by its size (kg for
    t), far outside what was thought possible, in another unit, of a period
    that is not over or of a year before 1900. An unusual size comes in where an
    event explains it, or once the next value or another source confirms it.
    `orecast observations held` lists what is held, and `accept` lets it in.

    \b
    Examples:
      orecast ingest observations.csv --series series.csv --events events.csv
      orecast ingest prices.csv --map "Close=value" --series-id price.copper
      orecast ingest prices.xlsx --column "Copper=price.copper" --dry-run
      orecast ingest observations.csv --quarantine refused.csv
    """
    from forecast.intake.gate import Gate
    from forecast.intake.layout import Hints
    from forecast.jobs.ingest import IngestOptions, preview
    from forecast.jobs.ingest import ingest as take_in

    files = (observations, series, events)
    _check(files)
    told = _pairs("--map", mapping), _pairs("--column", column)
    hints = Hints(_SEPARATORS.get(separator, separator), encoding, sheet, decimal, dates, *told, series_id)
    with session() as s:
        now = dt.datetime.now(dt.UTC)
        catalog = s.catalog.acting(person(by))
        gate = Gate(catalog, s.registry, now, person(by) if accept else "")
        options = IngestOptions(hints, s.settings.limits, s.settings.file_faults, quarantine, gate, source)
        if dry_run:
            raise typer.Exit(_show(preview(catalog, *files, known_at=now, options=options)))
        counts = take_in(catalog, *files, known_at=now, options=options)
    _tell(counts)


def _tell(counts: Counts) -> None:
    print("; ".join(_changes(counts)))
    for note in counts.notes:
        warn(note)
    if counts.held:
        warn("`orecast observations accept SERIES --period DAY` lets a held value in, `… discard …` says it is wrong")


def _check(files: Sequence[Path | None]) -> None:
    named = [file for file in files if file is not None]
    if not named:
        raise typer.BadParameter("name a file of observations, --series or --events")
    for file in named:
        if not file.exists():
            raise typer.BadParameter(f"there is no file {file}")


def _pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    """``Close=value`` as a column and what it is; the name of a column may have a ``=`` in it."""
    found = {}
    for text in texts or ():
        name, _, meant = text.rpartition("=")
        if not name.strip() or not meant.strip():
            raise typer.BadParameter(f"{text!r}; expected the name of a column, '=' and what it is", param_hint=option)
        found[name.strip()] = meant.strip()
    return found


def _changes(counts: Counts) -> Iterator[str]:
    replaced = f", {counted(counts.replaced, 'event')} replaced" if counts.replaced else ""
    yield (
        f"{counted(counts.series, 'series')}, {counted(counts.observations, 'observation')}, {counts.revised:,} "
        f"revised, {counted(counts.events - counts.replaced, 'event')}{replaced}"
    )
    yield f"{counts.unchanged:,} {_were(counts.unchanged)} there already"
    if counts.held:
        yield f"{counts.held:,} {_were(counts.held)} held"
    if counts.refused:
        yield f"{counts.refused:,} {_were(counts.refused)} refused"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _show(found: Preview) -> int:
    """How a file was understood, its first rows, and what would come in; 2 if anything would be refused."""
    if found.understood is not None:
        for name, value in asdict(found.understood).items():
            text = ", ".join(f"{a} = {b}" for a, b in value.items()) if isinstance(value, Mapping) else value
            if text:
                print(f"{name.replace('_', ' ')}: {text if isinstance(text, str | int) else ', '.join(text)}")
    for one in found.first:
        known = "assumed" if one.assumed else "known since"
        print(f"  {one.series_id} {one.ds} {one.value:g} {one.flag}, {known} {one.known:%Y-%m-%d %H:%M}")
    print("would come in:", "; ".join(_changes(found.counts)))
    print("nothing was written")
    for note in found.counts.notes:
        warn(note)
    for fault in found.faults:
        warn(str(fault))
    return 2 if found.faults else 0
