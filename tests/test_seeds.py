"""Random numbers of different purposes say nothing of each other; those of the same purpose are the same everywhere."""

from __future__ import annotations

import itertools
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from scipy.stats import spearmanr

from forecast.catalog import Catalog
from forecast.forecasters import FORECASTERS
from forecast.seeds import generator, seed_of
from forecast.settings import Settings
from forecast.training.backtest import backtest, fit
from forecast.training.information import RealTimeData
from forecast.training.panel import PanelSet

TODAY, EARTHS, N = date(2026, 7, 15), "volume.rare-earths.export.cn", 1000
SETTINGS = Settings.from_env({})


@pytest.fixture(scope="module")
def bundled(seeded: Path) -> Iterator[Catalog]:
    """The bundled catalogue, only read."""
    catalog = Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": f"sqlite:///{seeded}"}))
    yield catalog
    catalog.close()


@pytest.fixture(scope="module")
def past(bundled: Catalog) -> RealTimeData:
    return RealTimeData(bundled, SETTINGS, EARTHS, PanelSet.of(bundled, TODAY))


def test_words_give_the_same_seed_everywhere_and_other_words_another() -> None:
    assert seed_of(0, "price.copper", "paths") == 274130770045086000291006083214742187887
    words = [(), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",)]
    assert len({seed_of(seed, *some) for seed in (0, 1) for some in words}) == 12
    streams = [generator(0, *some).random(2000) for some in words]
    for one, other in itertools.combinations(streams, 2):
        assert abs(float(spearmanr(one, other).statistic)) < 0.1


@pytest.mark.parametrize("family", ["grid", "random-walk", "ucm"])
def test_what_an_episode_did_says_nothing_of_the_path_of_the_series_without_it(past: RealTimeData, family: str) -> None:
    model = fit(FORECASTERS[family], past.now(N))
    baseline, _ = model.baseline(6, past.seed)
    for effect in model.information.record.effects:
        for drawn in (*effect.choice, *effect.size, effect.paths(np.eye(len(effect.candidates))).sum(axis=1)):
            if np.ptp(drawn):
                for path in baseline[:, [0, 5]].T:
                    # five standard errors of a rank correlation
                    assert abs(float(spearmanr(drawn, path).statistic)) < 5 / N**0.5, (
                        effect.episode.episode_id,
                        family,
                    )


def test_no_stream_serves_two_purposes(past: RealTimeData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever draws in a backtest and at the training: effects, families, and the periods without trade."""
    users, plain = defaultdict(set), np.random.default_rng

    def listening(seed: int) -> np.random.Generator:
        frame: FrameType | None = sys._getframe(1)
        while frame and frame.f_globals["__name__"] == "forecast.seeds":
            frame = frame.f_back
        assert frame is not None
        users[seed].add(".".join(frame.f_globals["__name__"].split(".")[:2]))
        return plain(seed)

    monkeypatch.setattr(np.random, "default_rng", listening)
    views = [past.information(cutoff) for cutoff in past.history.ds[-8:-4]]
    for family in ("grid", "random-walk"):
        backtest(FORECASTERS[family], views, past.history, 6, past.seed)
    model = fit(FORECASTERS["grid"], past.now(100))
    model.baseline(6, past.seed)
    assert {len(users) for users in users.values()} == {1}
    assert set.union(*users.values()) >= {"forecast.effects", "forecast.forecasters"}
    # each origin has paths of its own, and so has what is served
    assert sum("forecast.forecasters" in each for each in users.values()) == len(views) + 1
