"""The life of a measure day by day, on events of our own: each state with its days, each branch with its facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Unpack

import pytest

from forecast.events import Act, Branch, Event, Events, State, branches, last_day, state, timeline
from tests.support.records import EventFacts, changed
from tests.support.small_world import SOURCED, an_event

KNOWN = date(2031, 6, 1)
BAN = an_event("ban", kind="export_ban")
BY = "A. Forecaster", date(2030, 1, 10)
TERM: EventFacts = {"ended": date(2030, 6, 30), "end_known": date(2030, 1, 10)}
PAUSE = an_event("pause", kind="truce", effective=date(2030, 3, 1), acts=(Act("suspends", "ban"),), message=TERM)


def day(text: str) -> date:
    return date.fromisoformat(f"2030-{text}")


def acting(
    event_id: str,
    relation: str,
    target: str,
    effective: str,
    /,
    message: EventFacts | None = None,
    **more: Unpack[EventFacts],
) -> Event:
    return changed(an_event(event_id, effective=day(effective), acts=(Act(relation, target),)), message, **more)


def states(event_id: str, *events: Event, on: str, known_on: date = KNOWN) -> list[State]:
    """Of one event, on each of these days of 2030."""
    return [state(Events(events), event_id, day(text), known_on) for text in on.split()]


def ends(*events: Event, known_on: date = KNOWN) -> dict[str, Branch]:
    return {branch.event_id: branch for branch in branches(Events(events), known_on)}


# -- one event ---------------------------------------------------------------------------------------------------------


def test_a_measure_is_announced_in_force_and_ended() -> None:
    ban = changed(BAN, TERM)
    assert states("ban", ban, on="01-09 01-10 01-31 02-01 06-30 07-01 12-31") == [
        State("unannounced", None, day("01-09")),
        State("announced", day("01-10"), day("01-31")),
        State("announced", day("01-10"), day("01-31")),
        State("in_force", day("02-01"), day("06-30")),
        State("in_force", day("02-01"), day("06-30")),
        State("ended", day("07-01")),
        State("ended", day("07-01")),
    ]
    assert timeline(Events([ban]), "ban", KNOWN) == ((day("02-01"), 1.0), (day("07-01"), 0.0))
    assert states("ban", BAN, on="02-01") == [State("in_force", day("02-01"))]


@pytest.mark.parametrize("facts", [{"kind": "threat"}, {"kind": "tariff"}])
def test_what_is_threatened_never_is_in_force(facts: EventFacts) -> None:
    (before, after) = states("ban", changed(BAN, facts, status="threatened"), on="01-31 02-01")
    assert before == after == State("threatened", day("01-10"), day("01-31"))
    assert timeline(Events([changed(BAN, facts, status="threatened")]), "ban", KNOWN) == ()
    assert timeline(Events([replace(BAN, kind="threat")]), "ban", KNOWN) == ()


@pytest.mark.parametrize(
    ("facts", "then"),
    [
        ({"status": "lapsed"} | TERM, State("ended", day("07-01"))),
        ({"status": "lapsed", "end_known": day("05-05")}, State("ended", day("05-05"))),
        ({"status": "withdrawn"} | TERM, State("withdrawn", day("06-30"))),
        ({"status": "withdrawn", "end_known": day("05-05")}, State("withdrawn", day("05-05"))),
        ({"status": "suspended", "ended": day("06-30"), "end_known": day("05-05")}, State("suspended", day("06-30"))),
        ({"status": "suspended", "end_known": day("05-05")}, State("suspended", day("05-05"))),
        ({"kind": "truce"} | TERM, State("in_force", day("02-01"), day("06-30"))),
    ],
)  # fmt: skip
def test_how_a_measure_ends_by_its_own_record(facts: EventFacts, then: State) -> None:
    event = changed(BAN, facts)
    assert states("ban", event, on="12-31") == [then]
    if then.status != "in_force":
        assert timeline(Events([event]), "ban", KNOWN) == ((day("02-01"), 1.0), (then.since, 0.0))


def test_a_threat_that_was_carried_out_is_over_by_what_it_announced() -> None:
    carried = an_event(
        "threat", kind="threat", ended=day("03-01"), end_known=day("02-20"), acts=(Act("announces", "ban"),)
    )
    assert states("threat", carried, BAN, on="02-28 03-01") == [
        State("announced", day("01-10"), day("01-31")),
        State("ended", day("03-01"), by="ban"),
    ]
    assert states("threat", replace(carried, ended=None, acts=()), on="02-20") == [State("ended", day("02-20"))]


# -- acts --------------------------------------------------------------------------------------------------------------


def test_a_suspension_holds_from_its_day_until_the_day_before_it_is_ended() -> None:
    stop = acting("stop", "terminates", "pause", "05-01")
    assert states("ban", BAN, PAUSE, stop, on="02-28 03-01 04-30 05-01") == [
        State("in_force", day("02-01"), day("02-28")),
        State("suspended", day("03-01"), day("06-30"), "pause"),
        State("suspended", day("03-01"), day("06-30"), "pause"),
        State("in_force", day("05-01")),
    ]
    assert states("pause", BAN, PAUSE, stop, on="04-30 05-01") == [
        State("in_force", day("03-01"), day("04-30")),
        State("ended", day("05-01"), by="stop"),
    ]
    assert states("ban", BAN, PAUSE, on="12-31") == [State("suspended", day("03-01"), day("06-30"), "pause")]


def test_what_is_reinstated_is_in_force_from_that_day_but_not_against_an_act_of_the_same_day() -> None:
    again = acting("again", "reinstates", "ban", "05-01")
    assert states("ban", BAN, PAUSE, again, on="04-30 05-01") == [
        State("suspended", day("03-01"), day("06-30"), "pause"),
        State("in_force", day("05-01")),
    ]
    stop = acting("stop", "terminates", "ban", "03-01")
    assert states("ban", BAN, stop, again, on="02-28 03-01 04-30 05-01") == [
        State("in_force", day("02-01"), day("02-28")),
        State("ended", day("03-01"), by="stop"),
        State("ended", day("03-01"), by="stop"),
        State("in_force", day("05-01")),
    ]
    same_day = replace(again, effective=day("03-01"))
    assert states("ban", BAN, PAUSE, same_day, on="04-01")[0].status == "suspended"
    assert states("ban", BAN, stop, same_day, on="04-01") == [State("ended", day("03-01"), by="stop")]


def test_of_two_ends_the_first_counts_and_an_act_before_a_date() -> None:
    ban = changed(BAN, TERM)
    assert states("ban", ban, acting("stop", "terminates", "ban", "05-01"), on="12-31") == [
        State("ended", day("05-01"), by="stop")
    ]
    assert states("ban", ban, acting("stop", "terminates", "ban", "08-01"), on="12-31") == [
        State("ended", day("07-01"))
    ]
    assert states("ban", ban, acting("stop", "terminates", "ban", "07-01"), on="12-31") == [
        State("ended", day("07-01"), by="stop")
    ]


@pytest.mark.parametrize("facts", [{"kind": "threat", "status": "threatened"}, {"status": "threatened"}])
def test_a_threatened_act_does_nothing(facts: EventFacts) -> None:
    for relation in ("suspends", "terminates"):
        assert timeline(Events([BAN, acting("act", relation, "ban", "05-01", facts)]), "ban", KNOWN) == (
            (day("02-01"), 1.0),
        )
    more = acting("more", "extends", "pause", "06-30", facts, ended=day("12-31"), end_known=day("01-10"))
    assert states("ban", BAN, PAUSE, more, on="04-01") == [State("suspended", day("03-01"), day("06-30"), "pause")]
    assert ends(BAN, PAUSE, more)["pause"].starts == day("07-01")
    assert last_day(Events([BAN, PAUSE, more]), "pause", KNOWN) == day("06-30")
    enacted = replace(more, kind="truce", status="enacted")
    assert states("ban", BAN, PAUSE, enacted, on="04-01") == [State("suspended", day("03-01"), day("12-31"), "pause")]
    assert ends(BAN, PAUSE, enacted)["pause"].starts == date(2031, 1, 1)


def test_extensions_follow_on_each_other_and_are_told_with_what_they_prolong() -> None:
    more = acting("more", "extends", "pause", "06-30", kind="truce", ended=day("09-30"), end_known=day("01-10"))
    again = acting("again", "extends", "more", "09-30", kind="truce", ended=day("12-31"), end_known=day("01-10"))
    assert set(ends(BAN, PAUSE, more, again)) == {"pause"}
    assert ends(BAN, PAUSE, more, again)["pause"].starts == date(2031, 1, 1)
    ban = changed(BAN, TERM)
    longer = acting("longer", "extends", "ban", "06-30", ended=day("09-30"), end_known=day("01-10"))
    assert states("ban", ban, longer, on="09-30 10-01") == [
        State("in_force", day("02-01"), day("09-30")),
        State("ended", day("10-01")),
    ]
    shorter = replace(longer, ended=day("05-31"))
    assert states("ban", ban, shorter, on="06-30") == [State("in_force", day("02-01"), day("06-30"))]
    lapsed = replace(more, status="lapsed")
    assert states("pause", BAN, PAUSE, lapsed, on="09-30 10-01") == [
        State("in_force", day("03-01"), day("09-30")),
        State("ended", day("10-01")),
    ]


def test_the_last_day_of_a_measure_is_its_own_or_that_before_an_act() -> None:
    ban = changed(BAN, TERM)
    assert last_day(Events([BAN]), "ban", KNOWN) is None
    assert last_day(Events([ban, PAUSE]), "ban", KNOWN) == day("06-30")
    assert last_day(Events([ban, acting("stop", "terminates", "ban", "05-01")]), "ban", KNOWN) == day("04-30")
    assert last_day(Events([ban]), "ban", day("01-10")) == day("06-30")
    assert last_day(Events([replace(ban, end_known=day("06-30"))]), "ban", day("01-10")) is None


def test_acts_are_told_in_order_of_their_dates() -> None:
    late, early = acting("a", "amends", "ban", "05-01"), acting("b", "amends", "ban", "04-01")
    undated = replace(early, event_id="c", effective=None)
    assert [by.event_id for by, _ in Events([late, early, undated]).acts_on("ban")] == ["c", "b", "a"]


# -- branches ----------------------------------------------------------------------------------------------------------


def test_a_branch_is_told_with_its_day_its_chance_and_its_title() -> None:
    pause = changed(PAUSE, SOURCED, probability=0.2)
    talk: EventFacts = {"kind": "threat", "status": "threatened"}
    back = an_event("back", SOURCED | talk, acts=(Act("terminates", "pause"),), probability=0.3)
    of_pause = Branch("pause", "suspension_end", ("ban",), day("07-01"), 0.2, False, "pause", 0.2, "pause", *BY)
    assert ends(BAN, pause, known_on=day("06-30")) == {"pause": of_pause}
    assert ends(BAN, pause, known_on=day("07-01")) == {"pause": replace(of_pause, unconfirmed=True)}
    assert ends(BAN, pause, back, known_on=day("06-30")) == {
        "pause": replace(of_pause, probability=0.3, title="back", stated=0.3, stated_of="back")
    }
    called_off = replace(back, status="withdrawn", ended=day("05-05"), end_known=day("05-05"))
    assert ends(BAN, pause, called_off, known_on=day("06-30")) == {"pause": of_pause}
    assert states("ban", BAN, pause, called_off, on="06-01")[0].status == "suspended"
    threat = an_event("threat", SOURCED | talk, probability=0.0)
    of_threat = Branch("threat", "threat", ("threat",), day("02-01"), 0.0, False, "threat", 0.0, "threat", *BY)
    assert ends(threat, known_on=day("01-31")) == {"threat": of_threat}
    assert ends(threat, known_on=day("02-01")) == {"threat": replace(of_threat, unconfirmed=True)}


def test_branches_come_by_date_and_those_without_one_last() -> None:
    undated = an_event("a", kind="threat", status="threatened", effective=None)
    late = an_event("b", kind="threat", status="threatened", effective=day("12-01"))
    assert list(ends(undated, late, BAN, PAUSE)) == ["pause", "b", "a"]


def test_a_suspension_ends_in_a_branch_only_while_it_lasts_and_alone_holds_something_back() -> None:
    assert set(ends(BAN, PAUSE, acting("stop", "terminates", "pause", "05-01"))) == set()
    assert set(ends(BAN, replace(PAUSE, ended=None, end_known=None))) == set()
    assert set(ends(BAN, replace(PAUSE, status="threatened"), known_on=day("02-01"))) == {"pause"}
    assert ends(BAN, replace(PAUSE, status="threatened"))["pause"].cause == "threat"
    assert set(ends(BAN, replace(PAUSE, kind="tariff_relief"))) == {"pause"}
    assert set(ends(replace(PAUSE, acts=()))) == {"pause"}
    assert set(ends(replace(PAUSE, kind="tariff_relief", acts=()))) == set()
    other = replace(PAUSE, event_id="other", effective=day("04-01"), ended=day("09-30"))
    found = ends(BAN, PAUSE, other)
    assert {name: (branch.starts, branch.event_ids) for name, branch in found.items()} == {
        "other": (day("10-01"), ("ban",))
    }
    wider = acting("wider", "extends", "pause", "06-30", kind="truce", ended=day("12-31"), end_known=day("01-10"))
    wider = replace(wider, acts=(*wider.acts, Act("suspends", "quota")))
    assert ends(BAN, an_event("quota"), PAUSE, wider)["pause"].event_ids == ("ban", "quota")
    own = replace(wider, acts=(Act("extends", "ban"), Act("suspends", "quota")))
    assert ends(BAN, an_event("quota"), own)["wider"].event_ids == ("quota",)


# -- what could be known -----------------------------------------------------------------------------------------------


def test_each_fact_is_known_from_its_day_on() -> None:
    ban = replace(
        BAN, ended=day("06-30"), end_known=day("05-01"), status="lapsed", status_as_of=day("07-05"), status_note="gone"
    )
    unnoted = replace(ban, status_as_of=None, status_note="")
    young = replace(unnoted, ended=None, end_known=None, status="enacted")
    days = ["01-09", "01-10", "04-30", "05-01", "06-29", "06-30", "07-04", "07-05"]
    by_day = [ban.known_on(day(text)) for text in days]
    limited = replace(unnoted, status="enacted")
    assert by_day == [None, young, young, limited, limited, unnoted, unnoted, ban]
    assert replace(ban, end_known=None).known_on(day("01-10")) == replace(limited, end_known=None)


def test_a_suspension_is_known_at_once_and_a_threat_stays_one_until_its_end() -> None:
    facts: EventFacts = {"ended": day("06-30"), "end_known": day("05-01")}
    held = changed(BAN, facts, status="suspended")
    assert [(known.status, known.ended) for text in ("04-30", "05-01") if (known := held.known_on(day(text)))] == [
        ("enacted", None),
        ("suspended", day("06-30")),
    ]
    for threat in (
        changed(BAN, facts, kind="threat", status="withdrawn"),
        changed(BAN, facts, status="threatened"),
    ):
        known = threat.known_on(day("05-01"))
        assert known is not None
        assert known.status == "threatened"


def test_it_is_known_from_its_announcement_and_acts_from_its_effective_day() -> None:
    assert (BAN.known_from, BAN.takes_effect) == (day("01-10"), day("02-01"))
    silent, talk = replace(BAN, announced=None), replace(BAN, effective=None)
    assert (silent.known_from, silent.takes_effect) == (day("02-01"), day("02-01"))
    assert (talk.known_from, talk.takes_effect) == (day("01-10"), day("01-10"))
