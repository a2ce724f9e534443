"""UN Comtrade: monthly trade in goods, as customs report it to the United Nations, by commodity and partner."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from forecast.errors import LayoutChanged, SourceFailed
from forecast.sources.portions import months, portions
from forecast.sources.source import Quote, Source
from forecast.sources.unit_values import unit_value
from forecast.sources.web import Page, Web

#: Where anybody may ask, for one period at a time, and where who has a key may, for twelve.
_PREVIEW, _WHOLE = "public/v1/preview/C/M/HS", "data/v1/get/C/M/HS"
_MOST_PERIODS = 12
#: An answer ends at so many records without a word about the rest (without a key; with one the publisher names other
#: numbers in other places): fewer are asked for at a time, and an answer that long is taken for cut.
_LIMIT, _ASKED_FOR = 500, 480
_WORLD = "0"
#: In an answer with more than this many months something must have been traded.
_LONG = 12
_KEY = "reporter/flow/partner/HS code/netWgt, primaryValue or usd_per_kg, such as 156/X/0/2846/netWgt"
_UNITS = {"netWgt": "kg", "primaryValue": "USD", "usd_per_kg": "USD/kg"}
_PATTERN = re.compile(rf"(\d+)/([XM])/(\d+)/(\d{{2,6}})/({'|'.join(_UNITS)})")

#: Period, commodity and partner.
_Cell = tuple[str, str, str]


class _Record(BaseModel):
    """A record of an answer, the fields that are read of it. ``net_wgt``: kg; ``primary_value``: USD."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, strict=True)

    period: str
    reporter_code: int
    flow_code: str
    partner_code: int
    partner2_code: int
    cmd_code: str
    customs_code: str
    mot_code: int
    primary_value: float | None
    net_wgt: float | None
    is_net_wgt_estimated: bool

    @property
    def is_total(self) -> bool:
        """Of all customs procedures, modes of transport and second partners; the others are parts of it."""
        return (self.customs_code, self.mot_code, self.partner2_code) == ("C00", 0, 0)

    @property
    def flow(self) -> tuple[str, str]:
        return str(self.reporter_code), self.flow_code

    @property
    def cell(self) -> _Cell:
        return self.period, self.cmd_code, str(self.partner_code)


class _Answer(BaseModel):
    """An answer that is no error; ``count``: how many records it says it has."""

    count: int
    data: list[_Record]


@dataclass(frozen=True)
class _Key:
    """What the key of a series names."""

    text: str
    reporter: str
    flow: str
    partner: str
    code: str
    field: str


@dataclass(frozen=True)
class _Question:
    """One request: every one of these commodities by every one of these partners and periods."""

    reporter: str
    flow: str
    codes: Sequence[str]
    partners: Sequence[str]
    periods: Sequence[str]

    @property
    def params(self) -> dict[str, str]:
        return {
            "reporterCode": self.reporter,
            "flowCode": self.flow,
            "cmdCode": ",".join(self.codes),
            "partnerCode": ",".join(self.partners),
            "period": ",".join(self.periods),
            "partner2Code": "0",
            "customsCode": "C00",
            "motCode": "0",
        }

    @property
    def cells(self) -> set[_Cell]:
        return set(product(self.periods, self.codes, self.partners))

    @property
    def halves(self) -> tuple[_Question, ...]:
        """The question in two, along what it asks most of; none if it asks for one cell."""
        name = max(("periods", "codes", "partners"), key=lambda each: len(getattr(self, each)))
        parts = getattr(self, name)
        middle = len(parts) // 2
        return tuple(replace(self, **{name: some}) for some in (parts[:middle], parts[middle:])) if middle else ()


class Comtrade(Source):
    """Keys are ``156/X/0/2846/netWgt``: the reporter, X or M, the partner (0: the world) and the HS code as Comtrade
    numbers them, and a field; ``usd_per_kg`` is the unit value. A partner without a record in a month in which the
    world has one traded nothing. Weights that Comtrade estimated are flagged and give no unit value.
    """

    name = "comtrade"
    title = "China's exports by HS code"
    publisher = "UN Comtrade"
    address = "https://comtradeapi.un.org/"
    page = "https://comtradeplus.un.org/"
    licence = "UN Comtrade licence agreement: for your own use, cite UN Comtrade, no redistribution without permission"
    key_setting = "comtrade_key"

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        flows: dict[tuple[str, str], list[_Key]] = {}
        for key in map(self._key, keys):
            flows.setdefault((key.reporter, key.flow), []).append(key)
        periods = {f"{month:%Y%m}": month for month in months(since, web.today)}
        for (reporter, flow), wanted in flows.items():
            empty = True
            for question in self._questions(web, wanted, list(periods)):
                found = self._cells(web, question)
                empty &= not found
                yield from self._quotes(wanted, question, found, periods)
            if empty and len(periods) > _LONG:
                raise SourceFailed(self.name, f"no record of flow {flow} of reporter {reporter} since {since:%Y-%m}")

    def _key(self, text: str) -> _Key:
        parts = _PATTERN.fullmatch(text)
        if parts is None:
            raise SourceFailed(self.name, f"key = {text!r}: expected {_KEY}")
        return _Key(text, *parts.groups())

    def _questions(self, web: Web, wanted: Sequence[_Key], periods: Sequence[str]) -> Iterator[_Question]:
        """Requests for all that is wanted of one flow of one reporter, each of which an answer has room for."""
        partners = sorted({_WORLD, *(key.partner for key in wanted)}, key=int)
        codes = sorted({key.code for key in wanted})
        at_once = max(_ASKED_FOR // len(partners), 1)
        for some in portions(codes, at_once):
            longest = _ASKED_FOR // (len(some) * len(partners)) if web.key else 1
            for span in portions(periods, min(max(longest, 1), _MOST_PERIODS)):
                yield _Question(wanted[0].reporter, wanted[0].flow, some, partners, span)

    def _cells(self, web: Web, question: _Question) -> dict[_Cell, _Record]:
        """The totals that are asked for, each once; in parts where an answer would be cut."""
        headers = {"Ocp-Apim-Subscription-Key": web.key} if web.key else {}
        page = web.get(_WHOLE if web.key else _PREVIEW, question.params, media=("json",), headers=headers)
        answer = self._answer(page)
        if answer.count >= _LIMIT:
            if not question.halves:
                raise SourceFailed(self.name, f"{page.url}: {answer.count} records for one figure; the answer is cut")
            return {cell: one for half in question.halves for cell, one in self._cells(web, half).items()}
        found: dict[_Cell, _Record] = {}
        asked = question.cells
        for one in answer.data:
            if not one.is_total or one.flow != (question.reporter, question.flow) or one.cell not in asked:
                continue
            if one.cell in found:
                raise SourceFailed(self.name, f"{page.url}: two totals for {' '.join(one.cell)}; expected one")
            found[one.cell] = one
        return found

    def _answer(self, page: Page) -> _Answer:
        document = self._document(page)
        if "statusCode" in document or document.get("error"):
            said = document.get("message") or document.get("error")
            raise SourceFailed(self.name, f"{page.url}: {said} {document.get('errorObject') or ''}".rstrip())
        try:
            answer = _Answer.model_validate(document)
        except ValidationError as error:
            fault = error.errors()[0]
            raise LayoutChanged(
                self.name, ".".join(map(str, fault["loc"])), repr(fault["input"])[:80], fault["msg"]
            ) from None
        if answer.count != len(answer.data):
            raise SourceFailed(
                self.name, f"{page.url}: {len(answer.data)} records of {answer.count}; the answer is cut"
            )
        return answer

    def _document(self, page: Page) -> Mapping[str, object]:
        try:
            document = page.json()
        except ValueError:
            raise SourceFailed(self.name, f"{page.url}: no JSON, or cut") from None
        if not isinstance(document, dict):
            raise LayoutChanged(self.name, page.url, type(document).__name__, "an object with count and data")
        return document

    def _quotes(
        self,
        wanted: Sequence[_Key],
        question: _Question,
        found: Mapping[_Cell, _Record],
        periods: Mapping[str, dt.date],
    ) -> Iterator[Quote]:
        for key, period in product(wanted, question.periods):
            if key.code not in question.codes or (period, key.code, _WORLD) not in found:
                continue
            one = found.get((period, key.code, key.partner))
            value = _value(one, key.field)
            if value is not None:
                estimated = one is not None and one.is_net_wgt_estimated and key.field == "netWgt"
                flag = "derived_approx" if estimated else "reported"
                yield Quote(key.text, periods[period], value, _UNITS[key.field], flag)


def _value(one: _Record | None, field: str) -> float | None:
    """A field of a total, 0 where there is none; None for a weight that is not told, and what is derived from it."""
    dollars = (one.primary_value or 0.0) if one else 0.0
    kilograms = (one.net_wgt or 0.0) if one else 0.0
    if field == "primaryValue":
        return dollars
    if field == "netWgt":
        return None if dollars and not kilograms else kilograms
    return None if one is None or one.is_net_wgt_estimated else unit_value(dollars, kilograms)
