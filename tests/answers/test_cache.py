"""The service keeps a bounded number of what it answers from; nothing that it keeps is ever wrong."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.champion import futures
from forecast.answers.findings import findings
from forecast.answers.forecast import ForecastQuestion, forecast
from forecast.catalog import Catalog
from forecast.registry import Registry
from forecast.registry.sealed import sealed
from forecast.settings import Settings
from service import create_app
from service.context import KEPT, Context
from tests.support.trained_home import COPPER, EARTHS, NICKEL, NOW, add_run, clock, make_home

DAY = NOW.date()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_home(tmp_path)


@pytest.fixture
def stores(settings: Settings) -> Iterator[tuple[Catalog, Registry]]:
    catalog = Catalog.open(settings)
    yield catalog, Registry(settings.models_dir)
    catalog.close()


def test_the_longest_unused_is_forgotten_first() -> None:
    cache, made = Cache(2), []

    def make(key: str) -> str:
        made.append(key)
        return key

    for key in ("a", "b", "a", "c", "a", "b"):
        assert cache.get(key, lambda key=key: make(key)) == key  # type: ignore[misc]
    assert made == ["a", "b", "c", "b"]
    assert len(cache) == 2


def test_nothing_is_kept_without_a_cache() -> None:
    made: list[int] = []
    for i in range(3):
        NOTHING_KEPT.get("key", lambda i=i: made.append(i))  # type: ignore[misc]
    assert made == [0, 1, 2]
    assert len(NOTHING_KEPT) == 0


def test_a_value_that_cannot_be_made_is_not_kept() -> None:
    cache = Cache(2)
    with pytest.raises(ZeroDivisionError):
        cache.get("key", lambda: 1 // 0)
    assert cache.get("key", lambda: 1) == 1


def test_threads_that_ask_at_once_get_the_same_value_and_the_bound_holds() -> None:
    cache, barrier, got = Cache(5), threading.Barrier(8), []

    def ask() -> None:
        barrier.wait()
        for i in range(400):
            got.append((i % 7, cache.get(i % 7, object)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 3200
    assert len(cache) == 5
    together = Cache(1)
    barrier.reset()
    same: list[object] = []

    def first() -> None:
        barrier.wait()
        same.append(together.get("key", object))

    threads = [threading.Thread(target=first) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(value) for value in same}) == 1


def test_a_future_is_kept_until_the_run_the_catalogue_the_day_or_the_evidence_changes(
    stores: tuple[Catalog, Registry],
) -> None:
    catalog, registry = stores
    cache = Cache(50)

    def future(day: dt.date = DAY) -> object:
        return futures(catalog, registry, [COPPER], day, cache)[0]

    first = future()
    assert future() is first
    assert future(DAY + dt.timedelta(days=1)) is not first
    assert future() is first
    event = next(iter(catalog.events().values()))
    catalog.add(events=[replace(event, title="Said otherwise")], known_at=NOW)
    edited = future()
    assert edited is not first
    (registry.root / "classes.json").write_bytes(sealed({"runs": {}, "likelihoods": []}))
    learned = future()
    assert learned is not edited
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    assert future() is not learned


def test_answers_are_the_same_with_and_without_a_cache(stores: tuple[Catalog, Registry]) -> None:
    cache = Cache(50)
    for levels in ((80,), (50, 95), (80,)):
        kept = forecast(*stores, EARTHS, ForecastQuestion(DAY, levels=levels), cache=cache)
        assert kept == forecast(*stores, EARTHS, ForecastQuestion(DAY, levels=levels))
    assert len(cache) == 4, "a future, its sorted draws, and forecasts at two sets of levels"
    result = findings(*stores, EARTHS, cache=cache)
    assert findings(*stores, EARTHS, cache=cache) is result
    assert findings(*stores, EARTHS) is not result


def test_a_forecast_at_another_day_is_not_what_was_kept(stores: tuple[Catalog, Registry]) -> None:
    cache, later = Cache(50), dt.date(2026, 11, 24)
    now, then = (forecast(*stores, EARTHS, ForecastQuestion(day), cache=cache) for day in (DAY, later))
    assert (now.as_of, then.as_of) == (DAY, later)
    assert then == forecast(*stores, EARTHS, ForecastQuestion(later))


def test_the_service_owns_one_cache_and_it_stays_within_its_bound(settings: Settings) -> None:
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    context = Context(settings, catalog, registry, clock, Cache(4))
    assert Context(settings, catalog, registry).cache.entries == KEPT
    for day in range(16, 26):
        futures(catalog, registry, [COPPER, NICKEL], dt.date(2026, 7, day), context.cache)
    assert len(context.cache) == 4
    catalog.close()


def test_runs_and_futures_have_no_place_for_what_others_keep(stores: tuple[Catalog, Registry]) -> None:
    run = stores[1].champion(COPPER)
    assert set(vars(run)) == {"series_id", "run_id", "card", "draws", "record", "last", "trade"}
    (future,) = futures(*stores, [COPPER], DAY)
    before = set(vars(future))
    forecast(*stores, COPPER, ForecastQuestion(DAY))
    assert set(vars(future)) == before


def test_a_promotion_is_answered_at_once_by_a_service_that_keeps(settings: Settings) -> None:
    client = create_app(settings, clock=clock).test_client()
    before = client.get(f"/v1/forecasts/{COPPER}?h=1").get_json()["data"][0]["yhat"]
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    catalog.close()
    after = client.get(f"/v1/forecasts/{COPPER}?h=1").get_json()["data"][0]["yhat"]
    assert after / before == pytest.approx(2.0, rel=1e-3)
    assert np.isfinite(after)
