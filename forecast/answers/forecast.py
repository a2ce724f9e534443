"""A forecast: quantiles of the champion's draws, with the effects of past and coming events put back in.

Numbers are rounded here, once, to six significant digits; everything that shows them later shows these digits.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.champion import futures
from forecast.answers.future import Future
from forecast.errors import Fault, InvalidInput
from forecast.events import Branch
from forecast.metrics import rounded
from forecast.registry import Registry, Run
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats, Series

if TYPE_CHECKING:
    from forecast.catalog import Catalog

LEVELS = (80, 95)
BASELINE = "baseline"


@dataclass(frozen=True)
class Row:
    """One period: ``ds`` its first day, ``h`` how many periods ahead, ``yhat`` the median, both in the series' unit.

    ``intervals``: level in percent to the bounds of the central interval.
    """

    ds: dt.date
    h: int
    yhat: float
    intervals: dict[int, tuple[float, float]]


@dataclass(frozen=True)
class Forecast:
    """A forecast of one series in one world.

    ``as_of``: the day whose knowledge of events counts; ``events_known_to``: the latest day of which the catalogue
    knew anything then, None if it holds no events; ``branches``: open futures that touch the series, drawn where they
    have a probability and only listed where they have none.
    """

    series: Series
    run_id: str
    as_of: dt.date
    events_known_to: dt.date | None
    scenario: str
    levels: tuple[int, ...]
    rows: tuple[Row, ...]
    branches: tuple[Branch, ...]
    notes: tuple[str, ...]


def forecast(
    catalog: Catalog,
    registry: Registry,
    series_id: str,
    *,
    horizon: int = 12,
    levels: Sequence[float] = LEVELS,
    as_of: dt.date,
    cache: Cache = NOTHING_KEPT,
) -> Forecast:
    """The next ``horizon`` periods of a series, with central intervals at ``levels`` in percent.

    Raises ``NotFound``, ``NotTrained``, and ``InvalidInput`` for a day on which what the run was trained on was not yet
    known, a horizon beyond the trained one, or a level that is no whole number from 1 to 99.
    """
    wanted = checked_levels(levels)
    (future,) = futures(catalog, registry, [series_id], as_of, cache)
    check_horizon(horizon, future.run)
    return Forecast(
        series=future.series,
        run_id=future.run.run_id,
        as_of=as_of,
        events_known_to=future.events_known_to,
        scenario=BASELINE,
        levels=wanted,
        rows=table(baseline(future, wanted, cache)[:, :horizon], future.ds, wanted),
        branches=future.branches,
        notes=(*future.run.card.notes, *future.notes),
    )


def baseline(future: Future, levels: tuple[int, ...], cache: Cache = NOTHING_KEPT) -> Floats:
    """(1 + 2 L, H) quantiles in the world as it is known, as ``at_levels`` has them."""
    return cache.get(("quantiles", future, levels), lambda: quantiles(future.coupled, at_levels(levels)))


def at_levels(levels: Sequence[int]) -> list[float]:
    """The median and, level by level, the two ends of the central interval: quantiles from 0 to 1."""
    return [0.5, *(0.5 + side * level / 200 for level in levels for side in (-1, 1))]


def table(values: Floats, ds: Days, levels: Sequence[int]) -> tuple[Row, ...]:
    """Rows of quantiles (1 + 2 L, h), as ``at_levels`` has them, for the periods that start on ``ds``."""
    days: list[dt.date] = ds[: values.shape[1]].tolist()
    return tuple(
        Row(day, h, at[0], dict(zip(levels, zip(at[1::2], at[2::2], strict=True), strict=True)))
        for h, (day, at) in enumerate(zip(days, rounded(values).T.tolist(), strict=True), start=1)
    )


def quantiles(draws: npt.NDArray[np.floating[Any]], at: Sequence[float]) -> Floats:
    """(Q, H) empirical quantiles of draws (H, n), linear between order statistics, each of which is the quantile at the
    middle of its share (Hazen's): so draws at the middles of equal shares give back what they were taken from.

    One sort for all of them: with vector instructions it is faster than a selection for several ranks.
    """
    ordered = np.sort(draws, axis=1)
    position = np.clip(np.asarray(at) * ordered.shape[1] - 0.5, 0, ordered.shape[1] - 1)
    below = position.astype(np.int64)
    above = np.minimum(below + 1, ordered.shape[1] - 1)
    low, high = ordered[:, below].astype(float), ordered[:, above].astype(float)
    return np.asarray((low + (high - low) * (position - below)).T)


def check_horizon(horizon: int, run: Run) -> None:
    """Raise ``InvalidInput`` unless the run has draws for so many periods."""
    trained = run.draws.shape[1]
    if isinstance(horizon, bool) or not isinstance(horizon, int) or not 1 <= horizon <= trained:
        raise InvalidInput(Fault("h", horizon, f"a whole number from 1 to {trained}"))


def checked_levels(levels: Collection[float]) -> tuple[int, ...]:
    """The levels in order, each once. Raises ``InvalidInput`` for one that is no whole number from 1 to 99."""
    wrong = [
        level for level in levels if isinstance(level, bool) or level != level or not 1 <= level <= 99 or level % 1
    ]
    if wrong or not levels:
        expected = "whole numbers from 1 to 99, at least one"
        raise InvalidInput([Fault("level", level, expected) for level in wrong] or Fault("level", None, expected))
    return tuple(sorted({int(level) for level in levels}))
