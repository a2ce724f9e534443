"""The API of Comex Stat, with any values of the keys of the source."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from tests.support.publishers import NOT_FOUND, Answer, Request

_LEVELS = ("chapter", "heading", "subHeading", "ncm")
_FIELDS = {"usd": "metricFOB", "kg": "metricKG"}


class Feed:
    """``values``: amounts by key of the source and first day of month.

    An amount stands under the first line of eight digits of the first code; a unit value makes the value of the weight
    that a key says, and that of 1 kg where none does.
    """

    def __init__(self, values: Mapping[str, Mapping[date, float]]) -> None:
        self.rows: dict[tuple[str, str, date, str], dict[str, float]] = defaultdict(dict)
        for key, amounts in sorted(values.items(), key=lambda item: item[0].endswith("/usd-per-kg")):
            flow, codes, partner, measure = key.split("/")
            for month, amount in amounts.items():
                row = self.rows[flow, partner, month, codes.split("+")[0].ljust(8, "0")]
                if measure == "usd-per-kg":
                    row["metricFOB"] = amount * row.setdefault("metricKG", 1.0)
                else:
                    row[_FIELDS[measure]] = amount

    def __call__(self, request: Request) -> Answer:
        if request.path != "general" or request.method != "POST":
            return NOT_FOUND
        asked = json.loads(request.body)
        filters = {one["filter"]: one["values"] for one in asked["filters"]}
        ((_, codes),) = ((level, values) for level, values in filters.items() if level in _LEVELS)
        assert asked["details"] == ["ncm"], "this feed tells lines of eight digits"
        partner = str(filters["country"][0]) if "country" in filters else "*"
        found = [
            {
                "year": f"{month:%Y}",
                "monthNumber": f"{month:%m}",
                "coNcm": code,
                "ncm": "descrição",
                **{metric: f"{sums.get(metric, 0.0):.12g}" for metric in asked["metrics"]},
            }
            for (flow, whose, month, code), sums in sorted(self.rows.items())
            if flow == asked["flow"]
            and whose == partner
            and code.startswith(tuple(codes))
            and asked["period"]["from"] <= f"{month:%Y-%m}" <= asked["period"]["to"]
        ]
        answer = {"data": {"list": found}, "success": True, "message": None, "processo_info": None, "language": "pt"}
        return Answer(json.dumps(answer, ensure_ascii=False).encode(), "application/json; charset=utf-8")
