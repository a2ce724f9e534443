"""The US Census Bureau with given figures: its lines, its totals and its errors."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date

from tests.support.publishers import NOT_FOUND, Answer, Request

#: USD/kg, kg and percent of what no value is given of.
_PRICE, _WEIGHT, _RATE = 10.0, 10_000.0, 5.0
#: A country that trades what others leave of a total.
_WORLD, _OTHERS = "-", "1220"
_CHAPTERS = [f"{number:02d}" for number in range(1, 99) if number != 77]

#: What was traded: USD, quantity, duty in USD.
Figures = tuple[int, int, int]
#: By flow, commodity, country and month.
_Trade = dict[tuple[str, str, str, date], Figures]

INVALID, MISSING = (
    b"<html><head><title>Invalid Key</title></head></html>",
    b"<html><head><title>Missing Key</title></head></html>",
)


class Feed:
    """Answers with ``values``, rounded to whole dollars and kilograms: by key of the source and first day of the month.

    What is 0 has no row; the total is the sum of the countries where no value of it is given. A commodity is two lines.
    """

    def __init__(self, values: Mapping[str, Mapping[date, float]], key: str = "census-key") -> None:
        self._key = key
        given: dict[tuple[str, str, str, date], dict[str, float]] = defaultdict(dict)
        for name, months in values.items():
            flow, commodity, country, field = name.split("/")
            for month, value in months.items():
                given[flow, commodity, country, month][field] = value
        self._trade: _Trade = {place: _figures(fields) for place, fields in given.items()}
        self._add_rest()

    def _add_rest(self) -> None:
        """What others traded, and what all did."""
        sums: dict[tuple[str, str, date], Figures] = defaultdict(lambda: (0, 0, 0))
        for (flow, commodity, country, month), figures in self._trade.items():
            there = sums[flow, commodity, month]
            sums[flow, commodity, month] = there if country == _WORLD else _added(there, figures)
        for (flow, commodity, month), there in sums.items():
            total = self._trade.get((flow, commodity, _WORLD, month))
            if total is None or total[0] < there[0]:
                self._trade[flow, commodity, _WORLD, month] = there
            elif total[0] > there[0]:
                rest = tuple(max(whole - part, 0) for whole, part in zip(total, there, strict=True))
                others = self._trade.get((flow, commodity, _OTHERS, month), (0, 0, 0))
                self._trade[flow, commodity, _OTHERS, month] = _added(others, (rest[0], rest[1], rest[2]))

    def __call__(self, request: Request) -> Answer:
        if request.path == "data/invalid_key.html":
            return Answer(INVALID, "text/html")
        endpoint = re.search(r"(imports|exports)/hs$", request.path)
        if endpoint is None:
            return NOT_FOUND
        if request.params.get("key", "") != self._key:
            return Answer(b"", "text/html", 302, {"Location": "/data/invalid_key.html"})
        rows = list(self._rows(endpoint[1], request.params))
        if not rows:
            return Answer(b"", "application/json", 204)
        return Answer(table(request.params, rows), "application/json")

    def _rows(self, flow: str, params: Mapping[str, str]) -> Iterator[dict[str, str]]:
        first, last = params["time"].removeprefix("from ").split(" to ")
        wanted = params.get("I_COMMODITY", params.get("E_COMMODITY", "all")).rstrip("*")
        for (there, commodity, country, month), figures in sorted(self._trade.items()):
            time = f"{month:%Y-%m}"
            if there != flow or not first <= time <= last or not figures[0]:
                continue
            if wanted == "all" and commodity.startswith("all") and country == _WORLD:
                yield from _chapters(figures, time)
            elif commodity == wanted:
                yield from _lines(commodity, country, figures, time)


def _figures(given: Mapping[str, float]) -> Figures:
    quantity = given.get("quantity", _WEIGHT)
    value = given.get("value", quantity * given.get("unit_value", _PRICE))
    return round(value), round(quantity), round(value * given.get("duty_rate", _RATE) / 100)


def _added(one: Figures, other: Figures) -> Figures:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _lines(commodity: str, country: str, figures: Figures, time: str) -> Iterator[dict[str, str]]:
    """The figures in two lines, in one where the commodity is a line itself."""
    if len(commodity) == 10:
        yield row(commodity, country, time, *figures)
        return
    parts = tuple(figure // 4 for figure in figures)
    rest = tuple(figure - part for figure, part in zip(figures, parts, strict=True))
    yield row(f"{commodity:0<9}1", country, time, *parts)
    yield row(f"{commodity:0<9}9", country, time, *rest)


def _chapters(figures: Figures, time: str) -> Iterator[dict[str, str]]:
    """The value and the duty over all chapters that are counted, and 27, 71 and 98 besides."""
    counted = [chapter for chapter in _CHAPTERS if chapter not in ("27", "71", "98")]
    for chapter in _CHAPTERS:
        share = [figure // len(counted) for figure in figures]
        if chapter == counted[0]:
            share = [figure - part * (len(counted) - 1) for figure, part in zip(figures, share, strict=True)]
        yield row(chapter, _WORLD, time, share[0], 0, share[2], "-")


def row(
    code: str, country: str, time: str, value: int, quantity: int, duty: int = 0, unit: str = "KG", flag: str = ""
) -> dict[str, str]:
    """A row by what its columns mean."""
    return {
        "I_COMMODITY": code,
        "E_COMMODITY": code,
        "CTY_CODE": country,
        "time": time,
        "UNIT_QY1": unit,
        "CON_VAL_MO": str(value),
        "ALL_VAL_MO": str(value),
        "CAL_DUT_MO": str(duty),
        "CON_QY1_MO": str(quantity),
        "QTY_1_MO": str(quantity),
        "CON_QY1_MO_FLAG": flag,
        "QTY_1_MO_FLAG": flag,
    }


def table(params: Mapping[str, str], rows: list[dict[str, str]]) -> bytes:
    """Rows as the API writes them: the columns that were asked for, and once more the conditions."""
    header = params["get"].split(",") + [name for name in params if name not in ("get", "key", "SUMMARY_LVL")]
    header = [*(name for name in header if name != "time"), "time"]
    return json.dumps([header, *([one.get(name, params.get(name)) for name in header] for one in rows)]).encode()
