"""The US Census Bureau with given figures: its lines, its totals and its errors."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from tests.support.publishers import NOT_FOUND, Answer, Request

#: USD/kg of all and of a country, kg, and percent of what no value is given of.
_PRICE, _CHEAP, _WEIGHT, _RATE = 10.0, 0.001, 10_000.0, 5.0
#: A country that trades what others leave of a total.
_WORLD, _OTHERS = "-", "1220"
_CHAPTERS = [f"{number:02d}" for number in range(1, 99) if number != 77]

INVALID = b"<html><head><title>Invalid Key</title></head><body>Invalid Key</body></html>"


class Figures(NamedTuple):
    """What was traded: value and duty in USD, quantity in kg."""

    value: float
    quantity: float
    duty: float

    def __add__(self, other: object) -> Figures:
        assert isinstance(other, Figures)
        return Figures(*(one + more for one, more in zip(self, other, strict=True)))

    def times(self, share: float) -> Figures:
        return Figures(*(share * one for one in self))


#: Figures by flow, commodity, country and month; what is given of them, by field.
_Place = tuple[str, str, str, date]


class Feed:
    """Answers with ``values``: by key of the source and first day of the month.

    What is worth 0 has no row. Where no value is given of a total, it is the sum of the countries or more; what
    countries leave of one is traded by another. A commodity is two lines. ``key``: the only good one; else any is.
    """

    def __init__(self, values: Mapping[str, Mapping[date, float]], key: str = "") -> None:
        self._key = key
        given: dict[_Place, dict[str, float]] = defaultdict(dict)
        for name, months in values.items():
            flow, commodity, country, field = name.split("/")
            for month, value in months.items():
                given[flow, commodity, country, month][field] = value
        self._trade = {place: _figures(place[2], fields) for place, fields in given.items()}
        self._balance(given)

    def _balance(self, given: Mapping[_Place, Mapping[str, float]]) -> None:
        sums: dict[_Place, Figures] = defaultdict(lambda: Figures(0.0, 0.0, 0.0))
        for (flow, commodity, country, month), figures in self._trade.items():
            sums[flow, commodity, _WORLD, month] += figures if country != _WORLD else Figures(0.0, 0.0, 0.0)
        for place, countries in sums.items():
            total, fixed = (
                self._trade.setdefault(place, countries),
                given.get(place, {}).keys() & {"value", "unit_value"},
            )
            if countries.value > total.value:
                assert not fixed, f"{place}: the countries add up to more than the total"
                share = countries.value / total.value if total.value else 1.0
                total = self._trade[place] = total._replace(value=countries.value, duty=total.duty * share)
            if total.value > countries.value:
                flow, commodity, _, month = place
                rest = Figures(*(max(whole - part, 0.0) for whole, part in zip(total, countries, strict=True)))
                self._trade[flow, commodity, _OTHERS, month] = rest

    def __call__(self, request: Request) -> Answer:
        if request.path == "data/invalid_key.html":
            return Answer(INVALID, "text/html")
        endpoint = re.search(r"(imports|exports)/hs$", request.path)
        if endpoint is None:
            return NOT_FOUND
        key = request.params.get("key", "")
        if not key or self._key not in ("", key):
            return Answer(b"", "text/html", 302, {"Location": "/data/invalid_key.html"})
        rows = list(self._rows(endpoint[1], request.params))
        return Answer(table(request.params, rows), "application/json") if rows else Answer(b"", "application/json", 204)

    def _rows(self, flow: str, params: Mapping[str, str]) -> Iterator[dict[str, str]]:
        first, last = params["time"].removeprefix("from ").split(" to ")
        wanted = params.get("I_COMMODITY", params.get("E_COMMODITY", "all")).rstrip("*")
        for (there, commodity, country, month), figures in sorted(self._trade.items()):
            time = f"{month:%Y-%m}"
            if there != flow or not first <= time <= last or not figures.value:
                continue
            if wanted == "all" and commodity.startswith("all") and country == _WORLD:
                yield from _chapters(figures, time)
            elif commodity == wanted:
                yield from _lines(commodity, country, figures, time)


def _figures(country: str, given: Mapping[str, float]) -> Figures:
    quantity = given.get("quantity", _WEIGHT)
    price = given.get("unit_value", _PRICE if country == _WORLD else _CHEAP)
    value = given.get("value", quantity * price)
    return Figures(value, quantity, value * given.get("duty_rate", _RATE) / 100)


def _lines(commodity: str, country: str, figures: Figures, time: str) -> Iterator[dict[str, str]]:
    """The figures in two lines, in one where the commodity is a line itself."""
    if len(commodity) == 10:
        yield row(commodity, country, time, *figures)
    else:
        yield row(f"{commodity:0<9}1", country, time, *figures.times(0.25))
        yield row(f"{commodity:0<9}9", country, time, *figures.times(0.75))


def _chapters(figures: Figures, time: str) -> Iterator[dict[str, str]]:
    """The value and the duty over all chapters that are counted, and 27, 71 and 98 besides."""
    counted = len(_CHAPTERS) - 3
    for chapter in _CHAPTERS:
        value, _, duty = figures.times(1 / counted)
        yield row(chapter, _WORLD, time, value, 0, duty, unit="-")


def row(
    code: str, country: str, time: str, value: float, quantity: float, duty: float = 0, unit: str = "KG", flag: str = ""
) -> dict[str, str]:
    """A row by the names of all columns, of imports and of exports."""
    return {
        "I_COMMODITY": code,
        "E_COMMODITY": code,
        "CTY_CODE": country,
        "time": time,
        "UNIT_QY1": unit,
        "CON_VAL_MO": _text(value),
        "ALL_VAL_MO": _text(value),
        "CAL_DUT_MO": _text(duty),
        "CON_QY1_MO": _text(quantity),
        "QTY_1_MO": _text(quantity),
        "CON_QY1_MO_FLAG": flag,
        "QTY_1_MO_FLAG": flag,
    }


def _text(number: float) -> str:
    return f"{number:.12f}".rstrip("0").rstrip(".")


def table(params: Mapping[str, str], rows: list[dict[str, str]]) -> bytes:
    """Rows as the API writes them: the columns that were asked for, and once more the conditions."""
    header = params["get"].split(",") + [name for name in params if name not in ("get", "key", "SUMMARY_LVL")]
    header = [*(name for name in header if name != "time"), "time"]
    return json.dumps([header, *([one.get(name, params.get(name)) for name in header] for one in rows)]).encode()
