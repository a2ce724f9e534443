"""What a scenario adds and takes becomes events, sizes and forks: each with its exact value in each draw."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecast.events import Act, Stringency
from tests.support.records import NOTHING_SAID, EventFacts, changed
from tests.support.small_world import (
    AS_OF,
    EVIDENCE,
    FLOW,
    HALF,
    LICENCE,
    TARIFF,
    THREAT,
    WEEKLY,
    a_ban,
    a_future,
    an_event,
    chances,
    change,
    column,
    event_scenario_of,
    logs,
    percent,
    random_numbers,
    refused,
    same,
    unseen,
)

PAUSE = an_event(
    "pause", kind="truce", effective=date(2030, 3, 1), ended=date(2030, 8, 31), acts=(Act("suspends", "ban"),)
)


def new(**more: object) -> dict[str, object]:
    """A measure of the user's that halves a volume from September on."""
    return {"event": "new", "effective": "2030-09-10", "shape": "step", "effect": percent(-50)} | more


# -- events of the user's own ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("announced", [{}, {"announced": "2030-07-01"}, {"announced": "2030-09-01"}])
def test_the_end_of_an_added_event_is_known_with_the_event(announced: dict[str, str]) -> None:
    found = change(a_future(), add=[new(ended="2030-11-30", **announced)])
    same(found, column(m2030_09=HALF, m2030_12=0.0)[:, None])


def test_plus_minus_is_in_points_of_the_level_without_the_event() -> None:
    """10 points about the 50 that are left are a fifth of them."""
    same(change(a_future(), add=[new(effect=percent(-50, 10))])[2], HALF + 0.2 * random_numbers("new"))
    same(change(a_future(), add=[new(effect=percent(100, 10))])[2], np.log(2) + 0.05 * random_numbers("new"))


@pytest.mark.parametrize("order", [1, -1])
def test_an_effect_on_the_series_goes_before_one_on_its_measure(order: int) -> None:
    both = list({"volume": {"percent": -50}, FLOW.series_id: {"percent": -20}}.items())[::order]
    same(change(a_future(), add=[new(effect=dict(both))]), column(m2030_09=float(np.log(0.8)))[:, None])


def test_an_added_event_without_a_stated_effect_does_what_its_kind_does() -> None:
    facts = {"event": "new", "effective": "2030-09-10", "minerals": ["ore"], "volume": "down"}
    built = column(m2030_09=0.5, m2030_10=1.0)
    future = a_future(evidence=EVIDENCE)
    same(change(future, add=[facts | {"flows": ["CHN>WLD"]}]), np.outer(built, unseen("new", LICENCE)))
    tariff = facts | {"flows": ["CHN>USA"], "kind": "tariff"}
    same(change(future, add=[tariff]), 0.6 * np.outer(built, unseen("new", TARIFF)))
    assert not change(future, add=[facts | {"flows": ["USA>CHN"]}]).any()


def test_each_added_event_counts_beside_what_is_known_and_beside_others() -> None:
    ban = a_ban("ban", effective=date(2030, 9, 1))
    facts = {"effective": "2030-09-10", "minerals": ["ore"], "volume": "down", "flows": ["CHN>WLD"]}
    found = change(a_future(ban, evidence=EVIDENCE), add=[facts | {"event": name} for name in ("x", "y")])
    same(found, np.outer(column(m2030_09=0.5, m2030_10=1.0), unseen("x", LICENCE) + unseen("y", LICENCE)))


def test_an_added_event_is_recorded_as_it_was_told() -> None:
    result = new(
        announced="2030-07-14", ended="2031-01-31", rate=30, title="A title", kind="licence", price="up", volume="down",
        minerals=["ore"], flows=["CHN>USA", "WLD>JPN"],
    )  # fmt: skip
    expected = changed(
        replace(NOTHING_SAID, event_id="new", title="A title"), kind="licence", announced=date(2030, 7, 14),
        effective=date(2030, 9, 10), ended=date(2031, 1, 31), date_precision="day", status="enacted", value_after=30.0,
        minerals=["ore"], flows=[("CHN", "USA"), ("WLD", "JPN")], price_world="up", price_local="up", volume="down",
    )  # fmt: skip
    assert event_scenario_of(a_future(), add=[result]).version.events["new"] == expected


def test_what_is_announced_and_effective_today_acts_from_this_period_on() -> None:
    today = {"announced": str(AS_OF), "effective": str(AS_OF)}
    same(change(a_future(), add=[new(**today)]), HALF)
    one_day = new(**today, ended=str(AS_OF))
    same(change(a_future(), add=[one_day]), column(m2030_07=HALF, m2030_08=0.0)[:, None])
    late = new(announced="2030-07-16", effective=str(AS_OF))
    assert refused(a_future(), add=[late]) == {
        "scenarios.0.add.0.effective": "a day from 2030-07-16 on, when it is announced"
    }


# -- licences ----------------------------------------------------------------------------------------------------------

APPROVED = {"approval": 0.75, "delay_months": 2}


def test_an_added_licence_is_full_for_its_delay_and_then_what_is_not_approved_stays() -> None:
    licence = new(licence=APPROVED, shape=None)
    same(change(a_future(), add=[licence]), column(m2030_09=HALF, m2030_11=float(np.log(1 - 0.25 * 0.5)))[:, None])


def test_the_delay_of_a_licence_is_in_months_whatever_the_periods_and_a_shape_is_in_periods() -> None:
    """Two months are nine weeks."""
    weekly = a_future(series=WEEKLY, last=np.datetime64("2030-06-24"))
    levels = np.where(np.arange(12) < 9, HALF, float(np.log(1 - 0.25 * 0.5)))
    same(change(weekly, add=[new(effective="2030-07-03", licence=APPROVED, shape=None)]), levels[:, None])
    levels = np.where(np.arange(12) < 2, HALF, float(np.log(1 - 0.25 * 0.5)))
    same(change(weekly, add=[new(effective="2030-07-03", shape="licence-2-0.75")]), levels[:, None])


def test_a_licence_without_a_stated_effect_does_what_its_kind_does() -> None:
    licence = a_ban("ban")
    future = a_future(licence, evidence=EVIDENCE)
    found = change(future, amend=[{"event": "ban", "licence": {"approval": 0.75, "delay_months": 6}}])
    whole = unseen("ban")
    same(found, np.outer(column(m2030_08=1.0), np.log(0.75 + 0.25 * np.exp(whole)) - whole))


def test_what_returns_with_a_branch_may_be_a_licence() -> None:
    future = a_future(replace(THREAT, probability=None))
    take = {"branch": "threat", "effect": percent(-50), "licence": APPROVED}
    same(change(future, take=[take]), column(m2030_09=HALF, m2030_11=float(np.log(1 - 0.25 * 0.5)))[:, None])


def test_a_licence_is_stated_in_one_way_and_its_rate_of_approval_is_no_rate_of_its_effect() -> None:
    both = new(licence=APPROVED, shape="step")
    assert refused(a_future(), add=[both]) == {"scenarios.0.add.0": "`shape` or `licence`, not both"}
    lacking = new(licence={"approval": 1.5}, shape=None)
    assert set(refused(a_future(), add=[lacking])) == {
        "scenarios.0.add.0.licence.approval",
        "scenarios.0.add.0.licence.delay_months",
    }
    terms: EventFacts = {"kind": "licence", "value_after": 60.0, "value_unit": "% approved", "value_text": "3 months"}
    expected = "an event with a known rate; state its `effect` instead"
    rated = {"event": "ban", "rate": 80}
    assert refused(a_future(a_ban("ban", terms)), amend=[rated]) == {"scenarios.0.amend.0.rate": expected}


# -- slips and branches ------------------------------------------------------------------------------------------------


def test_months_of_slips_fall_into_weeks_on_the_same_day_of_the_month() -> None:
    """31 July is in the fifth week, 31 August in the ninth, 30 September beyond the last."""
    future = a_future(series=WEEKLY, last=np.datetime64("2030-06-24"))
    assert [str(day) for day in future.ds[[0, 4, 8, 11]]] == ["2030-07-01", "2030-07-29", "2030-08-26", "2030-09-16"]
    u, expected = chances("new"), np.zeros((12, 400))
    expected[4:, u < 1 / 3] = HALF
    expected[8:, (u >= 1 / 3) & (u < 2 / 3)] = HALF
    found = event_scenario_of(future, add=[new(effective="2030-07-31", slips=[0, 2])])
    same(future.given(found).change, expected)
    days = [version.events["new"].effective for version in found.chance_nodes[0].alternatives]
    assert days == [date(2030, 7, 31), date(2030, 8, 31), date(2030, 9, 30)]


@pytest.mark.parametrize(
    ("effective", "slips", "days"),
    [
        ("2030-11-30", [2, 4], [date(2031, 1, 30), date(2031, 2, 28), date(2031, 3, 30)]),
        ("2031-11-29", [3, 3], [date(2032, 2, 29)]),
        ("2030-09-15", [-1, 0], [date(2030, 8, 15), date(2030, 9, 15)]),
    ],
)
def test_a_slip_keeps_the_day_of_the_month_or_takes_its_last(
    effective: str, slips: list[int], days: list[date]
) -> None:
    (node,) = event_scenario_of(a_future(), add=[new(effective=effective, slips=slips)]).chance_nodes
    assert [version.events["new"].effective for version in node.alternatives] == days
    assert (node.key, node.probability) == ("new", 1.0)


def test_slips_of_an_event_of_the_catalogue_move_it_draw_by_draw() -> None:
    future = a_future(a_ban("ban", effective=date(2030, 9, 1)), evidence=EVIDENCE)
    early = chances("ban") < 0.5
    september, october = column(m2030_09=0.5, m2030_10=1.0), column(m2030_10=0.5, m2030_11=1.0)
    found = change(future, amend=[{"event": "ban", "slips": [0, 1]}])
    same(found, np.where(early, 0.0, np.outer(october - september, unseen("ban"))))


def test_a_branch_with_a_probability_and_slips_comes_in_that_share_of_the_draws_at_each_date_alike() -> None:
    future = a_future(replace(THREAT, probability=None))
    take = {"branch": "threat", "probability": 0.4, "slips": [0, 3], "effect": percent(-50), "shape": "step"}
    u, expected = chances("threat"), np.zeros((12, 400))
    for k in range(4):
        expected[2 + k :, (0.1 * k <= u) & (u < 0.1 * (k + 1))] = HALF
    same(change(future, take=[take]), expected)
    del take["probability"]
    sure = np.zeros((12, 400))
    for k in range(4):
        sure[2 + k :, (u >= k / 4) & (u < (k + 1) / 4)] = HALF
    same(change(future, take=[take]), sure)


@pytest.mark.parametrize(("probability", "share"), [(0.0, 0.0), (0.25, 0.25), (1.0, 1.0), (None, 1.0)])
def test_a_branch_is_taken_with_its_probability_and_for_certain_without(
    probability: float | None, share: float
) -> None:
    take = {"branch": "threat", "probability": probability, "effect": percent(-50), "shape": "step"}
    found = change(a_future(replace(THREAT, probability=None)), take=[take])
    same(found, np.outer(column(m2030_09=HALF), chances("threat") < share))


@pytest.mark.parametrize(("unit", "family"), [("ad valorem %", TARIFF), ("t", LICENCE)])
def test_a_threat_that_is_taken_does_what_events_of_its_kind_do(unit: str, family: Stringency) -> None:
    future = a_future(replace(THREAT, value_unit=unit, probability=None), evidence=EVIDENCE)
    found = change(future, take=[{"branch": "threat"}])
    same(found, np.outer(column(m2030_09=0.5, m2030_10=1.0), unseen("threat", family)))


@pytest.mark.parametrize(("probability", "share"), [(None, 1.0), (0.4, 0.4)])
def test_a_branch_that_is_taken_adds_to_what_the_scenario_adds_and_to_what_is_known(
    probability: float | None, share: float
) -> None:
    known = a_ban("ban", effective=date(2030, 9, 1))
    future = a_future(known, replace(THREAT, probability=None), evidence=EVIDENCE)
    found = change(future, add=[new()], take=[{"branch": "threat", "probability": probability}])
    taken = np.where(chances("threat") < share, unseen("threat", TARIFF), 0.0)
    same(found, column(m2030_09=HALF)[:, None] + np.outer(column(m2030_09=0.5, m2030_10=1.0), taken))


def test_a_branch_of_the_baseline_is_not_taken_twice() -> None:
    """In the draws that take it anyway nothing changes; with a lower probability some do not take it any more."""
    future = a_future(THREAT, evidence=EVIDENCE)
    u, built = chances("threat"), column(m2030_09=0.5, m2030_10=1.0)
    effect = np.outer(built, unseen("threat", TARIFF))
    same(logs(future), np.where(u < 0.3, effect, 0.0))
    for probability in (0.1, 0.3, 0.6, None):
        found = change(future, take=[{"branch": "threat", "probability": probability}])
        same(found, np.where(u < (probability or 1), effect, 0.0) - np.where(u < 0.3, effect, 0.0))
    assert not change(future).any()
    stated = change(future, take=[{"branch": "threat", "probability": 0.3, "effect": percent(-50)}])
    same(stated, np.where(u < 0.3, built[:, None] * HALF - effect, 0.0))


def test_a_branch_of_the_baseline_stays_in_a_scenario_of_something_else() -> None:
    future = a_future(THREAT, evidence=EVIDENCE)
    same(change(future, add=[new()]), column(m2030_09=HALF)[:, None])
    taken_away = change(future, remove=["threat"])
    same(taken_away, -logs(future))


def test_a_branch_comes_on_the_day_asked_for_or_of_its_first_rate_or_on_its_own() -> None:
    future = a_future(replace(THREAT, probability=None))
    message = {"branch": "threat", "effect": percent(-50), "shape": "step"}
    rates = [{"from": "2030-11-01", "rate": 10}, {"from": "2031-02-01", "rate": 20}]
    same(change(future, take=[message]), column(m2030_09=HALF)[:, None])
    same(change(future, take=[message | {"rates": rates}]), column(m2030_11=HALF, m2031_02=2 * HALF)[:, None])
    sooner = change(future, take=[message | {"rates": rates, "starts": "2030-10-01"}])
    same(sooner, column(m2030_10=HALF, m2031_02=2 * HALF)[:, None])
    undated = a_future(replace(THREAT, probability=None, effective=None))
    same(change(undated, take=[message]), HALF)


def test_what_a_suspension_holds_comes_back_once_under_either_name() -> None:
    back = an_event("back", kind="threat", status="threatened", acts=(Act("terminates", "pause"),))
    ban = a_ban("ban")
    future = a_future(ban, PAUSE, back, a_ban("twin"), evidence=EVIDENCE)
    for name in ("pause", "back"):
        found = change(future, take=[{"branch": name}])
        same(found, np.outer(column(m2030_09=0.5, m2030_10=1.0), unseen("ban")))
        stated = {"branch": name, "effect": percent(-50), "shape": "step"}
        same(change(future, take=[stated]), column(m2030_09=HALF)[:, None])
        drawn = change(future, take=[stated | {"probability": 0.4}])
        same(drawn, np.outer(column(m2030_09=HALF), chances("pause") < 0.4))
    (expected,) = refused(future, take=[{"branch": "ban"}]).values()
    assert expected == "a known open branch; nearest: back"


def test_all_that_one_branch_brings_back_is_one_episode() -> None:
    """Two measures held by one suspension: the wider counts, and what is stated of the branch is stated once."""
    both = replace(PAUSE, acts=(Act("suspends", "ban"), Act("suspends", "minor")))
    future = a_future(a_ban("ban"), a_ban("minor", minerals=("metal",)), both, evidence=EVIDENCE)
    same(change(future, take=[{"branch": "pause"}]), np.outer(column(m2030_09=0.5, m2030_10=1.0), unseen("ban")))
    stated = change(future, take=[{"branch": "pause", "effect": percent(-50), "shape": "step"}])
    same(stated, column(m2030_09=HALF)[:, None])


def test_the_first_rate_of_an_added_event_has_its_effect_and_the_next_act_in_proportion() -> None:
    rates = [{"from": "2030-09-01", "rate": 10}, {"from": "2030-12-01", "rate": 5}]
    same(change(a_future(), add=[new(rates=rates)]), column(m2030_09=HALF, m2030_12=HALF / 2)[:, None])
    same(change(a_future(), add=[new(rate=10)]), column(m2030_09=HALF)[:, None])
    assert refused(a_future(), add=[new(rates=[{"from": "2030-09-01", "rate": 0}])]) == {
        "scenarios.0.add.0.rates": "a first rate other than 0"
    }


def test_whoever_asks_may_give_up_before_each_version_of_the_events() -> None:
    future, looks = a_future(), 0
    event_scenario = event_scenario_of(future, add=[new(slips=[0, 8])])

    def patience() -> None:
        nonlocal looks
        looks += 1
        if looks > 4:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        future.given(event_scenario, patience)
    assert looks == 5
