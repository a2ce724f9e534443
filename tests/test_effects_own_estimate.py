"""When a family's own estimate of the effects is the record of a run, and what that record holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from forecast.effects import EffectRecord, Episode, EpisodeEffect
from forecast.effects.own_estimate import from_coefficients, own_or_shared
from forecast.events import KindFamily
from forecast.forecasters.base import Coefficients
from forecast.interventions import Decay, Design, Intervention, Step
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.sample import Sample

MONTHS, T, N = Freq("M"), 60, 4000
DS: Days = MONTHS.range("2020-01-01", T)
SAMPLE = Sample(DS, np.zeros(T), MONTHS, False)
#: Of a step its average effect is its size: the central 90 % of these lie between 0.21 and 0.39.
SIZES = np.linspace(0.2, 0.4, N, dtype=np.float32)


def effect(name: str, row: int, *, apart: bool = True) -> EpisodeEffect:
    """An effect of 0.2 to 0.4 since the period numbered ``row``; the best guess is a step, what was found fades."""
    start = np.datetime64(DS[row], "D")
    guess = Intervention(Step(), start)
    episode = Episode(name, (name,), KindFamily.SUPPLY, 1, None, start.item(), None, 1.0, guess, apart)
    ways = (Intervention(Decay(0.5), start), guess)
    choice = np.ones(N, dtype=np.int16)
    return EpisodeEffect(episode, ways, choice, SIZES, False, True, (0.0, 0.25), (0.3, 0.1), 0.9, 0.05)


def shared(*effects: EpisodeEffect) -> EffectRecord:
    return EffectRecord(effects, "averaged", N, MONTHS, DS[-1], "volume.x", notes=("of the estimate",))


def estimated(mean: float, sd: float) -> Callable[[Design], Coefficients]:
    """A family that finds the same of every column it is given."""

    def estimate(columns: Design) -> Coefficients:
        assert columns.X.max() == 1
        K = len(columns.names)
        return Coefficients(columns.names, np.full(K, mean), sd**2 * np.eye(K))

    return estimate


def refused(columns: Design) -> Coefficients:
    pytest.fail(f"nothing was to be estimated of {columns.names}")


def test_a_family_s_own_estimate_becomes_the_record() -> None:
    base = shared(effect("a", 5), effect("b", 25), effect("c", 45))
    own = Coefficients(("a", "b"), np.array([0.1, 0.0]), np.array([[0.01, 0.0], [0.0, 0.0]]))
    record = from_coefficients(base, own, method="sarimax")
    a, b, c = record.effects
    assert record.method == "sarimax"
    assert (a.size.mean(), a.size.std()) == (pytest.approx(0.1, abs=0.01), pytest.approx(0.1, rel=0.1))
    assert [one.identified for one in (a, b, c)] == [True, False, False]  # 0 ± 0 is no estimate
    np.testing.assert_allclose([b.size.std(), c.size.std()], 0.2, rtol=0.1)
    assert a.candidates == (a.episode.intervention,)
    # what the series says without a prior, for pooling, hangs on nobody's estimate; a rank does
    assert (a.likelihood, a.detectable, a.placebo_rank) == ((0.3, 0.1), 0.05, None)


@pytest.mark.parametrize(("sd", "method"), [(0.075, "ucm"), (0.060, "averaged")])
def test_an_own_estimate_is_the_record_where_its_interval_meets_that_of_the_shared_one(sd: float, method: str) -> None:
    """0.5 ± 1.645 sd reaches down to 0.377 with an sd of 0.075, and to 0.401 with one of 0.060; the shared, to 0.39."""
    record = own_or_shared("ucm", SAMPLE, shared(effect("a", 5), effect("b", 18)), estimated(0.5, sd))
    assert record.method == method
    if method == "ucm":
        assert record.notes == ("of the estimate",)
        np.testing.assert_allclose([one.size.mean() for one in record.effects], 0.5, atol=0.01)


def test_an_estimate_that_disagrees_is_set_aside_with_both_intervals_in_percent() -> None:
    """−0.73 on the log is −52 %; 0.21 and 0.39 are +23 and +48 %."""
    base = shared(effect("a", 5))
    record = own_or_shared("sarimax", SAMPLE, base, estimated(-0.734, 0.0001))
    assert record.effects is base.effects
    assert record.notes == (
        "of the estimate",
        "own estimate set aside: its 90 % interval of a and that of the shared record do not meet "
        "(-52 to -52 % and +23 to +48 %)",
    )


def test_where_a_sample_has_zeros_no_column_is_estimated() -> None:
    sample = replace(SAMPLE, zeros=(57, 58, 59), limit=-1.0)
    record = own_or_shared("prophet", sample, shared(effect("a", 57)), refused)
    assert (record.method, record.notes[-1]) == (
        "averaged",
        "own estimate set aside: its sample has periods without trade",
    )


@pytest.mark.parametrize("apart", [True, False])
def test_twelve_months_between_two_starts_are_an_overlap_also_with_what_is_not_told_apart(apart: bool) -> None:
    base = shared(effect("ban.x", 5), effect("tariff.y", 17, apart=apart), effect("other", 40))
    record = own_or_shared("ucm", SAMPLE, base, refused)
    assert record.notes[-1] == "own estimate set aside: ban.x and tariff.y overlap"
    base = shared(effect("ban.x", 5), effect("tariff.y", 18), effect("other", 40))
    assert own_or_shared("ucm", SAMPLE, base, estimated(0.3, 0.1)).method == "ucm"


def test_of_several_overlaps_the_first_is_named_and_the_others_counted() -> None:
    base = shared(effect("a", 5), effect("b", 7), effect("c", 9))
    record = own_or_shared("ucm", SAMPLE, base, refused)
    assert record.notes[-1] == "own estimate set aside: a and b overlap, and so do 2 other pairs"


def test_an_episode_without_a_window_has_nothing_to_agree_on() -> None:
    early = effect("a", 5)
    guess = replace(early.episode.intervention, end=np.datetime64("2020-05-31"))  # over before it starts
    base = shared(replace(early, episode=replace(early.episode, intervention=guess)))
    assert not len(base.effects[0].window(MONTHS, DS[-1]))

    def estimate(columns: Design) -> Coefficients:
        return Coefficients(columns.names, np.array([9.0]), np.array([[0.01]]))

    assert own_or_shared("ucm", SAMPLE, base, estimate).method == "ucm"
