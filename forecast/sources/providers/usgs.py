"""Prices of minerals by year: the salient statistics of the Mineral Commodity Summaries of the US Geological Survey.

Each edition is an item of the data catalogue ScienceBase, under one parent; since that of 2026 all chapters are in one
file, ``MCS2026_Commodities_Data.csv``, with a row for each statistic and year, in the code page of Windows. An edition
tells five years, of which the last is estimated. A key is the chapter, a colon, and the statistic as it is written.
https://www.usgs.gov/centers/national-minerals-information-center/mineral-commodity-summaries
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import quote

from forecast.errors import LayoutChanged, nearest
from forecast.sources.json_answer import JsonAnswer, json_answer
from forecast.sources.source import Quote, Source
from forecast.sources.web import Page, Web

#: The item of the National Minerals Information Center, under which the editions are.
PARENT = "5c8c03e4e4b0938824529f7d"
_EDITION = re.compile(r"Mineral Commodity Summaries (\d{4}) Data Release")
_FILE = re.compile(r"MCS\d{4}_Commodities_Data\.csv")
_COLUMNS = ("MCS chapter", "Section", "Statistics", "Statistics_detail", "Unit", "Year", "Value", "Notes")
_SECTION, _STATISTIC = "Salient Statistics", "Price"
_YEAR = re.compile(r"(\d{4})(_estimated)?")
_NUMBER = re.compile(r"(e?)\s*(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)\s*(e?)", re.I)
#: What stands where no number is: withheld, not available, not applicable, nothing, in another line; and bounds and
#: ranges, which are no value.
_NO_VALUE = re.compile(r"|W|NA|N/A|XX|E|s|--|[-–—]|[<>].*|[\d.,]+[–-][\d.,]+", re.I)


class Usgs(Source):
    """Averages of prices and unit values of imports by year, published at the end of January after it."""

    name = "usgs"
    title = "yearly prices of minerals"
    publisher = (
        "US Geological Survey, Mineral Commodity Summaries (price averages partly by Argus, as published by USGS)"
    )
    address = "https://www.sciencebase.gov/catalog/"
    page = "https://www.usgs.gov/centers/national-minerals-information-center/mineral-commodity-summaries"
    licence = "US Government work, public domain"

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        edition, file = self._newest(web)
        page = web.get_changed(f"file/get/{edition}?name={quote(file)}", media=("csv",))
        if page is None:
            return
        seen: set[str] = set()
        faults: list[str] = []
        for line, row in self._rows(page):
            key = f"{row['MCS chapter']}: {row['Statistics_detail']}"
            seen.add(key)
            if key in keys:
                try:
                    found = self._quote(key, row, f"line {line}")
                except LayoutChanged as error:
                    # One series takes no other with it: the fault is told after all that can be read.
                    faults.append(f"{error.place}: {error.found}; expected {error.expected}")
                    continue
                if found and found.ds.year >= since.year:
                    yield found
        for key in sorted(set(keys) - seen):
            faults.append(f"no {key!r}" + "".join(f", but {one!r}" for one in nearest(key, seen, n=1)))
        if faults:
            raise LayoutChanged(self.name, file, "; ".join(faults))

    def _newest(self, web: Web) -> tuple[str, str]:
        """The item of the newest edition and its file of all chapters."""
        page = web.get("items", {"parentId": PARENT, "max": "100", "format": "json"}, media=("json",))
        listing = json_answer(self.name, page)
        editions = {}
        for item in listing.records("items"):
            if match := _EDITION.search(listing.text(item, "title")):
                editions[int(match[1])] = listing.text(item, "id")
        if not editions:
            raise listing.changed("no item of an edition", "'Mineral Commodity Summaries 2026 Data Release' or later")
        newest = editions[max(editions)]
        answer = json_answer(self.name, web.get(f"item/{newest}", {"format": "json"}, media=("json",)))
        return newest, _file(answer)

    def _rows(self, page: Page) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Prices among the salient statistics, with their lines."""
        reader = csv.DictReader(io.StringIO(_decoded(page.body)), restval="")
        names = [name.strip() for name in reader.fieldnames or ()]
        if gone := [name for name in _COLUMNS if name not in names]:
            expected = f"the columns {', '.join(_COLUMNS)}"
            raise LayoutChanged(self.name, page.url, f"no column {', '.join(gone)} among {', '.join(names)}", expected)
        reader.fieldnames = names
        sections = set()
        for row in reader:
            sections.add(row["Section"])
            if row["Section"].startswith(_SECTION) and row["Statistics"].strip() == _STATISTIC:
                yield reader.line_num, {name: row[name].strip() for name in _COLUMNS}
        if not any(section.startswith(_SECTION) for section in sections):
            raise LayoutChanged(self.name, page.url, f"sections {', '.join(sorted(sections))}", f"one of {_SECTION}")

    def _quote(self, key: str, row: Mapping[str, str], place: str) -> Quote | None:
        """The value of a row; None where it has none."""
        year = _YEAR.fullmatch(row["Year"])
        if year is None:
            raise LayoutChanged(self.name, place, f"Year = {row['Year']!r}", "a year")
        if _NO_VALUE.fullmatch(row["Value"]):
            return None
        number = _NUMBER.fullmatch(row["Value"])
        if number is None:
            raise LayoutChanged(
                self.name, place, f"Value = {row['Value']!r}", "a number, or W, NA, XX, — where none is"
            )
        estimated = bool(year[2] or number[1] or number[3]) or row["Notes"].startswith("Estimated")
        flag = "derived_approx" if estimated else "reported"
        return Quote(key, dt.date(int(year[1]), 1, 1), float(number[2].replace(",", "")), row["Unit"], flag)


def _file(answer: JsonAnswer) -> str:
    names = [answer.text(file, "name") for file in answer.records("files")]
    for name in names:
        if _FILE.fullmatch(name):
            return name
    raise answer.changed(f"files {', '.join(names)}", "one such as MCS2026_Commodities_Data.csv")


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")
