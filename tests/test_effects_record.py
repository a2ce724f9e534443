"""The effect record: what forecasts and answers are made from."""

import datetime as dt
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from forecast.calendars import Freq
from forecast.effects import EffectRecord, Episode, EpisodeEffect, Omitted
from forecast.effects.shapes import product
from forecast.events import KindFamily
from forecast.interventions import Decay, Intervention, Ramp, Shape, Step, Temporary

MONTHLY = Freq("M")
DS = MONTHLY.range("2020-01-01", 24)
LAST = np.datetime64(DS[-1], "D")
AHEAD = MONTHLY.range("2022-01-01", 6)
N = 500


def effect(
    name: str, start: str, shapes: tuple[Shape, ...], end: str | None = None, leads: tuple[int, ...] = (0,)
) -> EpisodeEffect:
    rng = np.random.default_rng(len(name))
    day = dt.date.fromisoformat(start)
    acting = Intervention(shapes[0], np.datetime64(start, "D"), None if end is None else np.datetime64(end, "D"))
    episode = Episode(name, (name, f"{name}-too"), KindFamily.SUPPLY, 1, None, day, None, 0.8, acting)
    candidates = product(acting, shapes, leads)
    choice = rng.integers(len(candidates), size=N).astype(np.int16)
    size = rng.normal(0.3, 0.1, N).astype(np.float32)
    return EpisodeEffect(episode, candidates, choice, size, False, True, (0.0, 0.25), (0.31, 0.1), 0.97)


def record(*effects: EpisodeEffect) -> EffectRecord:
    return EffectRecord(effects, "averaged", N, MONTHLY, LAST, "price.x", (Omitted("o", ("o",), "weak"),), ("a note",))


def test_a_step_in_force_adds_no_uncertainty_because_the_level_was_observed_with_it() -> None:
    steps = record(effect("step", "2021-03-10", (Step(),)))
    forward = steps.forward(AHEAD, MONTHLY, LAST)
    assert forward.std(axis=0) == pytest.approx(0)
    assert forward == pytest.approx(steps.mean_path(DS, MONTHLY)[-1])


def test_less_the_mean_path_and_forward_bring_the_last_level_back() -> None:
    rec = record(effect("decay", "2021-10-10", (Decay(0.9), Step(), Ramp(4))))
    x = np.cumsum(np.random.default_rng(0).normal(size=24))
    net = x - rec.mean_path(DS, MONTHLY)
    at_last = net[-1] + rec.forward(np.array([LAST]), MONTHLY, LAST)
    assert at_last == pytest.approx(x[-1])


@pytest.mark.parametrize("shape", [Ramp(6), Decay(0.8), Temporary(3), Step()])
def test_no_shape_moves_a_forecast_by_itself(shape: Shape) -> None:
    rec = record(effect("e", "2021-11-10", (shape,)))
    forward = rec.forward(AHEAD, MONTHLY, LAST)
    assert forward == pytest.approx(rec.mean_path(DS, MONTHLY)[-1])


def test_an_effect_that_may_be_none_is_left_in_the_series_until_a_scenario_takes_it_away() -> None:
    doubtful = effect("ban", "2021-03-10", (Step(),), end="2022-03-31")
    doubtful = replace(doubtful, size=(doubtful.size - 0.3).astype(np.float32))
    rec = record(doubtful)
    assert not rec.mean_path(DS, MONTHLY).any()
    assert not rec.forward(AHEAD, MONTHLY, LAST).any()
    gone = rec.forward(AHEAD, MONTHLY, LAST, without={"ban"})
    assert gone == pytest.approx(-doubtful.size[:, None].repeat(6, axis=1), abs=1e-6)


def test_a_rate_that_changes_moves_the_forecast_in_proportion() -> None:
    full = effect("duty", "2021-03-10", (Step(),))
    steps = ((np.datetime64("2021-03-10"), 1.0), (np.datetime64("2022-03-01"), 0.4))
    acting = replace(full.episode.intervention, intensity=steps)
    duty = replace(full, episode=replace(full.episode, intervention=acting), candidates=(acting,))
    forward = record(duty).forward(AHEAD, MONTHLY, LAST)
    assert forward[:, 1] == pytest.approx(full.size.mean(), abs=1e-6)
    assert forward[:, 2] == pytest.approx(full.size.mean() - 0.6 * full.size, abs=1e-6)


def test_an_end_that_is_known_takes_the_effect_away_again() -> None:
    rec = record(effect("ban", "2021-03-10", (Step(),), end="2022-03-31"))
    forward = rec.forward(AHEAD, MONTHLY, LAST)
    size = rec.effects[0].size
    assert forward[:, 2] == pytest.approx(size.mean(), abs=1e-6)
    assert forward[:, 3] == pytest.approx(size.mean() - size, abs=1e-6)


def test_an_episode_that_is_removed_takes_its_part_of_the_level_with_it() -> None:
    rec = record(effect("ban", "2021-03-10", (Step(),)), effect("quota", "2021-06-10", (Step(), Ramp(3))))
    with_both, without = rec.forward(AHEAD, MONTHLY, LAST), rec.forward(AHEAD, MONTHLY, LAST, without={"ban"})
    assert without - with_both == pytest.approx(-np.repeat(rec.effects[0].size[:, None], 6, axis=1), abs=1e-6)
    only = record(rec.effects[1])
    gone = without - only.forward(AHEAD, MONTHLY, LAST)
    assert gone == pytest.approx(
        (rec.effects[0].size.mean() - rec.effects[0].size)[:, None].repeat(6, axis=1), abs=1e-6
    )


def test_what_is_long_over_adds_nothing() -> None:
    rec = record(effect("spell", "2020-03-10", (Temporary(3),)))
    assert not rec.forward(AHEAD, MONTHLY, LAST, without={"spell"}).any()
    assert not EffectRecord.none(N, MONTHLY, LAST).forward(AHEAD, MONTHLY, LAST).any()
    assert EffectRecord.none(N, MONTHLY, LAST).forward(AHEAD, MONTHLY, LAST).shape == (N, 6)


def test_the_mean_path_is_the_mean_of_the_draws() -> None:
    one = effect("e", "2021-03-10", (Step(), Decay(0.7), Ramp(6)), leads=(0, 2))
    assert one.draws(DS, MONTHLY).mean(axis=0) == pytest.approx(one.mean(DS, MONTHLY), abs=1e-6)


def test_the_window_runs_from_the_start_to_the_end_a_year_at_most_and_no_further_than_the_sample() -> None:
    def months(start: str, end: str | None = None) -> int:
        return len(effect("e", start, (Step(),), end).window(MONTHLY, LAST))

    assert months("2020-03-10") == 12
    assert months("2020-03-10", "2020-05-02") == 3
    assert months("2021-11-10") == 2
    assert months("2022-11-10") == 0


def test_a_record_survives_its_card_and_arrays_to_the_digit() -> None:
    rec = record(
        effect("ban", "2021-03-10", (Step(), Decay(0.55), Temporary(9)), end="2022-03-31", leads=(0, 1, 5)),
        effect("quota", "2021-06-10", (Ramp(3),)),
    )
    again = EffectRecord.from_arrays(json.loads(json.dumps(rec.describe())), rec.to_arrays())
    assert again.describe() == rec.describe()
    assert [e.episode for e in again.effects] == [e.episode for e in rec.effects]
    assert [e.candidates for e in again.effects] == [e.candidates for e in rec.effects]
    assert np.array_equal(again.forward(AHEAD, MONTHLY, LAST), rec.forward(AHEAD, MONTHLY, LAST))
    empty = EffectRecord.none(N, MONTHLY, LAST).of("price.y")
    assert EffectRecord.from_arrays(empty.describe(), empty.to_arrays()).describe() == empty.describe()


def test_reading_a_record_needs_numpy_only() -> None:
    code = "import sys, forecast.effects; print({'scipy', 'pandas', 'statsmodels'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
