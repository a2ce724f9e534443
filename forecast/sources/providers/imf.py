"""International Monetary Fund: Primary Commodity Prices (PCPS), monthly averages of benchmark prices.

Of its two interfaces the one of SDMX 2.1 is asked: that of 3.0 leaves ``startPeriod`` out of account. The world is
G001. A key that does not exist is answered by a header and a row of nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator

from forecast.errors import LayoutChanged
from forecast.sources.providers.sdmx_source import SdmxSource
from forecast.sources.sdmx import SdmxObservation
from forecast.sources.source import Quote
from forecast.sources.web import Web

#: No price is older; answers of the Fund may hold rows of the year 1900 all the same.
FIRST = dt.date(1980, 1, 1)


class Imf(SdmxSource):
    """Prices under keys such as ``G001.PCOBA.USD.M``. The unit stands in the name of the indicator alone."""

    name = "imf"
    title = "prices of metals and energy"
    publisher = "International Monetary Fund, Primary Commodity Price System"
    address = "https://api.imf.org/external/sdmx/2.1/data/"
    page = "https://data.imf.org/en/datasets/IMF.RES:PCPS"
    licence = "IMF terms of use (https://www.imf.org/external/terms.htm): reuse with the source named"
    path = "IMF.RES,PCPS/{key}"
    dimensions = ("COUNTRY", "INDICATOR", "DATA_TRANSFORMATION", "FREQUENCY")

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        return super().fetch(web, keys, max(since, FIRST))

    def quote(self, one: SdmxObservation) -> Quote:
        if one.facts.get("SCALE", "") not in ("", "0"):
            raise LayoutChanged(self.name, f"{one.key} {one.ds}", f"SCALE = {one.facts['SCALE']!r}", "0, whole units")
        return Quote(one.key, one.ds, one.value, "", one.flag)
