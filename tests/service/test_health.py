"""When the service says that it is ready, and what it says is at fault."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from forecast.catalog.fetches import FetchState
from service import create_app
from service import ready as ready_answers
from tests.service.conftest import JSON_FORECAST, Fresh, get
from tests.support.trained_home import COPPER, NOW, TRAINED, add_run, clock, settings_in


def test_ready_when_something_serves(client: FlaskClient) -> None:
    assert get(client, "/healthz") == {"status": "ok"}
    assert get(client, "/readyz") == {"status": "ready", "serving": len(TRAINED), "faults": [], "held": []}


def test_a_source_that_is_down_is_told_who_asks_for_it_and_takes_nothing_from_being_ready(fresh: Fresh) -> None:
    client, catalog, _ = fresh
    assert get(client, "/readyz?verbose=true")["sources"] == []
    day = dt.timedelta(days=1)
    catalog.fetches.record(FetchState("comtrade", NOW, NOW - 3 * day, "status 503; 4 attempts", NOW - 2 * day))
    catalog.fetches.record(FetchState("worldbank", NOW, NOW, counts={"series": 2, "added": 5}))
    plain = get(client, "/readyz")
    assert plain == {"status": "ready", "serving": len(TRAINED), "faults": [], "held": []}
    assert get(client, "/readyz?verbose=false") == plain
    told = get(client, "/readyz?verbose=true")
    down, well = told.pop("sources")
    assert told == {**plain, "kinds": []}
    assert (down["source"], down["fault"]) == ("comtrade", "status 503; 4 attempts")
    assert [down[name][:10] for name in ("tried", "succeeded", "fault_since")] == [
        "2026-07-15",
        "2026-07-12",
        "2026-07-13",
    ]
    assert (well["fault"], well["fault_since"], well["added"]) == (None, None, 5)
    assert "true" in get(client, "/readyz?verbose=yes", 422)["errors"][0]["expected"]


def test_not_ready_when_nothing_is_trained(tmp_path: Path) -> None:
    client = create_app(settings_in(tmp_path), clock=clock).test_client()
    body = get(client, "/readyz", 503)
    assert body["type"] == "urn:orecast:problem:not-ready"
    assert "orecast train" in body["detail"]
    assert get(client, "/healthz") == {"status": "ok"}


def test_a_corrupt_champion_leaves_the_last_good_run_serving_and_is_told(
    fresh: Fresh,
) -> None:
    client, catalog, registry = fresh
    before = get(client, JSON_FORECAST)
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    draws = registry.root / COPPER / "2026-06-01-b" / "draws.npy"
    draws.write_bytes(draws.read_bytes()[:-8] + bytes(8))
    assert get(client, JSON_FORECAST) == before
    ready = get(client, "/readyz")
    assert (ready["status"], ready["serving"]) == ("degraded", len(TRAINED))
    assert COPPER in ready["faults"][0]
    assert "corrupt artifact price.copper/2026-06-01-b/draws.npy" in ready["faults"][0], "and not where that is"


def test_a_declined_run_serves_last_of_all_and_is_told(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready_answers, "GIVEN_FOR", 0.0)  # files are written here behind the back of the registry
    client, catalog, registry = fresh
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    registry.rollback(COPPER)
    (registry.root / COPPER / "2026-06-01-a" / "draws.npy").write_bytes(b"")
    assert get(client, JSON_FORECAST)["run"] == "2026-06-01-b"
    ready = get(client, "/readyz")
    assert (ready["status"], ready["serving"]) == ("degraded", len(TRAINED))
    assert ready["faults"][0].endswith("; serving 2026-06-01-b, which was declined")
    add_run(registry, catalog, COPPER, level=3.0, name="0")
    assert get(client, JSON_FORECAST)["run"] == "2026-06-01-0", "older, never promoted, and not declined"


def test_without_any_good_run_the_reason_is_told_and_the_others_serve(
    fresh: Fresh,
) -> None:
    client, _, registry = fresh
    (registry.root / COPPER / "2026-06-01-a" / "card.json").write_text("{")
    body = get(client, JSON_FORECAST, 503)
    assert "corrupt artifact price.copper/2026-06-01-a/card.json" in body["detail"]
    assert get(client, "/readyz")["serving"] == len(TRAINED) - 1
