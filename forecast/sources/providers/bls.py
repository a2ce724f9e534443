"""The US Bureau of Labor Statistics: producer prices of metals and of their products within the US, month by month.

Its public API takes up to 25 series and 10 years a request, and 25 requests a day, without a key. It answers with
status 200 whatever happened; ``status`` in the body says how it went, and ``message`` what is wrong with one series.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator

from pydantic import BaseModel, Field, ValidationError, field_validator

from forecast.catalog.csv_reader import number
from forecast.errors import LayoutChanged, SourceFailed
from forecast.sources.apart import each_apart
from forecast.sources.source import Quote, Source
from forecast.sources.trade_lines import first_of_month
from forecast.sources.web import Page, Web

_MOST_SERIES, _MOST_YEARS = 25, 10
_MONTH = re.compile(r"M(0[1-9]|1[0-2])")
_YEAR_MEAN, _MISSING = "M13", "-"


class Bls(Source):
    name = "bls"
    title = "US producer prices of metals"
    publisher = "US Bureau of Labor Statistics"
    address = "https://api.bls.gov/publicAPI/v1"
    page = "https://www.bls.gov/ppi/"
    licence = "US Government work, public domain; cite: US Bureau of Labor Statistics"

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        found: dict[str, list[_Figure]] = {}
        said: list[str] = []
        wanted, last = sorted(keys), max(web.today.year, since.year)
        for at in range(0, len(wanted), _MOST_SERIES):
            for year in range(since.year, last + 1, _MOST_YEARS):
                answer = self._asked(web, wanted[at : at + _MOST_SERIES], year, min(year + _MOST_YEARS - 1, last))
                said += answer.message
                for series in answer.results.series:
                    found.setdefault(series.key, []).extend(series.data)
        yield from each_apart(self.name, keys, lambda key: self._series(key, found.get(key, []), said, since))

    def _asked(self, web: Web, keys: list[str], first: int, last: int) -> _Answer:
        asked = {"seriesid": keys, "startyear": str(first), "endyear": str(last)}
        page = web.post("timeseries/data/", asked, media=("json",))
        try:
            told = page.json()
            if isinstance(told, dict) and told.get("status") != "REQUEST_SUCCEEDED":
                raise SourceFailed(self.name, f"{told.get('status')}: {_sentence(told.get('message'))}")
            return _Answer.model_validate(told)
        except ValidationError as error:
            raise self._changed(page, error) from None
        except ValueError as error:
            raise LayoutChanged(self.name, page.url, f"no JSON: {error}") from None

    def _changed(self, page: Page, error: ValidationError) -> LayoutChanged:
        first = error.errors()[0]
        return LayoutChanged(self.name, ".".join(map(str, first["loc"])) or page.url, first["msg"])

    def _series(self, key: str, figures: list[_Figure], said: list[str], since: dt.date) -> Iterator[Quote]:
        if not figures:
            why = [message for message in said if key in message]
            raise LayoutChanged(self.name, key, _sentence(why) or "no values", "values, or - where there is none")
        for figure in figures:
            if figure.period == _YEAR_MEAN or figure.value == _MISSING:
                continue
            place = f"{key}, {figure.year} {figure.period}"
            found = _MONTH.fullmatch(figure.period)
            month = first_of_month(figure.year, int(found[1])) if found else None
            if month is None:
                raise LayoutChanged(self.name, place, figure.period, "a month, M01 to M12")
            try:
                value = number(figure.value)
            except ValueError:
                raise LayoutChanged(
                    self.name, place, repr(figure.value), "a number, or - where there is none"
                ) from None
            if month >= since.replace(day=1):
                yield Quote(key, month, value)


class _Figure(BaseModel):
    year: int
    period: str
    value: str


class _SeriesFigures(BaseModel):
    key: str = Field(alias="seriesID")
    data: list[_Figure]


class _Results(BaseModel):
    series: list[_SeriesFigures]


class _Answer(BaseModel):
    message: list[str]
    results: _Results = Field(alias="Results")

    @field_validator("results", mode="before")
    @classmethod
    def _one(cls, told: object) -> object:
        """The documentation has a list of one in the place of what is sent."""
        return told[0] if isinstance(told, list) and len(told) == 1 else told


def _sentence(messages: object) -> str:
    """What the publisher says, in one line."""
    return "; ".join(map(str, messages)) if isinstance(messages, list) else str(messages or "")
