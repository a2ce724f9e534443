"""Sources that answer in SDMX: those that are built in, and any flow that a user's configuration names."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field, StrictStr

from forecast.errors import SourceFailed, SourceRefused
from forecast.sources.sdmx import CSV, SdmxObservation, observations, words_of_error
from forecast.sources.section import Section, Text
from forecast.sources.source import Quote, Source
from forecast.sources.web import Page, Web

#: Keys of one request; how many times more series than are wanted it may ask for, since codes are joined by dimension.
MOST_KEYS, MOST_SPARE = 40, 4
#: Keys that are tried apart where all of those before were refused.
ENOUGH_REFUSED = 3
#: Answers that may be due to one key of several: an error document, a code that is no more, nothing found, too much.
_OF_A_KEY = {200, 400, 404, 413, 414}


class SdmxSource(Source):
    """A source whose answers are SDMX messages; its keys are those of series, codes joined by points.

    ``path``: of the data below the address, with ``{key}``; ``params``: of the request; ``start``: the parameter that
    leaves out what is before a ``{year}``, empty where there is none; ``dimensions``: ids in the order of the key.
    """

    path: str
    accept: str = CSV
    params: Mapping[str, str] = {}
    start: str = "startPeriod={year}"
    dimensions: tuple[str, ...] = ()

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        """Asked from the year before ``since`` on, so that a series that still is published has something to say."""
        faults: list[str] = []
        for some in batches(sorted(keys)):
            try:
                yield from self._quotes(web, some, since, faults)
            except SourceRefused as refusal:
                if refusal.status not in _OF_A_KEY:
                    raise
                if len(some) == 1:
                    faults.append(f"{some[0]}: {_words(refusal)}")
                else:
                    yield from self._apart(web, some, since, faults)
        if faults:
            raise SourceFailed(self.name, "; ".join(faults))

    def quote(self, one: SdmxObservation) -> Quote:
        return Quote(one.key, one.ds, one.value, one.unit, one.flag)

    def delivered(self, web: Web, page: Page) -> Page:
        """The message itself, where an answer may be the promise of one."""
        return page

    def _apart(self, web: Web, keys: Sequence[str], since: dt.date, faults: list[str]) -> Iterator[Quote]:
        """Each key by itself, for one that is refused is no reason to do without the others."""
        refused = 0
        for tried, key in enumerate(keys, start=1):
            try:
                yield from self._quotes(web, [key], since, faults)
            except SourceRefused as error:
                if error.status not in _OF_A_KEY:
                    raise
                refused += 1
                faults.append(f"{key}: {_words(error)}")
            if tried == refused == ENOUGH_REFUSED < len(keys):
                faults.append(f"{len(keys) - tried} more keys were not asked for, as none was answered")
                return

    def _quotes(self, web: Web, keys: Sequence[str], since: dt.date, faults: list[str]) -> Iterator[Quote]:
        name, _, value = self.start.replace("{year}", str(since.year - 1)).partition("=")
        page = web.get_changed(
            self.path.replace("{key}", joined(keys)),
            {**self.params, **({name: value} if name else {})},
            media=("csv", "xml"),
        )
        if page is None:
            return
        message = self.delivered(web, page)
        marked = message.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"{"))
        if marked and (words := words_of_error(message.body.decode("utf-8-sig", "replace").lstrip())):
            raise SourceRefused(self.name, f"{message.url}: {words}", 200, words)
        silent = set(keys)
        for one in observations(self.name, message, self.dimensions):
            if one.key in keys:
                silent.discard(one.key)
                if one.ds >= since:
                    yield self.quote(one)
        faults += [
            f"{key}: no value since {since.year - 1}; is it the key of one series, and still published?"
            for key in sorted(silent)
        ]


class SdmxSection(Section):
    """What ``sources.toml`` says of an SDMX flow."""

    path: Annotated[
        StrictStr, Field(pattern=r"\{key\}", description="the path of the data below it with {key}, such as EXR/{key}")
    ]
    accept: Annotated[Text, Field(description="a media type of SDMX-CSV or SDMX-ML")] = CSV
    params: dict[str, StrictStr] = Field(default_factory=dict, description="parameters of the request, each a text")
    start: Annotated[
        StrictStr,
        Field(
            pattern=r"^$|^[^=]+=.*\{year\}", description="the parameter of the first year, startPeriod={year}, or none"
        ),
    ] = SdmxSource.start
    dimensions: Annotated[
        tuple[StrictStr, ...], Field(description="the ids of the dimensions in their order, which SDMX-ML needs")
    ] = ()
    pause: Annotated[float, Field(ge=0, le=600, description="seconds between two requests, 0 to 600")] = 1.0


class SdmxFlow(SdmxSource):
    """A flow of the user's own."""

    def __init__(self, name: str, section: SdmxSection) -> None:
        self.name, self.title = name, f"{section.publisher}: an SDMX flow that a user chose"
        self.address, self.path, self.accept = section.address, section.path, section.accept
        self.params, self.start, self.dimensions = section.params, section.start, section.dimensions
        self.pause, self.publisher, self.licence = section.pause, section.publisher, section.licence
        self.page = section.page or section.address

    @classmethod
    def from_section(cls, name: str, told: Mapping[str, object], file: str) -> SdmxFlow:
        """Raises ``InvalidInput`` with every fault in it."""
        return cls(name, SdmxSection.read(name, told, file))


def batches(keys: Sequence[str]) -> list[list[str]]:
    """Keys that are asked for together, in their order."""
    found: list[list[str]] = []
    for key in keys:
        if found and _fit([*found[-1], key]):
            found[-1].append(key)
        else:
            found.append([key])
    return found


def joined(keys: Sequence[str]) -> str:
    """One key for several: the codes that they have of each dimension are joined by ``+``."""
    return ".".join("+".join(dict.fromkeys(codes)) for codes in zip(*(key.split(".") for key in keys), strict=True))


def _fit(keys: list[str]) -> bool:
    parts = [key.split(".") for key in keys]
    if len(keys) > MOST_KEYS or len({len(codes) for codes in parts}) > 1:
        return False
    return math.prod(len(set(codes)) for codes in zip(*parts, strict=True)) <= MOST_SPARE * len(keys)


def _words(refusal: SourceRefused) -> str:
    return words_of_error(refusal.said.strip()) or " ".join(refusal.said.split())[:200] or refusal.why
