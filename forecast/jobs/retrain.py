"""Retrain: train what is due, and nothing else. A series is due when its observations, the events that touch it, the
settings, the method or its libraries are no longer those of its champion, or when it has none.

Both functions open the stores themselves and import what training needs only when they are called: the worker names
them, and other processes do the work.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from forecast.settings import Settings

#: Most of what training imports: a process that trains may be forked from one that has it already.
IMPORTS = ("forecast.jobs.train", "statsmodels.tsa.statespace.api")


def due_now(settings: Settings) -> tuple[str, ...]:
    """The series that are due today (UTC); what killed processes left undone beside the series is made good."""
    from forecast.answers.event_priors import refresh
    from forecast.catalog import Catalog
    from forecast.jobs.train import due
    from forecast.registry import Registry

    catalog = Catalog.open(settings)
    try:
        registry = Registry(settings.models_dir)
        registry.sweep()
        refresh(registry, catalog.retired())
        return due(catalog, registry, settings, _today())
    finally:
        catalog.close()


def train_now(settings: Settings, series_id: str) -> dict[str, str]:
    """Train one series on what is known today (UTC), and estimate its group of flows; its outcome in words."""
    from forecast.answers.event_priors import refresh
    from forecast.catalog import Catalog
    from forecast.jobs.diversion import estimate_diversion
    from forecast.jobs.train import TrainingPlan, train_one
    from forecast.registry import Registry
    from forecast.training.panel import PanelSet

    catalog = Catalog.open(settings)
    try:
        registry, panel_set = Registry(settings.models_dir), PanelSet.of(catalog, _today())
        outcome = train_one(catalog, registry, settings, series_id, TrainingPlan(_today(), kept=True), panel_set)
        estimate_diversion(catalog, registry, settings, [series_id], panel_set)
        refresh(registry, catalog.retired())
        return asdict(outcome)
    finally:
        catalog.close()


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
