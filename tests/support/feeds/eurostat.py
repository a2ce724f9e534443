"""Eurostat's Comext with any values."""

from __future__ import annotations

from forecast.sources.providers.eurostat import UNIT_VALUE
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
    """Answers with ``values``: key -> first day of the period -> value; of a value per kilogram it gives the value, and
    the weight if there is none of its own."""

    def __init__(self, values: Values) -> None:
        self.values = {key: dict(of) for key, of in values.items() if not key.endswith(UNIT_VALUE)}
        for key in set(values) - set(self.values):
            flow = key.removesuffix(UNIT_VALUE)
            weights = self.values.setdefault(f"{flow}QUANTITY_IN_100KG", dict.fromkeys(values[key], 1000.0))
            self.values[f"{flow}VALUE_IN_EUROS"] = {ds: y * 100 * weights[ds] for ds, y in values[key].items()}

    def __call__(self, request: Request) -> Answer:
        found = asked_for(request.path, self.values, request.params.get("startPeriod", ""))
        rows = [f"{FLOW},15/10/26 11:00:00,{key.replace('.', ',')},{ds:%Y-%m},{value!r},," for key, ds, value in found]
        if not rows:
            return NO_RESULTS
        return Answer(("\n".join([HEADER, *rows]) + "\n").encode(), "application/vnd.sdmx.data+csv")
