"""Answers from a run of which a companion had seen the first months: what events did is in them, and is added once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from forecast.answers.event_versions import EventScenario
from forecast.answers.future import Future
from tests.support.small_world import AS_OF, EVIDENCE, PRICE, H, N, a_ban, a_future, an_effect

#: Effective in August 2030, two months after the last observation.
BAN = a_ban("ban", announced=date(2030, 7, 1), effective=date(2030, 8, 1))


def bridged(future: Future, periods: int) -> Future:
    return replace(future, run=replace(future.run, card=replace(future.run.card, bridged=periods)))


def test_an_event_that_began_in_a_month_seen_adds_only_what_it_still_builds_up() -> None:
    plain = a_future(BAN, series=PRICE, as_of=date(2030, 9, 5), evidence=EVIDENCE)
    seen = bridged(plain, 2)
    assert seen.ds.tolist() == plain.ds.tolist()
    assert np.abs(plain.added[1]).mean() > 0, "August, of which nothing is known without a companion"
    assert seen.added.shape == (H, N)
    np.testing.assert_array_equal(seen.added[:2], 0)
    long_after = np.abs(seen.added[-1]).mean() / np.abs(plain.added[-1]).mean()
    assert 0.2 < long_after < 0.8, "half of it had built up in August"


def test_an_event_that_is_over_takes_its_path_back_after_the_months_seen() -> None:
    ban = a_ban("old", announced=date(2030, 1, 1), effective=date(2030, 2, 1), ended=date(2030, 9, 15))
    effect = an_effect(ban, size=0.3, series=PRICE, end=np.datetime64("2030-09-15"))
    plain = a_future(ban, series=PRICE, effects=[effect], as_of=AS_OF, evidence=EVIDENCE)
    seen = bridged(plain, 2)
    np.testing.assert_array_equal(seen.added[:2], 0)
    np.testing.assert_allclose(seen.added[2:], plain.added[2:], atol=1e-6)
    assert seen.added[2].mean() > 0.29, "September still has it"
    assert abs(seen.added[-1].mean()) < 1e-6


def test_a_scenario_changes_no_month_that_was_seen() -> None:
    ban = a_ban("old", announced=date(2030, 1, 1), effective=date(2030, 2, 1))
    effect = an_effect(ban, size=0.3, series=PRICE)
    seen = bridged(a_future(ban, series=PRICE, effects=[effect], as_of=AS_OF, evidence=EVIDENCE), 3)
    gone = EventScenario(seen.known.edited(removed={"old"}))
    without = seen.given(gone)
    np.testing.assert_array_equal(without.change[:3], 0)
    np.testing.assert_array_equal(without.draws[:3], seen.draws[:3])
    np.testing.assert_allclose(without.change[3:], -0.3, atol=1e-6)
    short = seen.given(gone, horizon=2)
    assert short.draws.shape == (2, N)
