"""Whole tables over HTTP: finished before the first byte, the same rows as everywhere, and told how many they are."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import math
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from forecast.export.datasets import found
from service import create_app
from tests.service.conftest import Fresh, get
from tests.support.documents import Json
from tests.support.trained_home import COPPER, EARTHS, NICKEL, TRAINED, add_run, clock, settings_in

TABLES = ("forecasts", "observations", "effects", "events", "backtests")


def export(client: FlaskClient, table: str, query: str = "") -> TestResponse:
    response = client.get(f"/v1/export/{table}.csv?{query}")
    assert response.status_code == 200, response.get_data(as_text=True)
    return response


def rows(response: TestResponse) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("table", TABLES)
def test_an_export_says_its_rows_and_its_digest_and_is_not_sent_twice(client: FlaskClient, table: str) -> None:
    response = export(client, table)
    found = rows(response)
    assert found
    assert response.headers["X-Row-Count"] == str(len(found))
    assert response.headers["X-SHA256"] == hashlib.sha256(response.data).hexdigest()
    assert response.headers["Content-Disposition"] == f'attachment; filename="{table}.csv"'
    assert response.mimetype == "text/csv"
    again = client.get(f"/v1/export/{table}.csv", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    ("table", "alone"),
    [
        ("forecasts", "/v1/forecasts/{}?format=csv"),
        ("observations", "/v1/series/{}/observations?format=csv"),
        ("effects", "/v1/series/{}/effects?format=csv"),
        ("backtests", "/v1/series/{}/backtest?detail=path&format=csv"),
    ],
)
def test_an_export_has_the_bytes_of_the_series_below_each_other(client: FlaskClient, table: str, alone: str) -> None:
    header = b""
    lines = []
    for series_id in (NICKEL, COPPER):
        header, _, data = client.get(alone.format(series_id)).data.partition(b"\r\n")
        lines.append(data)
    assert export(client, table, f"series_id={NICKEL},{COPPER}").data == header + b"\r\n" + b"".join(lines)


def test_events_are_those_of_the_list(client: FlaskClient) -> None:
    query = "mineral=copper&as_of=2026-01-31"
    assert export(client, "events", query).data == client.get(f"/v1/events?format=csv&{query}").data


def test_past_forecasts_come_with_what_came(client: FlaskClient) -> None:
    found = rows(export(client, "backtests", f"series_id={COPPER}&level=50"))
    assert list(found[0]) == ["series_id", "cutoff", "ds", "h", "y", "yhat", "lo-50", "hi-50", "unit", "family", "run"]
    assert [(row["cutoff"], row["ds"], row["h"]) for row in found] == [
        *(("2026-01-01", f"2026-0{h + 1}-01", str(h)) for h in (1, 2, 3)),
        *(("2026-02-01", f"2026-0{h + 2}-01", str(h)) for h in (1, 2, 3)),
    ]
    seen = {row["ds"]: row["y"] for row in rows(export(client, "observations", f"series_id={COPPER}"))}
    assert [row["y"] for row in found] == [
        *(seen["2026-02-01"], seen["2026-03-01"], ""),
        *(seen["2026-03-01"], "", seen["2026-05-01"]),
    ]
    for row in found:
        assert math.isclose(float(row["yhat"]), float(seen[row["cutoff"]]), rel_tol=1e-5)
        assert float(row["lo-50"]) < float(row["yhat"]) < float(row["hi-50"])
        assert (row["unit"], row["family"], row["run"]) == ("USD/t", "random-walk", "2026-06-01-a")
    document = get(client, f"/v1/series/{COPPER}/backtest?detail=path&level=50")
    assert [str(point["lo-50"]) for point in document["data"]] == [row["lo-50"] for row in found]
    assert [point["y"] is None for point in document["data"]] == [row["y"] == "" for row in found]


def test_forecasts_follow_what_was_observed_if_so_asked(client: FlaskClient) -> None:
    found = rows(export(client, "forecasts", f"series_id={COPPER}&history=true"))
    seen = rows(export(client, "observations", f"series_id={COPPER}"))
    ahead = rows(export(client, "forecasts", f"series_id={COPPER}"))
    past, to_come = found[: len(seen)], found[len(seen) :]
    assert [(row["ds"], row["y"], row["yhat"], row["h"]) for row in past] == [
        (row["ds"], row["y"], "", "") for row in seen
    ]
    assert [row["yhat"] for row in to_come] == [row["yhat"] for row in ahead]
    assert {row["y"] for row in to_come} == {""}
    assert {row["unit"] for row in found} == {"USD/t"}


def test_a_wide_table_has_a_line_a_period_and_a_column_a_series(client: FlaskClient) -> None:
    long = rows(export(client, "observations", f"series_id={COPPER},{EARTHS}"))
    wide = rows(export(client, "observations", f"series_id={COPPER},{EARTHS}&shape=wide"))
    assert list(wide[0]) == ["freq", "ds", COPPER, EARTHS]
    assert [row["ds"] for row in wide] == sorted({row["ds"] for row in long})
    told = {(row["ds"], name): row[name] for row in wide for name in (COPPER, EARTHS) if row[name]}
    assert told == {(row["ds"], row["series_id"]): row["y"] for row in long}

    ahead = rows(export(client, "forecasts", f"series_id={COPPER},{NICKEL}&level=80&shape=wide"))
    assert list(ahead[0]) == ["freq", "ds", *(f"{n}_{v}" for n in (COPPER, NICKEL) for v in ("yhat", "lo-80", "hi-80"))]
    past = rows(export(client, "backtests", f"series_id={COPPER}&shape=wide"))
    assert list(past[0])[:6] == ["freq", "cutoff", "ds", "h", f"{COPPER}_y", f"{COPPER}_yhat"]
    effects = rows(export(client, "effects", f"series_id={EARTHS}&shape=wide"))
    assert f"{EARTHS}_average_median" in effects[0]


def test_a_wide_table_keeps_periods_of_different_lengths_apart(client: FlaskClient) -> None:
    yearly = next(row["series_id"] for row in get(client, "/v1/series")["data"] if row["freq"] == "Y")
    wide = rows(export(client, "observations", f"series_id={COPPER},{yearly}&shape=wide"))
    assert {row["freq"] for row in wide} == {"M", "Y"}
    assert not [row for row in wide if row["freq"] == "M" and row[yearly]]
    assert not [row for row in wide if row["freq"] == "Y" and row[COPPER]]


def test_a_byte_order_mark_comes_where_it_is_asked_for(client: FlaskClient) -> None:
    assert export(client, "events", "bom=true").data == b"\xef\xbb\xbf" + export(client, "events").data
    assert export(client, "events", "bom=true").headers["ETag"] != export(client, "events").headers["ETag"]


@pytest.mark.parametrize(
    ("query", "where", "expected"),
    [
        ("events.csv?shape=wide", "query.shape", "wide there are forecasts, observations"),
        ("forecasts.csv?shape=tall", "query.shape", "long (the default)"),
        ("forecasts.csv?format=json", "query.format", "csv"),
        ("backtests.csv?level=70", "query.level", "one of 95, 90, 80, 60, 50, 40, 20"),
        ("observations.csv?as_of=2099-01-01", "as_of", ""),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(
    client: FlaskClient, query: str, where: str, expected: str
) -> None:
    (error,) = get(client, f"/v1/export/{query}", 422)["errors"]
    assert where in error["where"]
    assert expected in error["expected"]


@pytest.mark.parametrize("table", ["forecasts", "observations", "effects", "backtests"])
def test_an_unknown_series_is_404_with_the_nearest(client: FlaskClient, table: str) -> None:
    body = get(client, f"/v1/export/{table}.csv?series_id=price.coper", 404)
    assert body["errors"][0]["expected"].startswith(COPPER)


def test_a_new_champion_is_exported_at_once(fresh: Fresh) -> None:
    client, catalog, registry = fresh
    before = {table: export(client, table) for table in TABLES}
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    for table in ("forecasts", "effects", "backtests"):
        after = export(client, table)
        assert after.headers["ETag"] != before[table].headers["ETag"]
        assert {row["run"] for row in rows(after) if row["series_id"] == COPPER} == {"2026-06-01-b"}
    for table in ("observations", "events"):
        assert export(client, table).data == before[table].data


def test_a_series_that_cannot_be_served_is_named_beside_the_others(fresh: Fresh) -> None:
    client, _, registry = fresh
    for folder in (registry.root / NICKEL).iterdir():
        if folder.is_dir():
            (folder / "draws.npy").write_bytes(b"")
    response = export(client, "forecasts")
    assert response.headers["X-Left-Out"] == NICKEL
    assert {row["series_id"] for row in rows(response)} == {*TRAINED} - {NICKEL}


@pytest.mark.parametrize(("table", "of"), [("forecasts", TRAINED), ("observations", ()), ("backtests", TRAINED)])
def test_an_export_is_of_the_series_that_the_filters_of_lists_choose(
    client: FlaskClient, table: str, of: tuple[str, ...]
) -> None:
    for query in ("mineral=copper&measure=price", "measure=volume&country=CHN"):
        listed = {each["series_id"] for each in get(client, f"/v1/series?{query}")["data"]}
        found = {row["series_id"] for row in rows(export(client, table, query))}
        assert found == (listed & {*of} if of else listed)
    none = export(client, table, f"series_id={COPPER}&measure=volume")
    assert (rows(none), none.headers["X-Row-Count"]) == ([], "0"), "and not all that there are"


def test_what_became_known_since_a_day_is_exported_as_it_is_listed(client: FlaskClient) -> None:
    listed = client.get(f"/v1/series/{COPPER}/observations?format=csv&since=2026-04-01")
    assert export(client, "observations", f"series_id={COPPER}&since=2026-04-01").data == listed.data
    assert 0 < len(rows(listed)) < len(rows(export(client, "observations", f"series_id={COPPER}")))
    changed = client.get("/v1/events?format=csv&since=2026-04-01")
    assert export(client, "events", "since=2026-04-01").data == changed.data
    assert 0 < len(rows(changed)) < len(rows(export(client, "events")))


def test_an_export_travels_packed_or_in_parts_as_tables_do_and_is_refused_to_who_takes_no_csv(
    client: FlaskClient,
) -> None:
    plain = export(client, "observations")
    packed = client.get("/v1/export/observations.csv", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["X-SHA256"] == plain.headers["X-SHA256"]
    part = client.get("/v1/export/observations.csv", headers={"Range": "bytes=0-99"})
    assert (part.status_code, part.data) == (206, plain.data[:100])
    for accept, status in (("application/json", 406), ("text/csv", 200), ("*/*", 200)):
        assert client.get("/v1/export/events.csv", headers={"Accept": accept}).status_code == status
    assert client.get("/v1/export/events.csv?format=csv", headers={"Accept": "application/json"}).status_code == 200


def test_a_page_is_nothing_that_an_export_has(client: FlaskClient) -> None:
    for table in ("observations", "events"):
        (error,) = get(client, f"/v1/export/{table}.csv?limit=10", 422)["errors"]
        assert error["where"] == "query.limit"


def test_an_export_that_is_kept_is_packed_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = create_app(settings_in(home), clock=clock).test_client()
    first = client.get("/v1/export/events.csv", headers={"Accept-Encoding": "gzip"})
    monkeypatch.setattr("service.content_coding.gzip.compress", None)
    again = client.get("/v1/export/events.csv", headers={"Accept-Encoding": "gzip"})
    assert first.headers["Content-Encoding"] == "gzip"
    assert (again.status_code, again.data, again.headers["ETag"]) == (200, first.data, first.headers["ETag"])


def test_an_export_in_the_making_of_which_another_run_began_to_serve_is_kept_by_nobody(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, catalog, registry = fresh
    path = f"/v1/export/forecasts.csv?series_id={COPPER}&h=3"
    before = client.get(path)
    second = add_run(registry, catalog, COPPER, level=1.5, name="b")

    def slow(*asked: Json) -> Json:
        registry.promote(COPPER, second)
        return found(*asked)

    monkeypatch.setattr("service.routes.exports.found", slow)
    other = f"/v1/export/forecasts.csv?series_id={COPPER}&h=4"
    mixed = client.get(other)
    monkeypatch.setattr("service.routes.exports.found", found)
    assert mixed.data.count(b"-b\r\n") == 5, "the new run had begun to serve"
    registry.rollback(COPPER)
    assert client.get(path).data == before.data
    again = client.get(other, headers={"If-None-Match": mixed.headers["ETag"]})
    assert (again.status_code, again.data.count(b"-b\r\n")) == (200, 0)
