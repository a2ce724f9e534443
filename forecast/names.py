"""Names: ids of series, events and runs, slugs of minerals, places and flows; one rule for each, at every door.

CSV, YAML, HTTP, folders and the command line parse a name with the function of its kind and refuse it with the same
sentence. What is kept is never parsed again: a reader takes a stored name as it stands, and ``unservable`` says whether
today's rule would refuse it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NewType

SeriesId = NewType("SeriesId", str)
EventId = NewType("EventId", str)
RunId = NewType("RunId", str)
Slug = NewType("Slug", str)
Place = NewType("Place", str)
Flow = tuple[Place, Place]  # exporter and importer

#: The place that stands for any, and for all together.
WORLD = Place("WLD")
#: What a catalogue has room for, and a folder.
MAX_NAME_LENGTH = 100
PATTERN = r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*"
RULE = f"small letters, digits, '-' and '_', in parts joined by '.', at most {MAX_NAME_LENGTH}"
#: Words that YAML or a spreadsheet reads as a truth value, a number or nothing.
_NO_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "null", "na", "nan", "inf", "infinity"})
NO_TEXT_RULE = "a name with a letter in it, which is no number and no word such as true or null"
#: What the folder of trained runs keeps beside the folders of series and of runs, and names no folder may have.
_RESERVED = re.compile(r"champion(\.copy)?|.*\.(json|lock|tmp|npy|joblib)|(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
RESERVED_RULE = "a name that the folder of trained runs does not keep for itself, as it does champion"

FLOW_PATTERN = r"(EU|UN|[A-Z]{3})>(EU|UN|[A-Z]{3})"
PLACE_RULE = "an ISO 3166 alpha-3 code such as CHN, or EU, UN or WLD"
FLOW_RULE = "exporter>importer, such as CHN>WLD: ISO 3166 alpha-3 codes, EU, UN or WLD"

#: ISO 3166-1 alpha-3, as of 2025.
_COUNTRIES = """\
ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS BIH BLM
BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW CXR
CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO GGY GHA GIB
GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA
JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA
MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR
NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS
SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON
TTO TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE
"""
#: What it had before, for old figures, and what it leaves to its users, such as XKX for Kosovo.
_FORMER = "ANT BUR CSK DDR FXX SCG SUN TMP VDR YMD YUG ZAR"
_OF_USERS = re.compile(r"AA[A-Z]|Q[M-Z][A-Z]|X[A-Z]{2}|ZZ[A-Z]")
#: The members of the European Union, as of 2025.
_MEMBERS = """\
AUT BEL BGR HRV CYP CZE DNK EST FIN FRA DEU GRC HUN IRL ITA LVA LTU LUX MLT NLD POL PRT ROU SVK SVN ESP SWE
"""
EU_MEMBERS = frozenset(_MEMBERS.split())
#: Every place that there is a name for.
PLACES = frozenset([*_COUNTRIES.split(), *_FORMER.split(), "EU", "UN", "WLD"])


#: Units by the sign that an older version wrote: readers of CSV take ``t``, alone in a column, for a truth value.
_UNITS = {"t": "tonne"}


class MeasureClass(StrEnum):
    """The class of measures that a series belongs to: what is pooled, compared and tabulated apart."""

    PRICES = "prices"
    FLOWS = "flows"


class Measure(StrEnum):
    """The quantity that a series measures. Effects are stated of a series or of all of a measure, so no series is
    called like one."""

    PRICE = "price"
    VOLUME = "volume"
    VALUE = "value"
    INDEX = "index"

    @property
    def measure_class(self) -> MeasureClass:
        """Prices and price indices move like random walks; volumes and values have seasons."""
        return MeasureClass.PRICES if self in (Measure.PRICE, Measure.INDEX) else MeasureClass.FLOWS

    @property
    def is_additive(self) -> bool:
        """Whether the parts of a whole add up to it."""
        return self in (Measure.VOLUME, Measure.VALUE)


MEASURES = tuple(Measure)
MEASURE_RULE = "an id that is no measure, such as price.mine"
#: What is answered at the address that an event of this name would have.
_CALENDAR = "calendar"
CALENDAR_RULE = f"an id other than {_CALENDAR}, under which all dates of events are asked for"


class BadName(ValueError):
    """A text that is no name of its kind; ``str`` of it is what would have been right."""


def series_id(text: str) -> SeriesId:
    """Raises ``BadName``: a series has a folder, and its id is read from YAML and CSV, where measures are named too."""
    if text in MEASURES:
        raise BadName(MEASURE_RULE)
    return SeriesId(_folder(_id(text)))


def event_id(text: str) -> EventId:
    """Raises ``BadName``: an event has an address of its own."""
    if text == _CALENDAR:
        raise BadName(CALENDAR_RULE)
    return EventId(_id(text))


def slug(text: str) -> Slug:
    """The name of a mineral or of a scenario. Raises ``BadName``."""
    return Slug(_id(text))


def run_id(text: str) -> RunId:
    """Raises ``BadName``: a run has a folder."""
    return RunId(_folder(_spelled(text)))


def place(text: str) -> Place:
    """A country, or ``EU``, ``UN`` or the world. Raises ``BadName``."""
    if text not in PLACES and not _OF_USERS.fullmatch(text):
        raise BadName(PLACE_RULE)
    return Place(text)


def flow(text: str) -> Flow:
    """``CHN>WLD``: exporter and importer. Raises ``BadName``."""
    try:
        exporter, importer = map(place, text.split(">"))
    except ValueError:
        raise BadName(FLOW_RULE) from None
    return exporter, importer


def unit(text: str) -> str:
    """A unit as it is written everywhere: ``tonne`` for ``t``, which stays what it is within another (``USD/t``)."""
    return _UNITS.get(text, text)


def stored_flow(text: str) -> Flow:
    """A flow as it is kept, whichever places an older version took in."""
    exporter, _, importer = text.partition(">")
    return Place(exporter), Place(importer)


def unservable(series_id_: str) -> str:
    """What is asked of an id of a series instead of this one; empty if there is nothing wrong with it."""
    try:
        series_id(series_id_)
    except BadName as error:
        return str(error)
    return ""


def is_run_id(text: str) -> bool:
    try:
        run_id(text)
    except BadName:
        return False
    return True


def _spelled(text: str) -> str:
    if len(text) > MAX_NAME_LENGTH or not re.fullmatch(PATTERN, text):
        raise BadName(RULE)
    return text


def _id(text: str) -> str:
    if _spelled(text) in _NO_TEXT or not re.search("[a-z]", text) or _is_number(text):
        raise BadName(NO_TEXT_RULE)
    return text


def _is_number(text: str) -> bool:
    """Whether YAML reads it as a number: ``1e5``, ``0x1f``; digits alone are no name anyway."""
    return bool(re.fullmatch(r"[0-9][0-9_.]*e-?[0-9]+|0x[0-9a-f_]+|0o[0-7_]+|0b[01_]+", text))


def _folder(text: str) -> str:
    if _RESERVED.fullmatch(text):
        raise BadName(RESERVED_RULE)
    return text
