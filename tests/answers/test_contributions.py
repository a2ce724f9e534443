"""What each event adds to the draws, period by period and draw by draw, against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Unpack

import numpy as np
import pytest

from forecast.answers.event_priors import Evidence
from forecast.answers.event_versions import Assumption, ChanceNode, EventScenario
from forecast.answers.new_contributions import NewContribution, merged
from forecast.effects import EpisodeEffect
from forecast.effects.affected import Affected
from forecast.effects.event_classes import Size
from forecast.events import Act, Event
from forecast.interventions import Decay, Licence, Ramp, Step
from forecast.timeseries.series import Floats
from tests.support.records import EventFacts, changed
from tests.support.small_world import (
    AS_OF,
    BAN,
    EVIDENCE,
    FLOW,
    LAST,
    LICENCE,
    MONTHS,
    OTHER,
    PRICE,
    TARIFF,
    THREAT,
    TRAINED,
    WEEKLY,
    N,
    a_ban,
    a_future,
    an_effect,
    an_event,
    chances,
    column,
    licensed,
    logs,
    random_numbers,
    same,
    seen,
    unseen,
)

# -- coming events -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effective", "levels"),
    [
        (date(2030, 5, 31), {}),
        (date(2030, 6, 1), {"m2030_07": 0.5}),  # the half of June is in the last observation
        (date(2030, 6, 30), {"m2030_07": 0.5}),
        (date(2030, 7, 1), {"m2030_07": 0.5, "m2030_08": 1.0}),
        (date(2030, 7, 31), {"m2030_07": 0.5, "m2030_08": 1.0}),
        (date(2030, 8, 1), {"m2030_08": 0.5, "m2030_09": 1.0}),
    ],
)
def test_a_coming_event_builds_up_over_two_periods_from_that_of_its_day(
    effective: date, levels: dict[str, float]
) -> None:
    future = a_future(a_ban("ban", effective=effective), evidence=EVIDENCE)
    same(logs(future), np.outer(column(**levels), unseen("ban")))


@pytest.mark.parametrize(
    ("ended", "levels"),
    [
        (date(2030, 9, 30), {"m2030_08": 0.5, "m2030_09": 1.0, "m2030_10": 0.0}),
        (date(2030, 10, 1), {"m2030_08": 0.5, "m2030_09": 1.0, "m2030_11": 0.0}),
    ],
)
def test_the_period_of_its_last_day_is_whole(ended: date, levels: dict[str, float]) -> None:
    future = a_future(a_ban("ban", effective=date(2030, 8, 1), ended=ended), evidence=EVIDENCE)
    same(logs(future), np.outer(column(**levels), unseen("ban")))


def test_what_ends_on_a_sunday_is_over_on_the_monday() -> None:
    """By business days: 1 July is a Monday, and two months are 43 days."""
    ban = a_ban("ban", effective=date(2030, 7, 1), ended=date(2030, 7, 7))
    daily = replace(FLOW, freq="B")
    future = a_future(ban, series=daily, last=np.datetime64("2030-06-28"), evidence=EVIDENCE)
    days = np.array([1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0]) / 43
    same(logs(future), np.outer(days, unseen("ban")))


@pytest.mark.parametrize(
    ("ended", "levels"),
    [
        (date(2030, 5, 31), {}),
        (date(2030, 6, 1), {"m2030_07": -1.0}),
        (date(2030, 6, 30), {"m2030_07": -1.0}),
        (date(2030, 7, 1), {"m2030_08": -1.0}),
        (date(2030, 8, 31), {"m2030_09": -1.0}),
        (date(2031, 7, 1), {}),
    ],
)
def test_what_is_in_force_and_outside_the_record_is_missed_after_its_end(ended: date, levels: dict[str, float]) -> None:
    future = a_future(a_ban("ban", ended=ended), evidence=EVIDENCE)
    same(logs(future), np.outer(column(**levels), unseen("ban")))


def test_an_event_is_known_on_the_day_of_its_announcement_and_acts_at_once() -> None:
    ban = a_ban("ban", announced=AS_OF, effective=AS_OF)
    same(logs(a_future(ban, evidence=EVIDENCE)), np.outer(column(m2030_07=0.5, m2030_08=1.0), unseen("ban")))
    assert (a_future(ban, as_of=date(2030, 7, 14), evidence=EVIDENCE).draws == 1).all()


def test_mean_and_spread_go_by_how_squarely_it_hits_and_the_mean_by_its_direction() -> None:
    up = column(m2030_09=0.5, m2030_10=1.0)
    whole: EventFacts = {"effective": date(2030, 9, 1)}
    same(logs(a_future(a_ban("ban", whole, minerals=("metal",)), evidence=EVIDENCE)), 0.9 * np.outer(up, unseen("ban")))
    more = a_future(a_ban("ban", whole, volume="up"), evidence=EVIDENCE)
    same(logs(more), np.outer(up, unseen("ban", direction=1)))
    tariff = a_future(a_ban("ban", whole, kind="tariff"), evidence=EVIDENCE)
    same(logs(tariff), np.outer(up, unseen("ban", TARIFF)))
    assert (a_future(a_ban("ban", whole, minerals=("gem",)), evidence=EVIDENCE).draws == 1).all()


def test_a_coming_event_is_not_in_its_own_prior() -> None:
    own = Evidence((*EVIDENCE.likelihoods, replace(seen(BAN, 3.0)[0], events=("ban",))), "y")
    ban = a_ban("ban", effective=date(2030, 9, 1))
    assert np.array_equal(a_future(ban, evidence=own).draws, a_future(ban, evidence=EVIDENCE).draws)


def test_only_the_strongest_of_an_episode_counts_and_of_two_episodes_both() -> None:
    strong, weak = a_ban("b", effective=date(2030, 9, 1)), a_ban("a", effective=date(2030, 9, 20), minerals=("metal",))
    september, october = column(m2030_09=0.5, m2030_10=1.0), column(m2030_10=0.5, m2030_11=1.0)
    same(logs(a_future(strong, weak, evidence=EVIDENCE)), np.outer(september, unseen("b")))
    later = replace(weak, effective=date(2030, 10, 1))
    both = np.outer(september, unseen("b")) + 0.9 * np.outer(october, unseen("a"))
    same(logs(a_future(strong, later, evidence=EVIDENCE)), both)
    other_way = replace(weak, volume="up")
    both = np.outer(september, unseen("b") + 0.9 * unseen("a", direction=1))
    same(logs(a_future(strong, other_way, evidence=EVIDENCE)), both)


def test_the_end_of_one_and_the_start_of_its_opposite_are_one_episode() -> None:
    ending, relief = a_ban("a", ended=date(2030, 8, 31)), a_ban("b", effective=date(2030, 9, 1), volume="up")
    weaker = changed(relief, minerals=("metal",))
    same(logs(a_future(ending, weaker, evidence=EVIDENCE)), np.outer(column(m2030_09=-1.0), unseen("a")))


def test_the_strongest_is_the_widest_at_its_highest_level_whichever_way_it_goes() -> None:
    low, deep = (
        NewContribution(name, Size(*size), column, ("e",))
        for name, size, column in (("low", (0.9, 0.2), (0.0, 0.5)), ("deep", (0.0, 0.15), (0.0, -1.0)))
    )
    apart = NewContribution("apart", Size(0.0, 0.01), (0.0, 0.1), ("f",))
    assert merged([low, deep, apart]) == [deep, apart]
    assert merged([replace(low, column=(0.0, 0.8)), deep]) == [replace(low, column=(0.0, 0.8))]


def test_what_acts_on_another_is_in_the_path_of_that_one() -> None:
    ban = a_ban("ban")
    stop = a_ban("stop", effective=date(2030, 9, 10), acts=(Act("terminates", "ban"),))
    future = a_future(ban, stop, evidence=EVIDENCE)
    same(logs(future), np.outer(column(m2030_10=-1.0), unseen("ban")))
    message = EventScenario(future.known, {"stop": Assumption(sizes=(("volume", -0.25, 0.0),))})
    same(future.given(message).change, column(m2030_09=-0.125, m2030_10=-0.25)[:, None])


def test_an_act_in_the_last_period_takes_its_target_away_from_the_next_one_on() -> None:
    stop = a_ban("stop", effective=date(2030, 6, 15), acts=(Act("terminates", "ban"),))
    future = a_future(a_ban("ban"), stop, evidence=EVIDENCE)
    same(logs(future), -np.ones((12, 1)) * unseen("ban"))


def test_what_is_known_to_come_is_not_counted_again_when_a_branch_brings_it_back() -> None:
    """In force in August, held from September on: what a return in December adds is the return."""
    ban = a_ban("ban", effective=date(2030, 8, 1))
    pause = an_event("pause", effective=date(2030, 9, 1), ended=date(2030, 11, 30), acts=(Act("suspends", "ban"),))
    future = a_future(ban, pause, evidence=EVIDENCE)
    same(logs(future), np.outer(column(m2030_08=0.5, m2030_09=0.0), unseen("ban")))
    (branch,) = future.branches
    taken = EventScenario(future.known.taking(branch, date(2030, 12, 1)), {"ban": Assumption(group="pause")})
    same(future.given(taken).change, np.outer(column(m2030_12=0.5, m2031_01=1.0), unseen("ban")))
    message = {"ban": Assumption(group="pause", sizes=(("volume", -0.5, 0.0),))}
    whole = column(m2030_08=-0.25, m2030_09=0.0, m2030_12=-0.25, m2031_01=-0.5)[:, None]
    same(future.given(EventScenario(taken.version, message)).change, whole - logs(future))


def test_what_a_scenario_puts_into_the_past_is_felt_from_the_first_period_on() -> None:
    later = a_ban("ban", effective=date(2030, 9, 1))
    future = a_future(later, evidence=EVIDENCE)
    sooner = EventScenario(future.known.edited([replace(later, effective=date(2030, 3, 1))]))
    moved = column(m2030_07=0.5, m2030_08=1.0) - column(m2030_09=0.5, m2030_10=1.0)
    same(future.given(sooner).change, np.outer(moved, unseen("ban")))


@pytest.mark.parametrize(("effective", "left"), [(date(2030, 2, 1), 0.0), (date(2030, 6, 15), 0.5)])
def test_what_is_in_force_at_the_last_observation_is_in_it_as_far_as_it_has_built_up(
    effective: date, left: float
) -> None:
    ban = a_ban("ban", effective=effective)
    future = a_future(ban, evidence=EVIDENCE)
    same(logs(future), left * unseen("ban")[None, :])
    same(future.given(EventScenario(future.known.edited(removed={"ban"}))).change, -unseen("ban")[None, :])
    half = Assumption(levels=((np.datetime64("2030-09-01"), 1.0), (np.datetime64("2030-09-16"), 0.5)))
    same(
        future.given(EventScenario(future.known, {"ban": half})).change,
        np.outer(column(m2030_09=-0.25, m2030_10=-0.5), unseen("ban")),
    )


def test_what_was_over_at_the_last_observation_builds_up_again_if_it_is_prolonged() -> None:
    ban = a_ban("ban", ended=date(2030, 5, 31))
    future = a_future(ban, evidence=EVIDENCE)
    longer = EventScenario(future.known.edited([replace(ban, ended=date(2030, 8, 31))]))
    same(future.given(longer).change, np.outer(column(m2030_07=0.5, m2030_08=1.0, m2030_09=0.0), unseen("ban")))


def test_sizes_hang_on_the_series_and_choices_do_not() -> None:
    ban = a_ban("ban", effective=date(2030, 7, 1), minerals=("ore", "gem"))
    flow, other = (a_future(ban, series=series, evidence=EVIDENCE) for series in (FLOW, OTHER))
    same(logs(flow)[-1], unseen("ban"))
    same(logs(other)[-1], unseen("ban", series=OTHER))
    assert not np.allclose(flow.draws[-1], other.draws[-1])
    for future in (flow, other):
        np.testing.assert_array_equal(future.uniform("ban"), chances("ban"))


def test_parts_are_summed_in_the_order_of_their_names() -> None:
    """Bit for bit: an event of the record comes last here, though it is no coming event."""
    sizes = {"a": 0.1, "b": 0.2, "z": 0.3}
    past = a_ban("z")
    future = a_future(past, effects=[an_effect(past, size=0.25)])
    new = [a_ban(name, effective=date(2030, 7, 1)) for name in ("b", "a")]
    message = {name: Assumption(shape=Step(), sizes=(("volume", size, 0.0),)) for name, size in sizes.items()}
    for order in (new, new[::-1]):
        change = future.given(EventScenario(future.known.edited(order), message)).change
        expected = (0.1 + 0.2) + (0.3 - 0.25)
        assert expected != ((0.3 - 0.25) + 0.1) + 0.2
        assert (change == expected).all()


# -- events of the record ----------------------------------------------------------------------------------------------

ONE = a_ban("one")
TWO = a_ban("two", flows=(("CHN", "USA"),))  # hits exports to the world with .6


def test_each_event_of_an_episode_has_the_share_of_its_exposure() -> None:
    future = a_future(ONE, TWO, effects=[an_effect(ONE, TWO)])
    same(logs(future), -0.5)
    for event_id, share in (("one", 1 / 1.6), ("two", 0.6 / 1.6)):
        same(future.given(EventScenario(future.known.edited(removed={event_id}))).change, 0.5 * share)
    same(future.given(EventScenario(future.known.edited(removed={"one", "two"}))).change, 0.5)
    halved = Assumption(levels=((np.datetime64("2030-01-01"), 0.5),))
    same(future.given(EventScenario(future.known, {"two": halved})).change, 0.25 * 0.6 / 1.6)


def test_events_that_no_longer_touch_the_series_share_evenly() -> None:
    gems = [a_ban(name, minerals=("gem",)) for name in ("a", "b")]
    future = a_future(*gems, effects=[an_effect(*gems)])
    same(future.given(EventScenario(future.known.edited(removed={"a"}))).change, 0.25)


def test_a_stated_effect_takes_the_place_of_the_share_and_not_of_the_episode() -> None:
    future = a_future(ONE, TWO, effects=[an_effect(ONE, TWO)])
    message = Assumption(sizes=(("volume", -0.7, 0.1),))
    same(
        future.given(EventScenario(future.known, {"two": message})).change,
        (-0.7 + 0.1 * random_numbers("two") + 0.5 * 0.6 / 1.6)[None, :],
    )


UNCLEAR = np.tile([0.5, -0.5], N // 2)


@pytest.mark.parametrize(("size", "after"), [(-0.5, 0.0), (UNCLEAR, 0.0)], ids=["clear", "unclear"])
def test_an_end_told_after_the_training_moves_a_forecast_by_a_clear_effect_only(
    size: float | Floats, after: float
) -> None:
    ban = a_ban("ban", ended=date(2030, 9, 30), end_known=date(2030, 7, 12))
    clear = isinstance(size, float)
    before = -0.5 if clear else 0.0
    result = a_future(ban, effects=[an_effect(ban, size=size)])
    same(logs(result), column(m2030_07=before, m2030_10=after)[:, None])
    untold = a_future(ban, effects=[an_effect(ban, size=size)], as_of=date(2030, 7, 11))
    same(logs(untold), before)
    assert not result.given(EventScenario(result.known.edited([ban]))).change.any()
    same(
        result.given(EventScenario(result.known.edited(removed={"ban"}))).change,
        -column(m2030_07=1.0, m2030_10=1.0 - clear)[:, None] * size,
    )


def test_asked_of_a_day_before_the_training_the_draws_go_by_what_was_known_then() -> None:
    ban = a_ban("ban", ended=date(2030, 9, 30), end_known=date(2030, 7, 8))
    before = a_future(ban, effects=[an_effect(ban)], as_of=date(2030, 7, 5))
    same(logs(before), -0.5)
    same(
        before.given(
            EventScenario(before.known.edited([replace(ban, ended=date(2030, 8, 31), end_known=None)]))
        ).change,
        column(m2030_09=0.5)[:, None],
    )


def test_prose_is_no_news() -> None:
    ban = a_ban("ban", status_as_of=date(2030, 7, 12), status_note="read again")
    future = a_future(ban, effects=[an_effect(ban)])
    assert not future._contributions._drifted
    other = a_future(replace(ban, ended=date(2031, 1, 1), end_known=AS_OF), effects=[an_effect(ban)])
    assert other._contributions._drifted == {"ban"}


def test_a_longer_term_keeps_the_effect_for_longer() -> None:
    ban = a_ban("ban", ended=date(2030, 9, 30))
    effect = an_effect(ban, end=np.datetime64("2030-09-30"))
    future = a_future(ban, effects=[effect])
    same(logs(future), column(m2030_07=-0.5, m2030_10=0.0)[:, None])
    longer = EventScenario(future.known.edited([replace(ban, ended=date(2030, 11, 30))]))
    same(future.given(longer).change, column(m2030_10=-0.5, m2030_12=0.0)[:, None])
    steps = ((np.datetime64("2030-02-01"), 1.0), (np.datetime64("2030-10-01"), 0.0))
    stepped = a_future(ban, effects=[an_effect(ban, intensity=steps)])
    same(stepped.given(longer).change, column(m2030_10=-0.5, m2030_12=0.0)[:, None])


def test_what_comes_back_after_a_suspension_builds_up_anew_and_not_before_its_day() -> None:
    ban = a_ban("ban")
    pause = an_event(
        "pause", kind="truce", announced=TRAINED, effective=date(2030, 9, 1), acts=(Act("suspends", "ban"),)
    )
    back = an_event("back", announced=TRAINED, effective=date(2030, 11, 1), acts=(Act("terminates", "pause"),))
    future = a_future(ban, effects=[an_effect(ban, shape=Ramp(2), lead=2)])
    change = future.given(EventScenario(future.known.edited([pause, back]))).change
    same(change, column(m2030_09=0.5, m2030_11=0.25, m2030_12=0.0)[:, None])


def test_a_shape_that_is_stated_of_a_measure_in_force_holds_what_is_left_of_it() -> None:
    """A decay of one half is at one sixteenth in the fifth month, June, and stays there."""
    future = a_future(ONE, effects=[an_effect(ONE)])
    same(future.given(EventScenario(future.known, {"one": Assumption(shape=Decay(0.5))})).change, 0.5 - 0.5 / 16)
    led = a_future(ONE, effects=[an_effect(ONE, lead=1)])
    same(led.given(EventScenario(led.known, {"one": Assumption(shape=Decay(0.5))})).change, 0.5 - 0.5 / 32)


def test_each_draw_has_its_own_way_of_acting() -> None:
    effect = an_effect(ONE)
    (step,) = effect.candidates
    ways, choice = (step, replace(step, shape=Decay(0.5))), np.arange(N, dtype=np.int16) % 2
    future = a_future(ONE, effects=[replace(effect, candidates=ways, choice=choice)])
    path = -0.5 * np.where(choice == 0, 1.0, 1 / 16)
    same(future.given(EventScenario(future.known.edited(removed={"one"}))).change, -path[None, :])
    shorter = EventScenario(future.known.edited([replace(ONE, ended=date(2030, 9, 30))]))
    same(future.given(shorter).change, np.outer(column(m2030_10=1.0), -path))
    halved = Assumption(levels=((np.datetime64("2030-01-01"), 0.5),))
    same(future.given(EventScenario(future.known, {"one": halved})).change, -0.5 * path[None, :])


def test_a_measure_that_began_in_the_last_period_is_in_force_in_it() -> None:
    ban = a_ban("ban", effective=date(2030, 6, 20))
    future = a_future(ban, effects=[an_effect(ban, shape=Decay(0.5))])
    shorter = EventScenario(future.known.edited([replace(ban, ended=date(2030, 7, 31))]))
    same(future.given(shorter).change, column(m2030_08=0.5)[:, None])


def test_an_episode_of_talk_stays_and_the_measure_comes_on_top() -> None:
    """Announced and never in force: what the talk did is in the data, what the measure will do is not."""
    talk = a_ban("ban", effective=None)
    future = a_future(talk, effects=[an_effect(a_ban("ban"))], evidence=EVIDENCE)
    same(logs(future), -0.5)
    held = a_ban("ban", effective=date(2030, 3, 1))
    pause = an_event("pause", acts=(Act("suspends", "ban"),))
    back = an_event("back", announced=AS_OF, effective=date(2030, 9, 1), acts=(Act("terminates", "pause"),))
    returned = a_future(held, pause, back, effects=[an_effect(a_ban("ban"))], evidence=EVIDENCE)
    same(logs(returned), -0.5 + np.outer(column(m2030_09=0.5, m2030_10=1.0), unseen("ban")))
    comes = EventScenario(future.known.edited([replace(talk, effective=date(2030, 9, 1))]))
    same(future.given(comes).change, np.outer(column(m2030_09=0.5, m2030_10=1.0), unseen("ban")))


# -- events of the record that have only begun -------------------------------------------------------------------------

FRESH = a_ban("ban", effective=date(2030, 6, 20))


def fresh(
    *events: Event, likelihood: tuple[float, float] | None = (-0.4, 0.1), identified: bool | None = None
) -> EpisodeEffect:
    """An episode of June that may as well have done nothing; ``likelihood``: what its own data say of it."""
    effect = an_effect(*(events or (FRESH,)), size=UNCLEAR)
    identified = effect.identified if identified is None else identified
    return replace(effect, likelihood=likelihood, identified=identified)


def posterior(weight: float = 1.0, estimate: float = -0.4, error: float = 0.1) -> tuple[float, float]:
    """Mean and sd of a supply measure that lowers volumes, by its kind and by its own data: two normal densities."""
    mean, sd, _ = EVIDENCE.prior(BAN, FLOW).towards(-1)
    mean, sd = weight * mean, weight * sd
    precision = 1 / sd**2 + 1 / error**2
    return (mean / sd**2 + estimate / error**2) / precision, precision**-0.5


def sized(size: tuple[float, float], event_id: str = "ban") -> Floats:
    """(N,) effects with this mean and sd."""
    return size[0] + size[1] * random_numbers(event_id)


@pytest.mark.parametrize(("minerals", "weight"), [(("ore",), 1.0), (("metal",), 0.9)])
def test_what_has_not_built_up_grows_by_its_kind_and_its_own_data(minerals: tuple[str, ...], weight: float) -> None:
    """Half of it is in June; the other half comes in July, and stays."""
    ban = changed(FRESH, minerals=minerals)
    future = a_future(ban, effects=[fresh(ban)], evidence=EVIDENCE)
    same(logs(future), 0.5 * sized(posterior(weight))[None, :])
    assert posterior(weight) != posterior(1.9 - weight)


@pytest.mark.parametrize("silent", [fresh(likelihood=None), fresh(identified=False)])
def test_where_its_own_data_are_silent_it_grows_by_its_kind_alone(silent: EpisodeEffect) -> None:
    future = a_future(FRESH, effects=[silent], evidence=EVIDENCE)
    same(logs(future), 0.5 * unseen("ban")[None, :])


def test_a_fresh_event_is_not_in_its_own_prior() -> None:
    own = Evidence((*EVIDENCE.likelihoods, replace(seen(BAN, 3.0)[0], events=("ban", "x"))), "y")
    found, expected = (logs(a_future(FRESH, effects=[fresh()], evidence=each)) for each in (own, EVIDENCE))
    same(found, expected)


def test_a_clear_effect_stays_as_it_stood_though_it_has_only_begun() -> None:
    clear = replace(an_effect(FRESH), likelihood=(-0.4, 0.1))
    future = a_future(FRESH, effects=[clear], evidence=EVIDENCE)
    same(logs(future), -0.5)
    assert future.notes == ()


def test_an_unclear_effect_that_has_built_up_adds_nothing() -> None:
    ban = replace(FRESH, effective=date(2030, 5, 31))
    future = a_future(ban, effects=[fresh(ban)], evidence=EVIDENCE)
    same(logs(future), 0.0)
    same(future.given(EventScenario(future.known.edited(removed={"ban"}))).change, -UNCLEAR[None, :])


def test_weeks_build_up_for_two_months() -> None:
    """Nine weeks: of an event in its fourth week at the last observation four ninths are there."""
    ban = replace(FRESH, effective=date(2030, 6, 5))
    effect = fresh(ban)
    future = a_future(ban, series=WEEKLY, last=np.datetime64("2030-06-24"), effects=[effect], evidence=EVIDENCE)
    mean, sd = posterior()
    grown = np.clip(np.arange(1, 13), 0, 5) / 9
    same(logs(future), np.outer(grown, mean + sd * random_numbers("ban", WEEKLY)))
    old = replace(FRESH, effective=date(2030, 5, 3))  # its ninth week
    future = a_future(old, series=WEEKLY, last=np.datetime64("2030-06-24"), effects=[fresh(old)], evidence=EVIDENCE)
    same(logs(future), 0.0)


def test_a_scenario_without_a_fresh_event_takes_all_of_it_out_once() -> None:
    future = a_future(FRESH, effects=[fresh()], evidence=EVIDENCE)
    gone = future.given(EventScenario(future.known.edited(removed={"ban"})))
    same(gone.change, -sized(posterior())[None, :])
    same(np.log(gone.draws.astype(float)), -0.5 * sized(posterior())[None, :])  # the half that June has
    assert gone.notes == future.notes, "it says what was taken out"


def test_a_fresh_event_that_ends_sooner_or_begins_later_is_counted_once() -> None:
    future = a_future(FRESH, effects=[fresh()], evidence=EVIDENCE)
    size = sized(posterior())
    sooner = EventScenario(future.known.edited([replace(FRESH, ended=date(2030, 8, 31))]))
    same(future.given(sooner).change, np.outer(column(m2030_09=-1.0), size))
    later = EventScenario(future.known.edited([replace(FRESH, effective=date(2030, 9, 1))]))
    path = column(m2030_07=-0.5, m2030_09=0.0, m2030_10=0.5)
    same(future.given(later).change, np.outer(path - 0.5, size))
    message = Assumption(sizes=(("volume", -0.7, 0.0),))
    same(future.given(EventScenario(future.known, {"ban": message})).change, 0.5 * (-0.7 - size)[None, :])


def test_of_an_episode_that_has_only_begun_the_event_that_hits_hardest_counts() -> None:
    one, two = replace(ONE, effective=FRESH.effective), replace(TWO, effective=FRESH.effective)
    future = a_future(one, two, effects=[fresh(one, two)], evidence=EVIDENCE)
    same(logs(future), 0.5 * sized(posterior(), "one")[None, :])
    rest = future.given(EventScenario(future.known.edited(removed={"one"})))
    same(rest.change, (0.5 * sized(posterior(0.6), "two") - sized(posterior(), "one"))[None, :])


def test_an_act_that_has_only_begun_is_in_the_path_of_what_it_acts_on() -> None:
    stop = replace(FRESH, event_id="stop", acts=(Act("suspends", "elsewhere"),))
    future = a_future(stop, effects=[fresh(stop)], evidence=EVIDENCE)
    same(logs(future), 0.0)


def test_what_was_suspended_within_days_is_talk_and_no_data_of_the_measure() -> None:
    """In force from 20 to 24 June: what June holds of it is gone in July, by its kind alone."""
    pause = an_event("pause", effective=date(2030, 6, 25), acts=(Act("suspends", "ban"),))
    future = a_future(FRESH, pause, effects=[fresh()], evidence=EVIDENCE)
    same(logs(future), -0.5 * unseen("ban")[None, :])


def test_a_fresh_event_is_told_with_its_own_data() -> None:
    future = a_future(replace(FRESH, certainty="background"), effects=[fresh()], evidence=EVIDENCE)
    prior = EVIDENCE.in_words(FRESH, FLOW)
    assert future.notes == (
        f"ban: {prior}; weighed with its own data so far: "
        f"{100 * np.expm1(-0.4):+.0f} %, give or take 10 % (one standard deviation)",
    )
    silent = a_future(FRESH, effects=[fresh(likelihood=None)], evidence=EVIDENCE)
    assert silent.notes == (f"ban: {prior}",)


# -- how far a record is believed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("certainty", "scale"), [("verified", 1.0), ("partly", 0.9), ("background", 0.8), ("", 1.0)])
def test_what_has_not_begun_counts_as_far_as_its_record_is_believed(certainty: str, scale: float) -> None:
    ban = a_ban("ban", effective=date(2030, 9, 1), certainty=certainty)
    future = a_future(ban, evidence=EVIDENCE)
    same(logs(future), scale * np.outer(column(m2030_09=0.5, m2030_10=1.0), unseen("ban")))
    (note,) = future.notes
    assert note.endswith(f"; times {scale:g}, as it is known from hearsay only") == (certainty == "background")
    assert ("times" in note) == (scale < 1)


def test_what_is_in_force_is_no_hearsay() -> None:
    ban = a_ban("ban", ended=date(2030, 8, 31), certainty="background")
    future = a_future(ban, evidence=EVIDENCE)
    same(logs(future), np.outer(column(m2030_09=-1.0), unseen("ban")))
    assert "scaled" not in future.notes[0]


# -- licences ----------------------------------------------------------------------------------------------------------


def a_licence(months: int, **facts: Unpack[EventFacts]) -> Event:
    """A licence of which three quarters are approved after so many months."""
    terms: EventFacts = {"value_after": 75.0, "value_unit": "% approved", "value_text": f"{months} months"}
    return a_ban("licence", {"kind": "licence"} | terms | facts)


def test_a_licence_that_comes_bites_at_once_and_is_granted_after_its_delay() -> None:
    future = a_future(a_licence(2, effective=date(2030, 8, 20)), evidence=EVIDENCE)
    whole = unseen("licence", LICENCE)
    bitten = np.outer(column(m2030_08=1.0, m2030_10=0.0), whole)
    same(logs(future), bitten + np.outer(column(m2030_10=1.0), licensed(whole, 0.75)))


@pytest.mark.parametrize(
    ("effective", "months", "since"),
    [
        (date(2030, 5, 2), 3, {"m2030_08": 1.0}),  # May, June, July; then they are granted
        (date(2030, 6, 30), 1, {"m2030_07": 1.0}),
        (date(2030, 2, 1), 4, {}),  # granted since June
        (date(2030, 2, 1), 3, {}),
        (date(2030, 2, 1), 12, {"m2031_02": 1.0}),
    ],
)
def test_a_licence_in_force_recovers_when_it_is_granted(effective: date, months: int, since: dict[str, float]) -> None:
    future = a_future(a_licence(months, effective=effective), evidence=EVIDENCE)
    whole = unseen("licence", LICENCE)
    same(logs(future), np.outer(column(**since), licensed(whole, 0.75) - whole))


def test_the_terms_of_a_licence_may_be_told_by_another_that_amends_it_and_then_does_nothing_itself() -> None:
    terms = replace(a_licence(2), event_id="terms", acts=(Act("amends", "licence"),), effective=date(2030, 7, 12))
    plain = replace(a_licence(2, effective=date(2030, 6, 20)), value_after=None, value_unit="", value_text="")
    told = a_future(plain, replace(terms, announced=date(2030, 7, 12)), evidence=EVIDENCE)
    same(logs(told), logs(a_future(a_licence(2, effective=date(2030, 6, 20)), evidence=EVIDENCE)))
    assert (logs(told) != logs(a_future(plain, evidence=EVIDENCE))).any()


def test_a_licence_that_was_granted_and_ends_gives_back_what_is_left_of_its_effect() -> None:
    future = a_future(a_licence(3, ended=date(2030, 8, 31)), evidence=EVIDENCE)
    same(logs(future), np.outer(column(m2030_09=1.0), -licensed(unseen("licence", LICENCE), 0.75)))
    removed = EventScenario(future.known.edited(removed={"licence"}))
    same(future.given(removed).change, np.outer(1 - column(m2030_09=1.0), -licensed(unseen("licence", LICENCE), 0.75)))


def test_a_licence_that_raises_a_price_gives_back_a_share_of_the_rise() -> None:
    evidence = Evidence(seen(LICENCE, 0.1, on=Affected.WORLD_PRICES), "p")
    future = a_future(a_licence(2, effective=date(2030, 7, 1)), series=PRICE, evidence=evidence)
    mean, sd, _ = evidence.prior(LICENCE, PRICE).towards(1)
    rise = mean + sd * random_numbers("licence", PRICE, heavy=True)
    assert np.median(rise) > 0
    same(logs(future)[1], rise)
    same(logs(future)[2], np.log(1 + 0.25 * (np.exp(rise) - 1)))


def test_a_licence_on_which_nothing_is_said_is_a_measure_like_others() -> None:
    plain = a_licence(2, effective=date(2030, 8, 20), value_unit="binary", value_after=1.0)
    future = a_future(plain, evidence=EVIDENCE)
    same(logs(future), np.outer(column(m2030_08=0.5, m2030_09=1.0), unseen("licence", LICENCE)))


def test_a_licence_of_the_record_recovers_on_the_day_of_the_grants() -> None:
    """19 of 20 are missing since February; from August on 60 % of them come back: of 100, 5 are left, then 62."""
    stopped = float(np.log(0.05))
    one = a_licence(6, value_after=60.0)
    future = a_future(one, effects=[an_effect(one, size=stopped)])
    same(logs(future), column(m2030_07=stopped, m2030_08=float(np.log(1 - 0.4 * 0.95)))[:, None])
    same(np.exp(logs(future)[1]), 0.62)
    same(future.given(EventScenario(future.known.edited(removed={"licence"}))).change, -logs(future))
    same(future.given(EventScenario(future.known)).change, 0.0)


def test_what_comes_back_is_a_share_of_each_draw_and_of_what_stands() -> None:
    """By a decay of one half, a sixteenth of each size stands in June."""
    sizes = np.linspace(-4.0, -0.4, N)
    one = a_licence(6)
    future = a_future(one, effects=[an_effect(one, size=sizes, shape=Decay(0.5))])
    stands = sizes / 16
    mean = stands.mean() - stands  # a draw has its own effect in its level, the sample the mean one
    same(logs(future)[0], stands + mean)
    same(logs(future)[1], licensed(stands, 0.75) + mean)


@pytest.mark.parametrize("shape", [None, Licence(6, 0.75)])
def test_a_path_that_was_estimated_as_one_of_a_licence_recovers_no_more_than_once(shape: Licence | None) -> None:
    one = a_licence(6)
    future = a_future(one, effects=[an_effect(one, shape=shape)])
    same(logs(future)[1], licensed(-0.5, 0.75))


@pytest.mark.parametrize("months", [1, 3, 4])
def test_what_was_granted_by_the_last_observation_is_in_its_effect(months: int) -> None:
    one = a_licence(months)
    same(logs(a_future(one, effects=[an_effect(one)])), -0.5)


def test_an_effect_that_is_not_clear_gives_nothing_back() -> None:
    one = a_licence(6)
    same(logs(a_future(one, effects=[an_effect(one, size=UNCLEAR)])), 0.0)


def test_a_licence_that_ends_before_it_is_granted_is_gone_at_once() -> None:
    one = a_licence(6, ended=date(2030, 7, 31))
    future = a_future(one, effects=[an_effect(one, end=np.datetime64("2030-07-31"))])
    same(logs(future), column(m2030_07=-0.5, m2030_08=0.0)[:, None])


def test_each_event_of_an_episode_gives_back_of_its_own_share() -> None:
    one = a_licence(6)
    future = a_future(one, TWO, effects=[an_effect(one, TWO)])
    share = 0.5 / 1.6
    same(logs(future)[0], -0.5)
    same(logs(future)[1], -0.5 + share + licensed(-share, 0.75))


@pytest.mark.parametrize("message", [Assumption(shape=Licence(6, 0.75)), Assumption(licence=Licence(6, 0.75))])
def test_a_licence_that_is_stated_of_a_measure_in_force_recovers_from_its_start_on(message: Assumption) -> None:
    future = a_future(ONE, effects=[an_effect(ONE)])
    back = column(m2030_08=float(licensed(-0.5, 0.75)) + 0.5)
    same(future.given(EventScenario(future.known, {"one": message})).change, back[:, None])


def test_of_a_full_stop_nine_tenths_come_back_if_nine_tenths_are_approved() -> None:
    """Of 1,237 a stop leaves 1; with nine in ten approved, 0.9 of 1,236 come back."""
    future = a_future(ONE, effects=[an_effect(ONE, size=-float(np.log(1237)))])
    made = future.given(EventScenario(future.known, {"one": Assumption(licence=Licence(6, 0.9))}))
    np.testing.assert_allclose(1237 * made.draws[:2, 0], [1, 1 + 0.9 * 1236], rtol=1e-6)


def test_a_licence_that_is_stated_of_a_measure_in_force_takes_from_what_stands() -> None:
    """Of a decay of one half a sixteenth stands in June, and stays until the grants of August leave a quarter of it."""
    future = a_future(ONE, effects=[an_effect(ONE, shape=Decay(0.5))])
    stated = EventScenario(future.known, {"one": Assumption(licence=Licence(6, 0.75))})
    stands = -0.5 / 16
    same(future.given(stated).change, column(m2030_08=float(licensed(stands, 0.75)) - stands)[:, None])
    granted = EventScenario(future.known, {"one": Assumption(licence=Licence(4, 0.75))})
    same(future.given(granted).change, 0.0)  # since June: it is in the data


def test_terms_that_are_stated_go_before_those_on_record() -> None:
    one = a_licence(6)
    future = a_future(one, effects=[an_effect(one)])
    later = EventScenario(future.known, {"licence": Assumption(licence=Licence(8, 0.9))})
    expected = column(m2030_07=-0.5, m2030_10=float(licensed(-0.5, 0.9)))[:, None]
    same(future.given(later).change, expected - logs(future))


def test_a_stated_effect_of_a_licence_is_given_back_as_an_estimated_one_is() -> None:
    future = a_future(ONE, effects=[an_effect(ONE)])
    message = Assumption(licence=Licence(6, 0.75), sizes=(("volume", -2.0, 0.0),))
    whole = column(m2030_07=-2.0, m2030_08=float(licensed(-2.0, 0.75)))[:, None]
    same(future.given(EventScenario(future.known, {"one": message})).change, whole + 0.5)


def test_a_licence_that_returns_bites_at_once_and_is_granted_again() -> None:
    """Suspended from July on, whatever had been granted; it returns in September for two months before any is."""
    pause = an_event("pause", effective=date(2030, 7, 1), acts=(Act("suspends", "one"),))
    future = a_future(ONE, pause, effects=[an_effect(ONE)])
    back = an_event("back", effective=date(2030, 9, 1), acts=(Act("reinstates", "one"),))
    taken = EventScenario(future.known.edited([back]), {"one": Assumption(licence=Licence(2, 0.75))})
    whole = column(m2030_09=-0.5, m2030_11=float(licensed(-0.5, 0.75)))[:, None]
    same(future.given(taken).change, whole)


@pytest.mark.parametrize(("months", "since"), [(6, {"m2030_08": 1.0}), (4, {})])
def test_the_same_of_a_measure_outside_the_record(months: int, since: dict[str, float]) -> None:
    future = a_future(a_ban("ban"), evidence=EVIDENCE)
    stated = EventScenario(future.known, {"ban": Assumption(licence=Licence(months, 0.75))})
    whole = unseen("ban")
    same(future.given(stated).change, np.outer(column(**since), licensed(whole, 0.75) - whole))


def test_a_fresh_measure_builds_up_until_its_licences_are_granted() -> None:
    """Half of it is in June, where it began; all of it in July; from August on what is left of all of it."""
    future = a_future(a_ban("ban", effective=date(2030, 6, 10)), evidence=EVIDENCE)
    stated = EventScenario(future.known, {"ban": Assumption(licence=Licence(2, 0.75))})
    whole = unseen("ban")
    same(future.given(stated).change, np.outer(column(m2030_08=1.0), licensed(whole, 0.75) - whole))


def test_what_is_known_to_be_granted_is_not_given_back_again_when_a_branch_brings_the_licence_back() -> None:
    one = a_licence(1, effective=date(2030, 8, 1))
    pause = an_event("pause", effective=date(2030, 10, 1), ended=date(2030, 11, 30), acts=(Act("suspends", "licence"),))
    future = a_future(one, pause, evidence=EVIDENCE)
    whole, left = unseen("licence", LICENCE), licensed(unseen("licence", LICENCE), 0.75)
    same(
        logs(future),
        np.outer(column(m2030_08=1.0, m2030_09=0.0), whole) + np.outer(column(m2030_09=1.0, m2030_10=0.0), left),
    )
    (branch,) = future.branches
    taken = EventScenario(future.known.taking(branch, date(2030, 12, 1)), {"licence": Assumption(group="pause")})
    back = np.outer(column(m2030_12=1.0, m2031_01=0.0), whole) + np.outer(column(m2031_01=1.0), left)
    same(future.given(taken).change, back)


def test_of_an_episode_that_a_grant_and_a_relief_begin_the_stronger_counts() -> None:
    """Three quarters of the licence come back: less than the whole of a relief, more than one that hits with .6."""
    licence, relief = a_licence(6), a_ban("relief", effective=date(2030, 8, 1), volume="up")
    kept = [
        contribution.event_id for contribution in a_future(licence, relief, evidence=EVIDENCE)._additions.contributions
    ]
    assert kept == ["relief"]
    weaker = changed(relief, flows=(("CHN", "USA"),))
    kept = [
        contribution.event_id for contribution in a_future(licence, weaker, evidence=EVIDENCE)._additions.contributions
    ]
    assert kept == ["licence"]


# -- what is told ------------------------------------------------------------------------------------------------------


def test_each_coming_event_is_told_once_where_it_first_comes() -> None:
    ban, twin = a_ban("ban", effective=date(2030, 8, 1)), a_ban("twin", effective=date(2030, 9, 1))
    words = EVIDENCE.in_words(ban, FLOW)
    future = a_future(ban, twin, replace(THREAT, effective=date(2030, 11, 1)), evidence=EVIDENCE)
    tariff = EVIDENCE.in_words(replace(THREAT, kind="tariff"), FLOW)
    assert future.notes == (f"ban, twin: {words}", f"threat: {tariff}")
    assert future.given(EventScenario(future.known)).notes == ()
    new = future.known.edited([a_ban("new", effective=date(2030, 10, 1))])
    assert future.given(EventScenario(new)).notes == (f"new: {words}",)
    message = {"new": Assumption(sizes=(("volume", -0.5, 0.0),))}
    assert future.given(EventScenario(new, message)).notes == ()
    assert future.given(EventScenario(future.known, chance_nodes=(ChanceNode("k", 0.5, (new,)),))).notes == (
        f"new: {words}",
    )


def test_periods_follow_the_last_one_and_prices_take_the_prior_of_prices() -> None:
    evidence = Evidence(seen(BAN, 0.1, on=Affected.WORLD_PRICES), "p")
    future = a_future(a_ban("ban", effective=date(2030, 7, 1)), series=PRICE, evidence=evidence)
    assert [str(day)[:7] for day in future.ds] == MONTHS
    assert future.ds[0] == LAST + np.timedelta64(30, "D")
    mean, sd, _ = evidence.prior(BAN, PRICE).towards(1)
    same(
        logs(future), np.outer(column(m2030_07=0.5, m2030_08=1.0), mean + sd * random_numbers("ban", PRICE, heavy=True))
    )
