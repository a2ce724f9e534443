"""Bodies that deliver observations, as the files that are taken in; and faults in these as places in the body."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from flask import request

from forecast.errors import Fault, InvalidInput
from service.write_bodies import DeliveredObservation, DeliveredSeries, DeliveryBody, json_object, members, rows_of

_LINE = re.compile(r"\bline (\d+)\b")


@dataclass(frozen=True)
class DeliveredFile:
    """A file of rows. ``place``: what its lines are called in the body; ``rows``: which row of the body begins on a
    line, nothing where the body itself has lines."""

    path: Path
    place: str
    rows: Mapping[int, int] = field(default_factory=dict)

    def located(self, fault: Fault) -> Fault:
        """A fault of the file as one of the body."""
        if fault.line is None:
            return replace(fault, where=f"body.{fault.where}", file=None)
        at = self.rows.get(fault.line, "header") if self.rows else fault.line
        expected = _LINE.sub(self._row, fault.expected) if self.rows else fault.expected
        where = f"{self.place}.{at}.{fault.where}"
        return replace(fault, where=where, expected=expected, file=None, line=None)

    def _row(self, line: re.Match[str]) -> str:
        row = self.rows.get(int(line[1]))
        return line[0] if row is None else f"row {row}"


@dataclass(frozen=True)
class DeliveredFiles:
    """What a request delivers."""

    observations: DeliveredFile
    series: DeliveredFile | None = None

    @contextmanager
    def locating(self) -> Iterator[None]:
        """Let what refuses a file name the place in the body."""
        try:
            yield
        except InvalidInput as error:
            raise type(error)(self._located(fault) for fault in error.faults) from None

    def _located(self, fault: Fault) -> Fault:
        found = next((one for one in (self.observations, self.series) if one and str(one.path) == fault.file), None)
        return fault if found is None else found.located(fault)


@contextmanager
def delivered_files() -> Iterator[DeliveredFiles]:
    """The body of the request as files, which are gone at the end.

    Raises ``UnsupportedMediaType`` for what is neither CSV nor JSON, ``Malformed`` and ``InvalidInput``.
    """
    with tempfile.TemporaryDirectory(prefix="orecast-delivery-") as folder:
        if request.mimetype == "text/csv":
            path = Path(folder) / "body.csv"
            path.write_bytes(request.get_data())
            yield DeliveredFiles(DeliveredFile(path, "body.line"))
            return
        body = json_object()
        if faults := members(body, DeliveryBody, "body"):
            raise InvalidInput(faults)
        observations = rows_of(body, "observations", DeliveredObservation)
        series = rows_of(body, "series", DeliveredSeries)
        if not observations:
            raise InvalidInput(Fault("body.observations", [], "at least one value"))
        yield DeliveredFiles(
            _written(Path(folder), "observations", observations),
            _written(Path(folder), "series", series) if series else None,
        )


def _written(folder: Path, name: str, rows: Sequence[Mapping[str, str]]) -> DeliveredFile:
    """Rows as a CSV file, with a column for each member that any of them has."""
    columns = list(dict.fromkeys(member for row in rows for member in row))
    out, lines, line = io.StringIO(newline=""), {}, 2
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for number, row in enumerate(rows):
        cells = [row.get(member, "") for member in columns]
        writer.writerow(cells)
        lines[line] = number
        line += 1 + sum(len(re.findall(r"\r\n|\r|\n", cell)) for cell in cells)
    path = folder / f"{name}.csv"
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    return DeliveredFile(path, f"body.{name}", lines)
