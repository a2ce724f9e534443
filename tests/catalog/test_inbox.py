"""The inbox keeps what notices suggest and what became of it: a document comes once, and nothing of it acts."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from forecast.catalog import Catalog
from forecast.catalog.inbox import Settled, Verdict
from forecast.errors import InvalidInput, NotFound
from forecast.events import Act, Event
from forecast.events.candidate import Candidate
from forecast.names import Place, Slug
from forecast.settings import Settings
from forecast.sources.reading.blank import BLANK

NOW, LATER = datetime(2026, 7, 1, 9, tzinfo=UTC), datetime(2026, 7, 2, 9, tzinfo=UTC)
DUTY = replace(
    BLANK,
    event_id="fr-2026-1",
    title="A duty; on copper",
    kind="tariff",
    actor="USA",
    targets=("CHN", "WLD"),
    announced=date(2026, 6, 1),
    effective=date(2026, 6, 15),
    status="enacted",
    value_after=25.0,
    value_unit="pp ad valorem",
    minerals=(Slug("copper"), Slug("nickel")),
    flows=((Place("CHN"), Place("USA")),),
    acts=(Act("amends", "us-s232-copper-2025"),),
    sources=("https://example.org/1",),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog(request: pytest.FixtureRequest) -> Iterator[Catalog]:
    """A seeded catalogue on each of the databases."""
    if request.param == "sqlite":
        settings: Settings = request.getfixturevalue("settings")
    else:
        settings = Settings.from_env({"ORECAST_DATABASE_URL": request.getfixturevalue("postgres_url")})
    catalog = Catalog.open(settings)
    yield catalog
    catalog.close()


def a_candidate(document: str = "2026-1", event: Event = DUTY, source: str = "federal-register") -> Candidate:
    event = replace(event, event_id=f"fr-{document}")
    return Candidate(source, document, date(2026, 6, 3), "Title", "https://x", event, ("who?",), ("EO 1",), "2026-0")


def dismissed(candidate_id: str) -> Settled:
    return Settled(candidate_id, Verdict.DISMISSED, "", "A. Smith", "no trade", LATER)


def test_a_candidate_is_kept_as_it_came(catalog: Catalog) -> None:
    one = a_candidate()
    assert catalog.inbox.add([one], NOW) == 1
    (entry,) = catalog.inbox.entries()
    assert entry.candidate == one
    assert (entry.since, entry.settled) == (NOW, None)
    assert catalog.inbox.entry("fr-2026-1") == entry


def test_a_document_comes_once_whatever_came_of_it(catalog: Catalog) -> None:
    one, two = a_candidate(), a_candidate("2026-2")
    assert catalog.inbox.add([one, one], NOW) == 1
    assert catalog.inbox.add([replace(one, title="Read anew"), two], LATER) == 1
    catalog.inbox.settle(dismissed("fr-2026-1"))
    assert catalog.inbox.add([one, two], LATER) == 0
    assert [entry.candidate.document for entry in catalog.inbox.entries()] == ["2026-2"]
    assert {entry.candidate.title for entry in catalog.inbox.entries(settled=True)} == {"Title"}


def test_two_that_bring_the_same_documents_at_once_bring_each_once(catalog: Catalog) -> None:
    some = [a_candidate(f"2026-{number}") for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        new = list(pool.map(lambda _: catalog.inbox.add(some, NOW), range(8)))
    assert (sum(new), len(catalog.inbox.entries())) == (40, 40)


def test_who_settled_it_when_and_why_is_kept(catalog: Catalog) -> None:
    catalog.inbox.add([a_candidate()], NOW)
    said = dismissed("fr-2026-1")
    catalog.inbox.settle(said)
    assert catalog.inbox.entry("fr-2026-1").settled == said
    with pytest.raises(InvalidInput, match=r"one that waits; it was dismissed on 2026-07-02 by A\. Smith"):
        catalog.inbox.settle(said)
    with pytest.raises(NotFound, match="no candidate 'fr-2026-7'; nearest: fr-2026-1"):
        catalog.inbox.settle(dismissed("fr-2026-7"))


def test_a_full_inbox_changes_nothing_that_is_known(catalog: Catalog) -> None:
    ids = catalog.targets()
    before = catalog.edition(), dict(catalog.events()), [catalog.fingerprint(name) for name in ids]
    catalog.inbox.add([a_candidate(f"2026-{number}") for number in range(50)], NOW)
    catalog.inbox.settle(dismissed("fr-2026-3"))
    assert (catalog.edition(), dict(catalog.events()), [catalog.fingerprint(name) for name in ids]) == before


def test_a_catalogue_of_the_version_before_gets_an_inbox(settings: Settings) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        for later in ("candidates", "api_keys", "audit", "idempotency", "job_requests", "workers", "job_ends"):
            connection.execute(text(f"DROP TABLE {later}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0006'"))
    engine.dispose()
    catalog = Catalog.open(settings)
    assert catalog.inbox.add([a_candidate()], NOW) == 1
    catalog.close()
