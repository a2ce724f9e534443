"""What was known of a series on a day: the run's name is a pure function of it, and of the settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from forecast.catalog import Catalog, Observation
from forecast.effects import EffectRecord, episodes
from forecast.effects.controls import controls_for
from forecast.effects.estimate import ModelAveraging, estimate
from forecast.names import Slug, stored_flow
from forecast.seeds import seed_of
from forecast.settings import Settings
from forecast.training.information import RealTimeData
from forecast.training.panel import PanelSet

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
    return RealTimeData(catalog, settings, series_id, PanelSet.of(catalog, as_of)).run_id()


def test_a_run_is_named_by_its_last_period_and_its_inputs(bundled: Catalog) -> None:
    real_time = RealTimeData(bundled, SETTINGS, COPPER, PanelSet.of(bundled, TODAY))
    assert real_time.run_id().startswith("2026-06-01-")
    assert real_time.run_id() == name(bundled)
    assert real_time.run_id(("grid", "ets")) == real_time.run_id(["grid", "ets"])
    different = [real_time.run_id(("grid",)), name(bundled, "price.tin")]
    different += [
        name(bundled, settings=SETTINGS.model_copy(update={what: 7})) for what in ("draws", "horizon", "seed")
    ]
    assert len({real_time.run_id(), *different}) == 6
    assert (
        name(bundled, settings=SETTINGS.model_copy(update={"port": 9, "workers": 5, "jobs": 1})) == real_time.run_id()
    )


def test_a_run_is_named_alike_by_another_process(bundled: Catalog, seeded: Path) -> None:
    script = f"""import datetime as dt
from forecast.catalog import Catalog
from forecast.seeds import seed_of
from forecast.settings import Settings
from forecast.training.information import RealTimeData
from forecast.training.panel import PanelSet
catalog = Catalog.open(Settings.from_env({{"ORECAST_DATABASE_URL": "sqlite:///{seeded}"}}))
company = PanelSet.of(catalog, dt.date(2026, 7, 15))
print(RealTimeData(catalog, Settings.from_env({{}}), "{COPPER}", company).run_id())"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == name(bundled)


def test_news_of_the_series_its_events_and_its_peers_change_the_name(catalog: Catalog) -> None:
    last = catalog.observations(COPPER)[-1]
    now, later = datetime(2026, 7, 16, 9, tzinfo=UTC), date(2026, 7, 16)
    before, the_day_before = name(catalog, as_of=later), name(catalog, as_of=TODAY)
    catalog.add(observations=[replace(last, value=last.value * 1.01, known=now, assumed=False)], known_at=now)
    revised = name(catalog, as_of=later)
    assert revised != before
    assert name(catalog, as_of=TODAY) == the_day_before != revised, "it was not known the day before"

    gold = catalog.observations("price.gold")[-1]
    catalog.add(observations=[replace(gold, value=gold.value * 1.01, known=now, assumed=False)], known_at=now)
    peered = name(catalog, as_of=later)
    assert peered != revised, "peers teach how wide intervals are"

    touching = next(e for e in catalog.events().values() if "copper" in e.minerals and e.announced)
    catalog.add(events=[replace(touching, title="Another title")], known_at=now)
    assert name(catalog, as_of=later) == peered, "words change no number"
    catalog.add(events=[replace(touching, announced=date(2025, 1, 2))], known_at=now)
    assert name(catalog, as_of=later) != peered


def test_each_series_has_a_seed_of_its_own_that_follows_the_setting(bundled: Catalog) -> None:
    panel_set = PanelSet.of(bundled, TODAY)

    def seed(series_id: str = COPPER, **settings: int) -> int:
        return RealTimeData(bundled, SETTINGS.model_copy(update=settings), series_id, panel_set).seed

    assert seed() == seed(port=9)
    assert len({seed(), seed(EARTHS), seed(seed=1)}) == 3


def test_futures_are_those_that_touch_the_series(bundled: Catalog) -> None:
    panel_set = PanelSet.of(bundled, TODAY)
    earths = {branch.event_id for branch in RealTimeData(bundled, SETTINGS, EARTHS, panel_set).branches}
    lead = {branch.event_id for branch in RealTimeData(bundled, SETTINGS, "price.lead", panel_set).branches}
    assert "cn-suspension-no70-2025" in earths
    assert "cn-suspension-no70-2025" not in lead


def test_now_is_what_is_known_at_the_end_of_the_day(bundled: Catalog) -> None:
    real_time = RealTimeData(bundled, SETTINGS, EARTHS, PanelSet.of(bundled, TODAY))
    information = real_time.now(250)
    assert information.cutoff == real_time.history.last
    assert information.record.n == 250
    assert information.statistics is not None
    assert information.ahead(6).shape == (250, 6)
    assert all(effect.placebo_rank is None for effect in information.record.effects), (
        "few of its months are free of events"
    )
    copper = RealTimeData(bundled, SETTINGS, COPPER, PanelSet.of(bundled, TODAY))
    assert any(effect.placebo_rank is not None for effect in copper.now(250).record.effects)
    tested = copper.information(copper.history.last).record.effects
    assert all(effect.placebo_rank is None for effect in tested), "they take time"
    before = RealTimeData(bundled, SETTINGS, EARTHS, PanelSet.of(bundled, date(2025, 4, 3)))
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
    real_time = RealTimeData(catalog, SETTINGS, "price.late", PanelSet(TODAY, {}))
    assert real_time.information(np.datetime64("2025-06-01")).cutoff == np.datetime64("2025-05-01")


# -- to the end of the day ---------------------------------------------------------------------------------------------

LATE = [  # of April 2025, which ends on the 30th; the lag is ten days
    (datetime(2025, 5, 10, 23, 59, 59, 999999, tzinfo=UTC), "2025-04-01"),
    (datetime(2025, 5, 11, tzinfo=UTC), "2025-03-01"),
]


@pytest.fixture
def lagged(catalog: Catalog) -> Catalog:
    """``price.lagged``: out ten days after its period; ``price.other``, by which it is compared."""
    series = replace(catalog.get(COPPER), series_id="price.lagged", release_lag_days=10, spot="")
    months = series.calendar.range("2023-01-01", 30).tolist()
    known = [series.calendar.end(np.datetime64(day)).item() + timedelta(days=10) for day in months]
    seen = [
        Observation("price.lagged", day, 100.0 + i, "reported", datetime(at.year, at.month, at.day, 12, tzinfo=UTC))
        for i, (day, at) in enumerate(zip(months, known, strict=True))
    ]
    catalog.add(series=[series], observations=seen, known_at=datetime(2025, 9, 2, tzinfo=UTC))
    return catalog


def lagged_past(catalog: Catalog, as_of: date = TODAY) -> RealTimeData:
    return RealTimeData(catalog, SETTINGS, "price.lagged", PanelSet(as_of, {}))


@pytest.mark.parametrize(("moment", "last"), LATE)
def test_a_period_is_seen_by_the_end_of_the_day_of_its_release_lag(
    lagged: Catalog, moment: datetime, last: str
) -> None:
    april = replace(lagged.observations("price.lagged")[27], value=500.0, known=moment)
    lagged.add(
        series=[replace(lagged.get("price.lagged"), series_id="price.late")],
        observations=[
            replace(april if one.ds == april.ds else one, series_id="price.late")
            for one in lagged.observations("price.lagged")
        ],
        known_at=datetime(2025, 9, 2, tzinfo=UTC),
    )
    real_time = RealTimeData(lagged, SETTINGS, "price.late", PanelSet(TODAY, {}))
    information = real_time.information(np.datetime64("2025-04-01"))
    assert information.cutoff == np.datetime64(last)
    assert information.record.n == 500


def test_nothing_is_seen_that_was_not_out_on_the_day_looked_from(lagged: Catalog) -> None:
    # out on the tenth of May
    for as_of, last in ((date(2025, 5, 9), "2025-03-01"), (date(2025, 5, 10), "2025-04-01")):
        assert lagged_past(lagged, as_of).information(np.datetime64("2025-04-01")).cutoff == np.datetime64(last)
        assert lagged_past(lagged, as_of).now(20).cutoff == np.datetime64(last)


def test_a_view_ends_with_its_period_though_more_was_out(lagged: Catalog) -> None:
    early = replace(lagged.get("price.lagged"), series_id="price.early", release_lag_days=70)
    seen = [replace(one, series_id="price.early") for one in lagged.observations("price.lagged")]
    lagged.add(series=[early], observations=seen, known_at=datetime(2025, 9, 2, tzinfo=UTC))
    real_time = RealTimeData(lagged, SETTINGS, "price.early", PanelSet(TODAY, {}))
    assert real_time.information(np.datetime64("2025-04-01")).cutoff == np.datetime64("2025-04-01")


def test_events_are_known_by_the_end_of_the_period_and_not_until_it_is_published(lagged: Catalog) -> None:
    template = next(e for e in lagged.events().values() if "copper" in e.minerals and e.kind == "export_ban")
    days = {"in-time": date(2025, 4, 30), "too-late": date(2025, 5, 1)}
    added = [
        replace(
            template, event_id=name, announced=day, effective=date(2024, 6, 3), ended=None, end_known=None,
            status="enacted", status_as_of=None, acts=(), flows=(stored_flow("WLD>WLD"),),
        )
        for name, day in days.items()
    ]  # fmt: skip
    lagged.add(events=added, known_at=datetime(2025, 9, 2, tzinfo=UTC))

    def heard_of(record: EffectRecord) -> frozenset[str]:
        return record.events | {event for left_out in record.omitted for event in left_out.events}

    real_time = lagged_past(lagged)
    assert set(days) & heard_of(real_time.information(np.datetime64("2025-04-01")).record) == {"in-time"}
    assert set(days) & heard_of(real_time.information(np.datetime64("2025-05-01")).record) == set(days)
    assert set(days) & heard_of(lagged_past(lagged, date(2025, 4, 30)).now(20).record) == {"in-time"}
    assert set(days) & heard_of(lagged_past(lagged, date(2025, 5, 1)).now(20).record) == set(days)


def test_a_view_is_the_estimate_from_what_was_known_of_all_of_them(lagged: Catalog) -> None:
    cutoff, end, published = np.datetime64("2025-04-01"), date(2025, 4, 30), date(2025, 5, 10)
    template = next(e for e in lagged.events().values() if "copper" in e.minerals and e.kind == "export_ban")
    # what is heard of later would silence every comparison
    unheard = replace(
        template, event_id="unheard", announced=date(2025, 5, 1), effective=date(2024, 6, 3), ended=None,
        end_known=None, status="enacted", status_as_of=None, acts=(),
        minerals=tuple(map(Slug, lagged.minerals().parents)), flows=(stored_flow("WLD>WLD"),),
    )  # fmt: skip
    lagged.add(events=[unheard], known_at=datetime(2025, 9, 2, tzinfo=UTC))
    panel_set = PanelSet.of(lagged, TODAY)
    real_time = RealTimeData(lagged, SETTINGS, "price.lagged", panel_set)
    information, panel = real_time.information(cutoff), panel_set.like(real_time.series)
    assert panel is not None
    events, minerals, sample = lagged.events(end), lagged.minerals(), information.sample
    found, _ = episodes(events, real_time.series, minerals, sample.ds, known_on=end)
    controls = controls_for(real_time.series, sample, lagged.histories(panel.histories, published), minerals, events)
    assert controls is not None
    quick = ModelAveraging(placebo=False)
    expected = estimate(
        sample, found, controls=controls, n=500, seed=seed_of(real_time.seed, "effects"), settings=quick
    )
    assert expected.events
    np.testing.assert_array_equal(information.record.to_arrays()["size"], expected.to_arrays()["size"])
    assert [effect.placebo_rank for effect in information.record.effects] == [None] * len(found)
    assert information.statistics is not None
    np.testing.assert_array_equal(
        information.statistics.calibration.z, panel.statistics("price.lagged", cutoff).calibration.z
    )
