"""What users rely on: what is held is on record with what became of it, and counts only once it is let in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from forecast.catalog import Catalog, Observation
from forecast.catalog.quarantine import Held, HeldValue, Reason, Settlement
from forecast.catalog.schema import HELD_VALUES
from forecast.errors import InvalidInput
from forecast.settings import Settings
from tests.support.records import a_series

MINE = a_series("mine", "cobalt", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 0)
JUNE, JULY, AUGUST = (datetime(2026, month, 20, 9, tzinfo=UTC) for month in (6, 7, 8))
APRIL, MAY = date(2026, 4, 1), date(2026, 5, 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog(request: pytest.FixtureRequest) -> Iterator[Catalog]:
    """A catalogue on each of the databases, with a series of one value."""
    if request.param == "sqlite":
        settings: Settings = request.getfixturevalue("settings")
    else:
        settings = Settings.from_env({"ORECAST_DATABASE_URL": request.getfixturevalue("postgres_url")})
    catalog = Catalog.open(settings)
    catalog.add(series=[MINE], observations=[value(date(2026, 3, 1), 30.0)], known_at=JUNE)
    yield catalog
    catalog.close()


def value(ds: date, y: float, known: datetime = JUNE, flag: str = "reported") -> Observation:
    return Observation("mine", ds, y, flag, known)


def held(ds: date, y: float, known: datetime = JUNE, reason: Reason = Reason.SLIP, source: str = "LME") -> Held:
    return Held(value(ds, y, known), reason, "it looks like 1,000 × that: kg for t?", source)


def hold(catalog: Catalog, *some: Held, now: datetime = JUNE) -> None:
    catalog.add(held=some, known_at=now)


def counting(catalog: Catalog) -> dict[str, float]:
    return {str(one.ds): one.value for one in catalog.observations("mine")}


def record(catalog: Catalog) -> list[tuple[str, float, Settlement | None, str]]:
    """Of everything that was ever held its period, value, outcome and who settled it."""
    found = catalog.quarantine.values("mine", settled=True)
    return [(str(one.held.observation.ds), one.held.observation.value, one.outcome, one.by) for one in found]


def test_a_held_value_does_not_count_and_is_on_record_as_it_came(catalog: Catalog) -> None:
    before = catalog.edition(), catalog.fingerprint("mine")
    one = held(APRIL, 31000.0)
    counts = catalog.add(held=[one], known_at=JULY)
    assert (counts.held, counts.observations) == (1, 0)
    assert counting(catalog) == {"2026-03-01": 30.0}
    assert catalog.fingerprint("mine") == before[1]
    assert catalog.edition() > before[0], "answers that name it are asked anew"
    (found,) = catalog.quarantine.values()
    assert found == HeldValue(found.number, one_as_read(one), JULY)
    assert catalog.quarantine.values("price.copper") == []


def one_as_read(one: Held) -> Held:
    """The source of a claim stands in its observation too."""
    observation = one.observation
    return Held(
        Observation("mine", observation.ds, observation.value, "reported", observation.known, source=one.source),
        one.reason,
        one.why,
        one.source,
    )


def test_holding_the_same_again_changes_nothing(catalog: Catalog) -> None:
    hold(catalog, held(APRIL, 31000.0))
    edition = catalog.edition()
    hold(catalog, held(APRIL, 31000.0, JULY), held(APRIL, 31000.0, JULY), now=JULY)
    assert catalog.edition() == edition
    assert len(catalog.quarantine.values()) == 1
    hold(catalog, held(APRIL, 31500.0, JULY), held(APRIL, 31000.0, JULY, source="Fastmarkets"), now=JULY)
    assert len(catalog.quarantine.values()) == 3, "another value and another source are other claims"


def test_what_is_accepted_counts_since_the_moment_that_was_claimed(catalog: Catalog) -> None:
    hold(catalog, held(APRIL, 31.0), held(MAY, 32.0), now=JULY)
    edition = catalog.edition()
    (done,) = catalog.quarantine.accept("mine", [APRIL], by="A. Smith", now=AUGUST)
    assert done.held.observation.ds == APRIL
    assert counting(catalog) == {"2026-03-01": 30.0, "2026-04-01": 31.0}
    (last,) = catalog.observations("mine", start=APRIL)
    assert last.known == JUNE
    assert catalog.edition() > edition
    assert record(catalog) == [
        ("2026-04-01", 31.0, Settlement.ACCEPTED, "A. Smith"),
        ("2026-05-01", 32.0, None, ""),
    ]
    assert catalog.quarantine.values(settled=True)[0].settled == AUGUST


def test_what_is_accepted_after_another_value_came_counts_from_then_on(catalog: Catalog) -> None:
    catalog.add(observations=[value(APRIL, 29.0, JULY)], known_at=JULY)
    hold(catalog, held(APRIL, 31.0), now=JULY)
    catalog.quarantine.accept("mine", None, by="me", now=AUGUST)
    (last,) = catalog.observations("mine", start=APRIL)
    assert (last.value, last.known) == (31.0, AUGUST)
    (then,) = catalog.observations("mine", JULY.date(), start=APRIL)
    assert then.value == 29.0


def test_of_two_values_of_a_period_the_last_is_accepted(catalog: Catalog) -> None:
    hold(catalog, held(APRIL, 31.0))
    hold(catalog, held(APRIL, 33.0, JULY), now=JULY)
    catalog.quarantine.accept("mine", None, by="me", now=AUGUST)
    assert counting(catalog)["2026-04-01"] == 33.0
    assert [outcome for _, _, outcome, _ in record(catalog)] == [Settlement.SUPERSEDED, Settlement.ACCEPTED]


def test_what_is_discarded_stays_so_and_is_not_held_again(catalog: Catalog) -> None:
    hold(catalog, held(APRIL, 31000.0))
    catalog.quarantine.discard("mine", None, by="me", now=JULY)
    hold(catalog, held(APRIL, 31000.0, AUGUST), now=AUGUST)
    assert catalog.quarantine.values() == []
    assert record(catalog) == [("2026-04-01", 31000.0, Settlement.DISCARDED, "me")]
    assert counting(catalog) == {"2026-03-01": 30.0}


@pytest.mark.parametrize("settle", ["accept", "discard"])
def test_nothing_is_settled_that_is_not_held(catalog: Catalog, settle: str) -> None:
    hold(catalog, held(APRIL, 31000.0))
    act = getattr(catalog.quarantine, settle)
    with pytest.raises(InvalidInput, match=r"2026-05-01.*a value of mine is held: 2026-04-01"):
        act("mine", [APRIL, MAY], by="me", now=JULY)
    with pytest.raises(InvalidInput, match="a series of which a value is held"):
        act("price.copper", None, by="me", now=JULY)
    assert [outcome for _, _, outcome, _ in record(catalog)] == [None]


def test_a_value_that_passes_confirms_the_same_and_supersedes_another(catalog: Catalog) -> None:
    hold(catalog, held(APRIL, 175000.0), held(MAY, 31000.0))
    catalog.add(observations=[value(APRIL, 175100.0, JULY), value(MAY, 31.0, JULY)], known_at=JULY)
    assert [(ds, outcome) for ds, _, outcome, _ in record(catalog)] == [
        ("2026-04-01", Settlement.CONFIRMED),
        ("2026-05-01", Settlement.SUPERSEDED),
    ]


def test_all_that_would_be_held_can_be_let_in_at_once_and_is_on_record(catalog: Catalog) -> None:
    hold(catalog, held(APRIL, 31000.0))
    counts = catalog.add(held=[held(APRIL, 31000.0, JULY), held(MAY, 3e7, JULY)], accepted_by="me", known_at=JULY)
    assert (counts.held, counts.observations) == (0, 2)
    assert counting(catalog) == {"2026-03-01": 30.0, "2026-04-01": 31000.0, "2026-05-01": 3e7}
    assert [(outcome, by) for _, _, outcome, by in record(catalog)] == [(Settlement.ACCEPTED, "me")] * 2


def test_what_was_discarded_can_still_be_let_in(catalog: Catalog) -> None:
    hold(catalog, held(APRIL, 31000.0))
    catalog.quarantine.discard("mine", None, by="me", now=JULY)
    catalog.add(held=[held(APRIL, 31000.0, JULY)], accepted_by="you", known_at=JULY)
    assert counting(catalog)["2026-04-01"] == 31000.0
    assert [outcome for _, _, outcome, _ in record(catalog)] == [Settlement.DISCARDED, Settlement.ACCEPTED]


def test_a_refused_write_holds_nothing(catalog: Catalog) -> None:
    clash = value(date(2026, 3, 1), 99.0, JUNE)
    with pytest.raises(InvalidInput):
        catalog.add(observations=[clash], held=[held(APRIL, 31000.0)], known_at=JUNE)
    assert catalog.quarantine.values() == []


def test_no_row_is_ever_deleted(catalog: Catalog) -> None:
    for k, settle in enumerate([catalog.quarantine.accept, catalog.quarantine.discard] * 2):
        hold(catalog, held(APRIL, 31000.0 + k, JUNE + timedelta(days=k)))
        settle("mine", None, by="me", now=JULY + timedelta(days=k))
    with catalog._database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(HELD_VALUES)).scalar() == 4
