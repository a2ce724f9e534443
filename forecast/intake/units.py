"""Unit slips: by which factors values go wrong when they are in another unit than their series, and how it is said."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

#: Factors between units that are taken for each other, and what usually stands behind them. Factors below 2 (short
#: tons, 1.10) are none: an honest month moves as far.
FACTORS: dict[float, str] = {
    1e6: "g for t, or a million left out",
    2204.62: "lb for t",
    1000.0: "kg for t, or a decimal sign read as one of thousands",
    100.0: "cents for dollars, or a decimal sign lost",
    31.1035: "g for troy ounces, or these for kg",
    12.0: "a year for a month",
    10.0: "a digit too many or too few",
    7.33: "barrels for t, or CNY for USD",
    2.20462: "lb for kg",
}
#: Those of a rate in percent, which has no unit to be in another one of.
RATE_FACTORS = (100.0,)


@dataclass(frozen=True)
class Slip:
    """A factor by which a value is off, up (``sign`` 1) or down (-1)."""

    factor: float
    sign: int

    @property
    def log(self) -> float:
        return self.sign * math.log(self.factor)

    def in_words(self) -> str:
        """``it looks like 1,000 × that: kg for t, …?``"""
        times = f"{self.factor:,.10g} × that" if self.sign > 0 else f"1/{self.factor:,.10g} of that"
        return f"it looks like {times}: {FACTORS[self.factor]}?"


def slip(
    x: float, expected: float, fits: Callable[[float], bool], factors: Iterable[float] = tuple(FACTORS)
) -> Slip | None:
    """The slip after whose correction the log ``x`` fits, of several the one that leaves it nearest to ``expected``."""
    every = [Slip(factor, 1 if x > expected else -1) for factor in factors]
    fitting = [one for one in every if fits(x - one.log)]
    return min(fitting, key=lambda one: abs(x - one.log - expected), default=None)
