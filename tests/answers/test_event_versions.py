"""Versions of the events and the forks between them: what each changes, and in which draws."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest

from forecast.answers.event_versions import Assumption, ChanceNode, EventScenario, EventVersion, comes_with, differing
from forecast.answers.forecast import quantiles
from forecast.events import Act, Branch, Event, Events, Stringency
from forecast.interventions import Step
from forecast.names import Measure
from tests.support.records import changed
from tests.support.small_world import (
    AS_OF,
    EVIDENCE,
    LICENCE,
    OTHER,
    TARIFF,
    THREAT,
    H,
    N,
    a_ban,
    a_future,
    an_event,
    chances,
    column,
    logs,
    same,
    unseen,
)

ONE = a_ban("one")


@pytest.mark.parametrize(("unit", "family"), [("ad valorem %", TARIFF), ("t", LICENCE)])
def test_a_threat_with_a_probability_comes_in_so_many_draws_with_the_prior_of_what_it_threatens(
    unit: str, family: Stringency
) -> None:
    future = a_future(replace(THREAT, value_unit=unit), evidence=EVIDENCE)
    drawn = np.where(chances("threat") < 0.3, unseen("threat", family), 0.0)
    assert 0.25 < (drawn != 0).mean() < 0.35
    same(logs(future), np.outer(column(m2030_09=0.5, m2030_10=1.0), drawn))
    same(future.given(EventScenario(future.known)).change, -logs(future))
    assert not future.given(future.baseline).change.any()


def test_a_forecast_with_a_branch_does_not_wander_with_the_meeting_of_paths_and_effects() -> None:
    """The paths of each month have one margin, in another order; once a branch has built up, so has what is told."""
    still = a_future(THREAT, evidence=EVIDENCE)
    margin = 0.1 * np.array([NormalDist().inv_cdf((k + 0.5) / N) for k in range(N)])
    paths = np.random.default_rng(0).permuted(np.tile(margin, (H, 1)), axis=1).T.astype(np.float32)
    future = replace(still, run=replace(still.run, draws=paths))
    built_up = slice([str(day)[:7] for day in future.ds].index("2030-10"), None)
    gone = future.given(EventScenario(future.known.edited(removed={"threat"})))

    def wander(draws: npt.NDArray[np.floating]) -> float:
        return float(np.ptp(np.log(quantiles(draws[built_up], [0.025, 0.5, 0.975])), axis=1).max())

    met = np.exp(paths.T + future.added)
    assert wander(met) > 0.01
    assert wander(future.draws) < 1e-4
    np.testing.assert_array_equal(np.argsort(future.draws[-1]), np.argsort(met[-1]))
    np.testing.assert_allclose(
        quantiles(gone.draws, [0.1]), np.exp(np.quantile(margin, 0.1, method="hazen")), rtol=1e-4
    )


def test_without_a_day_of_its_own_a_branch_comes_on_the_day_of_the_question() -> None:
    future = a_future(replace(THREAT, effective=None), as_of=date(2030, 8, 20), evidence=EVIDENCE)
    drawn = np.where(chances("threat") < 0.3, unseen("threat", TARIFF), 0.0)
    same(logs(future), np.outer(column(m2030_08=0.5, m2030_09=1.0), drawn))


def test_a_draw_takes_one_alternative_and_each_is_as_likely() -> None:
    future = a_future(replace(THREAT, probability=None))
    (branch,) = future.branches
    days = [date(2030, 7 + k, 1) for k in range(4)]
    fork = ChanceNode("threat", 0.4, tuple(future.known.taking(branch, day) for day in days))
    message = {"threat": Assumption(shape=Step(), sizes=(("volume", -0.5, 0.0),))}
    change = future.given(EventScenario(future.known, message, (fork,))).change
    u = chances("threat")
    expected = np.zeros((H, N))
    for k in range(4):
        expected[k:, (0.1 * k <= u) & (u < 0.1 * (k + 1))] = -0.5
    same(change, expected)
    assert [round(float((change[k] != 0).mean()), 1) for k in (0, 1, 2, 3, -1)] == [0.1, 0.2, 0.3, 0.4, 0.4]


def test_a_branch_of_probability_zero_is_never_taken() -> None:
    future = a_future(replace(THREAT, probability=0.0), evidence=EVIDENCE)
    assert (future.draws == 1).all()
    assert len(future.baseline.chance_nodes) == 1


def test_a_branch_touches_a_series_by_what_starts_or_by_what_ends() -> None:
    pause = an_event(
        "pause", kind="truce", effective=date(2030, 3, 1), ended=date(2030, 10, 31), acts=(Act("suspends", "one"),)
    )
    assert [b.event_id for b in a_future(ONE, pause).branches] == ["pause"]
    assert [b.event_id for b in a_future(THREAT).branches] == ["threat"]
    gem = changed(pause, minerals=("gem",), flows=(("CHN", "WLD"),))
    assert [b.event_id for b in a_future(ONE, gem, series=OTHER).branches] == ["pause"]
    assert a_future(ONE, pause, series=OTHER).branches == ()
    assert [b.event_id for b in a_future(ONE, pause, series=OTHER).open_branches] == ["pause"]


# -- versions ----------------------------------------------------------------------------------------------------------


def version(*events: Event) -> EventVersion:
    """The events as known in the middle of July."""
    return EventVersion(Events(events).known_on(AS_OF), AS_OF)


def test_what_is_stated_of_a_series_goes_before_what_is_stated_of_its_measure() -> None:
    sizes = (("volume", -0.5, 0.1), (OTHER.series_id, -0.2, 0.3), ("price", 1.0, 0.0))
    for message in (sizes, sizes[::-1]):
        assert Assumption(sizes=message).size(OTHER) == (-0.2, 0.3)
        assert Assumption(sizes=message).size(replace(OTHER, series_id="volume.x")) == (-0.5, 0.1)
        assert Assumption(sizes=message).size(replace(OTHER, series_id="value.x", measure=Measure.VALUE)) is None


def test_an_edit_touches_what_is_acted_on_before_or_after() -> None:
    ban, pause = a_ban("ban"), an_event("pause", acts=(Act("suspends", "ban"),))
    longer = an_event("longer", acts=(Act("extends", "pause"),))
    base = version(ban, pause, longer, a_ban("other"))
    assert base.edited() is base
    assert base.edited(removed={"longer"}).changed == {"longer", "pause", "ban"}
    assert base.edited([replace(longer, acts=())]).changed == {"longer", "pause", "ban"}
    new = base.edited([an_event("new", acts=(Act("terminates", "pause"),))])
    assert new.changed == {"new", "pause", "ban"}
    assert new.edited([replace(base.events["other"], ended=AS_OF)]).changed == {"new", "pause", "ban", "other"}
    assert set(base.edited(removed={"pause"}).events) == {"ban", "longer", "other"}


def test_an_edit_is_known_as_everything_else_is() -> None:
    base = version(a_ban("ban"))
    late = replace(base.events["ban"], announced=date(2030, 7, 16))
    assert "ban" not in base.edited([late]).events
    assert base.edited([late]).steps("ban") == ()
    assert "ban" in base.edited([replace(late, announced=AS_OF)]).events
    secret = replace(base.events["ban"], ended=date(2030, 9, 30), end_known=date(2030, 7, 16))
    assert base.edited([secret]).events["ban"].ended is None
    assert base.edited([secret]).events.as_of == AS_OF


def test_news_is_a_fact_of_an_event_or_of_what_it_acts_on() -> None:
    ban, pause = a_ban("ban"), an_event("pause", acts=(Act("suspends", "ban"),))
    events = Events([ban, pause])
    assert differing(events, Events([ban, pause])) == set()
    assert differing(events, Events([ban])) == differing(Events([ban]), events) == {"pause", "ban"}
    assert differing(events, Events([replace(ban, ended=AS_OF), pause])) == {"ban"}
    prose = replace(ban, title="x", status_note="x", status_as_of=AS_OF, sources=("x",), certainty="x")
    assert differing(events, Events([prose, pause])) == set()


def branch_in(known: EventVersion) -> Branch:
    (branch,) = a_future(*known.events.values()).open_branches
    return branch


def test_a_threat_that_is_taken_is_the_measure_itself_without_an_end() -> None:
    known = version(replace(THREAT, ended=date(2030, 12, 31), end_known=AS_OF))
    branch = branch_in(known)
    taken = known.taking(branch, date(2030, 10, 5)).events[comes_with(branch)]
    assert taken == replace(THREAT, kind="tariff", status="enacted", effective=date(2030, 10, 5))
    assert known.taking(branch, date(2030, 10, 5)).steps("threat") == ((date(2030, 10, 5), 1.0),)


def test_a_suspension_that_is_over_ends_on_its_day_and_what_it_held_is_back() -> None:
    pause = an_event(
        "pause", kind="truce", effective=date(2030, 3, 1), ended=date(2030, 10, 31), acts=(Act("suspends", "one"),)
    )
    known = version(ONE, pause)
    branch = branch_in(known)
    taken = known.taking(branch, date(2030, 11, 1))
    assert taken.events["pause.end"].acts == (Act("terminates", "pause"), Act("reinstates", "one"))
    assert taken.events["pause.end"].ended is None
    assert taken.changed == {"pause", "pause.end", "one"}
    assert taken.steps("one") == ((date(2030, 2, 1), 1.0), (date(2030, 3, 1), 0.0), (date(2030, 11, 1), 1.0))
    assert taken.steps("pause") == ((date(2030, 3, 1), 1.0), (date(2030, 11, 1), 0.0))
    assert known.steps("one") == ((date(2030, 2, 1), 1.0), (date(2030, 3, 1), 0.0))
