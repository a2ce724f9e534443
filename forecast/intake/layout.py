"""Tables of observations: for now strict CSV with the names of our own columns."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from forecast.catalog.csv_reader import _check_header, first_day, number
from forecast.errors import Fault, InvalidInput
from forecast.intake.batch import Batch
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import Series

_NAMES = {"period": "ds", "y": "value"}
_FIELDS = ("series_id", "ds", "value", "flag", "known_at", "assumed", "unit", "source")
_CHUNK = 50_000
_NOTHING = frozenset(["", "na", "n/a", "n.a.", "#n/a", "nan", "null", "none", *"….-–—:", "..", "...", "--"])


@dataclass(frozen=True)
class Hints:
    """What a user says of a file."""

    separator: str = ""
    encoding: str = ""
    sheet: str = ""
    decimal: str = ""
    dates: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    series_id: str = ""


@dataclass(frozen=True)
class Limits:
    """Limits of reading."""


@dataclass(frozen=True)
class Understood:
    """How a file was understood."""

    format: str
    header: int
    mapping: Mapping[str, str]


class NumberReader:
    """Numbers of one file."""

    def number(self, text: str) -> float:
        if text.lower() in _NOTHING:
            raise ValueError("a number; leave out a period that was not published")
        try:
            return number(text)
        except ValueError:
            expected = "a number, zero or more (1e-20 to 1e20), with a decimal point and no thousands separators"
            raise ValueError(expected) from None


class PeriodReader:
    """Periods of one file."""

    def first_day(self, text: str, freq: Freq) -> date:
        try:
            day = first_day(text)
        except ValueError:
            raise ValueError("a date, YYYY-MM-DD (or YYYY-MM)") from None
        start: date = freq.floor(day).item()
        if start != day:
            raise ValueError(f"the first day of a period of frequency {freq}: {start}")
        return day


@dataclass(frozen=True)
class Table:
    """A table of a file."""

    path: Path
    understood: Understood
    numbers: NumberReader
    periods: PeriodReader

    def batches(self) -> Iterator[Batch]:
        written = {_NAMES.get(name, name): name for name in self.understood.mapping.values()}
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader)
            width, line = len(header), 2
            fields = [_NAMES.get(name.strip(), name.strip()) for name in header]
            while rows := list(itertools.islice(reader, _CHUNK)):
                lines = range(line, line + len(rows))
                line += len(rows)
                if any(len(row) != width for row in rows):
                    kept = [(at, row) for at, row in zip(lines, rows, strict=True) if any(map(str.strip, row))]
                    bad = [(at, len(row)) for at, row in kept if len(row) != width]
                    if bad:
                        raise InvalidInput(
                            Fault("cells", n, f"{width} cells, one a column", str(self.path), at) for at, n in bad
                        )
                    if not kept:
                        continue
                    lines, rows = [at for at, _ in kept], [row for _, row in kept]  # type: ignore[assignment]
                columns = [[cell.strip() for cell in column] for column in zip(*rows, strict=True)]
                yield Batch(str(self.path), lines, dict(zip(fields, columns, strict=True)), written)


def open_table(path: Path, hints: Hints, known: Mapping[str, Series], limits: Limits) -> Table:
    """Raises ``InvalidInput``."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = [name.strip() for name in next(csv.reader(file), [])]
            empty = not file.readline()
    except UnicodeDecodeError:
        raise InvalidInput(Fault("encoding", "", "UTF-8 throughout", str(path))) from None
    except OSError as error:
        raise InvalidInput(Fault("file", str(path), f"a file that can be read ({error.strerror})")) from None
    if empty:
        raise InvalidInput(Fault("file", ",".join(header), "a header line and at least one row", str(path)))
    fields = [_NAMES.get(name, name) for name in header]
    _check_header(str(path), fields, _FIELDS[:3], _FIELDS)
    mapping = dict(zip(fields, header, strict=True))
    return Table(path, Understood("CSV", 1, mapping), NumberReader(), PeriodReader())
