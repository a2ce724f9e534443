"""Pages of lists, what changed since a day, and series by what they are of."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from forecast.events import Action, EventChange
from tests.service.conftest import Fresh, get
from tests.support.documents import Json
from tests.support.trained_home import COPPER, EARTHS, NICKEL, add_run, clock

LISTS = {
    "/v1/series": 40,
    "/v1/series?measure=volume": 3,
    "/v1/events": 50,
    "/v1/events?mineral=rare-earths": 4,
    "/v1/runs": 2,
    f"/v1/series/{COPPER}/observations": 100,
}


def with_(path: str, more: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{more}"


def pages(client: FlaskClient, path: str, limit: int) -> list[list[Json]]:
    found, cursor = [], ""
    while True:
        answer = get(client, with_(path, f"limit={limit}{cursor}"))
        found.append(answer["data"])
        if answer["next"] is None:
            return found
        cursor = f"&cursor={answer['next']}"


@pytest.mark.parametrize(("path", "limit"), LISTS.items())
def test_the_pages_of_a_list_are_the_list(client: FlaskClient, path: str, limit: int) -> None:
    whole = get(client, path)
    assert whole["next"] is None
    found = pages(client, path, limit)
    assert len(found) == -(-len(whole["data"]) // limit) > 1
    assert [row for page in found for row in page] == whole["data"]


def test_a_page_of_csv_names_the_next_one_in_a_header(client: FlaskClient) -> None:
    whole = client.get("/v1/events?format=csv").get_data(as_text=True).splitlines()
    lines, path, count = whole[:1], "/v1/events?format=csv&limit=100", 0
    while path:
        response = client.get(path)
        lines += response.get_data(as_text=True).splitlines()[1:]
        link = re.fullmatch(r'<(.*)>; rel="next"', response.headers.get("Link", ""))
        path, count = link.group(1) if link else "", count + 1
    assert (lines, count) == (whole, -(-(len(whole) - 1) // 100))


def test_a_page_begins_after_the_last_line_whatever_came_meanwhile(fresh: Fresh) -> None:
    client, catalog, registry = fresh
    first = get(client, "/v1/runs?limit=1")
    assert [row["series_id"] for row in first["data"]] == [COPPER]
    add_run(registry, catalog, COPPER, name="b")  # the newest of the first series: it belongs on the page before
    rest = get(client, f"/v1/runs?limit=10&cursor={first['next']}")
    assert [row["series_id"] for row in rest["data"]] == [NICKEL, EARTHS]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "bnVsbA", "WzFd", "é", "a" * 999])
def test_a_cursor_that_no_page_gave_is_refused(client: FlaskClient, cursor: str) -> None:
    problem = get(client, f"/v1/events?limit=5&cursor={cursor}", 422)
    (error,) = problem["errors"]
    assert error["where"] == "query.cursor"


def test_a_cursor_is_of_one_question(client: FlaskClient) -> None:
    cursor = get(client, "/v1/events?limit=5")["next"]
    assert get(client, f"/v1/events?limit=7&cursor={cursor}")["data"], "how many a page is no part of it"
    for other in ("/v1/events?kind=tariff&limit=5", "/v1/series?limit=5"):
        assert get(client, f"{other}&cursor={cursor}", 422)["errors"][0]["where"] == "query.cursor"


def test_observations_since_a_day_are_those_that_became_known_on_it_or_later(client: FlaskClient) -> None:
    path = f"/v1/series/{COPPER}/observations"
    whole = get(client, path)["data"]
    day = whole[-3]["known_at"]
    assert get(client, f"{path}?since={day}")["data"] == [row for row in whole if row["known_at"] >= day] == whole[-3:]
    after = dt.date.fromisoformat(whole[-1]["known_at"]) + dt.timedelta(days=1)
    assert get(client, f"{path}?since={after}")["data"] == []


def test_events_since_a_day_are_those_of_which_something_became_known(fresh: Fresh) -> None:
    client, catalog, _ = fresh
    today = clock().date()
    before = {row["event_id"] for row in get(client, f"/v1/events?since={today}")["data"]}
    assert "cn-7ree-licence-2025" not in before
    changed = replace(catalog.events()["cn-7ree-licence-2025"], title="Another title")
    catalog.add(events=[changed], known_at=clock())
    assert {row["event_id"] for row in get(client, f"/v1/events?since={today}")["data"]} == before | {changed.event_id}
    announced = {row["event_id"] for row in get(client, "/v1/events?since=2026-01-01")["data"]}
    rows = get(client, "/v1/events")["data"]
    assert {row["event_id"] for row in rows if (row["announced"] or "") >= "2026-01-01"} <= announced
    assert len(announced) < len(rows)


def test_an_event_that_was_retired_is_listed_among_what_is_news_and_marked(fresh: Fresh) -> None:
    client, catalog, _ = fresh
    event = catalog.events()["cn-7ree-licence-2025"]
    catalog.change_event(EventChange(event.event_id, Action.RETIRE, clock(), clock(), "me", "wrong", {}))
    today = clock().date().isoformat()
    (row,) = [row for row in get(client, f"/v1/events?since={today}")["data"] if row["event_id"] == event.event_id]
    assert (row["retired_on"], row["title"]) == (today, event.title)
    exported = client.get(f"/v1/export/events.csv?since={today}")
    assert exported.data == client.get(f"/v1/events?format=csv&since={today}").data
    assert event.event_id not in {row["event_id"] for row in get(client, "/v1/events")["data"]}
    assert get(client, f"/v1/events?since={today}&actor=USA")["data"] == [
        one for one in get(client, f"/v1/events?since={today}")["data"] if one["actor"] == "USA"
    ]
    tomorrow = clock().date() + dt.timedelta(days=1)
    assert event.event_id not in {row["event_id"] for row in get(client, f"/v1/events?since={tomorrow}")["data"]}


def test_runs_since_a_day_are_those_that_were_trained_on_it_or_later(client: FlaskClient) -> None:
    assert len(get(client, "/v1/runs?since=2026-07-15")["data"]) == 3
    assert get(client, "/v1/runs?since=2026-07-16")["data"] == []


def test_runs_are_found_by_what_their_series_are_of(client: FlaskClient) -> None:
    runs = get(client, "/v1/runs")["data"]
    for query in ("mineral=copper", "measure=volume", "flow=import&partner=CHN", "country=IND"):
        of = {row["series_id"] for row in get(client, f"/v1/series?{query}")["data"]}
        found = [row for page in pages(client, f"/v1/runs?{query}", 1) for row in page]
        assert found == [run for run in runs if run["series_id"] in of]
        assert len(found) < len(runs)
    assert get(client, f"/v1/runs?series_id={COPPER}&measure=volume")["data"] == []
    assert "copper" in get(client, "/v1/runs?mineral=coper", 404)["errors"][0]["expected"]


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("flow=import", lambda row: row["flow"] == "import"),
        ("country=USA&measure=value", lambda row: (row["reporter"], row["measure"]) == ("USA", "value")),
        ("partner=CHN", lambda row: row["partner"] == "CHN"),
        ("place=CHN", lambda row: "CHN" in (row["reporter"], row["partner"])),
        ("mineral=copper&role=target&flow=world", lambda row: (row["mineral"], row["flow"]) == ("copper", "world")),
    ],
)
def test_series_are_found_by_what_they_are_of(client: FlaskClient, query: str, holds: Json) -> None:
    found = get(client, f"/v1/series?{query}")["data"]
    assert found
    assert all(map(holds, found))
    if "mineral" not in query and "role" not in query:
        assert len(found) == sum(map(holds, get(client, "/v1/series")["data"]))


def test_a_place_that_no_series_has_is_refused_with_the_nearest(client: FlaskClient) -> None:
    problem = get(client, "/v1/series?country=CHM", 404)
    assert "CHN" in problem["errors"][0]["expected"]
    assert problem["errors"][0]["where"] == "query.country"


def test_forecasts_in_bulk_are_of_the_series_that_are_asked_for(client: FlaskClient) -> None:
    def ids(query: str) -> list[str]:
        return [row["series_id"] for row in get(client, f"/v1/forecasts?h=2&{query}")["data"]]

    assert ids("measure=price") == [COPPER, NICKEL]
    assert ids("mineral=rare-earths&flow=export&country=CHN") == [EARTHS]
    assert ids("mineral=gold") == []
    assert ids(f"series_id={COPPER},{EARTHS}&measure=volume") == [EARTHS]
