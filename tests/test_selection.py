"""The champion is the best backtest, protected from luck; somebody's wish goes before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.backtest import Scores
from forecast.selection import EXPECTED, MARGIN, choose, forced, shrunken
from forecast.series import Series

PRICE = Series("price.x", "x", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 0)
VOLUME = replace(PRICE, series_id="volume.x", measure="volume")


def scored(family: str, score: float, origins: int = 24) -> Scores:
    return Scores(family, origins, np.array([score, score]), {80: 0.8}, np.full(16, 1 / 16))


def test_the_best_of_several_serves() -> None:
    table = [scored("seasonal-naive", 1.0), scored("grid", 0.7), scored("ets", 0.9)]
    choice = choose(table, VOLUME)
    assert choice.family == "grid"
    assert 0.7 < choice.score < EXPECTED["grid"][1]
    assert "seasonal-naive" in choice.reason


def test_a_trend_does_not_win_a_price_by_chance() -> None:
    table = [scored("random-walk", 1.0), scored("prophet", 0.92, origins=8)]
    assert choose(table, PRICE).family == "random-walk"
    assert "best: prophet" in choose(table, PRICE).reason


@pytest.mark.parametrize(
    ("family", "score", "serves"),
    [
        ("grid", 0.99, "grid"),  # better here, and on many other series
        ("grid", 1.01, "random-walk"),  # worse here
        ("ets", 0.96, "random-walk"),  # better here, worse elsewhere
        ("unheard-of", 0.95, "random-walk"),  # a gain of two percent here is too little without experience
    ],
)
def test_the_baseline_keeps_its_place_unless_it_is_beaten_here_and_with_experience(
    family: str, score: float, serves: str
) -> None:
    assert choose([scored("random-walk", 1.0), scored(family, score)], PRICE).family == serves


def test_a_family_that_lost_here_does_not_hide_one_that_won() -> None:
    table = [scored("seasonal-naive", 1.0), scored("grid", 1.02), scored("ucm", 0.9)]
    assert choose(table, VOLUME).family == "ucm"


@pytest.mark.parametrize("rest", [[], [scored("grid", float("nan"))]])
def test_without_a_rival_the_baseline_serves(rest: list[Scores]) -> None:
    choice = choose([scored("random-walk", 1.0), *rest], PRICE)
    assert (choice.family, choice.score) == ("random-walk", 1.0)


@given(st.floats(0.2, 3.0), st.integers(1, 500), st.sampled_from(["grid", "ets", "sarimax", "ucm", "prophet"]))
def test_a_score_is_drawn_towards_experience_and_less_so_with_more_origins(
    score: float, origins: int, family: str
) -> None:
    few, many = (shrunken(scored(family, score, n), PRICE) for n in (origins, 2 * origins))
    low, high = sorted((score, EXPECTED[family][0]))
    assert low - 1e-9 <= many <= high + 1e-9
    assert abs(many - score) <= abs(few - score) + 1e-9


def test_years_have_no_season_and_are_judged_as_prices_are() -> None:
    yearly = replace(VOLUME, freq="Y")
    assert shrunken(scored("grid", 0.9), yearly) == shrunken(scored("grid", 0.9), PRICE)


def test_a_forced_family_serves_though_it_loses() -> None:
    table = [scored("random-walk", 1.0), scored("ucm", 1.0 + 5 * MARGIN)]
    choice = forced("ucm", table, PRICE)
    assert choice.family == "ucm"
    assert choice.score > 1
    assert choice.reason == "forced: the only family asked for; CRPS 1.100 of random-walk's"
    assert forced("random-walk", table, PRICE).score == 1.0
    assert "could not be backtested" in forced("ets", table, PRICE).reason
