"""Trade diversion: amounts put into a group are found, add up in every draw, and demand does not pass for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecast.effects.diversion import GroupMembers, estimate_group, members, rounds
from forecast.effects.diverted import GroupRecord, MemberRecord, diverted, more
from forecast.effects.episodes import episodes
from forecast.events import Event, Events
from forecast.events.exposure import Minerals
from forecast.timeseries.frequency import Freq
from forecast.timeseries.partners import PartnerGroup, partner_groups
from forecast.timeseries.series import Floats, History, Series
from tests.support.records import NOTHING_SAID, a_series, changed, like

T, START, N = 96, 72, 600
DS = Freq("M").range("2012-01-01", T)
TODAY = dt.date(2020, 12, 31)
MINERALS = Minerals.from_rows([(name, "", "mineral") for name in ("tin", "zinc", "lead", "copper")])
TOTAL = a_series("value.tin.import.us", "tin", "value", "target", "import", "USA", "WLD", "USD", "M", 30)
CHINA = like(TOTAL, series_id="value.tin.import.us.cn", partner="CHN", parent=TOTAL.series_id)
CANADA = like(CHINA, series_id="value.tin.import.us.ca", partner="CAN")
GROUP = PartnerGroup(TOTAL.series_id, (CANADA, CHINA), TOTAL)


def tariff(event_id: str = "on-china", origin: str = "CHN", day: str = "2018-01-10", kind: str = "tariff") -> Event:
    when = dt.date.fromisoformat(day)
    return changed(
        replace(NOTHING_SAID, event_id=event_id, title=event_id), kind=kind, actor="USA", announced=when,
        effective=when, status="enacted", certainty="confirmed", minerals=("tin",), flows=[(origin, "USA")],
        volume="down",
    )  # fmt: skip


def history(series: Series, y: Floats) -> History:
    return History(series, DS[: len(y)], y, np.where(np.isfinite(y), "reported", ""))


def flows(
    lost: float = 0.0, share: float = 0.0, demand: float = 0.0, noise: float = 0.04, seed: int = 2
) -> dict[str, History]:
    """China sends 300, Canada 200, the rest 500; from ``START`` on China loses a share of its trade, of which another
    goes to the others; demand, which wanders with the flows of other metals, changes by so much on the log."""
    rng = np.random.default_rng(seed)
    wander = np.cumsum(0.05 * rng.standard_normal(T)) if demand else np.zeros(T)
    wave = np.exp(wander + np.where(np.arange(T) >= START, demand, 0.0))
    after = np.where(np.arange(T) >= START, lost, 0.0)

    def level(size: float) -> Floats:
        return np.asarray(size * wave * np.exp(noise * rng.standard_normal(T)))

    china, canada, rest = level(300), level(200), level(500)
    gone = after * china
    canada, rest, china = canada + share * gone * 0.4, rest + share * gone * 0.6, china - gone
    found = {CHINA.series_id: history(CHINA, china), CANADA.series_id: history(CANADA, canada)}
    found[TOTAL.series_id] = history(TOTAL, china + canada + rest)
    for metal in ("zinc", "lead", "copper"):
        for reporter in ("GBR", "JPN", "IND"):
            other = like(TOTAL, series_id=f"value.{metal}.import.{reporter.lower()}", mineral=metal, reporter=reporter)
            found[other.series_id] = history(other, level(100))
    return found


def a_group(histories: dict[str, History], *events: Event) -> GroupMembers:
    found = members(GROUP, histories, Events(events), MINERALS, TODAY)
    assert found is not None
    return found


def estimated(histories: dict[str, History], *events: Event) -> GroupRecord:
    known = Events(events)
    return estimate_group(a_group(histories, *events), histories, known, MINERALS, n=N, seed=0)


def between(draws: Floats) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.05, 0.95])
    return float(low), float(high)


def test_what_a_partner_lost_and_the_others_gained_is_found_and_adds_up_in_every_draw() -> None:
    found = diverted(estimated(flows(lost=0.5, share=0.8), tariff()), ["on-china"])
    assert found is not None
    assert dict(zip((m.partner for m in found.record.members), found.roles, strict=True)) == {
        "CAN": "other",
        "CHN": "hit",
        "rest": "other",
    }
    months = int((found.ds >= DS[START]).sum())
    lost = months * 300 * 0.5
    low, high = between(found.summed("hit"))
    assert low < -lost < high < 0
    low, high = between(found.summed("other"))
    assert 0 < low < 0.8 * lost < high
    assert found.share is not None
    low, high = between(found.share)
    assert 0 < low < 0.8 < high < 2
    assert found.gained == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(found.summed(), found.summed("hit") + found.summed("other"))


def test_where_nothing_moved_diversion_cannot_be_told_from_none() -> None:
    found = diverted(estimated(flows(lost=0.5), tariff()), ["on-china"])
    assert found is not None
    low, high = between(found.summed("other"))
    assert low < 0 < high
    low, high = between(found.summed())
    assert high < 0, "the total lost what China lost"


def test_demand_that_rose_for_all_does_not_pass_for_diversion() -> None:
    found = diverted(estimated(flows(lost=0.5, demand=0.3), tariff()), ["on-china"])
    assert found is not None
    low, high = between(found.summed("other"))
    assert low < 0 < high


def test_the_totals_own_estimate_narrows_the_sum() -> None:
    record = estimated(flows(lost=0.5, share=0.8, noise=0.1), tariff())
    both, parts = (diverted(record, ["on-china"], weighed=weighed) for weighed in (True, False))
    assert both is not None
    assert parts is not None
    assert both.summed().std() < parts.summed().std()
    assert both.total_alone is not None


def test_draws_of_a_level_never_take_away_more_than_there_is() -> None:
    found = diverted(estimated(flows(lost=0.9, share=1.0), tariff()), ["on-china"])
    assert found is not None
    assert (found.level[:, None, :] - found.amount >= 0).all()


def test_the_same_events_give_the_same_digits() -> None:
    histories = flows(lost=0.5, share=0.5)
    one, other = (diverted(estimated(histories, tariff()), ["on-china"]) for _ in range(2))
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.amount, other.amount)


def test_an_event_on_all_partners_diverts_nothing() -> None:
    assert members(GROUP, flows(), Events([tariff("on-all", "WLD")]), MINERALS, TODAY) is None


def test_a_partner_with_an_event_of_its_own_in_the_same_month_is_told_apart_from_the_others() -> None:
    record = estimated(flows(lost=0.5), tariff(), tariff("on-canada", "CAN"))
    found = diverted(record, ["on-china"])
    assert found is not None
    assert dict(zip((m.partner for m in record.members), found.roles, strict=True)) == {
        "CAN": "mixed",
        "CHN": "hit",
        "rest": "other",
    }


def told_together(record: GroupRecord, partner: str, weaker: str, leader: str) -> GroupRecord:
    """The record as it is where a partner's data cannot part two episodes."""

    def marked(member: MemberRecord) -> MemberRecord:
        if member.partner != partner:
            return member
        effects = tuple(
            replace(e, episode=replace(e.episode, told_with=leader)) if e.episode.episode_id == weaker else e
            for e in member.record.effects
        )
        return replace(member, record=replace(member.record, effects=effects))

    return replace(record, members=tuple(map(marked, record.members)))


def test_what_the_data_cannot_part_on_a_partner_hit_is_asked_for_together() -> None:
    record = estimated(flows(lost=0.5, share=0.5), tariff(), tariff("before", day="2017-08-10"))
    parted = diverted(record, ["on-china"])
    found = diverted(told_together(record, "CHN", "before", "on-china"), ["on-china"])
    both = diverted(record, ["on-china", "before"])
    assert parted is not None
    assert found is not None
    assert both is not None
    assert (parted.events, found.events, found.asked) == (("on-china",), ("on-china", "before"), ("on-china",))
    assert (len(found.ds), found.roles) == (len(both.ds), both.roles)
    assert found.summed("hit").mean() == pytest.approx(both.summed("hit").mean(), rel=0.05)


def test_a_partner_whose_data_cannot_part_an_event_of_its_own_takes_no_part_in_the_diversion() -> None:
    record = estimated(flows(lost=0.5), tariff(), tariff("on-canada", "CAN", "2017-08-10"))
    roles = {m.partner: m.role(["on-china"]) for m in told_together(record, "CAN", "on-china", "on-canada").members}
    assert roles == {"CAN": "mixed", "CHN": "hit", "rest": "other"}


def test_what_acts_on_partners_without_a_series_hits_the_rest() -> None:
    record = estimated(flows(), tariff(), tariff("on-russia", "RUS", "2016-06-10"))
    roles = {m.partner: m.role(["on-russia"]) for m in record.members}
    assert roles == {"CAN": "other", "CHN": "other", "rest": "hit"}


def test_rounds_of_a_tariff_within_a_quarter_are_told_together_and_later_ones_are_not() -> None:
    events = Events([tariff("a"), tariff("b", day="2018-03-01"), tariff("c", day="2018-09-01")])
    own, _ = episodes(events, CHINA, MINERALS, DS, known_on=TODAY)
    assert [e.events for e in rounds(own, events, CHINA.calendar)] == [("a", "b"), ("c",)]


def test_an_event_after_the_data_is_not_answered() -> None:
    record = estimated(flows(), tariff(), tariff("later", day="2020-06-01"))
    assert diverted(record, ["later"]) is None


def test_a_group_is_made_of_parents_or_of_ids_and_takes_one_series_of_a_partner() -> None:
    plain = like(CANADA, parent="")
    twin = like(CHINA, series_id="value.tin.import.us.zz")
    ore = like(CHINA, series_id="value.tin-ore.import.us.cn.heading", parent="")
    ore_of_brazil = like(ore, series_id="value.tin-ore.import.us.br.heading", partner="BRA")
    comparison = like(CHINA, series_id="value.tin.import.us.jp", partner="JPN")
    every = (TOTAL, CHINA, plain, twin, ore, ore_of_brazil, replace(comparison, role="comparison"))
    found = list(partner_groups({one.series_id: one for one in every}))
    assert [(group.name, [one.partner for one in group.partners], group.total is not None) for group in found] == [
        ("value.tin-ore.import.us.br.heading", ["BRA", "CHN"], False),
        ("value.tin.import.us", ["CAN", "CHN"], True),
    ]


def test_where_partners_exceed_the_total_nothing_is_left_and_it_is_said() -> None:
    histories = flows()
    total = histories[TOTAL.series_id]
    histories[TOTAL.series_id] = replace(total, y=np.where(np.arange(T) < 3, 100.0, total.y))
    rest = a_group(histories, tariff()).leaves[-1]
    assert rest.derived
    assert (rest.history.y[:3] == 0).all()
    assert (rest.history.y[3:] > 0).all()
    assert rest.notes[0].startswith(f"the partners add up to more than the total in 3 of {T} periods")


def test_a_level_of_nothing_that_was_nothing_is_no_change() -> None:
    np.testing.assert_array_equal(more(0.0, np.array([0.0, -2.0])), [0.0, -100.0])
