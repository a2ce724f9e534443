"""FRED, the database of the Federal Reserve Bank of St. Louis, as the CSV behind its graphs, which needs no key.

A user adds it by configuration (``kind = "fred"``): the terms of use of FRED forbid to use it "in connection with the
development or training of any software program or system or machine learning", which only who uses it can settle with
the bank. What a statistical office publishes itself comes from there (``bls``).

One answer has a column a series, all of one frequency: of several frequencies FRED makes an archive of files. Then, and
where it knows one of the series not, each is asked for by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field, StrictStr

from forecast.catalog.csv_reader import day, number
from forecast.errors import LayoutChanged, SourceRefused
from forecast.sources.apart import each_apart
from forecast.sources.section import Address, Section, Text
from forecast.sources.source import Quote, Source
from forecast.sources.table import Line, read_table
from forecast.sources.web import Web

_MOST_SERIES = 20
_DATES = ("observation_date", "DATE")  # as it was until December 2024
_MISSING = ("", ".")
_NOT_FOUND = 404
_ARCHIVE = b"PK"


class FredSection(Section):
    """What ``sources.toml`` says of a source of series at FRED."""

    address: Annotated[Address, Field(description="an address that begins with http:// or https://")] = (
        "https://fred.stlouisfed.org/graph"
    )
    publisher: Annotated[Text, Field(description="whom to cite: who makes the figures")] = (
        "FRED, Federal Reserve Bank of St. Louis"
    )
    page: Annotated[StrictStr, Field(description="an address for people")] = "https://fred.stlouisfed.org"
    licence: Annotated[StrictStr, Field(description="what may be done with the data, in words")] = (
        "FRED terms of use, https://fred.stlouisfed.org/legal: no training of software without permission"
    )


class Fred(Source):
    """Series at FRED that a user chose, under the ids that they have there."""

    title = "FRED, Federal Reserve Bank of St. Louis: series that a user chose"

    def __init__(self, name: str, section: FredSection) -> None:
        self.name, self.address, self.page = name, section.address, section.page
        self.publisher, self.licence = section.publisher, section.licence

    @classmethod
    def from_section(cls, name: str, told: Mapping[str, object], file: str) -> Fred:
        """Raises ``InvalidInput`` with every fault in it."""
        return cls(name, FredSection.read(name, told, file))

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        wanted = sorted(keys)
        some = [",".join(wanted[at : at + _MOST_SERIES]) for at in range(0, len(wanted), _MOST_SERIES)]
        yield from each_apart(self.name, some, lambda ids: self._together(web, ids, since))

    def _together(self, web: Web, ids: str, since: dt.date) -> Iterator[Quote]:
        """The series of these ids, joined by commas: in one answer, or else each in its own."""
        keys = ids.split(",")
        asked = {"id": ids, "cosd": since.replace(day=1).isoformat()}
        try:
            page = web.get_changed("fredgraph.csv", asked, media=("csv",))
        except SourceRefused as error:
            if error.status != _NOT_FOUND:
                raise
            if len(keys) == 1:
                raise LayoutChanged(self.name, ids, "status 404, no such series", "the id of a series") from None
        else:
            if page is None:
                return
            if len(keys) == 1 or not page.body.startswith(_ARCHIVE):
                rows = list(read_table(self.name, page, separator=","))
                yield from each_apart(self.name, keys, lambda key: self._series(rows, key))
                return
        yield from each_apart(self.name, keys, lambda key: self._together(web, key, since))

    def _series(self, rows: Sequence[Line], key: str) -> Iterator[Quote]:
        header, told = rows[0][1], ",".join(rows[0][1])
        if header[0] not in _DATES or header.count(key) != 1:
            raise LayoutChanged(self.name, "header", told, f"{_DATES[0]},…,{key}")
        if len(rows) == 1:
            raise LayoutChanged(self.name, key, "no rows", "values, or a . where there is none")
        at = header.index(key)
        for line, row in rows[1:]:
            if len(row) != len(header):
                raise LayoutChanged(self.name, f"line {line}", f"{len(row)} cells", f"{len(header)}")
            try:
                if row[at] not in _MISSING:
                    yield Quote(key, day(row[0]), number(row[at]))
            except ValueError:
                told = f"{row[0]},{row[at]}"
                raise LayoutChanged(self.name, f"line {line}, {key}", told, "a date, and a number or a .") from None
