"""Eurostat's Comext with any values."""

from __future__ import annotations

from tests.support.feeds.sdmx import Values, asked_for
from tests.support.publishers import Answer, Request

HEADER = "DATAFLOW,LAST UPDATE,freq,reporter,partner,product,flow,indicators,TIME_PERIOD,OBS_VALUE,OBS_FLAG,CONF_STATUS"
FLOW = "ESTAT:DS-045409(1.0)"


def fault(code: int, words: str, status: int) -> Answer:
    """An error as the publisher answers it."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><S:Fault xmlns:S="http://schemas.xmlsoap.org/soap/envelope/">'
        f"<faultcode>{code}</faultcode><faultstring>{words}</faultstring></S:Fault>"
    )
    return Answer(body.encode(), "application/xml", status)


NO_RESULTS = fault(100, "NO_RESULTS: The query did not return any results.", 404)


class Feed:
    """Answers with ``values``: key -> first day of the period -> value."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def __call__(self, request: Request) -> Answer:
        found = asked_for(request.path, self.values, request.params.get("startPeriod", ""))
        rows = [f"{FLOW},15/10/26 11:00:00,{key.replace('.', ',')},{ds:%Y-%m},{value!r},," for key, ds, value in found]
        if not rows:
            return NO_RESULTS
        return Answer(("\n".join([HEADER, *rows]) + "\n").encode(), "application/vnd.sdmx.data+csv")
