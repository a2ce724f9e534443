"""Trade or none: chances that can be worked out by hand, and draws that have them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.forecasters.occurrence import MEMORY_VISITS, Few, Occurrence, few, learn, shared
from forecast.interventions import Design
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

MONTHS, YEARS, DAYS = Freq("M"), Freq("Y"), Freq("D")
MANY = 1e7  # counts so many that the chance they tell is certain


def one_model(rows: list[list[float]], *, chain: bool, before: bool = True, freq: Freq = YEARS) -> Occurrence:
    """A single model without seasons; ``rows``: counts of none and of trade, after none and after trade."""
    alone = np.array([1.0]), np.array([0]), np.array([chain]), np.array([rows]), np.zeros((1, 12, 2, 2))
    return Occurrence(freq, *alone, before)


def shares(found: Occurrence, horizon: int, n: int = 2000, last: str = "2023-01-01") -> Floats:
    """(H,) share of draws with trade."""
    ds = found.freq.range(found.freq.shift(np.datetime64(last), 1), horizon)
    return np.asarray(found.draw(ds, n, np.random.default_rng(4)).mean(axis=0))


#: Whether there was trade in each period: no number where that is not known.
Trade = Sequence[float] | Floats | npt.NDArray[np.bool_]


def chances(trade: Trade, freq: Freq = MONTHS, first: str = "2014-01-01") -> Floats:
    """(12,) share of draws with trade, of the periods after such a history."""
    found, last = learned(trade, freq, first)
    return shares(found, 12, 4000, last)


def learned(trade: Trade, freq: Freq = MONTHS, first: str = "2014-01-01") -> tuple[Occurrence, str]:
    """What a history tells that starts in 2014, and the period it ends with."""
    ds = freq.range(np.datetime64(first), len(trade))
    return learn(np.array(trade, dtype=float), ds, freq), str(ds[-1])


# -- draws -------------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.integers(0, 2**32 - 1))
def test_as_many_trade_as_their_chances_sum_to_and_none_against_its_own(p: list[float], seed: int) -> None:
    found = shared(np.array(p), np.random.default_rng(seed))
    assert abs(found.sum() - sum(p)) < 1 + 1e-9
    assert not found[np.array(p) == 0].any()


def test_each_has_its_own_chance_whatever_the_others_have() -> None:
    p = np.array([0.05, 0.5, 0.9, 0.2])
    rng = np.random.default_rng(1)
    found = np.mean([shared(p, rng) for _ in range(20000)], axis=0)
    np.testing.assert_allclose(found, p, atol=0.015)


@given(st.floats(0.3, 60), st.floats(0.3, 60))
def test_the_share_of_draws_without_trade_is_the_chance_that_the_counts_tell(none: float, trade: float) -> None:
    n, p = 4000, trade / (none + trade)
    sd = np.sqrt(p * (1 - p) / (none + trade + 1))
    found = shares(one_model([[none, trade], [1.0, 1.0]], chain=False), 6, n)
    np.testing.assert_allclose(found, p, atol=5 * sd / np.sqrt(n) + 1 / n)


def test_a_chain_goes_on_from_the_last_period() -> None:
    """After trade .9, after none .2: .9, then .9 · .9 + .1 · .2 = .83, then .83 · .9 + .17 · .2 = .781."""
    rows = [[0.8 * MANY, 0.2 * MANY], [0.1 * MANY, 0.9 * MANY]]
    np.testing.assert_allclose(shares(one_model(rows, chain=True), 3), [0.9, 0.83, 0.781], atol=0.002)
    # from none .2, then .2 · .9 + .8 · .2 = .34
    np.testing.assert_allclose(shares(one_model(rows, chain=True, before=False), 2), [0.2, 0.34], atol=0.002)


def test_what_does_not_come_for_long_is_less_and_less_likely_to_come() -> None:
    """The chance of return is Beta(.5, 8.5): that of none in k periods is Π (8.5 + i) / (9 + i), i < k."""
    still = shares(one_model([[8.5, 0.5], [1e-6, MANY]], chain=True, before=False), 12, 20000)
    none = np.cumprod((8.5 + np.arange(12)) / (9 + np.arange(12)))
    np.testing.assert_allclose(still, 1 - none, atol=0.01)


# -- what is learned ---------------------------------------------------------------------------------------------------


def test_models_are_weighed_by_what_they_foretold_and_count_what_came() -> None:
    """Trade, then none: a chance of a half without memory, of a tenth with it; three lengths of memory each."""
    found, _ = learned([1, 0], YEARS)
    np.testing.assert_allclose(found.weights, [0.5 / 1.8] * 3 + [0.1 / 1.8] * 3)
    assert found.chain.tolist() == [False] * 3 + [True] * 3
    np.testing.assert_allclose(found.rows[0, 0], [1.5, 0.5])
    np.testing.assert_allclose(found.rows[3], [[0.9, 0.1], [1.1, 0.9]])
    assert found.before is False


def test_what_was_long_ago_fades_by_the_length_of_the_memory() -> None:
    found, _ = learned([1.0] * 400, YEARS, "1600-01-01")
    for k, memory in enumerate(MEMORY_VISITS):
        none, trade = found.rows[k, 0]
        assert none == pytest.approx(0.5)
        assert trade == pytest.approx(0.5 + memory * (1 - (1 - 1 / memory) ** 399))


def test_what_is_not_known_changes_nothing() -> None:
    gappy, whole = learned([1, np.nan, 0, np.nan, np.nan, 1], YEARS)[0], learned([1, 0, 1], YEARS)[0]
    np.testing.assert_array_equal(gappy.rows, whole.rows)
    np.testing.assert_array_equal(gappy.weights, whole.weights)
    nothing = learned([np.nan, np.nan], YEARS)[0]
    np.testing.assert_allclose(nothing.weights, 1 / 6)
    assert nothing.before is True


@given(
    st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=1, max_size=60),
    st.sampled_from(["D", "B", "W-SUN", "M", "Q", "Y"]),
)
def test_any_history_has_weights_that_sum_to_one_and_chances_between_none_and_all(
    trade: list[float], code: str
) -> None:
    freq = Freq(code)
    found = learn(np.array(trade), freq.range(np.datetime64("2020-01-06"), len(trade)), freq)
    assert found.weights.sum() == pytest.approx(1)
    assert (found.weights > 0).any()
    chances = found._chances(np.arange(len(found.weights)), np.random.default_rng(0))
    assert ((chances >= 0) & (chances <= 1)).all()


def test_a_winter_closure_is_foretold_month_by_month() -> None:
    found = chances([0.0 if i % 12 < 3 else 1.0 for i in range(120)])
    assert found[:3].max() < 0.1
    assert found[3:].min() > 0.94


def test_weekends_are_foretold_day_by_day() -> None:
    days = DAYS.range(np.datetime64("2024-01-01"), 280)  # a Monday
    trade = (days.astype(int) + 3) % 7 < 5
    found = chances(trade, DAYS, "2024-01-01")[:7]
    assert found[:5].min() > 0.98
    assert found[5:].max() < 0.03


def test_a_flow_that_stopped_stays_stopped_with_a_small_chance_of_return() -> None:
    found = chances([1.0] * 87 + [0.0] * 9)
    assert 0.002 < found[0] < 0.04
    assert found[0] < found[5] < found[11] < 0.15


def test_rare_lots_come_as_often_as_they_came() -> None:
    rng = np.random.default_rng(6)
    trade = rng.random(240) < 0.2
    found = chances(trade)
    np.testing.assert_allclose(found, trade.mean(), atol=0.07)


def test_a_zero_long_ago_leaves_a_small_chance_of_another() -> None:
    found = chances([1.0] * 60 + [0.0] + [1.0] * 180)
    assert found.min() > 0.9
    assert found.max() < 1


# -- how much, after a few trades --------------------------------------------------------------------------------------


def sizes(*values: float, limit: float = 0.0) -> Sample:
    y = np.array(values)
    return Sample(MONTHS.range("2020-01-01", len(y)), np.log(y), MONTHS, False, (0,), limit)


def test_after_a_few_trades_what_comes_is_like_them() -> None:
    """Logs 4 and 6: mean 5, variance (2 · .5² + 2 · 1²) / (2 + 2) = .625."""
    found = few(sizes(np.exp(4), np.exp(6)), np.datetime64("2020-09-01"))
    assert (found.mean, found.sd) == pytest.approx((5.0, 0.625**0.5))
    paths = found.simulate(Design.empty(MONTHS.range("2020-10-01", 3)), 40000, 1)
    np.testing.assert_allclose(paths.mean(axis=0), 5, atol=0.02)
    np.testing.assert_allclose(paths.std(axis=0), 0.625**0.5, rtol=0.05)
    assert found.notes == ("2 periods with trade are too few to learn from: what may come is like those",)


def test_without_any_trade_what_comes_is_the_smallest_that_can_be_reported() -> None:
    found = few(sizes(limit=float(np.log(0.05))), np.datetime64("2020-09-01"))
    assert isinstance(found, Few)
    assert np.exp(found.mean) == pytest.approx(0.1)
    assert found.sd == pytest.approx(0.5)
    assert found.last == np.datetime64("2020-09-01")
    assert "no period had trade" in found.notes[0]
