"""The data catalogue of the US Geological Survey, with an edition of the Mineral Commodity Summaries of any values."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import date

from forecast.sources.providers.usgs import PARENT
from tests.support.publishers import NOT_FOUND, Answer, Request

_COLUMNS = (
    *("MCS chapter", "Section", "Commodity", "Country", "Statistics", "Statistics_detail", "Unit", "Year", "Value"),
    *("Notes", "Is critical mineral 2025", "Other notes"),
)
_UNITS = ("dollars per kilogram", "dollars per pound", "dollars per dry metric ton unit", "dollars per metric ton")


class Feed:
    """``values``: prices by key of the source and first day of year; the edition of the year after the last of them,
    which is estimated, under a title of its own, with that before it beside it."""

    def __init__(self, values: Mapping[str, Mapping[date, float]]) -> None:
        last = max((day.year for prices in values.values() for day in prices), default=2025)
        self.item, self.file = f"{last + 1}a5d5d4be0228872d3bf8", f"MCS{last + 1}_Commodities_Data.csv"
        self.titles = {
            "5804d720e4b0824b2d1c19c6": "Compilation of geospatial data for the mineral industries",
            self.item: f"Mineral Commodity Summaries {last + 1} Data Release",
            "677eaf95d34e760b392c4970": f"U.S. Geological Survey Mineral Commodity Summaries {last} Data Release",
        }
        rows = [
            _row(key, day, price, day.year == last) for key, prices in values.items() for day, price in prices.items()
        ]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerows([_COLUMNS, *rows])
        self.body = text.getvalue().encode("cp1252")

    def __call__(self, request: Request) -> Answer:
        if request.path == "items" and request.params.get("parentId") == PARENT:
            items = [{"id": one, "title": title} for one, title in self.titles.items()]
            return _json({"total": len(items), "items": items})
        if request.path == f"item/{self.item}":
            names = ("MCS_Fig3_Major_Import_Sources.csv", self.file)
            files = [{"name": name, "contentType": "text/csv", "size": len(self.body)} for name in names]
            return _json({"id": self.item, "title": self.titles[self.item], "files": files})
        if request.path == f"file/get/{self.item}" and request.params.get("name") == self.file:
            return Answer(self.body, "text/csv")
        return NOT_FOUND


def _row(key: str, day: date, price: float, estimated: bool) -> tuple[str, ...]:
    chapter, _, statistic = key.partition(": ")
    unit = next((unit for unit in _UNITS if unit in statistic), "dollars per kilogram")
    notes = "Estimated. -- Free on board." if estimated else "Free on board."
    head = (chapter, "Salient Statistics—United States", chapter.title(), "United States", "Price", statistic, unit)
    return (*head, str(day.year), f"{price:,.12g}", notes, "Yes", "(Data in metric tons)")


def _json(content: object) -> Answer:
    return Answer(json.dumps(content).encode(), "application/json")
