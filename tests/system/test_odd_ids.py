"""Odd ids take nothing down: what is asked of them, of the rest, and of everything is answered by the real server."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.odd_home import LEGAL, OLDER, OLDER_EVENTS, make_odd_home
from tests.support.server import Server, serving
from tests.support.trained_home import COPPER, TRAINED

EXPORTS = [f"/v1/export/{table}.csv" for table in ("forecasts", "observations", "effects", "events", "backtests")]
#: What is asked of one series, by its path or by a parameter, as JSON and as CSV, whole and by pages.
OF_A_SERIES = [
    *(f"/v1/series/{{}}{what}" for what in ("", "/observations", "/observations?limit=3", "/effects", "/backtest")),
    *(f"/v1/series/{{}}/{what}?format=csv" for what in ("observations", "effects", "backtest")),
    "/v1/series/{}/observations?limit=3&format=csv",
    *(f"/v1/forecasts/{{}}{what}" for what in ("", "?format=csv")),
    *(f"/v1/{what}?series_id={{}}" for what in ("forecasts", "runs", "events", "events/calendar")),
    *(f"{path}?series_id={{}}" for path in EXPORTS),
    f"/v1/forecasts?format=csv&series_id={COPPER}&series_id={{}}",
]
OF_AN_EVENT = ["/v1/events/{}", "/v1/events/{}/diversion", f"/v1/series/{COPPER}/effects?event={{}}"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home: Path = tmp_path_factory.mktemp("home")
    make_odd_home(home)
    with serving(home) as running:
        yield running
        log = running.log.read_text()
    assert "Traceback" not in log
    assert '"level": "error"' not in log


def ask(server: Server, path: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=30)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.getheader("X-Set") is None, path
    return response, body


@pytest.mark.parametrize("path", OF_A_SERIES)
def test_each_question_about_a_series_is_answered_or_refused_with_its_reason(server: Server, path: str) -> None:
    for series_id in LEGAL:
        response, body = ask(server, path.format(quote(series_id, safe="")))
        assert response.status == 200, (series_id, body)
    for series_id in OLDER:
        response, body = ask(server, path.format(quote(series_id, safe="")))
        assert response.status in (200, 404), (series_id, body)
        if response.status == 404:
            assert response.getheader("Content-Type") == "application/problem+json"
            assert json.loads(body)["detail"]


@pytest.mark.parametrize("path", OF_AN_EVENT)
def test_each_question_about_an_event_is_answered_or_refused_with_its_reason(server: Server, path: str) -> None:
    for event_id in OLDER_EVENTS:
        response, body = ask(server, path.format(quote(event_id, safe="")))
        assert response.status in (200, 404), (event_id, body)
        assert json.loads(body)


def rows(server: Server, path: str) -> list[dict[str, str]]:
    """The lines of a CSV, as the one that reads it has them; a page after the other."""
    found: list[dict[str, str]] = []
    while True:
        response, body = ask(server, path)
        assert response.status == 200, body
        found += csv.DictReader(io.StringIO(body.decode(), newline=""))
        link = re.fullmatch(r'<([!-~]+)>; rel="next"', response.getheader("Link") or "")
        if link is None:
            return found
        path = link[1]


def test_every_list_names_all_of_them_once_whole_and_by_pages(server: Server) -> None:
    whole, paged = (rows(server, f"/v1/series?format=csv{limit}") for limit in ("", "&limit=7"))
    assert whole == paged
    ids = [row["series_id"].removeprefix("'") for row in whole]
    assert len(set(ids)) == len(ids)
    assert {*LEGAL, *OLDER} <= set(ids)
    events = [row["event_id"].removeprefix("'") for row in rows(server, "/v1/events?format=csv&limit=50")]
    assert set(OLDER_EVENTS) <= set(events)
    assert len(set(events)) == len(events)


@pytest.mark.parametrize("path", [*EXPORTS, "/v1/forecasts?format=csv"])
def test_exports_of_everything_hold_all_that_has_a_run(server: Server, path: str) -> None:
    found = rows(server, path)
    assert found
    if "events" in path:
        assert {row["event_id"].removeprefix("'") for row in found} >= set(OLDER_EVENTS)
    else:
        assert {row["series_id"].removeprefix("'") for row in found} >= {*TRAINED, *LEGAL}


def test_readiness_says_which_series_cannot_be_served_and_serves_the_others(server: Server) -> None:
    ready = json.loads(ask(server, "/readyz")[1])
    assert (ready["status"], ready["serving"]) == ("degraded", len(TRAINED) + len(LEGAL))
    assert all(any(repr(name) in fault for fault in ready["faults"]) for name in OLDER)


def test_a_scenario_may_be_asked_of_a_legal_one_and_is_refused_for_another(server: Server) -> None:
    for series_id, status in ((LEGAL[0], 200), (OLDER[0], 422)):
        connection = HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=30)
        question = json.dumps({"series": [series_id], "scenarios": [], "h": 1})
        connection.request("POST", "/v1/scenarios", question, {"Content-Type": "application/json"})
        assert connection.getresponse().status == status
        connection.close()
