"""The International Monetary Fund's Primary Commodity Prices with any values."""

from __future__ import annotations

from tests.support.feeds.sdmx import Values, asked_for
from tests.support.publishers import Answer, Request

HEADER = "DATAFLOW,COUNTRY,INDICATOR,DATA_TRANSFORMATION,FREQUENCY,TIME_PERIOD,OBS_VALUE,SCALE"
FLOW = "IMF.RES:PCPS(9.0.0)"


class Feed:
    """Answers with ``values``: key -> first day of the period -> value."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def __call__(self, request: Request) -> Answer:
        found = asked_for(request.path, self.values, request.params.get("startPeriod", ""))
        rows = [f"{FLOW},{key.replace('.', ',')},{ds:%Y-M%m},{value!r},0" for key, ds, value in found]
        body = "\n".join([HEADER, *(rows or [f"{FLOW},,,,,,,"])]) + "\n"
        return Answer(body.encode(), "application/vnd.sdmx.data+csv")
