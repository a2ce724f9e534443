"""A number with its uncertainty, and the units that numbers about events have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field
from pydantic.config import JsonDict

from forecast.answers.model import Intervals, bounds
from forecast.effects.event_classes import Size
from forecast.effects.report import CUTS, EFFECT_LEVELS, Band
from forecast.metrics import rounded
from forecast.timeseries.series import Floats

PERCENT: JsonDict = {"unit": "percent"}
PROBABILITY: JsonDict = {"unit": "probability"}
IN_UNIT: JsonDict = {"unit": "unit of the series"}
PERIODS: JsonDict = {"unit": "periods"}
DAYS: JsonDict = {"unit": "days"}
ESTIMATES: JsonDict = {"unit": "estimates"}


class Estimate(Intervals):
    """A number with its uncertainty: the median, and the central 50, 80 and 90 % intervals."""

    levels_if_unsaid: ClassVar[tuple[int, ...]] = EFFECT_LEVELS

    median: float = Field(description="median")

    @classmethod
    def each(cls, band: Band) -> list[Estimate]:
        """One for each period of a band."""
        ends = [end for level in EFFECT_LEVELS for end in band.intervals[level]]
        return [cls._of(at) for at in six_digits([band.median, *ends]).T.tolist()]

    @classmethod
    def in_percent(cls, size: Size) -> Estimate:
        """Of an effect on the log."""
        return cls._of(six_digits([100 * np.expm1(size.quantile(cut)) for cut in CUTS]).tolist())

    @classmethod
    def _of(cls, numbers: Sequence[float]) -> Estimate:
        return cls.model_validate({"median": numbers[0], **bounds(EFFECT_LEVELS, numbers[1:])})


def six_digits(values: npt.ArrayLike) -> Floats:
    """Six significant digits, and no negative zero."""
    return rounded(np.asarray(values, dtype=float)) + 0.0


def number(value: float | None) -> float | None:
    """The same of one number, if there is one."""
    return None if value is None else six_digits(value).item()
