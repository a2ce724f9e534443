"""Notes on ingested events: the series that they touch, and the facts that are missing for a full answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date

from forecast.catalog import Catalog
from forecast.events import Event, Events, KindFamily
from forecast.events.check import findings
from forecast.events.exposure import exposure, untouched
from forecast.timeseries.series import Series

#: What of an event names or places it, and is no fact of the measure.
_NO_FACTS = frozenset({"event_id", "own", "duties"})


def event_notes(catalog: Catalog, events: Sequence[Event], before: Mapping[str, Event]) -> Iterator[str]:
    """Of each event the series that it touches, whose training is due; and of what is missing, in which events.

    ``before``: the events by id that were there; of one that is replaced, also what that changes.
    """
    targets = [one for one in catalog.series().values() if one.is_target]
    minerals = catalog.minerals()
    touched = {e.event_id: [one for one in targets if exposure(e, one, minerals) > 0] for e in events}
    for event in events:
        if (was := before.get(event.event_id)) is not None and was != event:
            lost = [one.series_id for one in targets if exposure(was, one, minerals) > 0]
            yield _replaced(was, event, [name for name in lost if name not in _ids(touched[event.event_id])])
        if ids := _ids(touched[event.event_id]):
            yield f"{event.event_id} touches {', '.join(ids)}; training is due (orecast retrain --due)"
        else:
            yield f"{event.event_id} touches no series that is forecast: {_why_none(catalog, event, targets)}"
    missing: dict[str, list[str]] = {}
    for event in events:
        for want in _wanted(event, touched[event.event_id]):
            missing.setdefault(want, []).append(event.event_id)
    yield from (f"{', '.join(ids)}: {want}" for want, ids in missing.items())


def finding_notes(known: Events, events: Iterable[Event], today: date) -> Iterator[str]:
    """What is found in the records of these events beside those that are known, a line each."""
    for event in events:
        for finding in findings(known, event, today):
            yield f"{finding.event_id}: {finding.what}; {finding.why}; {finding.do}"


def _ids(series: Iterable[Series]) -> list[str]:
    return [one.series_id for one in series]


def _replaced(was: Event, now: Event, lost: Sequence[str]) -> str:
    """Which facts of a known event change, or are emptied since the file leaves them out, and what it lets go."""
    pairs = [(f.name, getattr(was, f.name), getattr(now, f.name)) for f in fields(Event) if f.name not in _NO_FACTS]
    differing = [(name, new in (None, "", ())) for name, old, new in pairs if old != new]
    changes = {
        "changes": [name for name, empty in differing if not empty],
        "leaves empty": [name for name, empty in differing if empty],
        "no longer touches": lost,
    }
    kind = "an event that was taken in before" if was.own else "a bundled event"
    return "; ".join(
        [
            f"{now.event_id} replaces {kind}, whole",
            *(f"it {what} {', '.join(each)}" for what, each in changes.items() if each),
        ]
    )


def _why_none(catalog: Catalog, event: Event, targets: Iterable[Series]) -> str:
    """Why no series is touched; of several reasons that of the series that come nearest, whose mineral it names."""
    if not event.minerals:
        return "it names no mineral; say minerals: copper;nickel"
    minerals = catalog.minerals()
    near = [one for one in targets if any(minerals.related(one.mineral, slug) for slug in event.minerals)]
    if not near:
        return f"none is of {', '.join(event.minerals)}"
    return "; ".join(dict.fromkeys(untouched(event, one, minerals) for one in near))


def _wanted(event: Event, touched: Sequence[Series]) -> Iterator[str]:
    """What an event does not say that its effect is judged by."""
    prices, flows = any(s.is_price for s in touched), any(not s.is_price for s in touched)
    if prices and not (event.price_world or event.price_local):
        yield "no direction for prices, so its kind tells no sign; say price_world: up, down or mixed"
    if flows and not event.volume:
        yield "no direction for flows, so its kind tells no sign; say volume: up, down or mixed"
    if not event.certainty:
        yield "no certainty, so it counts as verified until you say certainty: verified, partly or background"
    if not event.flows:
        yield "no flows, so it touches no trade, only world prices; say flows: exporter>importer, such as CHN>WLD"
    if event.effective is None and event.family is not KindFamily.THREAT:
        yield "no effective date, so it counts as announced and never in force; say effective: YYYY-MM-DD"
