"""The effect record: what forecasts and answers are made from."""

import datetime as dt
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from forecast.effects import EffectRecord, Episode, EpisodeEffect, Omission
from forecast.effects.candidates import product
from forecast.effects.record import together, window
from forecast.events import InForceInterval, Stringency
from forecast.interventions import Decay, Intervention, Licence, Ramp, Shape, Step, Temporary
from forecast.timeseries.frequency import Freq

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
    episode = Episode(name, (name, f"{name}-too"), Stringency.BAN, 1, None, day, None, 0.8, acting)
    candidates = product(acting, shapes, leads)
    choice = rng.integers(len(candidates), size=N).astype(np.int16)
    size = rng.normal(0.3, 0.1, N).astype(np.float32)
    return EpisodeEffect(episode, candidates, choice, size, False, True, (0.0, 0.25), (0.31, 0.1), 0.97)


def record(*effects: EpisodeEffect) -> EffectRecord:
    return EffectRecord(effects, "averaged", N, MONTHLY, LAST, "price.x", (Omission("o", ("o",), "weak"),), ("a note",))


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
    assert gone == pytest.approx(-doubtful.size.T.repeat(6, axis=1), abs=1e-6)


def test_a_rate_that_changes_moves_the_forecast_in_proportion() -> None:
    full = effect("duty", "2021-03-10", (Step(),))
    steps = ((np.datetime64("2021-03-10"), 1.0), (np.datetime64("2022-03-01"), 0.4))
    acting = replace(full.episode.intervention, intensity=steps)
    duty = replace(full, episode=replace(full.episode, intervention=acting), candidates=(acting,))
    forward = record(duty).forward(AHEAD, MONTHLY, LAST)
    assert forward[:, 1] == pytest.approx(full.size.mean(), abs=1e-6)
    assert forward[:, 2] == pytest.approx(full.size.mean() - 0.6 * full.size[0], abs=1e-6)


def test_an_end_that_is_known_takes_the_effect_away_again() -> None:
    rec = record(effect("ban", "2021-03-10", (Step(),), end="2022-03-31"))
    forward = rec.forward(AHEAD, MONTHLY, LAST)
    (size,) = rec.effects[0].size
    assert forward[:, 2] == pytest.approx(size.mean(), abs=1e-6)
    assert forward[:, 3] == pytest.approx(size.mean() - size, abs=1e-6)


def test_an_episode_that_is_removed_takes_its_part_of_the_level_with_it() -> None:
    rec = record(effect("ban", "2021-03-10", (Step(),)), effect("quota", "2021-06-10", (Step(), Ramp(3))))
    with_both, without = rec.forward(AHEAD, MONTHLY, LAST), rec.forward(AHEAD, MONTHLY, LAST, without={"ban"})
    assert without - with_both == pytest.approx(-np.repeat(rec.effects[0].size.T, 6, axis=1), abs=1e-6)
    only = record(rec.effects[1])
    gone = without - only.forward(AHEAD, MONTHLY, LAST)
    assert gone == pytest.approx((rec.effects[0].size.mean() - rec.effects[0].size).T.repeat(6, axis=1), abs=1e-6)


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


# -- numbers that can be worked out by hand ----------------------------------------------------------------------------


def drawn(sizes: np.ndarray, shape: Shape = Step(), *, end: str | None = None) -> EpisodeEffect:  # noqa: B008
    """An effect from March 2021 on with these sizes, all of one shape."""
    one = effect("e", "2021-03-10", (shape,), end)
    return replace(one, size=sizes.astype(np.float32), choice=np.zeros(len(sizes), dtype=np.int16))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("beyond", "clear"), [(30, True), (48, True), (52, False), (80, False)])
def test_an_effect_is_clear_with_nineteen_of_twenty_draws_on_one_side(sign: int, beyond: int, clear: bool) -> None:
    sizes = sign * np.where(np.arange(1000) < beyond, -0.1, 0.3)
    assert drawn(sizes).clear(MONTHLY, LAST) is clear
    assert not replace(drawn(sizes), identified=False).clear(MONTHLY, LAST)
    rec = replace(record(drawn(sizes)), n=1000)
    assert rec.mean_path(DS, MONTHLY)[-1] == pytest.approx(float(sizes.mean()) if clear else 0.0, abs=1e-6)


def test_the_average_is_the_mean_over_the_window_of_each_draw() -> None:
    sizes = np.linspace(-1.0, 2.0, 7)
    ramp = drawn(sizes, Ramp(20))  # a tenth of the way from March to December 2021 is 0.05 … 0.5
    assert ramp.average(MONTHLY, LAST) == pytest.approx(sizes * np.arange(1, 11).mean() / 20, abs=1e-6)
    assert ramp.average(MONTHLY, np.datetime64("2021-02-01")).shape == (0,)
    described = replace(record(ramp), n=7).describe()["episodes"][0]
    assert described["window"] == ["2021-03-01", "2021-12-01"]
    assert described["size"] is not None
    assert described["average"] is not None
    assert described["size"]["q95"] == pytest.approx(np.quantile(sizes, 0.95), abs=1e-5)
    assert described["average"]["q95"] == pytest.approx(np.quantile(sizes, 0.95) * 5.5 / 20, abs=1e-5)
    assert list(described["average"]) == ["q05", "q10", "q25", "q50", "q75", "q90", "q95"]


def test_a_window_is_a_year_of_any_frequency_and_ends_where_the_level_becomes_nought() -> None:
    def periods(code: str, end: str | None = None, *steps: tuple[str, float]) -> int:
        one = effect("e", "2021-03-10", (Step(),), end).episode
        intensity = tuple((np.datetime64(day), level) for day, level in steps)
        acting = replace(one.intervention, intensity=intensity)
        freq = Freq(code)
        return len(window(replace(one, intervention=acting), freq, np.datetime64(freq.floor("2023-12-29"))))

    assert [periods(code) for code in ("M", "W-SUN", "D", "B", "Q", "Y")] == [12, 52, 365, 261, 4, 1]
    assert periods("M", None, ("2021-03-10", 1.0), ("2021-06-16", 0.0)) == 4
    assert periods("M", None, ("2021-03-10", 1.0), ("2021-06-16", 0.5)) == 12
    assert periods("M", "2021-05-02", ("2021-03-10", 1.0), ("2021-08-16", 0.0)) == 3
    assert periods("D", "2021-03-12") == 3
    assert periods("B", "2021-03-12") == periods("B", "2021-03-14") == 3  # a Friday, and the Sunday after it
    assert periods("B", "2021-03-15") == 4
    assert periods("M", "2021-02-02") == 0


def test_what_is_held_stays_and_what_the_dates_say_happens() -> None:
    fading = drawn(np.full(4, 0.4), Decay(0.5), end="2022-02-15")
    held = fading.held(AHEAD, MONTHLY, LAST)
    assert held == pytest.approx(np.array([[0.5**9, 0.5**9, 0, 0, 0, 0]]))


def test_draws_are_sizes_times_the_columns_that_they_chose() -> None:
    one = replace(effect("e", "2021-11-10", (Step(), Decay(0.5)), leads=(0, 1)), identified=True)
    few = replace(one, size=np.array([1, 2, 4], dtype=np.float32), choice=np.array([0, 2, 3], dtype=np.int16))
    assert few.draws(DS[-4:], MONTHLY).tolist() == [[0, 0, 1, 1], [0, 0, 2, 1], [0, 4, 2, 1]]
    assert few.mean(DS[-4:], MONTHLY) == pytest.approx([0, 4 / 3, 5 / 3, 1])
    assert few.weights == pytest.approx([1 / 3, 0, 2 / 3, 4 / 3])


def test_times_in_force_survive_the_card_and_an_older_card_knows_of_none() -> None:
    one, two = effect("ban", "2021-03-10", (Step(),)), effect("quota", "2021-06-10", (Step(),))
    times = (
        InForceInterval(dt.date(2021, 3, 10), dt.date(2021, 3, 16), "suspended"),
        InForceInterval(dt.date(2021, 9, 1)),
    )
    ban = replace(one, episode=replace(one.episode, in_force={"ban": times, "ban-too": ()}))
    quota = replace(two, episode=replace(two.episode, in_force={"quota": times[1:]}))
    result = record(ban, quota)
    described = json.loads(json.dumps(result.describe()))
    assert described["episodes"][0]["in_force"] == {
        "ban": [["2021-03-10", "2021-03-16", "suspended"], ["2021-09-01", None, ""]],
        "ban-too": [],
    }
    again = EffectRecord.from_arrays(described, result.to_arrays())
    assert again.effects[0].episode == ban.episode
    assert together(result.effects).episode.in_force == {"ban": times, "ban-too": (), "quota": times[1:]}
    for row in described["episodes"]:
        del row["in_force"]
    older = EffectRecord.from_arrays(described, result.to_arrays())
    assert [e.episode.in_force for e in older.effects] == [{}, {}]


def test_a_licence_that_may_be_felt_early_survives_the_card() -> None:
    result = record(effect("e", "2021-03-10", (Licence(3, 0.6), Step()), leads=(0, 1, 2)))
    again = EffectRecord.from_arrays(json.loads(json.dumps(result.describe())), result.to_arrays())
    assert again.effects[0].candidates == result.effects[0].candidates


@pytest.mark.parametrize("method", ["sarimax", "ucm", "prophet"])
def test_an_older_record_may_be_the_estimate_of_a_family(method: str) -> None:
    one = effect("e", "2021-03-10", (Step(),))
    result = replace(record(one), method=method)
    again = EffectRecord.from_arrays(json.loads(json.dumps(result.describe())), result.to_arrays())
    assert again.method == method
    np.testing.assert_array_equal(again.effects[0].draws(AHEAD, MONTHLY), one.draws(AHEAD, MONTHLY))


def test_a_lead_and_a_level_survive_the_card() -> None:
    one = effect("e", "2021-03-10", (Step(),))
    steps = ((np.datetime64("2021-03-10"), 1.0), (np.datetime64("2021-09-01"), 0.25))
    acting = replace(one.episode.intervention, lead=3, intensity=steps)
    result = record(replace(one, episode=replace(one.episode, intervention=acting, announced=dt.date(2020, 12, 1))))
    again = EffectRecord.from_arrays(json.loads(json.dumps(result.describe())), result.to_arrays())
    assert again.effects[0].episode == result.effects[0].episode
    assert (again.n, again.last, again.freq, again.method) == (N, LAST, MONTHLY, "averaged")
    assert (again.effects[0].likelihood, again.effects[0].placebo_rank) == ((0.31, 0.1), 0.97)
    assert again.effects[0].prior == (0.0, 0.25)
