"""UN Comtrade with given figures: its records, its limits and its errors."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from functools import cache

from forecast.sources.samples import samples_folder
from tests.support.publishers import NOT_FOUND, Answer, Request

PREVIEW, WHOLE = "public/v1/preview/C/M/HS", "data/v1/get/C/M/HS"
#: Records of an answer without a key.
LIMIT = 500
#: USD/kg and kg of what no value is given of.
_PRICE, _WEIGHT = 10.0, 10_000.0
_WORLD = "0"

#: Fields of a record by key of the source: value (USD) and weight (kg), by month.
_Trade = dict[tuple[str, str, str, str, date], dict[str, float]]


class Feed:
    """Answers with ``values``: by key of the source and first day of the month. What is 0 has no record; the world is
    the sum of the partners where no value of it is given. ``key``: the only good one; else any is."""

    def __init__(self, values: Mapping[str, Mapping[date, float]], key: str = "") -> None:
        self._key = key
        self._trade: _Trade = defaultdict(dict)
        for name, months in values.items():
            reporter, flow, partner, code, field = name.split("/")
            for month, value in months.items():
                self._trade[reporter, flow, code, partner, month][field] = value
        for figures in self._trade.values():
            weight = figures.setdefault("netWgt", _WEIGHT)
            figures.setdefault("primaryValue", weight * figures.get("usd_per_kg", _PRICE))
        self._add_worlds()

    def _add_worlds(self) -> None:
        worlds: _Trade = defaultdict(lambda: {"netWgt": 0.0, "primaryValue": 0.0})
        for (reporter, flow, code, _, month), figures in self._trade.items():
            if (reporter, flow, code, _WORLD, month) not in self._trade:
                for field in ("netWgt", "primaryValue"):
                    worlds[reporter, flow, code, _WORLD, month][field] += figures[field]
        self._trade.update(worlds)

    def __call__(self, request: Request) -> Answer:
        if not request.path.endswith((PREVIEW, WHOLE)):
            return NOT_FOUND
        whole = request.path.endswith(WHOLE)
        key = request.headers.get("Ocp-Apim-Subscription-Key", "")
        if whole and (not key or self._key not in ("", key)):
            return failed(401, "Access denied due to invalid subscription key.")
        asked = {name: text.split(",") for name, text in request.params.items()}
        if len(asked["period"]) > (12 if whole else 1):
            return Answer(refused("period"), "application/json", 400)
        found = [
            record(reporter, flow, code, partner, month, figures["netWgt"], figures["primaryValue"])
            for (reporter, flow, code, partner, month), figures in sorted(self._trade.items())
            if reporter in asked["reporterCode"]
            and flow in asked["flowCode"]
            and code in asked["cmdCode"]
            and partner in asked["partnerCode"]
            and f"{month:%Y%m}" in asked["period"]
            and figures["primaryValue"]
        ]
        return Answer(answer(found if whole else found[:LIMIT]), "application/json")


def answer(records: list[dict[str, object]]) -> bytes:
    """A document with these records."""
    document = {"elapsedTime": "0.42 secs", "count": len(records), "data": records, "error": ""}
    return json.dumps(document).encode()


def refused(member: str) -> bytes:
    """What a parameter that is not understood is answered by."""
    fault = {"MemberNames": [member], "ErrorMessage": f"The field {member} is invalid"}
    document = {"elapsedTime": "0 secs", "count": -1, "data": [], "error": "Invalid parameter value"}
    return json.dumps({**document, "errorObject": [fault]}).encode()


def failed(status: int, message: str, shown: int | None = None) -> Answer:
    """An error of the gateway before the API; ``shown``: its status in HTTP where that is another one."""
    return Answer(json.dumps({"statusCode": status, "message": message}).encode(), "application/json", shown or status)


def record(
    reporter: str, flow: str, code: str, partner: str, month: date, weight: float, value: float, **other: object
) -> dict[str, object]:
    """A record as the sample has one, with these figures; ``other``: fields of it."""
    fields = {"reporterCode": int(reporter), "flowCode": flow, "cmdCode": code, "partnerCode": int(partner)}
    when = {"period": f"{month:%Y%m}", "refPeriodId": int(f"{month:%Y%m%d}"), "refYear": month.year}
    figures = {"qty": weight, "netWgt": weight, "fobvalue": value, "primaryValue": value}
    return {**_sample(), **fields, **when, "refMonth": month.month, **figures, **other}


@cache
def _sample() -> dict[str, object]:
    first: dict[str, object] = json.loads((samples_folder() / "comtrade" / "exports.json").read_bytes())["data"][0]
    return first
