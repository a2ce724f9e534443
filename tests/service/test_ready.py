"""Answers that are ready: what the application says and what is given before it is asked are the same."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from forecast.catalog import Catalog
from forecast.catalog.keys import KeyOrder
from forecast.errors import Unavailable
from forecast.registry import Registry
from forecast.settings import Scope
from service import create_app, ready
from tests.conftest import postgres_database
from tests.service.conftest import JSON_FORECAST, Fresh
from tests.support.trained_home import COPPER, EARTHS, add_run, clock, make_home, settings_in

ORIGIN = "https://desk.example"
EFFECTS, BACKTEST = f"/v1/series/{EARTHS}/effects", f"/v1/series/{COPPER}/backtest?detail=path"
PATHS = (
    *(JSON_FORECAST, f"{JSON_FORECAST}&format=csv", "/v1/forecasts?h=3", "/v1/forecasts?h=3&format=csv"),
    *("/v1/export/forecasts.csv", "/v1/export/observations.csv?bom=true", EFFECTS, BACKTEST),
)
#: What a request may say besides, and what makes its answer another.
SAID: dict[str, dict[str, str]] = {
    "nothing": {},
    "gzip": {"Accept-Encoding": "gzip, br"},
    "no gzip": {"Accept-Encoding": "gzip;q=0"},
    "a number": {"X-Request-ID": "order-7"},
    "an indecent number": {"X-Request-ID": "order 7\x7f"},
    "a page that may read": {"Origin": ORIGIN},
    "a page that may not": {"Origin": "https://elsewhere.example"},
    "any type": {"Accept": "*/*"},
    "CSV": {"Accept": "text/csv"},
    "a type that there is not": {"Accept": "image/png"},
    "a part": {"Range": "bytes=0-9"},
    "a tag of before": {"If-None-Match": '"of-before"'},
    "any tag": {"If-None-Match": "*"},
    "a day of before": {"If-Modified-Since": "Sat, 28 Nov 2026 12:00:00 GMT"},
    "a method": {"X-HTTP-Method-Override": "DELETE"},
    "a body": {"Content-Length": "2"},
}
#: Of one moment.
PASSING = {"x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset", "date"}


@dataclass
class Doors:
    """An application whose ready answers can be taken away: then it is asked itself; ``asked``: how often it was."""

    app: Flask
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.door = self.app.wsgi_app
        assert isinstance(self.door, ready.ReadyAnswers)
        inner = self.door._app

        def noted(environ, start_response):  # type: ignore[no-untyped-def]
            self.asked.append(environ["PATH_INFO"])
            return inner(environ, start_response)

        self.door._app = noted
        self.client = self.app.test_client()

    def ask(self, path: str, method: str = "GET", **headers: str) -> TestResponse:
        return self.client.open(path, method=method, headers=headers)

    def through(self, path: str, method: str = "GET", **headers: str) -> tuple[TestResponse, TestResponse, bool]:
        """The answer of the application, the one that is given after it, and whether that one was ready."""
        self.door._kept = ready._Kept(ready.ROOM)  # type: ignore[attr-defined]
        first = self.ask(path, method, **headers)
        before = len(self.asked)
        return first, self.ask(path, method, **headers), len(self.asked) == before

    def is_ready(self, path: str = JSON_FORECAST, **headers: str) -> bool:
        before = len(self.asked)
        self.ask(path, **headers)
        return len(self.asked) == before


def told(response: TestResponse) -> tuple[int, dict[str, str], bytes]:
    """An answer but for what is of one moment; the parts of Vary in any order."""
    kept = {name.lower(): value for name, value in response.headers if name.lower() not in PASSING}
    return response.status_code, kept, response.data


@pytest.fixture(scope="module", params=["open", "keys"])
def doors(request: pytest.FixtureRequest, home: Path) -> tuple[Doors, dict[str, str]]:
    """An application, open or closed, and what its reader says of itself."""
    settings = settings_in(home, auth=request.param, cors_origins=ORIGIN)
    catalog = Catalog.open(settings)
    _, token = catalog.keys.create(KeyOrder("desk", [Scope.READ, Scope.SCENARIO]), clock())
    said = {"Authorization": f"Bearer {token}"} if request.param == "keys" else {}
    return Doors(create_app(settings, catalog=catalog, clock=clock)), said


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("case", SAID)
def test_both_doors_say_the_same(doors: tuple[Doors, dict[str, str]], path: str, method: str, case: str) -> None:
    door, key = doors
    first, again, _ = door.through(path, method, **SAID[case], **key)
    assert told(first) == told(again)
    assert ("X-RateLimit-Remaining" in first.headers) == ("X-RateLimit-Remaining" in again.headers)
    if case == "a number":
        assert again.headers["X-Request-ID"] == "order-7"
    else:
        assert first.headers["X-Request-ID"] != again.headers["X-Request-ID"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", ["nothing", "gzip", "a number", "a page that may read", "a tag of before"])
def test_what_is_asked_again_is_ready(doors: tuple[Doors, dict[str, str]], path: str, case: str) -> None:
    door, key = doors
    first, again, was_ready = door.through(path, **SAID[case], **key)
    assert was_ready
    assert first.status_code == again.status_code == 200
    tag = {"If-None-Match": first.headers["ETag"]} | {n: v for n, v in SAID[case].items() if n != "If-None-Match"}
    same, once_more, was_ready = door.through(path, **tag, **key)
    assert (same.status_code, same.data, was_ready) == (304, b"", True)
    assert told(same) == told(once_more)


QUESTION = {"series": [COPPER], "h": 6, "scenarios": [{"name": "calm", "probability": 0.5}]}


@pytest.mark.parametrize("case", ["nothing", "gzip", "CSV", "a type that there is not", "a page that may read"])
def test_a_question_that_was_asked_before_is_answered_as_it_was(doors: tuple[Doors, dict[str, str]], case: str) -> None:
    door, key = doors
    bodies = (json.dumps(QUESTION), json.dumps(QUESTION | {"h": 7}), json.dumps(QUESTION | {"h": 0}), "{", "")
    said = SAID[case] | key | {"Content-Type": "application/json"}
    for body in bodies:
        first, again = (door.client.post("/v1/scenarios", data=body, headers=said) for _ in range(2))
        assert told(first) == told(again)
        asked = len(door.asked)
        door.client.post("/v1/scenarios", data=body, headers=said)
        assert (len(door.asked) == asked) == (first.status_code == 200)
    other = door.client.post("/v1/scenarios", data=bodies[0], headers=key | {"Content-Type": "text/plain"})
    assert other.status_code == 415


@pytest.mark.parametrize(
    "who",
    ["stranger", "another scope", "revoked", "expired", "wrong secret", "no token", "too often"],
)
def test_who_may_not_have_an_answer_is_refused_it_however_ready_it_is(home: Path, who: str) -> None:
    settings = settings_in(home, auth="keys")
    catalog, now = Catalog.open(settings), dt.datetime.now(dt.UTC)
    moment = [now]
    _, reader = catalog.keys.create(KeyOrder("reader", [Scope.READ]), now)
    own, token = catalog.keys.create(
        KeyOrder(who, [Scope.JOBS if who == "another scope" else Scope.READ], now + dt.timedelta(hours=2), "3 per day"),
        now,
    )
    door = Doors(create_app(settings, catalog=catalog, clock=lambda: moment[0]))
    assert door.ask(JSON_FORECAST, Authorization=f"Bearer {reader}").status_code == 200
    assert door.is_ready(Authorization=f"Bearer {reader}")
    said = {"Authorization": f"Bearer {token}"}
    if who == "revoked":
        catalog.keys.revoke(own.key_id, now)
    elif who == "expired":
        moment[0] = now + dt.timedelta(hours=3)
    elif who == "wrong secret":
        said = {"Authorization": f"Bearer {token[:-1]}{'0' if token[-1] != '0' else '1'}"}
    elif who == "no token":
        said = {"Authorization": "Bearer copper"}
    elif who == "too often":
        assert [door.ask(JSON_FORECAST, **said).status_code for _ in range(3)] == [200] * 3
    refused = door.ask(JSON_FORECAST, **({} if who == "stranger" else said))
    assert refused.status_code == {"another scope": 403, "too often": 429}.get(who, 401)
    assert refused.mimetype == "application/problem+json"
    assert b"yhat" not in refused.data


def test_a_ready_answer_counts_against_the_rate_and_only_once(home: Path) -> None:
    door = Doors(create_app(settings_in(home, rate_limit="5 per hour"), clock=clock))
    left = [door.ask(JSON_FORECAST).headers["X-RateLimit-Remaining"] for _ in range(5)]
    assert left == ["4", "3", "2", "1", "0"]
    assert len(door.asked) == 1
    over = door.ask(JSON_FORECAST)
    assert (over.status_code, len(door.asked)) == (429, 2)
    assert int(over.headers["Retry-After"]) > 3500


def test_a_ready_answer_is_logged_and_counted_as_any_other(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    door = Doors(create_app(settings_in(home, log_level="INFO"), clock=clock))
    for number in ("a", "b"):
        door.ask(f"{JSON_FORECAST}&_=7", **{"X-Request-ID": number})
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines()[-2:])
    assert (first.pop("request_id"), second.pop("request_id")) == ("a", "b")
    for line in (first, second):
        assert line.pop("ms") >= 0
        assert line.pop("timestamp")
    assert first == second
    counted = door.ask("/metrics").get_data(as_text=True)
    assert 'orecast_requests_total{endpoint="forecasts.get_forecast",method="GET",status="200"} 2.0' in counted
    assert 'orecast_request_seconds_count{endpoint="forecasts.get_forecast",method="GET"} 2.0' in counted


def test_what_browsers_add_to_an_address_takes_no_answer_of_its_own(home: Path) -> None:
    door = Doors(create_app(settings_in(home), clock=clock))
    door.ask(JSON_FORECAST)
    for added in ("&_=1", "&utm_source=letter&_=2", "&utm_medium=&utm_campaign=q4"):
        assert door.is_ready(JSON_FORECAST + added)
    assert door.ask(f"{JSON_FORECAST}&__=1").status_code == 422


def test_a_change_shows_in_the_next_answer(fresh: Fresh) -> None:
    client, catalog, registry = fresh
    door = Doors(client.application)
    door.ask(JSON_FORECAST)
    assert door.is_ready()
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    assert not door.is_ready()
    assert door.is_ready()
    registry.rollback(COPPER)
    assert door.ask(JSON_FORECAST).get_json()["run"] == "2026-06-01-a"
    assert door.is_ready()
    event = catalog.events()["cn-7ree-licence-2025"]
    catalog.add(events=[replace(event, title="Another title")], known_at=clock())
    assert not door.is_ready()
    catalog.retire(COPPER, now=clock())
    assert door.ask(JSON_FORECAST).status_code == 410


def test_an_answer_of_yesterday_is_not_ready_today(home: Path) -> None:
    moment = [clock()]
    door = Doors(create_app(settings_in(home), clock=lambda: moment[0]))
    door.ask(JSON_FORECAST)
    assert door.is_ready()
    moment[0] += dt.timedelta(days=1)
    assert not door.is_ready()


def test_damage_that_no_mark_tells_shows_after_a_while(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    client, catalog, registry = fresh
    registry.promote(COPPER, add_run(registry, catalog, COPPER, level=2.0, name="b"))
    monkeypatch.setattr(ready, "GIVEN_FOR", 0.0)
    door = Doors(client.application)
    door.ask(JSON_FORECAST)
    (registry.root / COPPER / "2026-06-01-b" / "draws.npy").write_bytes(b"")
    assert door.ask(JSON_FORECAST).get_json()["run"] == "2026-06-01-a"


def test_no_answer_is_kept_that_a_change_overtook(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    client, catalog, registry = fresh
    door = Doors(client.application)
    find, b = Registry.champion, add_run(registry, catalog, COPPER, level=2.0, name="b")

    def overtaken(self: Registry, series_id: str) -> object:
        found = find(self, series_id)
        registry.promote(COPPER, b)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Registry, "champion", overtaken)
        door.ask(JSON_FORECAST)
    assert door.ask(JSON_FORECAST).get_json()["run"] == "2026-06-01-b"


def test_room_is_bounded_and_what_was_asked_long_ago_makes_place(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Doors(create_app(settings_in(home), clock=clock))
    door.door._kept = ready._Kept(40_000)  # type: ignore[attr-defined]
    paths = [f"/v1/forecasts/{COPPER}?h={h}" for h in range(1, 13)]
    for path in paths:
        door.ask(path)
    assert door.is_ready(paths[-1])
    assert not door.is_ready(paths[0])
    monkeypatch.setattr(ready, "MOST_KEPT", 100)
    door.ask(f"{paths[0]}&level=50")
    assert not door.is_ready(f"{paths[0]}&level=50"), "larger than any that is kept"


@pytest.fixture(params=["sqlite", "postgresql"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Catalog, Callable[[], Catalog]]]:
    """A catalogue, and how another process opens the same."""
    settings = make_home(tmp_path)
    if request.param == "postgresql":
        url = postgres_database(request.getfixturevalue("postgres_server"))
        settings = settings_in(tmp_path, database_url=url)
    first = Catalog.open(settings)
    yield first, lambda: Catalog.open(settings)
    first.close()


def test_the_mark_of_a_catalogue_is_another_once_anybody_wrote(two: tuple[Catalog, Callable[[], Catalog]]) -> None:
    catalog, reopened = two
    mark = catalog.mark()
    assert catalog.mark() == mark
    catalog.edition()
    assert catalog.mark() == mark, "reading changes nothing"
    event = next(iter(catalog.events().values()))
    catalog.add(events=[replace(event, title="Another title")], known_at=clock())
    mine = catalog.mark()
    assert mine != mark
    other = reopened()
    assert catalog.mark() == mine
    other.add(events=[replace(event, title="A third title")], known_at=clock() + dt.timedelta(seconds=1))
    other.close()
    assert catalog.mark() != mine
    catalog.close()
    assert catalog.mark() not in (mark, mine), "a connection of its own anew: nothing before it is believed"


def test_the_mark_of_a_catalogue_that_is_away_is_not_known(tmp_path: Path) -> None:
    settings = make_home(tmp_path)
    catalog = Catalog.opened(settings)
    (tmp_path / "var" / "orecast.db").rename(tmp_path / "elsewhere.db")
    with pytest.raises(Unavailable):
        catalog.mark()
    assert not (tmp_path / "var" / "orecast.db").exists(), "to look makes no file"
    catalog.close()
