"""What users rely on: a daily, weekly, quarterly or annual series goes all the way, on its own calendar."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.answers.forecast import ForecastQuestion, forecast
from forecast.answers.span import Span
from forecast.catalog import Catalog
from forecast.effects.candidates import SHAPE_FAMILIES, every_shape, in_periods
from forecast.interventions import Decay, Intervention, Licence, Pulse, Ramp, Step, Temporary
from forecast.jobs.ingest import ingest
from forecast.jobs.train import BACKTEST_ORIGINS, TEST_HORIZON, TrainingPlan, origins, train_one
from forecast.registry import Registry
from forecast.settings import Settings, SpanOrigin
from forecast.timeseries.frequency import Freq, parse_freq
from forecast.timeseries.series import History
from tests.support.records import a_series

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
#: As written, as understood, first period, how many, and the first three periods ahead.
CASES = {
    "D": ("D", "2026-01-01", 120, ("2026-05-01", "2026-05-02", "2026-05-03")),
    "B": ("B", "2026-01-01", 90, ("2026-05-07", "2026-05-08", "2026-05-11")),
    "W-FRI": ("W-FRI", "2024-01-06", 100, ("2025-12-06", "2025-12-13", "2025-12-20")),
    "W": ("W-SUN", "2020-11-02", 114, ("2023-01-09", "2023-01-16", "2023-01-23")),
    "QE-DEC": ("Q", "2012-01-01", 50, ("2024-07-01", "2024-10-01", "2025-01-01")),
    "YS": ("Y", "1985-01-01", 40, ("2025-01-01", "2026-01-01", "2027-01-01")),
}


def rows(freq: Freq, first: str, n: int, is_price: bool) -> list[tuple[dt.date, float]]:
    rng = np.random.default_rng(n)
    walk = np.cumsum(rng.normal(0, 0.02, n))
    noise = 0.0 if is_price else rng.normal(0, 0.1, n) + 0.3 * np.cos(2 * np.pi * np.arange(n) / freq.season)
    ds = freq.range(first, n)
    return list(zip(ds.tolist(), np.exp(5 + walk + noise).round(4).tolist(), strict=True))


@pytest.mark.parametrize("measure", ["price", "volume"])
@pytest.mark.parametrize("written", CASES)
def test_all_the_way(catalog: Catalog, settings: Settings, tmp_path: Path, written: str, measure: str) -> None:
    understood, first, n, ahead = CASES[written]
    freq, values = parse_freq(written), tmp_path / "values.csv"
    series = tmp_path / "series.csv"
    series.write_text(f"series_id,measure,unit,freq\nmine.x,{measure},t,{written}\n")
    lines = [f"mine.x,{ds},{y}" for ds, y in rows(freq, first, n, measure == "price")]
    values.write_text("\n".join(["series_id,ds,value", *lines]))
    counts = ingest(catalog, values, series, known_at=NOW)
    assert f"frequencies are read as {understood}" in counts.notes

    registry = Registry(settings.models_dir)
    outcome = train_one(catalog, registry, settings, "mine.x", TrainingPlan(NOW.date(), families=("grid",)))
    assert (outcome.status, outcome.detail.count("failed")) == ("trained", 0)
    made = forecast(catalog, registry, "mine.x", ForecastQuestion(NOW.date(), Span(3, SpanOrigin.LAST)))
    assert made.freq == understood
    assert tuple(str(row.ds) for row in made.data) == ahead
    last = values.read_text().rpartition(",")[2]
    low, high = made.data[0].interval(95)
    assert measure == "volume" or low < float(last) < high
    assert 0 < np.log(high / low) < 2.5
    tested = registry.champion("mine.x").card.backtest
    assert {len(scores.rel_crps) for scores in tested.values()} == {TEST_HORIZON[freq.unit]}


def a_history(code: str, n: int) -> History:
    series = a_series("x", "", "price", "target", "world", "WLD", "WLD", "tonne", code, 0)
    ds = Freq(code).range("1990-01-01", n)
    return History(series, ds, np.arange(1.0, n + 1), np.full(n, "reported"))


@pytest.mark.parametrize(("code", "stride"), [("D", 15), ("B", 11), ("W-SUN", 2), ("M", 1), ("Q", 1)])
def test_origins_of_a_long_series_are_spread_over_a_year_at_least(code: str, stride: int) -> None:
    history = a_history(code, 3000)
    found = origins(history)
    assert len(found) == BACKTEST_ORIGINS
    assert set(np.diff(Freq(code).ordinal(found))) == {stride}
    assert found[-1] == Freq(code).shift(history.last, -TEST_HORIZON[code[0]])


def test_a_short_annual_series_is_tested_with_what_there_is() -> None:
    assert len(origins(a_history("Y", 40))) == 40 - 18
    assert len(origins(a_history("Y", 23))) == 5
    assert len(origins(a_history("Y", 22))) == 0


@pytest.mark.parametrize(
    ("code", "begins", "ends"),
    [
        ("D", "2026-03-07", "2026-03-21"),
        ("B", "2026-03-09", "2026-03-20"),  # from Monday after a Saturday to Friday before one
        ("W-SUN", "2026-03-02", "2026-03-16"),
        ("W-FRI", "2026-03-07", "2026-03-21"),
        ("M", "2026-03-01", "2026-03-01"),
        ("Q", "2026-01-01", "2026-01-01"),
        ("Y", "2026-01-01", "2026-01-01"),
    ],
)
def test_an_event_lands_in_the_period_of_its_day(code: str, begins: str, ends: str) -> None:
    freq = Freq(code)
    ds = freq.between("2025-01-01", "2027-12-31")
    saturday, later = np.datetime64("2026-03-07"), np.datetime64("2026-03-21")
    inside = ds[Intervention(Step(), saturday, later).column(ds, freq) == 1.0]
    assert (str(inside[0]), str(inside[-1])) == (begins, ends)


def test_a_rate_counts_by_its_days_in_the_week() -> None:
    weekly = Freq("W-SUN")
    rate = Intervention(
        Step(),
        np.datetime64("2026-03-02"),
        intensity=(
            (np.datetime64("2026-03-02"), 0.0),
            (np.datetime64("2026-03-13"), 1.0),
        ),
    )
    assert rate.column(weekly.range("2026-03-02", 3), weekly).tolist() == pytest.approx([0.0, 3 / 7, 1.0])


def test_effects_last_as_long_in_weeks_as_in_months() -> None:
    assert in_periods(Temporary(6), Freq("W-SUN")) == Temporary(26)
    assert in_periods(Ramp(3), Freq("D")) == Ramp(91)
    assert in_periods(Temporary(3), Freq("Q")) == Pulse()
    assert in_periods(Ramp(12), Freq("Y")) == Step()
    assert in_periods(Decay(0.8), Freq("Q")) == Decay(0.512)
    assert in_periods(Licence(3, 0.6), Freq("W-SUN")) == Licence(13, 0.6)
    assert in_periods(Licence(3, 0.6), Freq("Y")) == Licence(1, 0.6)


@pytest.mark.parametrize("code", ["D", "B", "W-SUN", "M", "Q", "Y"])
def test_shapes_keep_their_weight_at_every_frequency(code: str) -> None:
    every = every_shape([0, 1], Freq(code))
    assert np.exp(every.log_prior).sum() == pytest.approx(1.0)
    assert len(set(every.shapes)) == len(every.shapes)
    monthly = tuple(shape for _, members in SHAPE_FAMILIES for shape in members)
    assert code != "M" or every.shapes == monthly


def test_weekly_stamps_of_pandas_are_told_what_was_meant(catalog: Catalog, tmp_path: Path) -> None:
    sundays = pd.date_range("2026-01-04", periods=3, freq="W")
    series, values = tmp_path / "series.csv", tmp_path / "values.csv"
    series.write_text("series_id,measure,unit,freq\nmine.x,price,t,W\n")
    values.write_text("series_id,ds,value\n" + "".join(f"mine.x,{day.date()},1\n" for day in sundays))
    with pytest.raises(ValueError, match="the first day of a period of frequency W-SUN: 2025-12-29"):
        ingest(catalog, values, series, known_at=NOW)


def test_days_without_weekends_are_asked_about(catalog: Catalog, tmp_path: Path) -> None:
    series, values = tmp_path / "series.csv", tmp_path / "values.csv"
    series.write_text("series_id,measure,unit,freq\nmine.x,price,t,D\nmine.y,price,t,D\n")
    lines = [f"mine.x,{day},1" for day in Freq("B").range("2026-01-01", 20)]
    lines += [f"mine.y,{day},1" for day in Freq("M").range("2025-01-01", 20)]
    values.write_text("\n".join(["series_id,ds,value", *lines]))
    notes = ingest(catalog, values, series, known_at=NOW).notes
    assert "mine.x: no value on a weekend; if that is so by nature, its frequency is B" in notes
    assert "mine.y: 20 of 578 periods have a value; is D its frequency?" in notes
