"""What users rely on: a calendar of what starts, ends or may come, with what it hits and whether forecasts count it."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.answers.calendar import CalendarQuestion, DatedChange, EventCalendar, event_calendar
from forecast.answers.event_filter import EventFilter
from forecast.answers.events import event_on_day
from forecast.catalog import Catalog
from forecast.errors import InvalidInput, NotFound
from forecast.export.csv_writer import csv_text
from forecast.registry import Registry
from tests.support.small_world import a_ban, an_event
from tests.support.trained_home import COPPER, EARTHS, NOW, TRAINED, make_home

TODAY = dt.date(2026, 11, 27)
NO_70, NO_72, TARIFFS = "cn-suspension-no70-2025", "cn-suspension-no72-2025", "cn-tariff-suspension-2025-11"
FIRST, LAST = dt.date(2018, 1, 1), dt.date(2032, 1, 1)
Stores = tuple[Catalog, Registry]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    settings = make_home(tmp_path_factory.mktemp("home"))
    catalog = Catalog.open(settings)
    yield catalog, Registry(settings.models_dir)
    catalog.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Stores]:
    """Stores that a test may change."""
    settings = make_home(tmp_path)
    catalog = Catalog.open(settings)
    yield catalog, Registry(settings.models_dir)
    catalog.close()


def asked(
    stores: Stores,
    as_of: dt.date = TODAY,
    start: dt.date | None = None,
    until: dt.date | None = None,
    expiring: int | None = None,
    about: EventFilter | None = None,
) -> EventCalendar:
    return event_calendar(*stores, CalendarQuestion(as_of, start, until, expiring, about or EventFilter()))


def by_id(found: EventCalendar) -> dict[str, DatedChange]:
    return {change.event_id: change for change in found.data}


def test_what_expires_in_ninety_days_is_told_with_what_returns(stores: Stores) -> None:
    found = by_id(asked(stores, dt.date(2026, 11, 1), expiring=90))
    assert (found[NO_70].day, found[NO_72].day) == (dt.date(2026, 11, 10), dt.date(2026, 11, 27))
    assert found[NO_72].event_ids == ("cn-us-ban-gagesb-2024",)
    assert len(found[NO_70].event_ids) == 6
    assert not any(change.unconfirmed for change in found.values())
    assert {change.what for change in found.values()} <= {"ends", "suspension ends", "truce ends"}


def test_today_what_has_passed_without_news_comes_first_and_is_unconfirmed(stores: Stores) -> None:
    found = asked(stores, expiring=90).data
    assert [(c.event_id, c.unconfirmed) for c in found[:3]] == [(NO_70, True), (TARIFFS, True), (NO_72, False)]
    assert [change.day for change in found] == sorted(change.day for change in found)
    assert found[-1].day <= TODAY + dt.timedelta(days=90)


def test_in_february_nothing_later_is_known_of_any_of_the_three(stores: Stores) -> None:
    found = by_id(asked(stores, dt.date(2027, 2, 1)))
    assert all(found[event_id].unconfirmed and found[event_id].recheck_overdue for event_id in (NO_70, NO_72, TARIFFS))


def test_as_of_october_2025_the_calendar_has_the_controls_and_not_their_suspension(stores: Stores) -> None:
    found = by_id(asked(stores, dt.date(2025, 10, 15), until=dt.date(2025, 12, 31)))
    assert NO_70 not in found
    assert (found["cn-mofcom-61-2025"].what, found["cn-mofcom-61-2025"].day) == ("starts", dt.date(2025, 12, 1))
    assert found["cn-mofcom-61-2025"].certain


def test_a_window_that_is_said_holds_its_days_only(stores: Stores) -> None:
    first, last = dt.date(2026, 11, 27), dt.date(2027, 1, 1)
    found = asked(stores, start=first, until=last)
    assert {change.day for change in found.data} <= {first + dt.timedelta(days=k) for k in range(36)}
    assert NO_72 in by_id(found)
    assert "us-dfars-2027" in by_id(found)
    assert not any(change.unconfirmed for change in found.data)


@given(st.lists(st.dates(FIRST, LAST), min_size=3, max_size=3, unique=True), st.dates(dt.date(2019, 1, 1), TODAY))
def test_every_change_is_in_exactly_one_of_two_adjacent_windows(
    stores: Stores, days: list[dt.date], as_of: dt.date
) -> None:
    first, middle, last = sorted(days)
    one = asked(stores, as_of, first, middle).data
    other = asked(stores, as_of, middle + dt.timedelta(days=1), last).data if middle < last else ()
    assert one + other == asked(stores, as_of, first, last).data


@given(st.dates(FIRST, TODAY), st.integers(0, 400))
def test_what_expires_is_what_ends_in_the_window_of_so_many_days(stores: Stores, as_of: dt.date, days: int) -> None:
    ends = [c for c in asked(stores, as_of, until=as_of + dt.timedelta(days=days)).data if c.what.endswith("ends")]
    assert asked(stores, as_of, expiring=days).data == tuple(ends)


def test_a_change_names_the_series_that_are_served_and_that_it_touches(stores: Stores) -> None:
    found = by_id(asked(stores))
    assert found[NO_70].series_ids == (EARTHS,)
    assert found["us-refined-copper-phased-2027"].series_ids == (COPPER,)
    assert all(change.series == len(change.series_ids) for change in found.values())
    assert {name for change in found.values() for name in change.series_ids} <= set(TRAINED)
    assert found["us-s232-polysilicon-2026"].series == 0


def test_the_calendar_of_a_series_is_that_of_what_touches_it_or_would_return(stores: Stores) -> None:
    found = asked(stores, about=EventFilter(series_id=COPPER))
    assert "us-refined-copper-phased-2027" in by_id(found)
    assert all(COPPER in change.series_ids for change in found.data)
    everything = asked(stores).data
    assert [c.event_id for c in everything if COPPER in c.series_ids] == [c.event_id for c in found.data]


def test_the_forecast_counts_with_what_is_certain_and_with_what_has_a_probability(own: Stores) -> None:
    catalog, registry = own
    threat = an_event(
        "own-duty",
        kind="threat",
        status="threatened",
        announced=dt.date(2026, 7, 1),
        effective=dt.date(2027, 3, 1),
        minerals=("copper",),
        flows=(("WLD", "USA"),),
        probability=0.4,
        probability_source="me",
        probability_date=dt.date(2026, 7, 2),
    )
    ban = a_ban("own-ban", announced=dt.date(2026, 7, 2), effective=dt.date(2027, 2, 1), minerals=("copper",), own=True)
    late = replace(ban, event_id="own-late-ban", effective=dt.date(2031, 1, 1))
    catalog.add(events=[threat, ban, late], known_at=NOW)
    found = by_id(event_calendar(catalog, registry, CalendarQuestion(TODAY)))
    assert (found["own-ban"].in_forecast, found["own-ban"].certain, found["own-ban"].why_not) == ("yes", True, None)
    duty = found["own-duty"]
    assert (duty.what, duty.in_forecast, duty.probability, duty.certain) == ("may start", "drawn", 0.4, False)
    assert found["own-late-ban"].why_not == "it lies beyond the forecasts of what it touches"
    assert found[NO_70].in_forecast == "drawn"
    assert found[NO_70].probability == pytest.approx(0.26), "it is not extended"
    assert found["us-s232-polysilicon-2026"].why_not == "it touches no series that is served"


def test_a_probability_that_is_not_drawn_is_not_called_one_that_nobody_gave(own: Stores) -> None:
    catalog, registry = own
    threat = an_event(
        "own-duty", kind="threat", status="threatened", announced=dt.date(2026, 7, 1), effective=dt.date(2027, 3, 1),
        minerals=("copper",), flows=(("WLD", "USA"),), probability=0.4,
    )  # fmt: skip
    catalog.add(events=[threat], known_at=NOW)
    duty = by_id(event_calendar(catalog, registry, CalendarQuestion(TODAY)))["own-duty"]
    assert (duty.probability, duty.why_not) == (None, "its probability has no source or no date")


@pytest.mark.parametrize("actor", ["china", "chn"])
def test_who_acts_in_no_event_is_refused_with_what_is_expected(stores: Stores, actor: str) -> None:
    with pytest.raises(NotFound, match=f"no actor '{actor}'; expected who acts in an event, such as CHN"):
        asked(stores, about=EventFilter(actor=actor))


def test_a_series_whose_runs_are_damaged_is_not_among_those_that_are_served(own: Stores) -> None:
    catalog, registry = own
    (draws,) = (registry.root / COPPER).glob("*/draws.npy")
    draws.write_bytes(b"damaged")
    found = by_id(event_calendar(catalog, registry, CalendarQuestion(TODAY)))
    assert found["us-refined-copper-phased-2027"].series_ids == ()
    assert found[NO_70].series_ids == (EARTHS,)


def test_what_should_be_verified_again_is_told_once_thirty_days_are_over(stores: Stores) -> None:
    verified = dt.date(2026, 10, 8)
    for days, overdue in ((30, False), (31, True)):
        change = by_id(asked(stores, verified + dt.timedelta(days=days)))[NO_72]
        assert (change.status_as_of, change.recheck_overdue) == (verified, overdue)
        assert change.status_note == "no extension instrument found by 8 Oct 2026"


def test_threats_without_a_day_are_named_beside_the_window(stores: Stores) -> None:
    assert "eu-scrap-export-2026" in asked(stores).undated
    palladium = asked(stores, about=EventFilter(mineral="palladium")).undated
    assert "ru-palladium-adcvd-2025" in palladium
    assert "eu-scrap-export-2026" not in palladium
    assert asked(stores, expiring=90).undated == ()


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"until = '2026-11-26': expected a day not before 2026-11-27"):
        CalendarQuestion(TODAY, until=dt.date(2026, 11, 26))
    with pytest.raises(InvalidInput, match=r"until = '2027-01-01': expected a day not before 2027-01-02"):
        CalendarQuestion(TODAY, dt.date(2027, 1, 2), dt.date(2027, 1, 1))
    with pytest.raises(InvalidInput, match=r"expiring = 3: expected at least 5 days, .* begins on 2026-12-02"):
        CalendarQuestion(TODAY, dt.date(2026, 12, 2), expiring=3)
    with pytest.raises(InvalidInput, match=r"expiring = -1: expected a whole number of days from 0"):
        CalendarQuestion(TODAY, expiring=-1)


@pytest.mark.parametrize(
    ("about", "name"),
    [
        (EventFilter(series_id="price.coper"), "price.coper"),
        (EventFilter(mineral="coper"), "coper"),
        (EventFilter(kind="tarif"), "tarif"),
    ],
)
def test_what_nothing_is_called_is_refused_with_the_nearest(stores: Stores, about: EventFilter, name: str) -> None:
    with pytest.raises(NotFound, match=f"'{name}'; nearest: "):
        asked(stores, about=about)


def test_its_csv_has_a_line_a_change_with_the_day_of_the_knowledge(stores: Stores) -> None:
    found = asked(stores, expiring=90)
    rows = list(csv.DictReader(io.StringIO(csv_text(found.names(), found.lines()))))
    assert [(row["day"], row["event_id"]) for row in rows] == [(str(c.day), c.event_id) for c in found.data]
    assert {row["as_of"] for row in rows} == {str(TODAY)}
    assert rows[0]["event_ids"].split(";") == list(found.data[0].event_ids)
    assert rows[0]["probability"] == "0.26"


# -- which events are about a mineral ----------------------------------------------------------------------------------


def about(stores: Stores, mineral: str) -> set[str]:
    catalog, _ = stores
    return {event.event_id for event in EventFilter(mineral=mineral).of(catalog.events(TODAY), catalog)}


def test_a_mineral_is_in_the_baskets_of_goods_on_its_flows(stores: Stores) -> None:
    found = about(stores, "gallium")
    assert {"us-ieepa-cn-fent-2025-02", "us-s122-10-2026", NO_72} <= found
    assert "us-copper-50-threat-2025" not in found


def test_a_basket_on_other_flows_does_not_hold_a_mineral(stores: Stores) -> None:
    # Nothing on record takes manganese from the United States to China, where this rule is about what goes there.
    assert "us-bis-50pct-2025" not in about(stores, "manganese")


def test_a_group_is_about_its_parts_and_its_whole_and_never_about_siblings(stores: Stores) -> None:
    heavy = about(stores, "rare-earths-heavy")
    assert NO_70 in heavy
    assert "us-cn-truce-extension-2025-08" in about(stores, "rare-earths")
    catalog, _ = stores
    events, minerals = catalog.events(TODAY), catalog.minerals()
    light = [e for e in about(stores, "rare-earths-light") if events[e].minerals == ("rare-earths-heavy",)]
    assert light == []
    assert not minerals.related("rare-earths-light", "rare-earths-heavy")


def test_a_basket_as_a_mineral_is_what_names_it(stores: Stores) -> None:
    catalog, _ = stores
    events = catalog.events(TODAY)
    assert about(stores, "all-cn-origin") == {e for e in events if "all-cn-origin" in events[e].minerals}


# -- one event ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_id", "as_of", "words"),
    [
        (NO_70, "2026-11-01", "in force since 7 Nov 2025, until 10 Nov 2026; last verified on 8 Oct 2026"),
        (
            NO_70,
            "2026-11-27",
            "in force since 7 Nov 2025, was to end on 10 Nov 2026 and nothing later is known; "
            "last verified on 8 Oct 2026",
        ),
        (
            "us-copper-50-threat-2025",
            "2026-11-27",
            "never took effect: announced 2025-07-08, ended 2025-07-30 before its date 2025-08-01; "
            "last verified on 31 Jul 2025",
        ),
        ("cn-mofcom-61-2025", "2025-10-15", "announced since 9 Oct 2025, for 1 Dec 2025; no day of verification"),
        (
            "ga-manganese-ban-2029",
            "2026-11-27",
            "threatened since 30 May 2025, for 1 Jan 2029; last verified on 30 Jun 2025",
        ),
        (
            "cn-no70-expiry-2026",
            "2026-11-27",
            "threatened since 7 Nov 2025, for 11 Nov 2026, which has passed, and nothing later is known; "
            "last verified on 8 Oct 2026",
        ),
        (
            "cn-ree-threat-may-2019",
            "2026-11-27",
            "threatened since 20 May 2019, no day is set from which it applies; last verified on 31 Dec 2019",
        ),
        (
            "cn-us-ban-gagesb-2024",
            "2026-11-01",
            f"suspended since 9 Nov 2025 by {NO_72}, until 27 Nov 2026; last verified on 8 Oct 2026",
        ),
        (
            "id-nickel-ban-announced-2019",
            "2026-11-27",
            "carried out since 30 Aug 2019 by id-nickel-ban-2020; last verified on 1 Jan 2020",
        ),
        ("us-232-uranium-2019", "2026-11-27", "withdrawn since 12 Jul 2019; last verified on 12 Jul 2019"),
        ("cl-lithium-nationalisation-2023", "2026-11-27", "under way since 20 Apr 2023; last verified on 20 Apr 2023"),
    ],
)
def test_an_event_tells_its_state_in_words(stores: Stores, event_id: str, as_of: str, words: str) -> None:
    assert event_on_day(*stores, event_id, dt.date.fromisoformat(as_of)).state.says == words


def test_an_event_tells_what_it_touches_and_whether_it_should_be_verified_again(stores: Stores) -> None:
    event = event_on_day(*stores, NO_70, TODAY)
    assert event.series_ids == (EARTHS,)
    assert event.recheck_overdue
    assert [act.event_id for act in event.acts_on_it] == ["cn-kuala-lumpur-extension-2026", "cn-no70-expiry-2026"]
