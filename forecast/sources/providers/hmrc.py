"""Trade of the United Kingdom by commodity: the Overseas Trade Statistics of HM Revenue and Customs, by its OData API.

Lines of eight digits are summed there by month, line and kind of suppression, here over what a key holds. Imports (flow
types 1 and 3) and exports (2 and 4) are those with the European Union and with everybody else together; estimates for
traders below the thresholds have no commodity and are in none. Until 2021 trade with the Union was surveyed.
https://www.uktradeinfo.com/api-documentation/
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from forecast.errors import SourceFailed
from forecast.sources.json_answer import JsonAnswer, Record, json_answer
from forecast.sources.portions import spans
from forecast.sources.source import Quote, Source
from forecast.sources.trade_lines import EMPTY_FOR, EVERYWHERE, TradeLine, first_of_month, outermost, trade_lines
from forecast.sources.web import Page, Web

#: Codes of one question, whose address may have some two thousand characters, and months of one: sums of more than six
#: years are known to time out.
_CODES, _MONTHS = 12, 36
_FIRST = dt.date(2000, 1, 1)
_FLOWS = {"import": (1, 3), "export": (2, 4)}
_UNITS = {"gbp": "GBP", "kg": "kg"}
#: Kinds of suppression by what is not told: which countries it was with (2, 3), the weight by country (2 to 5), the
#: weight at all (3, 5). Of kind 1 nothing is published.
_NO_COUNTRY, _NO_COUNTRY_WEIGHT, _NO_WEIGHT = {2, 3}, {2, 3, 4, 5}, {3, 5}


@dataclass
class _Cell:
    """What is told of a month: value (GBP) and weight (kg), None where it is not told of all; kinds of suppression."""

    value: float | None = 0.0
    weight: float | None = 0.0
    hidden: set[int] = field(default_factory=set)

    def add(self, other: _Cell) -> None:
        self.value = None if self.value is None or other.value is None else self.value + other.value
        self.weight = None if self.weight is None or other.weight is None else self.weight + other.weight
        self.hidden |= other.hidden


#: Cells by month and line of eight digits.
_Months = dict[dt.date, dict[str, _Cell]]


class Hmrc(Source):
    """Values in pounds and weights of imports and exports; at most 60 requests a minute."""

    name = "hmrc"
    title = "UK imports by HS and CN code"
    publisher = "HM Revenue and Customs, Overseas Trade Statistics"
    address = "https://api.uktradeinfo.com/"
    page = "https://www.uktradeinfo.com/trade-data/"
    licence = "Open Government Licence v3.0 (HM Revenue and Customs)"
    pause = 1.1

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        lines = trade_lines(keys, _UNITS)
        any_row = False
        begun: set[str] = set()
        for span in spans(max(since, _FIRST), web.today, _MONTHS):
            for flow in sorted({line.flow for line in lines}):
                of_flow = [line for line in lines if line.flow == flow]
                partners = sorted({line.partner for line in of_flow} | {EVERYWHERE})
                tables = {partner: self._table(web, of_flow, partner, span) for partner in partners}
                any_row = any_row or bool(tables[EVERYWHERE])
                for line in of_flow:
                    yield from _quotes(line, tables, begun)
        if lines and not any_row and web.today - since > EMPTY_FOR:
            raise SourceFailed(self.name, f"no row of any of {len(lines)} lines since {since}")

    def _table(self, web: Web, lines: list[TradeLine], partner: str, span: tuple[dt.date, dt.date]) -> _Months:
        """Of everywhere all codes, since what is suppressed stands there; else those of the lines of a partner."""
        months: _Months = defaultdict(lambda: defaultdict(_Cell))
        codes = outermost(code for line in lines if partner in (EVERYWHERE, line.partner) for code in line.codes)
        for start in range(0, len(codes), _CODES):
            question = _question(lines[0].flow, codes[start : start + _CODES], partner, span)
            for answer, row in self._rows(web, question):
                month, code, cell = _cell(answer, row)
                months[month][code].add(cell)
        return months

    def _rows(self, web: Web, question: str) -> Iterator[tuple[JsonAnswer, Record]]:
        page = web.get("OTS", {"$apply": question}, media=("json",))
        followed: set[str] = set()
        while True:
            answer = json_answer(self.name, page)
            if error := answer.content.get("error"):
                raise SourceFailed(self.name, f"{page.url}: {_said(error)}")
            yield from ((answer, row) for row in answer.records("value"))
            more = answer.content.get("@odata.nextLink")
            if not more:
                return
            page = self._next(web, answer, str(more), followed)

    def _next(self, web: Web, answer: JsonAnswer, link: str, followed: set[str]) -> Page:
        """The next page. Of its address only the question is taken: the rest is ours to know."""
        query = urlsplit(link).query
        if not query or query in followed:
            raise answer.changed(f"@odata.nextLink = {link!r}", "the address of a page that was not read yet")
        followed.add(query)
        return web.get(f"OTS?{query}", media=("json",))


def _question(flow: str, codes: list[str], partner: str, span: tuple[dt.date, dt.date]) -> str:
    first, last = (f"{day:%Y%m}" for day in span)
    eu, others = _FLOWS[flow]
    # A commodity is a whole number of eight digits, leading zeros lost.
    ranges = " or ".join(
        f"(CommodityId ge {int(code.ljust(8, '0'))} and CommodityId le {int(code.ljust(8, '9'))})" for code in codes
    )
    conditions = [
        f"MonthId ge {first}",
        f"MonthId le {last}",
        f"(FlowTypeId eq {eu} or FlowTypeId eq {others})",
        f"({ranges})",
    ]
    if partner != EVERYWHERE:
        conditions.append(f"Country/CountryCodeAlpha eq '{partner}'")
    sums = "aggregate(Value with sum as TotalValue,NetMass with sum as TotalMass)"
    return f"filter({' and '.join(conditions)})/groupby((MonthId,CommodityId,SuppressionIndex),{sums})"


def _cell(answer: JsonAnswer, row: Record) -> tuple[dt.date, str, _Cell]:
    month, code, hidden = (answer.text(row, name) for name in ("MonthId", "CommodityId", "SuppressionIndex"))
    day = first_of_month(int(month[:4]), int(month[4:])) if len(month) == 6 and month.isdigit() else None
    if day is None:
        raise answer.changed(f"MonthId = {month!r}", "a month such as 202505")
    if not (code.isdigit() and len(code) <= 8):
        raise answer.changed(f"CommodityId = {code!r}", "a code of eight digits, leading zeros lost")
    if not hidden.isdigit():
        raise answer.changed(f"SuppressionIndex = {hidden!r}", "a number from 0 to 5")
    kinds = {int(hidden)} - {0}
    return day, code.zfill(8), _Cell(answer.number(row, "TotalValue"), answer.number(row, "TotalMass"), kinds)


def _quotes(line: TradeLine, tables: dict[str, _Months], begun: set[str]) -> Iterator[Quote]:
    """A line in every month that is published, which is one with a row of any line; not where a part is suppressed, nor
    before its own first row. ``begun``: keys of lines that have had it."""
    total = tables[EVERYWHERE]
    for month in sorted(total):
        hidden: set[int] = set().union(*(cell.hidden for code, cell in total[month].items() if line.holds(code)))
        own = [cell for code, cell in tables[line.partner].get(month, {}).items() if line.holds(code)]
        if own:
            begun.add(line.key)
        if line.key not in begun or hidden & _untold(line):
            continue
        summed = _Cell()
        for cell in own:
            summed.add(cell)
        amount = summed.value if line.measure == "gbp" else summed.weight
        if amount is not None:
            yield Quote(line.key, month, amount, _UNITS[line.measure])


def _untold(line: TradeLine) -> set[int]:
    """Kinds of suppression under which a line is not told in full."""
    if line.measure == "gbp":
        return set() if line.partner == EVERYWHERE else _NO_COUNTRY
    return _NO_WEIGHT if line.partner == EVERYWHERE else _NO_COUNTRY_WEIGHT


def _said(error: object) -> str:
    """What an error of OData says: ``{"code": ..., "message": ...}``."""
    message = error.get("message") if isinstance(error, dict) else error
    return " ".join(str(message).split())[:200]
