"""What users rely on: what was in force on a day, by what could be known on another, and which futures are open."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import NotFound
from forecast.events import (
    EVENT_STATUSES,
    KINDS,
    RELATIONS,
    Act,
    Branch,
    Event,
    Events,
    State,
    branches,
    state,
    timeline,
)
from tests.support.records import changed
from tests.support.small_world import SOURCED, an_event

CONTROLS = tuple(f"cn-mofcom-{number}-2025" for number in (55, 56, 57, 58, 61, 62))
SUSPENSION, LICENCE = "cn-suspension-no70-2025", "cn-7ree-licence-2025"


def branch_of(events: Events, event_id: str, known_on: date) -> Branch | None:
    return next((branch for branch in branches(events, known_on) if branch.event_id == event_id), None)


# The controls of October 2025: announced on 9 October, effective on three dates, suspended on 7 November.


def test_an_event_is_not_known_before_it_is_announced(bundled_events: Events) -> None:
    assert LICENCE not in bundled_events.known_on(date(2025, 3, 31))
    assert LICENCE not in bundled_events.known_on(date(2025, 4, 3))
    assert LICENCE in bundled_events.known_on(date(2025, 4, 4))
    with pytest.raises(NotFound, match="no event"):
        state(bundled_events, LICENCE, date(2025, 5, 1), date(2025, 3, 31))


def test_the_controls_take_effect_on_three_dates_as_known_before_the_suspension(bundled_events: Events) -> None:
    steps = {timeline(bundled_events, control, date(2025, 10, 15)) for control in CONTROLS}
    assert steps == {((date(2025, month, day), 1.0),) for month, day in ((10, 9), (11, 8), (12, 1))}


def test_the_suspension_is_unknown_in_october_and_known_in_november(bundled_events: Events) -> None:
    asked = date(2025, 12, 1)
    before = state(bundled_events, "cn-mofcom-61-2025", asked, date(2025, 10, 15))
    after = state(bundled_events, "cn-mofcom-61-2025", asked, date(2025, 11, 8))
    assert before == State("in_force", asked)
    assert after == State("suspended", date(2025, 11, 7), date(2026, 11, 10), SUSPENSION)
    known = bundled_events.known_on(date(2025, 10, 15))["cn-mofcom-61-2025"]
    assert (known.ended, known.status, known.status_note) == (None, "enacted", "")


def test_only_the_control_that_was_in_force_at_once_ever_took_effect(bundled_events: Events) -> None:
    steps = {control: timeline(bundled_events, control, date(2025, 11, 8)) for control in CONTROLS}
    assert steps.pop("cn-mofcom-62-2025") == ((date(2025, 10, 9), 1.0), (date(2025, 11, 7), 0.0))
    assert set(steps.values()) == {()}


@pytest.mark.parametrize(
    ("day", "status"),
    [
        (date(2025, 10, 8), "unannounced"),
        (date(2025, 10, 9), "announced"),
        (date(2025, 11, 6), "announced"),
        (date(2025, 11, 7), "suspended"),
        (date(2026, 11, 10), "suspended"),
        (date(2026, 11, 11), "suspended"),
    ],
)
def test_the_life_of_a_control(bundled_events: Events, day: date, status: str) -> None:
    assert state(bundled_events, "cn-mofcom-55-2025", day, date(2026, 11, 24)).status == status


@pytest.mark.parametrize(
    ("asked", "chance", "unconfirmed"), [(date(2025, 11, 8), None, False), (date(2026, 11, 24), 0.26, True)]
)
def test_the_end_of_the_suspension_is_one_branch_and_that_of_its_extension_another(
    bundled_events: Events, asked: date, chance: float | None, unconfirmed: bool
) -> None:
    extension = "cn-kuala-lumpur-extension-2026"
    ends = [branch for branch in branches(bundled_events, asked) if set(branch.event_ids) & set(CONTROLS)]
    assert [end.event_id for end in ends] == [SUSPENSION, *([extension] if chance else [])]
    end = ends[0]
    assert (end.cause, end.starts, end.event_ids) == ("suspension_end", date(2026, 11, 11), CONTROLS)
    assert end.probability == (pytest.approx(chance) if chance else None)
    assert end.unconfirmed == unconfirmed
    assert branch_of(bundled_events, "cn-no70-expiry-2026", asked) is None


def test_in_october_there_was_no_such_branch(bundled_events: Events) -> None:
    assert not any(set(b.event_ids) & set(CONTROLS) for b in branches(bundled_events, date(2025, 10, 15)))


def test_the_april_licences_were_never_suspended(bundled_events: Events) -> None:
    assert timeline(bundled_events, LICENCE, date(2026, 11, 24)) == ((date(2025, 4, 4), 1.0),)
    assert all(LICENCE not in branch.event_ids for branch in branches(bundled_events, date(2026, 11, 24)))


def test_when_the_controls_return_they_are_in_force_and_no_branch_is_left(bundled_events: Events) -> None:
    returned = Event(**(vars(bundled_events["cn-no70-expiry-2026"]) | {"status": "enacted"}))
    events = Events({**bundled_events, returned.event_id: returned}.values())
    asked = date(2026, 11, 24)
    assert state(events, "cn-mofcom-55-2025", asked, asked) == State("in_force", date(2026, 11, 11))
    assert branch_of(events, SUSPENSION, asked) is None


def test_news_of_an_extension_moves_the_branch(bundled_events: Events) -> None:
    news = an_event(
        "cn-suspension-again",
        kind="truce",
        announced=date(2026, 11, 9),
        effective=date(2026, 11, 10),
        ended=date(2027, 1, 10),
        end_known=date(2026, 11, 9),
        acts=(Act("extends", SUSPENSION),),
    )
    events = Events([*bundled_events.values(), news])
    end = branch_of(events, SUSPENSION, date(2026, 11, 24))
    assert end is not None
    assert (end.starts, end.unconfirmed, end.event_ids) == (date(2027, 1, 11), False, CONTROLS)
    assert branch_of(events, news.event_id, date(2026, 11, 24)) is None
    unmoved = branch_of(events, SUSPENSION, date(2026, 11, 8))
    assert unmoved is not None
    assert unmoved.starts == date(2026, 11, 11)


# Other lives in the bundled events.


def test_a_truce_is_prolonged_and_then_held_by_the_next(bundled_events: Events) -> None:
    rate, asked = "us-ieepa-cn-reciprocal-125-2025", date(2025, 9, 1)
    assert state(bundled_events, rate, asked, asked) == State(
        "suspended", date(2025, 5, 14), date(2025, 11, 10), "us-cn-geneva-2025"
    )
    assert state(bundled_events, rate, date(2025, 12, 1), date(2025, 12, 1)).by == "us-cn-busan-2025"
    voided = state(bundled_events, rate, date(2026, 3, 1), date(2026, 3, 1))
    assert voided == State("ended", date(2026, 2, 24), by="us-scotus-ieepa-void-2026")


def test_a_voided_measure_no_longer_stands_in_the_branch_of_the_truce(bundled_events: Events) -> None:
    before = branch_of(bundled_events, "us-cn-busan-2025", date(2025, 12, 1))
    after = branch_of(bundled_events, "us-cn-busan-2025", date(2026, 3, 1))
    assert before is not None
    assert before.event_ids == ("us-ieepa-cn-reciprocal-125-2025",)
    assert after is not None
    assert after.event_ids == ()


def test_a_rate_that_was_raised_on_its_first_day_never_was_in_force(bundled_events: Events) -> None:
    assert timeline(bundled_events, "us-ieepa-cn-reciprocal-34-2025", date(2026, 1, 1)) == ()


def test_a_quota_ends_on_the_date_in_its_own_text(bundled_events: Events) -> None:
    midyear = date(2005, 6, 1)
    assert state(bundled_events, "cn-ree-quota-2005", midyear, midyear).until == date(2005, 12, 31)
    assert state(bundled_events, "cn-ree-quota-2005", date(2006, 1, 1), midyear).status == "ended"
    assert bundled_events.known_on(midyear)["cn-ree-quota-2005"].status == "enacted"


def test_an_end_that_was_told_later_is_hidden_until_then(bundled_events: Events) -> None:
    tariff = "us-s232-canada-aluminium-2020"  # cancelled on 15 September, back to the first of the month
    assert state(bundled_events, tariff, date(2020, 9, 10), date(2020, 9, 10)).status == "in_force"
    assert state(bundled_events, tariff, date(2020, 9, 10), date(2020, 9, 15)).status == "withdrawn"


def test_a_measure_that_began_before_it_was_announced(bundled_events: Events) -> None:
    ban = "drc-cobalt-suspension-2025"
    assert ban not in bundled_events.known_on(date(2025, 2, 23))
    assert timeline(bundled_events, ban, date(2025, 2, 24)) == ((date(2025, 2, 22), 1.0),)


def test_a_threat_is_a_branch_until_it_is_carried_out_or_withdrawn(bundled_events: Events) -> None:
    threat = "us-copper-50-threat-2025"
    open_threat = branch_of(bundled_events, threat, date(2025, 7, 20))
    assert open_threat is not None
    assert (open_threat.cause, open_threat.event_ids) == ("threat", (threat,))
    assert branch_of(bundled_events, threat, date(2025, 7, 30)) is None
    assert timeline(bundled_events, threat, date(2026, 1, 1)) == ()
    assert state(bundled_events, threat, date(2026, 1, 1), date(2026, 1, 1)).by == "us-s232-copper-2025"


def test_a_withdrawn_threat_changes_nothing(bundled_events: Events) -> None:
    target = "us-s301-list3-raise-2019"  # to be raised again, which was called off
    assert timeline(bundled_events, target, date(2020, 1, 1)) == ((date(2019, 5, 10), 1.0),)


# Rules, on events of our own.


def test_the_probability_of_a_return_may_stand_with_the_threat_or_with_the_suspension() -> None:
    ban = an_event("ban", kind="export_ban")
    pause = an_event(
        "pause",
        kind="truce",
        effective=date(2030, 3, 1),
        ended=date(2030, 6, 30),
        end_known=date(2030, 1, 10),
        acts=(Act("suspends", "ban"),),
    )
    back = an_event("back", SOURCED, kind="threat", status="threatened", acts=(Act("terminates", "pause"),))
    asked = date(2030, 4, 1)

    def probability(*events: Event) -> float | None:
        (branch,) = branches(Events(events), asked)
        return branch.probability

    assert probability(ban, pause) is None
    assert probability(ban, changed(pause, probability=0.2)) is None  # nobody stands for it
    assert probability(ban, changed(pause, SOURCED, probability=0.2)) == 0.2
    assert probability(ban, pause, an_event(**(vars(back) | {"probability": 0.3}))) == 0.3


def test_what_is_reinstated_is_in_force_again() -> None:
    ban = an_event("ban")
    pause = an_event("pause", effective=date(2030, 3, 1), acts=(Act("suspends", "ban"),))
    again = an_event("again", effective=date(2030, 5, 1), acts=(Act("reinstates", "ban"),))
    steps = ((date(2030, 2, 1), 1.0), (date(2030, 3, 1), 0.0), (date(2030, 5, 1), 1.0))
    assert timeline(Events([ban, pause, again]), "ban", date(2030, 6, 1)) == steps
    stop = an_event("stop", effective=date(2030, 3, 1), acts=(Act("terminates", "ban"),))
    assert timeline(Events([ban, stop, again]), "ban", date(2030, 6, 1)) == steps


def test_events_that_act_on_each_other_in_circles_have_a_state() -> None:
    a = an_event("a", acts=(Act("extends", "b"), Act("suspends", "b")))
    b = an_event("b", acts=(Act("extends", "a"), Act("suspends", "a")))
    assert state(Events([a, b]), "a", date(2031, 1, 1), date(2031, 1, 1)).status == "suspended"


def test_an_unknown_event_is_told_with_the_nearest() -> None:
    events = Events([an_event("ban")])
    assert events.get("bann") is None
    with pytest.raises(NotFound, match="nearest: ban"):
        events["bann"]


DAYS = st.dates(date(2030, 1, 1), date(2030, 3, 31))
IDS = ("a", "b", "c", "d")


@st.composite
def lives(draw: st.DrawFn) -> Events:
    """A few events with any dates, statuses and acts on each other."""
    made = []
    for event_id in IDS:
        announced = draw(DAYS)
        ended = draw(st.none() | DAYS)
        made.append(
            an_event(
                event_id,
                kind=draw(st.sampled_from(sorted(KINDS))),
                announced=announced,
                effective=draw(st.none() | DAYS),
                ended=ended,
                end_known=max(announced, draw(DAYS)) if ended else None,
                status=draw(st.sampled_from(EVENT_STATUSES)),
                status_as_of=draw(st.none() | DAYS),
                acts=tuple(
                    draw(
                        st.lists(
                            st.builds(Act, st.sampled_from(RELATIONS), st.sampled_from(set_without(event_id))),
                            max_size=2,
                        )
                    )
                ),
            )
        )
    return Events(made)


def set_without(event_id: str) -> list[str]:
    return [other for other in IDS if other != event_id]


@given(lives(), DAYS, DAYS)
def test_what_comes_later_changes_nothing_that_was_known_before(events: Events, day: date, known_on: date) -> None:
    known = events.known_on(known_on)
    forgotten = Events(event for event in events.values() if event.known_from <= known_on)
    assert known.known_on(known_on) == known
    assert branches(events, known_on) == branches(forgotten, known_on) == branches(known, known_on)
    for event_id in known:
        assert state(events, event_id, day, known_on) == state(forgotten, event_id, day, known_on)


@given(lives(), DAYS)
def test_the_timeline_is_the_state_of_every_day(events: Events, known_on: date) -> None:
    known = events.known_on(known_on)
    for event_id in known:
        steps = timeline(known, event_id, known_on)
        assert [level for _, level in steps] == [float(i % 2 == 0) for i in range(len(steps))]
        level, after = 0.0, dict(steps)
        for n in range(-1, 92):
            day = date(2030, 1, 1) + timedelta(days=n)
            level = after.get(day, level)
            assert (state(known, event_id, day, known_on).status == "in_force") == bool(level)


@given(lives(), DAYS)
def test_no_event_stands_in_two_branches_as_their_cause(events: Events, known_on: date) -> None:
    open_branches = branches(events, known_on)
    assert len({branch.event_id for branch in open_branches}) == len(open_branches)
    for branch in open_branches:
        assert branch.unconfirmed == (branch.starts is not None and branch.starts <= known_on)
