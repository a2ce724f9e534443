"""The checked rows of a delivery on disk, which come back in order of series and period however many they are.

Rows are kept in a temporary file without a name, in sorted runs: nothing is left of it when the process ends, in
whichever way. Read is a slice of every run at a time.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

#: A checked row. ``series``: number of the series; ``ds``: day of the first day of the period; ``known``: moment in
#: microseconds, or ``UNSAID``; ``flag``, ``unit``, ``source``: numbers of words; ``line``: in its file; ``row``: its
#: place among all rows of the delivery.
ROW = np.dtype(
    [
        ("series", np.int32),
        ("ds", np.int32),
        ("known", np.int64),
        ("value", np.float64),
        ("flag", np.uint8),
        ("assumed", np.bool_),
        ("dated", np.bool_),
        ("unit", np.int32),
        ("source", np.int32),
        ("line", np.uint32),
        ("row", np.uint32),
    ]
)
#: The ``known`` of a row that does not say since when it is known.
UNSAID = int(np.datetime64("NaT", "us").astype(np.int64))

#: Rows of a sorted run, rows between the keys of a run that are remembered, and rows that come back at once.
_RUN, _STEP, GROUP = 250_000, 1000, 100_000

Rows = npt.NDArray[np.void]
Keys = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Run:
    """Sorted rows from ``start`` on in the file, and every ``_STEP``-th of their keys."""

    start: int
    size: int
    keys: Keys


class Spool:
    """A context manager. ``repeated`` is told of rows that say again what an earlier one says (series, period and
    moment), with the line of that; they are left out."""

    def __init__(self, repeated: Callable[[Rows, npt.NDArray[np.uint32]], None]) -> None:
        self._repeated = repeated
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # closed by __exit__
        self._runs: list[_Run] = []
        self._waiting: list[Rows] = []
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, rows: Rows) -> None:
        """Keep rows, in the order of the file."""
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) >= _RUN:
            self._write_run()

    def groups(self, size: int = GROUP) -> Iterator[Rows]:
        """All rows by series, period, moment and place in the file, about ``size`` at a time.

        A series is in one piece unless it has more rows than that; a period is always in one.
        """
        self._write_run()
        begun = [0] * len(self._runs)
        for boundary in [*_boundaries([run.keys for run in self._runs], size), None]:
            ends = [run.size if boundary is None else self._until(run, boundary) for run in self._runs]
            parts = [self._read(run, a, b) for run, a, b in zip(self._runs, begun, ends, strict=True) if a < b]
            begun = ends
            if parts:
                yield self._in_order(np.concatenate(parts))

    def _write_run(self) -> None:
        if not self._waiting:
            return
        rows = self._in_order(np.concatenate(self._waiting))
        self._waiting = []
        self._runs.append(_Run(self._count, len(rows), _keys(rows)[::_STEP]))
        self._count += len(rows)
        data = memoryview(rows.tobytes())
        while data:
            data = data[self._file.write(data) :]

    def _in_order(self, rows: Rows) -> Rows:
        keys = _keys(rows)
        if (keys[1:] > keys[:-1]).all():
            return rows
        order = np.lexsort((rows["row"], rows["known"], keys))
        rows, keys = rows[order], keys[order]
        again = np.zeros(len(rows), dtype=bool)
        again[1:] = (keys[1:] == keys[:-1]) & (rows["known"][1:] == rows["known"][:-1])
        if again.any():
            first = np.maximum.accumulate(np.where(again, 0, np.arange(len(rows))))
            self._repeated(rows[again], rows["line"][first[again]])
        return rows[~again]

    def _until(self, run: _Run, boundary: int) -> int:
        """How many rows of a run have keys below the boundary."""
        first = max(int(np.searchsorted(run.keys, boundary)) - 1, 0) * _STEP
        block = self._read(run, first, min(first + _STEP, run.size))
        return first + int(np.searchsorted(_keys(block), boundary))

    def _read(self, run: _Run, first: int, last: int) -> Rows:
        size, at = (last - first) * ROW.itemsize, (run.start + first) * ROW.itemsize
        parts = []
        while size and (part := os.pread(self._file.fileno(), size, at)):
            parts.append(part)
            size, at = size - len(part), at + len(part)
        return np.frombuffer(b"".join(parts), dtype=ROW)


def _keys(rows: Rows) -> Keys:
    """A number of the series and period of each row, in order of both."""
    return np.asarray((rows["series"].astype(np.int64) << 32) + rows["ds"] + (1 << 31))


def _boundaries(samples: list[Keys], size: int) -> list[int]:
    """Keys at which groups begin: where a series does, or else a period of it."""
    keys = np.sort(np.concatenate(samples)) if samples else np.empty(0, dtype=np.int64)
    found: list[int] = []
    for key in keys[max(size // _STEP, 1) :: max(size // _STEP, 1)].tolist():
        series = key >> 32 << 32
        start = series if not found or series > found[-1] else key
        if not found or start > found[-1]:
            found.append(start)
    return found
