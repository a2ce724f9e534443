"""Series as an answer: what can be asked about, and which run serves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from pydantic import Field

from forecast.answers.held import held_by_series
from forecast.answers.model import Answer, FreqName, Listing, SeriesKey, Text, UnitName, in_unit
from forecast.answers.quality import QualityWord, quality
from forecast.answers.words import FlowWord, Role
from forecast.errors import Damaged, NotTrained
from forecast.names import Measure
from forecast.registry import Registry, Run
from forecast.timeseries.series import Series

if TYPE_CHECKING:
    from forecast.catalog import Catalog


_FACTS = tuple(field.name for field in fields(Series))


class SeriesFacts(Answer):
    """A series."""

    series_id: SeriesKey
    mineral: Text = Field(description="slug of the mineral; null where the series is of all goods")
    measure: Measure = Field(description="price, volume, value or index")
    role: Role = Field(
        description="target: forecast; comparison: used to estimate effects; evidence: tells what events do"
    )
    flow: FlowWord = Field(description="world, import or export")
    reporter: str = Field(description="whose trade it is, or where the price is paid: ISO 3166 alpha-3, EU or WLD")
    partner: str = Field(description="with whom: ISO 3166 alpha-3, EU or WLD")
    unit: UnitName
    freq: FreqName
    release_lag_days: int = Field(
        description="from the end of a period until its value is published", json_schema_extra=in_unit("days")
    )
    publisher: Text = Field(description="who publishes it")
    source_url: Text = Field(description="where it is published")
    licence: Text = Field(description="under which licence")
    notes: Text = Field(description="what a reader should know of it")
    spot: Text = Field(description="id of a daily or weekly companion of a price")
    parent: Text = Field(description="id of the series that this one adds up to with its siblings")
    resolution: float | None = Field(
        description="the smallest amount that is reported: a 0 means less; null: read from the values",
        json_schema_extra=in_unit("unit of the series"),
    )
    run: str | None = Field(
        title="serving run",
        description="id of the run that serves, or that tells what events did to evidence; null where there is none",
    )
    data_to: dt.date | None = Field(description="first day of the last period with data that this run has seen")
    quality: QualityWord | None = Field(
        description="what these data can bear: solid, short, sparse, untested or insufficient"
    )
    retired: dt.datetime | None = Field(description="since when it is no longer served; null where it was not retired")
    held: tuple[str, ...] = Field(description="values that were delivered and do not count, and why")
    fault: str | None = Field(
        description="why none of its runs can serve, or ever could; null if one can or none is there"
    )


class SeriesList(Listing):
    """A list of series."""

    data: tuple[SeriesFacts, ...]


def served(catalog: Catalog, registry: Registry) -> tuple[Series, ...]:
    """The targets that a promoted run forecasts, by id."""
    champions = registry.champions()
    return tuple(one for name, one in catalog.series().items() if one.is_target and name in champions)


def series_facts(catalog: Catalog, registry: Registry, found: Sequence[Series]) -> SeriesList:
    """Facts of series, with the run that serves, since when they are retired, and why they cannot be served."""
    retired, faults = catalog.retired(), catalog.unservable()
    held = held_by_series(catalog)
    serving: dict[str, Run] = {}
    for series in found:
        if series.is_trained and series.series_id not in retired:
            try:
                serving[series.series_id] = registry.champion(series.series_id)
            except Damaged as error:
                faults[series.series_id] = str(error)
            except NotTrained:  # nothing is there, or nothing can be, which ``faults`` has
                continue

    return SeriesList.of(
        [
            SeriesFacts.model_validate(
                {
                    **{name: getattr(series, name) for name in _FACTS},
                    **_of_run(serving.get(series.series_id)),
                    "retired": retired.get(series.series_id),
                    "held": held.get(series.series_id, ()),
                    "fault": faults.get(series.series_id),
                }
            )
            for series in found
        ]
    )


def _of_run(run: Run | None) -> dict[str, object]:
    """What the serving run says of a series; nothing where none serves."""
    if run is None:
        return {"run": None, "data_to": None, "quality": None}
    return {"run": run.run_id, "data_to": run.card.data.last, "quality": quality(run.card)}
