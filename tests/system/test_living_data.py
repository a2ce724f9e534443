"""Data that come in by themselves: a fresh home fills from publishers, and a year of publications ends where one
fetch at its end would have."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import pytest

from forecast.catalog import Catalog
from forecast.jobs.fetch import Fetching
from forecast.settings import Settings
from forecast.sources.configuration import chosen
from tests.support import feeds
from tests.support.internet import internet, standing
from tests.support.replay import DOWN, PAGE, Misprint, Trouble, replay

TODAY = dt.date(2026, 11, 28)
NOW = dt.datetime.combine(TODAY, dt.time(2), dt.UTC)
REVISED = ("imf", "G001.PCOBA.USD.M", dt.date(2026, 8, 1))
LATE = ("imf", "G001.PURAN.USD.M", dt.date(2026, 8, 1))
QUICK = ("worldbank", "imf", "bls", "usgs", "eurostat", "hmrc")
POISONED = Misprint("worldbank", "Copper", dt.date(2026, 9, 1), 1000.0, dt.date(2026, 11, 3))


def fetch_all(settings: Settings) -> dict[str, int]:
    """Fetch what is enabled into the home; how many series each source gave."""
    catalog = Catalog.open(settings)
    try:
        return {
            source.name: Fetching(catalog, None, source, NOW, sleep=lambda seconds: None).run().series
            for source in chosen(settings)
        }
    finally:
        catalog.close()


def fills(settings: Settings, names: Collection[str]) -> dict[str, int]:
    """Fill a home from these publishers; how many series each gave, rare earths among them, with price and flow."""
    played = feeds.of_observations()
    with internet({name: played[name] for name in names}, settings, TODAY) as outlets:
        for outlet in outlets.values():
            outlet.publish(TODAY)
        given = fetch_all(settings)
    catalog = Catalog.open(settings)
    rare = [one for one in catalog.series().values() if one.mineral == "rare-earths"]
    current = {one.measure.value for one in rare if standing(catalog)[one.series_id].get(dt.date(2026, 9, 1))}
    catalog.close()
    assert {"price", "volume"} <= current
    return given


def test_an_empty_home_fills_from_six_publishers(settings: Settings) -> None:
    given = fills(settings, QUICK)
    assert all(given.values())
    assert sum(given.values()) >= 60


@pytest.mark.storm
def test_an_empty_home_fills_from_all_publishers(settings: Settings) -> None:
    given = fills(settings, feeds.of_observations())
    assert all(given.values())
    assert sum(given.values()) >= 150


def scenes(settings: Settings, names: tuple[str, ...], days: list[dt.date], until: dt.date) -> None:
    """Replay these days with a revision, a late month, a misprint, a changed layout and a source that is down."""
    one_go = Settings.from_env({"ORECAST_HOME": str(settings.home.with_name("one-go"))})
    one_go.home.mkdir()
    first = days[0]
    troubles = [
        Trouble("worldbank", first + dt.timedelta(days=14), 3, answer=DOWN),
        Trouble("imf", first + dt.timedelta(days=28), 2, changes={b"OBS_VALUE": b"VALUE"}),
        Trouble("usgs", first + dt.timedelta(days=7), 1, answer=PAGE),
    ]
    with internet({name: feeds.of_observations()[name] for name in names}, settings, until) as outlets:
        one_go.sources_file.write_text(settings.sources_file.read_text())
        source, key, ds = LATE
        usual = outlets[source].lags[key]
        outlets[source].lags[key] = lambda start: usual(start) + dt.timedelta(days=25 if start == ds else 0)
        source, key, ds = REVISED
        final = outlets[source].truth[key][ds]
        revision = Misprint(source, key, ds, 1.02, usual(ds) + dt.timedelta(days=30))
        story = replay(settings, outlets, days, troubles, [POISONED, revision])
        for outlet in outlets.values():
            outlet.publish(days[-1])
        catalog = Catalog.open(one_go)
        now = dt.datetime.combine(days[-1], dt.time(3), dt.UTC)
        for place in chosen(one_go):
            assert not Fetching(catalog, None, place, now, sleep=lambda seconds: None).run().faults
        expected = standing(catalog)
        catalog.close()
    catalog = Catalog.open(settings)
    found = standing(catalog)
    assert found.keys() == expected.keys()
    assert {name for name in found if found[name] != expected[name]} == set()
    for trouble in troubles:
        assert story.days_told(trouble.source) == [day for day in days if trouble.on(day)]
    poisoned = outlets[POISONED.source].truth[POISONED.key][POISONED.ds]
    (stood,) = story.stood[POISONED.source, POISONED.key, POISONED.ds]
    assert stood == pytest.approx(poisoned), "the misprint never counted"
    held = catalog.quarantine.values("price.copper", settled=True)
    assert [(one.held.observation.ds, one.outcome) for one in held] == [(POISONED.ds, "superseded")]
    before = {one.ds: one.value for one in catalog.observations("price.cobalt", revision.until - dt.timedelta(days=1))}
    assert before[ds] == pytest.approx(1.02 * final), "what was known before stays known"
    assert not any(state.fault for state in catalog.fetches.states().values())
    catalog.close()


def test_months_of_publications_end_where_one_fetch_would_have(settings: Settings) -> None:
    days = [
        dt.date(2026, 9, 1) + dt.timedelta(days=k) for k in (0, 7, 14, 15, 16, 17, 28, 29, 30, 45, 60, 64, 66, 70, 88)
    ]
    scenes(settings, ("worldbank", "imf", "usgs"), days, TODAY)


@pytest.mark.storm
def test_a_year_of_publications_ends_where_one_fetch_would_have(settings: Settings) -> None:
    start = dt.date(2026, 6, 1)
    days = [start + dt.timedelta(days=k) for k in range(365) if k < 42 or k % 7 == 0]
    scenes(settings, tuple(feeds.of_observations()), days, days[-1])
