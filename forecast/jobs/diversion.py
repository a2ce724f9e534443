"""Estimate trade diversion: the effects of events on every group of flows by partner, written beside the runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress

from forecast import provenance
from forecast.catalog import Catalog
from forecast.effects.diversion import estimate_group, members
from forecast.errors import CorruptArtifact, FitFailed, ForecastError, TooShort
from forecast.jobs.processes import in_parallel
from forecast.registry import Registry, diversions
from forecast.registry.diversions import StoredGroup
from forecast.settings import Settings
from forecast.timeseries.partners import PartnerGroup, partner_groups
from forecast.training.panel import PanelSet


def estimate_diversion(
    catalog: Catalog, registry: Registry, settings: Settings, series_ids: Sequence[str], panel_set: PanelSet
) -> None:
    """Estimate the groups that hold one of these series, if anything changed since; where all targets are asked for,
    all groups, for those of evidence hold no target. What is no group any more is forgotten.

    A group that cannot be estimated has no record, and takes no other with it.
    """
    every = {group.name: group for group in partner_groups(catalog.series())}
    for name in set(diversions.names(registry.root)) - set(every):
        diversions.remove(registry.root, name)
    wanted = set(series_ids)
    everything = wanted.issuperset(catalog.targets())
    asked = [g for g in every.values() if everything or any(one.series_id in wanted for one in g.series)]
    due = [(group, digest) for group in asked if (digest := _due(catalog, registry, settings, group, panel_set))]
    if len(due) == 1:
        with suppress(ForecastError):
            _estimate(catalog, registry, settings, *due[0], panel_set)
    elif due:
        with suppress(FitFailed):  # one was killed: what has no record now has none of this digest at the next training
            for _ in in_parallel(_in_own_process, ((settings, *each, panel_set) for each in due), settings.jobs):
                pass


def _due(catalog: Catalog, registry: Registry, settings: Settings, group: PartnerGroup, panel_set: PanelSet) -> str:
    """The digest of what the record of a group would be made from; empty where it is there already."""
    panel = panel_set.like(group.series[0])
    digest = provenance.digest(
        [_fingerprint(catalog, one.series_id, panel_set.as_of) for one in group.series],
        panel.digest if panel else "",
        [settings.draws, settings.seed],
        provenance.code_digest(),
        provenance.libraries(),
    )
    try:
        return "" if diversions.load(registry.root, group.name).digest == digest else digest
    except (FileNotFoundError, CorruptArtifact):
        return digest


def _fingerprint(catalog: Catalog, series_id: str, as_of: dt.date) -> str:
    """Of a series without a value nothing."""
    try:
        return catalog.fingerprint(series_id, as_of)
    except TooShort:
        return ""


def _estimate(
    catalog: Catalog, registry: Registry, settings: Settings, group: PartnerGroup, digest: str, panel_set: PanelSet
) -> None:
    as_of: dt.date = panel_set.as_of
    events, minerals = catalog.events(as_of), catalog.minerals()
    histories = catalog.histories([one.series_id for one in group.series], as_of)
    found = members(group, histories, events, minerals, as_of)
    if found is None:
        diversions.remove(registry.root, group.name)
        return
    panel = panel_set.like(group.series[0])
    pool = catalog.histories(panel.histories, as_of) if panel else {}
    record = estimate_group(found, pool, events, minerals, n=settings.draws, seed=settings.seed)
    diversions.save(registry.root, StoredGroup(record, digest, as_of))


def _in_own_process(settings: Settings, group: PartnerGroup, digest: str, panel_set: PanelSet) -> None:
    catalog = Catalog.open(settings)
    try:
        _estimate(catalog, Registry(settings.models_dir), settings, group, digest, panel_set)
    except ForecastError:
        return
    finally:
        catalog.close()
