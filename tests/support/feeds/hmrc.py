"""The API of HM Revenue and Customs, with any values of its keys."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date

from tests.support.publishers import NOT_FOUND, Answer, Request

_FLOWS = {"1": "import", "3": "import", "2": "export", "4": "export"}
_FIELDS = {"gbp": "TotalValue", "kg": "TotalMass"}
#: Rows of a page.
PAGE = 40_000


class Feed:
    """``values``: amounts by key of the source and first day of month; ``page``: rows of a page, the next by a link.

    An amount of several codes stands under the first of them; where a key says only value or weight of a line, there is
    none of the other. In a month of which no key says what came from everywhere it is what came from the partners.
    """

    def __init__(self, values: Mapping[str, Mapping[date, float]], page: int = PAGE) -> None:
        self.page = page
        self.rows: dict[tuple[str, str, date, int], dict[str, float | None]] = {}
        lines = [(key.split("/"), amounts) for key, amounts in values.items()]
        said = {(flow, _line(codes), partner, _FIELDS[measure]) for (flow, codes, partner, measure), _ in lines}
        for (flow, codes, partner, measure), amounts in lines:
            line = _line(codes)
            for month, amount in amounts.items():
                nothing = {field: None if (flow, line, partner, field) in said else 0.0 for field in _FIELDS.values()}
                self.rows.setdefault((flow, partner, month, line), nothing)[_FIELDS[measure]] = amount
        told = {(flow, month) for flow, partner, month, _ in self.rows if partner == "*"}
        for (flow, _, month, line), sums in list(self.rows.items()):
            if (flow, month) not in told:
                self.rows[flow, "*", month, line] = sums

    def __call__(self, request: Request) -> Answer:
        if request.path != "OTS":
            return NOT_FOUND
        asked = request.params.get("$apply", "")
        if not re.fullmatch(r"filter\(.+\)/groupby\(\(MonthId,CommodityId,SuppressionIndex\),aggregate\(.+\)\)", asked):
            return _error(f"Syntax error in '{asked}'.")
        first, last = re.findall(r"MonthId [gl]e (\d{6})", asked)
        flows = {_FLOWS[one] for one in re.findall(r"FlowTypeId eq (\d)", asked)}
        ranges = [
            (int(low), int(high)) for low, high in re.findall(r"CommodityId ge (\d+) and CommodityId le (\d+)", asked)
        ]
        partner = "".join(re.findall(r"CountryCodeAlpha eq '(\w\w)'", asked)) or "*"
        found = [
            {"MonthId": int(f"{month:%Y%m}"), "CommodityId": line, "SuppressionIndex": 0, **sums}
            for (flow, whose, month, line), sums in sorted(self.rows.items())
            if flow in flows
            and whose == partner
            and first <= f"{month:%Y%m}" <= last
            and any(low <= line <= high for low, high in ranges)
        ]
        start = int(request.params.get("$skip", 0))
        answer: dict[str, object] = {
            "@odata.context": "https://api.uktradeinfo.com/$metadata#OTS",
            "value": found[start : start + self.page],
        }
        if start + self.page < len(found):
            answer["@odata.nextLink"] = f"https://api.uktradeinfo.com/OTS?$apply={asked}&$skip={start + self.page}"
        return Answer(json.dumps(answer).encode(), "application/json")


def _line(codes: str) -> int:
    """The first line of eight digits of the first code."""
    return int(codes.split("+")[0].ljust(8, "0"))


def _error(message: str) -> Answer:
    return Answer(json.dumps({"error": {"code": "", "message": message}}).encode(), "application/json", 400)
