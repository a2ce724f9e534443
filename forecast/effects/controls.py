"""Comparison series (controls) of an effect estimate: series of the same class that the event did not touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from forecast.events import Event, Events
from forecast.events.exposure import Minerals, exposure
from forecast.names import WORLD, Measure, Place
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History, Series

#: Months for which a control is not believed once an event that touches the series has touched it too.
CONTROL_BLACKOUT_MONTHS = 12
#: A control must be usable in this share of the sample's periods.
MIN_CONTROL_COVERAGE = 0.6


def controls_for(
    series: Series,
    sample: Sample,
    histories: Mapping[str, History],
    minerals: Minerals,
    events: Events | None = None,
    *,
    diverting: Sequence[Event] = (),
) -> Floats | None:
    """(T, m) logs of the series that may serve as comparison, NaN where missing or touched; None if there are none.

    Left out altogether: what is about the same or a related mineral, contains the series, or has another kind of
    measure or frequency. Left out for a year from the announcement of an event that touches the series: everything
    else it touches, and the flows of a country whose own measure it is. ``diverting``: events on another partner of the
    series, which may have sent trade to it; for as long, what they touch is left out with all other partners of it.
    """
    touching = [] if events is None else [e for e in events.values() if exposure(e, series, minerals) > 0]
    columns = []
    for other_id in sorted(histories):
        other = histories[other_id]
        if not _comparable(series, other.series, minerals):
            continue
        column = _aligned(other, sample)
        for event in touching:
            if _touches(event, other.series, minerals):
                column[_blind(event, sample)] = np.nan
        for event in diverting:
            if _touches(event, other.series, minerals) or _touches(event, _to_all(other.series), minerals):
                column[_blind(event, sample)] = np.nan
        if np.isfinite(column).mean() >= MIN_CONTROL_COVERAGE:
            columns.append(column)
    return np.column_stack(columns) if columns else None


def _comparable(series: Series, other: Series, minerals: Minerals) -> bool:
    same_thing = other.series_id == series.series_id or other.series_id in (series.parent, series.spot)
    contains = other.parent == series.series_id or other.measure is Measure.INDEX
    related = minerals.related(series.mineral, other.mineral)
    return (
        other.measure_class is series.measure_class
        and other.calendar == series.calendar
        and not (same_thing or contains or related or _overlap(series, other))
    )


def _overlap(series: Series, other: Series) -> bool:
    """Whether two flows of the same country may be part and whole, as one of them is of goods of any kind."""
    same_partner = series.partner == other.partner or WORLD in (series.partner, other.partner)
    same_flow = series.flow == other.flow != "world" and series.reporter == other.reporter and same_partner
    return same_flow and not (series.mineral and other.mineral)


def _touches(event: Event, other: Series, minerals: Minerals) -> bool:
    its_country = other.flow != "world" and event.actor in (other.reporter, other.partner)
    return its_country or exposure(event, other, minerals) > 0


def _to_all(one: Series) -> Series:
    """A flow as if it were to or from all partners."""
    return one if one.flow == "world" else replace(one, partner=Place(WORLD))


def _blind(event: Event, sample: Sample) -> slice:
    freq = sample.freq
    days = [day for day in (event.announced, event.effective) if day is not None]
    first = int(freq.ordinal(sample.ds[0]))
    start, stop = (int(freq.ordinal(day)) - first for day in (min(days), max(days)))
    return slice(max(start, 0), max(stop + freq.months(CONTROL_BLACKOUT_MONTHS), 0))


def _aligned(history: History, sample: Sample) -> Floats:
    """The logs of a history on the periods of a sample, NaN outside."""
    column = np.full(len(sample), np.nan)
    at = np.asarray(sample.freq.ordinal(history.ds)) - int(sample.freq.ordinal(sample.ds[0]))
    inside = (at >= 0) & (at < len(sample))
    column[at[inside]] = history.x[inside]
    return column
