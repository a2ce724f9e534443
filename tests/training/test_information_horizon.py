"""How many periods are trained: however late a series is, as many from today on as may be asked for."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from forecast.catalog import Catalog, Observation
from forecast.settings import Settings
from forecast.training.information import MOST_BEHIND, RealTimeData
from forecast.training.panel import PanelSet


def real_time(catalog: Catalog, settings: Settings, series_id: str, day: dt.date) -> RealTimeData:
    return RealTimeData(catalog, settings, series_id, PanelSet.of(catalog, day))


@pytest.mark.parametrize("day", [dt.date(2026, 7, 15), dt.date(2026, 11, 30), dt.date(2027, 1, 1), dt.date(2028, 6, 1)])
def test_every_bundled_series_is_trained_so_far_ahead_of_the_day_as_may_be_asked_for(
    catalog: Catalog, settings: Settings, day: dt.date
) -> None:
    panel_set = PanelSet.of(catalog, day)
    for series_id in catalog.targets():
        data = RealTimeData(catalog, settings, series_id, panel_set)
        freq = data.series.calendar
        ahead = freq.range(freq.shift(data.history.last, 1), data.horizon)
        left = int((ahead > np.datetime64(day)).sum())
        assert settings.horizon <= left < 1.3 * settings.horizon, series_id


def test_a_run_is_due_for_its_horizon_only_when_half_a_year_has_passed_without_a_value(
    catalog: Catalog, settings: Settings
) -> None:
    days = [dt.date(2026, 7, 15), dt.date(2026, 12, 31), dt.date(2027, 1, 1), dt.date(2027, 6, 30), dt.date(2027, 7, 1)]
    horizons = [real_time(catalog, settings, "price.copper", day).horizon for day in days]
    assert horizons == [30, 30, 36, 36, 42]


def test_a_series_that_ended_long_ago_is_not_trained_up_to_today(catalog: Catalog, settings: Settings) -> None:
    series = replace(catalog.get("price.copper"), series_id="price.ended", freq="D")
    now = dt.datetime(2026, 7, 1, tzinfo=dt.UTC)
    values = [
        Observation("price.ended", dt.date(2020, 1, 1) + dt.timedelta(days=k), 100.0 + k, "reported", now)
        for k in range(30)
    ]
    catalog.add(series=[series], observations=values, known_at=now)
    data = real_time(catalog, settings, "price.ended", dt.date(2026, 7, 15))
    assert data.horizon == settings.horizon + MOST_BEHIND
