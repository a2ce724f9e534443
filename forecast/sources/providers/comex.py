"""Trade of Brazil by commodity: Comex Stat of the Secretariat of Foreign Trade (MDIC/SECEX), by its API.

A question is posted for one flow, one year, one level of the nomenclature and one partner (longer periods come back cut
without a word), with all codes of that level; the answer has the lines of eight digits (NCM) within them. Partners of
keys are the numbers of Comex Stat: 160 China, 249 the United States. https://api-comexstat.mdic.gov.br/docs
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby

from forecast.errors import SourceFailed
from forecast.sources.json_answer import JsonAnswer, Record, json_answer
from forecast.sources.portions import spans
from forecast.sources.source import Quote, Source
from forecast.sources.trade_lines import EMPTY_FOR, EVERYWHERE, TradeLine, first_of_month, trade_lines
from forecast.sources.web import Web

_FIRST = dt.date(1997, 1, 1)
#: Questions that are put again where the answer is that it did not work, which it is now and then.
_TRIES = 2
#: Names of filters by digits of the codes that they take.
_LEVELS = {2: "chapter", 4: "heading", 6: "subHeading", 8: "ncm"}
_UNITS = {"usd": "USD", "kg": "kg", "usd-per-kg": "USD/kg"}


@dataclass(frozen=True)
class _Cell:
    """What is told of a line in a month: value free on board (USD) and net weight (kg); None where it is not told."""

    value: float | None
    weight: float | None


#: Cells by month and line of eight digits.
_Months = dict[dt.date, dict[str, _Cell]]


class Comex(Source):
    """Values in dollars, weights and unit values of exports and imports; about six requests a minute."""

    name = "comex"
    title = "Brazil's trade by HS code"
    publisher = "Comex Stat, MDIC/SECEX Brazil"
    address = "https://api-comexstat.mdic.gov.br/"
    page = "https://comexstat.mdic.gov.br/"
    licence = "Brazilian open government data, cite MDIC/SECEX"
    pause = 11.0

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        lines = sorted(trade_lines(keys, _UNITS), key=lambda line: line.flow)
        any_row = False
        begun: set[str] = set()
        for year in range(max(since, _FIRST).year, web.today.year + 1):
            ((first, last),) = spans(max(since, _FIRST, dt.date(year, 1, 1)), min(web.today, dt.date(year, 12, 31)), 12)
            for flow, of_flow in ((flow, list(some)) for flow, some in groupby(lines, lambda line: line.flow)):
                partners = sorted({line.partner for line in of_flow})
                tables = {partner: self._table(web, flow, of_flow, partner, (first, last)) for partner in partners}
                published = sorted({month for table in tables.values() for month in table})
                any_row = any_row or bool(published)
                for line in of_flow:
                    yield from _quotes(line, tables[line.partner], published, begun)
        if lines and not any_row and web.today - since > EMPTY_FOR:
            raise SourceFailed(self.name, f"no row of any of {len(lines)} lines since {since}")

    def _table(
        self, web: Web, flow: str, lines: list[TradeLine], partner: str, span: tuple[dt.date, dt.date]
    ) -> _Months:
        months: _Months = defaultdict(dict)
        codes = sorted({code for line in lines if line.partner == partner for code in line.codes})
        for digits in sorted({len(code) for code in codes}):
            of_level = [code for code in codes if len(code) == digits]
            answer = self._asked(web, _question(flow, digits, of_level, partner, span))
            for row in answer.records("data", "list"):
                month, code, cell = _cell(answer, row)
                if code.startswith(tuple(of_level)) and span[0] <= month <= span[1]:
                    months[month][code] = cell
        return months

    def _asked(self, web: Web, question: Record) -> JsonAnswer:
        """The answer to a question, which may be an error, or that it did not work, under the status 200 as well."""
        for _ in range(_TRIES):
            answer = json_answer(self.name, web.post("general", question, media=("json",)))
            error = answer.content.get("error")
            if not error and answer.content.get("success", True) is not False:
                return answer
            said = (error.get("message") if isinstance(error, dict) else error) or answer.content.get("message")
        raise SourceFailed(self.name, f"{answer.place}: {said or 'success is false, and nothing else is said'}")


def _question(
    flow: str, digits: int, codes: list[str], partner: str, span: tuple[dt.date, dt.date]
) -> dict[str, object]:
    filters: list[dict[str, object]] = [{"filter": _LEVELS[digits], "values": codes}]
    if partner != EVERYWHERE:
        filters.append({"filter": "country", "values": [int(partner)]})
    return {
        "flow": flow,
        "monthDetail": True,
        "period": {"from": f"{span[0]:%Y-%m}", "to": f"{span[1]:%Y-%m}"},
        "filters": filters,
        "details": ["ncm"],
        "metrics": ["metricFOB", "metricKG"],
    }


def _cell(answer: JsonAnswer, row: Record) -> tuple[dt.date, str, _Cell]:
    year, month = answer.text(row, "year"), answer.text(row, "monthNumber")
    day = first_of_month(int(year), int(month)) if year.isdigit() and month.isdigit() else None
    if day is None:
        raise answer.changed(f"year = {year!r}, monthNumber = {month!r}", "a month such as 2025 and 05")
    code = answer.text(row, "coNcm").zfill(8)
    if not (code.isdigit() and len(code) == 8):
        raise answer.changed(f"coNcm = {code!r}", "a code of eight digits")
    return day, code, _Cell(answer.number(row, "metricFOB"), answer.number(row, "metricKG"))


def _quotes(line: TradeLine, table: _Months, published: list[dt.date], begun: set[str]) -> Iterator[Quote]:
    """A line in every month that is published, which is one with a row of any line of its flow, from its own first row
    on. ``begun``: keys of lines that have had it."""
    for month in published:
        cells = [cell for code, cell in table.get(month, {}).items() if line.holds(code)]
        if cells:
            begun.add(line.key)
        if line.key not in begun:
            continue
        value, weight = _sum(cell.value for cell in cells), _sum(cell.weight for cell in cells)
        amount = {"usd": value, "kg": weight}.get(line.measure)
        if line.measure == "usd-per-kg" and value and weight:
            amount = value / weight
        if amount is not None:
            yield Quote(line.key, month, amount, _UNITS[line.measure])


def _sum(amounts: Iterator[float | None]) -> float | None:
    """0 of none; None where one of them is not told."""
    every = list(amounts)
    return None if None in every else sum(amount for amount in every if amount is not None)
