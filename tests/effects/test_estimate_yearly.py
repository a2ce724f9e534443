"""What yearly unit values tell of a measure that multiplied them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np

from forecast.effects import Episode
from forecast.effects.estimate import ModelAveraging, estimate
from forecast.events import Stringency
from forecast.interventions import Intervention, Step
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

YEARLY, START, END = Freq("Y"), np.datetime64("2011-01-01"), np.datetime64("2012-12-31")
QUOTA = Episode(
    "quota",
    ("quota",),
    Stringency.QUOTA,
    1,
    dt.date(2010, 12, 28),
    dt.date(2011, 1, 1),
    dt.date(2012, 12, 31),
    1.0,
    Intervention(Step(), START, END),
)


def mean_effect(seed: int) -> Floats:
    """(1000,) draws of the mean effect of a quota that made a price eight times as high for two years."""
    ds = YEARLY.range(np.datetime64("1993-01-01"), 33)
    x = np.cumsum(np.random.default_rng(seed).normal(0, 0.3, len(ds)))
    x[(ds >= START) & (ds <= END)] += np.log(8)
    record = estimate(Sample(ds, x, YEARLY, True), [QUOTA], n=1000, seed=1, settings=ModelAveraging(placebo=False))
    return np.asarray(record.effects[0].draws(ds[18:20], YEARLY).mean(axis=1))


def test_a_price_that_a_quota_multiplied_is_told_without_being_shrunk_to_a_fraction() -> None:
    found = np.quantile([mean_effect(seed) for seed in range(6)], [0.05, 0.5, 0.95], axis=1)
    assert abs(found[1].mean() - np.log(8)) < 0.1
    assert (found[0] < np.log(8)).all()
    assert (found[2] > np.log(8)).all()


def test_the_likelihood_of_a_measure_of_a_year_is_of_that_year() -> None:
    """It ends with the measure, and is of its full size from the first year on."""
    ds = YEARLY.range(np.datetime64("1993-01-01"), 33)
    x = np.cumsum(np.random.default_rng(4).normal(0, 0.1, len(ds)))
    quota = replace(QUOTA, ended=dt.date(2011, 12, 31), intervention=Intervention(Step(), START, ds[18] + 364))
    x[18] += np.log(6)
    record = estimate(Sample(ds, x, YEARLY, True), [quota], n=500, seed=1, settings=ModelAveraging(placebo=False))
    found = record.effects[0].likelihood
    assert found is not None
    assert abs(found[0] - np.log(6)) < 2 * found[1]
    assert found[1] < 0.4
