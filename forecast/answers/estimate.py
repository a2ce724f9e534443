"""A number with its uncertainty, and the units that numbers about events have."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field
from pydantic.config import JsonDict

from forecast.answers.model import Intervals, by_level
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
    def each(cls, band: Band) -> list[dict[str, float]]:
        """The members of one for each period of a band, by name."""
        ends = [end for level in EFFECT_LEVELS for end in band.intervals[level]]
        return by_level("median", EFFECT_LEVELS, six_digits([band.median, *ends]))

    @classmethod
    def of(cls, band: Band) -> Estimate:
        """Of one number."""
        return cls.model_validate(cls.each(band)[0])

    @classmethod
    def in_percent(cls, size: Size) -> Estimate:
        """Of an effect on the log."""
        numbers = six_digits([[100 * np.expm1(size.quantile(cut))] for cut in CUTS])
        return cls.model_validate(*by_level("median", EFFECT_LEVELS, numbers))


def six_digits(values: npt.ArrayLike) -> Floats:
    """Six significant digits, and no negative zero."""
    return rounded(np.asarray(values, dtype=float)) + 0.0


def number(value: float | None) -> float | None:
    """The same of one number, if there is one."""
    return None if value is None else six_digits(value).item()
