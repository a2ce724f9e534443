"""A threat to extend a suspension: one branch with its end, drawn with what is left of the chance, and a next end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.answers.branches import branch_facts, branch_in_words
from forecast.events import Act, Branch, Event, Events, branches
from tests.support.records import EventFacts, changed
from tests.support.small_world import EVIDENCE, SOURCED, a_ban, a_future, an_event, chances

KNOWN = date(2030, 7, 15)
BAN = a_ban("ban", effective=date(2030, 1, 20))
TERM: EventFacts = {"ended": date(2030, 8, 31), "end_known": date(2030, 1, 10)}
PAUSE = an_event("pause", kind="truce", title="A pause", acts=(Act("suspends", "ban"),), message=TERM)


def extension(
    event_id: str = "longer", target: str = "pause", until: str = "2030-11-30", p: float | None = 0.7
) -> Event:
    talk: EventFacts = {"kind": "truce", "status": "threatened", "announced": date(2030, 7, 1)}
    dates: EventFacts = {"effective": date(2030, 8, 31), "ended": date.fromisoformat(until)}
    one = an_event(event_id, talk | dates, end_known=date(2030, 7, 1), acts=(Act("extends", target),))
    return one if p is None else changed(one, SOURCED, probability=p, probability_date=date(2030, 7, 7))


def found(*events: Event, known_on: date = KNOWN) -> dict[str, Branch]:
    return {branch.event_id: branch for branch in branches(Events(events), known_on)}


def test_a_threatened_extension_is_no_branch_of_its_own_but_that_of_the_end() -> None:
    longer = extension()
    ends = found(BAN, PAUSE, longer)
    assert list(ends) == ["pause", "longer"]
    first, then = ends["pause"], ends["longer"]
    assert (first.cause, first.starts, first.event_ids) == ("suspension_end", date(2030, 9, 1), ("ban",))
    assert first.probability == pytest.approx(0.3)
    assert (first.extension, first.stated, first.stated_of, first.chance) == ("longer", 0.7, "longer", "longer")
    assert (then.cause, then.starts, then.event_ids) == ("suspension_end", date(2030, 12, 1), ("ban",))
    assert (then.probability, then.chance) == (None, "longer")
    assert then.after == pytest.approx(0.3)


def test_before_it_was_said_there_was_only_the_end_and_no_probability() -> None:
    (only,) = found(BAN, PAUSE, extension(), known_on=date(2030, 6, 30)).values()
    assert (only.event_id, only.extension, only.probability) == ("pause", "", None)
    said, _ = found(BAN, PAUSE, extension(), known_on=date(2030, 7, 6)).values()
    assert (said.extension, said.probability) == ("longer", None)  # its probability is of the next day


def test_an_extension_that_comes_moves_the_end_and_one_that_is_called_off_leaves_it() -> None:
    (moved,) = found(BAN, PAUSE, replace(extension(), status="enacted")).values()
    assert (moved.event_id, moved.starts, moved.probability) == ("pause", date(2030, 12, 1), None)
    off = replace(extension(), status="withdrawn", ended=date(2030, 7, 10), end_known=date(2030, 7, 10))
    (stays,) = found(BAN, PAUSE, off).values()
    assert (stays.starts, stays.extension) == (date(2030, 9, 1), "")


def test_an_extension_that_is_called_off_after_the_end_extends_nothing_up_to_that_day() -> None:
    off = replace(extension(), status="withdrawn", ended=date(2030, 9, 20), end_known=date(2030, 9, 20))
    (stays,) = found(BAN, PAUSE, off, known_on=date(2030, 10, 1)).values()
    assert (stays.starts, stays.unconfirmed) == (date(2030, 9, 1), True)


def test_one_word_may_extend_several_suspensions_which_then_hang_on_one_chance() -> None:
    quota = a_ban("quota", effective=date(2030, 1, 20))
    other = replace(PAUSE, event_id="other", acts=(Act("suspends", "quota"),), ended=date(2030, 9, 15))
    both = replace(extension(), acts=(Act("extends", "pause"), Act("extends", "other")))
    ends = found(BAN, quota, PAUSE, other, both)
    assert {name: branch.starts for name, branch in ends.items()} == {
        "pause": date(2030, 9, 1),
        "other": date(2030, 9, 16),
        "longer": date(2030, 12, 1),
    }
    assert {branch.chance for branch in ends.values()} == {"longer"}
    assert ends["longer"].event_ids == ("ban", "quota")


def test_a_probability_without_source_and_date_is_listed_and_not_drawn() -> None:
    bare = replace(extension(), probability_source="", probability_date=None)
    first = found(BAN, PAUSE, bare)["pause"]
    assert first.probability is None
    assert branch_in_words(first, Events([BAN, PAUSE, bare])).endswith(
        "extension 0.7 on record without source and date, so it is not drawn"
    )


def test_the_branch_says_who_gives_the_extension_what_chance_and_what_has_passed() -> None:
    events = Events([BAN, PAUSE, extension()])
    first, then = branches(events, KNOWN)
    assert branch_in_words(first, events) == (
        'Suspension of "ban" ends on 31 Aug 2030 unless extended: it returns from 1 Sep 2030; '
        "extension 0.7 (A. Forecaster, 7 Jul 2030)"
    )
    assert branch_in_words(then, events) == (
        'Extension "longer", if it comes, ends on 30 Nov 2030: what it holds back would return from 1 Dec 2030'
    )
    late, _ = branches(events, date(2030, 9, 1))
    assert branch_in_words(late, events) == (
        'Suspension of "ban" was to end on 31 Aug 2030 unless extended: it was to return from 1 Sep 2030; '
        "extension 0.7 (A. Forecaster, 7 Jul 2030); that day has passed, and nothing later is known"
    )
    facts = branch_facts(first, events)
    assert facts.probability == pytest.approx(0.3)
    assert facts.extension == "longer"
    assert (facts.probability_source, facts.probability_date) == ("A. Forecaster", date(2030, 7, 7))


def test_what_is_suspended_returns_in_just_the_draws_that_are_left() -> None:
    future = a_future(BAN, PAUSE, extension(), evidence=EVIDENCE)
    returned = (future.added[2] != 0) & (future.added[5] != 0)
    np.testing.assert_array_equal(returned, chances("longer") < 1 - 0.7)
    assert not (future.added[1] != 0).any()  # August, still suspended


def test_with_a_chance_for_its_end_the_extension_is_drawn_in_other_draws() -> None:
    again = an_event("again", SOURCED, kind="threat", status="threatened", acts=(Act("terminates", "longer"),))
    again = replace(again, effective=date(2030, 12, 1), probability=0.5)
    future = a_future(BAN, PAUSE, extension(), again, evidence=EVIDENCE)
    assert [b.event_id for b in future.branches] == ["pause", "longer"]
    then = future.branches[1]
    assert then.probability == pytest.approx(0.35)
    assert then.after == pytest.approx(0.3)
    u = chances("longer")
    np.testing.assert_array_equal(future.added[3] != 0, u < 0.3)
    np.testing.assert_array_equal(future.added[8] != 0, u < 0.3 + 0.35)


@given(st.permutations(["ban", "pause", "longer", "longest"]), st.floats(0, 1), st.floats(0, 1))
def test_chances_of_an_extended_extension_never_add_up_to_more_than_one(order: list[str], p: float, q: float) -> None:
    events = {e.event_id: e for e in (BAN, PAUSE, extension(p=p), extension("longest", "longer", "2031-02-28", q))}
    ends = found(*(events[name] for name in order))
    assert list(ends) == ["pause", "longer", "longest"]
    assert {branch.chance for branch in ends.values()} == {"longer"}
    assert ends["pause"].probability == pytest.approx(1 - p)
    assert ends["longer"].probability == pytest.approx(p * (1 - q))
    assert ends["longest"].after == pytest.approx(1 - p + p * (1 - q))


def test_the_word_of_september_2026_is_a_branch_of_the_three_suspensions(bundled_events: Events) -> None:
    word, asked = "cn-kuala-lumpur-extension-2026", date(2026, 11, 28)
    ends = {branch.event_id: branch for branch in branches(bundled_events, asked) if branch.chance == word}
    assert {name: (branch.starts, branch.unconfirmed) for name, branch in ends.items()} == {
        "cn-suspension-no70-2025": (date(2026, 11, 11), True),
        "cn-tariff-suspension-2025-11": (date(2026, 11, 11), True),
        "cn-suspension-no72-2025": (date(2026, 11, 28), True),
        word: (date(2027, 1, 11), False),
    }
    assert [ends[name].probability for name in ends if name != word] == [pytest.approx(0.26)] * 3
    assert ends[word].probability is None
    words = branch_in_words(ends["cn-suspension-no72-2025"], bundled_events)
    assert "was to end on 27 Nov 2026 unless extended" in words
    assert words.endswith(
        "extension 0.74 (public forecast ledger, 7 Oct 2026); that day has passed, and nothing later is known"
    )
