"""What is paid on a mineral from an origin at a destination: a table of ten trades on five days, and what must hold."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.catalog.duty_records import duty_lines
from forecast.events import Act, Event, Events
from forecast.events.duties import DutySchedule, Trade, changes_by, schedule, total
from forecast.events.duty_lines import ALL_GOODS, DutyLine, carrier
from forecast.events.exposure import Minerals
from forecast.settings import data_dir
from tests.events.test_exposure import MINERALS
from tests.support.records import NOTHING_SAID, changed

TODAY = dt.date(2026, 11, 27)
DAYS = tuple(map(dt.date.fromisoformat, ("2018-10-01", "2025-04-15", "2025-10-01", "2026-03-01", "2026-09-01")))


def known(*low_high: tuple[float, float | None] | float) -> list[tuple[float, float | None]]:
    return [(each, each) if isinstance(each, int | float) else each for each in low_high]


#: What is paid on each of ``DAYS``: a number where it is stated, else its bounds.
PAID = {
    # 301 from 2026, fentanyl 20 -> 10, reciprocal 10 -> 125 -> 10, exempt from 8 September 2025, forced labour 12.5
    ("ndfeb-magnets", "CHN", "USA"): known(0, 145, 20, (25, 35), 37.5),
    # on no 301 list, exempt from the reciprocal layer: of the truce and the 125 points nothing was ever paid
    ("rare-earths", "CHN", "USA"): known(0, 20, 20, (0, 10), (0, 12.5)),
    ("yttrium", "CHN", "USA"): known(0, 20, 20, (0, 10), (0, 12.5)),
    # List 3 at 10, then 25; exclusions for goods that are not named since November 2025
    ("graphite-synthetic", "CHN", "USA"): known(10, 170, (55, 215), (10, 195), (12.5, 37.5)),
    ("gallium", "CHN", "USA"): known(10, 45, 45, (25, 35), (25, 37.5)),
    ("silicon", "BRA", "USA"): known(0, 10, (10, 50), 10, 37.5),
    ("copper-refined", "CHL", "USA"): known(0, 0, 0, (0, 10), (0, 12.5)),
    ("steel", "CAN", "USA"): known(25, (25, 60), (50, 126), 50, (0, 62.5)),
    ("iron-ore", "AUS", "CHN"): known(0, 0, 0, 0, 0),
    ("coking-coal", "USA", "CHN"): known(25, 165, 50, 50, 50),
}


@pytest.fixture(scope="module")
def minerals() -> Minerals:
    import csv

    with (data_dir() / "minerals.csv").open(encoding="utf-8", newline="") as file:
        return Minerals.from_rows((row["mineral"], row["parent"], row["kind"]) for row in csv.DictReader(file))


@pytest.mark.parametrize("trade", PAID, ids=">".join)
def test_what_ten_trades_paid_on_five_days_each_part_of_it_stated_by_an_event(
    trade: tuple[str, str, str], bundled_events: Events, minerals: Minerals
) -> None:
    found = schedule(bundled_events, Trade(*trade), minerals, TODAY)
    assert [total(found.on(day)) for day in DAYS] == PAID[trade]
    for day in DAYS:
        for part in found.on(day):
            assert part.line.states, "words that state it"
            assert part.event.sources or part.event.certainty != "verified"


def paid(
    events: Events, minerals: Minerals, trade: tuple[str, str, str], day: str, as_of: dt.date = TODAY
) -> dict[str, tuple[float | None, float | None]]:
    at = dt.date.fromisoformat(day)
    return {part.layer: (part.low, part.high) for part in schedule(events, Trade(*trade), minerals, as_of).on(at)}


def test_magnets_from_china_pay_under_301_and_for_forced_labour(bundled_events: Events, minerals: Minerals) -> None:
    layers = paid(bundled_events, minerals, ("ndfeb-magnets", "CHN", "USA"), "2026-11-27")
    assert layers == {"us-s301-china": (25, 25), "us-s301-forced-labour": (12.5, 12.5)}


def test_a_suspended_125_falls_back_to_the_10_that_stayed(bundled_events: Events, minerals: Minerals) -> None:
    of_china, of_the_us = ("graphite-synthetic", "CHN", "USA"), ("copper-ore", "USA", "CHN")
    for day, rate in (("2025-05-13", 125), ("2025-05-14", 10), ("2025-08-20", 10), ("2026-01-01", 10)):
        assert paid(bundled_events, minerals, of_china, day)["us-ieepa-reciprocal"] == (rate, rate)
        assert paid(bundled_events, minerals, of_the_us, day)["cn-retaliation-reciprocal"] == (rate, rate)


def test_the_ieepa_layers_are_gone_once_they_were_voided(bundled_events: Events, minerals: Minerals) -> None:
    last, first = (
        paid(bundled_events, minerals, ("silicon", "CHN", "USA"), day) for day in ("2026-02-23", "2026-02-24")
    )
    assert {"us-ieepa-fentanyl", "us-ieepa-reciprocal"} <= last.keys()
    assert not {name for name in first if name.startswith("us-ieepa")}


def test_who_asks_for_a_mineral_with_parts_is_told_what_lies_between_them(
    bundled_events: Events, minerals: Minerals
) -> None:
    found = schedule(bundled_events, Trade("copper", "CHL", "USA"), minerals, TODAY).on(dt.date(2025, 9, 1))
    part = next(part for part in found if part.layer == "us-s232")
    assert (part.low, part.high) == (0, 50)
    assert "copper-refined 0" in part.note
    assert "copper-semis 0 to 50" in part.note


def test_a_member_of_the_union_pays_what_the_union_pays(bundled_events: Events, minerals: Minerals) -> None:
    day = "2020-01-01"
    assert paid(bundled_events, minerals, ("steel", "DEU", "USA"), day) == {"us-s232": (25, 25)}
    assert paid(bundled_events, minerals, ("steel", "CAN", "USA"), day) == {"us-s232": (0, 0)}
    assert paid(bundled_events, minerals, ("steel", "USA", "DEU"), day)["eu-steel"] == (0, 25)


# -- what must hold of every trade ------------------------------------------------------------------------------------

TRADES = st.builds(
    Trade,
    st.sampled_from(["ndfeb-magnets", "rare-earths", "copper", "graphite", "steel", "silicon", "nickel", "potash"]),
    st.sampled_from(["CHN", "CAN", "BRA", "RUS", "DEU", "WLD"]),
    st.sampled_from(["USA", "CHN", "FRA", "IND"]),
)
SOME_DAYS = st.dates(dt.date(2006, 1, 1), dt.date(2028, 1, 1))


@given(TRADES, SOME_DAYS)
def test_the_parts_add_up_to_the_total_and_each_layer_is_told_once(
    bundled_events: Events, minerals: Minerals, trade: Trade, day: dt.date
) -> None:
    parts = schedule(bundled_events, trade, minerals, TODAY).on(day)
    low, high = total(parts)
    assert low == sum(part.low or 0 for part in parts)
    assert high is None or (high == sum(part.high or 0 for part in parts) and low <= high)
    assert len({part.layer for part in parts}) == len(parts)
    assert all(part.since <= day for part in parts)


@given(TRADES)
def test_before_anything_there_is_nothing(bundled_events: Events, minerals: Minerals, trade: Trade) -> None:
    found = schedule(bundled_events, trade, minerals, TODAY)
    assert found.on(min([*found.changes, TODAY]) - dt.timedelta(days=1)) == ()


@given(TRADES, SOME_DAYS, SOME_DAYS)
def test_nobody_knows_an_act_before_it_was_announced(
    bundled_events: Events, minerals: Minerals, trade: Trade, day: dt.date, as_of: dt.date
) -> None:
    found = schedule(bundled_events, trade, minerals, as_of)
    assert all(part.event.known_from <= as_of for part in found.on(day))
    # What later acts there are makes no difference.
    believed = Events(event for event in bundled_events.values() if event.known_from <= as_of)
    assert rates(schedule(believed, trade, minerals, as_of), day) == rates(found, day)


@given(TRADES, SOME_DAYS, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_changes_nothing(
    bundled_events: Events, minerals: Minerals, trade: Trade, day: dt.date, chance: random.Random
) -> None:
    lines = list(duty_lines(data_dir()))
    chance.shuffle(lines)
    carry = carrier(lines, bundled_events)
    shuffled = Events(carry(replace(event, duties=())) for event in bundled_events.values())
    expected = rates(schedule(bundled_events, trade, minerals, TODAY), day)
    assert rates(schedule(shuffled, trade, minerals, TODAY), day) == expected


def rates(found: DutySchedule, day: dt.date) -> list[tuple[str, str, float | None, float | None]]:
    return [(part.layer, part.event.event_id, part.low, part.high) for part in found.on(day)]


# -- events of one's own ----------------------------------------------------------------------------------------------


def own(
    event_id: str, rate: float, start: str, minerals: str = "copper", flow: str = "CHL>USA", **more: object
) -> Event:
    day = dt.date.fromisoformat(start)
    event = changed(
        replace(NOTHING_SAID, event_id=event_id, own=True), kind="tariff", announced=day, effective=day,
        status="enacted", value_after=rate, value_unit="pp ad valorem", minerals=["copper"],
        flows=[("CHL", "USA")],
    )  # fmt: skip
    return replace(event, **more)  # type: ignore[arg-type]


def carried(*events: Event, lines: tuple[DutyLine, ...] = ()) -> Events:
    carry = carrier(lines, {event.event_id: event for event in events})
    return Events(map(carry, events))


@given(st.floats(0.5, 200), st.dates(dt.date(2020, 1, 1), dt.date(2026, 1, 1)))
def test_an_event_of_ones_own_with_a_rate_charges_it(rate: float, start: dt.date) -> None:
    events = carried(own("mine", rate, start.isoformat()))
    found = schedule(events, Trade("copper", "CHL", "USA"), MINERALS, TODAY)
    assert total(found.on(start)) == (rate, rate)
    assert found.on(start - dt.timedelta(days=1)) == ()
    assert not schedule(events, Trade("copper", "PER", "USA"), MINERALS, TODAY).on(start)


def test_what_amends_another_replaces_its_rate_and_does_not_add_to_it() -> None:
    first = own("first", 10, "2025-01-01")
    second = own("second", 25, "2025-06-01", acts=(Act("amends", "first"),))
    third = own("third", 50, "2025-09-01", acts=(Act("amends", "second"),))
    found = schedule(carried(first, second, third), Trade("copper", "CHL", "USA"), MINERALS, TODAY)
    assert [total(found.on(dt.date(2025, month, 1)))[0] for month in (3, 6, 9)] == [10, 25, 50]


def test_a_headline_and_a_threat_charge_nothing_and_a_rate_in_another_unit_what_is_not_known() -> None:
    headline = own("headline", 145, "2025-01-01", value_unit="pp ad valorem (headline)")
    threat = own("threat", 200, "2025-01-01", kind="threat")
    weight = own("weight", 30, "2025-01-01", value_unit="USD/t")
    found = schedule(carried(headline, threat, weight), Trade("copper", "CHL", "USA"), MINERALS, TODAY)
    charged = [(part.layer, part.low, part.high) for part in found.on(dt.date(2025, 2, 1))]
    assert charged == [("weight", None, None)], "that it charges is known, and how much of the value is not"


def test_of_an_exempting_basket_a_mineral_pays_what_the_layer_has_said_of_it() -> None:
    def line(event_id: str, minerals: str, rate: float) -> DutyLine:
        return DutyLine(event_id, "layer", ("WLD",), ("USA",), tuple(minerals.split()), rate, rate)  # type: ignore[arg-type]

    lines = line("base", "all-non-exempt", 10), line("base", "rare-earths", 0), line("base", "ndfeb-magnets", 10)
    events = carried(
        own("base", 10, "2025-01-01"),
        own("raise", 125, "2025-04-01"),
        lines=(*lines, line("raise", "all-non-exempt", 125)),
    )
    for mineral, bounds in (("yttrium", (0, 0)), ("ndfeb-magnets", (125, 125)), ("copper", (0, 125))):
        found = schedule(events, Trade(mineral, "CHN", "USA"), MINERALS, TODAY)
        assert total(found.on(dt.date(2025, 4, 1))) == bounds


def test_a_line_of_the_file_gives_way_to_the_rate_that_somebody_has_put_right() -> None:
    line = DutyLine("e", "layer", ("CHL",), ("USA",), (ALL_GOODS,), 10, 10, states=(("e", "0 -> 10%"),))  # type: ignore[arg-type]
    was = own("e", 10, "2025-01-01", intensity="0 -> 10%", own=False)
    now = replace(was, value_after=15.0)
    trade, day = Trade("copper", "CHL", "USA"), dt.date(2025, 2, 1)
    (before,) = schedule(carried(was, lines=(line,)), trade, MINERALS, TODAY).on(day)
    (after,) = schedule(carried(now, lines=(line,)), trade, MINERALS, TODAY).on(day)
    assert (before.high, after.high, after.layer) == (10, 15, "layer")


# -- what an event changes --------------------------------------------------------------------------------------------


def test_what_an_event_adds_is_its_rate_less_what_its_layer_charged_before(
    bundled_events: Events, minerals: Minerals
) -> None:
    trade = Trade("gallium", "CHN", "USA")

    def added(event_id: str, day: str) -> float | None:
        steps = changes_by(bundled_events, [event_id], trade, minerals, TODAY)
        before = (change for since, change in reversed(steps) if since <= dt.date.fromisoformat(day))
        return next(before, 0.0) if steps else None

    assert added("us-ieepa-cn-fent-2025-02", "2025-02-04") == 10
    assert added("us-ieepa-cn-fent-2025-03", "2025-03-04") == 10
    assert added("us-ieepa-cn-fent-2025-03", "2025-11-10") == 0
    assert added("us-s301-list3-raise-2019", "2019-05-10") == 15
    assert added("us-ieepa-cn-reciprocal-125-2025", "2025-04-20") == 0, "exempt"
    assert added("us-s122-10-2026", "2026-03-01") is None, "nobody has said whether it is exempt"
    assert added("us-s301-4yr-2024", "2025-01-01") is None, "it says nothing of gallium"


def test_the_days_on_which_a_chain_of_rates_changed_are_in_what_it_changes(
    bundled_events: Events, minerals: Minerals
) -> None:
    chain = [f"us-ieepa-cn-reciprocal-{rate}-2025" for rate in (34, 84, 125)]
    steps = changes_by(bundled_events, chain, Trade("graphite-synthetic", "CHN", "USA"), minerals, TODAY)
    assert [(str(day), change) for day, change in steps[:3]] == [
        ("2025-04-09", 74),
        ("2025-04-10", 115),
        ("2025-05-14", 0),
    ]
