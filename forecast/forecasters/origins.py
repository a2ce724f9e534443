"""Origins of one series that a family is fitted at, and the families that estimate at some and extend at the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecast.errors import TooShort
from forecast.forecasters.calibration import Calibration
from forecast.forecasters.grid.price import Pooled
from forecast.forecasters.occurrence import Few, few
from forecast.interventions import Design
from forecast.timeseries.sample import Sample

if TYPE_CHECKING:
    from forecast.forecasters.base import Fitted

#: A model is estimated anew after so many origins; between them its parameters meet the longer sample.
REFIT_EVERY = 12


@dataclass(frozen=True, eq=False)
class PooledStatistics:
    """What the panel of a series says at one cutoff: pooled statistics of prices (None for the rest), and the
    calibration."""

    pooled: Pooled | None
    calibration: Calibration


@dataclass(frozen=True, eq=False)
class Origin:
    """An origin of a series: ``sample``, less the mean effects, ends with the last trade up to the period ``cutoff``.

    ``sparse``: whether periods without trade were reported, so that few trades are enough; ``statistics``: those of the
    panel, None where there is none.
    """

    sample: Sample
    cutoff: np.datetime64
    sparse: bool = False
    statistics: PooledStatistics | None = None


class RefitAndExtend(ABC):
    """A family whose parameters are estimated at every twelfth origin, and extended to the sample of each between.

    It pools nothing: the statistics of the panel are left aside.
    """

    @abstractmethod
    def fit(self, y: Sample, design: Design) -> Fitted:
        """Learn from a sample. Raises ``TooShort`` or ``FitFailed``."""

    def fit_origins(self, origins: Sequence[Origin]) -> Iterator[Fitted]:
        """A fitted model for each origin of one series, oldest first. Raises ``TooShort`` or ``FitFailed``."""
        fitted: Fitted | None = None
        for i, origin in enumerate(origins):
            if fitted is None or i % REFIT_EVERY == 0 or isinstance(fitted, Few):
                fitted = self._fit_origin(origin)
            else:
                fitted = fitted.extend(origin.sample)
            yield fitted

    def _fit_origin(self, origin: Origin) -> Fitted:
        try:
            return self.fit(origin.sample, Design.empty(origin.sample.ds))
        except TooShort:
            if not origin.sparse:
                raise
            return few(origin.sample, origin.cutoff)
