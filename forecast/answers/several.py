"""Forecasts of several series: one that cannot be served is left out and named, and takes no other with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from pydantic import Field

from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.forecast import Forecast, ForecastQuestion, checked_levels, forecaster
from forecast.answers.model import Listing, Part, SeriesKey, in_unit
from forecast.answers.reconcile import coherent
from forecast.errors import ForecastError, Insufficient, NotTested, Unavailable
from forecast.registry import Registry
from forecast.timeseries.hierarchy import groups

if TYPE_CHECKING:
    from forecast.catalog import Catalog

_T = TypeVar("_T")


class LeftOut(Part):
    """A series that could not be answered for."""

    series_id: SeriesKey
    why: str = Field(description="the reason")
    fault: bool = Field(
        description="whether something is wrong with it; no where it has too few values for a forecast, or its run was "
        "not tested"
    )

    def __str__(self) -> str:
        return f"{self.series_id}: left out: {self.why}"


class Several(Listing):
    """The root of answers for several series: one that has none is left out, and takes no other with it."""

    left_out: tuple[LeftOut, ...] = Field((), description="series that cannot be served now; the others are answered")


class ForecastList(Several):
    """Forecasts of several series."""

    levels: tuple[int, ...] = Field(description="levels of the central intervals", json_schema_extra=in_unit("%"))
    data: tuple[Forecast, ...]


def forecasts(
    catalog: Catalog,
    registry: Registry,
    series_ids: Sequence[str],
    question: ForecastQuestion,
    cache: Cache = NOTHING_KEPT,
) -> ForecastList:
    """The forecast of each series; of coherent ones a group is left out whole if a member is.

    Raises the first reason where there is a series and none has a forecast.
    """
    wanted = checked_levels(question.levels)

    made_alone = forecaster(catalog, registry, question, cache)
    with suppress(Unavailable):  # the values of all of them in one query; while the database is away, without
        catalog.remember(series_ids)

    def alone(series_id: str) -> list[Forecast]:
        return [made_alone(series_id)]

    def in_agreement(*names: str) -> list[Forecast]:
        return coherent(catalog, registry, names, question, cache)

    if not question.coherent:
        made, left_out = each([(name,) for name in series_ids], alone)
    else:
        with suppress(ForecastError):  # all at once, as long as nothing is wrong with any
            return ForecastList(levels=wanted, data=tuple(in_agreement(*series_ids)))
        families = groups(catalog.series(), series_ids)
        made, left_out = each([[n for n in series_ids if n in group.members] for group in families], in_agreement)
    by_id = {one.series_id: one for some in made for one in some}
    found = tuple(by_id[name] for name in series_ids if name in by_id)
    return ForecastList(levels=wanted, data=found, left_out=left_out)


def each(names: Iterable[Sequence[str]], answer: Callable[..., _T]) -> tuple[list[_T], tuple[LeftOut, ...]]:
    """The answer to each set of names, and what none was found for. Raises the first reason if no answer is left."""
    made: list[_T] = []
    reasons: dict[str, ForecastError] = {}
    for some in names:
        try:
            made.append(answer(*some))
        except Unavailable:  # no fault of the series, and it names the database
            raise
        except ForecastError as error:
            reasons |= dict.fromkeys(some, error)
    if reasons and not made:
        raise next(iter(reasons.values()))
    return made, tuple(
        LeftOut(series_id=name, why=str(error), fault=not isinstance(error, Insufficient | NotTested))
        for name, error in reasons.items()
    )
