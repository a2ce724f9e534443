"""Branches in words: what would happen, and when."""

from __future__ import annotations

import datetime as dt

import pytest

from forecast.answers.branches import branch_in_words
from forecast.events import Branch, Events, branches
from tests.support.small_world import an_event

STARTS = dt.date(2026, 11, 11)
EVENTS = Events([an_event("ban", title="A ban"), an_event("quota"), an_event("pause", title="Talks of a summit")])


def a_branch(*held: str, cause: str = "suspension_end", unconfirmed: bool = False) -> Branch:
    return Branch("pause", cause, held, STARTS, None, unconfirmed, "Talks of a summit")


@pytest.mark.parametrize(
    ("branch", "says"),
    [
        (a_branch("ban"), 'Suspension of "A ban" ends on 10 Nov 2026: it returns from 11 Nov 2026'),
        (a_branch("ban", "quota"), "Suspension of ban and quota ends on 10 Nov 2026: they return from 11 Nov 2026"),
        (
            a_branch("ban", unconfirmed=True),
            'Suspension of "A ban" was to end on 10 Nov 2026: it was to return from 11 Nov 2026; that day has passed, '
            "and nothing later is known",
        ),
        (a_branch(), 'Truce "Talks of a summit" ends on 10 Nov 2026: no measure on record would return'),
        (a_branch("pause", cause="threat"), "Talks of a summit: may start on 11 Nov 2026"),
        (
            a_branch("pause", cause="threat", unconfirmed=True),
            "Talks of a summit: was to start on 11 Nov 2026; that day has passed, and nothing later is known",
        ),
        (Branch("pause", "threat", ("pause",), None, None, False, "A duty"), "A duty: no day set"),
    ],
)
def test_a_branch_says_what_would_happen_and_when(branch: Branch, says: str) -> None:
    assert branch_in_words(branch, EVENTS) == says


def test_the_end_of_a_suspension_is_told_by_what_returns_not_by_the_meeting_that_agreed_it(
    bundled_events: Events,
) -> None:
    day = dt.date(2026, 11, 24)
    said = {branch.event_id: branch_in_words(branch, bundled_events) for branch in branches(bundled_events, day)}
    assert said["us-bis-50pct-suspension-2025"] == (
        'Suspension of "US BIS 50% Affiliates Rule (entity list extended to subsidiaries)" ends on 10 Jan 2027: '
        "it returns from 11 Jan 2027"
    )
    assert all("202" in words or words.endswith("no day set") for words in said.values())
