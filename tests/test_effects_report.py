"""What one episode did, read against the observations."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecast.calendars import Freq
from forecast.effects import EffectRecord, Episode, EpisodeEffect
from forecast.effects.report import report
from forecast.effects.shapes import product
from forecast.errors import NotFound
from forecast.events import KindFamily
from forecast.interventions import Intervention, Ramp, Step
from forecast.series import History, Series

MONTHLY = Freq("M")
DS = MONTHLY.range("2020-01-01", 36)
SERIES = Series("volume.x", "x", "volume", "target", "export", "CHN", "WLD", "t", "M", 20)
N = 4000


def scene(lead: int = 0, start: str = "2021-06-10", sd: float = 0.05) -> tuple[History, EffectRecord]:
    """A flow of 100 t a month that a step of −50 % has cut, known to within ``sd`` on the log."""
    acting = Intervention(Step(), np.datetime64(start, "D"))
    episode = Episode("ban", ("ban",), KindFamily.SUPPLY, -1, None, dt.date.fromisoformat(start), None, 1.0, acting)
    candidates = product(acting, [Step()], [lead])
    size = np.random.default_rng(0).normal(np.log(0.5), sd, N).astype(np.float32)
    effect = EpisodeEffect(episode, candidates, np.zeros(N, dtype=np.int16), size, False, True)
    y = 100 * np.exp(np.log(0.5) * candidates[0].column(DS, MONTHLY))
    record = EffectRecord((effect,), "averaged", N, MONTHLY, np.datetime64(DS[-1], "D"), "volume.x")
    return History(SERIES, DS, y, np.full(36, "reported")), record


def test_the_counterfactual_is_the_series_without_it() -> None:
    told = report(*scene(), "ban")
    assert told.ds[0] == np.datetime64("2021-06-01")
    assert told.counterfactual.median == pytest.approx(100, rel=0.01)
    low, high = told.counterfactual.intervals[90]
    assert (low < 100).all()
    assert (high > 100).all()
    assert told.path.median == pytest.approx(np.log(0.5), abs=0.01)


def test_the_sum_is_in_the_unit_of_the_series_over_a_year() -> None:
    told = report(*scene(), "ban")
    assert len(told.window) == 12
    assert told.cumulated is not None
    assert told.cumulated.median == pytest.approx(-600, rel=0.02)
    assert told.before is None


def test_what_came_before_the_date_is_told_apart_and_adds_up() -> None:
    told = report(*scene(lead=2, sd=0.0), "ban")
    assert told.before is not None
    assert told.after is not None
    assert told.cumulated is not None
    assert told.before.median == pytest.approx(-100, rel=1e-3)
    assert told.after.median + told.before.median == pytest.approx(told.cumulated.median)


def test_a_sum_s_interval_is_that_of_the_sum_not_the_sum_of_intervals() -> None:
    history, record = scene()
    effect = record.effects[0]
    rng = np.random.default_rng(1)
    mixed = product(effect.episode.intervention, [Step()], [0, 1, 2, 3])
    effect = replace(effect, candidates=mixed, choice=rng.integers(4, size=N).astype(np.int16))
    told = report(history, replace(record, effects=(effect,)), "ban")
    assert told.before is not None
    assert told.after is not None
    assert told.cumulated is not None
    summed = told.before.intervals[90][0] + told.after.intervals[90][0]
    assert told.cumulated.intervals[90][0] > summed


def test_intervals_nest() -> None:
    band = report(*scene(), "ban").path
    for inner, outer in ((50, 80), (80, 90)):
        assert (band.intervals[outer][0] <= band.intervals[inner][0]).all()
        assert (band.intervals[inner][1] <= band.intervals[outer][1]).all()


def test_months_that_nobody_published_are_not_summed_and_counted() -> None:
    history, record = scene()
    y = history.y.copy()
    y[[18, 19]] = np.nan
    told = report(History(SERIES, DS, y, np.where(np.isfinite(y), "reported", "")), record, "ban")
    assert told.missing == 2
    assert told.cumulated is not None
    assert told.cumulated.median == pytest.approx(-500, rel=0.02)
    assert np.isnan(told.counterfactual.median).sum() == 2


def test_an_episode_after_the_sample_has_no_sums() -> None:
    told = report(*scene(start="2024-01-10"), "ban")
    assert told.average is None
    assert told.cumulated is None


def test_an_episode_the_record_lacks_is_not_found() -> None:
    with pytest.raises(NotFound, match="nearest: ban"):
        report(*scene(), "bans")


def test_sums_of_prices_have_no_meaning_and_their_anticipation_is_a_mean() -> None:
    history, record = scene(lead=2, sd=0.0)
    told = report(replace(history, series=replace(SERIES, measure="price")), record, "ban")
    assert (told.cumulated, told.before, told.after) == (None, None, None)
    assert told.early is not None
    assert told.early.percent().median == pytest.approx(-50, rel=1e-3)


def test_what_the_data_favour_comes_first_and_shares_add_up() -> None:
    history, record = scene()
    effect = record.effects[0]
    candidates = product(effect.episode.intervention, [Step(), Ramp(3)], [0, 2])
    choice = np.repeat([0, 2, 3, 3], N // 4).astype(np.int16)
    told = report(history, replace(record, effects=(replace(effect, candidates=candidates, choice=choice),)), "ban")
    assert list(told.shapes.items()) == [("ramp-3", 0.75), ("step", 0.25)]
    assert told.leads == {0: 0.5, 2: 0.5}
