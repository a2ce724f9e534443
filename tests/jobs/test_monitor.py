"""Monitoring: late data, damaged runs, and whether the intervals that were served held."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecast.answers.forecast import ForecastQuestion, forecast
from forecast.answers.health import Health, Inside
from forecast.answers.span import Span
from forecast.catalog import Catalog
from forecast.catalog.fetches import FetchState
from forecast.cli import call
from forecast.effects import EffectRecord, Episode, EpisodeEffect
from forecast.events import Stringency
from forecast.interventions import Intervention, Step
from forecast.jobs.monitor import monitor
from forecast.registry import Payload, Registry
from forecast.settings import Settings, SpanOrigin
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import Series
from tests.support.trained_home import COPPER, NICKEL, NOW, add_run, card, make_home


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_home(tmp_path)


def of(settings: Settings, series_id: str, as_of: dt.date) -> Health:
    catalog = Catalog.open(settings)
    found = {health.series_id: health for health in monitor(catalog, Registry(settings.models_dir), as_of).data}
    catalog.close()
    return found[series_id]


def test_a_value_is_late_from_the_day_after_it_was_due(settings: Settings) -> None:
    june = of(settings, COPPER, dt.date(2026, 7, 15))
    assert (june.last, june.overdue) == (dt.date(2026, 6, 1), 0)
    lag = 5
    due = dt.date(2026, 7, 31) + dt.timedelta(days=lag)
    assert of(settings, COPPER, due).overdue == 0
    assert of(settings, COPPER, due + dt.timedelta(days=3)).overdue == 3


def test_runs_are_judged_by_what_came_after_them(settings: Settings) -> None:
    # Four periods came after it: the first two in the middle of its draws, the third at their edge, the fourth far off.
    save(settings, "old", 4, [0.0, 0.0, -1.6, 5.0])
    health = of(settings, COPPER, dt.date(2026, 7, 15))
    assert health.judged == 4
    assert health.inside == Inside.of({80: 0.5, 95: 0.75})


def trained_on(series: Series, last: np.datetime64) -> dt.date:
    """The day on which the value of the last period was out."""
    end: dt.date = series.calendar.end(last).item()
    return end + dt.timedelta(days=series.release_lag_days)


def save(
    settings: Settings,
    name: str,
    back: int,
    shift: list[float],
    record: EffectRecord | None = None,
    spread: float = 1.0,
) -> None:
    """A run of copper that ended ``back`` months ago, whose draws lie at what came then, plus ``shift`` on the log.

    Beside the usual ``spread`` the events that were coming then are small.
    """
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    series, history = catalog.get(COPPER), catalog.history(COPPER)
    last, log = history.ds[-1 - back], np.log(history.y[-back:])
    draws = np.random.default_rng(0).normal(log + shift, spread, (2000, back))
    kept = record or EffectRecord.none(len(draws), series.calendar, last)
    run_id, day = f"{last}-{name}", trained_on(series, last)
    trained = replace(card(series, run_id, last), as_of=day, events_known_to=catalog.events_known_to(day))
    registry.save(COPPER, run_id, trained, Payload(draws, kept.of(COPPER), None))
    catalog.close()


def test_outcomes_below_and_above_an_interval_are_outside(settings: Settings) -> None:
    save(settings, "old", 4, [0.0, 5.0, -5.0, 1.6])
    assert of(settings, COPPER, dt.date(2026, 7, 15)).inside == Inside.of({80: 0.25, 95: 0.5})


def test_of_runs_that_end_together_the_newest_is_judged_and_only_by_what_was_known(settings: Settings) -> None:
    save(settings, "a", 4, [5.0, 5.0, 5.0, 5.0])
    save(settings, "b", 4, [0.0, 0.0, 5.0, 5.0])
    judged = of(settings, COPPER, dt.date(2026, 7, 15))
    assert (judged.judged, judged.inside) == (4, Inside.of({80: 0.5, 95: 0.5}))
    # on 5 May the value of April came, the second of the four
    assert of(settings, COPPER, dt.date(2026, 5, 4)).judged == 1
    early = of(settings, COPPER, dt.date(2026, 5, 5))
    assert (early.judged, early.inside) == (2, Inside.of({80: 1.0, 95: 1.0}))


def test_a_value_that_is_not_to_be_scored_judges_nothing(settings: Settings) -> None:
    save(settings, "old", 4, [0.0, 0.0, 0.0, 0.0])
    catalog = Catalog.open(settings)
    (may,) = catalog.observations(COPPER, None, dt.date(2026, 5, 1), dt.date(2026, 5, 1))
    flagged = replace(may, flag="suspect_publisher", known=NOW, assumed=False)
    catalog.add(observations=[flagged], known_at=NOW)
    catalog.close()
    assert of(settings, COPPER, dt.date(2026, 7, 14)).judged == 4
    assert of(settings, COPPER, dt.date(2026, 7, 15)).judged == 3


def test_what_past_events_go_on_doing_belongs_to_a_forecast(settings: Settings) -> None:
    """The draws lie half a log above what came, and a measure in force takes just that away."""
    start = np.datetime64("2025-01-01", "D")
    step, day = Intervention(Step(), start), start.item()
    episode = Episode("duty", ("duty",), Stringency.TARIFF, -1, day, day, None, 1.0, step)
    size, none = np.full(2000, -0.5, dtype=np.float32), np.zeros(2000, dtype=np.int16)
    effect = EpisodeEffect(episode, (step,), none, size, False, True)
    last = np.datetime64("2026-02-01", "D")
    save(settings, "old", 4, [0.5] * 4, EffectRecord((effect,), "drawn", 2000, Freq("M"), last, COPPER), 0.1)
    assert of(settings, COPPER, dt.date(2026, 7, 15)).inside == Inside.of({80: 1.0, 95: 1.0})


def test_what_was_served_is_judged_with_the_events_that_were_known_then_and_no_others(settings: Settings) -> None:
    """The draws are as good as points, a quarter too low: what was coming then makes them just wide enough."""
    save(settings, "old", 4, [-0.3] * 4, spread=0.001)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    (run_id,) = [run.run_id for run in registry.runs(COPPER) if "old" in run.run_id]
    served_on, came = registry.get(COPPER, run_id).card.as_of, catalog.history(COPPER).y[-4:]
    registry.promote(COPPER, run_id)
    rows = forecast(catalog, registry, COPPER, ForecastQuestion(served_on, Span(4, SpanOrigin.LAST))).data
    for level, expected in ((80, False), (95, True)):
        low, high = np.array([row.interval(level) for row in rows]).T
        np.testing.assert_array_equal((low <= came) & (came <= high), expected)
    assert of(settings, COPPER, dt.date(2026, 7, 15)).inside == Inside.of({80: 0.0, 95: 1.0})
    told_later = replace(
        catalog.events(served_on)["hormuz-2026"],
        event_id="told-later",
        announced=dt.date(2026, 4, 1),
        effective=dt.date(2026, 4, 1),
    )
    catalog.add(events=[told_later], known_at=dt.datetime(2026, 4, 1, tzinfo=dt.UTC))
    catalog.close()
    assert of(settings, COPPER, dt.date(2026, 7, 15)).inside == Inside.of({80: 0.0, 95: 1.0})


def test_every_target_is_watched_and_nothing_else(settings: Settings) -> None:
    catalog = Catalog.open(settings)
    watched = [
        health.series_id for health in monitor(catalog, Registry(settings.models_dir), dt.date(2026, 7, 15)).data
    ]
    assert watched == [name for name, series in catalog.series().items() if series.role == "target"]
    assert len(watched) == 64
    catalog.close()


def test_the_command_says_what_serves_what_does_not_and_what_is_damaged(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save(settings, "old", 4, [0.0, 0.0, 0.0, 5.0])
    (draws,) = (settings.models_dir / NICKEL).glob("*/draws.npy")
    draws.write_bytes(b"cut short")
    monkeypatch.setenv("ORECAST_HOME", str(settings.home))
    assert call(["monitor", "--as-of", "2026-08-08"]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    shown = {cells[0]: cells[1:] for cells in lines if cells}
    assert shown[COPPER] == ["2026-06-01", "3", "4", "75", "%", "75", "%", "served"]
    assert shown[NICKEL] == ["2026-06-01", "3", "0", "silent"]
    assert shown["price.zinc"] == ["2026-06-01", "3", "0", "none"]


def test_a_damaged_run_is_named(settings: Settings) -> None:
    well = of(settings, NICKEL, dt.date(2026, 7, 15))
    assert (well.fault, well.judged, well.inside) == (None, 0, Inside.of({80: None, 95: None}))
    (settings.models_dir / NICKEL / str(well.run) / "draws.npy").write_bytes(b"cut short")
    ill = of(settings, NICKEL, dt.date(2026, 7, 15))
    assert "draws.npy" in str(ill.fault)
    assert (well.state, ill.state) == ("served", "silent")
    assert ill.model_copy(update={"fault": None, "state": "served"}) == well


def test_a_declined_run_that_has_to_serve_is_told(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    first = str(registry.champion_id(NICKEL))
    second = add_run(registry, catalog, NICKEL, name="b")
    catalog.close()
    registry.promote(NICKEL, second)
    registry.rollback(NICKEL)
    (settings.models_dir / NICKEL / first / "draws.npy").write_bytes(b"cut short")
    health = of(settings, NICKEL, dt.date(2026, 7, 15))
    assert health.state == "damaged"
    assert str(health.fault).endswith(f"; serving {second}, which was declined")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORECAST_HOME", str(settings.home))
        assert call(["monitor", "--as-of", "2026-07-15"]) == 1
    assert f"serving {second}, which was declined" in capsys.readouterr().err


def test_sources_are_a_table_of_their_own_and_what_fails_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORECAST_HOME", str(settings.home))
    now = dt.datetime(2026, 11, 28, 2, tzinfo=dt.UTC)
    catalog = Catalog.open(settings)
    catalog.fetches.record(FetchState("worldbank", now, now))
    assert call(["monitor", "--sources"]) == 0
    catalog.fetches.record(FetchState("comtrade", now, None, "status 503", now - dt.timedelta(days=2)))
    catalog.close()
    capsys.readouterr()
    assert call(["monitor", "--sources", "--format", "csv"]) == 1
    out, err = capsys.readouterr()
    assert [line.split(",")[0] for line in out.splitlines()] == ["source", "comtrade", "worldbank"]
    assert err == "orecast: source comtrade: since 2026-11-26 02:00 UTC: status 503\n"
    assert call(["monitor"]) == 0, "no fault of a series"
    assert "source comtrade: since 2026-11-26 02:00 UTC: status 503" in capsys.readouterr().out
    assert call(["monitor", "--format", "csv"]) == 0
    assert "comtrade" not in capsys.readouterr().out, "a table of series stays one"
