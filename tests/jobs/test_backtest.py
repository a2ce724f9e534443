"""A backtest on request: any series with observations, the origins asked for, what was known there and nothing else."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from forecast.answers.backtests import KEPT_LEVELS, BacktestPaths
from forecast.catalog import Catalog, Observation
from forecast.cli import call
from forecast.errors import InvalidInput, NotFound
from forecast.export.finished import verify
from forecast.forecasters.grid.engine import Grid
from forecast.forecasters.origins import Origin
from forecast.forecasters.pretrained.family import Pretrained, PretrainedFit
from forecast.jobs import backtest as job
from forecast.jobs.backtest import BacktestAnswer, BacktestQuestion, past_forecasts, run, summary
from forecast.jobs.ingest import ingest
from forecast.metrics import QUANTILE_LEVELS
from forecast.names import MeasureClass
from forecast.settings import Settings
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats
from forecast.training.backtest import Backtest
from forecast.training.origins import known_at, last, read, usable
from forecast.training.panel import PanelSet
from tests.support.records import a_series

TODAY = date(2026, 7, 15)
COPPER, EARTHS = "price.copper", "volume.rare-earths.export.cn"
MINE = a_series("price.mine", "copper", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 10)
QUESTION = BacktestQuestion(TODAY, 3)
HEADER = [column.name for column in BacktestPaths.columns((80, 95))]
DAYS = np.array(["2019-05-01", "2023-05-01", "2025-09-01"], dtype="datetime64[D]")


@pytest.fixture(scope="module")
def home(seeded: Path) -> Settings:
    return Settings.from_env({"ORECAST_DATABASE_URL": f"sqlite:///{seeded}"})


@pytest.fixture(scope="module")
def bundled(home: Settings) -> Iterator[Catalog]:
    """The bundled catalogue, only read."""
    catalog = Catalog.open(home)
    yield catalog
    catalog.close()


@pytest.fixture(scope="module")
def answer(bundled: Catalog, home: Settings) -> BacktestAnswer:
    return run(bundled, home, {COPPER: DAYS, EARTHS: DAYS[1:]}, QUESTION)


def observations(values: Floats, series_id: str = MINE.series_id) -> list[Observation]:
    """Monthly values from 2022 on, each known on the tenth of the month after its own."""
    months = MINE.calendar.range("2022-01-01", len(values) + 1).tolist()
    return [
        Observation(series_id, day, float(value), "reported", datetime(after.year, after.month, 10, tzinfo=UTC), True)
        for day, after, value in zip(months, months[1:], values, strict=False)
    ]


def walk(T: int) -> Floats:
    return np.asarray(500 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.05, T))))


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_one_pass_is_the_fit_at_each_origin(bundled: Catalog, answer: BacktestAnswer) -> None:
    panel_set = PanelSet.of(bundled, TODAY)
    for one in answer.tested:
        series_id, history = one.test.series_id, bundled.history(one.test.series_id, TODAY)
        panel = panel_set.like(history.series)
        assert panel is not None
        for cutoff, q in zip(one.test.cutoffs, one.test.quantiles, strict=True):
            grid = Grid().with_statistics(panel.statistics(series_id, cutoff))
            (fitted,) = grid.fit_each([Sample.of(history.until(cutoff))])
            np.testing.assert_allclose(np.log(q), fitted.quantiles(24)[:3], rtol=1e-9)


def test_what_came_later_does_not_change_a_backtest(catalog: Catalog, settings: Settings) -> None:
    values = walk(48)
    catalog.add(series=[MINE], observations=observations(values), known_at=datetime(2026, 1, 11, tzinfo=UTC))
    origin = {MINE.series_id: np.array(["2025-03-01"], dtype="datetime64[D]")}
    plain = BacktestQuestion(TODAY, 3, calibrated=False)
    before = [run(catalog, settings, origin, question).tested[0].test for question in (plain, QUESTION)]
    # a revision of an early value, and another future: neither was known on 10 April 2025
    other = [
        Observation(MINE.series_id, date(2023, 1, 1), 9000.0, "reported", datetime(2025, 4, 11, tzinfo=UTC)),
        Observation(MINE.series_id, date(2025, 5, 1), 9000.0, "reported", datetime(2026, 1, 11, tzinfo=UTC)),
    ]
    catalog.add(observations=other, known_at=datetime(2026, 1, 12, tzinfo=UTC))
    after = [run(catalog, settings, origin, question).tested[0].test for question in (plain, QUESTION)]
    np.testing.assert_allclose(after[0].quantiles, before[0].quantiles, rtol=1e-6)
    # the panel calibrates by its present values: one of a thousand outcomes is another one
    np.testing.assert_allclose(after[1].quantiles, before[1].quantiles, rtol=1e-3)
    assert after[1].actual[0, 1] == 9000.0


def test_calibration_can_be_left_out(bundled: Catalog, home: Settings, answer: BacktestAnswer) -> None:
    plain = BacktestQuestion(TODAY, 3, calibrated=False, compared=False)
    (one,) = run(bundled, home, {COPPER: DAYS}, plain).tested
    calibrated = answer.tested[0].test.quantiles
    np.testing.assert_allclose(one.test.quantiles[..., 7], calibrated[..., 7])
    assert (one.test.quantiles[..., 0] != calibrated[..., 0]).all()
    assert one.baseline is None


def test_an_ensemble_is_tested_in_the_same_pass(bundled: Catalog, home: Settings, answer: BacktestAnswer) -> None:
    question = replace(QUESTION, family="ensemble")
    both = run(bundled, home, {COPPER: DAYS, EARTHS: DAYS[1:]}, question).tested
    weights = {COPPER: [0.0, 0.1, 0.1], EARTHS: [0.2, 0.2, 0.2]}
    for one, grid in zip(both, answer.tested, strict=True):
        series_id, history = one.test.series_id, bundled.history(one.test.series_id, TODAY)
        expected, samples = np.log(grid.test.quantiles), [Sample.of(history.until(day)) for day in one.test.cutoffs]
        long = [o for o, sample in enumerate(samples) if np.isfinite(sample.x).sum() >= 60]
        fits = Pretrained().fit_origins([Origin(samples[o], one.test.cutoffs[o]) for o in long])
        other = np.stack([fit.quantiles(3, QUANTILE_LEVELS) for fit in fits if isinstance(fit, PretrainedFit)])
        expected[long] += np.array(weights[series_id])[:, None] * (other - expected[long])
        np.testing.assert_allclose(np.log(one.test.quantiles), expected, atol=2e-3)
        assert one.test.family == "ensemble"


def test_other_families_are_given_the_views(bundled: Catalog, home: Settings) -> None:
    (one,) = run(bundled, home, {EARTHS: DAYS[1:]}, BacktestQuestion(TODAY, 3, "seasonal-naive")).tested
    assert one.test.family == "seasonal-naive"
    assert one.baseline is not None
    np.testing.assert_array_equal(one.test.quantiles, one.baseline.quantiles)


def test_rows_are_long_rounded_once_and_nested_with_what_came(answer: BacktestAnswer) -> None:
    assert ",".join(HEADER) == "series_id,cutoff,ds,h,y,yhat,lo-80,hi-80,lo-95,hi-95,unit,family,run"
    every = tuple(sorted(KEPT_LEVELS))
    assert every == (20, 40, 50, 60, 80, 90, 95)
    result = [line for one in past_forecasts(answer, every) for line in one.lines()]
    first = result[0]
    assert [first[name] for name in HEADER[:4]] == [COPPER, date(2019, 5, 1), date(2019, 6, 1), 1]
    assert (first["family"], first["run"], result[2]["ds"], result[2]["h"]) == ("grid", None, date(2019, 8, 1), 3)
    for row, actual in zip(result, np.concatenate([one.test.actual.ravel() for one in answer.tested]), strict=True):
        bounds = [f"lo-{level}" for level in reversed(every)], [f"hi-{level}" for level in every]
        values = [float(str(row[name])) for name in (*bounds[0], "yhat", *bounds[1])]
        assert values == sorted(values)
        assert all(float(f"{value:.6g}") == value for value in values)
        assert row["y"] == (actual if np.isfinite(actual) else None)
    shown = [first[f"lo-{level}"] for level in (95, 90, 80, 60, 50, 40, 20)]
    np.testing.assert_allclose(np.array(shown, dtype=float), answer.tested[0].test.quantiles[0, 0, :7], rtol=1e-5)


def test_scores_come_by_horizon_and_for_all(answer: BacktestAnswer) -> None:
    lines = summary(answer)
    assert [(line.measure_class, line.h) for line in lines] == [
        (kind, h) for kind in MeasureClass for h in (1, 2, 3, 0)
    ]
    for line in lines:
        assert 0.1 < line.rel_crps < 5
        assert 0 < line.mase < 50
        assert set(line.coverage) == {50, 80, 95}
        assert line.coverage[50] <= line.coverage[80] <= line.coverage[95]
    one = answer.tested[0]
    error = np.abs(one.test.actual[:, 0] - one.test.quantiles[:, 0, len(QUANTILE_LEVELS) // 2]) / one.scale
    assert lines[0].mase == pytest.approx(error.mean())


def test_scores_are_those_of_outcomes_whose_place_is_known() -> None:
    """Every quantile is a hundred times its level; what came is 51, then 92, then 99."""
    q = np.tile(100 * np.asarray(QUANTILE_LEVELS), (2, 3, 1))
    test = Backtest("price.mine", "grid", DAYS[:2], q, np.tile([51.0, 92.0, 99.0], (2, 1)))
    one = job.SeriesBacktest(test, test, np.array([2.0, 4.0]), MINE)
    lines = {line.h: line for line in summary(BacktestAnswer((one,), ()))}
    assert [line.rel_crps for line in lines.values()] == pytest.approx([1, 1, 1, 1])
    assert [lines[h].mase for h in (1, 2, 3, 0)] == pytest.approx([0.375, 15.75, 18.375, 11.5])
    assert [lines[h].coverage for h in (1, 2, 3)] == [
        {50: 1.0, 80: 1.0, 95: 1.0},
        {50: 0.0, 80: 0.0, 95: 1.0},
        {50: 0.0, 80: 0.0, 95: 0.0},
    ]
    assert lines[0].coverage == pytest.approx({50: 1 / 3, 80: 1 / 3, 95: 2 / 3})


def test_the_scale_of_a_price_is_its_change_in_a_month_and_that_of_a_flow_its_change_in_a_year(
    bundled: Catalog, answer: BacktestAnswer
) -> None:
    for one, season in zip(answer.tested, (1, 12), strict=True):
        for cutoff, scale in zip(one.test.cutoffs, one.scale, strict=True):
            y = np.exp(bundled.history(one.test.series_id, TODAY).until(cutoff).x)
            assert scale == pytest.approx(np.nanmean(np.abs(y[season:] - y[:-season])[-120:])), "of ten years"


# -- origins -----------------------------------------------------------------------------------------------------------


def test_the_last_origins_leave_their_horizon(bundled: Catalog) -> None:
    found, without = last(bundled, [COPPER, "volume.gallium.export.cn"], 4, TODAY, 3)
    end = bundled.history(COPPER, TODAY).last
    month = bundled.get(COPPER).calendar
    np.testing.assert_array_equal(found[COPPER], month.shift(end, np.arange(-6, -2)))
    assert list(found) == [COPPER]
    assert [one.series_id for one in without] == ["volume.gallium.export.cn"]
    assert "13 observations" in str(without[0])


def test_origins_need_eighteen_observations_and_an_outcome(catalog: Catalog) -> None:
    """Of thirty months the eighteenth to the last but one can be looked from, ten of them with three months to go."""
    catalog.add(series=[MINE], observations=observations(walk(30)), known_at=datetime(2026, 1, 11, tzinfo=UTC))

    def found(count: int, horizon: int) -> list[str]:
        days = last(catalog, [MINE.series_id], count, TODAY, horizon)[0][MINE.series_id]
        return [str(days[0]), str(days[-1]), str(len(days))]

    assert found(10, 3) == ["2023-06-01", "2024-03-01", "10"]
    assert found(11, 3) == ["2023-07-01", "2024-05-01", "11"]
    assert found(99, 3) == ["2023-06-01", "2024-05-01", "12"]
    history = catalog.history(MINE.series_id, TODAY)
    cutoffs = np.array(["2023-05-01", "2023-06-01"], dtype="datetime64[D]")
    kept, left_out = usable(catalog, history, cutoffs, TODAY)
    assert kept.tolist() == [date(2023, 6, 1)]
    assert [(one.cutoffs, one.why) for one in left_out] == [
        ((date(2023, 5, 1),), "fewer than 18 observations up to there")
    ]


def test_an_origin_needs_eighteen_observations_that_were_known_then(catalog: Catalog) -> None:
    """Of twenty months the second came two years late: nineteen are there now, eighteen were with the nineteenth."""
    late = datetime(2026, 1, 10, tzinfo=UTC)
    result = [replace(one, known=late) if i == 1 else one for i, one in enumerate(observations(walk(20)))]
    catalog.add(series=[MINE], observations=result, known_at=datetime(2026, 1, 11, tzinfo=UTC))
    cutoffs = np.array(["2023-06-01", "2023-07-01"], dtype="datetime64[D]")
    kept, left_out = usable(catalog, catalog.history(MINE.series_id, TODAY), cutoffs, TODAY)
    assert kept.tolist() == [date(2023, 7, 1)]
    assert [str(one.cutoffs[0]) for one in left_out] == ["2023-06-01"]
    assert "came later than the series' release_lag_days (10) says" in left_out[0].why


def test_nothing_is_seen_that_came_after_the_day_that_is_looked_at(catalog: Catalog) -> None:
    """The value of June came early, on the second of July: one looks then, and sees no revision of the eighth."""
    moments = {17: datetime(2023, 7, 2, tzinfo=UTC)}
    result = [replace(one, known=moments.get(i, one.known)) for i, one in enumerate(observations(walk(18)))]
    revised = replace(result[0], value=9000.0, known=datetime(2023, 7, 8, tzinfo=UTC), assumed=False)
    catalog.add(series=[MINE], observations=[*result, revised], known_at=datetime(2026, 1, 11, tzinfo=UTC))
    assert catalog.history(MINE.series_id).y[0] == 9000.0
    for day in (date(2023, 7, 7), date(2023, 7, 8)):
        (seen,) = known_at(catalog, catalog.history(MINE.series_id), np.array(["2023-06-01"], "datetime64[D]"), day)
        assert seen is not None
        assert seen.y[0] == result[0].value


def test_the_first_and_the_last_period_of_a_series_can_be_read(bundled: Catalog, tmp_path: Path) -> None:
    file, history = tmp_path / "origins.csv", bundled.history(COPPER, TODAY)
    file.write_text(f"series_id,cutoff\n{COPPER},{history.ds[0]}\n{COPPER},{history.last}\n")
    assert read(file, bundled, TODAY)[COPPER].tolist() == [history.ds[0].item(), history.last.item()]


def test_origins_are_read_from_a_file(bundled: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "origins.csv"
    file.write_text(f"cutoff,series_id\n2023-05-01,{COPPER}\n2019-05,{COPPER}\n2023-05-01,{EARTHS}\n")
    found = read(file, bundled, TODAY)
    np.testing.assert_array_equal(found[COPPER], DAYS[:2])
    assert set(found) == {COPPER, EARTHS}


def test_every_wrong_origin_of_a_file_is_named(bundled: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "origins.csv"
    wrong = [
        ("price.coper,2023-05-01", "series_id", "a known series; nearest: price.copper, price.tsp, price.dap"),
        ("price.brent,2023-05-01", "series_id", "a target; this is a comparison, never a forecast"),
        ("price.gallium.annual,2023-01", "series_id", "a target; this is evidence, never a forecast"),
        (f"{COPPER},November", "cutoff", "YYYY-MM-DD (or YYYY-MM)"),
        (f"{COPPER},2023-05-02", "cutoff", "the first day of a period of frequency M: 2023-05-01"),
        (f"{COPPER},2031-01-01", "cutoff", "a period from 1992-01-01 to 2026-06-01, as price.copper has"),
        (f"{COPPER},2023-04", "cutoff", "each origin of a series once"),
    ]
    file.write_text("\n".join(["series_id,cutoff", f"{COPPER},2023-04-01", *(line for line, _, _ in wrong)]) + "\n")
    with pytest.raises(InvalidInput) as raised:
        read(file, bundled, TODAY)
    result = [(fault.line, fault.where, fault.expected) for fault in raised.value.faults]
    assert result == [(line, column, right) for line, (_, column, right) in enumerate(wrong, start=3)]
    file.write_text("series,cutoff\nx,2022-01-01\n")
    with pytest.raises(InvalidInput, match="a column 'series_id'"):
        read(file, bundled, TODAY)


def test_what_cannot_be_forecast_from_is_left_out_and_said(catalog: Catalog, settings: Settings) -> None:
    seen = observations(walk(48))
    late = Observation(MINE.series_id, seen[40].ds, seen[40].value, "reported", datetime(2025, 8, 1, tzinfo=UTC))
    kept = [one for i, one in enumerate(seen) if i not in (30, 40)]
    catalog.add(series=[MINE], observations=[*kept, late], known_at=datetime(2026, 1, 11, tzinfo=UTC))
    months = MINE.calendar.shift("2022-01-01", np.array([5, 30, 40, 41]))
    answer = run(catalog, settings, {MINE.series_id: months}, QUESTION)
    assert [str(day) for day in answer.tested[0].test.cutoffs] == ["2025-06-01"]
    message = {str(one.cutoffs[0]): one.why for one in answer.left_out}
    assert message["2022-06-01"] == "fewer than 18 observations up to there"
    assert message["2024-07-01"] == "nothing was observed in that period"
    assert "release_lag_days (10)" in message["2025-05-01"]


def test_a_series_of_zeros_or_without_values_has_no_origins(catalog: Catalog, settings: Settings) -> None:
    empty = replace(MINE, series_id="price.empty")
    zeros = observations(np.zeros(48))
    catalog.add(series=[MINE, empty], observations=zeros, known_at=datetime(2026, 1, 11, tzinfo=UTC))
    found, without = last(catalog, [MINE.series_id, "price.empty"], 4, TODAY, 3)
    assert found == {}
    assert [one.series_id for one in without] == [MINE.series_id, "price.empty"]
    asked = {MINE.series_id: MINE.calendar.range("2025-01-01", 2)}
    answer = run(catalog, settings, asked, QUESTION)
    assert answer.tested == ()
    assert len(answer.left_out[0].cutoffs) == 2


def test_unknown_families_and_comparisons_are_refused(bundled: Catalog, home: Settings) -> None:
    with pytest.raises(NotFound, match="prophet"):
        run(bundled, home, {COPPER: DAYS}, BacktestQuestion(TODAY, 3, "profet"))
    with pytest.raises(InvalidInput, match="never a forecast"):
        run(bundled, home, {"price.brent": DAYS}, QUESTION)


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def own(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a series that was just taken in, by the command; nothing is trained."""
    monkeypatch.setenv("ORECAST_HOME", str(settings.home))
    monkeypatch.setenv("COLUMNS", "80")
    series, values = tmp_path / "series.csv", tmp_path / "values.csv"
    series.write_text("series_id,mineral,measure,unit,freq,release_lag_days\nprice.mine,copper,price,USD/t,M,10\n")
    lines = [f"{one.series_id},{one.ds},{one.value}" for one in observations(walk(48))]
    values.write_text("\n".join(["series_id,ds,value", *lines]) + "\n")
    assert call(["ingest", str(values), "--series", str(series)]) == 0
    return tmp_path


def test_a_series_just_taken_in_is_backtested(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = own / "quantiles.csv"
    capsys.readouterr()
    assert call(["backtest", MINE.series_id, "--origins", "5", "--h", "2", "--output", str(file)]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.startswith(f"{file}: 10 rows of 1 series, sha256 ")
    assert "grid on price.mine, 5 origins; CRPS as a ratio to random-walk's" in shown.out
    assert [line.split()[0] for line in shown.out.splitlines()[-3:]] == ["1", "2", "all"]
    assert verify(file) == 10
    with file.open(newline="") as lines:
        table = list(csv.DictReader(lines))
    assert list(table[0]) == HEADER
    assert {row["family"] for row in table} == {"grid"}

    assert call(["backtest", MINE.series_id, "--origins", "5", "--h", "2", "--format", "csv"]) == 0
    assert capsys.readouterr().out.encode() == file.read_bytes()
    assert call(["backtest", MINE.series_id, "--origins", "5", "--h", "2", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (mine,) = document["data"]
    assert [str(row["yhat"]) for row in mine["data"]] == [row["yhat"] for row in table]


def test_a_file_of_origins_that_is_wrong_is_named_and_nothing_is_written(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    origins, file = own / "origins.csv", own / "quantiles.csv"
    origins.write_text("series_id,cutoff\nprice.mine,2024-01-01\nprice.mine,2024-01-15\n")
    capsys.readouterr()
    assert call(["backtest", "--origins", str(origins), "--output", str(file)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"orecast: {origins}:3: cutoff = '2024-01-15': expected the first day of a period")
    assert not file.exists()
    for wrong, says in (
        (["--origins", "0"], "a whole number from 1 to 10000"),
        (["--origins", "none.csv"], "a CSV file that is there"),
        (["--origins", "3", "--h", "25"], "from 1 to 24"),
        (["--origins", "3", "--family", "ets", "--calibrate", "none"], "--calibrate is for grid"),
        (["--family", "ets"], "are for --origins"),
        ([], "name a series, or --origins"),
    ):
        assert call(["backtest", *wrong]) == 2
        assert says in capsys.readouterr().err


def test_what_is_left_out_is_said_and_the_rest_is_there(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    origins = own / "origins.csv"
    origins.write_text("series_id,cutoff\nprice.mine,2022-05\nprice.mine,2025-12\n")
    capsys.readouterr()
    assert call(["backtest", "--origins", str(origins), "--h", "2"]) == 1
    shown = capsys.readouterr()
    assert "grid on price.mine, 1 origin; no outcome is known yet" in shown.out
    assert shown.err == ("orecast: price.mine: origins left out (2022-05-01): fewer than 18 observations up to there\n")


def test_a_price_that_names_its_daily_companion_starts_from_its_last_price(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    days = np.arange(np.datetime64("2010-01-01"), np.datetime64("2020-01-01"))
    daily = 100 * np.exp(np.cumsum(rng.normal(0, 0.012, len(days))))
    months = days.astype("datetime64[M]")
    names = np.unique(months)
    folder = tmp_path / "own"
    folder.mkdir()
    header = "series_id,mineral,measure,role,flow,reporter,partner,unit,freq,release_lag_days,spot\n"
    (folder / "series.csv").write_text(
        header
        + "price.own,tin,price,target,world,WLD,WLD,USD/t,M,0,price.own.daily\n"
        + "price.own.daily,tin,price,comparison,world,WLD,WLD,USD/t,D,0,\n"
    )
    rows = [f"price.own,{month},{daily[months == month].mean()}" for month in names]
    rows += [f"price.own.daily,{day},{value}" for day, value in zip(days, daily, strict=True)]
    (folder / "observations.csv").write_text("series_id,ds,value\n" + "\n".join(rows) + "\n")
    settings = Settings.from_env({"ORECAST_HOME": str(tmp_path)})
    catalog = Catalog.open(settings)
    ingest(catalog, folder / "observations.csv", folder / "series.csv", known_at=datetime.now(UTC))
    history = catalog.history("price.own")
    panel = PanelSet.of(catalog, date.today()).like(history.series)
    assert panel is not None
    cutoffs = history.ds[48:-1]
    ours = np.exp(panel.quantiles({"price.own": cutoffs})["price.own"][:, 0, 7])
    whole = run(catalog, settings, {"price.own": cutoffs[-3:]}, BacktestQuestion(date.today(), 3, compared=False))
    revised = replace(catalog.observations("price.own")[0], value=1.0, known=datetime.now(UTC), assumed=False)
    catalog.add(observations=[revised], known_at=datetime.now(UTC))
    apart = run(catalog, settings, {"price.own": cutoffs[-3:]}, BacktestQuestion(date.today(), 3, compared=False))
    catalog.close()
    # from draws, as its first month was revised since, and from margins
    q, direct = apart.tested[0].test.quantiles, whole.tested[0].test.quantiles
    np.testing.assert_allclose(q[:, 0, 7], direct[:, 0, 7], rtol=2e-3)
    np.testing.assert_allclose(np.log(q[..., -1] / q[..., 0]), np.log(direct[..., -1] / direct[..., 0]), rtol=0.1)
    at = np.searchsorted(history.ds, cutoffs)
    error, naive = np.abs(ours - history.y[at + 1]), np.abs(history.y[at] - history.y[at + 1])
    # a random walk's own bound at the very end of the month is .73 of the mean's error
    assert error.mean() / naive.mean() < 0.85
    expected = np.array([daily[days == end][0] for end in history.series.calendar.end(cutoffs)])
    np.testing.assert_allclose(ours[:11], expected[:11], rtol=1e-6)
    # after five years it is drawn to its mean besides
    np.testing.assert_allclose(ours[11:], expected[11:], rtol=0.01)
    assert (ours[11:] != expected[11:]).any()
