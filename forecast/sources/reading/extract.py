"""An extract of Global Trade Alert's data center, CSV or XLSX, as candidates for events."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path

from forecast.errors import Fault, InvalidInput
from forecast.events.candidate import Candidate
from forecast.formats import Limits, open_file
from forecast.formats.limits import MEGABYTE
from forecast.sources.reading.intervention import TradeIntervention, candidate_of, unknown
from forecast.sources.reading.text import plain
from forecast.sources.reading.words import Lexicon

#: Columns of an extract: what they are called there, and whether they have to be there.
_COLUMNS = {
    "number": (("intervention id",), True),
    "title": (("state act title", "title"), False),
    "type": (("intervention type",), True),
    "evaluation": (("gta evaluation",), True),
    "implementers": (("implementing jurisdictions", "implementing jurisdiction"), True),
    "affected": (("affected jurisdictions", "affected jurisdiction"), True),
    "products": (("affected products", "affected products (hs6)", "affected product"), True),
    "announced": (("date announced", "announcement date"), True),
    "implemented": (("date implemented", "implementation date"), True),
    "removed": (("date removed", "removal date"), True),
    "published": (("date published", "publication date"), False),
    "reference": (("intervention url", "state act url"), False),
    "source": (("state act source",), False),
}
_LIMITS = Limits(size=100 * MEGABYTE, rows=500_000, cell=1_000_000)
#: Rows in which the header is looked for.
_HEAD = 20


def read_extract(path: Path, words: Lexicon, encoding: str = "") -> list[Candidate]:
    """Candidates out of a CSV or XLSX extract of Global Trade Alert's data center.

    Raises ``InvalidInput`` with every row that cannot be read, and for a file without the columns of one.
    """
    rows = [
        (line, row)
        for lines, some in open_file(path, _LIMITS, encoding=encoding).chunks(5_000)
        for line, row in zip(lines, some, strict=True)
    ]
    at, columns = _header(path, rows)
    found, faults = [], []
    for line, row in rows[at + 1 :]:
        if not any(row):
            continue
        cells = {name: row[index].strip() if index < len(row) else "" for name, index in columns.items()}
        try:
            found.append(_extracted(cells, words))
        except _WrongCell as error:
            faults.append(Fault(error.column, cells[error.column], error.expected, str(path), line))
    if faults:
        raise InvalidInput(faults)
    return [candidate for one in found if (candidate := candidate_of(one, words))]


class _WrongCell(ValueError):
    def __init__(self, column: str, expected: str) -> None:
        self.column, self.expected = column, expected


def _header(path: Path, rows: Sequence[tuple[int, list[str]]]) -> tuple[int, dict[str, int]]:
    """Where the header is, and at which index each column that is known."""
    for at, (line, row) in enumerate(rows[:_HEAD]):
        written = {" ".join(cell.lower().replace("_", " ").split()): index for index, cell in enumerate(row)}
        if "intervention id" not in written:
            continue
        columns = {
            name: written[called]
            for name, (names, _) in _COLUMNS.items()
            for called in reversed(names)
            if called in written
        }
        missing = [names[0] for name, (names, needed) in _COLUMNS.items() if needed and name not in columns]
        if missing:
            raise InvalidInput(Fault("header", ", ".join(row)[:200], f"a column {missing[0]!r}", str(path), line))
        return at, columns
    expected = "a header with 'Intervention ID', as an extract of www.globaltradealert.org/data-center has it"
    raise InvalidInput(Fault("header", "none", expected, str(path)))


def _extracted(cells: dict[str, str], words: Lexicon) -> TradeIntervention:
    number = cells["number"].removesuffix(".0")
    if not number.isdecimal():
        raise _WrongCell("number", "the number of an intervention")
    announced = _day(cells, "announced")
    if announced is None:
        raise _WrongCell("announced", "a day, YYYY-MM-DD")
    affected, strange = _named(cells["affected"], words)
    implementers, missing = _named(cells["implementers"], words)
    codes = re.findall(r"\d{5,6}", cells["products"])
    title = cells.get("title") or f"{cells['implementers'][:80]}: {cells['type'].lower()}"
    return TradeIntervention(
        number,
        plain(title),
        cells["type"],
        cells["evaluation"],
        implementers,
        affected,
        tuple(code.zfill(6) for code in codes),
        announced,
        _day(cells, "implemented"),
        _day(cells, "removed"),
        _day(cells, "published"),
        cells.get("reference") or f"https://www.globaltradealert.org/intervention/{number}",
        cells.get("source", ""),
        doubts=unknown((*strange, *missing)),
    )


def _day(cells: dict[str, str], column: str) -> dt.date | None:
    text = cells.get(column, "")
    if text.lower() in ("", "na", "n/a", "null", "none", "nan"):
        return None
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        raise _WrongCell(column, "a day, YYYY-MM-DD, or nothing") from None


def _named(text: str, words: Lexicon) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Places of a list of names, and the names that are not known."""
    names = [name for part in re.split(r"[,;|]", text) if (name := part.strip())]
    strange = tuple(name for name in names if not words.places_in(name))
    return words.places_in(" ; ".join(names)), strange
