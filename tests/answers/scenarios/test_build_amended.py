"""Events of the catalogue with other facts: dates, terms and rates, each with its exact value in each draw."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecast.events import Act, Event
from tests.support.records import changed
from tests.support.small_world import (
    AS_OF,
    EVIDENCE,
    HALF,
    SOURCED,
    THREAT,
    TRAINED,
    a_ban,
    a_future,
    an_effect,
    an_event,
    chances,
    change,
    column,
    event_scenario_of,
    logs,
    percent,
    refused,
    same,
    unseen,
)

PAUSE = an_event(
    "pause", kind="truce", effective=date(2030, 3, 1), ended=date(2030, 8, 31), acts=(Act("suspends", "ban"),)
)


# -- amended and removed -----------------------------------------------------------------------------------------------


def test_a_branch_is_open_as_the_scenario_has_the_events() -> None:
    future = a_future(a_ban("ban"), PAUSE, evidence=EVIDENCE)
    longer = {"event": "pause", "extend_days": 61}
    found = change(future, amend=[longer], take=[{"branch": "pause"}])
    same(found, np.outer(column(m2030_11=0.5, m2030_12=1.0), unseen("ban")))
    slipped = change(future, amend=[longer], take=[{"branch": "pause", "slips": [1, 1]}])
    same(slipped, np.outer(column(m2030_12=0.5, m2031_01=1.0), unseen("ban")))
    assert "scenarios.0.take.0.branch" in refused(future, remove=["pause"], take=[{"branch": "pause"}])
    assert not change(future, amend=[longer]).any()


def test_a_branch_of_the_baseline_follows_what_the_scenario_amends() -> None:
    future = a_future(a_ban("ban"), changed(PAUSE, SOURCED, probability=0.5), evidence=EVIDENCE)
    u, effect = chances("pause"), unseen("ban")
    moved = column(m2030_10=0.5, m2030_11=1.0) - column(m2030_09=0.5, m2030_10=1.0)
    found = change(future, amend=[{"event": "pause", "ended": "2030-09-30"}])
    same(found, np.outer(moved, np.where(u < 0.5, effect, 0.0)))


@pytest.mark.parametrize(("days", "levels"), [(30, {"m2030_10": -0.5}), (31, {"m2030_10": -0.5, "m2030_11": 0.0})])
def test_so_many_days_more_are_counted_from_the_last_day_that_is_set(days: int, levels: dict[str, float]) -> None:
    """31 August and 30 days are 30 September, whose month is whole; a day more is October."""
    ban = a_ban("ban", ended=date(2030, 8, 31))
    future = a_future(ban, effects=[an_effect(ban, end=np.datetime64("2030-08-31"))])
    same(logs(future), column(m2030_07=-0.5, m2030_09=0.0)[:, None])
    until = {30: column(m2030_09=-0.5, m2030_10=0.0), 31: column(m2030_09=-0.5, m2030_11=0.0)}[days]
    same(change(future, amend=[{"event": "ban", "extend_days": days}]), until[:, None])
    assert levels


def test_a_term_that_was_prolonged_already_is_prolonged_from_there() -> None:
    more = an_event(
        "more", announced=TRAINED, effective=TRAINED, ended=date(2030, 9, 30), acts=(Act("extends", "pause"),)
    )
    future = a_future(a_ban("ban"), PAUSE, more)
    event_scenario = event_scenario_of(future, amend=[{"event": "pause", "extend_days": 31}])
    assert event_scenario.version.events["pause"].ended == date(2030, 10, 31)


def test_the_term_of_what_has_not_begun_or_is_suspended_is_its_own() -> None:
    coming = a_ban("ban", effective=date(2030, 9, 1), ended=date(2031, 3, 31))
    assert amended(coming, extend_days=30) == replace(coming, ended=date(2031, 4, 30))
    held = replace(coming, effective=date(2030, 2, 1))
    event_scenario = event_scenario_of(a_future(held, PAUSE), amend=[{"event": "ban", "extend_days": 30}])
    assert event_scenario.version.events["ban"].ended == date(2031, 4, 30)
    stop = an_event("stop", announced=TRAINED, effective=date(2030, 12, 1), acts=(Act("terminates", "ban"),))
    event_scenario = event_scenario_of(a_future(held, stop), amend=[{"event": "ban", "extend_days": 30}])
    assert event_scenario.version.events["ban"].ended == date(2030, 12, 30)
    future = a_future(a_ban("ban"), PAUSE)
    assert refused(future, amend=[{"event": "ban", "extend_days": 9}]) == {
        "scenarios.0.amend.0.extend_days": "an event with an end; ban has none"
    }


def amended(event: Event, **facts: object) -> Event | None:
    version = event_scenario_of(a_future(event), amend=[{"event": event.event_id} | facts]).version
    found: Event | None = version.events.get(event.event_id)
    return found


def test_an_amended_event_has_the_facts_that_are_said_and_keeps_the_others() -> None:
    ban = a_ban("ban", ended=date(2030, 12, 31), end_known=date(2030, 7, 1))
    assert amended(ban, effective="2030-09-01") == replace(ban, effective=date(2030, 9, 1))
    assert amended(ban, ended="2031-03-31") == replace(ban, ended=date(2031, 3, 31), end_known=None)
    assert amended(ban, announced="2030-01-20") == replace(ban, announced=date(2030, 1, 20))
    late = amended(replace(ban, effective=date(2030, 9, 1)), announced="2030-08-01")
    assert late == replace(ban, effective=date(2030, 9, 1), announced=AS_OF)
    assert amended(ban) == ban
    assert event_scenario_of(a_future(ban), amend=[{"event": "ban"}]).version.changed == frozenset()


@pytest.mark.parametrize(
    ("status", "then"), [("lapsed", "enacted"), ("withdrawn", "enacted"), ("suspended", "suspended")]
)
def test_what_was_over_and_gets_another_end_is_in_force_until_then(status: str, then: str) -> None:
    over = a_ban("ban", status=status, ended=date(2030, 5, 31), end_known=date(2030, 6, 1))
    found = amended(over, ended="2030-10-31")
    assert found == replace(over, status=then, ended=date(2030, 10, 31), end_known=None)
    later = date(2030, 7, 10)
    assert amended(over, ended=str(later)) == replace(over, status=then, ended=later, end_known=None)
    assert (amended(over, announced="2030-01-05") or over).status == status


def test_what_is_said_is_in_order_and_what_the_catalogue_knows_is_left_as_it_is() -> None:
    ban = a_ban("ban", announced=date(2030, 3, 1))  # effective before it was announced
    future = a_future(ban)
    assert event_scenario_of(future, amend=[{"event": "ban", "ended": "2030-02-01"}]).version.changed == {"ban"}
    place = "scenarios.0.amend.0"
    assert set(refused(future, amend=[{"event": "ban", "ended": "2030-01-31"}])) == {f"{place}.ended"}
    assert set(refused(future, amend=[{"event": "ban", "effective": "2030-02-28"}])) == {f"{place}.effective"}
    assert event_scenario_of(future, amend=[{"event": "ban", "effective": "2030-03-01"}]).version.changed == {"ban"}
    tomorrow = {"event": "ban", "announced": "2030-08-02", "effective": "2030-08-01"}
    assert set(refused(future, amend=[tomorrow])) == {f"{place}.effective"}


# -- rates -------------------------------------------------------------------------------------------------------------


def test_a_rate_acts_by_what_it_adds_to_the_rate_before() -> None:
    """From 10 to 35 has the effect: 60 has twice of it, 10 none."""
    duty = a_ban("duty", kind="tariff", value_before=10.0, value_after=35.0)
    future = a_future(duty, effects=[an_effect(duty)])
    for rate, left in ((60, -1.0), (35, -0.5), (22.5, -0.25), (10, 0.0)):
        same(change(future, amend=[{"event": "duty", "rate": rate}]), left + 0.5)
    rates = [{"from": "2030-09-01", "rate": 60}, {"from": "2030-11-16", "rate": 10}]
    same(
        change(future, amend=[{"event": "duty", "rates": rates}]),
        column(m2030_09=-0.5, m2030_11=0.0, m2030_12=0.5)[:, None],
    )


def test_the_rates_of_a_threat_are_measured_by_the_one_that_was_threatened() -> None:
    future = a_future(replace(THREAT, probability=None, value_before=0.0, value_after=20.0))
    rates = [{"from": "2030-09-01", "rate": 5}, {"from": "2030-12-01", "rate": 40}]
    take = {"branch": "threat", "rates": rates, "effect": percent(-50), "shape": "step"}
    same(change(future, take=[take]), column(m2030_09=HALF / 4, m2030_12=2 * HALF)[:, None])
    sooner = take | {"starts": "2030-08-01"}
    same(change(future, take=[sooner]), column(m2030_08=HALF / 4, m2030_12=2 * HALF)[:, None])


def test_an_event_without_a_rate_has_none_to_compare_with() -> None:
    quota = a_future(a_ban("quota"))
    assert set(refused(quota, amend=[{"event": "quota", "rate": 5}])) == {"scenarios.0.amend.0.rate"}


def test_every_part_of_a_scenario_is_counted_and_read() -> None:
    future = a_future(a_ban("ban"), a_ban("twin"))
    of_nothing = {"event": "ban", "effect": percent(-5, on="price.gem")}
    assert set(refused(future, amend=[of_nothing])) == {"scenarios.0.amend.0.effect"}
    ids = [f"e{k}" for k in range(13)]
    added = [{"event": f"new-{k}", "effective": "2030-09-01"} for k in range(13)]
    parts = {"add": added, "amend": [{"event": e} for e in ids], "take": [{"branch": e} for e in ids]}
    assert refused(future, **parts, remove=[f"r{k}" for k in range(12)]) == {"scenarios": "at most 50 in all scenarios"}
    assert "scenarios" not in refused(future, **parts, remove=[f"r{k}" for k in range(11)])
