"""Monitoring: late data, damaged runs, and whether the intervals that were served held."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from service_fixtures import COPPER, NICKEL, card, make_home

from forecast.catalog import Catalog
from forecast.config import Settings
from forecast.effects import EffectRecord
from forecast.jobs.monitor import Health, monitor
from forecast.registry import Registry


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_home(tmp_path)


def of(settings: Settings, series_id: str, as_of: dt.date) -> Health:
    catalog = Catalog.open(settings)
    found = {health.series_id: health for health in monitor(catalog, Registry(settings.models_dir), as_of)}
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
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    series, history = catalog.get(COPPER), catalog.history(COPPER)
    last = history.ds[-5]
    rng = np.random.default_rng(0)
    log = np.log(history.y[-4:])
    # Four periods came after it: the first two in the middle of its draws, the third at their edge, the fourth far off.
    draws = rng.normal([log[0], log[1], log[2] - 0.16, log[3] + 5], 0.1, (2000, 4))
    record = EffectRecord.none(len(draws), series.calendar, last).of(COPPER)
    registry.save(COPPER, f"{last}-old", card(series, f"{last}-old", last), draws=draws, record=record, fitted=None)
    catalog.close()
    health = of(settings, COPPER, dt.date(2026, 7, 15))
    assert health.judged == 4
    assert health.inside == {80: 0.5, 95: 0.75}


def test_a_damaged_run_is_named(settings: Settings) -> None:
    well = of(settings, NICKEL, dt.date(2026, 7, 15))
    assert (well.fault, well.judged, well.inside) == ("", 0, {80: None, 95: None})
    (settings.models_dir / NICKEL / str(well.run) / "draws.npy").write_bytes(b"cut short")
    ill = of(settings, NICKEL, dt.date(2026, 7, 15))
    assert "draws.npy" in ill.fault
    assert replace(ill, fault="") == well
