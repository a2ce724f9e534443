"""The public API of the US Bureau of Labor Statistics, with any values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date

from tests.support.publishers import NOT_FOUND, Answer, Request


class Feed:
    """``values``: by the id of the series and the first day of the month."""

    def __init__(self, values: Mapping[str, Mapping[date, float]]) -> None:
        self._values = values

    def __call__(self, request: Request) -> Answer:
        if request.method != "POST" or not request.path.endswith("timeseries/data/"):
            return NOT_FOUND
        asked = json.loads(request.body)
        years = range(int(asked["startyear"]), int(asked["endyear"]) + 1)
        if len(asked["seriesid"]) > 25 or len(years) > 10:
            return _answer("REQUEST_NOT_PROCESSED", ["more than 25 series or 10 years"], {})
        messages, series = [], []
        for key in asked["seriesid"]:
            if key not in self._values:
                messages.append(f"Series does not exist for Series {key}")
            months = sorted((month for month in self._values.get(key, {}) if month.year in years), reverse=True)
            data = [_figure(month, self._values[key][month]) for month in months]
            series.append({"seriesID": key, "data": data})
        return _answer("REQUEST_SUCCEEDED", messages, {"series": series})


def _figure(month: date, value: float) -> dict[str, object]:
    return {
        "year": str(month.year),
        "period": f"M{month.month:02}",
        "periodName": f"{month:%B}",
        "value": repr(value),
        "footnotes": [{}],
    }


def _answer(status: str, message: list[str], results: object) -> Answer:
    told = {"status": status, "responseTime": 40, "message": message, "Results": results}
    return Answer(json.dumps(told).encode(), "application/json")
