"""A small trained home, made in a second: the real catalogue and registry, runs whose numbers are drawn, not fitted."""

from __future__ import annotations

import atexit
import datetime as dt
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from forecast import metrics
from forecast.answers.event_priors import refresh
from forecast.catalog import Catalog, Observation
from forecast.effects import EffectRecord, EpisodeEffect, episodes
from forecast.registry import PastForecasts, Payload, Registry
from forecast.registry.card import Card, DataSummary, FamilyScores, RunSettings
from forecast.settings import Settings
from forecast.timeseries.series import Series

COPPER, NICKEL, EARTHS = "price.copper", "price.nickel", "volume.rare-earths.export.cn"
TRAINED = (COPPER, NICKEL, EARTHS)
HORIZON = 24
NOW = dt.datetime(2026, 7, 15, 12, tzinfo=dt.UTC)


def clock() -> dt.datetime:
    """Noon of a day on which the bundled snapshot is whole."""
    return NOW


def settings_in(home: Path, **changed: str) -> Settings:
    """Settings with everything below ``home``; ``changed``: variables without their prefix, in small letters."""
    env = {
        "ORECAST_HOME": str(home),
        "ORECAST_RATE_LIMIT": "100000 per second",
        "ORECAST_HORIZON": str(HORIZON),
        "ORECAST_LOG_LEVEL": "ERROR",
    }
    return Settings.from_env(env | {f"ORECAST_{name.upper()}": value for name, value in changed.items()})


def make_home(home: Path) -> Settings:
    """A seeded catalogue and a champion for each of ``TRAINED``: a copy of one that is made once."""
    shutil.copytree(_template(), home, dirs_exist_ok=True)
    return settings_in(home)


@cache
def _template() -> Path:
    home = Path(tempfile.mkdtemp(prefix="orecast-home-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    settings = settings_in(home)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    for series_id in TRAINED:
        registry.promote(series_id, add_run(registry, catalog, series_id))
    refresh(registry, ())
    catalog.close()
    return home


def add_run(registry: Registry, catalog: Catalog, series_id: str, *, level: float = 1.0, name: str = "a") -> str:
    """Save a run whose median stays at ``level`` times the last observation; returns its id."""
    series, seen = catalog.get(series_id), catalog.observations(series_id)
    last = np.datetime64(seen[-1].ds, "D")
    steps = np.random.default_rng(len(series_id)).normal(0.0, 0.06, (400, HORIZON))
    run_id, n = f"{last}-{name}", len(steps)
    record = EffectRecord(effects(catalog, series, seen, n), "drawn", n, series.calendar, last, series_id)
    start = np.log(seen[-1].value * level) - record.mean_path(np.array([last]), series.calendar)[0]
    draws = (start + np.cumsum(steps - np.median(steps, axis=0), axis=1)).astype(np.float32)
    registry.save(
        series_id,
        run_id,
        card(series, run_id, last, len(seen)),
        Payload(draws, record, {"kind": "drawn"}, past=past(seen)),
    )
    return run_id


def past(seen: Sequence[Observation]) -> PastForecasts:
    """What was forecast three periods ahead from two past ones: the value that was last seen, give or take."""
    cutoffs, y = (6, 5), np.array([observation.value for observation in seen])
    spread = 1 + (metrics.QUANTILE_LEVELS - 0.5) / 5
    return PastForecasts(
        np.array([seen[-k].ds for k in cutoffs], dtype="datetime64[D]"),
        np.array([np.outer(np.full(3, y[-k]), spread) for k in cutoffs]),
        np.array([[y[-5], y[-4], np.nan], [y[-4], np.nan, y[-2]]]),
    )


def effects(catalog: Catalog, series: Series, seen: Sequence[Observation], n: int) -> tuple[EpisodeEffect, ...]:
    """An effect of every episode of the series, its size drawn."""
    ds = np.array([observation.ds for observation in seen], dtype="datetime64[D]")
    found, _ = episodes(catalog.events(NOW.date()), series, catalog.minerals(), ds, known_on=NOW.date())
    rng, apart = np.random.default_rng(0), np.random.default_rng(1)
    choice = np.zeros(n, dtype=np.int16)
    return tuple(
        EpisodeEffect(
            e,
            (e.intervention,),
            choice,
            rng.normal(0.1 * e.direction, 0.05, n).astype(np.float32),
            False,
            True,
            likelihood=(float(apart.normal(0.1 * e.direction, 0.25)), 0.05),
        )
        for e in found
    )


def card(series: Series, run_id: str, last: np.datetime64, observations: int = 400) -> Card:
    """A card as training writes it, but for the day on which its inputs became known, and without a period missing."""
    return Card(
        series=series,
        run=run_id,
        trained_at=NOW,
        as_of=dt.date(2026, 7, 15),
        events_known_to=dt.date(2026, 7, 10),
        data=DataSummary(
            dt.date(1992, 1, 1),
            dt.date.fromisoformat(str(last)),
            observations=observations,
            scored=observations,
            missing=0,
        ),
        champion_family="random-walk",
        score=1.0,
        why="drawn for a test",
        backtest={"random-walk": FamilyScores(24, 0.98, (0.98, 0.99), {50: 0.5, 80: 0.8, 95: 0.95})},
        settings=RunSettings(draws=400, horizon=HORIZON, seed=0),
    )
