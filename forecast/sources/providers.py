"""All sources of observations and of notices that are built in, and the kinds of those that a user may add."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from forecast.sources.bls import Bls
from forecast.sources.census import Census
from forecast.sources.comex import Comex
from forecast.sources.comtrade import Comtrade
from forecast.sources.csv_address import CsvAddress
from forecast.sources.eurostat import Eurostat
from forecast.sources.federal_register import FederalRegister
from forecast.sources.fred import Fred
from forecast.sources.global_trade_alert import GlobalTradeAlert
from forecast.sources.hmrc import Hmrc
from forecast.sources.imf import Imf
from forecast.sources.sdmx_source import SdmxFlow
from forecast.sources.source import NoticeSource, Source
from forecast.sources.usgs import Usgs
from forecast.sources.worldbank import WorldBank

#: Sources of observations, in the order in which they are fetched.
SOURCES: tuple[Source, ...] = (
    WorldBank(),
    Imf(),
    Bls(),
    Usgs(),
    Comtrade(),
    Census(),
    Eurostat(),
    Hmrc(),
    Comex(),
)
#: Sources of official notices.
NOTICES: tuple[NoticeSource, ...] = (
    FederalRegister(),
    GlobalTradeAlert(),
)
#: A source by its name, what its section says besides ``kind``, ``enabled`` and ``series``, and the file of that.
#: Raises ``InvalidInput``.
SOURCE_KINDS: dict[str, Callable[[str, Mapping[str, object], str], Source]] = {
    "csv": CsvAddress.from_section,
    "fred": Fred.from_section,
    "sdmx": SdmxFlow.from_section,
}
