"""What can be exported of a home: each table by its name, as asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from forecast.answers.backtests import Scores, backtest_paths, run_scores
from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.champion import champion_of
from forecast.answers.effects import Effects, effects
from forecast.answers.event_filter import EventFilter
from forecast.answers.events import event_list
from forecast.answers.findings import finder
from forecast.answers.forecast import ForecastQuestion
from forecast.answers.model import Column
from forecast.answers.observations import known_since, observation_list
from forecast.answers.runs import run_list
from forecast.answers.series import series_facts
from forecast.answers.several import ForecastList, LeftOut, each, forecasts
from forecast.errors import Fault, InvalidInput, NothingTrained
from forecast.export.choices import TableShape
from forecast.export.tables import ExportTable, Line, Wide, joined
from forecast.registry import Registry

if TYPE_CHECKING:
    from forecast.catalog import Catalog


@dataclass(frozen=True)
class ExportQuestion:
    """What is asked of every table.

    ``series_ids``: of which series, None for all that there are; ``forecast``: of which day and periods, with which
    intervals; ``start``, ``end``, ``since``: of which observations, by the start of their period and the day on which
    they became known; ``history``: whether forecasts come after the observations of their series; ``events``: which.
    """

    forecast: ForecastQuestion
    series_ids: tuple[str, ...] | None = None
    start: dt.date | None = None
    end: dt.date | None = None
    since: dt.date | None = None
    history: bool = False
    events: EventFilter = field(default_factory=EventFilter)


@dataclass(frozen=True, eq=False)
class Stores:
    """Where the tables come from: what is known, what was trained, and what is kept of answers."""

    catalog: Catalog
    registry: Registry
    cache: Cache = NOTHING_KEPT


@dataclass(frozen=True)
class Found:
    """A table, the series that it could not hold, and how many it holds, where that is told."""

    table: ExportTable
    left_out: tuple[LeftOut, ...] = ()
    series: int | None = None


def found(stores: Stores, name: str, asked: ExportQuestion, shape: TableShape = TableShape.LONG) -> Found:
    """One table, by its name in ``DATASETS``.

    Raises what its answer raises, and ``InvalidInput`` for a shape that it has not.
    """
    dataset = DATASETS[name]
    if shape is TableShape.LONG:
        return dataset.of(stores, asked)
    if dataset.wide is None:
        having = ", ".join(each for each, one in DATASETS.items() if one.wide)
        raise InvalidInput(Fault("shape", shape.value, f"long; wide, with a column a series, there are {having}"))
    long = dataset.of(stores, asked)
    return replace(long, table=dataset.wide.of(long.table, stores.catalog.series()))


# -- forecasts and what was observed -----------------------------------------------------------------------------------


def _forecasts(stores: Stores, asked: ExportQuestion) -> Found:
    ids = _asked_or_targets(stores, asked)
    made = forecasts(stores.catalog, stores.registry, ids, asked.forecast, stores.cache)
    table = ExportTable.of("forecasts", made)
    if asked.history:
        table = _after_history(stores, table, made, asked)
    return Found(table, made.left_out, len(made.data))


def _asked_or_targets(stores: Stores, asked: ExportQuestion) -> tuple[str, ...]:
    """The series asked for, or every target, so that one without a run is named. Raises ``NothingTrained`` where none
    has one."""
    if asked.series_ids is not None:
        return asked.series_ids
    if not stores.registry.champions():
        raise NothingTrained
    return tuple(stores.catalog.targets())


_Y = Column("y", "number", "unit of the series", "published value; nothing of a period ahead", "y")


def _after_history(stores: Stores, table: ExportTable, made: ForecastList, asked: ExportQuestion) -> ExportTable:
    """The forecasts of each series after its observations, which have ``y`` and no ``yhat``."""
    at = table.names.index("yhat")
    columns = (*table.columns[:at], _Y, *table.columns[at:])

    def lines() -> Iterator[Line]:
        for one in made.data:
            seen = stores.catalog.observations(one.series_id, asked.forecast.as_of, asked.start, asked.end)
            for observed in seen:
                yield {"series_id": one.series_id, "ds": observed.ds, "y": observed.value, "unit": one.unit}
            yield from one.lines()

    return ExportTable(table.name, f"{table.title[:-1]}, after what was observed.", columns, lines())


def _observations(stores: Stores, asked: ExportQuestion) -> Found:
    ids = tuple(stores.catalog.series()) if asked.series_ids is None else asked.series_ids
    seen = (stores.catalog.observations(name, asked.forecast.as_of, asked.start, asked.end) for name in ids)
    every = (known_since(of_one, asked.since) for of_one in seen)
    return Found(ExportTable.of("observations", observation_list(chain.from_iterable(every))))


# -- what is known and what was trained --------------------------------------------------------------------------------


def _series(stores: Stores, asked: ExportQuestion) -> Found:
    known = stores.catalog.series()
    ids = tuple(known) if asked.series_ids is None else asked.series_ids
    return Found(ExportTable.of("series", series_facts(stores.catalog, stores.registry, [known[name] for name in ids])))


def _events(stores: Stores, asked: ExportQuestion) -> Found:
    day = asked.forecast.as_of
    known = stores.catalog.events(day)
    listed = asked.events.of(known, stores.catalog)
    return Found(ExportTable.of("events", event_list(listed, day, known)))


def _effects(stores: Stores, asked: ExportQuestion) -> Found:
    ids = asked.series_ids
    if ids is None:
        champions = stores.registry.champions()
        ids = tuple(name for name, one in stores.catalog.series().items() if one.is_trained and name in champions)

    find = finder(stores.catalog, stores.registry)
    # One question for the values of all of them, not one for each.
    stores.catalog.remember(ids)

    def of_one(series_id: str) -> Effects:
        return effects(find(series_id))

    answers, left_out = each([(name,) for name in ids], of_one)
    return Found(joined("effects", answers, Effects), left_out, len(answers))


def _backtests(stores: Stores, asked: ExportQuestion) -> Found:
    ids = _asked_or_targets(stores, asked)
    made = backtest_paths(stores.catalog, stores.registry, ids, asked.forecast.levels)
    return Found(ExportTable.of("backtests", made), made.left_out, len(made.data))


def _scores(stores: Stores, asked: ExportQuestion) -> Found:
    def of_one(series_id: str) -> Scores:
        return run_scores(champion_of(stores.catalog.get(series_id), stores.registry))

    ids = _asked_or_targets(stores, asked)
    answers, left_out = each([(name,) for name in ids], of_one)
    return Found(joined("scores", answers, Scores), left_out, len(answers))


def _runs(stores: Stores, asked: ExportQuestion) -> Found:
    retired, wanted = stores.catalog.retired(), asked.series_ids
    listed = [
        run
        for run in stores.registry.runs()
        if run.series_id not in retired and (wanted is None or run.series_id in wanted)
    ]
    return Found(ExportTable.of("runs", run_list(listed)))


@dataclass(frozen=True)
class Dataset:
    """A table that can be exported: where it comes from, and how it is made wide, if it can be."""

    of: Callable[[Stores, ExportQuestion], Found]
    wide: Wide | None = None


#: Every table by its name, in the order in which somebody reads them.
DATASETS: Mapping[str, Dataset] = {
    "series": Dataset(_series),
    "observations": Dataset(_observations, Wide(("ds",), ("y",))),
    "forecasts": Dataset(_forecasts, Wide(("ds",), ("y", "yhat", "lo-", "hi-"))),
    "events": Dataset(_events),
    "effects": Dataset(_effects, Wide(("episode_id",), ("average_",))),
    "backtests": Dataset(_backtests, Wide(("cutoff", "ds", "h"), ("y", "yhat", "lo-", "hi-"))),
    "scores": Dataset(_scores),
    "runs": Dataset(_runs),
}
