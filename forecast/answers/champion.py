"""The champion run of a series on a day, its units, and the joint draws that it gives for the periods ahead."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.event_priors import Evidence
from forecast.answers.future import Future
from forecast.errors import Fault, InvalidInput, NotTrained
from forecast.registry import Registry, Run
from forecast.timeseries.series import ROLES, Series

if TYPE_CHECKING:
    from forecast.catalog import Catalog


def serving(series: Series, registry: Registry, as_of: dt.date) -> Run:
    """The champion of a series on a day.

    Raises ``NotTrained``, also for what is no target, and ``InvalidInput`` for a day on which what the run
    was trained on was not yet known.
    """
    run = champion_of(series, registry)
    if as_of < run.card.known_by:
        expected = f"{run.card.known_by} or later: so late is what run {run.run_id} of {series.series_id} knows"
        raise InvalidInput(Fault("as_of", str(as_of), expected))
    return run


def champion_of(series: Series, registry: Registry) -> Run:
    """The champion of a series, to forecast by. Raises ``NotTrained``, also for what is no target."""
    if not series.is_target:
        what, does = ROLES[series.role]
        why, way_out = f"it is {what}, which {does} and is never forecast", "take its row in with the role target"
        told = f"what events did to it: orecast effects {series.series_id}; " if series.tells_events_only else ""
        if series.is_evidence and not series.is_trained:
            why += ", and of an index no effects are estimated"
        raise NotTrained(series.series_id, why, f"{told}to forecast it, {way_out}")
    run = registry.champion(series.series_id)
    if not run.card.forecasts:
        raise NotTrained(series.series_id, "it was evidence when it was trained, and is a target now")
    return run


def teller_of(series: Series, registry: Registry) -> Run:
    """The champion of a series, to tell what events did to it. Raises ``NotTrained``, also for a comparison."""
    return registry.champion(series.series_id) if series.is_trained else champion_of(series, registry)


def as_trained(series: Series, run: Run) -> Series:
    """The series with the facts that give the numbers of a run their meaning, as they were when it was trained."""
    then = run.card.series
    return replace(series, unit=then.unit, measure=then.measure, freq=then.freq)


def future_of(catalog: Catalog, series: Series, run: Run, as_of: dt.date, evidence: Evidence) -> Future:
    """The future that a run gives, with the events as known at the end of ``as_of``."""
    events, known_to = catalog.events(as_of), catalog.events_known_to(as_of)
    published_to = catalog.published_to(series.series_id, as_of)
    return Future(run, as_trained(series, run), catalog.minerals(), events, as_of, evidence, known_to, published_to)


def future_opener(
    catalog: Catalog, registry: Registry, as_of: dt.date, cache: Cache = NOTHING_KEPT
) -> Callable[[str], Future]:
    """What opens the future of one series after another by its champion, in one state of the catalogue and of what
    events do, as known at the end of ``as_of``.

    It raises ``NotFound``, ``NotTrained``, and ``InvalidInput`` for a day that is too early for a run.
    """
    edition, known, retired = catalog.facts()
    evidence = Evidence.of(registry, retired)

    def opened(series_id: str) -> Future:
        series = known.get(series_id) or catalog.get(series_id)
        run = serving(series, registry, as_of)
        key = "future", series_id, run.run_id, edition, as_of, evidence.digest
        return cache.get(key, lambda: future_of(catalog, series, run, as_of, evidence))

    return opened


def futures(
    catalog: Catalog, registry: Registry, series_ids: Iterable[str], as_of: dt.date, cache: Cache = NOTHING_KEPT
) -> list[Future]:
    """The futures of series. Raises as what ``future_opener`` gives."""
    return list(map(future_opener(catalog, registry, as_of, cache), series_ids))
