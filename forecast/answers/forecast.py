"""A forecast: quantiles of the champion's draws, with the effects of past and coming events put back in.

Numbers are rounded here, once, to six significant digits; everything that shows them later shows these digits.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, TypeAdapter

from forecast.answers.branches import BranchFacts, branch_facts
from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.champion import future_opener
from forecast.answers.future import Future
from forecast.answers.held import held_notes
from forecast.answers.model import (
    LINES,
    OF_SERIES,
    Answer,
    FreqName,
    Intervals,
    PeriodStart,
    RunKey,
    SeriesKey,
    UnitName,
    by_level,
    in_unit,
)
from forecast.answers.provenance import (
    DataTo,
    EventsKnownTo,
    OriginWord,
    Overdue,
    Provenance,
    data_to,
    overdue,
    provenance,
    unseen,
)
from forecast.answers.quality import QualityWord, check_quality, quality, quality_notes
from forecast.answers.span import Span, SpanPeriods
from forecast.coupling import quantiles_of
from forecast.errors import Fault, InvalidInput
from forecast.metrics import rounded
from forecast.registry import Registry, Run
from forecast.settings import FORECAST_LEVELS, SpanOrigin
from forecast.timeseries.series import Floats

if TYPE_CHECKING:
    from forecast.catalog import Catalog

BASELINE_SCENARIO = "baseline"


class ForecastPoint(Intervals):
    """A period ahead, with the median and central intervals."""

    level_unit: ClassVar[str] = OF_SERIES

    ds: PeriodStart
    h: int = Field(
        description="periods ahead: 1 is the first that starts after the day `as_of` (with the origin last: the first "
        "after the last value)",
        json_schema_extra=in_unit("periods"),
    )
    nowcast: bool = Field(description="the period is over on the day `as_of`, and its value is not there")
    yhat: float = Field(description="median", json_schema_extra=in_unit(OF_SERIES))


_POINTS = TypeAdapter(tuple[ForecastPoint, ...])


class Forecast(Answer):
    """A forecast of one series in one event scenario."""

    line: ClassVar[tuple[str, ...]] = ("series_id", LINES, "unit", "scenario", "run")

    series_id: SeriesKey
    unit: UnitName
    freq: FreqName
    run: RunKey
    as_of: dt.date = Field(description="day whose knowledge of events counts, to its end (UTC)")
    data_to: DataTo
    overdue: Overdue
    quality: QualityWord
    origin: OriginWord
    events_known_to: EventsKnownTo
    provenance: Provenance
    scenario: str = Field(description="baseline, or the name of a scenario")
    levels: tuple[int, ...] = Field(description="levels of the central intervals", json_schema_extra=in_unit("%"))
    data: tuple[ForecastPoint, ...]
    branches: tuple[BranchFacts, ...] = Field(
        description="open futures that touch the series: drawn where they have a probability, else only listed"
    )
    notes: tuple[str, ...] = Field(description="what a reader should know of it")


@dataclass(frozen=True)
class ForecastQuestion:
    """What is asked of each series.

    ``as_of``: the UTC day whose knowledge counts, to its end, and from which on periods are ahead; ``span``: which of
    them; ``levels``: of the central intervals, in percent; ``coherent``: series of a group agree, which matters where
    several are asked for; ``insufficient``: also of what has too few values for a forecast.
    """

    as_of: dt.date
    span: Span = field(default_factory=Span)
    levels: Sequence[float] = FORECAST_LEVELS
    coherent: bool = False
    insufficient: bool = False


def forecast(
    catalog: Catalog, registry: Registry, series_id: str, question: ForecastQuestion, cache: Cache = NOTHING_KEPT
) -> Forecast:
    """The next periods of a series, by itself.

    Raises ``NotFound``, ``NotTrained`` (``Insufficient`` among them), and ``InvalidInput`` for a day on which what the
    run was trained on was not yet known, periods that it does not reach, or a level that is no whole number from 1 to
    99.
    """
    return forecaster(catalog, registry, question, cache)(series_id)


def forecaster(
    catalog: Catalog, registry: Registry, question: ForecastQuestion, cache: Cache = NOTHING_KEPT
) -> Callable[[str], Forecast]:
    """What answers a question of one series after another; both raise as ``forecast`` does."""
    wanted, span = checked_levels(question.levels), question.span
    opened = future_opener(catalog, registry, question.as_of, cache)

    def answer(series_id: str) -> Forecast:
        future = opened(series_id)
        check_asked(future.run, question)
        periods = span.periods(future.ds, future.series.calendar, future.as_of, published_to=future.published_to)

        def make() -> tuple[tuple[ForecastPoint, ...], tuple[str, ...]]:
            return points(baseline(future, wanted, cache), periods, wanted), held_notes(catalog, series_id)

        data, held = cache.get(("points", future, wanted, span.origin), make)
        notes = (*held, *span.notes(periods, future.run))
        return baseline_answer(future, data[periods.rows], wanted, span.origin, notes)

    return answer


def check_asked(run: Run, question: ForecastQuestion) -> None:
    """Raise ``InvalidInput`` for a horizon beyond the trained one, ``Insufficient`` for a run on too few values."""
    question.span.check(run)
    check_quality(run, question.insufficient)


def baseline_answer(
    future: Future,
    data: tuple[ForecastPoint, ...],
    levels: tuple[int, ...],
    origin: SpanOrigin,
    first_notes: Sequence[str] = (),
) -> Forecast:
    """The baseline of a series as an answer; ``first_notes``: notes before those of its run."""
    return Forecast(
        series_id=future.series.series_id,
        unit=future.series.unit,
        freq=future.series.freq,
        run=future.run.run_id,
        as_of=future.as_of,
        data_to=data_to(future.run),
        overdue=overdue(future),
        quality=quality(future.run.card),
        origin=origin,
        events_known_to=future.events_known_to,
        provenance=provenance(future),
        scenario=BASELINE_SCENARIO,
        levels=levels,
        data=data,
        branches=tuple(branch_facts(branch, future.events) for branch in future.branches),
        notes=(*quality_notes(future.run.card), *unseen(future), *first_notes, *future.run.card.notes, *future.notes),
    )


def baseline(future: Future, levels: tuple[int, ...], cache: Cache = NOTHING_KEPT) -> Floats:
    """(1 + 2 L, H) quantiles in the world as it is known, as ``at_levels`` has them."""
    return quantiles_of(cache.get(("margins", future), future.margins), at_levels(levels))


def at_levels(levels: Sequence[int]) -> list[float]:
    """The median and, level by level, the two ends of the central interval: quantiles from 0 to 1."""
    return [0.5, *(0.5 + side * level / 200 for level in levels for side in (-1, 1))]


def points(values: Floats, periods: SpanPeriods, levels: Sequence[int]) -> tuple[ForecastPoint, ...]:
    """All ``periods`` (H,) with their quantiles (1 + 2 L, H), as ``at_levels`` has them."""
    return _POINTS.validate_python(rows_of(values, periods, levels))


def rows_of(values: Floats, periods: SpanPeriods, levels: Sequence[int]) -> list[dict[str, object]]:
    """The members of the same, by name; of the first (1 + 2 L, h) where there are no more values."""
    columns = periods.ds.tolist(), periods.h.tolist(), periods.nowcast.tolist()
    found = zip(*columns, by_level("yhat", levels, rounded(values)), strict=False)
    return [{"ds": day, "h": h, "nowcast": over, **at} for day, h, over, at in found]


def quantiles(draws: npt.NDArray[np.floating], at: Sequence[float]) -> Floats:
    """(Q, H) empirical quantiles of draws (H, n), linear between order statistics, each of which is the quantile at the
    middle of its share (Hazen's): so draws at the middles of equal shares give back what they were taken from.

    One sort for all of them: with vector instructions it is faster than a selection for several ranks.
    """
    return quantiles_of(np.sort(draws, axis=1), at)


def checked_levels(levels: Collection[float]) -> tuple[int, ...]:
    """The levels in order. Raises ``InvalidInput`` unless they are whole numbers from 1 to 99, each once."""
    wrong = [level for level in levels if not _is_level(level)]
    if wrong or not levels:
        expected = "whole numbers from 1 to 99, at least one"
        raise InvalidInput([Fault("level", level, expected) for level in wrong] or Fault("level", None, expected))
    checked = tuple(sorted(int(level) for level in levels))
    if len(set(checked)) < len(checked):
        raise InvalidInput(Fault("level", list(checked), "each level once"))
    return checked


def _is_level(level: object) -> bool:
    return isinstance(level, Real) and not isinstance(level, bool) and float(level) in range(1, 100)
