"""Retrain: train what is due, and nothing else. A series is due when its observations, the events that touch it, the
settings or the code are no longer those of its champion, or when it has none.

The two functions that take only settings open the stores themselves: the worker calls them in processes of their own.
"""

from __future__ import annotations

import datetime as dt

from forecast.catalog import Catalog
from forecast.config import Settings
from forecast.jobs.train import Outcome, Plan, Progress, Report, due, train, train_one
from forecast.registry import Registry


def retrain(catalog: Catalog, registry: Registry, settings: Settings, as_of: dt.date, progress: Progress) -> Report:
    """Train every series that is due at the end of the UTC day ``as_of``; a series that fails stops no other."""
    series_ids = due(catalog, registry, settings, as_of)
    return train(catalog, registry, settings, series_ids, Plan(as_of), progress) if series_ids else Report(())


def due_now(settings: Settings) -> tuple[str, ...]:
    """The series that are due today (UTC)."""
    catalog = Catalog.open(settings)
    try:
        return due(catalog, Registry(settings.models_dir), settings, _today())
    finally:
        catalog.close()


def train_now(settings: Settings, series_id: str) -> Outcome:
    """Train one series on what is known today (UTC)."""
    catalog = Catalog.open(settings)
    try:
        return train_one(catalog, Registry(settings.models_dir), settings, series_id, Plan(_today()))
    finally:
        catalog.close()


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
