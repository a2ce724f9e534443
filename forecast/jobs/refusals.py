"""Refused rows of a delivery: the faults in them, told or counted, and the rows as they stood, in a file."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from forecast.errors import Fault, InvalidInput
from forecast.export.csv_writer import cell
from forecast.formats.guarded import inert
from forecast.intake.batch import Batch
from forecast.intake.checks import Wrong
from forecast.intake.layout import Table
from forecast.intake.spool import Rows

#: Rows that only the rest of the file shows to be wrong; they are remembered until it is read again.
MOST_LATE = 100_000
_HEADER = ("file", "line", "column", "reason")


class Refusals:
    """What is refused of one table, ``most`` faults of it kept and the others counted.

    A context manager. ``quarantine``: a file that the rows are written to, put in its place by ``publish`` alone.
    """

    def __init__(self, most: int, quarantine: Path | None = None) -> None:
        self.faults: list[Fault] = []
        self.more = self.rows = 0
        self._most, self._path = most, quarantine
        self._late: dict[int, tuple[str, str]] = {}
        self._written: Mapping[str, str] = {}
        self._stack = ExitStack()
        self._temporary: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)

    def note(self, batch: Batch, wrong: Wrong) -> None:
        """Rows of a batch with wrong cells."""
        self._written = batch.written
        self.rows += len(wrong)
        for i in sorted(wrong):
            for field, expected in wrong[i]:
                text = batch.cells[field][i] if field in batch.cells else ""
                self._add(Fault(batch.written.get(field, field), text, expected, batch.file, batch.lines[i]))
        self._write(batch, {i: _reason(batch, i, found) for i, found in wrong.items()})

    def unknown(self, batch: Batch, expected: Mapping[int, str]) -> None:
        """Rows of a batch that name no known series: who is told of them is another matter."""
        self._written = batch.written
        self.rows += len(expected)
        column = batch.written.get("series_id", "series_id")
        self._write(batch, {i: (column, text) for i, text in expected.items()})

    def late(self, file: str, rows: Rows, field: str, say: Callable[[int], tuple[object, str]]) -> None:
        """Rows that were right by themselves; ``say``: the value of the k-th of them and what was expected.

        Raises ``InvalidInput`` where they are to be written and are too many.
        """
        column = self._written.get(field, field)
        self.rows += len(rows)
        if self._path is not None and len(self._late) + len(rows) > MOST_LATE:
            what = f"at most {MOST_LATE:,} rows that say again, or contradict, what others say; is a column left out?"
            raise InvalidInput(Fault("rows", f"{len(self._late) + len(rows):,}", what, file))
        told = len(rows) if self._path is not None else min(len(rows), max(self._most - len(self.faults), 0))
        for k in range(told):
            value, expected = say(k)
            self._add(Fault(column, value, expected, file, int(rows["line"][k])))
            if self._path is not None:
                self._late[int(rows["row"][k])] = column, f"{value}: expected {expected}"
        self.more += len(rows) - told

    def publish(self, table: Table) -> None:
        """Put the file of refused rows in its place, once the last row of the table was judged."""
        if self._path is None or not self.rows:
            return
        first = 0
        for batch in table.batches() if self._late else ():
            places = range(first, first + len(batch.lines))
            self._write(batch, {row - first: self._late[row] for row in places if row in self._late})
            first = places.stop
        self._stack.close()
        if self._temporary is not None:
            os.replace(self._temporary, self._path)

    def _add(self, fault: Fault) -> None:
        if len(self.faults) < self._most:
            self.faults.append(fault)
        else:
            self.more += 1

    def _write(self, batch: Batch, reasons: Mapping[int, tuple[str, str]]) -> None:
        if self._path is None or not reasons:
            return
        fields = list(batch.cells)
        if self._temporary is None:
            handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", suffix=".tmp", dir=self._path.parent)
            self._temporary = Path(name)
            self._file = self._stack.enter_context(os.fdopen(handle, "w", encoding="utf-8", newline=""))
            csv.writer(self._file).writerow([*_HEADER, *map(inert, fields)])
        csv.writer(self._file).writerows(
            [
                *map(cell, (batch.file, batch.lines[i], *reasons[i])),
                *(inert(batch.cells[field][i]) for field in fields),
            ]
            for i in sorted(reasons)
        )


def _reason(batch: Batch, i: int, found: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The columns of a row in which something is wrong, and what."""
    columns = [batch.written.get(field, field) for field, _ in found]
    texts = [f"{batch.cells[field][i]!r}: expected {expected}" for field, expected in found]
    return "; ".join(columns), "; ".join(texts)
