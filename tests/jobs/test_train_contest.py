"""Origins, rivals, and who is held: the parts of training, each by its values; no fits but of walks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from forecast.catalog import Catalog, Observation
from forecast.effects import EffectRecord
from forecast.errors import FitFailed, TooShort
from forecast.forecasters.random_walk import RandomWalk
from forecast.forecasters.seasonal_naive import SeasonalNaive
from forecast.jobs.card import make_card
from forecast.jobs.train import CandidateRun, TrainingPlan, _contest, _information_sets, _worse_than_before, origins
from forecast.registry import Registry
from forecast.settings import Settings
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import History
from forecast.training.backtest import BacktestScores
from forecast.training.information import InformationSet, RealTimeData
from forecast.training.origins import rolling, spaced
from forecast.training.panel import PanelSet
from forecast.training.selection import Selection
from tests.support.records import a_series, like
from tests.support.trained_home import COPPER, make_home

TODAY = date(2026, 7, 15)
PRICE = a_series("price.mine", "own-metal", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 10)


def history(T: int, code: str = "M", flag: str = "reported", first: int = 0) -> History:
    """A walk; its first so many values have another flag."""
    y = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.05, T)))
    flags = np.where(np.arange(T) < first, flag, "reported")
    return History(replace(PRICE, freq=code), Freq(code).range("2001-01-01", T), y, flags)


def rows(seen: History) -> list[int]:
    return np.flatnonzero(np.isin(seen.ds, origins(seen))).tolist()


# -- origins -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "horizon"), [("D", 14), ("B", 10), ("W-SUN", 13), ("M", 12), ("Q", 8), ("Y", 5)])
def test_the_last_of_many_origins_has_its_whole_horizon_behind_it(code: str, horizon: int) -> None:
    chosen = rows(history(500, code))
    assert len(chosen) == 24
    assert chosen[-1] == 499 - horizon


def test_origins_are_whole_as_soon_as_there_are_24_of_them() -> None:
    assert rows(history(53)) == list(range(17, 41))
    assert rows(history(52)) == list(range(27, 51))  # else the last that have anything to come


def test_a_year_must_come_after_the_first_origin_and_eighteen_values_before() -> None:
    assert rows(history(30)) == list(range(17, 29))
    assert rows(history(29)) == []
    # what may not be judged by does not count: ten of them
    assert rows(history(99, flag="suspect_publisher", first=70)) == []
    assert rows(history(110, flag="suspect_publisher", first=70)) == list(range(87, 109))
    assert rows(history(40, flag="suspect_publisher", first=10)) == list(range(27, 39))
    assert rows(history(39, flag="suspect_publisher", first=10)) == []


@pytest.mark.parametrize(("length", "stride"), [(30 + 24 * 15, 15), (30 + 24 * 15 - 1, 14), (30 + 24, 1)])
def test_days_are_spread_as_far_as_they_reach(length: int, stride: int) -> None:
    chosen = rows(history(length + 1, "D"))  # 17 before, 14 after
    assert set(np.diff(chosen)) == {stride}
    assert (len(chosen), chosen[-1]) == (24, length - 14)


def test_a_backtest_and_a_training_look_from_the_same_periods() -> None:
    for seen in (history(30), history(53), history(99), history(110, flag="suspect_publisher", first=70)):
        np.testing.assert_array_equal(rolling(seen, 24, 12), origins(seen))


def test_periods_are_spaced_from_the_last_one_back_or_evenly_over_all() -> None:
    ds = Freq("M").range("2001-01-01", 11)
    for count, stride, expected in (
        (3, 1, [8, 9, 10]),
        (3, 3, [4, 7, 10]),
        (3, 9, [4, 7, 10]),  # as far apart as there are enough
        (20, 2, list(range(11))),
        (3, None, [0, 5, 10]),
        (20, None, list(range(11))),
    ):
        np.testing.assert_array_equal(spaced(ds, count, stride), ds[expected])


# -- views -------------------------------------------------------------------------------------------------------------


def information(T: int) -> InformationSet:
    sample = Sample.of(history(T))
    return InformationSet(sample, EffectRecord.none(50, sample.freq, sample.ds[-1]))


def seen_from(information_sets: dict[int, InformationSet | None]) -> tuple[list[int], list[str]]:
    """What becomes of views by row; from None too little was known."""
    ds = history(60).ds

    def look(cutoff: np.datetime64) -> InformationSet:
        found = information_sets[int(np.searchsorted(ds, cutoff))]
        if found is None:
            raise TooShort("nothing")
        return found

    left, notes = _information_sets(
        cast(RealTimeData, SimpleNamespace(information=look)), [ds[row] for row in information_sets]
    )
    return [len(one.sample) for one in left], notes


def test_a_view_needs_eighteen_values_and_something_new() -> None:
    assert seen_from({17: information(18), 18: information(19)}) == ([18, 19], [])
    assert seen_from({17: information(18), 18: information(18), 19: information(20)})[0] == [18, 20]
    lengths, notes = seen_from(
        {15: None, 16: information(17), 17: information(18), 18: information(18), 19: information(20)}
    )
    assert lengths == [18, 20]
    assert notes == [
        "3 of 5 past moments were left out of the test: the values before them were published too late to be known then"
    ]


# -- the contest -------------------------------------------------------------------------------------------------------


class Fails:
    """A family that cannot be fitted."""

    family, estimates_effects = "ets", False

    def fit_origins(self, *_: object) -> None:
        raise FitFailed("no luck")


def test_slow_families_look_from_every_third_view_and_failures_are_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    families = {"random-walk": RandomWalk(), "prophet": SeasonalNaive(), "ets": Fails()}
    monkeypatch.setattr("forecast.jobs.train.FORECASTERS", families)
    seen = history(60)
    cutoffs: list[np.datetime64] = []

    def look(cutoff: np.datetime64) -> InformationSet:
        cutoffs.append(cutoff)
        return information(int(np.searchsorted(seen.ds, cutoff)) + 1)

    real_time = cast(RealTimeData, SimpleNamespace(information=look, seed=5))
    plan = TrainingPlan(TODAY, ("prophet", "ets"))
    table, notes, _ = _contest(real_time, seen, Settings.from_env({"ORECAST_HOME": str(tmp_path)}), plan)
    assert [(one.family, one.origins) for one in table] == [("random-walk", 24), ("seasonal-naive", 8)]
    np.testing.assert_array_equal(cutoffs, origins(seen))
    assert notes == ["ets was not tested on past data: no luck"]
    assert table[0].rel_crps.tolist() == [1.0] * 12
    assert table[1].rel_crps[0] > 1.5, "of a walk a year ago says less than yesterday"


@pytest.mark.parametrize(
    ("measure", "freq", "families"),
    [
        ("price", "M", ("random-walk", "seasonal-naive", "grid")),
        ("volume", "M", ("seasonal-naive", "random-walk", "grid")),
        ("volume", "Q", ("seasonal-naive", "random-walk", "grid")),
        ("price", "Y", ("random-walk", "grid")),
        ("volume", "Y", ("seasonal-naive", "grid")),
    ],
)
def test_the_rivals_of_a_series_begin_with_its_baseline(measure: str, freq: str, families: tuple[str, ...]) -> None:
    plan = TrainingPlan(TODAY, ("seasonal-naive", "random-walk", "grid"))
    assert plan.rivals(like(PRICE, measure=measure, freq=freq)) == families


# -- who is held -------------------------------------------------------------------------------------------------------


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Catalog, Registry]]:
    settings = make_home(tmp_path)
    catalog = Catalog.open(settings)
    yield catalog, Registry(settings.models_dir)
    catalog.close()


def scored(family: str) -> BacktestScores:
    return BacktestScores(family, 24, np.array([1.0]), {80: 0.8}, np.full(16, 1 / 16))


def test_a_substitute_is_held_if_it_is_more_than_two_percent_worse(
    stores: tuple[Catalog, Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, registry = stores
    series, plan = catalog.get(COPPER), TrainingPlan(TODAY)
    before = registry.champion(COPPER)  # a random walk with a score of 1

    def held(score: float, *families: str, plan: TrainingPlan = plan) -> str:
        return _worse_than_before(
            registry, CandidateRun(series, "r", Selection("grid", score, ""), frozenset(families), plan)
        )

    untested = "random-walk, which serves (error 1.000 of the baseline's), could not be tested this time"
    assert held(1.021, "grid") == f"{untested}, and grid is worse (1.021)"
    assert held(1.02, "grid") == ""
    assert held(1.021, "grid", "random-walk") == ""
    assert held(1.021) == ""
    card = replace(before.card, champion_family="ets", score=0.9)
    monkeypatch.setattr(registry, "champion", lambda _: SimpleNamespace(card=card))
    assert held(0.919, "grid").startswith("ets, which serves (error 0.900 of the baseline's)")
    assert held(0.917, "grid") == ""
    assert held(0.919, "grid", plan=TrainingPlan(TODAY, ("grid",))) == "", "whoever leaves it out means it"


# -- the card ----------------------------------------------------------------------------------------------------------


def test_a_card_counts_what_was_seen_and_rounds_what_was_found(stores: tuple[Catalog, Registry]) -> None:
    catalog, _ = stores
    months = Freq("M").range("2024-01-01", 13).tolist()
    flags = ["imputed", *["suspect_publisher"] * 2, *["reported"] * 8, "imputed"]
    observations = [
        Observation(PRICE.series_id, day, 100.0 + i, flag, datetime(next_.year, next_.month, 10, tzinfo=UTC))
        for i, (day, next_, flag) in enumerate(zip(months, months[1:], flags, strict=False))
        if i != 5
    ]
    catalog.add(series=[PRICE], observations=observations, known_at=datetime(2026, 7, 1, tzinfo=UTC))
    settings = Settings.from_env({}).model_copy(update={"draws": 77, "horizon": 6, "seed": 3})
    real_time = RealTimeData(catalog, settings, PRICE.series_id, PanelSet(date(2026, 7, 14), {}))
    found = replace(scored("grid"), origins=8, rel_crps=np.array([0.123456, 0.2]), coverage={80: 0.81249})
    made = make_card(real_time, "r", Selection("grid", 0.987654, "because"), [found], ["b", "a", "b"], None)
    card = made.document()
    assert card["data"] == {
        "first": "2024-01-01", "last": "2024-11-01", "observations": 9, "scored": 7, "missing": 3,
    }  # fmt: skip
    assert (card["run"], card["champion_family"], card["score"], card["why"]) == ("r", "grid", 0.9877, "because")
    assert card["backtest"]["grid"] == {
        "origins": 8, "score": 0.1617, "rel_crps": [0.1235, 0.2], "coverage": {"80": 0.812}, "pit": [0.0625] * 16,
    }  # fmt: skip
    assert card["notes"] == ["b", "a"]
    assert card["settings"] == {"draws": 77, "horizon": 6, "seed": 3}
    assert (card["as_of"], card["events_known_to"]) == ("2026-07-14", "2026-07-05")


def test_a_card_lists_the_futures_of_its_series(stores: tuple[Catalog, Registry]) -> None:
    catalog, _ = stores
    real_time = RealTimeData(catalog, Settings.from_env({}), "volume.rare-earths.export.cn", PanelSet(TODAY, {}))
    card = make_card(real_time, "r", Selection("grid", 1.0, ""), [], [], None).document()
    result = {branch["event_id"]: branch["starts"] for branch in card["branches"]}
    assert result == {b.event_id: b.starts.isoformat() if b.starts else None for b in real_time.branches}
    assert result["cn-suspension-no70-2025"] == "2026-11-11"
