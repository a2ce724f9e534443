"""The last value repeated: how far it strays where a series is too short for its season."""

from __future__ import annotations

import numpy as np

from forecast.forecasters.random_walk import RandomWalk
from forecast.forecasters.seasonal_naive import SeasonalNaive
from forecast.interventions import Design
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

MONTHS = Freq("M")


def few(x: Floats, is_price: bool = False) -> Sample:
    """Every third month only, so that seasons are missing."""
    spaced = np.full(3 * len(x) - 2, np.nan)
    spaced[::3] = x
    return Sample(MONTHS.range("2020-01-01", len(spaced)), spaced, MONTHS, is_price)


def spread(y: Sample, horizon: int = 60) -> Floats:
    """(H,) width of the central 90 %."""
    fitted = SeasonalNaive().fit(y, Design.empty(y.ds))
    assert any("the last value is repeated" in note for note in fitted.notes)
    draws = fitted.simulate(Design.empty(y.future(horizon)), 2000, 0)
    return np.asarray(np.quantile(draws, 0.95, axis=0) - np.quantile(draws, 0.05, axis=0))


def test_a_flow_that_scatters_strays_no_farther_than_its_values_do_from_each_other() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(8, 1.3, 13)
    width = spread(few(x))
    apart = 2 * 1.645 * np.sqrt(2) * x.std(ddof=1)
    assert width[11] < 1.35 * apart
    assert width[59] < 2.2 * apart
    assert (np.diff(width) > -1e-9).all()


def test_a_price_and_a_flow_that_wanders_spread_with_the_root_of_time() -> None:
    walk = 8 + np.cumsum(np.random.default_rng(1).normal(0, 0.1, 13))
    for is_price in (True, False):
        width = spread(few(walk, is_price), 24)
        assert 1.7 < width[23] / width[5] < 2.4
    y = few(np.random.default_rng(0).normal(8, 1.3, 13))
    plain = RandomWalk().fit(y, Design.empty(y.ds))
    draws = plain.simulate(Design.empty(y.future(60)), 2000, 0)
    assert 6 < draws[:, 59].std() / draws[:, 0].std() < 10, "who asks for a walk gets one"
