"""``orecast export``: one table, or all of them, as files for other programs."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import (
    AsOf,
    Coherent,
    From,
    Horizon,
    Level,
    OriginOption,
    SomeSeries,
    TooFew,
    Until,
    levels,
)
from forecast.cli.output import in_a_folder, warn, warn_left_out
from forecast.cli.session import session
from forecast.errors import Fault, InvalidInput, NotTested, one_of
from forecast.export.choices import FileFormat, TableShape
from forecast.settings import SpanOrigin
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.answers.several import LeftOut
    from forecast.export.datasets import ExportQuestion, Found, Stores
    from forecast.export.finished import Export
    from forecast.export.folder import FileLayout

TableOption = Annotated[
    str,
    typer.Option(metavar="TABLE", help="forecasts, observations, events, effects, backtests, scores, runs or series"),
]
OutputFile = Annotated[
    Path | None,
    typer.Option("--output", "-o", callback=in_a_folder, help=".csv, .parquet or .xlsx; TABLE.csv if left out"),
]
Folder = Annotated[
    Path | None, typer.Option("--all", metavar="FOLDER", file_okay=False, help="every table, a file each in FOLDER")
]
FormatOfAll = Annotated[FileFormat | None, typer.Option("--format", "-f", help="of the files of --all; csv by default")]
ShapeOption = Annotated[TableShape, typer.Option(help="long: a line a period of each series; wide: a column a series")]
History = Annotated[bool, typer.Option("--history", help="forecasts after the observations of their series")]
Bom = Annotated[bool, typer.Option("--bom", help="CSV with a byte order mark, by which older spreadsheets know UTF-8")]


def export(
    series_ids: SomeSeries = None,
    output: OutputFile = None,
    table: TableOption = "forecasts",
    folder: Folder = None,
    format: FormatOfAll = None,
    shape: ShapeOption = TableShape.LONG,
    history: History = False,
    bom: Bom = False,
    horizon: Horizon = None,
    level: Level = None,
    as_of: AsOf = None,
    start: From = None,
    until: Until = None,
    origin: OriginOption = SpanOrigin.TODAY,
    coherent: Coherent = False,
    insufficient: TooFew = False,
) -> None:
    """Write forecasts, or another table, of some or all series to a file.

    A file is there whole or not at all. Beside it, FILE.manifest.json has its
    rows, bytes and SHA-256, so that a cut copy cannot pass for a whole one.
    --all writes every table, and datapackage.json, which says what each column
    is. Series that cannot be served are named and left out (exit code 1), as
    are those with too few values for a forecast (exit code 0).

    \b
    Examples:
      orecast export
      orecast export price.copper price.nickel -o metals.csv --level 50,80,95
      orecast export --history --shape wide --output all.xlsx
      orecast export --table observations --output observations.parquet
      orecast export --all exported
    """
    from forecast.answers.forecast import ForecastQuestion
    from forecast.answers.span import Span
    from forecast.export.datasets import ExportQuestion, Stores
    from forecast.export.folder import FileLayout

    _check(table, output, folder, format)
    percents = levels(level)
    with session() as s:
        asked = ForecastQuestion(s.day(as_of), Span(horizon, origin, start, until), percents, coherent, insufficient)
        observed = (start, until) if table == "observations" else (None, None)
        known = s.known(series_ids)  # which names on stderr what cannot be among all of them
        question = ExportQuestion(asked, tuple(known) if series_ids else None, *observed, history=history)
        stores = Stores(s.catalog, s.registry)
        if folder is not None:
            code = _all(stores, folder, question, FileLayout(format or FileFormat.CSV, shape, bom))
        else:
            code = _one(stores, table, output or Path(f"{table}.csv"), question, shape, bom)
    raise typer.Exit(code)


def _check(table: str, output: Path | None, folder: Path | None, format: FileFormat | None) -> None:
    from forecast.export.datasets import DATASETS

    if table not in DATASETS:
        raise InvalidInput(Fault("--table", table, one_of(DATASETS)))
    if folder is not None and (output is not None or table != "forecasts"):
        raise typer.BadParameter("--all writes every table to its folder; --table and --output are for one")
    if folder is None and format is not None:
        raise typer.BadParameter("--format is for --all; of one table, the name of the output file says it")


def _one(stores: Stores, table: str, output: Path, question: ExportQuestion, shape: TableShape, bom: bool) -> int:
    from forecast.export.datasets import found
    from forecast.export.formats import finished

    format = _format_of(output)
    in_a_folder(output)
    made = found(stores, table, question, shape)
    export = finished(made.table, format, bom=bom)
    export.write(output)
    _say(output, export, made)
    return warn_left_out(made.left_out)


def _format_of(output: Path) -> FileFormat:
    """What the name of a file says it is, CSV if it says nothing. Raises ``InvalidInput`` for what is not written."""
    suffix = output.suffix.lstrip(".").lower()
    if suffix and suffix not in list(FileFormat):
        raise InvalidInput(
            Fault("--output", str(output), f"a name that ends in {one_of(f'.{each}' for each in FileFormat)}")
        )
    return FileFormat(suffix or FileFormat.CSV)


def _all(stores: Stores, folder: Path, question: ExportQuestion, layout: FileLayout) -> int:
    from forecast.export.folder import NotMade, write_folder

    left_out: dict[LeftOut, None] = {}
    missing = 0
    for done in write_folder(stores, folder, question, layout, dt.datetime.now(dt.UTC)):
        if isinstance(done, NotMade):
            warn(f"{done.table}: left out: {done.why}")
            missing |= not isinstance(done.why, NotTested)
        else:
            _say(done.path, done.export, done.found)
            left_out |= dict.fromkeys(done.found.left_out)
    return warn_left_out(left_out) | missing


def _say(path: Path, export: Export, made: Found) -> None:
    held = counted(export.rows, "row") + (f" of {counted(made.series, 'series')}" if made.series is not None else "")
    print(f"{path}: {held}, sha256 {export.sha256}")
