"""The champion is the best backtest, protected from luck; somebody's wish goes before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.names import Measure
from forecast.timeseries.series import History, Series
from forecast.training.backtest import BacktestScores
from forecast.training.selection import EXPECTED_RATIOS, MIN_GAIN, choose, forced, shrunken, untested
from tests.support.records import a_series

PRICE = a_series("price.x", "x", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 0)
VOLUME = replace(PRICE, series_id="volume.x", measure=Measure.VOLUME)


def scored(family: str, score: float, origins: int = 24) -> BacktestScores:
    return BacktestScores(family, origins, np.array([score, score]), {80: 0.8}, np.full(16, 1 / 16))


def test_the_best_of_several_serves() -> None:
    table = [scored("seasonal-naive", 1.0), scored("grid", 0.7), scored("ets", 0.9)]
    choice = choose(table, VOLUME)
    assert choice.family == "grid"
    assert 0.7 < choice.score < EXPECTED_RATIOS["grid"][1]
    assert "seasonal-naive" in choice.reason


def test_a_trend_does_not_win_a_price_by_chance() -> None:
    table = [scored("random-walk", 1.0), scored("prophet", 0.92, origins=8)]
    assert choose(table, PRICE).family == "random-walk"
    assert (
        "no model was reliably better by 2 % (the best, prophet: error (CRPS) 0.920 of" in choose(table, PRICE).reason
    )


@pytest.mark.parametrize(
    ("family", "score", "serves"),
    [
        ("grid", 0.99, "grid"),  # better here, and on many other series
        ("grid", 1.05, "grid"),  # a little worse here, in two years of one trend
        ("grid", 1.3, "random-walk"),  # much worse here
        ("ets", 0.96, "random-walk"),  # better here, worse elsewhere
        ("unheard-of", 0.95, "random-walk"),  # a gain of two percent here is too little without experience
    ],
)
def test_the_baseline_keeps_its_place_unless_it_is_beaten_with_experience(
    family: str, score: float, serves: str
) -> None:
    assert choose([scored("random-walk", 1.0), scored(family, score)], PRICE).family == serves


def test_a_family_that_won_here_does_not_hide_the_one_that_is_better_by_far_elsewhere() -> None:
    table = [scored("random-walk", 1.0), scored("grid", 1.02), scored("sarimax", 0.93)]
    choice = choose(table, PRICE)
    assert choice.family == "grid"
    assert choice.reason.startswith(
        "grid serves: its error (CRPS) was 1.020 of that of random-walk on this series, 0.96"
    )


def test_a_family_that_lost_here_does_not_hide_one_that_won() -> None:
    table = [scored("seasonal-naive", 1.0), scored("grid", 1.02), scored("ucm", 0.9)]
    assert choose(table, VOLUME).family == "ucm"


@pytest.mark.parametrize("rest", [[], [scored("grid", float("nan"))]])
def test_without_a_rival_the_baseline_serves(rest: list[BacktestScores]) -> None:
    choice = choose([scored("random-walk", 1.0), *rest], PRICE)
    assert (choice.family, choice.score) == ("random-walk", 1.0)


@given(st.floats(0.2, 3.0), st.integers(1, 500), st.sampled_from(["grid", "ets", "sarimax", "ucm", "prophet"]))
def test_a_score_is_drawn_towards_experience_and_less_so_with_more_origins(
    score: float, origins: int, family: str
) -> None:
    few, many = (shrunken(scored(family, score, n), PRICE) for n in (origins, 2 * origins))
    low, high = sorted((score, EXPECTED_RATIOS[family][0]))
    assert low - 1e-9 <= many <= high + 1e-9
    assert abs(many - score) <= abs(few - score) + 1e-9


def test_years_have_no_season_and_are_judged_as_prices_are() -> None:
    yearly = replace(VOLUME, freq="Y")
    assert shrunken(scored("grid", 0.9), yearly) == shrunken(scored("grid", 0.9), PRICE)


def test_a_forced_family_serves_though_it_loses() -> None:
    table = [scored("random-walk", 1.0), scored("ucm", 1.0 + 5 * MIN_GAIN)]
    choice = forced("ucm", table, PRICE)
    assert choice.family == "ucm"
    assert choice.score > 1
    assert choice.reason == "ucm serves, the only one asked for: its error (CRPS) was 1.100 of that of random-walk"
    assert forced("random-walk", table, PRICE).score == 1.0
    assert "could not be tested on past data" in forced("ets", table, PRICE).reason


@pytest.mark.parametrize(
    ("family", "series", "expected"),
    [
        ("grid", PRICE, 0.947),
        ("grid", VOLUME, 0.712),
        ("ets", PRICE, 1.04),
        ("ets", VOLUME, 0.786),
        ("sarimax", PRICE, 1.016),
        ("sarimax", VOLUME, 0.805),
        ("ucm", PRICE, 1.04),
        ("ucm", VOLUME, 0.773),
        ("prophet", PRICE, 1.03),
        ("prophet", VOLUME, 0.77),
        ("unheard-of", PRICE, 1.0),
    ],
)
@pytest.mark.parametrize(("origins", "weight"), [(24, 0.2), (96, 0.5), (8, 1 / 13)])
def test_experience_counts_as_much_as_96_origins(
    family: str, series: Series, expected: float, origins: int, weight: float
) -> None:
    found = shrunken(scored(family, 0.9, origins), series)
    assert found == pytest.approx(0.9**weight * expected ** (1 - weight), rel=1e-12)


@pytest.mark.parametrize(
    ("score", "serves"), [(0.960, "mine"), (0.961, "random-walk"), (0.970, "random-walk"), (0.950, "mine")]
)
def test_a_champion_gains_two_percent(score: float, serves: str) -> None:
    # as many origins as experience counts, and of a family without any: the root of the score, 0.98 at 0.9604
    choice = choose([scored("random-walk", 1.0), scored("mine", score, 96)], PRICE)
    assert choice.family == serves
    assert choice.score == (pytest.approx(score**0.5, rel=1e-12) if serves == "mine" else 1.0)


def test_two_percent_are_enough() -> None:
    choice = choose([scored("random-walk", 1.0), scored("mine", 1 - MIN_GAIN, 10**30)], PRICE)
    assert (choice.family, choice.score) == ("mine", 0.98)


def test_of_families_that_beat_the_baseline_one_that_did_so_here_is_preferred() -> None:
    rival = scored("ucm", 0.99)
    assert choose([scored("seasonal-naive", 1.0), scored("grid", 1.0), rival], VOLUME).family == "ucm"
    assert choose([scored("seasonal-naive", 1.0), scored("grid", 0.9999), rival], VOLUME).family == "grid"


def test_the_best_is_so_with_experience() -> None:
    # 0.8 ^ .2 · 0.712 ^ .8 = 0.729 of the grid, and 0.79 ^ .2 · 0.805 ^ .8 = 0.802
    table = [scored("seasonal-naive", 1.0), scored("sarimax", 0.79), scored("grid", 0.8)]
    choice = choose(table, VOLUME)
    assert choice.family == "grid"
    assert choice.score == pytest.approx(0.7288, abs=1e-4)
    error = "0.800 of that of seasonal-naive on this series, 0.729 weighed with other series"
    assert choice.reason == f"grid serves: its error (CRPS) was {error}"


def test_a_forced_family_has_its_score_with_experience() -> None:
    choice = forced("ucm", [scored("random-walk", 1.0), scored("ucm", 1.1)], PRICE)
    assert choice.score == pytest.approx(1.1**0.2 * 1.04**0.8, rel=1e-12)


@pytest.mark.parametrize(
    ("of", "months", "families", "serves"),
    [
        (VOLUME, 18, ("seasonal-naive", "grid"), "grid"),
        (VOLUME, 17, ("seasonal-naive", "grid"), "seasonal-naive"),
        (VOLUME, 28, ("seasonal-naive", "ets"), "seasonal-naive"),  # not asked for
        (PRICE, 28, ("random-walk", "grid"), "random-walk"),
        (replace(VOLUME, freq="Y"), 28, ("seasonal-naive", "grid"), "seasonal-naive"),  # its season is the last value
    ],
)
def test_a_short_flow_with_a_season_is_served_by_the_grid_engine_untested(
    of: Series, months: int, families: tuple[str, ...], serves: str
) -> None:
    ds = of.calendar.range("2000-01-01", months)
    history = History(of, ds, np.arange(1.0, months + 1), np.full(months, "reported"))
    choice = untested(history, families)
    assert (choice.family, choice.score) == (serves, 1.0)
    assert f"serves, untested: {months} observations are too few to test a model on" in choice.reason
