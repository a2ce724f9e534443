"""Who reaches what: exactly the table of docs/keys.md, row by row, over a socket, on SQLite and on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecast.catalog import Catalog
from forecast.catalog.keys import KeyOrder
from forecast.settings import Scope
from service import create_app
from service.access import ACCESS, Access
from tests.conftest import postgres_database
from tests.support import ROOT
from tests.support.documents import Json
from tests.support.server import Server, serving
from tests.support.trained_home import COPPER, clock, make_home, settings_in

KNOWN = {
    "<series_id>": COPPER,
    "<event_id>": "cn-7ree-licence-2025",
    "<run_id>": "2026-06-01-a",
    "<job_id>": "a",
    "<path:filename>": "page.js",
}
TRADE = "?mineral=copper&origin=CHL&destination=USA"
ASKERS = ("stranger", *Scope, "expired", "revoked", "wrong secret")
ROWS = sorted(ACCESS)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def closed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, dict[str, str]]]:
    """A closed service on a socket, and a token of each who asks."""
    home = tmp_path_factory.mktemp("home")
    make_home(home)
    changed = {"ORECAST_AUTH": "keys"}
    if request.param == "postgresql":
        changed["ORECAST_DATABASE_URL"] = postgres_database(request.getfixturevalue("postgres_server"))
    catalog = Catalog.open(settings_in(home, **{name[8:].lower(): value for name, value in changed.items()}))
    now = dt.datetime.now(dt.UTC)
    tokens = {scope.value: catalog.keys.create(KeyOrder(scope, [scope]), now)[1] for scope in Scope}
    past = now - dt.timedelta(days=2)
    over = KeyOrder("expired", list(Scope), now - dt.timedelta(days=1))
    tokens["expired"] = catalog.keys.create(over, past)[1]
    key, tokens["revoked"] = catalog.keys.create(KeyOrder("revoked", list(Scope)), now)
    catalog.keys.revoke(key.key_id, now)
    tokens["wrong secret"] = tokens["admin"][:-1] + ("0" if tokens["admin"][-1] != "0" else "1")
    catalog.close()
    with serving(home, **changed) as server:
        yield server, tokens


def ask(server: Server, method: str, path: str, token: str | None) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection.request(method, path, body=b"{}" if method in ("POST", "PATCH") else None, headers=headers)
    response = connection.getresponse()
    found = response.status, response.headers, response.read()
    connection.close()
    return found


def path_of(rule: str) -> str:
    for name, value in KNOWN.items():
        rule = rule.replace(name, value)
    return rule + TRADE * rule.startswith("/v1/duties")


def expected(access: Access, asker: str) -> int | None:
    """The status of who is refused; None for who is let in, whatever is answered."""
    if access.scope is None or asker in (access.scope, Scope.ADMIN):
        return None
    return 403 if asker in tuple(Scope) else 401


@pytest.mark.parametrize("asker", ASKERS)
def test_a_route_is_reached_by_those_whom_the_table_names_and_by_nobody_else(
    closed: tuple[Server, dict[str, str]], asker: str
) -> None:
    server, tokens = closed
    for method, rule in ROWS:
        status, headers, body = ask(server, method, path_of(rule), tokens.get(asker))
        wanted = expected(ACCESS[method, rule], asker)
        assert (status if status in (401, 403) else None) == wanted, (method, rule, asker, status, body)
        if wanted is None:
            continue
        assert headers["Content-Type"] == "application/problem+json"
        assert headers["Cache-Control"] == "no-store"
        challenge = headers["WWW-Authenticate"]
        error = {"stranger": None}.get(asker, "insufficient_scope" if wanted == 403 else "invalid_token")
        assert challenge.startswith('Bearer realm="orecast"')
        assert (f'error="{error}"' in challenge) if error else ("error" not in challenge)
        problem: Json = json.loads(body)
        kind = {401: "no-key" if asker == "stranger" else "invalid-key", 403: "missing-scope"}[wanted]
        assert (problem["type"], problem["status"]) == (f"urn:orecast:problem:{kind}", wanted)
    assert tokens.get(asker, "none of them") not in server.log.read_text()


def test_a_stranger_learns_no_path_and_nothing_of_what_is_served(closed: tuple[Server, dict[str, str]]) -> None:
    server, tokens = closed
    assert ask(server, "GET", "/nowhere", None)[0] == 401
    assert ask(server, "GET", "/nowhere", tokens["read"])[0] == 404
    assert ask(server, "DELETE", "/v1/series", None)[0] == 401
    status, _, body = ask(server, "GET", "/readyz", None)
    assert status == 200
    assert {name: value for name, value in json.loads(body).items() if name != "serving"} == {
        "status": "degraded" if "degraded" in body.decode() else "ready",
        "faults": [],
        "held": [],
    }
    assert COPPER not in body.decode()


def test_a_token_that_was_put_into_the_address_by_mistake_is_not_in_the_log(
    closed: tuple[Server, dict[str, str]],
) -> None:
    server, tokens = closed
    secret = tokens["read"].rpartition("_")[2]
    for path in (f"/v1/series?key={tokens['read']}", f"/v1/forecasts/{tokens['read']}"):
        ask(server, "GET", path, None)
    ask(server, "GET", f"/v1/forecasts/{tokens['read']}", tokens["read"])
    log = server.log.read_text()
    assert f"{tokens['read'].rpartition('_')[0]}_***" in log
    assert secret not in log


def test_the_log_names_the_key_that_asked(closed: tuple[Server, dict[str, str]]) -> None:
    server, tokens = closed
    ask(server, "GET", "/v1/runs", tokens["read"])
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if '"/v1/runs"' in line]
    assert lines[-1]["key"] == tokens["read"].split("_")[1]
    assert lines[-1]["client"] == "127.0.0.1"


def test_every_route_has_a_row() -> None:
    """Whoever adds a route says who may reach it, in service/access.py and in docs/keys.md."""
    home = Path("unused")
    app = create_app(settings_in(home), catalog=Catalog.opened(settings_in(home)), clock=clock)
    served = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert served == {(method, rule.partition("?")[0]) for method, rule in ACCESS}


def test_the_table_of_the_document_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    told = {
        (method, path): (who, counted == "yes")
        for method, path, who, counted in re.findall(
            r"^\| (GET|POST|PATCH) `([^`]+)` \| (\w+) \| (\w+) \|$", text, re.MULTILINE
        )
    }
    shown = {
        (method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule)): (
            access.scope.value if access.scope else "anybody",
            access.counted,
        )
        for (method, rule), access in ACCESS.items()
    }
    assert told == shown
