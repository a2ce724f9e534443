"""Draws as an answer: the joint sample paths that a forecast is made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.champion import futures
from forecast.answers.forecast import ForecastQuestion, check_asked, quantiles
from forecast.errors import Fault, InvalidInput
from forecast.extras import require
from forecast.registry import Registry
from forecast.timeseries.series import Floats

if TYPE_CHECKING:
    from pandas import DataFrame

    from forecast.answers.distribution import ForecastDraws
    from forecast.catalog import Catalog


@dataclass(frozen=True, eq=False)
class Draws:
    """Joint draws of the periods that a forecast has: ``values`` (n, P) in ``unit``, a sample path a row.

    Of each period ``ds`` (P,) is its first day, ``h`` (P,) how far ahead it is, and ``nowcast`` (P,) whether it is over
    and has no value. The forecast's median and intervals are quantiles of its columns.
    """

    series_id: str
    unit: str
    freq: str
    run: str
    as_of: dt.date
    ds: tuple[dt.date, ...]
    h: tuple[int, ...]
    nowcast: tuple[bool, ...]
    values: Floats

    @property
    def ahead(self) -> Floats:
        """(n, h) the draws of the periods ahead: those with ``h`` of at least 1."""
        return self.values[:, np.array(self.h) >= 1]

    def quantiles(self, at: Sequence[float]) -> Floats:
        """(Q, P) quantiles at probabilities from 0 to 1, as a forecast has them: numpy's ``method="hazen"``.

        Raises ``InvalidInput`` for what is no probability.
        """
        if wrong := [p for p in at if not 0 <= p <= 1]:
            raise InvalidInput([Fault("at", p, "a probability from 0 to 1") for p in wrong])
        return quantiles(self.values.T, at)

    def first(self, n: int) -> ForecastDraws:
        """The first ``n`` as an answer, in the digits in which the service and the command line give them.

        Raises ``InvalidInput`` for more than there are.
        """
        from forecast.answers.distribution import draws_answer

        return draws_answer(self, n)

    def to_frame(self) -> DataFrame:
        """A pandas data frame, a row a draw and period: ``series_id``, ``draw`` (from 0), ``ds``, ``y``.

        Raises ``MissingExtra`` where pandas is not installed.
        """
        require("pandas", "a data frame")
        import pandas as pd

        n, count = self.values.shape
        return pd.DataFrame(
            {
                "series_id": self.series_id,
                "draw": np.repeat(np.arange(n), count),
                "ds": np.tile(np.array(self.ds, dtype="datetime64[s]"), n),
                "y": self.values.ravel(),
            }
        )


def draws(
    catalog: Catalog, registry: Registry, series_id: str, question: ForecastQuestion, cache: Cache = NOTHING_KEPT
) -> Draws:
    """The draws of a series as it is known on a day. Raises as ``forecast`` does."""
    (future,) = futures(catalog, registry, [series_id], question.as_of, cache)
    check_asked(future.run, question)
    freq, published_to = future.series.calendar, future.published_to
    periods = question.span.periods(future.ds, freq, future.as_of, published_to=published_to)
    return Draws(
        series_id=future.series.series_id,
        unit=future.series.unit,
        freq=future.series.freq,
        run=future.run.run_id,
        as_of=question.as_of,
        ds=tuple(periods.shown_ds.tolist()),
        h=tuple(periods.h[periods.rows].tolist()),
        nowcast=tuple(periods.shown_nowcast.tolist()),
        values=future.draws[periods.rows].T.astype(float),
    )
