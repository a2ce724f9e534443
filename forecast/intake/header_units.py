"""Units that the header of a table names, or a row below it, as those of its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from forecast.intake.batch import Batch
from forecast.intake.header import BY_SERIES, LONG, Layout
from forecast.intake.unit_names import Likeness, Unit, likeness, named_in, read_unit, units_below
from forecast.timeseries.series import Series


def units_of(layout: Layout, columns: Sequence[Sequence[str]]) -> dict[int, Unit]:
    """Units by column of values; none where a column of its own says them. ``columns``: what is below the header."""
    if layout.kind not in (LONG, BY_SERIES) or "unit" in layout.fields:
        return {}
    places = [layout.fields["value"]] if layout.kind == LONG else list(layout.wide)
    periods = columns[layout.fields["ds"] if "ds" in layout.fields else layout.fields["year"]]
    below = units_below({at: columns[at] for at in places}, periods)
    named = {at: below.get(at) or named_in(layout.names[at]) for at in places}
    return {at: unit for at, unit in named.items() if unit}


def with_certain_units(batch: Batch, layout: Layout, series: Mapping[str, Series]) -> Batch:
    """Rows that say the unit of their header where it is certainly another one than that of their series."""
    if not layout.units:
        return batch
    ids, units = batch.cells["series_id"], batch.cells["unit"]
    said = {pair: _is_to_be_said(pair[1], series.get(pair[0])) for pair in {*zip(ids, units, strict=True)}}
    told = [unit if said[name, unit] else "" for name, unit in zip(ids, units, strict=True)]
    return replace(batch, cells={**batch.cells, "unit": told})


def doubts(layout: Layout, ids: Sequence[str], series: Mapping[str, Series]) -> Iterator[str]:
    """Units of a header that may be others than those of the series ``ids`` of the file."""
    for at, unit in layout.units.items():
        own = [layout.wide[at]] if at in layout.wide else ids
        unsure = [one for one in own if one in series and likeness(unit, series[one].unit) is Likeness.UNSURE]
        if unsure:
            more = f" (so are {len(unsure) - 1} other series in doubt)" if len(unsure) > 1 else ""
            yield (
                f"column {layout.name(at)!r}: the header says {unit}, and {unsure[0]} is in "
                f"{series[unsure[0]].unit}{more}; make sure that its values are in that unit"
            )


def _is_to_be_said(text: str, series: Series | None) -> bool:
    unit = read_unit(text)
    return unit is not None and (series is None or likeness(unit, series.unit) is Likeness.OTHER)
