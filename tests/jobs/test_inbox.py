"""Candidates from the publisher to the event: fetched once, told apart from what is known, settled with their event."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from forecast.catalog import Catalog
from forecast.catalog.inbox import Verdict
from forecast.errors import InvalidInput, NotFound
from forecast.jobs.event_edits import Author
from forecast.jobs.fetch import Fetching, FetchResult
from forecast.jobs.inbox import accept, dismiss, merge
from forecast.sources.configuration import ConfiguredSource
from forecast.sources.providers.federal_register import FederalRegister
from tests.support.feeds.federal_register import Feed
from tests.support.notices import KnownNotice, notices
from tests.support.publishers import NOT_FOUND, Answer, Handler, Request, published

NOW = dt.datetime(2026, 7, 1, 9, tzinfo=dt.UTC)
AUTHOR = Author("A. Smith", NOW, NOW, "read it")
COPPER = "fr-2025-14893"


def fetch(catalog: Catalog, handler: Handler, since: dt.date | None = dt.date(2018, 1, 1)) -> FetchResult:
    """What a fetch of the Register brings, without pauses."""
    provider = FederalRegister()
    provider.pause = 0.0
    with published(handler) as publisher:
        return Fetching(catalog, None, ConfiguredSource(provider, publisher.url), NOW, since).run()


def test_a_fetch_fills_the_inbox_once(catalog: Catalog) -> None:
    first = fetch(catalog, Feed(notices("development")))
    assert (first.status, first.candidates, first.faults) == ("fetched", 10, ())
    again = fetch(catalog, Feed(notices("development")))
    assert (again.status, again.candidates) == ("unchanged", 0)
    assert len(catalog.inbox.entries()) == 10


def test_what_was_had_before_a_fault_is_kept_and_the_rest_comes_the_next_time(catalog: Catalog) -> None:
    feed = Feed(notices("development"))

    def broken(request: Request) -> Answer:
        return NOT_FOUND if request.path.endswith("2025-14893.txt") else feed(request)

    partial = fetch(catalog, broken)
    assert (partial.status, partial.candidates) == ("partial", 9)
    assert "the text of 2025-14893" in partial.faults[0]
    assert fetch(catalog, feed).candidates == 1


def test_a_correction_comes_as_a_candidate_of_its_own(catalog: Catalog) -> None:
    known = notices("development")
    fetch(catalog, Feed(known))
    (copper,) = (one for one in known if one.number == "2025-14893")
    dismiss(catalog, COPPER, AUTHOR)
    address = "https://www.federalregister.gov/api/v1/documents/2025-14893"
    told = {**copper.document, "document_number": "C1-2025-14893", "correction_of": address}
    corrected = KnownNotice(told, copper.text, copper.truth)
    assert fetch(catalog, Feed([*known, corrected])).candidates == 1
    (entry,) = (one for one in catalog.inbox.entries() if one.candidate.corrects)
    assert (entry.candidate.document, entry.candidate.corrects) == ("C1-2025-14893", "2025-14893")


def test_an_event_and_the_word_that_settles_its_candidate_are_written_together(catalog: Catalog) -> None:
    fetch(catalog, Feed(notices("development")))
    dismiss(catalog, COPPER, AUTHOR)
    with pytest.raises(InvalidInput, match="it was dismissed"):
        accept(catalog, COPPER, None, {}, (), AUTHOR)
    assert COPPER not in catalog.events()
    before = catalog.events()["us-s232-copper-2025"]
    with pytest.raises(InvalidInput, match="it was dismissed"):
        merge(catalog, COPPER, "us-s232-copper-2025", AUTHOR)
    assert catalog.events()["us-s232-copper-2025"] == before


def test_a_merge_is_an_amendment_that_earlier_days_do_not_know(catalog: Catalog) -> None:
    fetch(catalog, Feed(notices("development")))
    before = catalog.events()["us-s232-copper-2025"]
    merge(catalog, COPPER, "us-s232-copper-2025", AUTHOR)
    after = catalog.events()["us-s232-copper-2025"]
    assert set(after.sources) - set(before.sources) == {
        "https://www.federalregister.gov/documents/2025/08/05/2025-14893"
    }
    assert catalog.events(dt.date(2026, 6, 30))["us-s232-copper-2025"].sources == before.sources
    _, changes = catalog.event_history("us-s232-copper-2025")
    assert (changes[-1].by, changes[-1].why) == ("A. Smith", "read it")
    settled = catalog.inbox.entry(COPPER).settled
    assert settled is not None
    assert (settled.verdict, settled.event_id, settled.by) == (Verdict.MERGED, "us-s232-copper-2025", "A. Smith")


def test_a_merge_that_adds_nothing_settles_the_candidate_all_the_same(catalog: Catalog) -> None:
    fetch(catalog, Feed(notices("development")))
    accept(catalog, COPPER, "mine", {}, (), AUTHOR)
    entry = catalog.inbox.entry(COPPER)
    catalog.inbox.add(
        [replace(entry.candidate, document="x", event=replace(entry.candidate.event, event_id="fr-x"))], NOW
    )
    assert "mine says so already; nothing is recorded" in merge(catalog, "fr-x", "mine", AUTHOR)
    assert catalog.inbox.entry("fr-x").settled is not None


def test_names_that_are_not_there_are_told_with_the_nearest(catalog: Catalog) -> None:
    fetch(catalog, Feed(notices("development")))
    with pytest.raises(NotFound, match="nearest: fr-2025-14893"):
        accept(catalog, "fr-2025-1489", None, {}, (), AUTHOR)
    with pytest.raises(NotFound, match="nearest: us-s232-copper-2025"):
        merge(catalog, COPPER, "us-s232-coper-2025", AUTHOR)
