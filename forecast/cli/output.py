"""How a command prints: the same answer as a table for eyes, as JSON, or as CSV; to the terminal or to a file."""

from __future__ import annotations

import datetime as dt
import re
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from forecast.answers.model import Answer, Cell, Column
    from forecast.answers.several import LeftOut

    Line = Mapping[str, Cell]


def in_a_folder(path: Path | None) -> Path | None:
    """Refuse a file that cannot be written before anything is computed for it."""
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise typer.BadParameter(f"{path} is a folder" if path.is_dir() else f"there is no folder {path.parent}")
    return path


class Format(StrEnum):
    """How a command prints."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


FormatOption = Annotated[
    Format | None,
    typer.Option("--format", "-f", help="table (default), json or csv; else what the name of the output file says"),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", callback=in_a_folder, help="write to this file, whole or not at all")
]


#: Significant digits of numbers that do not fit with all of theirs; and what a column that wraps needs at least.
_DIGITS, _LEAST = (6, 5, 4), 8
#: Characters by which a text of somebody else would steer the terminal.
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class TableColumn:
    """A column of a table: the key of the rows, and a shorter title where the key is too wide for 80 columns."""

    key: str
    title: str = ""
    number: bool = False
    wrap: bool = False


@dataclass(frozen=True)
class Out:
    """Where to print, and how; made from the two options every read has."""

    format: Format | None
    path: Path | None

    @property
    def chosen(self) -> Format:
        if self.format is not None:
            return self.format
        suffix = self.path.suffix.lstrip(".") if self.path else ""
        return Format(suffix) if suffix in ("json", "csv") else Format.TABLE

    def answer(
        self,
        answer: Answer,
        columns: Sequence[str] = (),
        *,
        wrap: Collection[str] = (),
        instead: Callable[[Line], Line] = lambda line: {},
        below: Iterable[str] = (),
    ) -> None:
        """Print an answer: as JSON, as CSV, or as a table of these ``columns``, of which those of ``wrap`` give way.

        Without ``columns`` a table has a line a fact of the first line. ``instead``: what a table says instead;
        ``below``: notes under it.
        """
        if self.chosen is Format.JSON:
            self.document(answer.json_object())
        elif self.chosen is Format.CSV:
            self.csv(answer.names(), answer.lines())
        elif columns:
            header = {column.name: column for column in answer.header()}
            rows = [{**_in_percent(line, header), **instead(line)} for line in answer.lines()]
            self.text(table(rows, [_column(header[name], wrap) for name in columns]) + lines(below))
        else:
            line = next(answer.lines())
            facts = [{"name": name, "value": v} for name, v in {**line, **instead(line)}.items() if cell(v)]
            self.text(table(facts, (TableColumn("name", " "), TableColumn("value", " ", wrap=True))))

    def document(self, document: Mapping[str, object]) -> None:
        """Print one JSON object."""
        import orjson

        self.text(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())

    def csv(self, names: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
        from forecast.export.csv_writer import csv_text

        self.text(csv_text(names, rows))

    def text(self, text: str) -> None:
        """Print to the terminal, or put into the file in one step."""
        if self.path is None:
            sys.stdout.write(text)
            return
        from forecast.files import write_atomically

        write_atomically(self.path, text.encode())


def _column(described: Column, wrap: Collection[str]) -> TableColumn:
    return TableColumn(described.name, described.title, described.is_number, described.name in wrap)


def _in_percent(line: Line, header: Mapping[str, Column]) -> dict[str, object]:
    """A line with its shares in whole percent, for eyes."""
    from forecast.answers.model import SHARE

    shares = {name for name, column in header.items() if column.unit == SHARE}
    return {name: percent(value) if name in shares else value for name, value in line.items()}


def to_the_minute(line: Line) -> dict[str, Cell]:
    """The moments of a line as a table tells them."""
    return {name: f"{value:%Y-%m-%d %H:%M}" for name, value in line.items() if isinstance(value, dt.datetime)}


def percent(share: Cell) -> str:
    """A share in whole percent; nothing for none, nor for what is no number."""
    return f"{100 * share:.0f} %" if isinstance(share, float) and share == share else ""


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[TableColumn]) -> str:
    """A plain table that fits 80 columns where its cells do: titles, a rule, numbers to the right.

    Only columns that wrap give way; numbers that do not fit are told with fewer digits, never cut, and what does not
    fit even then runs past the edge. Raises ``KeyError`` for a column that no row has.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    if rows and (unknown := {column.key for column in columns}.difference(*rows)):
        raise KeyError(f"no row has {', '.join(sorted(unknown))}")
    cells = _fitting(rows, columns, _console().width)
    titled = any(map(_title, columns))
    grid = Table(
        box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, show_header=titled, header_style="bold"
    )
    for column, width in zip(columns, _widths(cells, columns), strict=True):
        grid.add_column(
            column.title or column.key,
            justify="right" if column.number else "left",
            no_wrap=not column.wrap,
            overflow="fold",
            min_width=None if column.wrap else width,
        )
    for row in cells:
        grid.add_row(*row)
    return render(grid)


def _fitting(rows: Sequence[Mapping[str, object]], columns: Sequence[TableColumn], room: int) -> list[list[str]]:
    """The cells: with all digits where the table then fits the room, else with as many as fit, at least four."""
    for digits in (None, *_DIGITS):
        cells = [[_told(row.get(column.key), digits) for column in columns] for row in rows]
        least = [_LEAST if c.wrap else width for c, width in zip(columns, _widths(cells, columns), strict=True)]
        if sum(least) + 2 * (len(least) - 1) <= room:
            break
    return cells


def _told(value: object, digits: int | None) -> str:
    if digits is None or isinstance(value, bool) or not isinstance(value, int | float):
        return cell(value)
    short = f"{value:.{digits}g}"
    return min(cell(value), f"{value:.{digits - 1}e}" if "e" in short else short, key=len)


def signed(value: float) -> str:
    """Three digits with a sign: ``+0.0213``, ``-11,300``, ``+1.2e+10``."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:+,.0f}" if 100 <= abs(rounded) < 1e7 else f"{rounded:+.3g}"


def _widths(cells: Sequence[Sequence[str]], columns: Sequence[TableColumn]) -> list[int]:
    """What each column takes if nothing of it is cut or folded."""
    from rich.cells import cell_len

    texts = [[_title(column), *(row[i] for row in cells)] for i, column in enumerate(columns)]
    return [max(cell_len(line) for text in column for line in text.split("\n")) for column in texts]


def _title(column: TableColumn) -> str:
    return (column.title or column.key).strip()


def lines(notes: Iterable[str]) -> str:
    """Notes below a table, a line each, folded at 80 columns, after an empty line."""
    folded = [
        textwrap.fill(_STEERING.sub("", note), 79, subsequent_indent="  ", break_on_hyphens=False) for note in notes
    ]
    return "".join(f"{note}\n" for note in ["", *folded]) if folded else ""


def cell(value: object) -> str:
    """A cell of a table: the digits that JSON and CSV show, without the ``.0`` of millions; nothing for nothing."""
    from forecast.export.csv_writer import number

    if value is None or value is False:
        return ""
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and 1e6 <= abs(value) < 1e15 else number(value)
    return "yes" if value is True else _STEERING.sub("", str(value))


def render(*parts: object) -> str:
    """What rich makes of these, in colour on a terminal only."""
    console = _console()
    with console.capture() as capture:
        for part in parts:
            console.print(part, highlight=False, markup=False, crop=False)
    return capture.get()


def _console() -> Console:
    from rich.console import Console

    return Console(soft_wrap=False)


def warn(message: str) -> None:
    """A line on stderr beside the answer."""
    print("orecast:", message, file=sys.stderr)


def warn_left_out(left_out: Iterable[LeftOut]) -> int:
    """Name what there is no answer for, a line each; the exit code: 1 if something is wrong with any."""
    found = list(left_out)
    for each in found:
        warn(str(each))
    return int(any(each.fault for each in found))
