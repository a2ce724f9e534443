"""Writes over a socket, on SQLite and on PostgreSQL: all of it or nothing, and once however often it comes."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, update

from forecast.catalog import Catalog
from forecast.catalog.audit import AuditQuestion
from forecast.catalog.idempotency import CLAIM_HOLDS, KeyedRequest
from forecast.catalog.keys import KeyOrder
from forecast.catalog.schema import IDEMPOTENCY
from forecast.registry import Registry
from forecast.settings import Scope, Settings
from service import security
from service.writes import request_digest
from tests.conftest import postgres_database
from tests.support.documents import Json
from tests.support.server import Server, serving
from tests.support.trained_home import COPPER, add_run, make_home, settings_in

OBSERVATIONS, EVENTS, JOBS = "/v1/observations", "/v1/events", "/v1/jobs"
EVENT = {
    "event_id": "us-duty-2026",
    "title": "US duty on copper",
    "kind": "tariff",
    "actor": "USA",
    "announced": "2026-07-10",
    "effective": "2026-12-01",
    "minerals": ["copper"],
    "flows": [["CHL", "USA"]],
    "value_after": 25,
    "value_unit": "%",
    "sources": ["https://example.org/notice"],
}


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Json:
        return json.loads(self.body)

    @property
    def places(self) -> list[str]:
        return [error["where"] for error in self.json["errors"]]


@dataclass(frozen=True)
class Client:
    """Who writes to a server, with keys of each kind; ``settings``: of the home that it serves."""

    server: Server
    settings: Settings
    tokens: Mapping[str, str]

    def send(self, method: str, path: str, body: object = None, scope: str = "write", **headers: str) -> Answered:
        """``headers``: with underscores for dashes; ``body``: JSON, or bytes as they are."""
        connection = http.client.HTTPConnection(self.server.url.removeprefix("http://"), timeout=60)
        given = {"Content-Type": "application/json", "Authorization": f"Bearer {self.tokens.get(scope, '')}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in given.items() if value != "Bearer "}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection.request(method, path, body=data, headers=given)
        response = connection.getresponse()
        found = Answered(response.status, response.headers, response.read())
        connection.close()
        return found

    def post(self, path: str, body: object = None, scope: str = "write", **headers: str) -> Answered:
        return self.send("POST", path, body, scope, **headers)

    def observations(self, *rows: tuple[str, str, object], **headers: str) -> Answered:
        told = [{"series_id": series_id, "ds": ds, "value": value} for series_id, ds, value in rows]
        return self.post(OBSERVATIONS, {"observations": told}, **headers)

    def values(self, ds: str) -> list[float]:
        """The values of copper for a period, as they are served."""
        found = self.send("GET", f"/v1/series/{COPPER}/observations?start={ds}&end={ds}", scope="read").json
        return [row["y"] for row in found["data"]]


@pytest.fixture(params=["sqlite", "postgresql"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    make_home(tmp_path)
    changed = {}
    if request.param == "postgresql":
        changed["ORECAST_DATABASE_URL"] = postgres_database(request.getfixturevalue("postgres_server"))
    settings = settings_in(tmp_path, **{name[8:].lower(): value for name, value in changed.items()})
    catalog = Catalog.open(settings)
    now = dt.datetime.now(dt.UTC)
    tokens = {scope.value: catalog.keys.create(KeyOrder(scope, [scope]), now)[1] for scope in Scope}
    tokens["other"] = catalog.keys.create(KeyOrder("other", [Scope.WRITE]), now)[1]
    catalog.close()
    with serving(tmp_path, **changed) as server:
        yield Client(server, settings, tokens)


@pytest.fixture
def catalog(client: Client) -> Iterator[Catalog]:
    """The catalogue that is served, as another process has it."""
    catalog = Catalog.open(client.settings)
    yield catalog
    catalog.close()


# -- observations ------------------------------------------------------------------------------------------------------


def test_values_count_at_once_and_the_forecast_says_that_they_are_newer_than_its_run(client: Client) -> None:
    before = client.send("GET", f"/v1/forecasts/{COPPER}", scope="read")
    assert client.observations((COPPER, "2026-07-01", 13_600.0), (COPPER, "2026-08", 13_650.5)).json | {
        "written_at": ""
    } == {
        "written_at": "",
        "observations": 2,
        "revised": 0,
        "described_series": 0,
        "unchanged": 0,
        "held_values": 0,
        "remarks": [],
    }
    assert client.values("2026-08-01") == [13_650.5]
    after = client.send("GET", f"/v1/forecasts/{COPPER}", scope="read")
    assert after.headers["ETag"] != before.headers["ETag"]
    assert after.json["data_to"] == "2026-06-01", "the run is the one from before"
    unseen = "values up to August 2026 are there, which the run has not seen: training is due (orecast retrain --due)"
    assert unseen in after.json["notes"]


def test_a_table_is_taken_in_as_a_file_is(client: Client) -> None:
    table = b"series_id,period,value\r\nprice.copper,2026-07,13600\r\nprice.copper,2026-08,13650.5\r\n"
    assert client.post(OBSERVATIONS, table, Content_Type="text/csv").json["observations"] == 2
    again = client.post(OBSERVATIONS, table, Content_Type="text/csv; charset=utf-8").json
    assert (again["observations"], again["unchanged"]) == (0, 2)
    wrong = client.post(OBSERVATIONS, table + b"price.coper,2026-09,1\r\n,,\r\n", Content_Type="text/csv")
    assert (wrong.status, wrong.places) == (422, ["body.line.4.series_id"])


def test_a_table_may_be_larger_than_other_bodies(client: Client) -> None:
    head = b"series_id,ds,value\n" + f"{COPPER},2026-07,13600\n".encode()
    table = head + b"\n" * (security.MAX_DELIVERY - len(head))
    assert client.post(OBSERVATIONS, table, Content_Type="text/csv").json["observations"] == 1
    assert client.post(OBSERVATIONS, table + b"\n", Content_Type="text/csv").status == 413
    assert client.post(EVENTS, table).status == 413


def test_a_series_of_ones_own_comes_with_its_values(client: Client) -> None:
    series = {"series_id": "price.mine", "measure": "price", "unit": "USD/t", "freq": "M", "mineral": "copper"}
    values = [{"series_id": "price.mine", "ds": "2026-05-01", "value": 3.5, "known_at": "2026-06-02", "unit": "USD/t"}]
    made = client.post(OBSERVATIONS, {"observations": values, "series": [series]})
    assert (made.status, made.json["described_series"], made.json["observations"]) == (200, 1, 1)
    assert client.send("GET", "/v1/series/price.mine", scope="read").json["unit"] == "USD/t"
    (row,) = client.send("GET", "/v1/series/price.mine/observations", scope="read").json["data"]
    assert (row["y"], row["known_at"], row["assumed"]) == (3.5, "2026-06-02", False)
    wrong = client.post(OBSERVATIONS, {"observations": values, "series": [series | {"freq": "Mx", "flow": "out"}]})
    assert (wrong.status, sorted(wrong.places)) == (422, ["body.series.0.flow", "body.series.0.freq"])


def test_every_fault_is_told_in_the_words_of_ingest_with_its_place_and_nothing_is_written(
    client: Client, catalog: Catalog
) -> None:
    edition = catalog.edition()
    told = client.observations(
        (COPPER, "2026-07-01", 13_600.0),
        ("price.coper", "2026-07-01", 1),
        (COPPER, "2026-08-01", -1),
        (COPPER, "2026-13-01", None),
        (COPPER, "2026-07", 13_601),
    )
    assert told.status == 422
    assert told.places == [
        "body.observations.1.series_id",
        "body.observations.2.value",
        "body.observations.3.ds",
        "body.observations.3.value",
        "body.observations.4.ds",
    ]
    expected = [error["expected"] for error in told.json["errors"]]
    assert expected[0].startswith("a known series; nearest: price.copper")
    assert expected[1].startswith("a number, zero or more")
    assert expected[4] == "each period once; 2026-07-01 is on row 0 already"
    assert client.values("2026-07-01") == []
    assert catalog.edition() == edition
    many = client.observations(*((COPPER, "2026-07-01", "x") for _ in range(200)))
    assert len(many.places) == 51, "fifty, and how many more"


def test_a_slip_is_held_as_ingest_holds_it(client: Client) -> None:
    held = client.observations((COPPER, "2026-07-01", 13.6)).json
    assert (held["observations"], held["held_values"]) == (0, 1)
    assert "is held and does not count" in held["remarks"][0]
    assert client.values("2026-07-01") == []


@pytest.mark.parametrize(
    ("body", "kind", "status", "where"),
    [
        (b"[]", "application/json", 422, "body"),
        (b"{", "application/json", 400, "body"),
        (b'{"observations": NaN}', "application/json", 400, "body"),
        (b'{"observations": [], "observations": []}', "application/json", 422, "body"),
        (b'{"observations": ' + b"[" * 5000, "application/json", 400, "body"),
        (b'{"observations": [{"value": ' + b"9" * 5000 + b"}]}", "application/json", 400, "body"),
        (b'{"observations": [{"series_id": "\\ud800"}]}', "application/json", 422, "body"),
        (b'{"observations": [{"series_id": "a\\u0000"}]}', "application/json", 422, "body"),
        (b"\xff{}", "application/json", 400, "body"),
        (b'{"observations": []}', "application/json", 422, "body.observations"),
        (b'{"observation": []}', "application/json", 422, "body.observation"),
        (b'{"observations": [1]}', "application/json", 422, "body.observations.0"),
        (b'{"observations": [{"series_id": "a", "ds": "b", "valeu": 1}]}', "application/json", 422, None),
        (b"", "text/csv", 422, None),
        (b"series_id,ds,value\n\xff,2026-07,1\n", "text/csv", 422, None),
        (b"PK\x03\x04", "text/csv", 422, None),
        (b"{}", "application/xml", 415, None),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_and_never_breaks_the_service(
    fresh_client: Callable[[bytes, str], Answered], body: bytes, kind: str, status: int, where: str | None
) -> None:
    answered = fresh_client(body, kind)
    assert answered.status == status, answered.body
    assert answered.headers["Content-Type"] == "application/problem+json"
    if where is not None:
        assert answered.places[0] == where


@pytest.fixture(scope="module")
def fresh_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bytes, str], Answered]]:
    """What a service that nothing is written to answers to a delivery."""
    home = tmp_path_factory.mktemp("home")
    settings = make_home(home)
    catalog = Catalog.open(settings)
    token = catalog.keys.create(KeyOrder("importer", [Scope.WRITE]), dt.datetime.now(dt.UTC))[1]
    catalog.close()
    with serving(home) as server:
        client = Client(server, settings, {"write": token})
        yield lambda body, kind: client.post(OBSERVATIONS, body, Content_Type=kind)


def test_a_delivery_may_be_larger_than_a_question_and_no_larger_than_is_said(client: Client) -> None:
    row = b"price.copper,2026-07,13600\n"
    large = b"series_id,period,value\n" + row * (4 * 1024 * 1024 // len(row) - 1)
    assert client.post(OBSERVATIONS, large, Content_Type="text/csv").status == 422, "it was read: a period comes twice"
    for path, most in ((OBSERVATIONS, 4194304), (EVENTS, 262144)):
        refused = client.post(path, None, Content_Length=str(most + 1))  # nobody waits for the rest of it
        assert (refused.status, refused.json["detail"]) == (413, f"The body is larger than {most} bytes.")


# -- events ------------------------------------------------------------------------------------------------------------


def test_an_event_shows_at_once_and_a_correction_is_a_version_of_it(client: Client, catalog: Catalog) -> None:
    made = client.post(EVENTS, EVENT)
    assert (made.status, made.headers["Location"]) == (201, "/v1/events/us-duty-2026")
    assert "us-duty-2026 touches price.copper; training is due (orecast retrain --due)" in made.json["remarks"]
    shown = client.send("GET", made.headers["Location"], scope="read").json
    assert {name: shown[name] for name in EVENT} == EVENT
    assert shown["own"] is True
    amended = client.send("PATCH", made.headers["Location"], {"value_after": 30, "sources": None, "why": "annex 2"})
    assert amended.status == 200, amended.body
    assert "value_after: 25 -> 30" in amended.json["remarks"][0]
    shown = client.send("GET", made.headers["Location"], scope="read").json
    assert (shown["value_after"], shown["sources"]) == (30, [])
    _, (change,) = catalog.event_history("us-duty-2026")
    assert (change.by.partition(" (key ")[0], change.why) == ("write", "annex 2")


def test_an_event_that_should_not_be_there_is_taken_back_and_may_return(client: Client) -> None:
    client.post(EVENTS, EVENT)
    place = "/v1/events/us-duty-2026"
    assert client.post(f"{place}/retire", {}).places == ["body.why"]
    assert client.post(f"{place}/retire", {"why": "was a rumour"}).status == 200
    assert client.send("GET", place, scope="read").status == 404
    assert client.post(f"{place}/bring-back", {}).status == 200
    assert client.send("GET", place, scope="read").status == 200
    assert client.post("/v1/events/nothing/retire", {"why": "?"}).status == 404


def test_a_wrong_event_is_refused_with_every_fault(client: Client) -> None:
    wrong = client.post(EVENTS, {"event_id": "us-x", "title": "t", "kind": "tarif", "flows": [["CHL", "Mars"]]})
    assert (wrong.status, sorted(wrong.places)) == (422, ["body.announced", "body.flows", "body.kind"])
    assert client.post(EVENTS, {"event_id": "us-x", "titel": "t"}).places[0] == "body.titel"
    client.post(EVENTS, EVENT)
    assert client.post(EVENTS, EVENT).places == ["body.event_id"]
    place = "/v1/events/us-duty-2026"
    assert client.send("PATCH", place, {}).places == ["body"]
    assert client.send("PATCH", place, {"ended": "soon", "known_at": "2026-07-20"}).places == ["body.ended"]
    assert client.send("PATCH", place, {"ended": "2026-12-05", "known_at": "2099-01-01"}).places == ["body.known_at"]
    assert client.send("PATCH", "/v1/events/us-duty-2025", {"title": "x"}).status == 404


# -- runs --------------------------------------------------------------------------------------------------------------


def test_a_run_is_promoted_and_rolled_back_for_the_next_request_and_on_record(client: Client, catalog: Catalog) -> None:
    registry = Registry(client.settings.models_dir)
    run = add_run(registry, catalog, COPPER, level=1.1, name="b")
    promoted = client.post(f"/v1/series/{COPPER}/promote", {"run_id": run}, scope="admin")
    assert (promoted.status, promoted.json) == (200, {"series_id": COPPER, "run": run})
    assert client.send("GET", f"/v1/forecasts/{COPPER}", scope="read").json["run"] == run
    keyed = {"Idempotency_Key": "back"}
    back = [client.post(f"/v1/series/{COPPER}/rollback", None, "admin", **keyed).json["run"] for _ in range(2)]
    assert back == ["2026-06-01-a"] * 2
    assert client.post(f"/v1/series/{COPPER}/rollback", None, "admin").status == 404, "no other is left"
    assert client.post(f"/v1/series/{COPPER}/promote", {"run_id": "none"}, scope="admin").status == 404
    told = [(one.change.action, one.by.partition(" (key ")[0]) for one in catalog.audit.entries(AuditQuestion(last=2))]
    assert told == [("runs.promote", "admin"), ("runs.rollback", "admin")]


def test_a_rollback_whose_answer_was_lost_with_the_process_is_not_done_twice(client: Client, catalog: Catalog) -> None:
    """The files of runs are no part of the transaction: what they said when the request was begun is kept with it."""
    registry = Registry(client.settings.models_dir)
    for name in ("b", "c"):
        registry.promote(COPPER, add_run(registry, catalog, COPPER, name=name))
    path = f"/v1/series/{COPPER}/rollback"
    claim_and_die(client, catalog, path, b"", "admin", before=str(registry.champion_id(COPPER)))
    registry.rollback(COPPER)
    expire(client)
    assert registry.champion_id(COPPER) == "2026-06-01-b"
    assert client.post(path, None, "admin", Idempotency_Key="k").json["run"] == "2026-06-01-b"
    assert registry.champion_id(COPPER) == "2026-06-01-b"
    (entry,) = catalog.audit.entries(AuditQuestion(action="runs.rollback"))
    assert (entry.change.before, entry.change.after) == ({"champion": "2026-06-01-c"}, {"champion": "2026-06-01-b"})


# -- once --------------------------------------------------------------------------------------------------------------


def test_the_same_request_is_answered_as_before_and_another_with_its_key_is_refused(client: Client) -> None:
    rows = [(COPPER, "2026-07-01", 13_600.0)]
    first = client.observations(*rows, Idempotency_Key='"8e03978e"')
    again = client.observations(*rows, Idempotency_Key="8e03978e")
    assert (again.status, again.body) == (first.status, first.body)
    assert (first.headers["Idempotency-Replayed"], again.headers["Idempotency-Replayed"]) == (None, "true")
    other = client.observations((COPPER, "2026-07-01", 13_700.0), Idempotency_Key="8e03978e")
    assert (other.status, other.json["type"]) == (422, "urn:orecast:problem:key-reused")
    theirs = client.observations((COPPER, "2026-07-01", 13_600.0), scope="other", Idempotency_Key="8e03978e")
    assert (theirs.status, theirs.json["unchanged"]) == (200, 1), "of another caller it is another key"
    assert client.observations(*rows, Idempotency_Key="x" * 256).places == ["header.Idempotency-Key"]
    event = client.post(EVENTS, EVENT, Idempotency_Key="e")
    again = client.post(EVENTS, EVENT, Idempotency_Key="e")
    assert (again.status, again.headers["Location"], again.body) == (201, event.headers["Location"], event.body)


def test_a_refusal_is_not_kept(client: Client) -> None:
    body = {"observations": [{"series_id": "price.mine", "ds": "2026-05-01", "value": 3.5}]}
    assert client.post(OBSERVATIONS, body, Idempotency_Key="k").status == 422
    series = {"series_id": "price.mine", "measure": "price", "unit": "USD/t", "freq": "M"}
    rows = [{"series_id": "price.mine", "ds": "2026-04-01", "value": 3.4}]
    client.post(OBSERVATIONS, {"observations": rows, "series": [series]})
    assert client.post(OBSERVATIONS, body, Idempotency_Key="k").json["observations"] == 1


def test_many_at_once_with_one_key_write_once(client: Client, catalog: Catalog) -> None:
    def send(_: int) -> Answered:
        while (answered := client.post(EVENTS, EVENT, Idempotency_Key="one")).status == 409:
            assert answered.json["type"] in ("urn:orecast:problem:in-progress", "urn:orecast:problem:busy")
            assert int(answered.headers["Retry-After"]) > 0
            time.sleep(0.05)
        return answered

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(16)))
    assert {(one.status, one.body) for one in answers} == {(201, answers[0].body)}
    assert [one.headers["Idempotency-Replayed"] for one in answers].count(None) == 1
    assert len(catalog.audit.entries(AuditQuestion(subject="us-duty-2026"))) == 1


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.storm)])
def test_writers_that_are_killed_leave_all_or_nothing_and_their_requests_are_done_once(
    client: Client, catalog: Catalog, kills: int
) -> None:
    """Workers are killed while requests are under way; each is sent again until it is answered."""
    numbers = range(8 * kills)

    def kill() -> None:
        for _ in range(kills):
            time.sleep(2)
            for pid in client.server.workers()[:1]:
                os.kill(pid, signal.SIGKILL)
            expire(client)

    def send(number: int) -> Answered:
        event = EVENT | {"event_id": f"us-duty-{number}"}
        deadline = time.monotonic() + 30 * kills
        while time.monotonic() < deadline:
            try:
                answered = client.post(EVENTS, event, Idempotency_Key=f"key-{number}")
            except (OSError, http.client.HTTPException):
                continue
            if answered.status == 201:
                return answered
            assert answered.status in (409, 503), answered.body
            time.sleep(0.05)
        raise AssertionError("no answer")

    killer = threading.Thread(target=kill)
    killer.start()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, numbers))
        killer.join()
    assert all("is added" in one.json["remarks"][0] for one in answers), "none was told that it is there already"
    added = catalog.audit.entries(AuditQuestion(action="events.add"))
    assert sorted(one.change.subject for one in added) == sorted(f"us-duty-{number}" for number in numbers)


def test_a_claim_of_a_process_that_was_killed_is_free_again_after_a_while(client: Client, catalog: Catalog) -> None:
    claim_and_die(client, catalog, EVENTS, json.dumps(EVENT).encode(), "write")
    waiting = client.post(EVENTS, EVENT, Idempotency_Key="k")
    assert (waiting.status, waiting.json["type"]) == (409, "urn:orecast:problem:in-progress")
    assert 0 < int(waiting.headers["Retry-After"]) <= CLAIM_HOLDS.total_seconds() + 1
    expire(client)
    assert client.post(EVENTS, EVENT, Idempotency_Key="k").status == 201


# -- calm --------------------------------------------------------------------------------------------------------------


def test_a_write_that_cannot_have_the_catalogue_says_when_to_come_back(client: Client, catalog: Catalog) -> None:
    with catalog.transaction():
        busy = client.observations((COPPER, "2026-07-01", 13_600.0))
        assert (busy.status, busy.json["type"]) == (409, "urn:orecast:problem:busy")
        assert busy.headers["Retry-After"] == "5"
        assert client.send("GET", f"/v1/forecasts/{COPPER}", scope="read").status == 200, "who reads does not wait"
    assert client.observations((COPPER, "2026-07-01", 13_600.0)).status == 200


def test_who_has_no_key_writes_nothing_also_on_this_machine(client: Client) -> None:
    for scope, status in (("stranger", 401), ("read", 403), ("jobs", 403)):
        assert client.post(EVENTS, EVENT, scope=scope).status == status
    assert client.send("GET", "/v1/events/us-duty-2026", scope="stranger").status == 404, "who reads needs none"


def claim_and_die(client: Client, catalog: Catalog, path: str, body: bytes, scope: str, before: str = "") -> None:
    """What a process leaves that is killed after it has begun a request with the key k, and before it has written."""
    digest = request_digest(("POST", path, "", "application/json"), body)
    caller = f"{scope} (key {client.tokens[scope].split('_')[1]})"
    catalog.idempotency.claim(KeyedRequest(caller, "k", digest), dt.datetime.now(dt.UTC), before=before, wait=5)


def expire(client: Client) -> None:
    """Let so much time pass that the claims of killed processes are over."""
    engine = create_engine(client.settings.database_url)
    with engine.begin() as connection:
        over = dt.datetime.now(dt.UTC).replace(tzinfo=None) - CLAIM_HOLDS
        connection.execute(update(IDEMPOTENCY).where(IDEMPOTENCY.c.status.is_(None)).values(since=over))
    engine.dispose()
