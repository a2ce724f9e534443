"""Which run serves, changed on purpose: under the lock of its series, and with a line in the audit or not at all."""

from __future__ import annotations

from datetime import datetime

from forecast.catalog import Catalog
from forecast.catalog.audit import AuditAction, AuditedChange
from forecast.registry import Registry


def promote(catalog: Catalog, registry: Registry, series_id: str, run_id: str, now: datetime, why: str = "") -> None:
    """Let a run serve, from the next request on. Raises ``NotFound``, ``CorruptArtifact`` and ``Unavailable``.

    Who has answers of all champions together calls ``event_priors.refresh`` afterwards.
    """
    with registry.lock(series_id):
        before = registry.champion_id(series_id)
        with catalog.audit.recording(now) as changes:
            registry.promote(series_id, run_id)
            changes.append(_change(AuditAction.RUNS_PROMOTE, series_id, before, run_id, why))


def rollback(catalog: Catalog, registry: Registry, series_id: str, now: datetime, *, served: str = "") -> str:
    """Let the champion before serve again; returns its id. Raises ``NotFound`` when there is none left, and
    ``Unavailable``.

    ``served``: the run that served when this was begun: where another serves now, that was done before whoever did it
    was killed, and only the line in the audit is missing.
    """
    with registry.lock(series_id):
        before = now_serves = registry.champion_id(series_id)
        with catalog.audit.recording(now) as changes:
            if now_serves is not None and served and served != now_serves:
                before, serves = served, now_serves
            else:
                serves = registry.rollback(series_id)
            changes.append(_change(AuditAction.RUNS_ROLLBACK, series_id, before, serves))
    return serves


def _change(action: AuditAction, series_id: str, before: str | None, after: str, why: str = "") -> AuditedChange:
    was = {} if before is None else {"champion": before}
    return AuditedChange(action, series_id, was, {"champion": after}, why)
