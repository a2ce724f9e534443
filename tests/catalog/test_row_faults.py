"""A row of the database that cannot be what was written is told, and everything else is served as ever."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from forecast.catalog import Catalog
from forecast.cli import call
from service import create_app
from tests.support.trained_home import COPPER, EARTHS, clock, make_home, settings_in

EVENT = "cn-7ree-licence-2025"
COPPER_ROW = f"series_id = '{COPPER}'"
#: What spoils a cell: its table, the row, its column, and the text; then what is asked for it.
SPOILED = [
    ("events", f"event_id = '{EVENT}'", "kind", "lizence", f"/v1/events/{EVENT}", "one of"),
    ("events", f"event_id = '{EVENT}'", "acts", "suspends", f"/v1/events/{EVENT}", "acts joined by semicolons"),
    ("events", f"event_id = '{EVENT}'", "announced", "soon", f"/v1/events/{EVENT}", "a day"),
    ("events", f"event_id = '{EVENT}'", "value_after", "much", f"/v1/events/{EVENT}", "a finite number"),
    ("event_changes", f"event_id = '{EVENT}'", "facts", "{", f"/v1/events/{EVENT}", "a JSON object"),
    ("event_changes", f"event_id = '{EVENT}'", "facts", '{"kind": "x"}', f"/v1/events/{EVENT}", "a JSON object"),
    ("event_changes", f"event_id = '{EVENT}'", "facts", "[" * 50_000, f"/v1/events/{EVENT}", "a JSON object"),
    ("event_changes", f"event_id = '{EVENT}'", "action", "bend", f"/v1/events/{EVENT}", "amend"),
    ("series", "series_id = 'price.tin'", "freq", "fortnight", "/v1/series/price.tin", "a frequency"),
    ("series", "series_id = 'price.tin'", "release_lag_days", "late", "/v1/series/price.tin", "a whole number"),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_home(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    run(
        tmp_path,
        "INSERT OR IGNORE INTO event_changes VALUES (?, ?, ?, 'amend', 'me', '', '{\"scope_note\": \"x\"}')",
        (EVENT, "2026-07-01 00:00:00.000000", "2026-07-01 00:00:00.000000"),
    )
    return tmp_path


def run(home: Path, statement: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(home / "var" / "orecast.db")) as database, database:
        database.execute(statement, values)


def client(home: Path) -> FlaskClient:
    return create_app(settings_in(home), clock=clock).test_client()


@pytest.mark.parametrize(("table", "row", "column", "text", "path", "expected"), SPOILED)
def test_a_spoiled_row_is_told_and_takes_nothing_else_with_it(
    home: Path, table: str, row: str, column: str, text: str, path: str, expected: str
) -> None:
    run(home, f"UPDATE {table} SET {column} = ? WHERE {row}", (text,))
    asked = client(home)
    refused = asked.get(path)
    assert refused.status_code == 503
    assert refused.get_json()["type"].endswith("corrupt-artifact")
    assert "Retry-After" not in refused.headers, "it does not mend itself"
    for part in (f"{table}/", column, expected):
        assert part in refused.get_json()["detail"]
    for served in (f"/v1/forecasts/{COPPER}", f"/v1/forecasts/{EARTHS}", "/v1/events", "/v1/series", "/v1/runs"):
        assert asked.get(served).status_code == 200
    ready = asked.get("/readyz?verbose=true").get_json()
    assert ready["status"] == "degraded"
    (told,) = [fault for fault in ready["faults"] if "corrupt row" in fault]
    assert f"{table}/" in told
    assert expected in told


def test_the_command_line_names_it_and_goes_on(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(home, f"UPDATE event_changes SET facts = '{{' WHERE event_id = '{EVENT}'")
    assert call(["forecast", COPPER, "--as-of", "2026-07-15"]) == 0
    capsys.readouterr()
    assert call(["monitor"]) == 1
    assert f"corrupt row event_changes/{EVENT}/" in capsys.readouterr().err


def test_a_value_that_is_no_number_is_left_out_of_its_series(home: Path) -> None:
    before = client(home).get(f"/v1/series/{COPPER}/observations").get_json()["data"]
    run(home, f"UPDATE observations SET value = 'much' WHERE {COPPER_ROW} AND ds = '2020-01-01'")
    run(home, f"UPDATE observations SET known = 'then' WHERE {COPPER_ROW} AND ds = '2020-02-01'")
    run(home, f"UPDATE observations SET flag = 'odd' WHERE {COPPER_ROW} AND ds = '2020-03-01'")
    asked = client(home)
    found = asked.get(f"/v1/series/{COPPER}/observations").get_json()["data"]
    months = ("2020-01-01", "2020-02-01", "2020-03-01")
    assert found == [one for one in before if one["ds"] not in months]
    assert asked.get(f"/v1/series/{COPPER}/effects").status_code == 200
    told = [fault for fault in asked.get("/readyz").get_json()["faults"] if f"observations/{COPPER}/" in fault]
    assert [next(month for month in months if month in fault) for fault in sorted(told)] == list(months)


def test_what_is_taken_in_anew_takes_the_place_of_a_spoiled_row(home: Path) -> None:
    with closing(Catalog.open(settings_in(home))) as catalog:
        event, series = catalog.events()[EVENT], catalog.get("price.tin")
    run(home, f"UPDATE events SET flows = 'x', kind = 'y' WHERE event_id = '{EVENT}'")
    run(home, "UPDATE series SET role = 'z' WHERE series_id = 'price.tin'")
    with closing(Catalog.open(settings_in(home))) as catalog:
        assert len(catalog.row_faults) == 2
        catalog.add(series=[series], events=[event], known_at=clock())
        assert not catalog.row_faults
        assert catalog.get("price.tin") == series
        assert catalog.events()[EVENT].kind == event.kind


def test_a_source_whose_state_is_spoiled_is_at_fault(home: Path) -> None:
    run(
        home,
        "INSERT INTO fetches VALUES ('comex', '2026-07-01 00:00:00.000000', NULL, '', NULL, ?, '')",
        (json.dumps([1]),),
    )
    (state,) = client(home).get("/readyz?verbose=true").get_json()["sources"]
    assert "fetches/comex" in state["fault"]


def test_an_entry_of_the_audit_that_is_spoiled_is_shown_as_it_stands(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(
        home,
        "INSERT INTO audit (moment, by, action, subject, before, after, why) VALUES "
        "('2026-07-01 00:00:00.000000', 'me', 'runs.promote', 'price.tin', '{', '', '')",
    )
    capsys.readouterr()
    assert call(["audit", "--format", "json"]) == 0
    assert "unreadable: {" in capsys.readouterr().out
