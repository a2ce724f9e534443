"""Forecast periods: those after the last observation, and when measures are in force in them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forecast.interventions import mean_intensity
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Floats

#: The level of a measure from each day on.
Steps = tuple[tuple[dt.date, float], ...]

#: Days from which a rate holds, with the rate as a multiple of the first.
Levels = tuple[tuple[np.datetime64, float], ...]

_NEVER = 2**62


@dataclass(frozen=True)
class Spell:
    """A spell in force: from ``day``, that is from period ``start``, until before period ``stop`` (ordinals)."""

    day: dt.date
    start: int
    stop: int

    def inside(self, ordinals: npt.NDArray[np.int64]) -> Floats:
        """1 in the periods of the spell, 0 in the others."""
        return ((ordinals >= self.start) & (ordinals < self.stop)).astype(float)


@dataclass(frozen=True, eq=False)
class ForecastPeriods:
    """The H forecast periods after the last observation, whose period starts on ``last``; ``ds``: their starts."""

    freq: Freq
    last: np.datetime64
    ds: Days

    @classmethod
    def after(cls, last: np.datetime64, horizon: int, freq: Freq) -> ForecastPeriods:
        return cls(freq, last, freq.range(freq.shift(last, 1), horizon))

    @cached_property
    def origin(self) -> int:
        """Ordinal of the last period seen."""
        return int(self.freq.ordinal(self.last))

    @cached_property
    def ordinals(self) -> npt.NDArray[np.int64]:
        """(H,) ordinals of the periods ahead."""
        return np.arange(self.origin + 1, self.origin + 1 + len(self.ds))

    def spells(self, steps: Steps) -> tuple[Spell, ...]:
        """The spells in force, from the steps of a level over time."""
        ends = [*(day for day, _ in steps[1:]), None]
        return tuple(
            Spell(day, int(self.freq.ordinal(day)), self._stop(end))
            for (day, level), end in zip(steps, ends, strict=False)
            if level
        )

    def multiplier(self, levels: Levels) -> Floats | float:
        """(H,) by how much an effect is multiplied in each period; 1 where nothing is said."""
        return mean_intensity(levels, self.ds, self.freq) if levels else 1.0

    def _stop(self, end: dt.date | None) -> int:
        """The first period without a measure that is no longer in force on ``end``: its last day's period is whole."""
        return _NEVER if end is None else int(self.freq.begun(end - dt.timedelta(days=1))) + 1
