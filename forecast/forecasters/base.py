"""The protocols of every family: ``fit(y, design) -> Fitted``; ``Fitted.simulate(future, n, seed) -> draws``.

Everything is on the log. ``fit`` returns a new object that holds values only (numbers, strings, arrays): it can
be stored, and no stored model breaks when a library changes. ``simulate`` may call a library with those values as
fixed parameters; it never estimates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from forecast.errors import FitFailed, TooShort
from forecast.interventions import Design
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

if TYPE_CHECKING:
    from forecast.forecasters.origins import Origin


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Joint normal estimate of the intervention columns: ``names`` (K,), ``mean`` (K,), ``cov`` (K, K), on the log."""

    names: tuple[str, ...] = ()
    mean: Floats = field(default_factory=lambda: np.zeros(0))
    cov: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def draw(self, n: int, rng: np.random.Generator) -> Floats:
        """(n, K) joint draws; positive semi-definite covariances are enough."""
        if not self.names:
            return np.zeros((n, 0))
        return rng.multivariate_normal(self.mean, self.cov, size=n, method="eigh")


#: Prior standard deviation of an effect on the log: a column that a sample cannot identify is N(0, 0.2²), never 0 ± 0.
EFFECT_SD = 0.2


def check(y: Sample, least: int) -> None:
    """Check a sample before a fit: no infinite value, a last value, at least ``least`` observations.

    Raises ``TooShort`` or ``FitFailed``.
    """
    observations = int(np.isfinite(y.x).sum())
    if np.isinf(y.x).any():
        raise FitFailed(f"the sample has an infinite value in the period of {y.ds[np.isinf(y.x)][0]}")
    if observations < least:
        raise TooShort(f"{observations} observations where at least {least} are needed")
    if not np.isfinite(y.x[-1]):
        raise FitFailed(f"the sample ends with a missing value in the period of {y.ds[-1]}")


def refuse_columns(family: str, design: Design | None) -> None:
    """Check the design for a family that estimates no effects. Raises ``ValueError`` for a design with columns."""
    if design is not None and design.names:
        raise ValueError(f"{family} estimates no effects: take the columns {', '.join(design.names)} off the sample")


def changes(x: Floats, season: int = 1) -> Floats:
    """(T,) change of each value since the one before it in its season, per root of the cycles between; else NaN."""
    out = np.full(len(x), np.nan)
    for first in range(season):
        at = np.arange(first, len(x), season)
        at = at[np.isfinite(x[at])]
        out[at[1:]] = np.diff(x[at]) / np.sqrt(np.diff(at) / season)
    return out


def unidentified(names: Sequence[str], information: Floats) -> tuple[str, ...]:
    """A note for each column of which the sample alone knows less than a hundredth of what the prior knows.

    ``information`` (K', K'): the sample's precision matrix of the coefficients, those of ``names`` first. A column
    that is zero or moves with the others has none of its own.
    """
    if not names:
        return ()
    own = 1.0 / np.diag(np.linalg.inv(information + 1e-6 * np.eye(len(information))))
    weak = own[: len(names)] < 0.01 / EFFECT_SD**2
    return tuple(
        f"not known: the effect of {name}, which these data do not show apart; it stays as assumed"
        for name, is_weak in zip(names, weak, strict=True)
        if is_weak
    )


class Fitted(Protocol):
    """A fitted model: values only."""

    @property
    def family(self) -> str:
        """Name of the family, as in ``FORECASTERS``."""

    @property
    def last(self) -> np.datetime64:
        """Start of the last period of the sample; period h of a forecast is h periods later."""

    @property
    def coefficients(self) -> Coefficients:
        """The intervention columns, where the family estimated them; empty otherwise."""

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the card should know: a fit that did not converge, a column that is not identified."""

    def simulate(self, future: Design, n: int, seed: int) -> Floats:
        """(n, H) joint sample paths of the log for the H periods of ``future.ds``, effects included.

        At each horizon the draws are the quantiles of the model at the middles of n equal shares, whatever the seed,
        which orders them. Same seed, same digits. Raises ``MissingDesign`` where ``future`` lacks a column the fit has.
        """

    def extend(self, y: Sample, design: Design | None = None) -> Fitted:
        """The same parameters on another sample of the same series, usually a longer one: no estimation.

        ``design``: the columns of the fit on the dates of ``y``; ``None`` where the fit has none. Raises
        ``MissingDesign``.
        """


class Forecaster(Protocol):
    """The settings of a family, before fitting."""

    family: ClassVar[str]
    #: Whether a design with columns may be passed to ``fit``.
    estimates_effects: ClassVar[bool]

    def fit(self, y: Sample, design: Design) -> Fitted:
        """Learn from a sample. Raises ``TooShort`` or ``FitFailed``."""

    def fit_origins(self, origins: Sequence[Origin]) -> Iterator[Fitted]:
        """A fitted model for each origin of one series, oldest first: estimated anew at some and extended at the rest,
        or all in one pass, with what the panel says where the family pools. Raises ``TooShort`` or ``FitFailed``."""
