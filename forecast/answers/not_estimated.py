"""Why the serving run of a series tells no effect of an event, in words and dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from forecast.effects.episodes import Omitted, episodes
from forecast.events import Event
from forecast.events.exposure import exposure, untouched
from forecast.registry import Run
from forecast.timeseries.series import Series

if TYPE_CHECKING:
    from forecast.catalog import Catalog

#: What ``episodes`` says of an episode that is in no record.
_BEFORE, _AFTER, _CARRIED = "began before", "begins after", "is in the path of"


def own_not_estimated(catalog: Catalog, series: Series, run: Run) -> Mapping[str, str]:
    """By id, the events that somebody took in, which touch the series and are not in the record, and why not."""
    minerals = catalog.minerals()
    return {
        event.event_id: why_not(catalog, series, run, event)
        for event in catalog.events().values()
        if event.own and event.event_id not in run.record.events and exposure(event, series, minerals) > 0
    }


def why_not(catalog: Catalog, series: Series, run: Run, event: Event) -> str:
    """Why an event of the catalogue is not in the record of a run, by what is known of it now."""
    if missed := untouched(event, series, catalog.minerals()):
        return f"it does not touch the series: {missed}"
    train = f"orecast train {series.series_id}"
    if event.known_from > run.card.as_of:
        known = f"it became known on {event.known_from}, and the run knows what was known on {run.card.as_of}"
        return f"{known}: {train}"
    ds = series.calendar.between(run.card.data.first, run.card.data.last)
    kept, omitted = episodes(catalog.events(), series, catalog.minerals(), ds, known_on=run.card.as_of)
    left_out = [each for each in (*omitted, *run.record.omitted) if event.event_id in each.events]
    if any(event.event_id in episode.events for episode in kept):
        if not run.record.effects and not (catalog.history(series.series_id, run.card.seen).y > 0).any():
            return "the series has no value above 0 in which it could show"
        return f"it was taken in, or changed, after the run of {run.card.trained_at:%Y-%m-%d} was trained: {train}"
    return _outside(left_out[0], event, run) if left_out else "it has no date"


def _outside(omitted: Omitted, event: Event, run: Run) -> str:
    began, data = event.effective or event.known_from, run.card.data
    if omitted.reason.startswith(_BEFORE):
        since = f"it began on {began}, and the sample on {data.first}"
        return f"{since}: what holds from the first period to the last cannot be told from the level"
    if omitted.reason.startswith(_AFTER):
        return f"it begins on {began}, after the last period that was seen, which began on {data.last}"
    if omitted.reason.startswith(_CARRIED):
        target = omitted.reason.removeprefix(_CARRIED).partition(",")[0].strip()
        return f"it {omitted.reason}; its effect is part of that: ask for {target}"
    return omitted.reason
