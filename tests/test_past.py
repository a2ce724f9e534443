"""What was known of a series on a day: the run's name is a pure function of it, and of the settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from forecast.catalog import Catalog, Observation
from forecast.config import Settings
from forecast.past import Past, seed_of
from forecast.peers import Company

TODAY = date(2026, 7, 15)
COPPER, EARTHS = "price.copper", "volume.rare-earths.export.cn"
SETTINGS = Settings.from_env({})


@pytest.fixture(scope="module")
def bundled(seeded: Path) -> Iterator[Catalog]:
    """The bundled catalogue, only read."""
    catalog = Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": f"sqlite:///{seeded}"}))
    yield catalog
    catalog.close()


def name(catalog: Catalog, series_id: str = COPPER, settings: Settings = SETTINGS, as_of: date = TODAY) -> str:
    return Past(catalog, settings, series_id, Company.of(catalog, as_of)).run_id()


def test_a_run_is_named_by_its_last_period_and_its_inputs(bundled: Catalog) -> None:
    past = Past(bundled, SETTINGS, COPPER, Company.of(bundled, TODAY))
    assert past.run_id().startswith("2026-06-01-")
    assert past.run_id() == name(bundled)
    assert past.run_id(("grid", "ets")) == past.run_id(["grid", "ets"])
    different = [past.run_id(("grid",)), past.run_id(own_effects=True), name(bundled, "price.tin")]
    different += [name(bundled, settings=replace(SETTINGS, **{what: 7})) for what in ("draws", "horizon", "seed")]
    assert len({past.run_id(), *different}) == 7
    assert name(bundled, settings=replace(SETTINGS, port=9, workers=5, jobs=1)) == past.run_id()


def test_a_run_is_named_alike_by_another_process(bundled: Catalog, seeded: Path) -> None:
    script = f"""import datetime as dt
from forecast.catalog import Catalog
from forecast.config import Settings
from forecast.past import Past
from forecast.peers import Company
catalog = Catalog.open(Settings.from_env({{"ORECAST_DATABASE_URL": "sqlite:///{seeded}"}}))
print(Past(catalog, Settings.from_env({{}}), "{COPPER}", Company.of(catalog, dt.date(2026, 7, 15))).run_id())"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == name(bundled)


def test_news_of_the_series_its_events_and_its_peers_change_the_name(catalog: Catalog) -> None:
    last = catalog.observations(COPPER)[-1]
    now, later = datetime(2026, 7, 16, 9, tzinfo=UTC), date(2026, 7, 16)
    before = name(catalog, as_of=later)
    catalog.add(observations=[replace(last, value=last.value * 1.01, known=now, assumed=False)], known_at=now)
    revised = name(catalog, as_of=later)
    assert revised != before
    assert name(catalog, as_of=TODAY) != revised, "it was not known the day before"

    gold = catalog.observations("price.gold")[-1]
    catalog.add(observations=[replace(gold, value=gold.value * 1.01, known=now, assumed=False)], known_at=now)
    peered = name(catalog, as_of=later)
    assert peered != revised, "peers teach how wide intervals are"

    touching = next(e for e in catalog.events().values() if "copper" in e.minerals and e.announced)
    catalog.add(events=[replace(touching, title="Another title")], known_at=now)
    assert name(catalog, as_of=later) == peered, "words change no number"
    catalog.add(events=[replace(touching, announced=date(2025, 1, 2))], known_at=now)
    assert name(catalog, as_of=later) != peered


def test_each_series_has_a_seed_of_its_own_that_follows_the_setting() -> None:
    assert seed_of(SETTINGS, COPPER) == seed_of(replace(SETTINGS, port=9), COPPER)
    assert seed_of(SETTINGS, COPPER) != seed_of(SETTINGS, EARTHS)
    assert seed_of(SETTINGS, COPPER) != seed_of(replace(SETTINGS, seed=1), COPPER)


def test_futures_are_those_that_touch_the_series(bundled: Catalog) -> None:
    company = Company.of(bundled, TODAY)
    earths = {branch.event_id for branch in Past(bundled, SETTINGS, EARTHS, company).branches}
    lead = {branch.event_id for branch in Past(bundled, SETTINGS, "price.lead", company).branches}
    assert "cn-suspension-no70-2025" in earths
    assert "cn-suspension-no70-2025" not in lead


def test_now_is_what_is_known_at_the_end_of_the_day(bundled: Catalog) -> None:
    past = Past(bundled, SETTINGS, EARTHS, Company.of(bundled, TODAY))
    view = past.now(250)
    assert view.cutoff == past.history.last
    assert view.record.n == 250
    assert view.lessons is not None
    assert view.ahead(6).shape == (250, 6)
    before = Past(bundled, SETTINGS, EARTHS, Company.of(bundled, date(2025, 4, 3)))
    assert before.history.last < np.datetime64("2025-04-01")
    assert before.events_known_to <= date(2025, 4, 3)


def test_a_value_that_came_late_is_not_seen_at_its_period(catalog: Catalog) -> None:
    series = replace(catalog.get(COPPER), series_id="price.late", release_lag_days=10)
    months = series.calendar.range("2023-01-01", 30).tolist()
    known = [datetime(day.year, day.month, 28, tzinfo=UTC) for day in months]
    known[-1] = datetime(2025, 9, 1, tzinfo=UTC)
    seen = [
        Observation("price.late", day, 100.0 + i, "reported", at)
        for i, (day, at) in enumerate(zip(months, known, strict=True))
    ]
    catalog.add(series=[series], observations=seen, known_at=datetime(2025, 9, 2, tzinfo=UTC))
    past = Past(catalog, SETTINGS, "price.late", Company(TODAY, {}))
    assert past.view(np.datetime64("2025-06-01")).cutoff == np.datetime64("2025-05-01")
