"""What is held is told wherever its series is, in sentences that say what, why and what can be done."""

from __future__ import annotations

from datetime import UTC, date, datetime

from forecast.answers.held import TOLD, held_by_series, held_list, held_notes, sentences
from forecast.catalog import Catalog, Observation
from forecast.catalog.quarantine import Held, Reason
from tests.support.trained_home import COPPER, NICKEL

NOW = datetime(2026, 8, 3, tzinfo=UTC)


def held(month: int, series_id: str = COPPER) -> Held:
    one = Observation(series_id, date(2026, month, 1), 1.4e7, "reported", NOW)
    return Held(one, Reason.SLIP, "it looks like 1,000 × that: kg for t?")


def test_a_sentence_names_series_period_and_reason() -> None:
    assert sentences([held(7)]) == (
        "price.copper 2026-07-01 is held and does not count: it looks like 1,000 × that: kg for t?",
    )


def test_of_many_values_of_a_series_only_some_are_told_one_by_one() -> None:
    told = sentences([*(held(month) for month in range(1, 9)), held(7, NICKEL)])
    assert len(told) == TOLD + 2
    assert told[TOLD] == "price.copper: 3 more values held (orecast observations held price.copper)"
    assert told[-1].startswith("price.nickel 2026-07-01")


def test_what_is_settled_is_not_told(catalog: Catalog) -> None:
    catalog.add(held=[held(7), held(7, NICKEL)], known_at=NOW)
    assert held_by_series(catalog) == {COPPER: held_notes(catalog, COPPER), NICKEL: held_notes(catalog, NICKEL)}
    assert len(held_notes(catalog, NICKEL)) == 1
    catalog.quarantine.discard(COPPER, None, by="me", now=NOW)
    assert held_notes(catalog, COPPER) == ()
    assert list(held_by_series(catalog)) == [NICKEL]


def test_as_an_answer_a_held_value_has_what_became_of_it(catalog: Catalog) -> None:
    catalog.add(held=[held(7)], known_at=NOW)
    catalog.quarantine.discard(COPPER, None, by="A. Smith", now=NOW)
    (line,) = held_list(catalog.quarantine.values(settled=True)).lines()
    assert (line["series_id"], line["ds"], line["y"]) == (COPPER, date(2026, 7, 1), 1.4e7)
    assert (line["reason"], line["outcome"], line["by"], line["source"]) == ("slip", "discarded", "A. Smith", None)
