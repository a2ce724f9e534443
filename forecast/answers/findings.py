"""What the serving run of a series found of past events, read against what it saw: draws, of which answers tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.champion import as_trained, teller_of
from forecast.answers.event_priors import EventClass, Evidence
from forecast.answers.not_estimated import own_not_estimated, why_not
from forecast.effects.affected import Affected
from forecast.effects.event_classes import Size
from forecast.effects.record import EpisodeEffect
from forecast.effects.report import EpisodeReport, report
from forecast.errors import NotEstimated, NotFound
from forecast.registry import Registry, Run
from forecast.timeseries.series import Series

if TYPE_CHECKING:
    from forecast.catalog import Catalog


@dataclass(frozen=True)
class Kin:
    """An episode beside other events of its kind: how many ``others`` there are, and the ``size`` of its effect,
    once it has built up, by its own data and what they did: where the data say nothing, what they did.
    """

    others: int
    size: Size


@dataclass(frozen=True, eq=False)
class Findings:
    """The episodes of one run, the clear ones first, then in order of their start; by id ``titles`` of their leading
    events, and ``kin``; ``not_estimated``: by id, somebody's own events that touch the series and are in no episode,
    and why."""

    series: Series
    run: Run
    episodes: tuple[EpisodeReport, ...]
    titles: Mapping[str, str | None]
    kin: Mapping[str, Kin]
    not_estimated: Mapping[str, str]


def findings(
    catalog: Catalog,
    registry: Registry,
    series_id: str,
    event_id: str | None = None,
    cache: Cache = NOTHING_KEPT,
) -> Findings:
    """All episodes, or the one that an event is part of.

    Raises ``NotFound``, ``NotTrained``, and ``NotEstimated`` for an event that is in no episode of the series.
    """
    found = finder(catalog, registry, cache)(series_id)
    series, run = found.series, found.run
    if event_id is None:
        return found
    chosen = tuple(e for e in found.episodes if event_id in e.effect.episode.events)
    if not chosen:
        chosen = _weighed(catalog, found, event_id)
    if not chosen and (event := catalog.events().get(event_id)):
        raise NotEstimated(series_id, event_id, why_not(catalog, series, run, event))
    if not chosen:
        raise NotFound("event", event_id, catalog.events())
    return replace(found, episodes=chosen, not_estimated={})


def finder(catalog: Catalog, registry: Registry, cache: Cache = NOTHING_KEPT) -> Callable[[str], Findings]:
    """What finds all episodes of one series after another, in one state of the catalogue and of what events do.

    It raises ``NotFound`` and ``NotTrained``.
    """
    edition, known, retired = catalog.facts()
    evidence = Evidence.of(registry, retired)

    def found(series_id: str) -> Findings:
        today = known.get(series_id) or catalog.get(series_id)
        run = teller_of(today, registry)
        key = "findings", series_id, run.run_id, edition, evidence.digest
        return cache.get(key, lambda: _all(catalog, as_trained(today, run), run, evidence))

    return found


def _weighed(catalog: Catalog, found: Findings, event_id: str) -> tuple[EpisodeReport, ...]:
    """An episode that was weighed but is not reported unless it is asked for."""
    run = found.run
    history = catalog.history(found.series.series_id, run.card.seen)
    asked = [e.episode.episode_id for e in run.record.effects if event_id in e.episode.events]
    return tuple(report(history, run.record, episode_id) for episode_id in asked)


def _all(catalog: Catalog, series: Series, run: Run, evidence: Evidence) -> Findings:
    # What the run saw: a value that was revised since is not what its effects were estimated from.
    history = catalog.history(series.series_id, run.card.seen)
    events = catalog.events()
    episodes, clear = [e.episode for e in run.record.effects], run.record.clear
    reported = sorted(run.record.reported, key=lambda e: e.episode.episode_id not in clear)
    return Findings(
        series,
        run,
        tuple(report(history, run.record, e.episode.episode_id) for e in reported),
        {e.episode_id: events[e.episode_id].title if e.episode_id in events else None for e in episodes},
        {e.episode.episode_id: _kin(e, series, evidence) for e in run.record.effects},
        own_not_estimated(catalog, series, run),
    )


def _kin(effect: EpisodeEffect, series: Series, evidence: Evidence) -> Kin:
    """The prior of its kind, without it, times its own likelihood."""
    kind = EventClass.of_episode(effect.episode)
    others = evidence.count(kind.stringency, Affected.of(series), kind.events)
    return Kin(others, evidence.expected(kind, series, effect.episode.exposure, effect))
