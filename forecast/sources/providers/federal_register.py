"""The Federal Register of the United States: notices, rules and presidential documents, by its search (API v1)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forecast.errors import LayoutChanged, SourceFailed
from forecast.events.candidate import Candidate
from forecast.settings import data_dir
from forecast.sources.reading.notice import Notice, candidate_of, wants_text
from forecast.sources.reading.text import plain
from forecast.sources.reading.words import Lexicon
from forecast.sources.source import NoticeSource
from forecast.sources.web import Page, Web

#: Who publishes what moves the trade in minerals; a name that the Register does not know fails the whole question.
AGENCIES = (
    "commerce-department",
    "industry-and-security-bureau",
    "international-trade-administration",
    "international-trade-commission",
    "trade-representative-office-of-united-states",
    "executive-office-of-the-president",
    "treasury-department",
    "foreign-assets-control-office",
    "u-s-customs-and-border-protection",
)
#: What is searched for, a question each; a document that several find is read once.
TERMS = (
    *("tariff", "duties", "antidumping", "countervailing", '"section 232"', '"section 301"', '"export controls"'),
    *('"critical minerals"', '"rare earth"', "aluminum", "copper", "nickel"),
)
#: Documents of a page, and how many of one question the Register gives at most.
PER_PAGE, MOST_RESULTS = 100, 2000


class _Agency(BaseModel):
    slug: str = ""  # an agency that the Register has no page for has none


class RegisterDocument(BaseModel):
    """A document as the Register describes it; fields that were asked for are there, empty or not."""

    model_config = ConfigDict(frozen=True)

    abstract: str | None
    action: str | None
    agencies: tuple[_Agency, ...]
    correction_of: str | None
    dates: str | None
    docket_ids: tuple[str, ...]
    document_number: str
    effective_on: dt.date | None
    executive_order_number: int | str | None
    html_url: Annotated[str, Field(pattern=r"^https?://")]  # pages lead there
    proclamation_number: int | str | None
    publication_date: dt.date
    raw_text_url: str | None
    signing_date: dt.date | None
    subtype: str | None
    title: str
    type: str

    @property
    def act(self) -> str:
        """What a presidential document is cited as."""
        number = self.proclamation_number or self.executive_order_number
        return f"{self.subtype} {number}" if self.subtype and number else ""

    def notice(self, source: str) -> Notice:
        return Notice(
            source,
            self.document_number,
            self.title,
            self.type,
            self.publication_date,
            self.html_url,
            action=self.action or "",
            abstract=self.abstract or "",
            dates=self.dates or "",
            signed=self.signing_date,
            effective=self.effective_on,
            act=self.act,
            agencies=frozenset(agency.slug for agency in self.agencies),
            dockets=tuple(map(plain, self.docket_ids)),
            corrects=(self.correction_of or "").rstrip("/").rpartition("/")[2].partition("?")[0],
        )


class _Found(BaseModel):
    """A page of a search; ``results`` are left out where nothing was found."""

    count: int
    results: tuple[RegisterDocument, ...] = ()


class FederalRegister(NoticeSource):
    """Candidates out of the documents of the agencies that make US tariffs, export controls and sanctions."""

    name = "federal-register"
    title = "US tariffs, export controls"
    publisher = "Office of the Federal Register"
    address = "https://www.federalregister.gov/api/v1/"
    page = "https://www.federalregister.gov/developers/documentation/api/v1"
    licence = "US Government work, public domain"

    def fetch(self, web: Web, since: dt.date) -> Iterator[Candidate]:
        words = Lexicon.read(data_dir())
        seen: set[str] = set()
        unread: list[str] = []
        for term in TERMS:
            for document in self._documents(web, term, since):
                if document.document_number in seen:
                    continue
                seen.add(document.document_number)
                notice = document.notice(self.name)
                if document.raw_text_url and wants_text(notice, words):
                    try:
                        notice = replace(notice, text=_decoded(web.get(document.raw_text_url, media=("html", "text"))))
                    except SourceFailed as error:
                        unread.append(f"the text of {notice.number}: {error.why}")
                        continue
                if candidate := candidate_of(notice, words, "USA"):
                    yield candidate
        if unread:  # they are asked for again the next time, for this time was no success
            raise SourceFailed(self.name, "; ".join(unread))

    def _documents(self, web: Web, term: str, since: dt.date) -> Iterator[RegisterDocument]:
        """All documents with a term from ``since`` on, the oldest first; those of the last day that is reached may come
        twice, where there are more than one question gives."""
        page, last = 1, since
        while True:
            found = self._page(web, term, since, page)
            yield from found.results
            if page * PER_PAGE >= found.count:
                return
            last = found.results[-1].publication_date if found.results else last
            if found.results and page * PER_PAGE < MOST_RESULTS:
                page += 1
            elif last > since:
                page, since = 1, last
            else:
                raise SourceFailed(self.name, f"more than {MOST_RESULTS} documents with {term} on {since}")

    def _page(self, web: Web, term: str, since: dt.date, page: int) -> _Found:
        question = [
            ("conditions[term]", term),
            *(("conditions[agencies][]", agency) for agency in AGENCIES),
            ("conditions[publication_date][gte]", since.isoformat()),
            *(("fields[]", name) for name in RegisterDocument.model_fields),
            ("per_page", str(PER_PAGE)),
            ("order", "oldest"),
            ("page", str(page)),
        ]
        answer = web.get(f"documents.json?{urlencode(question)}", media=("json",))
        try:
            content = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise LayoutChanged(self.name, "documents.json", "no JSON") from None
        if isinstance(content, dict) and (wrong := content.get("errors")):
            raise SourceFailed(self.name, f"documents.json: {json.dumps(wrong)}")
        try:
            found = _Found.model_validate(content)
        except ValidationError as error:
            raise self._changed(error) from None
        if found.count and not found.results and page == 1:
            raise LayoutChanged(self.name, "documents.json: results", "none", f"{found.count} of them, as count says")
        return found

    def _changed(self, error: ValidationError) -> LayoutChanged:
        fault = error.errors(include_url=False)[0]
        place = ".".join(map(str, fault["loc"])) or "the whole"
        shown = "nothing" if fault["type"] == "missing" else repr(fault["input"])[:80]
        return LayoutChanged(self.name, f"documents.json: {place}", shown, str(fault["msg"]))


def _decoded(page: Page) -> str:
    """A text of the Register, which is UTF-8 but for a stray byte in old ones."""
    return page.body.decode("utf-8", errors="replace")
