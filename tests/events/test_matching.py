"""Which events a candidate may tell of: by act, source, or deed, and by what it names."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from forecast.events import Event, Events
from forecast.events.candidate import Candidate
from forecast.events.exposure import Minerals
from forecast.events.matching import alike
from forecast.names import Slug
from forecast.sources.reading.blank import BLANK

TREE = Minerals({"copper": frozenset(), "copper-refined": frozenset({"copper"}), "zinc": frozenset()})
DUTY = replace(
    BLANK,
    event_id="fr-1",
    title="Adjusting Imports of Copper",
    kind="tariff",
    actor="USA",
    announced=dt.date(2025, 7, 30),
    effective=dt.date(2025, 8, 1),
    instrument="Proclamation 10962",
    minerals=(Slug("copper"),),
    sources=("https://example.org/1",),
)


def candidate(event: Event = DUTY, *cites: str) -> Candidate:
    return Candidate("federal-register", "2025-14893", dt.date(2025, 8, 5), event.title, "", event, (), cites)


def found(one: Candidate, *events: Event) -> list[tuple[str, bool, str]]:
    return [(each.event_id, each.same, each.why) for each in alike(one, events, TREE)]


def test_the_same_act_is_found_however_it_is_written() -> None:
    for instrument in ("Proc. 10962", "S232 Procs. 10961/10962", "Proclamation 10962 of July 30, 2025"):
        other = replace(DUTY, event_id="us-copper", instrument=instrument, announced=None, effective=None, sources=())
        assert found(candidate(), other) == [("us-copper", True, "it is by the same act, proclamation 10962")]


def test_the_same_source_or_a_source_that_holds_the_number_is_the_same() -> None:
    other = replace(DUTY, event_id="x", instrument="", actor="", sources=("https://a.org/2025-14893/copper",))
    assert found(candidate(), other) == [("x", True, "it has the same source")]


def test_the_like_deed_about_the_same_time_may_be_the_same() -> None:
    other = replace(
        DUTY,
        event_id="x",
        instrument="",
        sources=(),
        minerals=(Slug("copper-refined"),),
        announced=dt.date(2025, 7, 25),
    )
    assert [each[:2] for each in found(candidate(), other)] == [("x", True)]
    for different in (
        replace(other, actor="CHN"),
        replace(other, minerals=(Slug("zinc"),)),
        replace(other, kind="threat"),
        replace(other, announced=dt.date(2024, 7, 25), effective=None),
    ):
        assert found(candidate(), different) == []


def test_an_act_that_is_named_may_be_changed_by_it_and_comes_last() -> None:
    old = replace(
        DUTY,
        event_id="a-old",
        instrument="S232 Proc. 9704 (8 Mar 2018)",
        announced=dt.date(2018, 3, 8),
        effective=None,
        sources=(),
    )
    same = replace(DUTY, event_id="us-copper", sources=())
    assert [each[:2] for each in found(candidate(DUTY, "Proclamation 9704"), old, same)] == [
        ("us-copper", True),
        ("a-old", False),
    ]


def test_bundled_events_are_found_by_what_their_records_name(bundled_events: Events) -> None:
    known = bundled_events.values()
    ids = {each.event_id for each in alike(candidate(), known, TREE) if each.same}
    assert "us-s232-copper-2025" in ids
