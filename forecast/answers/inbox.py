"""The inbox as an answer: what official notices suggest as events, what is doubtful in it, and what became of it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pydantic import Field

from forecast.answers.events import EventFacts
from forecast.answers.model import Listing, Text
from forecast.events.matching import EventMatch, alike

if TYPE_CHECKING:
    from forecast.catalog import Catalog
    from forecast.catalog.inbox import InboxEntry


class CandidateFacts(EventFacts):
    """A candidate: the facts of the event that a document suggests, and the document; it moves no forecast."""

    source: str = Field(description="the publisher of the document")
    document: str = Field(description="its number at the publisher, which comes once")
    published: dt.date = Field(description="day on which the document was published")
    reference: str = Field(description="where it is to be read")
    doubts: tuple[str, ...] = Field(description="what a reader should look up")
    may_be: tuple[str, ...] = Field(description="events, and other candidates, that it may be or change, and why")
    cites: tuple[str, ...] = Field(description="earlier acts that it names")
    corrects: Text = Field(description="number of the document that it corrects")
    since: dt.datetime = Field(description="since when it is in the inbox (UTC)")
    outcome: Text = Field(description="accepted, merged or dismissed; null while it waits")
    became: Text = Field(description="id of the event that it became, or was merged into")
    settled: dt.datetime | None = Field(description="when that was said (UTC)")
    by: Text = Field(description="by whom")
    why: Text = Field(description="the reason, as it was given")


class CandidateList(Listing):
    """Candidates, the latest document first."""

    data: tuple[CandidateFacts, ...]


def inbox(catalog: Catalog, *, settled: bool = False) -> CandidateList:
    """What waits; ``settled``: also what no longer does."""
    return CandidateList.of([_facts(catalog, entry) for entry in catalog.inbox.entries(settled=settled)])


def candidate(catalog: Catalog, candidate_id: str) -> CandidateFacts:
    """One candidate in full. Raises ``NotFound``."""
    return _facts(catalog, catalog.inbox.entry(candidate_id))


def _facts(catalog: Catalog, entry: InboxEntry) -> CandidateFacts:
    one, settled = entry.candidate, entry.settled
    return CandidateFacts.model_validate(
        {
            **EventFacts.model_validate(one.event).model_dump(),
            "source": one.source,
            "document": one.document,
            "published": one.published,
            "reference": one.reference,
            "doubts": one.doubts,
            "may_be": () if settled else tuple(map(_told, _alike(catalog, entry))),
            "cites": one.cites,
            "corrects": one.corrects,
            "since": entry.since,
            "outcome": settled.verdict if settled else "",
            "became": settled.event_id if settled else "",
            "settled": settled.now if settled else None,
            "by": settled.by if settled else "",
            "why": settled.why if settled else "",
        }
    )


def _alike(catalog: Catalog, entry: InboxEntry) -> tuple[EventMatch, ...]:
    own = entry.candidate.candidate_id
    waiting = [each.candidate.event for each in catalog.inbox.entries() if each.candidate.candidate_id != own]
    return alike(entry.candidate, [*catalog.events().values(), *waiting], catalog.minerals())


def _told(match: EventMatch) -> str:
    return f"{match.event_id} ({'the same' if match.same else 'changed by it'}?): {match.why}"
