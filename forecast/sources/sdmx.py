"""SDMX messages: the observations of SDMX-CSV 1 and 2 and of SDMX-ML, and the words of an answer that is an error.

SDMX-ML is read by sdmx1, which takes every attribute of a series for a dimension where it has no structure to go by,
and does not keep the order of dimensions: they have to be named. Its reader of SDMX-JSON leaves out the attributes of
series, ``UNIT_MULT`` among them, so that JSON is refused.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import html
import io
import json
import logging
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from forecast.errors import LayoutChanged, SourceFailed
from forecast.formats.limits import MEGABYTE
from forecast.sources.table import read_table
from forecast.sources.web import Page
from forecast.timeseries.periods import span

#: What to ask for: all publishers that are met here answer in it.
CSV = "application/vnd.sdmx.data+csv;version=1.0.0"
#: Bytes of SDMX-ML: 270,000 observations, for which sdmx1 takes half a minute and 0.8 GB.
MOST_XML = 50 * MEGABYTE

TIME, VALUE = "TIME_PERIOD", "OBS_VALUE"
#: Columns of SDMX-CSV that are no dimension, attribute or measure.
_LEADING = {"DATAFLOW", "STRUCTURE", "STRUCTURE_ID", "STRUCTURE_NAME", "ACTION", "KEY", "SERIES_KEY", "OBS_KEY"}
_LEADING |= {"LAST UPDATE"}
#: Marks that stand for no value.
_MISSING = {"", "nan", "na", ":", "..", "-"}
#: What OBS_STATUS (capitals, CL_OBS_STATUS of SDMX) and OBS_FLAG (Eurostat, several letters) say of a value: flags of
#: ours, the worst first; of a code that is unknown nothing good is thought.
_STATUS = {
    "": "FHKLMOQfcz",  # a forecast, or a reason for which there is no value
    "imputed": "Ii",
    "suspect_publisher": "Uu",
    "derived_approx": "Ees",
    "reported": "ABDGJNPSVWbdnpr",
}
_FLAG_OF = {code: flag for flag, codes in _STATUS.items() for code in codes}
_WORST = tuple(_STATUS)

#: What a period may have at its end that names no other first day: the length of an interval, the year of A1.
_LENGTH = re.compile(r"/P(?:1[YMWD]|3M)|-?A1")
_ROOT = re.compile(r"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*<(?:[\w.-]+:)?(?P<name>\w+)", re.S)
_SAID = re.compile(r"<(?:[\w.-]+:)?(?:Text|faultstring)\b[^>]*>(.*?)</", re.S)
#: Characters at the end of a message in which its footer stands.
_FOOT = 20_000
_FOOTER = re.compile(r"<(?:[\w.-]+:)?Message\b[^>]*\bcode=\"[45][0-9]{2}\"")


@dataclass(frozen=True)
class SdmxObservation:
    """A value of the series ``key``, whose codes are joined by points in the order of the dimensions.

    ``ds``: the first day of the period; ``value``: in ``unit`` (UNIT_MEASURE or UNIT), UNIT_MULT multiplied out;
    ``flag``: a word of ``timeseries.series.FLAGS``; ``facts``: all that the message says of it, by id.
    """

    key: str
    ds: dt.date
    value: float
    unit: str
    flag: str
    facts: Mapping[str, str]


def observations(source: str, page: Page, dimensions: Sequence[str] = ()) -> Iterator[SdmxObservation]:
    """The observations of a message that have a value, forecasts left out.

    ``dimensions``: their ids in the order of the key; without them the columns of SDMX-CSV between the name of the flow
    and the period. Raises ``LayoutChanged``, also for two values of one series and period: another dimension is there.
    """
    told: dict[tuple[str, dt.date], float] = {}
    for place, dims, facts in _records(source, page, dimensions):
        flag, text = _flag(facts), facts[VALUE].strip()
        if not facts[TIME] or facts.get("ACTION") == "D" or text.lower() in _MISSING or not flag:
            continue
        where = f"{place} of {page.url}"
        key, ds = ".".join(facts[name] for name in dims), _first_day(source, where, facts[TIME])
        value = _number(source, where, text) * 10.0 ** _power(source, where, facts.get("UNIT_MULT", ""))
        if told.setdefault((key, ds), value) != value:
            raise LayoutChanged(source, where, f"a second value of {key} for {facts[TIME]}", "one; a new dimension?")
        yield SdmxObservation(key, ds, value, facts.get("UNIT_MEASURE") or facts.get("UNIT", ""), flag, facts)


def words_of_error(text: str) -> str:
    """What the publisher says in an SDMX, SOAP or JSON document that is an error; empty if it is none.

    A message whose footer has an error, as of one that was cut because it is too large, is one.
    """
    if text.startswith("{"):
        return _words_of_json(text)
    root, end = _ROOT.match(text), text[-_FOOT:]
    if root is None:
        return ""
    footer = _FOOTER.search(end)
    if root["name"] in ("Error", "Fault") or (root["name"] == "Envelope" and "Fault>" in end):
        said = _SAID.findall(text)
    elif footer:
        said = _SAID.findall(end[footer.start() :])
    else:
        return ""
    return " ".join(html.unescape(" ".join(said)).split()) or "an error without words"


def _words_of_json(text: str) -> str:
    try:
        read = json.loads(text) if len(text) < _FOOT else {}
    except (ValueError, RecursionError):
        return ""
    listed = read.get("errors") or read.get("error") or ([read] if "detail" in read else [])
    told = listed if isinstance(listed, list) else [listed]
    words = [one.get(name) for one in told if isinstance(one, dict) for name in ("title", "detail", "label", "message")]
    return "; ".join(str(word) for word in words if word) or (" ".join(text.split())[:200] if told else "")


Record = tuple[str, Sequence[str], Mapping[str, str]]


def _records(source: str, page: Page, dimensions: Sequence[str]) -> Iterator[Record]:
    """Where each record stands, the dimensions, and what it says by id."""
    start = page.body[:100].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"{", b"[")):
        raise LayoutChanged(source, page.url, "JSON", "SDMX-CSV or SDMX-ML, as the accept header asks for it")
    return (_read_xml if start.startswith(b"<") else _read_csv)(source, page, dimensions)


def _read_csv(source: str, page: Page, dimensions: Sequence[str]) -> Iterator[Record]:
    start = page.body[:_FOOT].partition(b"\n")[0].decode("utf-8", "replace")
    rows = list(read_table(source, page, separator=max(",;\t", key=start.count)))
    titles = rows[0][1] if rows else []
    labelled = any(":" in title for title in titles)  # labels=both: "FREQ:Frequency" and "M: Monthly"
    header = [title.partition(":")[0].partition("[")[0].strip() for title in titles]
    dims = _columns(source, page.url, header, dimensions)
    coded = {at for at, name in enumerate(header) if labelled and name not in (TIME, VALUE)}
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise LayoutChanged(
                source, f"line {line} of {page.url}", f"{len(row)} cells", f"{len(header)}, as the header has"
            )
        cells = [cell.partition(":")[0].strip() if at in coded else cell for at, cell in enumerate(row)]
        yield f"line {line}", dims, dict(zip(header, cells, strict=True))


def _columns(source: str, url: str, header: list[str], dimensions: Sequence[str]) -> Sequence[str]:
    """The dimensions among the columns, where all that are needed are there."""
    for name in (*dimensions, TIME, VALUE):
        if name not in header:
            raise LayoutChanged(source, f"the columns of {url}", ", ".join(header)[:300], f"{name} among them")
    return dimensions or [name for name in header[: header.index(TIME)] if name not in _LEADING]


def _read_xml(source: str, page: Page, dimensions: Sequence[str]) -> Iterator[Record]:
    import sdmx

    if not dimensions:
        raise SourceFailed(source, f"{page.url}: SDMX-ML is read where its dimensions are named, in their order")
    if len(page.body) > MOST_XML:
        raise SourceFailed(source, f"{page.url}: SDMX-ML of more than {MOST_XML // MEGABYTE} MB; ask for SDMX-CSV")
    if b"<!DOCTYPE" in page.body:
        raise LayoutChanged(source, page.url, "XML that defines entities", "SDMX-ML")
    logging.getLogger("sdmx").setLevel(logging.ERROR)  # it warns that it has no structure
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it cannot read
            message = sdmx.read_sdmx(io.BytesIO(page.body))
        found = [one for data in getattr(message, "data", ()) for one in data.obs]
    except Exception as error:  # whatever its parser, its model and an assertion of it raise
        cause = " ".join(str(error.__cause__ or error).split())[:200]
        raise LayoutChanged(source, page.url, f"XML that is no SDMX-ML: {cause}", "SDMX-ML of data") from None
    for number, one in enumerate(found, start=1):
        facts = {name: str(held.value) for part in (one.attrib, one.key.values) for name, held in part.items()}
        facts[VALUE] = "" if one.value is None else str(one.value)
        for name in (*dimensions, TIME):
            if name not in facts:
                raise LayoutChanged(
                    source, f"observation {number} of {page.url}", ", ".join(facts)[:300], f"{name} among them"
                )
        yield f"observation {number}", dimensions, facts


def _flag(facts: Mapping[str, str]) -> str:
    """The worst that is said of a value; empty where it is none."""
    codes = [facts.get("OBS_STATUS", ""), *facts.get("OBS_FLAG", "")]
    flags = {_FLAG_OF.get(code, "suspect_publisher") for code in codes if code}
    return min(flags, key=_WORST.index, default="reported")


def _number(source: str, where: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise LayoutChanged(source, where, f"{VALUE} = {text!r}", "a number")
    return value


def _power(source: str, where: str, text: str) -> int:
    """The power of ten of UNIT_MULT."""
    if not re.fullmatch(r"(-?[0-9]{1,2})?", text):
        raise LayoutChanged(source, where, f"UNIT_MULT = {text!r}", "a power of ten")
    return int(text or 0)


def _first_day(source: str, where: str, text: str) -> dt.date:
    try:
        return span(_LENGTH.sub("", text)).start
    except ValueError:
        expected = "a year, quarter, month, week or day, such as 2024-M05 or 2024-Q1"
        raise LayoutChanged(source, where, f"{TIME} = {text!r}", expected) from None
