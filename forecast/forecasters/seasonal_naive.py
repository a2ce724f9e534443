"""Seasonal naive on the log: each month as the same month last year; the baseline for volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from forecast.forecasters.origins import RefitAndExtend
from forecast.forecasters.random_walk import Repeat, repeat
from forecast.interventions import Design
from forecast.timeseries.sample import Sample


@dataclass(frozen=True)
class SeasonalNaive(RefitAndExtend):
    """The value of the same season in the last cycle that has it; with a cycle of one period, the random walk."""

    family: ClassVar[str] = "seasonal-naive"
    estimates_effects: ClassVar[bool] = False

    def fit(self, y: Sample, design: Design) -> Repeat:
        return repeat(self.family, y, design, y.freq.season)
