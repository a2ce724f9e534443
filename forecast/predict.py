"""A forecast: quantiles of the champion's draws, with the effects of past and coming events put back in.

Numbers are rounded here, once, to six significant digits; everything that shows them later shows these digits.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecast.calendars import Days
from forecast.errors import Fault, InvalidInput
from forecast.events import Branch
from forecast.future import Future
from forecast.registry import Registry, Run
from forecast.series import Floats, Series

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
) -> Forecast:
    """The next ``horizon`` periods of a series, with central intervals at ``levels`` in percent.

    Raises ``NotFound``, ``NotTrained``, and ``InvalidInput`` for a horizon beyond the trained one or a level that is no
    whole number from 1 to 99.
    """
    wanted = checked_levels(levels)
    future = Future.of(catalog, registry, series_id, as_of)
    check_horizon(horizon, future.run)
    draws = np.exp(future.paths(future.baseline)[:, :horizon])
    return Forecast(
        series=future.series,
        run_id=future.run.run_id,
        as_of=as_of,
        events_known_to=future.events_known_to,
        scenario=BASELINE,
        levels=wanted,
        rows=summary(draws, future.ds[:horizon], wanted),
        branches=future.branches,
        notes=tuple(future.run.card.get("notes", ())),
    )


def summary(draws: Floats, ds: Days, levels: Sequence[int]) -> tuple[Row, ...]:
    """Medians and central intervals of draws (n, H) for the periods that start on ``ds`` (H,)."""
    tails = [tail for level in levels for tail in (0.5 - level / 200, 0.5 + level / 200)]
    values = quantiles(draws, [0.5, *tails])
    days: list[dt.date] = ds.tolist()
    return tuple(
        Row(day, h, rounded(at[0]), {level: _bounds(at, i) for i, level in enumerate(levels)})
        for h, (day, at) in enumerate(zip(days, values.T.tolist(), strict=True), start=1)
    )


def _bounds(at: Sequence[float], i: int) -> tuple[float, float]:
    return rounded(at[1 + 2 * i]), rounded(at[2 + 2 * i])


def quantiles(draws: Floats, at: Sequence[float]) -> Floats:
    """(Q, H) empirical quantiles of draws (n, H), linear between order statistics.

    One sort for all of them: with vector instructions it is faster than a selection for several ranks.
    """
    ordered = np.sort(np.ascontiguousarray(draws.T), axis=1)
    position = np.asarray(at) * (ordered.shape[1] - 1)
    below = position.astype(np.int64)
    above = np.minimum(below + 1, ordered.shape[1] - 1)
    low, high = ordered[:, below], ordered[:, above]
    return np.asarray((low + (high - low) * (position - below)).T)


def rounded(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.6g}")


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
