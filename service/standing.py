"""How the service stands: what it serves, what is wrong with that, what waits and how the worker does.

``/readyz`` tells it in words, ``/metrics`` in numbers, so that both say the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from forecast.answers.champion import serving
from forecast.answers.sources import SourceState, source_states
from forecast.answers.stored import stored_faults
from forecast.catalog.job_ends import JobEnd
from forecast.catalog.quarantine import HeldValue
from forecast.errors import CorruptArtifact, ForecastError, NotTrained, Unavailable
from forecast.registry.faults import FaultKind, StoredFault
from forecast.settings import Settings
from forecast.wording import without_folders
from service.context import Context


@dataclass(frozen=True)
class Standing:
    """How many series have a forecast, what is wrong, and the held values of series that are not retired."""

    serving: int
    faults: tuple[StoredFault, ...]
    held: tuple[HeldValue, ...]

    @classmethod
    def of(cls, context: Context) -> Standing:
        """How it stands now. Raises ``Unavailable`` while the database is away and nothing is known of it."""
        catalog, retired = context.catalog, context.catalog.retired()
        silent = {series_id: _silent(context, series_id) for series_id in catalog.targets()}
        faults = (
            *_away(context),
            *stored_faults(context.registry, retired),
            *(StoredFault(FaultKind.SILENT, reason) for reason in silent.values() if reason),
            *(StoredFault(FaultKind.NAME, reason) for reason in catalog.unservable().values()),
            *(StoredFault(FaultKind.ROW, str(fault)) for fault in catalog.row_faults),
        )
        held = (one for series_id, some in catalog.held().items() if series_id not in retired for one in some)
        return cls(sum(reason is None for reason in silent.values()), faults, tuple(held))


def sources(context: Context) -> tuple[SourceState, ...]:
    """How the public sources do; nothing while that cannot be read."""
    if context.catalog.away:
        return ()
    try:
        states = source_states(context.catalog)
        return tuple(one.model_copy(update={"fault": one.fault and without_folders(one.fault)}) for one in states)
    except Unavailable:
        return ()


def job_ends(context: Context) -> tuple[JobEnd, ...]:
    """How the jobs of the worker ended; nothing while that cannot be read."""
    if context.catalog.away:
        return ()
    try:
        return context.catalog.job_ends.all()
    except Unavailable:
        return ()


def _away(context: Context) -> tuple[StoredFault, ...]:
    """That the database of the catalogue is away, if it is."""
    if (found := context.catalog.away) is None:
        return ()
    since = f"{found.since:%Y-%m-%d %H:%M:%S} UTC"
    why = f"the catalogue cannot be read: answers are from what was known at {since}"
    return (StoredFault(FaultKind.CATALOGUE, why),)


def _silent(context: Context, series_id: str) -> str | None:
    """Why a series has no forecast today; None where it has one, nothing to say of one that has no sound run."""
    try:
        serving(context.catalog.get(series_id), context.registry, context.day(None))
    except (NotTrained, CorruptArtifact):
        return ""
    except ForecastError as error:
        return f"{series_id}: {error}"
    return None


class StandingMetrics(Collector):
    """How the service stands, worked out when it is scraped."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        standing = None
        with suppress(Unavailable):
            standing = Standing.of(self._context)
        count, faults = (standing.serving, standing.faults) if standing else (0, ())
        away = standing is None or self._context.catalog.away is not None
        yield _gauge("orecast_ready", "Whether any forecast is served: 1, or 0", int(count > 0))
        yield _gauge("orecast_series_serving", "Series that have a forecast", count)
        yield _gauge("orecast_catalogue_away", "Whether the database of the catalogue is away: 1, or 0", int(away))
        by_kind = GaugeMetricFamily("orecast_faults", "Faults that /readyz?verbose=true tells", labels=["kind"])
        for kind in FaultKind:
            by_kind.add_metric([kind.value], sum(fault.kind is kind for fault in faults))
        yield by_kind
        if standing:
            yield _gauge("orecast_held_values", "Delivered values that wait in quarantine", len(standing.held))
        yield from _of_sources(sources(self._context))
        yield from _of_jobs(job_ends(self._context))
        yield from _of_folders(self._context.settings)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _of_sources(states: tuple[SourceState, ...]) -> Iterator[Metric]:
    tried, since = (
        GaugeMetricFamily(f"orecast_source_{name}_timestamp_seconds", what, labels=["source"])
        for name, what in (
            ("tried", "When a public source was last asked"),
            ("failing_since", "Since when a public source fails; absent while it does not"),
        )
    )
    for state in states:
        if state.tried:
            tried.add_metric([state.source], state.tried.timestamp())
        if state.fault_since:
            since.add_metric([state.source], state.fault_since.timestamp())
    yield from (tried, since)


def _of_jobs(ends: tuple[JobEnd, ...]) -> Iterator[Metric]:
    ended = GaugeMetricFamily("orecast_job_end_timestamp_seconds", "When a job last ended", labels=["name"])
    succeeded = GaugeMetricFamily(
        "orecast_job_success_timestamp_seconds", "When it last ended with nothing failed", labels=["name"]
    )
    failed = GaugeMetricFamily("orecast_job_failures", "What failed of it when it last ended", labels=["name"])
    for end in ends:
        ended.add_metric([end.job], end.ended.timestamp())
        failed.add_metric([end.job], max(end.failed, int(bool(end.fault))))
        if end.succeeded:
            succeeded.add_metric([end.job], end.succeeded.timestamp())
    yield from (ended, succeeded, failed)


def _of_folders(settings: Settings) -> Iterator[Metric]:
    free = GaugeMetricFamily("orecast_disk_free_bytes", "Room on the disk of a folder", labels=["folder"])
    size = GaugeMetricFamily("orecast_disk_size_bytes", "Size of the disk of a folder", labels=["folder"])
    for name, folder in (("home", settings.home), ("models", settings.models_dir)):
        with suppress(OSError):  # it is not there yet
            disk = os.statvfs(folder)
            free.add_metric([name], disk.f_bavail * disk.f_frsize)
            size.add_metric([name], disk.f_blocks * disk.f_frsize)
    yield from (free, size)
