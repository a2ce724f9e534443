"""Prices and values of made-up minerals, and answers to what is asked of them."""

from __future__ import annotations

import numpy as np
from support.origins import Answer, Task

from forecast.metrics import QUANTILE_LEVELS
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import Floats, History
from tests.support.records import a_series

MONTHS = Freq("M")


def a_price(name: str, y: Floats) -> History:
    """A monthly price from January 2010 on; NaN where nothing was published."""
    series = a_series(f"price.{name}", name, "price", "target", "world", "WLD", "WLD", "USD/t", "M", 0)
    flag = np.where(np.isfinite(y), "reported", "").astype("U20")
    return History(series, MONTHS.range("2010-01-01", len(y)), y, flag)


def walks(names: str, months: int = 120) -> list[History]:
    """A random walk for each letter."""
    rng = np.random.default_rng(1)
    return [a_price(name, 100 * np.exp(np.cumsum(rng.normal(0, 0.05, months)))) for name in names]


def around(task: Task, spread: float, bias: float = 0.0) -> Answer:
    """The last value, ``bias`` of it added, with normal-like intervals that grow with ``spread``."""
    q = np.full((*task.asked.shape, task.horizon, len(QUANTILE_LEVELS)), np.nan)
    width = spread * np.sqrt(np.arange(1, task.horizon + 1))[:, None] * (2 * QUANTILE_LEVELS - 1)
    for i, o in zip(*np.nonzero(task.asked), strict=True):
        q[i, o] = np.exp(task.past(i, o)[1][-1]) * (1 + bias + width)
    return Answer(q)
