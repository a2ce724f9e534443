"""Draws as an answer: the joint sample paths that a forecast is made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.champion import futures
from forecast.answers.forecast import check_horizon, quantiles
from forecast.errors import Fault, InvalidInput
from forecast.extras import require
from forecast.registry import Registry
from forecast.settings import FORECAST_HORIZON
from forecast.timeseries.series import Floats

if TYPE_CHECKING:
    from pandas import DataFrame

    from forecast.catalog import Catalog


@dataclass(frozen=True, eq=False)
class Draws:
    """Joint draws of the periods ahead: ``values`` (n, h) in ``unit``, a sample path a row; ``ds`` (h,) first days of
    the periods. The forecast's median and intervals are quantiles of its columns."""

    series_id: str
    unit: str
    run: str
    as_of: dt.date
    ds: tuple[dt.date, ...]
    values: Floats

    def quantiles(self, at: Sequence[float]) -> Floats:
        """(Q, h) quantiles at probabilities from 0 to 1, as a forecast has them: numpy's ``method="hazen"``.

        Raises ``InvalidInput`` for what is no probability.
        """
        if wrong := [p for p in at if not 0 <= p <= 1]:
            raise InvalidInput([Fault("at", p, "a probability from 0 to 1") for p in wrong])
        return quantiles(self.values.T, at)

    def to_frame(self) -> DataFrame:
        """A pandas data frame, a row a draw and period: ``series_id``, ``draw`` (from 0), ``ds``, ``y``.

        Raises ``MissingExtra`` where pandas is not installed.
        """
        require("pandas", "a data frame")
        import pandas as pd

        n, h = self.values.shape
        return pd.DataFrame(
            {
                "series_id": self.series_id,
                "draw": np.repeat(np.arange(n), h),
                "ds": np.tile(np.array(self.ds, dtype="datetime64[s]"), n),
                "y": self.values.ravel(),
            }
        )


def draws(
    catalog: Catalog,
    registry: Registry,
    series_id: str,
    *,
    horizon: int = FORECAST_HORIZON,
    as_of: dt.date,
    cache: Cache = NOTHING_KEPT,
) -> Draws:
    """The draws of a series as it is known on a day. Raises as ``forecast`` does."""
    (future,) = futures(catalog, registry, [series_id], as_of, cache)
    check_horizon(horizon, future.run)
    return Draws(
        series_id=future.series.series_id,
        unit=future.series.unit,
        run=future.run.run_id,
        as_of=as_of,
        ds=tuple(future.ds[:horizon].tolist()),
        values=future.draws[:horizon].T.astype(float),
    )
