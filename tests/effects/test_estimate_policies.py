"""Effects on the shapes that policy takes: neighbours, bans to zero, two stages, ends of a sample, other calendars."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecast.effects import EffectRecord, Episode, sampler
from forecast.effects.estimate import ModelAveraging, estimate
from forecast.effects.report import report
from forecast.effects.sampler import JointPosterior
from forecast.events import Stringency
from forecast.interventions import Intervention, Ramp, Shape, Step, Temporary
from forecast.timeseries.frequency import Freq, parse_freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History
from tests.support.records import a_series

MONTHLY = Freq("M")
QUICK = ModelAveraging(placebo=False)
FLOW = a_series("volume.x", "x", "volume", "target", "export", "NZL", "WLD", "tonne", "M", 10)


def quiet(periods: int = 96) -> Floats:
    """About 1,000 t, a fixed pattern of ± 4 %."""
    return 1000.0 + (np.arange(periods, dtype=float) * 37) % 80 - 40


def noisy(seed: int, periods: int = 96) -> Floats:
    rng = np.random.default_rng(seed)
    return np.asarray(1000 * np.exp(0.1 * np.sin(np.arange(periods) * np.pi / 6) + rng.normal(0, 0.045, periods)))


def history(y: Floats, freq: str = "M") -> History:
    calendar = parse_freq(freq)
    return History(replace(FLOW, freq=freq), calendar.range("2018-01-01", len(y)), y, np.full(len(y), "reported"))


def episode(of: History, row: int, name: str, announced: int = 0, strength: float = 1.0) -> Episode:
    freq, start = of.series.calendar, of.ds[row]
    early: dt.date = freq.shift(start, -announced).item()
    day: dt.date = start.item()
    return Episode(
        name, (name,), Stringency.BAN, -1, early, day, None, strength, Intervention(Step(), start)
    )  # fmt: skip


def acted(y: Floats, row: int, factor: float, shape: Shape = Step()) -> Floats:  # noqa: B008
    """The series with an effect in it that multiplies it by a factor at full strength."""
    return y * np.power(factor, shape.response(np.arange(len(y), dtype=float) - row))


def explained(of: History, *episodes: Episode, n: int = 1000) -> EffectRecord:
    return estimate(Sample.of(of), episodes, n=n, seed=0, settings=QUICK)


def interval(record: EffectRecord, name: str) -> tuple[float, float]:
    """Central 90 % of the average effect on the log."""
    effect = next(e for e in record.effects if e.episode.episode_id == name)
    low, high = np.quantile(effect.average(record.freq, record.last), [0.05, 0.95])
    return float(low), float(high)


@pytest.mark.parametrize("gap", [1, 2, 3, 6, 12])
@pytest.mark.parametrize("y", [quiet(), noisy(1)], ids=["quiet", "noisy"])
def test_an_idle_measure_does_not_take_the_effect_of_the_one_that_follows(y: Floats, gap: int) -> None:
    of = history(np.round(acted(y, 52, 0.5)))
    record = explained(of, episode(of, 52 - gap, "idle"), episode(of, 52, "real"))
    low, high = interval(record, "real")
    assert low < np.log(0.5) < high
    assert high < -0.5
    low, high = interval(record, "idle")
    assert low <= 0 <= high
    assert max(-low, high) < 0.1 + 0.3 / gap


@pytest.mark.parametrize("gap", [2, 5])
def test_nor_does_one_that_comes_after_it(gap: int) -> None:
    of = history(np.round(acted(noisy(2), 52, 0.5)))
    record = explained(of, episode(of, 52, "real"), episode(of, 52 + gap, "idle"))
    assert interval(record, "real")[1] < -0.5
    low, high = interval(record, "idle")
    assert low <= 0 <= high


def test_two_effects_of_opposite_sign_keep_their_signs_and_sizes() -> None:
    of = history(np.round(acted(acted(noisy(3), 52, 0.5), 57, 1.8)))
    record = explained(of, episode(of, 52, "down"), episode(of, 57, "up"))
    first = next(e for e in record.effects if e.episode.episode_id == "down")
    assert first.draws(of.ds[52:57], MONTHLY).mean() == pytest.approx(np.log(0.5), abs=0.12)
    low, high = interval(record, "up")
    assert low < np.log(1.8) < high
    assert low > 0.2


def test_of_three_that_overlap_the_one_that_acted_is_found_also_where_nobody_asks_for_it() -> None:
    of = history(np.round(acted(noisy(4), 52, 0.5)))
    record = explained(of, episode(of, 49, "idle"), episode(of, 52, "real", strength=0.5), episode(of, 56, "late"))
    low, high = interval(record, "real")
    assert low < np.log(0.5) < high
    for name in ("idle", "late"):
        low, high = interval(record, name)
        assert low <= 0 <= high


@pytest.mark.parametrize("factor", [0.3, 0.5, 0.8, 0.95, 1.0, 1.3, 3.0])
@pytest.mark.parametrize("row", [26, 52, 93])
def test_a_step_of_any_size_is_inside_its_interval_wherever_in_the_sample_it_falls(factor: float, row: int) -> None:
    hits = []
    for seed in range(4):
        of = history(np.round(acted(noisy(10 + seed), row, factor)))
        low, high = interval(explained(of, episode(of, row, "e"), n=400), "e")
        hits.append(low <= np.log(factor) <= high)
        assert high - low < 0.7
    assert sum(hits) >= 3


def test_the_order_in_which_episodes_are_given_changes_no_digit() -> None:
    of = history(np.round(acted(noisy(5), 52, 0.6)))
    four = [episode(of, row, f"e{row}") for row in (30, 50, 52, 55)]
    one, other = explained(of, *four, n=200), explained(of, *reversed(four), n=200)
    assert [e.episode.episode_id for e in other.effects] == ["e30", "e50", "e52", "e55"]
    assert np.array_equal(one.to_arrays()["size"], other.to_arrays()["size"])


def banned(months: int, y: Floats | None = None) -> History:
    y = np.round(quiet() if y is None else y)
    y[-months:] = 0.0
    return history(y)


@pytest.mark.parametrize("months", [4, 9, 14])
@pytest.mark.parametrize("idle", [False, True])
def test_a_ban_to_zero_is_a_full_stop_and_what_was_lost_is_what_there_would_have_been(months: int, idle: bool) -> None:
    of = banned(months, noisy(6))
    row = len(of) - months
    more = [episode(of, row - 3, "idle")] if idle else []
    record = explained(of, *more, episode(of, row, "ban"))
    result = report(of, record, "ban")
    assert result.average is not None
    assert result.cumulated is not None
    assert result.average.intervals[90][1].item() < -99
    lost = -noisy(6)[row : row + 12].sum()
    assert result.cumulated.median.item() == pytest.approx(lost, rel=0.12)
    without = result.counterfactual.median[result.ds >= of.ds[row]]
    assert without == pytest.approx(noisy(6)[row:], rel=0.35)
    if idle:
        low, high = interval(record, "idle")
        assert low <= 0 <= high
        assert high - low < 0.3


def test_what_begins_after_a_full_stop_has_no_part_in_it_and_is_not_told_to_have_done_nothing() -> None:
    of = banned(9)
    ban, after = episode(of, 87, "ban"), episode(of, 89, "after")
    record = explained(of, ban, after)
    stopped, unseen = record.effects
    assert (stopped.identified, unseen.identified, unseen.prior_dominated) == (True, False, True)
    alone = report(of, explained(of, ban), "ban")
    beside = report(of, record, "ban")
    assert beside.after is not None
    assert alone.after is not None
    assert beside.after.median == pytest.approx(alone.after.median, rel=0.02)
    assert record.notes == ("after: nothing was traded any more when it began; its effect is what was assumed",)
    assert "after" not in record.clear
    # while trade had not stopped when it may first have been felt, it is weighed with the ban
    assert explained(of, ban, episode(of, 89, "after", announced=2)).effects[1].identified
    # and where trade comes back there is something to see
    back = of.y.copy()
    back[94:] = 500.0
    again = replace(of, y=back)
    assert all(effect.identified for effect in explained(again, episode(again, 87, "ban"), after).effects)


@pytest.mark.parametrize("months", [6, 8, 12])
def test_what_a_ban_cost_that_was_lifted_is_what_there_would_have_been(months: int) -> None:
    y = noisy(9)
    lost = y[60 : 60 + months].sum()
    y[60 : 60 + months] = 0.0
    of = history(np.round(y))
    ban = episode(of, 60, "ban")
    ban = replace(ban, intervention=replace(ban.intervention, end=of.ds[60 + months] - 1))
    result = report(of, explained(of, ban), "ban")
    assert result.after is not None
    assert result.after.median.item() == pytest.approx(-lost, rel=0.08)
    low, high = result.after.intervals[90]
    assert (high - low).item() < 0.3 * lost


def closed_in_winter(row: int, left: float) -> History:
    """About 1,000 t in nine months of the year, nothing in the first three; a share is ``left`` of it from a row on."""
    y = 1000 * np.exp(np.random.default_rng(row).normal(0, 0.1, 96))
    y[np.arange(96) % 12 < 3] = 0.0
    y[row:] *= left
    return history(np.round(y))


@pytest.mark.parametrize("row", [75, 84, 87])  # the first open month, the first closed one, an open one again
@pytest.mark.parametrize("left", [0.0, 0.4, 1.0])
def test_a_winter_closure_says_nothing_of_an_event_and_hides_none(row: int, left: float) -> None:
    of = closed_in_winter(row, left)
    record = explained(of, episode(of, row, "e"))
    result = report(of, record, "e")
    assert record.notes == ()
    assert result.average is not None
    assert result.amount is not None
    low, high = (end.item() for end in result.average.intervals[90])
    assert low - 0.1 <= 100 * (left - 1) <= high + 0.1
    assert high - low < 25
    assert result.amount.median.item() == pytest.approx(1000 * (left - 1), abs=80)
    assert ("e" in record.clear) == (left < 1)


def test_a_ban_after_a_chance_zero_is_seen_where_zeros_are_usual() -> None:
    rng = np.random.default_rng(8)
    y = np.round(1000 * np.exp(rng.normal(0, 0.1, 96))) * (rng.random(96) > 0.3)
    y[71:] = 0.0  # the month before the ban is one of them
    of = history(y)
    record = explained(of, episode(of, 72, "ban"))
    assert record.effects[0].identified
    result = report(of, record, "ban")
    assert result.average is not None
    assert result.average.intervals[90][1].item() < -90


def test_where_nothing_was_ever_traded_nothing_is_told() -> None:
    of = history(np.zeros(96))
    record = explained(of, episode(of, 60, "e"))
    result = report(of, record, "e")
    assert (result.amount, result.observed, result.after) == (None, 0, None)
    assert result.average is not None
    assert np.isfinite(result.average.median).all()


@pytest.mark.parametrize("before", [9, 12, 14])
def test_a_year_of_months_invents_no_effect(before: int) -> None:
    def clear(seed: int) -> bool:
        of = history(np.round(1000 * np.exp(np.random.default_rng(seed).normal(0, 0.2, before + 4))))
        return bool(explained(of, episode(of, before, "e"), n=300).clear)

    assert sum(clear(seed) for seed in range(12)) <= 2


def test_of_two_that_begin_within_weeks_each_has_its_part_of_one_drop() -> None:
    y = 1000 * np.exp(np.random.default_rng(3).normal(0, 0.05, 160))
    of = history(np.round(acted(y, 156, 0.75)), "W")
    (alone,) = explained(of, episode(of, 156, "a")).effects
    pair = explained(of, episode(of, 156, "a"), episode(of, 157, "b")).effects
    assert alone.likelihood is not None
    result = [effect.likelihood for effect in pair if effect.likelihood is not None]
    assert len(result) == 2
    assert alone.likelihood[0] == pytest.approx(np.log(0.75), abs=0.15)
    assert sum(estimate for estimate, _ in result) == pytest.approx(alone.likelihood[0], abs=0.12)
    assert all(error > 1.2 * alone.likelihood[1] for _, error in result)


def test_a_single_zero_that_no_event_explains_leaves_other_effects_as_they_are() -> None:
    y = np.round(acted(noisy(7), 52, 0.7))
    spoiled = y.copy()
    spoiled[20] = 0.0
    clean, hit = (explained(history(v), episode(history(v), 52, "e")) for v in (y, spoiled))
    assert interval(hit, "e") == pytest.approx(interval(clean, "e"), abs=0.05)


def test_where_zeros_are_usual_more_of_them_are_no_ban() -> None:
    y = np.random.default_rng(8).poisson(2.0, 120).astype(float)
    of = history(y)
    low, high = interval(explained(of, episode(of, 100, "e")), "e")
    assert low < 0 < high


@pytest.mark.parametrize(
    ("values", "least"),
    [((1000.0, 1037.0, 0.0), 0.5), ((12.25, 3.5, 0.0), 0.005), ((12000.0, 7000.0), 500.0), ((0.8881, 0.97), 5e-5)],
)
def test_a_series_can_report_half_of_its_last_digit(values: tuple[float, ...], least: float) -> None:
    assert history(np.array(values)).resolution == pytest.approx(least)


def test_a_stop_that_is_lifted_by_half_has_two_stages() -> None:
    y = noisy(9)
    y = np.round(acted(y, 60, 0.5))
    y[60:63] = np.round(y[60:63] * 0.02)
    of = history(y)
    (effect,) = explained(of, episode(of, 60, "e")).effects
    path = np.quantile(effect.draws(of.ds, MONTHLY), [0.05, 0.5, 0.95], axis=0)
    assert len(effect.size) == 2
    assert path[1, 60:63] == pytest.approx(np.log(0.01), abs=0.5)
    assert path[1, 66:72] == pytest.approx(np.log(0.5), abs=0.25)
    assert not path[:, :60].any()


def test_what_the_data_cannot_part_is_told_as_one_with_both_named() -> None:
    of = history(np.round(acted(noisy(11), 52, 0.5, Ramp(2))))
    pair = [episode(of, 52, "first", announced=0), episode(of, 53, "second", announced=1)]
    record = explained(of, *pair)
    (result,) = record.reported
    assert result.episode.episode_id == "first"
    assert result.episode.events == ("first", "second")
    low, high = np.quantile(result.average(MONTHLY, record.last), [0.05, 0.95])
    assert low < np.log(0.5) * 11.5 / 12 < high
    assert high < -0.5
    assert record.clear == {"first", "second"}
    assert EffectRecord.from_arrays(record.describe(), record.to_arrays()).reported[0].episode.events == (
        "first",
        "second",
    )


def test_it_says_how_likely_an_effect_matters_and_what_the_series_could_have_shown() -> None:
    of = history(np.round(acted(noisy(12), 52, 0.5)))
    (effect,) = explained(of, episode(of, 52, "e")).effects
    assert report(of, explained(of, episode(of, 52, "e")), "e").relevant == 1.0
    assert effect.detectable is not None
    # A step on noise of 4.5 % around a level: twelve months against all before, and not quite that sharp.
    assert 2.487 * 0.045 / 12**0.5 < effect.detectable < 0.12
    beside, before = explained(of, episode(of, 52, "e"), episode(of, 51, "idle")).effects
    for one in (beside, before):
        assert one.detectable is not None
        assert one.detectable > 1.1 * effect.detectable, "a month apart, what one did might be the other's"


def test_effects_that_never_settle_and_run_against_each_other_are_told_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of = history(np.round(acted(noisy(14), 52, 0.7)))
    three = [episode(of, row, name) for row, name in ((49, "a"), (52, "b"), (54, "c"))]
    assert [e.episode.told_with for e in explained(of, *three).effects] == ["", "", ""]
    monkeypatch.setattr(JointPosterior, "_remembers", lambda self, e, chains: e == 2)
    monkeypatch.setattr(sampler, "MOST_ROUNDS", 5)
    assert [e.episode.told_with for e in explained(of, *three).effects] == ["", "", "b"]


@pytest.mark.parametrize(("freq", "periods", "row"), [("D", 500, 400), ("W", 200, 150), ("Q", 60, 40), ("Y", 40, 30)])
def test_other_calendars_find_a_halving(freq: str, periods: int, row: int) -> None:
    of = history(np.round(acted(1000 * np.exp(np.random.default_rng(3).normal(0, 0.05, periods)), row, 0.5)), freq)
    low, high = interval(explained(of, episode(of, row, "e"), n=400), "e")
    assert low < np.log(0.5) < high
    assert high < -0.3


def test_a_passing_effect_beside_a_lasting_one() -> None:
    of = history(np.round(acted(acted(noisy(13), 48, 0.7), 54, 0.6, Temporary(3))))
    record = explained(of, episode(of, 48, "lasting"), episode(of, 54, "passing"))
    low, high = interval(record, "lasting")
    assert low < np.log(0.7) < high
    low, high = interval(record, "passing")
    assert low < np.log(0.6) / 4 < high
    assert high < 0
