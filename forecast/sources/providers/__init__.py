"""All sources of observations and of notices that are built in, and the kinds of those that a user may add."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from forecast.sources.providers.bls import Bls
from forecast.sources.providers.census import Census
from forecast.sources.providers.comex import Comex
from forecast.sources.providers.comtrade import Comtrade
from forecast.sources.providers.csv_address import CsvAddress
from forecast.sources.providers.eurostat import Eurostat
from forecast.sources.providers.federal_register import FederalRegister
from forecast.sources.providers.fred import Fred
from forecast.sources.providers.global_trade_alert import GlobalTradeAlert
from forecast.sources.providers.hmrc import Hmrc
from forecast.sources.providers.imf import Imf
from forecast.sources.providers.sdmx_source import SdmxFlow
from forecast.sources.providers.usgs import Usgs
from forecast.sources.providers.worldbank import WorldBank
from forecast.sources.source import NoticeSource, Source

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
