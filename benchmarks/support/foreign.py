"""Forecasts of another tool, or of another version of this one, as CSV files.

A line is a period ahead: ``series_id``, ``cutoff`` (the last period seen), ``ds``, fifteen quantiles ``q025`` to
``q975`` in the series' unit; a column ``method`` may part several in one file. Instead of quantiles there may be the
median and all central intervals, as ``orecast backtest --origins FILE --level 20,40,50,60,80,90,95`` writes them. What
cannot be read is told by file, line, column and value; what was not asked, or lacks a horizon, is counted and told.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from forecast.answers.backtests import KEPT_LEVELS
from forecast.catalog.csv_reader import Reading, day, number
from forecast.errors import Fault, InvalidInput, known_name, one_of
from forecast.metrics import QUANTILE_LEVELS, rounded
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Floats, Series
from forecast.wording import counted
from support.origins import Answer, Task

#: What the forecasts of the engine are called in the folder of a task.
FORECASTS = "orecast.csv"
#: Names of the quantiles, by ``metrics.QUANTILE_LEVELS``: q025 is the 2.5 % quantile, q10 the 10 % quantile.
QUANTILES = tuple("q" + f"{level:.3f}"[2:].removesuffix("0") for level in QUANTILE_LEVELS.tolist())
#: What ``orecast backtest`` calls them, from the outermost lower bound to the outermost upper one, and the family; and
#: what it says beside them.
_BOUNDS = (*(f"lo-{level}" for level in KEPT_LEVELS), "yhat", *(f"hi-{level}" for level in reversed(KEPT_LEVELS)))
_OURS = {**dict(zip(_BOUNDS, QUANTILES, strict=True)), "family": "method"}
_BESIDE = ("h", "y", "unit", "run")
_COLUMNS = ("series_id", "cutoff", "ds", *QUANTILES)
_OPTIONAL = ("method",)

Key = tuple[str, str, str, int]  # method, series, cutoff, periods ahead


@dataclass(frozen=True, eq=False)
class Foreign:
    """The forecasts of one method: ``series`` (n), ``cutoff`` and ``h`` (n), ``quantiles`` (n, 15)."""

    name: str
    series: tuple[str, ...]
    cutoff: Days
    h: tuple[int, ...]
    quantiles: Floats

    def __add__(self, other: Foreign) -> Foreign:
        return Foreign(
            self.name,
            self.series + other.series,
            np.concatenate([self.cutoff, other.cutoff]),
            self.h + other.h,
            np.concatenate([self.quantiles, other.quantiles]),
        )

    def twice(self) -> str:
        """The first period that is there more than once, in words; empty without one."""
        lines = zip(self.series, self.cutoff.tolist(), self.h, strict=True)
        many = next((line for line, count in Counter(lines).items() if count > 1), None)
        return "{} from {}, {} ahead".format(*many) if many else ""

    def answer(self, task: Task) -> tuple[Answer, str]:
        """What of it was asked, and in words how much was not, or is not whole."""
        q = np.full((*task.asked.shape, task.horizon, len(QUANTILES)), np.nan)
        row, column = ({name: k for k, name in enumerate(of)} for of in (task.ids, task.cutoffs.tolist()))
        others = not_asked = beyond = 0
        for name, cutoff, h, values in zip(self.series, self.cutoff.tolist(), self.h, self.quantiles, strict=True):
            i, o = row.get(name), column.get(cutoff)
            if i is None:
                others += 1
            elif o is None or not task.asked[i, o]:
                not_asked += 1
            elif h > task.horizon:
                beyond += 1
            else:
                q[i, o, h - 1] = values
        there = np.isfinite(q).all(axis=-1)
        whole, some = there.all(axis=-1), there.any(axis=-1)
        q[~whole] = np.nan
        told = [
            f"{counted(int(whole.sum()), 'origin')} of {int(task.asked.sum())} answered",
            *([f"{int((some & ~whole).sum())} lack a horizon up to {task.horizon}"] if (some & ~whole).any() else []),
            *([f"{counted(not_asked, 'line')} from origins that were not asked"] if not_asked else []),
            *([f"{counted(others, 'line')} of other series"] if others else []),
            *([f"{counted(beyond, 'line')} beyond"] if beyond else []),
        ]
        return Answer(q), f"{self.name}: {', '.join(told)}"


def read_foreign(given: Iterable[str], series: Mapping[str, Series]) -> list[Foreign]:
    """The methods of files, or folders of tasks, given as ``FILE`` or ``NAME=FILE``; files of one name are one method.

    Raises ``InvalidInput`` with everything that is wrong in any of them.
    """
    reading, found = Reading(), dict[str, Foreign]()
    for one in given:
        name, _, file = ("", "", one) if Path(one).exists() else one.rpartition("=")
        for path in _files(Path(file)):
            for foreign in _read(path, name, series, reading):
                found[foreign.name] = found[foreign.name] + foreign if foreign.name in found else foreign
                if twice := found[foreign.name].twice():
                    expected = f"files of {foreign.name} that share no period; {twice} is in two"
                    reading.faults.append(Fault("peer", str(path), expected))
    reading.finish()
    return list(found.values())


def write_forecasts(path: Path, method: str, task: Task, answer: Answer) -> None:
    """An answer to what was asked as such a file, in six significant digits."""
    freq, (rows, columns) = task.panel.freq, np.nonzero(task.asked)
    quantiles = rounded(answer.quantiles[rows, columns])
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow((*_OPTIONAL, *_COLUMNS))
        for i, o, ahead in zip(rows, columns, quantiles.tolist(), strict=True):
            cutoff = task.cutoffs[o]
            for ds, q in zip(freq.range(freq.shift(cutoff, 1), task.horizon), ahead, strict=True):
                lines.writerow((method, task.ids[i], cutoff, ds, *q))


def _files(path: Path) -> list[Path]:
    """A file, or the forecasts in each task of a folder."""
    return sorted(path.glob(f"*/{FORECASTS}")) or [path]


@dataclass(frozen=True)
class _Line:
    method: str
    series_id: str
    cutoff: str
    h: int
    quantiles: Sequence[float]


def _read(path: Path, name: str, series: Mapping[str, Series], reading: Reading) -> Iterator[Foreign]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(_lines(csv.reader(file), path, series, reading))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reading.faults.append(Fault("peer", str(path), f"a CSV file: {error}"))
        return
    if not lines and not reading.faults:
        reading.faults.append(Fault("peer", str(path), "forecasts: a line for each period ahead"))
    methods = dict.fromkeys(line.method for line in lines)
    for method in methods:
        of_it = [line for line in lines if line.method == method]
        parts = [name, method] if len(methods) > 1 else [name or method]
        yield Foreign(
            " ".join(filter(None, parts)) or path.stem,
            tuple(line.series_id for line in of_it),
            np.array([line.cutoff for line in of_it], dtype="datetime64[D]"),
            tuple(line.h for line in of_it),
            np.array([line.quantiles for line in of_it]),
        )


def _lines(rows: Iterator[list[str]], path: Path, series: Mapping[str, Series], reading: Reading) -> Iterator[_Line]:
    header = [_OURS.get(name.strip(), name.strip()) for name in next(rows, [])]
    whole = ",".join(header)
    wrong = [Fault("header", whole, f"a column {name!r}", str(path), 1) for name in _COLUMNS if name not in header]
    known = (*_OPTIONAL, *_COLUMNS, *_BESIDE)
    wrong += [Fault("header", name, "each column once", str(path), 1) for name, n in Counter(header).items() if n > 1]
    wrong += [Fault("header", name, one_of(known), str(path), 1) for name in header if name not in known]
    if wrong:
        reading.faults += wrong
        return
    first: dict[Key, int] = {}
    for line, cells in enumerate(rows, start=2):
        if not cells:
            continue
        row = dict(zip(header, cells, strict=False))
        try:
            if len(cells) != len(header):
                raise InvalidInput(Fault("cells", len(cells), f"{len(header)} cells, one a column"))
            found = _line(row, series)
            key = found.method, found.series_id, found.cutoff, found.h
            if first.setdefault(key, line) != line:
                raise InvalidInput(Fault("ds", row["ds"], f"each period once; it is on line {first[key]} already"))
            yield found
        except InvalidInput as error:
            reading.faults += [Fault(one.where, one.value, one.expected, str(path), line) for one in error.faults]


def _line(row: Mapping[str, str], series: Mapping[str, Series]) -> _Line:
    """Raises ``InvalidInput``."""
    name = row["series_id"]
    if name not in series:
        raise InvalidInput(Fault("series_id", name, known_name("series", name, series)))
    freq = series[name].calendar
    cutoff, ds = _period(row, "cutoff", freq), _period(row, "ds", freq)
    if (h := ds - cutoff) < 1:
        raise InvalidInput(Fault("ds", row["ds"], f"a period after the cutoff {row['cutoff']}"))
    quantiles = [_number(row, level) for level in QUANTILES]
    for level, before, value in zip(QUANTILES[1:], quantiles, quantiles[1:], strict=False):
        if value < before:
            raise InvalidInput(Fault(level, row[level], f"at least {before:g}, as the quantile below it: sort them"))
    return _Line(row.get("method", ""), name, row["cutoff"][:10], h, quantiles)


def _period(row: Mapping[str, str], column: str, freq: Freq) -> int:
    """The ordinal of the period that a cell names by its first day."""
    try:
        start, at = _floor(row[column][:10], freq)
    except ValueError:
        raise InvalidInput(Fault(column, row[column], "a date, YYYY-MM-DD")) from None
    if start != row[column][:10]:
        raise InvalidInput(Fault(column, row[column], f"the first day of a period of frequency {freq}: {start}"))
    return at


@lru_cache(maxsize=4096)
def _floor(text: str, freq: Freq) -> tuple[str, int]:
    found = np.datetime64(day(text))
    return str(freq.floor(found)), int(freq.ordinal(found))


def _number(row: Mapping[str, str], column: str) -> float:
    try:
        return number(row[column].strip())
    except ValueError:
        raise InvalidInput(Fault(column, row[column], "a number with a decimal point")) from None
