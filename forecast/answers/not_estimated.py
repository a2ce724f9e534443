"""Why the serving run of a series tells no effect of an event, in words and dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from forecast.effects.episodes import episodes
from forecast.events import Event, in_force
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
    freq, data, began = series.calendar, run.card.data, event.effective or event.known_from
    ds = freq.between(data.first, data.last)
    kept, omitted = episodes(catalog.events(), series, catalog.minerals(), ds, known_on=run.card.as_of)
    left_out = [each for each in (*omitted, *run.record.omitted) if event.event_id in each.events]
    if any(event.event_id in episode.events for episode in kept):
        if not run.record.effects and not (catalog.history(series.series_id, run.card.seen).y > 0).any():
            return "the series has no value above 0 in which it could show"
        return f"it was taken in, or changed, after the run of {run.card.trained_at:%Y-%m-%d} was trained: {train}"
    if not left_out:
        return "it has no date"
    reason = left_out[0].reason
    if reason.startswith(_BEFORE):
        since = f"it began on {began}, and the sample on {data.first}"
        return f"{since}: what holds from the first period to the last cannot be told from the level"
    if reason.startswith(_AFTER) or int(freq.ordinal(began)) > int(freq.ordinal(data.last)):
        return f"it begins on {began}, after the last period that was seen, which began on {data.last}"
    if not reason.startswith(_CARRIED):
        return reason
    return "; ".join(_in_a_path(catalog, series, run, event, {each.episode_id: each.reason for each in omitted}))


def _in_a_path(catalog: Catalog, series: Series, run: Run, event: Event, reasons: Mapping[str, str]) -> Iterator[str]:
    """Of an act, the measure on which it acts in the end, when it was in force itself, and where its effect is told."""
    measure, through = _measure(event.event_id, reasons)
    yield f"it acts on {measure}{through}, and its effect is told with it"
    yield from _times(catalog, event, run)
    effects = (*run.record.reported, *run.record.effects)
    reported_with = next((each.episode.episode_id for each in effects if measure in each.episode.events), None)
    if reported_with is None:
        yield f"of {measure}: {why_not(catalog, series, run, catalog.events()[measure])}"
    else:
        yield f"orecast effects {series.series_id} --event {reported_with}"


def _measure(event_id: str, reasons: Mapping[str, str]) -> tuple[str, str]:
    """The measure in whose path an act is, which itself is in the path of none, and by way of which others."""
    way = [event_id]
    while reasons.get(way[-1], "").startswith(_CARRIED):
        target = reasons[way[-1]].removeprefix(_CARRIED).partition(",")[0].strip()
        if target in way:
            break
        way.append(target)
    between = way[1:-1]
    return way[-1], f" by way of {', '.join(between)}" if between else ""


def _times(catalog: Catalog, event: Event, run: Run) -> Iterator[str]:
    """When an event was in force, by what the run knew of it."""
    times = in_force(catalog.events(), event.event_id, run.card.as_of)
    if times:
        yield "it was in force " + " and ".join(
            f"from {time.since}" + (f" to {time.until}" if time.until else " on") for time in times
        )
