"""The distribution that a forecast is made of, as an answer: quantiles at any probabilities, and joint draws."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from numbers import Real
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from forecast import metrics
from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.champion import futures
from forecast.answers.draws import Draws, draws
from forecast.answers.forecast import ForecastQuestion, check_asked
from forecast.answers.model import (
    LINES,
    OF_SERIES,
    Answer,
    FreqName,
    NextPage,
    Part,
    PeriodStart,
    RunKey,
    SeriesKey,
    UnitName,
    in_unit,
)
from forecast.coupling import quantiles_of
from forecast.errors import Fault, InvalidInput
from forecast.metrics import rounded
from forecast.registry import Registry

if TYPE_CHECKING:
    from forecast.catalog import Catalog

#: Probabilities of the quantiles where none is named: those by which backtests are scored.
USUAL_QUANTILES = tuple(round(level, 6) for level in metrics.QUANTILE_LEVELS.tolist())
#: The most quantiles of one answer.
MOST_QUANTILES = 99


class QuantilePoint(Part):
    """A quantile of a period ahead."""

    ds: PeriodStart
    h: int = Field(description="periods ahead, as in a forecast", json_schema_extra=in_unit("periods"))
    nowcast: bool = Field(description="the period is over on the day `as_of`, and its value is not there")
    quantile: float = Field(description="probability, between 0 and 1, that the value is not above `y`")
    y: float = Field(description="the quantile", json_schema_extra=in_unit(OF_SERIES))


class DrawPoint(Part):
    """A period ahead on one of the joint sample paths."""

    draw: int = Field(description="number of the path, from 0; of each period the same number is of the same path")
    ds: PeriodStart
    h: int = Field(description="periods ahead, as in a forecast", json_schema_extra=in_unit("periods"))
    nowcast: bool = Field(description="the period is over on the day `as_of`, and its value is not there")
    y: float = Field(description="value on this path", json_schema_extra=in_unit(OF_SERIES))


class Distribution(Answer):
    """The root of both: of which series, by which run, as known on which day."""

    line: ClassVar[tuple[str, ...]] = ("series_id", LINES, "unit", "run")

    series_id: SeriesKey
    unit: UnitName
    freq: FreqName
    run: RunKey
    as_of: dt.date = Field(description="day whose knowledge of events counts, to its end (UTC)")
    next: NextPage = None


class ForecastQuantiles(Distribution):
    """Quantiles of the forecast of a series, by period."""

    data: tuple[QuantilePoint, ...]


class ForecastDraws(Distribution):
    """Joint sample paths of the forecast of a series: the first of those from which its quantiles come."""

    data: tuple[DrawPoint, ...]


def checked_quantiles(at: Collection[float]) -> tuple[float, ...]:
    """The probabilities in order. Raises ``InvalidInput`` unless they are between 0 and 1, each once."""
    wrong = [p for p in at if isinstance(p, bool) or not isinstance(p, Real) or not 0 < float(p) < 1]
    expected = f"numbers between 0 and 1, from one to {MOST_QUANTILES}"
    if wrong or not 1 <= len(at) <= MOST_QUANTILES:
        raise InvalidInput([Fault("quantile", p, expected) for p in wrong] or Fault("quantile", len(at), expected))
    if len({*at}) < len(at):
        raise InvalidInput(Fault("quantile", list(at), "each quantile once"))
    return tuple(sorted(map(float, at)))


def forecast_quantiles(
    catalog: Catalog,
    registry: Registry,
    series_id: str,
    question: ForecastQuestion,
    at: Collection[float],
    cache: Cache = NOTHING_KEPT,
) -> ForecastQuantiles:
    """The quantiles at these probabilities. Raises as ``forecast`` does."""
    wanted, span = checked_quantiles(at), question.span
    (future,) = futures(catalog, registry, [series_id], question.as_of, cache)
    check_asked(future.run, question)
    periods = span.periods(future.ds, future.series.calendar, future.as_of, published_to=future.published_to)
    values = rounded(quantiles_of(cache.get(("margins", future), future.margins), wanted))[:, periods.rows]
    days, ahead = periods.shown_ds.tolist(), periods.h[periods.rows].tolist()
    rows = zip(days, ahead, periods.shown_nowcast.tolist(), values.T.tolist(), strict=True)
    return ForecastQuantiles.model_validate(
        {
            "series_id": future.series.series_id,
            "unit": future.series.unit,
            "freq": future.series.freq,
            "run": future.run.run_id,
            "as_of": question.as_of,
            "data": [
                {"ds": ds, "h": h, "nowcast": over, "quantile": p, "y": y}
                for ds, h, over, of_period in rows
                for p, y in zip(wanted, of_period, strict=True)
            ],
        }
    )


def forecast_draws(
    catalog: Catalog,
    registry: Registry,
    series_id: str,
    question: ForecastQuestion,
    n: int,
    cache: Cache = NOTHING_KEPT,
) -> ForecastDraws:
    """The first ``n`` joint draws. Raises as ``forecast`` does, and ``InvalidInput`` for more than the run has."""
    return draws_answer(draws(catalog, registry, series_id, question, cache), n)


def draws_answer(found: Draws, n: int) -> ForecastDraws:
    """The first ``n`` of joint draws. Raises ``InvalidInput`` for more than there are."""
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= len(found.values):
        raise InvalidInput(Fault("draws", n, f"a whole number from 1 to {len(found.values)}, as many as the run has"))
    periods = list(zip(found.ds, found.h, found.nowcast, strict=True))
    return ForecastDraws.model_validate(
        {
            "series_id": found.series_id,
            "unit": found.unit,
            "freq": found.freq,
            "run": found.run,
            "as_of": found.as_of,
            "data": [
                {"draw": draw, "ds": ds, "h": h, "nowcast": over, "y": y}
                for draw, path in enumerate(rounded(found.values[:n]).tolist())
                for (ds, h, over), y in zip(periods, path, strict=True)
            ],
        }
    )
