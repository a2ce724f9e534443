"""What one episode did, read against the observations."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecast.effects import EffectRecord, Episode, EpisodeEffect
from forecast.effects.candidates import product
from forecast.effects.report import Band, EpisodeReport, report
from forecast.errors import NotFound
from forecast.events import Stringency
from forecast.interventions import Forestalled, Intervention, Ramp, Shape, Step, Temporary
from forecast.names import Measure
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import History
from tests.support.records import a_series, like

MONTHLY = Freq("M")
DS = MONTHLY.range("2020-01-01", 36)
SERIES = a_series("volume.x", "x", "volume", "target", "export", "CHN", "WLD", "tonne", "M", 20)
N = 4000


def scene(lead: int = 0, start: str = "2021-06-10", sd: float = 0.05) -> tuple[History, EffectRecord]:
    """A flow of 100 t a month that a step of −50 % has cut, known to within ``sd`` on the log."""
    acting = Intervention(Step(), np.datetime64(start, "D"))
    episode = Episode("ban", ("ban",), Stringency.BAN, -1, None, dt.date.fromisoformat(start), None, 1.0, acting)
    candidates = product(acting, [Step()], [lead])
    size = np.random.default_rng(0).normal(np.log(0.5), sd, N).astype(np.float32)
    effect = EpisodeEffect(episode, candidates, np.zeros(N, dtype=np.int16), size, False, True)
    y = 100 * np.exp(np.log(0.5) * candidates[0].column(DS, MONTHLY))
    record = EffectRecord((effect,), "averaged", N, MONTHLY, np.datetime64(DS[-1], "D"), "volume.x")
    return History(SERIES, DS, y, np.full(36, "reported")), record


def test_the_counterfactual_is_the_series_without_it() -> None:
    result = report(*scene(), "ban")
    assert result.ds[0] == np.datetime64("2021-06-01")
    assert result.counterfactual.median == pytest.approx(100, rel=0.01)
    low, high = result.counterfactual.intervals[90]
    assert (low < 100).all()
    assert (high > 100).all()
    assert result.path.median == pytest.approx(np.log(0.5), abs=0.01)


def test_the_sum_is_in_the_unit_of_the_series_over_a_year() -> None:
    result = report(*scene(), "ban")
    assert len(result.window) == 12
    assert result.cumulated is not None
    assert result.cumulated.median == pytest.approx(-600, rel=0.02)
    assert result.before is None


def test_the_amount_is_the_mean_over_the_periods_that_were_seen() -> None:
    history, record = scene(sd=0.0)
    result = report(history, record, "ban")
    assert result.amount is not None
    assert result.amount.median.item() == pytest.approx(-50, rel=1e-6)
    assert result.observed == 12
    y, flag = history.y.copy(), history.flag.copy()
    y[18], flag[18] = np.nan, ""
    y[19] = 80.0  # twice less a fifth: without the ban it would have been 160, so 80 more than that
    result = report(replace(history, y=y, flag=flag), record, "ban")
    assert result.amount is not None
    assert result.cumulated is not None
    assert (result.observed, result.missing) == (11, 1)
    assert result.cumulated.median.item() == pytest.approx(-50 * 10 - 80, rel=1e-6)
    assert result.amount.median.item() == pytest.approx(-580 / 11, rel=1e-6)


def test_of_a_price_the_amount_is_told_and_no_sum() -> None:
    history, record = scene(sd=0.0)
    price = replace(history, series=replace(SERIES, measure=Measure.PRICE, unit="USD/t"))
    result = report(price, record, "ban")
    assert result.cumulated is None
    assert result.amount is not None
    assert result.amount.median.item() == pytest.approx(-50, rel=1e-6)
    assert result.amount.intervals[90][0].item() == pytest.approx(-50, rel=1e-6)


def test_what_never_acts_in_a_draw_is_off_there() -> None:
    _, record = scene()
    size = np.zeros((2, 8), dtype=np.float32)
    size[0, :3], size[1, 2:4] = 0.1, -0.1  # draws 0 to 3 do something, 2 cancels itself and acts all the same
    effect = replace(record.effects[0], size=size, choice=np.zeros((2, 8), dtype=np.int16))
    assert effect.acts == 0.5


def test_what_came_before_the_date_is_told_apart_and_adds_up() -> None:
    result = report(*scene(lead=2, sd=0.0), "ban")
    assert result.before is not None
    assert result.after is not None
    assert result.cumulated is not None
    assert result.before.median == pytest.approx(-100, rel=1e-3)
    assert result.after.median + result.before.median == pytest.approx(result.cumulated.median)


def test_a_sum_s_interval_is_that_of_the_sum_not_the_sum_of_intervals() -> None:
    history, record = scene()
    effect = record.effects[0]
    rng = np.random.default_rng(1)
    mixed = product(effect.episode.intervention, [Step()], [0, 1, 2, 3])
    effect = replace(effect, candidates=mixed, choice=rng.integers(4, size=N).astype(np.int16))
    result = report(history, replace(record, effects=(effect,)), "ban")
    assert result.before is not None
    assert result.after is not None
    assert result.cumulated is not None
    summed = result.before.intervals[90][0] + result.after.intervals[90][0]
    assert result.cumulated.intervals[90][0] > summed


def test_intervals_nest() -> None:
    band = report(*scene(), "ban").path
    for inner, outer in ((50, 80), (80, 90)):
        assert (band.intervals[outer][0] <= band.intervals[inner][0]).all()
        assert (band.intervals[inner][1] <= band.intervals[outer][1]).all()


def test_months_that_nobody_published_are_not_summed_and_counted() -> None:
    history, record = scene()
    y = history.y.copy()
    y[[18, 19]] = np.nan
    result = report(History(SERIES, DS, y, np.where(np.isfinite(y), "reported", "")), record, "ban")
    assert result.missing == 2
    assert result.cumulated is not None
    assert result.cumulated.median == pytest.approx(-500, rel=0.02)
    assert np.isnan(result.counterfactual.median).sum() == 2


def test_an_episode_after_the_sample_has_no_sums() -> None:
    result = report(*scene(start="2024-01-10"), "ban")
    assert result.average is None
    assert result.cumulated is None
    assert result.ds.tolist() == DS[-1:].tolist()


def test_an_episode_the_record_lacks_is_not_found() -> None:
    with pytest.raises(NotFound, match="nearest: ban"):
        report(*scene(), "bans")


def test_sums_of_prices_have_no_meaning_and_their_anticipation_is_a_mean() -> None:
    history, record = scene(lead=2, sd=0.0)
    result = report(replace(history, series=replace(SERIES, measure=Measure.PRICE)), record, "ban")
    assert (result.cumulated, result.before, result.after) == (None, None, None)
    assert result.early is not None
    assert result.early.median == pytest.approx(-50, rel=1e-3)


def test_what_the_data_favour_comes_first_and_shares_add_up() -> None:
    history, record = scene()
    effect = record.effects[0]
    candidates = product(effect.episode.intervention, [Step(), Ramp(3)], [0, 2])
    choice = np.repeat([0, 2, 3, 3], N // 4).astype(np.int16)
    result = report(history, replace(record, effects=(replace(effect, candidates=candidates, choice=choice),)), "ban")
    assert list(result.shapes.items()) == [("ramp-3", 0.75), ("step", 0.25)]
    assert result.leads == {0: 0.5, 2: 0.5}


# -- which periods count -----------------------------------------------------------------------------------------------


def told_of(
    shape: Shape, *leads: int, last: int = 35, end: str | None = None, measure: str = "volume"
) -> EpisodeReport:
    """A step of size 1 on the log, for sure, from the 18th period on; 100 t were seen in each."""
    start = DS[17] + 9
    acting = Intervention(shape, start, None if end is None else np.datetime64(end))
    episode = Episode("ban", ("ban",), Stringency.BAN, -1, None, start.item(), None, 1.0, acting)
    n = 4 * len(leads)
    choice = np.repeat(np.arange(len(leads)), 4).astype(np.int16)
    effect = EpisodeEffect(episode, product(acting, [shape], leads), choice, np.ones(n, dtype=np.float32), False, True)
    record = EffectRecord((effect,), "averaged", n, MONTHLY, np.datetime64(DS[last], "D"), "volume.x")
    series = like(SERIES, measure=measure)
    return report(History(series, DS, np.full(36, 100.0), np.full(36, "reported")), record, "ban")


def more(path: list[float]) -> float:
    """By how much percent periods of 100 t each are together more than without these effects on the log."""
    return 100 * (len(path) / float(np.exp(-np.array(path)).sum()) - 1)


#: What 100 t seen with an effect of 1, and of −1, on the log are more than without it.
ADDED, HELD_BACK = 100 * (1 - np.exp(-1)), 100 * (1 - np.exp(1))


def one(band: Band | None) -> float:
    assert band is not None
    return float(band.median[0])


def test_the_average_is_over_the_year_from_the_start_and_not_over_what_came_early() -> None:
    result = told_of(Ramp(12), 2)
    assert [str(result.ds[0]), str(result.ds[-1]), len(result.ds)] == ["2021-04-01", "2022-12-01", 21]
    assert [str(result.window[0]), str(result.window[-1])] == ["2021-06-01", "2022-05-01"]
    assert one(result.average) == pytest.approx(more([k / 12 for k in [*range(3, 13), 12, 12]]))
    assert one(result.early) == pytest.approx(more([1 / 12, 2 / 12]))


@pytest.mark.parametrize("lead", [0, 2])
def test_what_was_forestalled_is_told_apart_and_nothing_is_summed_twice(lead: int) -> None:
    result = told_of(Forestalled(3), lead)
    assert str(result.ds[0]) == ("2021-03-01" if not lead else "2021-01-01")
    assert one(result.average) == pytest.approx(more([1.0]))
    # a lead of two: three periods at −1, then two at full effect before the date
    assert one(result.early) == pytest.approx(more([-1.0] * 3 + [1.0] * lead))
    assert one(result.before) == pytest.approx(3 * HELD_BACK + lead * ADDED)
    assert one(result.after) == pytest.approx(12 * ADDED)
    assert one(result.cumulated) == pytest.approx(3 * HELD_BACK + (12 + lead) * ADDED)
    assert result.missing == 0


def test_it_is_told_from_the_furthest_any_draw_reaches_and_an_early_period_without_effect_counts() -> None:
    result = told_of(Step(), 0, 4)
    assert str(result.ds[0]) == "2021-02-01"
    assert result.path.median.tolist() == [0.5] * 4 + [1.0] * 19
    assert one(result.early) == pytest.approx(more([1.0]) / 2), "half of the draws came early"
    assert one(result.cumulated) == pytest.approx((12 + 16) / 2 * ADDED)
    assert one(result.before) == pytest.approx(2 * ADDED)
    assert result.leads == {0: 0.5, 4: 0.5}


def test_an_end_or_the_end_of_the_sample_cuts_the_window_but_not_the_path() -> None:
    ended = told_of(Step(), 1, end="2021-09-20")
    assert (str(ended.window[-1]), str(ended.ds[-1])) == ("2021-09-01", "2022-12-01")
    assert one(ended.after) == pytest.approx(4 * ADDED)
    assert one(ended.cumulated) == pytest.approx(5 * ADDED)
    young = told_of(Step(), 1, last=18)
    assert (len(young.window), len(young.ds)) == (2, 3)
    assert one(young.after) == pytest.approx(2 * ADDED)


def test_three_months_of_nothing_are_a_quarter_of_a_year_and_what_was_not_observed_does_not_count() -> None:
    start = DS[17] + 9
    acting = Intervention(Temporary(3), start)
    episode = Episode("ban", ("ban",), Stringency.BAN, -1, None, start.item(), None, 1.0, acting)
    effect = EpisodeEffect(
        episode, (acting,), np.zeros((1, 4), dtype=np.int16), np.full((1, 4), -9.0, dtype=np.float32), False, True
    )
    y = np.full(36, 100.0)
    y[17:20] = 0.0
    latent = {str(day): float(np.log(100.0) - 9.0) for day in DS[17:20]}
    record = EffectRecord((effect,), "averaged", 4, MONTHLY, DS[-1], "volume.x", latent=latent)
    result = report(History(SERIES, DS, y, np.full(36, "reported")), record, "ban")
    assert one(result.average) == pytest.approx(-25.0, abs=0.01)
    assert result.amount is not None
    assert one(result.amount) == pytest.approx(-25.0, abs=0.01)
    assert one(result.after) == pytest.approx(-300.0, abs=0.1)
    assert result.relevant == 1.0
    y[20:24] = np.nan  # of the twelve months four were not observed
    result = report(History(SERIES, DS, y, np.full(36, "reported")), record, "ban")
    assert one(result.average) == pytest.approx(-37.5, abs=0.01)
    assert result.observed == 8
    y[17:29] = np.nan
    result = report(History(SERIES, DS, y, np.full(36, "reported")), replace(record, latent={}), "ban")
    assert (result.amount, result.observed) == (None, 0)
    assert one(result.average) == pytest.approx(100 * np.expm1(-9 / 4)), "by the path on the log: nothing was observed"


def test_without_a_lead_there_is_no_anticipation() -> None:
    result = told_of(Step(), 0)
    assert (result.early, result.before) == (None, None)
    assert [one(result.after), one(result.cumulated)] == pytest.approx([12 * ADDED] * 2)


def test_what_a_model_may_not_use_is_not_summed() -> None:
    history, record = scene(sd=0.0)
    flag = history.flag.astype("U9")
    flag[[18, 30]] = "imputed"
    result = report(replace(history, flag=flag), record, "ban")
    assert result.missing == 1  # the other lies after the year
    assert one(result.cumulated) == pytest.approx(-550, rel=1e-4)
    assert np.isnan(result.counterfactual.median).sum() == 2


def test_a_band_is_the_median_and_three_central_intervals() -> None:
    band = Band.of(np.arange(101.0))
    assert band.median.tolist() == [50.0]
    ends = {level: (low[0], high[0]) for level, (low, high) in band.intervals.items()}
    assert ends == {50: (25.0, 75.0), 80: (10.0, 90.0), 90: (5.0, 95.0)}
    logs = Band.of(np.log(np.linspace(0.5, 1.5, 101)))
    low, high = logs.percent().intervals[80]
    assert (low[0], high[0]) == (pytest.approx(-40.0), pytest.approx(40.0))
    low, high = logs.taken_from(np.array([60.0])).intervals[80]
    assert (low[0], high[0]) == (pytest.approx(60 / 1.4), pytest.approx(60 / 0.6))
