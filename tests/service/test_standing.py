"""How the service stands, as /readyz tells it in words and /metrics in numbers."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from forecast.catalog import Observation
from forecast.catalog.fetches import FetchState
from forecast.catalog.quarantine import Held, Reason
from forecast.registry.champion_line import LINE
from forecast.registry.faults import FaultKind
from forecast.registry.store import CLASSES_FILE
from service import create_app
from tests.service.conftest import Fresh, get
from tests.support.trained_home import COPPER, EARTHS, NICKEL, NOW, TRAINED, add_run, clock, settings_in

HOUR = dt.timedelta(hours=1)


def scraped(client: FlaskClient) -> dict[tuple[str, ...], float]:
    """The samples of a scrape by name and values of labels."""
    text = client.get("/metrics").get_data(as_text=True)
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def test_a_sound_home_serves_all_and_has_no_fault(client: FlaskClient) -> None:
    found = scraped(client)
    assert found[("orecast_ready",)] == 1
    assert found[("orecast_series_serving",)] == len(TRAINED)
    assert found[("orecast_catalogue_away",)] == found[("orecast_held_values",)] == 0
    assert {name[1]: value for name, value in found.items() if name[0] == "orecast_faults"} == dict.fromkeys(
        FaultKind, 0
    )
    assert found[("orecast_disk_size_bytes", "models")] > found[("orecast_disk_free_bytes", "models")] > 0


def test_every_fault_has_its_kind_in_words_and_in_numbers(fresh: Fresh) -> None:
    client, catalog, registry = fresh
    (registry.root / COPPER / LINE).unlink()
    (registry.root / NICKEL / "2026-06-01-a" / "notes.txt").write_text("mine")
    add_run(registry, catalog, EARTHS, name="b")
    run = registry.champion_id(EARTHS)
    (registry.root / EARTHS / str(run) / "draws.npy").write_bytes(b"")
    (registry.root / CLASSES_FILE).write_text("{")
    told = get(client, "/readyz?verbose=true")
    by_kind = dict(zip(told["kinds"], told["faults"], strict=True))
    assert by_kind.keys() == {"champion-line", "unlisted-file", "run", "event-classes"}
    assert COPPER in by_kind["champion-line"]
    assert "notes.txt" in by_kind["unlisted-file"]
    assert EARTHS in by_kind["run"]
    assert CLASSES_FILE in by_kind["event-classes"]
    found = scraped(client)
    assert {kind for kind in FaultKind if found[("orecast_faults", kind)]} == by_kind.keys()


def test_a_run_that_knows_more_than_today_is_silent(home: Path) -> None:
    early = create_app(settings_in(home), clock=lambda: NOW - dt.timedelta(days=60)).test_client()
    assert scraped(early)[("orecast_faults", "silent")] == len(TRAINED)
    assert scraped(early)[("orecast_ready",)] == 0


def test_nothing_trained_is_not_ready(tmp_path: Path) -> None:
    found = scraped(create_app(settings_in(tmp_path), clock=clock).test_client())
    assert (found[("orecast_ready",)], found[("orecast_series_serving",)]) == (0, 0)


def test_a_database_that_is_away_is_counted_and_the_rest_is_as_it_was_known(fresh: Fresh) -> None:
    client, catalog, registry = fresh
    catalog.job_ends.record("retrain", NOW)
    assert ("orecast_job_end_timestamp_seconds", "retrain") in scraped(client)
    database = registry.root.parent / "var"
    catalog.close()
    shutil.move(database, database.with_name("elsewhere"))
    found = scraped(client)
    assert (found[("orecast_catalogue_away",)], found[("orecast_faults", "catalogue")]) == (1, 1)
    assert found[("orecast_series_serving",)] == len(TRAINED)
    assert ("orecast_job_end_timestamp_seconds", "retrain") not in found, "nobody knows it now"


def test_sources_jobs_and_held_values_are_numbers_too(fresh: Fresh) -> None:
    client, catalog, _ = fresh
    catalog.fetches.record(FetchState("comtrade", NOW, NOW - 3 * HOUR, "status 503", NOW - 2 * HOUR))
    catalog.fetches.record(FetchState("worldbank", NOW, NOW))
    catalog.job_ends.record("retrain", NOW - HOUR)
    catalog.job_ends.record("retrain", NOW, failed=2)
    catalog.job_ends.record("update", NOW, fault="the disk is full")
    value = Observation(COPPER, dt.date(2026, 7, 1), 13.0, "reported", NOW)
    catalog.add(held=[Held(value, Reason.SLIP, "it is a thousandth")], known_at=NOW)
    found = scraped(client)
    assert found[("orecast_source_failing_since_timestamp_seconds", "comtrade")] == (NOW - 2 * HOUR).timestamp()
    assert ("orecast_source_failing_since_timestamp_seconds", "worldbank") not in found
    assert found[("orecast_source_tried_timestamp_seconds", "worldbank")] == NOW.timestamp()
    assert found[("orecast_job_end_timestamp_seconds", "retrain")] == NOW.timestamp()
    assert found[("orecast_job_success_timestamp_seconds", "retrain")] == (NOW - HOUR).timestamp()
    assert (found[("orecast_job_failures", "retrain")], found[("orecast_job_failures", "update")]) == (2, 1)
    assert ("orecast_job_success_timestamp_seconds", "update") not in found, "it never did"
    assert found[("orecast_held_values",)] == 1
