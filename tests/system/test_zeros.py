"""Series that report zeros, from the file to the answer: a zero is a period without trade, and forecast as one."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest

from forecast import metrics
from forecast.answers.future import Future
from forecast.effects import EffectRecord
from forecast.events import Events
from forecast.forecasters import FORECASTERS
from forecast.forecasters.random_walk import Repeat
from forecast.interventions import Design
from forecast.jobs.monitor import _hits
from forecast.seeds import seed_of
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History
from forecast.timeseries.trade import codes, has_trade
from forecast.training.backtest import Backtest, backtest, fit, scores
from forecast.training.information import InformationSet
from tests.support.command import Orecast, Said
from tests.support.records import a_series
from tests.support.small_world import AS_OF, FLOW, MINERALS, H, N, a_ban, a_future, a_run, an_effect, event_scenario_of

MEDIAN = 7  # of the fifteen levels; 0 is that of 2.5 %, 14 that of 97.5 %


Values = Sequence[float] | npt.NDArray[np.float64 | np.int64]


def history(y: Values, freq: str = "M", first: str = "2014-01-01") -> History:
    series = a_series("mine.x", "x", "volume", "target", "export", "NZL", "WLD", "tonne", freq, 10)
    ds = Freq(freq).range(np.datetime64(first), len(y))
    return History(series, ds, np.array(y, dtype=float), np.full(len(y), "reported"))


def bare(sample: Sample) -> Design:
    return Design.empty(sample.ds)


def information(y: Values, freq: str = "M", first: str = "2014-01-01", n: int = 1000) -> InformationSet:
    sample = Sample.of(history(y, freq, first))
    return InformationSet(sample, EffectRecord.none(n, sample.freq, sample.ds[-1]))


def forecast(y: Values, family: str = "grid", horizon: int = 12, freq: str = "M", first: str = "2014-01-01") -> Floats:
    """(H, 15) quantiles in the unit."""
    return fit(FORECASTERS[family], information(y, freq, first)).quantiles(horizon, 3)


def noisy(level: float, n: int, sd: float = 0.1, seed: int = 0) -> Floats:
    return np.asarray(np.round(level * np.exp(sd * np.random.default_rng(seed).standard_normal(n)), 1))


def closed_in_winter(years: int = 10) -> Floats:
    """About 1000 a month, nothing from January to March."""
    return np.where(np.arange(12 * years) % 12 < 3, 0.0, noisy(1000, 12 * years))


# -- each kind of zeros ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FORECASTERS)
def test_a_mine_that_closes_in_winter_is_forecast_closed_in_winter_by_every_family(family: str) -> None:
    q = forecast(closed_in_winter(), family)
    assert (q[:3, : MEDIAN + 3] == 0).all()  # up to the 70 % level
    np.testing.assert_allclose(q[3:, MEDIAN], 1000, rtol=0.2)
    assert (q[4:, 2] > 500).all()  # in nine of ten years there is trade


@pytest.mark.parametrize("family", ["grid", "seasonal-naive", "ucm"])
def test_after_months_without_trade_the_seasons_are_where_they_were(family: str) -> None:
    """Closed from October to December, when the sample ends; Julys are three times as large as other months."""
    month = np.arange(120) % 12
    seen = information(np.where(month < 9, noisy(1000, 120) * np.where(month == 6, 3, 1), 0.0))
    assert seen.gap == 3
    q = fit(FORECASTERS[family], seen).quantiles(12, 3)
    np.testing.assert_allclose(q[[5, 6, 7], MEDIAN], [1000, 3000, 1000], rtol=0.2)
    np.testing.assert_array_equal(q[9:, MEDIAN], 0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_small_counts_are_mostly_none_and_never_a_half(seed: int) -> None:
    y = np.random.default_rng(seed).poisson(0.4, 120)
    seen = information(y, n=4000)
    trade = seen.trade(12, 5)
    assert trade is not None
    np.testing.assert_allclose((trade & 1).mean(axis=0), (y > 0).mean(), atol=0.1)
    q = fit(FORECASTERS["grid"], seen).quantiles(12, 5)
    assert (q[:, : MEDIAN + 1] == 0).all()
    assert (q[:, 13:] > 0.6).all()
    assert (q[:, 14] < 5).all()


def test_weekends_are_always_none_and_weekdays_as_usual() -> None:
    days = np.arange(420)  # from a Monday on, until a Sunday
    q = forecast(np.where(days % 7 < 5, noisy(50, 420), 0.0), freq="D", first="2024-01-01", horizon=14)
    for week in (q[:7], q[7:]):
        assert (week[5:] == 0).all()
        np.testing.assert_allclose(week[:5, MEDIAN], 50, rtol=0.08)
        assert (week[:5, 0] > 30).all()


def test_of_one_lot_in_ten_years_hardly_anything_is_expected() -> None:
    q = forecast([100.0 if i == 60 else 0.0 for i in range(120)])
    assert (q[1:, :13] == 0).all()
    assert q.max() < 300


def test_what_a_ban_has_stopped_stays_stopped_with_a_small_chance_of_return() -> None:
    y = [*noisy(1000, 87), *[0.0] * 9]
    q = forecast(y)
    assert (q[:, :12] == 0).all()  # up to the 80 % level
    assert (q[0] == 0).all()
    trade = information(y, n=4000).trade(12, 5)
    assert trade is not None
    assert 0.03 < (trade[:, -1] & 1).mean() < 0.15
    # what comes back is as large as it was
    some, _ = fit(FORECASTERS["grid"], information(y)).baseline(12, 3)
    np.testing.assert_allclose(np.exp(np.median(some, axis=0)), 1000, rtol=0.1)


def test_nothing_but_zeros_is_forecast_as_zero() -> None:
    """A chance is left, of at most one in forty, that the smallest amount comes that the series can report."""
    for family in ("seasonal-naive", "grid"):
        q = forecast([0.0] * 60, family)
        np.testing.assert_array_equal(q[:, :14], 0)
        assert q.max() < 2


def test_a_sum_of_draws_holds_each_month_that_has_trade() -> None:
    """The year of a mine that works nine months of twelve at 1000: about 9000, though the median of a month is 0."""
    log, trade = fit(FORECASTERS["grid"], information(closed_in_winter(), n=2000)).baseline(12, 3)
    assert trade is not None
    year = np.where(trade & 1, np.exp(log), 0.0).sum(axis=1)
    assert np.median(year) == pytest.approx(9000, rel=0.06)


def test_what_is_traded_does_not_hang_on_which_draws_have_trade() -> None:
    """With and without trade, as things are and without the measures: each kind of draw has the margins of all."""
    log, trade = fit(FORECASTERS["seasonal-naive"], information(closed_in_winter(), n=2000)).baseline(12, 3)
    assert trade is not None
    for h in range(12):
        for kind in np.unique(trade[:, h]):
            own = log[trade[:, h] == kind, h]
            at = (np.arange(len(own)) + 0.5) / len(own)
            np.testing.assert_allclose(np.sort(own), np.quantile(log[:, h], at, method="hazen"), atol=0.05)


# -- what it must not cost ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["grid", "seasonal-naive", "ets"])
def test_a_series_without_zeros_has_the_digits_of_its_family_alone(family: str) -> None:
    seen = information(noisy(1000, 120))
    alone = FORECASTERS[family].fit(seen.sample, Design.empty(seen.sample.ds))
    draws = alone.simulate(Design.empty(seen.sample.future(12)), 1000, seed_of(3, "paths")) + seen.ahead(12)
    assert seen.trade(12, 3) is None
    np.testing.assert_array_equal(forecast(noisy(1000, 120), family), np.exp(metrics.quantiles(draws)))


def test_a_backtest_judges_zeros_in_the_unit_of_the_series() -> None:
    """Of a mine that closes every January to March, forecasts from December are exactly right then."""
    y = closed_in_winter()
    at = [83, 95, 107]
    information_sets = [information(y[: t + 1]) for t in at]
    test = backtest(FORECASTERS["grid"], information_sets, history(y), 3, 0)
    assert np.isfinite(test.quantiles).all()
    np.testing.assert_array_equal(test.actual, 0)
    np.testing.assert_array_equal(test.quantiles[..., : MEDIAN + 1], 0)
    assert np.nanmax(test.crps) < 100
    assert scores(test, test).score == 1


@pytest.mark.parametrize("family", ["ets", "grid", "seasonal-naive"])
def test_origins_with_too_few_trades_for_a_family_are_forecast_all_the_same(family: str) -> None:
    """Every fifth month has trade: after five to seven trades ETS and the engine lack some, after 21 they do not."""
    y = np.where(np.arange(120) % 5 == 0, noisy(100, 120), 0.0)
    information_sets = [information(y[: t + 1], n=500) for t in (20, 25, 30, 100, 110)]
    test = backtest(FORECASTERS[family], information_sets, history(y), 6, 0)
    assert np.isfinite(test.quantiles).all()
    assert np.isfinite(test.crps).all()
    assert (test.quantiles[..., -1] < 300).all()
    assert (test.quantiles[..., :MEDIAN] == 0).mean() > 0.7


def test_two_certain_zeros_are_as_good_as_each_other_and_nothing_else_is_measured_by_them() -> None:
    zeros, cutoffs = np.zeros((2, 3, 15)), np.array(["2020-01-01", "2020-02-01"], dtype="datetime64[D]")
    sure = Backtest("mine.x", "sure", cutoffs, zeros, np.array([[0.0, 0.0, 5.0], [0.0, 0.0, 5.0]]))
    other = replace(sure, family="other", quantiles=zeros + np.array([0.0, 2.0, 2.5])[None, :, None])
    np.testing.assert_array_equal(scores(sure, sure).rel_crps, 1)
    np.testing.assert_allclose(scores(other, sure).rel_crps, [1, np.nan, 0.5])
    assert scores(other, sure).score == pytest.approx(0.75)


# -- what a sample says of zeros ---------------------------------------------------------------------------------------


def test_a_sample_tells_trade_none_and_missing_apart() -> None:
    y = [5.0, 0.0, np.nan, 7.5, 0.0, 0.0]
    sample = Sample.of(history(y))
    np.testing.assert_array_equal(sample.trade, [1, 0, np.nan, 1, 0, 0])
    np.testing.assert_allclose(sample.values, y)
    assert sample.zeros == (1, 4, 5)
    assert np.exp(sample.limit) == pytest.approx(0.05)  # one decimal is published: half of a tenth
    np.testing.assert_allclose(np.exp(sample.x), [5, np.nan, np.nan, 7.5, np.nan, np.nan])
    np.testing.assert_allclose(np.exp(sample.sizes.x), [5, np.nan, np.nan, 7.5])
    assert sample.sizes.zeros == (1,)
    assert len(Sample.of(history([0.0, 0.0, 0.0])).sizes) == 0


def test_a_quarter_that_never_has_trade_adds_no_changes_to_those_that_have() -> None:
    """Logs 0, 1, 2, none; then 0, 1, 2.4, none: three changes, the last of 0.4, beside two with a variance of 0.375.

    (0.16 + 0.75) / 5 = 0.182 with even weights, 0.91 / (0.94² + 0.94 + 1 + 2) = 0.18866 with fading ones.
    """
    y = np.array([*np.exp([0, 1, 2]), 0.0, *np.exp([0, 1, 2.4]), 0.0])
    found = cast(Repeat, FORECASTERS["seasonal-naive"].fit(sizes := Sample.of(history(y, "Q")).sizes, bare(sizes)))
    assert found.sigma == pytest.approx(((0.182 + 0.91 / 4.8236) / 2) ** 0.5)
    np.testing.assert_allclose(found.cycle, [2, 0, 1, 2.4])  # the fourth quarter, should it come, is as the third


def test_a_sample_without_zeros_is_its_own() -> None:
    sample = Sample.of(history([5.0, np.nan, 7.0]))
    np.testing.assert_array_equal(sample.sizes.x, sample.x)


# -- what events change of it ------------------------------------------------------------------------------------------


def test_trade_that_a_measure_stopped_comes_back_where_half_of_the_measure_is_gone() -> None:
    now, freed = np.array([[True, False, False, True]]), np.array([[True, True, False, False]])
    code = codes(now, freed)
    assert code.tolist() == [[3, 2, 0, 1]]
    np.testing.assert_array_equal(has_trade(code, -2.0, np.full((1, 4), -1.1)), now)
    np.testing.assert_array_equal(has_trade(code, -2.0, np.full((1, 4), -0.9)), freed)
    # nothing is held back: what events add changes sizes only
    np.testing.assert_array_equal(has_trade(code, 0.0, np.full((1, 4), 5.0)), now)


def test_a_measure_that_is_taken_away_brings_trade_back_and_leaves_the_rest_none() -> None:
    """A measure of half on the log is in force. Of 400 draws a quarter have trade as things are, half without it."""
    ban = a_ban("ban")
    n = np.arange(N)[:, None] + np.zeros(H, dtype=int)
    trade = codes(n < N // 4, n < N // 2)
    run = replace(a_run(effects=[an_effect(ban)]), trade=trade)
    future = Future(run, FLOW, MINERALS, Events([ban]), AS_OF)
    assert run.held == pytest.approx(-0.5)
    share = np.exp(-0.5)  # the draws are at 1 without the measure
    np.testing.assert_allclose(future.draws[0], np.where(n[:, 0] < N // 4, share, 0), rtol=1e-6)
    never = future.given(event_scenario_of(future, remove=["ban"])).draws
    np.testing.assert_allclose(never, np.where(n.T < N // 2, 1.0, 0), rtol=1e-6)


@pytest.mark.parametrize(
    ("after", "size", "left"),
    [
        ([0, 0, 7, 0], -4.0, [3.0] * 6),  # a leak through a stop: what is traded ends with the last month before it
        ([0, 0, 7, 7], -4.0, [3.0] * 6 + [np.nan, np.nan, np.log(7) + 4, np.log(7) + 4]),  # as often as none
        ([0, 0, 7, 0], -2.9, [3.0] * 6 + [np.nan, np.nan, np.log(7) + 2.9]),  # 5.5 % are left: held back, not stopped
    ],
)
def test_what_trickles_through_a_stop_says_nothing_of_trade_without_it(
    after: list[float], size: float, left: list[float]
) -> None:
    sample = Sample.of(history([np.exp(3)] * 6 + after, first="2029-08-01"))
    record = EffectRecord((an_effect(a_ban("ban"), size=size),), "drawn", N, sample.freq, sample.ds[-1])
    np.testing.assert_allclose(InformationSet(sample, record).net.x, left, rtol=1e-6)


def test_a_zero_that_came_lies_in_an_interval_that_holds_zero() -> None:
    """Of the draws nine tenths are none in the first month, in the second all have trade, at 1 in both."""
    trade = np.full((N, H), 3, dtype=np.uint8)
    trade[: 9 * N // 10, 0] = 0
    future = replace(a_future(), run=replace(a_run(), trade=trade))
    came = History(FLOW, Freq("M").range(np.datetime64("2030-07-01"), 2), np.zeros(2), np.full(2, "reported"))
    assert _hits(future, came).tolist() == [[True, True], [False, False]]


# -- from the file to the answer ---------------------------------------------------------------------------------------

#: Few bundled events are near these.
MONTHS = [str(month) for month in np.arange("2004-10", "2012-10", dtype="datetime64[M]")]
EVENTS = """event_id,title,kind,announced,effective,minerals,flows,volume
my-ban,All exports banned,export_ban,2012-01-01,2012-01-01,nickel,NZL>WLD,down
"""


def take_in(orecast: Orecast, folder: Path, values: Values, measure: str = "volume", events: str = "") -> Said:
    series, observations = folder / "series.csv", folder / "values.csv"
    fields = "series_id,measure,flow,reporter,partner,mineral,unit,freq,release_lag_days"
    series.write_text(f"{fields}\nmine.x,{measure},export,NZL,WLD,nickel,t,M,10\n")
    rows = (f"mine.x,{month},{value}" for month, value in zip(MONTHS, values, strict=False))
    observations.write_text("\n".join(["series_id,ds,value", *rows, ""]))
    more: tuple[object, ...] = ()
    if events:
        (folder / "events.csv").write_text(events)
        more = ("--events", folder / "events.csv")
    return orecast("ingest", observations, "--series", series, *more)


def test_a_ban_is_forecast_as_none_and_a_scenario_without_it_as_before(orecast: Orecast, tmp_path: Path) -> None:
    """About 1,000 t a month, then nine months of 0 under a ban in force."""
    values = [1000 + (i * 37) % 80 - 40 if i < 87 else 0 for i in range(96)]
    assert take_in(orecast, tmp_path, values, events=EVENTS)[0] == 0
    assert orecast("train", "mine.x", "--family", "grid")[0] == 0
    code, printed, _ = orecast("forecast", "mine.x", "--format", "json", "--origin", "last")
    assert code == 0
    document = json.loads(printed, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert all(row["yhat"] == row["lo-95"] == row["lo-80"] == row["hi-80"] == 0 for row in document["data"])
    assert document["data"][-1]["hi-95"] > 0
    assert any(
        "9 values are zero (the last: September 2012): a forecast period may be 0, too, as often as before" in n
        for n in document["notes"]
    )
    question = tmp_path / "lift.yaml"
    question.write_text(
        f"series: [mine.x]\nh: 6\norigin: last\nscenarios:\n"
        f"  - name: never\n    remove: [my-ban]\n"
        f"  - name: lifted\n    amend:\n      - event: my-ban\n        ended: {dt.date(2012, 12, 31)}\n"
    )
    code, printed, errors = orecast("scenario", question, "--format", "csv")
    assert code == 0, errors
    head, *rows = (line.split(",") for line in printed.splitlines())
    medians: dict[str, list[float]] = {}
    for row in rows:
        medians.setdefault(row[head.index("scenario")], []).append(float(row[head.index("yhat")]))
    np.testing.assert_array_equal(medians["baseline"], 0)
    np.testing.assert_allclose(medians["never"], 1000, rtol=0.03)
    np.testing.assert_array_equal(medians["lifted"][:3], 0)
    np.testing.assert_allclose(medians["lifted"][3:], 1000, rtol=0.03)
    picture = tmp_path / "ban.png"
    assert orecast("plot", "mine.x", "--output", picture)[0] == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_nothing_but_zeros_trains_and_says_that_nothing_tells_how_much(orecast: Orecast, tmp_path: Path) -> None:
    assert take_in(orecast, tmp_path, [0] * 60)[0] == 0
    code, _, errors = orecast("train", "mine.x", "--family", "grid", "--family", "ets")
    assert code == 0, errors
    document = json.loads(orecast("forecast", "mine.x", "--format", "json", "--origin", "last")[1])
    assert all(row["yhat"] == row["hi-80"] == 0 and row["hi-95"] < 2 for row in document["data"])
    assert any("all 60 values are zero: nothing tells how much may come" in note for note in document["notes"])
    code, _, errors = orecast("backtest", "mine.x", "--origins", "4", "--horizon", "6", "--family", "grid")
    assert code == 0, errors


def test_a_backtest_of_counts_gives_zeros_and_no_half_values(orecast: Orecast, tmp_path: Path) -> None:
    y = np.random.default_rng(3).poisson(0.4, 96)
    take_in(orecast, tmp_path, y)
    file = tmp_path / "backtest.csv"
    for family in ("grid", "seasonal-naive"):
        asked = ("--origins", "6", "--horizon", "4", "--family", family, "--level", "90")
        code, _, errors = orecast("backtest", "mine.x", *asked, "--output", file)
        assert code == 0, errors
        head, *rows = (line.split(",") for line in file.read_text().splitlines())
        median, upper = ([float(row[head.index(name)]) for row in rows] for name in ("yhat", "hi-90"))
        assert len(rows) == 24
        np.testing.assert_array_equal(median, 0)
        assert 0.6 < np.median(upper) < 4


def test_a_price_of_zero_is_refused_with_its_line(orecast: Orecast, tmp_path: Path) -> None:
    code, _, errors = take_in(orecast, tmp_path, [5.0, 0.0, 6.0], "price")
    assert code == 2
    assert "values.csv:3: value = '0.0': expected more than 0, as a price is; leave out a period without a price" in (
        " ".join(errors.split())
    )
    assert orecast("series", "mine.x")[0] == 4, "nothing was written"


def test_a_price_of_zero_that_was_let_in_once_counts_as_missing() -> None:
    series = a_series("price.x", "x", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 5)
    ds = Freq("M").range("2024-01-01", 4)
    seen = History(series, ds, np.array([5.0, 0.0, 6.0, 0.0]), np.full(4, "reported"))
    assert seen.used.tolist() == seen.scored.tolist() == [True, False, True, False]
    assert seen.last == np.datetime64("2024-03-01")
    assert Sample.of(seen).zeros == ()
