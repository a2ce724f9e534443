"""An ensemble of families: the average of their quantiles on the log, with fixed weights by horizon.

Averaging quantiles (Vincent, Annals of the Missouri Botanical Garden 1912; Lichtendahl, Grushka-Cockayne and Winkler,
Management Science 59, 2013) keeps the shape and the width that the members share, where a mixture would be wider than
each. At every horizon the draws of a family are its quantiles, so that sorted draws are all that is averaged: any
family can be a member. The paths run in the order of those of the first.

The weights of ``pretrained`` beside ``grid`` were chosen on half of the series and the earlier half of the origins, of
73 prices (1976 to 2026) and 131 flows (2017 to 2026), and held on the rest: CRPS −1.6 % of prices and −1.4 % of flows
at h 1 to 12, −2.4 and −2.5 % to 24; from 2021 on −1.9 and −1.3 %. The first month of a price is the grid's alone: the
model does not know that neighbouring monthly averages share days. Weights that each series learns from its own scores
gain another .2 %, which is noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from forecast.coupling import couple
from forecast.forecasters.base import Coefficients, Fitted, Forecaster, check, refuse_columns
from forecast.forecasters.grid.engine import MIN_GRID_OBSERVATIONS, Grid
from forecast.forecasters.occurrence import Few
from forecast.forecasters.origins import Origin
from forecast.forecasters.pretrained.family import Pretrained
from forecast.interventions import Design
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

#: Observations below which the first member is alone: on shorter flows the pretrained model was no help.
MIN_ENSEMBLE_OBSERVATIONS = 60


@dataclass(frozen=True)
class Weight:
    """The weight of a member at horizon h: ``first`` + ``slope`` · (h − 1), at most ``most``."""

    first: float
    slope: float
    most: float

    def at(self, horizon: int) -> Floats:
        """(H,) for the horizons 1..H."""
        return np.asarray(np.minimum(self.first + self.slope * np.arange(horizon), self.most))


@dataclass(frozen=True)
class Member:
    """A family beside the first one: its settings, and its weight for prices and for flows."""

    forecaster: Forecaster
    prices: Weight
    flows: Weight

    def weight(self, is_price: bool) -> Weight:
        return self.prices if is_price else self.flows


@dataclass(frozen=True, eq=False)
class EnsembleFit:
    """Fitted members: the ``first``, and others with their weights; the first has what is left of 1."""

    first: Fitted
    others: tuple[tuple[Weight, Fitted], ...]

    family: ClassVar[str] = "ensemble"
    coefficients: ClassVar[Coefficients] = Coefficients()

    @property
    def last(self) -> np.datetime64:
        return self.first.last

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of the members, and how they are weighed."""
        shares = ", ".join(f"{100 * weight.most:.0f} % {fitted.family}" for weight, fitted in self.others)
        said = (
            f"{self.first.family} with up to {shares}" if self.others else f"{self.first.family} alone, too few values"
        )
        return (f"ensemble: {said}", *self.first.notes, *(note for _, fitted in self.others for note in fitted.notes))

    def simulate(self, future: Design, n: int, seed: int) -> Floats:
        """(n, H) paths in the order of the first member's, whose quantiles are the weighed averages of all."""
        paths = self.first.simulate(future, n, seed)
        own = np.sort(paths, axis=0)
        margins = own.copy()
        for weight, fitted in self.others:
            margins += weight.at(len(future.ds)) * (np.sort(fitted.simulate(future, n, seed), axis=0) - own)
        return couple(paths.T, margins.T, ties=np.random.default_rng(seed)).T

    def extend(self, y: Sample, design: Design | None = None) -> EnsembleFit:
        """The members, each extended to ``y``."""
        refuse_columns(self.family, design)
        others = tuple((weight, fitted.extend(y)) for weight, fitted in self.others)
        return EnsembleFit(self.first.extend(y), others)


@dataclass(frozen=True)
class Ensemble:
    """The settings: the ``first`` member, by default the grid, and ``others``, by default the pretrained model."""

    first: Forecaster = field(default_factory=Grid)
    others: tuple[Member, ...] = (Member(Pretrained(), Weight(0.0, 0.1, 0.3), Weight(0.3, 0.0, 0.3)),)

    family: ClassVar[str] = "ensemble"
    estimates_effects: ClassVar[bool] = False

    def fit(self, y: Sample, design: Design) -> Fitted:
        """Fit each member. Raises what they raise."""
        refuse_columns(self.family, design)
        check(y, MIN_GRID_OBSERVATIONS)
        return next(self.fit_origins([Origin(y, np.datetime64(y.ds[-1], "D"))]))

    def fit_origins(self, origins: Sequence[Origin]) -> Iterator[Fitted]:
        """A fitted model for each origin of one series, oldest first: every member has its own way to them."""
        long = [o for o in origins if np.isfinite(o.sample.x).sum() >= MIN_ENSEMBLE_OBSERVATIONS]
        others = [(member, member.forecaster.fit_origins(long)) for member in self.others if long]
        for origin, first in zip(origins, self.first.fit_origins(origins), strict=True):
            if isinstance(first, Few):
                yield first
            else:
                is_price, is_long = origin.sample.is_price, any(origin is one for one in long)
                beside = [(member.weight(is_price), next(fits)) for member, fits in others if is_long]
                yield EnsembleFit(first, tuple(beside))
