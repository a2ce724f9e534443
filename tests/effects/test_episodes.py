"""From events to episodes."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

import numpy as np
import pytest

from forecast.effects import Episode, episodes
from forecast.effects.affected import direction
from forecast.effects.candidates import columns, every_shape, leads, product
from forecast.events import Act, Event, Events, InForceInterval, KindFamily
from forecast.events.exposure import Minerals
from forecast.interventions import Decay, Forestalled, Hump, Intervention, Licence, Pulse, Ramp, Shape, Step, Temporary
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import Series
from tests.support.records import NOTHING_SAID, EventFacts, UndatedFacts, a_series, changed, like

MONTHLY = Freq("M")
DS = MONTHLY.range("2015-01-01", 120)
COPPER = a_series("price.copper", "copper", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 5)
FLOW = a_series("volume.copper.export.cn", "copper", "volume", "target", "export", "CHN", "WLD", "tonne", "M", 20)
MINERALS = Minerals.from_rows([("copper", "", "mineral")])
TODAY = dt.date(2024, 12, 31)


def event(event_id: str, announced: str, effective: str = "", ended: str = "", **more: Unpack[UndatedFacts]) -> Event:
    """A Chinese export ban on copper, unless told otherwise."""

    def day(text: str) -> dt.date | None:
        return dt.date.fromisoformat(text) if text else None

    plain = changed(
        replace(NOTHING_SAID, event_id=event_id), kind="export_ban", actor="CHN", announced=day(announced),
        effective=day(effective or announced), ended=day(ended), end_known=day(ended),
        status="lapsed" if ended else "enacted", minerals=["copper"], flows=[("CHN", "WLD")], price_world="up",
        volume="down", certainty="verified",
    )  # fmt: skip
    return changed(plain, **more)


def kept(events: Sequence[Event], series: Series = COPPER, limit: int | None = None) -> tuple[Episode, ...]:
    return episodes(Events(events), series, MINERALS, DS, limit=limit, known_on=TODAY)[0]


def test_events_of_one_month_are_one_episode_led_by_the_one_that_hits_hardest() -> None:
    diverted = event("a-diverts", "2020-03-02", flows=(("CHN", "USA"),))
    withheld = event("b-withholds", "2020-03-30")
    down = event("c-relief", "2020-03-10", price_world="down")
    found = kept([diverted, withheld, down, event("d-later", "2020-04-01")])
    assert [(e.episode_id, e.events, e.direction) for e in found] == [
        ("c-relief", ("c-relief", "b-withholds", "a-diverts"), 0),  # expected to push both ways: direction unknown
        ("d-later", ("d-later",), 1),
    ]


def test_the_direction_is_that_of_the_series_measure() -> None:
    assert kept([event("x", "2020-03-02")])[0].direction == 1
    assert kept([event("x", "2020-03-02")], FLOW)[0].direction == -1
    assert kept([event("x", "2020-03-02", price_world="mixed")])[0].direction == 0


def test_a_sample_bears_one_episode_per_twenty_periods_and_weighs_the_others_with_them() -> None:
    many = [event(f"e{k:02d}", f"20{16 + k // 12}-{k % 12 + 1:02d}-05") for k in range(30)]
    strong = event("strong", "2022-01-10")
    weak = [changed(e, flows=(("CHN", "USA"),)) for e in many]
    found, omitted = episodes(Events([*weak, strong]), COPPER, MINERALS, DS, known_on=TODAY)
    assert len(found) == 31  # all are in the model
    apart = [e.episode_id for e in found if e.apart]
    # The strongest, and the five latest of the weak ones; what lies within a year of one of these is only weighed.
    assert apart == [*(f"e{k:02d}" for k in range(13)), *(f"e{k:02d}" for k in range(25, 30)), "strong"]
    assert [o.episode_id for o in omitted] == [f"e{k:02d}" for k in range(24, 12, -1)]
    assert all("120 months allow six events apart" in o.reason for o in omitted)


def test_an_event_of_ones_own_is_reported_before_all_others_whatever_it_says() -> None:
    """One of 10 periods' room, and three of one's own: hearsay, without a direction, against a ban that says both."""
    ban = event("ban", "2020-05-02")
    weak: UndatedFacts = {"kind": "threat", "certainty": "", "price_world": "", "flows": (("CHN", "USA"),)}
    own = [event(f"mine-{k}", f"2020-0{k}-02", **(weak | {"own": True})) for k in (2, 7, 9)]
    far = event("far", "2017-01-02")
    found, omitted = episodes(Events([ban, far, *own]), COPPER, MINERALS, DS, limit=1, known_on=TODAY)
    assert [(e.episode_id, e.apart) for e in found] == [
        ("far", True),  # overlaps with none
        ("mine-2", True),
        ("ban", False),
        ("mine-7", True),
        ("mine-9", True),
    ]
    assert [o.episode_id for o in omitted] == ["ban"]
    bundled = [replace(e, own=False) for e in own]
    found, _ = episodes(Events([ban, far, *bundled]), COPPER, MINERALS, DS, limit=1, known_on=TODAY)
    assert [e.episode_id for e in found if e.apart] == ["far", "ban"]


def test_an_episode_with_an_event_of_ones_own_in_it_is_reported() -> None:
    ban, other = event("ban", "2020-05-02"), event("other", "2020-06-02")
    mine = event("mine", "2020-05-20", own=True, kind="threat")
    found, _ = episodes(Events([ban, other, mine]), COPPER, MINERALS, DS, limit=1, known_on=TODAY)
    assert [(e.events, e.apart) for e in found] == [(("ban", "mine"), True), (("other",), False)]


def test_what_has_not_begun_in_the_sample_is_left_to_the_future() -> None:
    coming = event("coming", "2024-12-20", "2025-06-01")
    old = event("old", "2009-01-01")
    found, omitted = episodes(Events([coming, old]), COPPER, MINERALS, DS[:-1], known_on=TODAY)
    assert found == ()
    assert {o.episode_id: o.reason for o in omitted} == {
        "coming": "begins after the sample",
        "old": "began before the sample",
    }


def test_nothing_is_known_before_its_day() -> None:
    events = Events([event("x", "2020-03-10", ended="2022-05-31")])
    before = episodes(events, COPPER, MINERALS, DS, known_on=dt.date(2020, 3, 9))
    during = episodes(events, COPPER, MINERALS, DS, known_on=dt.date(2020, 3, 10))
    assert before == ((), ())
    assert during[0][0].intervention.end is None
    assert kept([event("x", "2020-03-10", ended="2022-05-31")])[0].intervention.end == np.datetime64("2022-05-31")


def test_an_act_and_the_measure_it_ends_are_one_path() -> None:
    ban = event("ban", "2018-03-01", "2018-06-01")
    relief = event(
        "relief", "2021-02-20", "2021-03-10", kind="tariff_relief", acts=(Act("terminates", "ban"),), price_world="down"
    )
    found, omitted = episodes(Events([ban, relief]), COPPER, MINERALS, DS, known_on=TODAY)
    assert [e.episode_id for e in found] == ["ban"]
    assert found[0].intervention.end == np.datetime64("2021-03-09")
    assert [(o.episode_id, o.reason) for o in omitted] == [("relief", "is in the path of ban, on which it acts")]


def test_a_tariff_acts_at_level_nought_while_suspended_by_days() -> None:
    tariff = event("tariff", "2020-03-01", kind="tariff")
    pause = event("pause", "2020-06-10", "2020-06-16", kind="truce", acts=(Act("suspends", "tariff"),))
    back = event("back", "2020-10-01", kind="tariff", acts=(Act("reinstates", "tariff"),))
    found = kept([tariff, pause, back])
    column = found[0].intervention.column(MONTHLY.range("2020-03-01", 8), MONTHLY)
    assert column == pytest.approx([1, 1, 1, 0.5, 0, 0, 0, 1])


def test_leads_go_back_to_the_announcement_but_not_before() -> None:
    def lead(announced: str, effective: str) -> tuple[int, ...]:
        return leads(kept([event("x", announced, effective)])[0], MONTHLY)

    assert lead("2020-03-01", "2020-03-31") == (0,)
    assert lead("2020-02-01", "2020-03-31") == (0, 1)
    assert lead("2019-09-15", "2020-03-01") == (0, 1, 2, 3, 6)
    assert lead("2017-01-15", "2020-03-01") == (0, 1, 2, 3)


def test_what_never_took_effect_begins_with_its_announcement() -> None:
    talk = changed(event("talk", "2020-03-10", ended="2020-05-20", kind="threat", status="withdrawn"), effective=None)
    only = kept([talk])[0]
    assert only.family is KindFamily.THREAT
    assert only.intervention.column(MONTHLY.range("2020-02-01", 6), MONTHLY).tolist() == [0, 1, 1, 1, 0, 0]


def test_candidates_columns_are_those_of_their_interventions() -> None:
    steps = ((np.datetime64("2020-03-10"), 1.0), (np.datetime64("2020-06-16"), 0.5))
    base = replace(kept([event("x", "2020-02-01", "2020-03-10")])[0].intervention, intensity=steps)
    for acting in (base, replace(base, intensity=(), end=np.datetime64("2020-12-05"))):
        assert isinstance(acting.shape, Step)
        candidates = every_shape([0, 1, 3], MONTHLY, flows=True).of(acting)
        expected = np.array([candidate.column(DS, MONTHLY) for candidate in candidates])
        assert np.allclose(columns(candidates, DS, MONTHLY), expected)


# -- direction and strength --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("market", "sign"), [("USA", 1), ("WLD", 1), ("", 1), ("CHN", -1)])
def test_a_price_in_a_country_follows_its_own_market_where_the_event_names_it(market: str, sign: int) -> None:
    duty = event("duty", "2020-03-02", price_local="up", price_world="down", local_market=market)
    assert direction(duty, like(COPPER, flow="import", reporter="USA")) == sign
    assert direction(duty, COPPER) == -1


def test_what_nobody_expects_has_no_direction_and_an_episode_has_that_of_the_others_in_it() -> None:
    known, mixed, silent = (event(word or "none", "2020-03-02", price_world=word) for word in ("up", "mixed", ""))
    assert [direction(one, COPPER) for one in (known, mixed, silent)] == [1, 0, 0]
    (found,) = kept([known, mixed, silent])  # of one month, so one episode; as strong, so in order of their ids
    assert (found.events, found.direction) == (("mixed", "none", "up"), 1)
    (found,) = kept([mixed, silent])
    assert found.direction == 0


def test_an_unknown_direction_counts_half_where_there_are_too_many() -> None:
    unknown = event("unknown", "2020-03-02", price_world="mixed")
    stronger, weaker = (
        event("rival", "2020-04-02", flows=(("CHN", "USA"),)),
        event("rival", "2020-04-02", kind="threat"),
    )
    for rival, stays in ((stronger, "rival"), (weaker, "unknown")):  # 0.6 and 0.4 against a half
        assert [e.episode_id for e in kept([unknown, rival], limit=1) if e.apart] == [stays]


def test_a_strong_measure_counts_whole_whatever_else_is_of_its_month() -> None:
    """Led by a ban of strength 1, and with a threat of 0.4 that pushes the other way: against a duty of 0.6 alone."""
    ban, threat = event("ban", "2020-03-02"), event("threat", "2020-03-20", kind="threat", price_world="down")
    duty = event("duty", "2020-06-02", flows=(("CHN", "USA"),))
    found = kept([ban, threat, duty], limit=1)
    assert [(e.events, e.direction, e.apart) for e in found] == [(("ban", "threat"), 0, True), (("duty",), 1, False)]


@pytest.mark.parametrize(("start", "first"), [("2015-02-10", "new"), ("2018-01-10", "old")])
def test_an_episode_interests_half_as_much_after_ten_years(start: str, first: str) -> None:
    # strengths of 1 and 0.6: after 9.8 years 0.51 are left, after 6.9 years 0.62
    old, new = event("old", start), event("new", "2024-12-10", flows=(("CHN", "USA"),))
    near = [
        event(f"near-{name}", day, kind="threat", flows=(("CHN", "USA"),))
        for name, day in (("old", f"{start[:4]}-06-10"), ("new", "2024-11-10"))
    ]
    found = kept([old, new, *near], limit=1)
    # What overlaps with the first of all is not reported apart; what overlaps with the other one is.
    assert [e.episode_id for e in found if not e.apart] == [f"near-{first}"]


@pytest.mark.parametrize(
    ("more", "strength"),
    [
        ({}, 1.0),
        ({"kind": "other_shock"}, 1.0),
        ({"kind": "tariff"}, 0.9),
        ({"kind": "tariff_relief"}, 0.6),
        ({"kind": "threat", "status": "threatened"}, 0.4),
        ({"certainty": "partly"}, 0.9),
        ({"certainty": "background"}, 0.8),
        ({"certainty": "hearsay"}, 0.8),
        ({"certainty": ""}, 1.0),
        ({"effective": None}, 0.5),  # it never was in force
        ({"status": "threatened"}, 0.5),
        ({"effective": None, "kind": "threat", "status": "threatened"}, 0.4),
        ({"kind": "tariff", "certainty": "partly", "flows": (("CHN", "USA"),)}, 0.9 * 0.9 * 0.6),
    ],
)
def test_how_hard_an_episode_may_hit(more: EventFacts, strength: float) -> None:
    assert kept([changed(event("x", "2020-03-02"), more)])[0].strength == pytest.approx(strength)


def test_of_two_as_strong_the_one_that_was_known_first_leads() -> None:
    first, second = event("z-first", "2020-02-20", "2020-03-10"), event("a-second", "2020-02-25", "2020-03-05")
    (found,) = kept([second, first])
    assert found.events == ("z-first", "a-second")
    assert found.intervention.start == np.datetime64("2020-03-10")


# -- what a sample can speak of ----------------------------------------------------------------------------------------


def test_the_shortest_sample_bears_one_episode_apart() -> None:
    found, omitted = episodes(
        Events([event("a", "2015-03-02"), event("b", "2015-05-02")]), COPPER, MINERALS, DS[:10], known_on=TODAY
    )
    assert [(e.episode_id, e.apart) for e in found] == [("a", False), ("b", True)]  # of two as strong the later one
    assert [(o.episode_id, o.reason) for o in omitted] == [
        ("a", "weighed with the others: 10 months allow one event apart")
    ]


@pytest.mark.parametrize(
    ("start", "end", "tells"),
    [
        ("2015-01-20", "", False),  # in force from the first period on
        ("2015-02-01", "", True),
        ("2012-05-01", "2015-01-20", True),  # in force in the first period only
        ("2012-05-01", "2014-12-31", False),
        ("2012-05-01", "2024-11-30", True),
        ("2012-05-01", "2024-12-01", False),  # to the last period
        ("2024-12-31", "", True),
    ],
)
def test_a_sample_speaks_of_what_changes_in_it(start: str, end: str, tells: bool) -> None:
    found, omitted = episodes(Events([event("x", start, ended=end)]), COPPER, MINERALS, DS, known_on=TODAY)
    assert bool(found) is tells
    assert [o.reason for o in omitted] == ([] if tells else ["began before the sample"])


@pytest.mark.parametrize("relation", ["suspends", "terminates", "reinstates", "extends"])
def test_an_act_on_a_measure_of_this_series_is_in_its_path(relation: str) -> None:
    ban, other = event("ban", "2018-06-01"), event("other", "2018-06-01", minerals=("tin",))
    act = event("act", "2021-03-10", acts=(Act(relation, "ban"),))
    omitted = episodes(Events([ban, other, act]), COPPER, MINERALS, DS, known_on=TODAY)[1]
    assert [(o.episode_id, o.reason) for o in omitted] == [("act", "is in the path of ban, on which it acts")]
    # one that also does something else is more than that
    for acts in ((*act.acts, Act("amends", "ban")), (*act.acts, Act(relation, "other")), (Act("amends", "ban"),)):
        assert "act" in [e.episode_id for e in kept([ban, other, replace(act, acts=acts)])]


def test_the_gap_is_counted_in_periods_from_the_announcement() -> None:
    (found,) = kept([event("x", "2020-01-31", "2020-03-01")])
    assert found.gap(MONTHLY) == 2
    assert found.gap(Freq("D")) == 30
    assert replace(found, announced=dt.date(2020, 4, 1)).gap(MONTHLY) == 0
    assert replace(found, announced=None).gap(MONTHLY) == 0


@pytest.mark.parametrize(("announced", "gap"), [("2019-12-28", 0), ("2019-07-08", 1), ("2018-12-31", 1)])
def test_a_year_that_was_over_at_the_announcement_has_not_felt_it(announced: str, gap: int) -> None:
    # quotas of a year are told in the last days of the one before
    (found,) = kept([event("x", "2020-01-01", "2020-03-01")])
    assert replace(found, announced=dt.date.fromisoformat(announced)).gap(Freq("Y")) == gap


def test_the_announcement_may_start_it_if_it_is_a_year_earlier_at_most() -> None:
    of = [leads(kept([event("x", announced, "2020-03-01")])[0], MONTHLY) for announced in ("2019-03-31", "2019-02-28")]
    assert of == [(0, 1, 2, 3, 12), (0, 1, 2, 3)]


@pytest.mark.parametrize(
    ("ended", "shape"),
    [("", Decay(0.8)), ("2020-03-10", Temporary(1)), ("2020-04-01", Temporary(2)), ("2020-03-09", Decay(0.8))],
)
def test_a_shock_lasts_until_its_end_or_fades(ended: str, shape: object) -> None:
    (found,) = kept([event("x", "2020-03-10", ended=ended, kind="other_shock")])
    assert found.intervention.shape == shape


def test_an_episode_knows_what_of_it_was_in_force() -> None:
    ban, other = event("a-ban", "2020-03-01"), event("b-ban", "2020-03-02", flows=(("CHN", "USA"),))
    pause = event("pause", "2020-06-10", "2020-06-16", kind="truce", acts=(Act("suspends", "a-ban"),))
    (episode,) = (e for e in kept([ban, other, pause]) if e.episode_id == "a-ban")
    first = dt.date(2020, 3, 1)
    assert episode.in_force == {
        "a-ban": (InForceInterval(first, dt.date(2020, 6, 15), "suspended"),),
        "b-ban": (InForceInterval(dt.date(2020, 3, 2)),),
    }
    then, _ = episodes(Events([ban, other, pause]), COPPER, MINERALS, DS, known_on=dt.date(2020, 6, 9))
    assert then[0].in_force["a-ban"] == (InForceInterval(first),)
    (talk,) = kept([changed(event("talk", "2020-03-10", kind="threat", status="threatened"), effective=None)])
    assert talk.in_force == {"talk": ()}


# -- ways of acting ----------------------------------------------------------------------------------------------------


def test_shapes_have_the_weight_of_their_family_shared_evenly_and_half_of_it_is_on_no_lead() -> None:
    def weight(flows: bool, word: type) -> float:
        found = every_shape([0, 1, 3], MONTHLY, flows=flows)
        per_shape = np.exp(found.log_prior).reshape(len(found.shapes), 3)
        assert per_shape.sum() == pytest.approx(1)
        total = per_shape.sum(axis=1)
        assert per_shape == pytest.approx(np.outer(total, [0.5, 0.25, 0.25]))  # the leads share the other half
        return float(total[[isinstance(shape, word) for shape in found.shapes]].sum())

    shares = {Pulse: 0.05, Step: 0.30, Temporary: 0.15, Hump: 0.10, Decay: 0.25, Ramp: 0.15}
    assert [weight(False, word) for word in shares] == pytest.approx(list(shares.values()))
    assert [weight(True, word) for word in shares] == pytest.approx([0.95 * share for share in shares.values()])
    assert weight(True, Forestalled) == pytest.approx(0.05)
    assert weight(False, Forestalled) == 0.0
    monthly = every_shape([0], MONTHLY)
    assert np.exp(monthly.log_prior[monthly.shapes.index(Decay(0.5))]) == pytest.approx(0.05)
    assert np.exp(monthly.log_prior).sum() == pytest.approx(1)  # without a lead to choose, all is on none


def test_shapes_that_are_one_on_longer_periods_add_their_weights() -> None:
    yearly = every_shape([0], Freq("Y"))
    weights = dict(zip(yearly.shapes, np.exp(yearly.log_prior), strict=True))
    assert weights[Pulse()] == pytest.approx(0.05 + 0.15 + 0.10)  # temporary and hump, less than a year long
    assert weights[Step()] == pytest.approx(0.30 + 0.15)  # what grows within a year
    assert sum(weights.values()) == pytest.approx(1)


def test_a_response_that_has_begun_is_held_and_one_that_has_not_begins() -> None:
    candidates = product(Intervention(Step(), np.datetime64("2024-12-10")), [Decay(0.5), Ramp(4)], [0, 1])
    ds = MONTHLY.range("2024-10-01", 6)
    in_november = columns(candidates, ds, MONTHLY, np.datetime64("2024-11-01"))
    assert in_november == pytest.approx(
        np.array([
            [0, 0, 1, 0.5, 0.25, 0.125],  # has not begun: it acts
            [0, 1, 1, 1, 1, 1],
            [0, 0, 0.25, 0.5, 0.75, 1],
            [0, 0.25, 0.25, 0.25, 0.25, 0.25],
        ])
    )  # fmt: skip
    in_january = columns(candidates, ds, MONTHLY, np.datetime64("2025-01-01"))
    assert in_january[0] == pytest.approx([0, 0, 1, 0.5, 0.5, 0.5])
    assert in_january[3] == pytest.approx([0, 0.25, 0.5, 0.75, 0.75, 0.75])


TERMS: UndatedFacts = {"kind": "licence", "value_after": 60.0, "value_unit": "% approved", "value_text": "3 months"}


def test_a_licence_with_its_terms_on_record_acts_by_them_first_of_all() -> None:
    (episode,) = kept([event("x", "2020-03-10", **TERMS)])
    assert episode.intervention.shape == Licence(3, 0.6)
    weekly = replace(COPPER, freq="W-SUN")
    (found,), _ = episodes(
        Events([event("x", "2020-03-10", **TERMS)]), weekly, MINERALS, Freq("W-SUN").range("2019-12-30", 99),
        known_on=TODAY,
    )  # fmt: skip
    assert found.intervention.shape == Licence(13, 0.6)
    without: tuple[UndatedFacts, ...] = (
        {"value_after": None},
        {"value_text": "soon"},
        {"value_unit": "binary"},
        {"kind": "export_ban"},
    )
    for lacking in without:
        assert isinstance(kept([event("x", "2020-03-10", **(TERMS | lacking))])[0].intervention.shape, Step)


def test_what_is_approved_is_told_by_a_licence_that_amends_another_and_known_since_then() -> None:
    amends: UndatedFacts = {"acts": (Act("amends", "x"),)}
    plain = event("x", "2020-03-10", kind="licence")
    first = event("y", "2020-06-05", **(TERMS | amends | {"value_after": 25.0}))
    then = event("z", "2020-06-25", **(TERMS | amends))

    def known(on: str) -> list[tuple[tuple[str, ...], Shape]]:
        day = dt.date.fromisoformat(on)
        found, _ = episodes(Events([plain, first, then]), COPPER, MINERALS, DS, known_on=day)
        return [(episode.events, episode.intervention.shape) for episode in found]

    assert known("2020-06-04") == [(("x",), Step())]
    assert known("2020-06-05") == [(("x",), Licence(3, 0.25))]
    assert known("2020-06-25") == [(("x",), Licence(3, 0.6))]


def test_a_path_of_a_licence_is_held_as_those_of_other_shapes_are() -> None:
    candidates = product(Intervention(Step(), np.datetime64("2024-12-10")), [Licence(3, 0.75), Decay(0.5)], [0])
    held = columns(candidates, MONTHLY.range("2024-11-01", 6), MONTHLY, np.datetime64("2025-01-01"))
    assert held == pytest.approx(np.array([[0, 1, 1, 1, 1, 1], [0, 1, 0.5, 0.5, 0.5, 0.5]]))


def test_a_licence_that_is_felt_early_is_granted_on_its_day_all_the_same() -> None:
    """In force since December, granted from March on; a step may come two months early, too."""
    candidates = product(Intervention(Step(), np.datetime64("2024-12-10")), [Licence(3, 0.75), Step()], [0, 1, 2])
    ds = MONTHLY.range("2024-09-01", 8)
    early = [[0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1]]
    expected = np.array([[*row, *after] for after in ([0.25, 0.25], [1, 1]) for row in early])
    assert columns(candidates, ds, MONTHLY) == pytest.approx(expected)


def test_an_end_on_a_weekend_is_that_of_the_business_day_before() -> None:
    acting = Intervention(Step(), np.datetime64("2024-12-18"), end=np.datetime64("2024-12-21"))  # a Saturday
    business = Freq("B")
    ds = business.range("2024-12-17", 6)
    expected = [0, 1, 1, 1, 0, 0]
    assert columns([acting], ds, business)[0].tolist() == expected
    assert acting.column(ds, business).tolist() == expected


# -- the duty that is paid ---------------------------------------------------------------------------------------------

TRADED = Minerals.from_rows(
    [
        ("copper-ore", "", "mineral"),
        ("graphite-synthetic", "", "mineral"),
        ("rare-earths", "", "mineral"),
        ("steel", "", "mineral"),
        ("all-non-exempt", "", "basket"),
        ("all-cn-origin", "", "basket"),
    ]
)
LATE = MONTHLY.range("2017-01-01", 118)


def of_trade(events: Events, ids: Sequence[str], mineral: str, reporter: str, partner: str) -> dict[str, Episode | str]:
    """Episodes of what a country imports of a mineral from another, and why there are none, of these events alone."""
    series = a_series("x", mineral, "volume", "target", "import", reporter, partner, "tonne", "M", 20)
    some = Events(events[event_id] for event_id in ids)
    found, omitted = episodes(some, series, TRADED, LATE, known_on=dt.date(2026, 11, 27))
    return {o.episode_id: o.reason for o in omitted if len(o.events) == 1} | {e.episode_id: e for e in found}


def level(episode: Episode | str, month: str) -> float:
    """How strong a tariff is in a month."""
    assert isinstance(episode, Episode)
    return float(episode.intervention.column(MONTHLY.range(month, 1), MONTHLY)[0])


def test_the_day_on_which_a_rate_changed_is_in_the_intensity(bundled_events: Events) -> None:
    """84 points on 10 April, 125 from the 12th on, and none of them from 14 May on, when 10 were left by another."""
    ids = ("cn-retal-34-84-125-2025", "us-cn-geneva-2025")
    episode = of_trade(bundled_events, ids, "copper-ore", "CHN", "USA")["cn-retal-34-84-125-2025"]
    # Before the first step the first level counts.
    assert level(episode, "2025-04-01") == pytest.approx((11 * 84 + 19 * 125) / (30 * 125))
    assert level(episode, "2025-05-01") == pytest.approx(13 / 31)
    assert level(episode, "2025-06-01") == 0


def test_rates_of_one_month_are_one_path_of_what_was_paid(bundled_events: Events) -> None:
    """10 points on 5 April, 84 and 125 in the days after, and 10 again when the rest was suspended."""
    chain = tuple(f"us-ieepa-cn-reciprocal-{rate}-2025" for rate in (34, 84, 125))
    truces = ("us-cn-geneva-2025", "us-cn-truce-extension-2025-08", "us-cn-busan-2025")
    ids = (*chain, *truces, "us-ieepa-reciprocal-baseline-2025", "us-scotus-ieepa-void-2026")
    found = of_trade(bundled_events, ids, "graphite-synthetic", "USA", "CHN")
    episode = found["us-ieepa-reciprocal-baseline-2025"]
    assert isinstance(episode, Episode)
    assert [(str(day)[5:], round(125 * each, 6)) for day, each in episode.intervention.intensity] == [
        ("04-05", 10), ("04-09", 84), ("04-10", 125), ("05-14", 10), ("02-24", 0),
    ]  # fmt: skip


def test_a_tariff_that_changes_nothing_on_a_trade_is_no_episode_of_it(bundled_events: Events) -> None:
    """Steel from China has paid 25 points since 2018; the end of the exemptions in 2025 was felt by others."""
    ids = ("us-s232-steel-2018", "us-s232-steel-al-2025-03", "us-s232-steel-al-50-2025-06")
    found = of_trade(bundled_events, ids, "steel", "USA", "CHN")
    assert found["us-s232-steel-al-2025-03"] == "changes nothing in the duty that is paid"
    assert level(found["us-s232-steel-al-50-2025-06"], "2025-07-01") == 1
    exempt = of_trade(bundled_events, (*ids, "us-s232-ca-mx-lifted-2019"), "steel", "USA", "CAN")
    assert level(exempt["us-s232-steel-al-2025-03"], "2025-04-01") == 1, "Canada was exempt"


def test_where_the_duty_is_on_no_record_a_tariff_is_as_strong_as_it_is_in_force(bundled_events: Events) -> None:
    episode = of_trade(bundled_events, ("us-s122-10-2026",), "rare-earths", "USA", "CHN")["us-s122-10-2026"]
    assert isinstance(episode, Episode)
    assert [each for _, each in episode.intervention.intensity] == [1, 0]
