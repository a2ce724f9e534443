"""Eurostat: Comext, the trade in goods of the European Union by HS and CN code (dataset DS-045409), monthly.

The extra-EU imports of the Union are those of reporter EU27_2020 from EXT_EU27_2020; from WORLD, the trade among its
members would be counted with them. A month without trade has no row, nor has one that members keep secret: neither is
taken for 0. A code that is no more is answered by a fault that takes all other codes with it. What takes long comes
later: the answer is then a promise (``queued``), whose state is asked for until it is kept.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from forecast.errors import LayoutChanged, SourceFailed
from forecast.sources.providers.sdmx_source import SdmxSource
from forecast.sources.sdmx import SdmxObservation
from forecast.sources.source import Quote
from forecast.sources.web import Page, Web

#: Times that the state of a promised answer is asked for, and seconds between them.
MOST_WAITS, WAIT = 30, 10.0
_WEIGHT, _VALUE = "QUANTITY_IN_100KG", "VALUE_IN_EUROS"
#: Units of the indicators, in the words of the table.
_UNITS = {_WEIGHT: "100 kg", _VALUE: "EUR"}
#: The indicator of unit values, which are of ours; and the weight (100 kg) from which on a month has one, since a few
#: samples cost many times what a load does.
UNIT_VALUE, LEAST_WEIGHT = "EUR_PER_KG", 10.0
_PROMISE = re.compile(r"<(?:\w+:)?queued>\s*<(?:\w+:)?id>([\w-]{1,100})</", re.S)
_STATE = re.compile(r"<(?:\w+:)?status>([A-Z_]{1,40})</")


class Eurostat(SdmxSource):
    """Imports under keys such as ``M.EU27_2020.CN.2846.1.QUANTITY_IN_100KG``; a value per kilogram under
    ``M.EU27_2020.CN.2846.1.EUR_PER_KG``, made of value and weight."""

    name = "eurostat"
    title = "EU imports by HS and CN code"
    publisher = "Eurostat, Comext"
    address = "https://ec.europa.eu/eurostat/api/comext/dissemination/"
    page = "https://ec.europa.eu/eurostat/databrowser/view/ds-045409"
    licence = "Eurostat: reuse with the source acknowledged (https://ec.europa.eu/eurostat/help/copyright-notice)"
    path = "sdmx/2.1/data/DS-045409/{key}"
    params: Mapping[str, str] = {"format": "SDMX-CSV", "compressed": "false"}
    dimensions = ("freq", "reporter", "partner", "product", "flow", "indicators")
    pause = 2.0  # extractions are to follow each other

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        flows = {key.removesuffix(UNIT_VALUE) for key in keys if key.endswith(f".{UNIT_VALUE}")}
        parts = {flow + indicator for flow in flows for indicator in (_WEIGHT, _VALUE)}
        told: dict[str, dict[dt.date, Quote]] = defaultdict(dict)
        fault = None
        try:
            for quote in super().fetch(web, {*keys, *parts} - {flow + UNIT_VALUE for flow in flows}, since):
                told[quote.key][quote.ds] = quote
                if quote.key in keys:
                    yield quote
        except SourceFailed as error:
            fault = error
        for flow in sorted(flows):
            for ds, value in told[flow + _VALUE].items():
                weight = told[flow + _WEIGHT].get(ds)
                if weight is not None and weight.value >= LEAST_WEIGHT:
                    yield Quote(flow + UNIT_VALUE, ds, value.value / weight.value / 100, "EUR/kg", "derived")
        if fault is not None:
            raise fault

    def quote(self, one: SdmxObservation) -> Quote:
        indicator = one.facts["indicators"]
        return Quote(one.key, one.ds, one.value, _UNITS.get(indicator, indicator), one.flag)

    def delivered(self, web: Web, page: Page) -> Page:
        start = page.body[:2_000].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
        promised = _PROMISE.search(start) if start.startswith("<") else None
        if promised is None:
            return page
        for _ in range(MOST_WAITS):
            web.sleep(WAIT)
            state = _state(web.get(f"1.0/async/status/{promised[1]}", media=("xml",)))
            if state == "AVAILABLE":
                return web.get(f"1.0/async/data/{promised[1]}", media=("csv", "xml"))
            if state not in ("SUBMITTED", "PROCESSING"):
                raise SourceFailed(self.name, f"{page.url}: the promised answer is {state}")
        raise SourceFailed(self.name, f"{page.url}: the promised answer is not there after {MOST_WAITS * WAIT:.0f} s")


def _state(page: Page) -> str:
    found = _STATE.search(page.body[:2_000].decode("utf-8", "replace"))
    if found is None:
        raise LayoutChanged(Eurostat.name, page.url, "no status", "SUBMITTED, PROCESSING, AVAILABLE or EXPIRED")
    return found[1]
