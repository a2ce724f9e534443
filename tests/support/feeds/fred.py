"""The CSV behind the graphs of FRED, with any values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from tests.support.publishers import NOT_FOUND, Answer, Request

_UNKNOWN = Answer(b"<!DOCTYPE html><html><title>Error - St. Louis Fed</title></html>", "text/html", 404)


class Feed:
    """``values``: by the id of the series and the first day of the period."""

    def __init__(self, values: Mapping[str, Mapping[date, float]]) -> None:
        self._values = values

    def __call__(self, request: Request) -> Answer:
        if not request.path.endswith("fredgraph.csv"):
            return NOT_FOUND
        keys, first = request.params["id"].split(","), date.fromisoformat(request.params["cosd"])
        if not all(key in self._values for key in keys):
            return _UNKNOWN
        days = sorted({day for key in keys for day in self._values[key] if day >= first})
        rows = [",".join([str(day), *(_cell(self._values[key].get(day)) for key in keys)]) for day in days]
        return Answer("\n".join([f"observation_date,{','.join(keys)}", *rows, ""]).encode(), "application/csv")


def _cell(value: float | None) -> str:
    return "." if value is None else repr(value)
