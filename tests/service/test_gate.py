"""The gate, asked without a server: who is let in, what that costs, and what it does while the catalogue is away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from forecast.catalog import Catalog, keys, memory
from forecast.catalog.audit import AuditQuestion
from forecast.catalog.keys import Key, KeyOrder, Keys
from forecast.errors import Unavailable
from forecast.settings import Scope, Settings
from service.credentials import BELIEVED_AWAY, FRESH, Credentials
from service.gate import Caller, Refusal, RequestGate
from service.rates import Counters
from tests.support.trained_home import NOW, clock, make_home, settings_in

ELSEWHERE = "203.0.113.5"


class Watch:
    """A clock that a test turns on."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Desk:
    """A catalogue with keys, and a gate before it; ``settings``: variables without their prefix."""

    def __init__(self, home: Path, url: str = "", **settings: str) -> None:
        self.settings = settings_in(home, database_url=url, **{"auth": "keys", "rate_limit": "off"} | settings)
        self.catalog, self.watch = Catalog.open(self.settings), Watch()
        self.gate = RequestGate(self.settings, Credentials(self.catalog.keys, self.watch), Counters(), clock)

    def key(self, *scopes: Scope, expires: dt.datetime | None = None, rate: str = "") -> tuple[Key, str]:
        return self.catalog.keys.create(KeyOrder("A. Smith", scopes, expires, rate), NOW)

    def ask(self, authorization: str = "", scope: Scope | None = Scope.READ, peer: str = ELSEWHERE) -> Caller | Refusal:
        return self.gate.admit(request(authorization, peer), scope)


def request(authorization: str = "", peer: str = ELSEWHERE) -> dict[str, object]:
    return {"REMOTE_ADDR": peer, **({"HTTP_AUTHORIZATION": authorization} if authorization else {})}


def noted(monkeypatch: pytest.MonkeyPatch, worked: list[str], owner: object, name: str) -> None:
    """Note each call of a function, which is called all the same."""
    real = getattr(owner, name)

    def call(*given: object) -> object:
        worked.append(name)
        return real(*given)

    monkeypatch.setattr(owner, name, call)


def status(said: Caller | Refusal) -> int:
    return said.status if isinstance(said, Refusal) else 200


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    make_home(tmp_path)
    desk = Desk(tmp_path, request.getfixturevalue("postgres_url") if request.param == "postgresql" else "")
    yield desk
    desk.catalog.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path)
    return tmp_path


# -- who is let in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "peer", "scope", "expected"),
    [
        ("", "127.0.0.1", Scope.READ, 200),
        ("", "127.0.0.1", Scope.SCENARIO, 200),
        ("", "127.0.0.1", Scope.WRITE, 401),
        ("", ELSEWHERE, Scope.READ, 401),  # another server than ours may have bound it elsewhere
        ("", ELSEWHERE, None, 200),
        ("open", ELSEWHERE, Scope.READ, 200),
        ("open", ELSEWHERE, Scope.SCENARIO, 200),
        ("open", ELSEWHERE, Scope.WRITE, 401),
        ("open", ELSEWHERE, Scope.JOBS, 401),
        ("open", ELSEWHERE, Scope.ADMIN, 401),
        ("keys", "127.0.0.1", Scope.READ, 401),
        ("keys", "127.0.0.1", None, 200),
    ],
)
def test_what_needs_no_key_is_what_the_settings_say(
    home: Path, auth: str, peer: str, scope: Scope | None, expected: int
) -> None:
    assert status(Desk(home, auth=auth).ask(scope=scope, peer=peer)) == expected


def test_a_proxy_on_this_machine_opens_a_service_to_others_only_as_it_is_told(home: Path) -> None:
    forwarded = request(peer="127.0.0.1") | {"HTTP_X_FORWARDED_FOR": ELSEWHERE}
    said = Desk(home, auth="open", trusted_proxies="127.0.0.1").gate.admit(forwarded, Scope.READ)
    assert isinstance(said, Caller)
    assert said.address == ELSEWHERE
    forwarded = request(peer="127.0.0.1") | {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}
    assert status(Desk(home, auth="keys", trusted_proxies="127.0.0.1").gate.admit(forwarded, Scope.READ)) == 401


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, 200),
        ({"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 200),
        ({"HTTP_X_FORWARDED_FOR": "::1, 127.0.0.1:51000"}, 200),
        ({"HTTP_X_FORWARDED_FOR": ELSEWHERE}, 401),
        ({"HTTP_X_FORWARDED_FOR": f"127.0.0.1, {ELSEWHERE}"}, 401),
        ({"HTTP_X_FORWARDED_FOR": f"{ELSEWHERE}, 127.0.0.1"}, 401),
        ({"HTTP_X_FORWARDED_FOR": ""}, 401),
        ({"HTTP_X_FORWARDED_FOR": "unknown"}, 401),
        ({"HTTP_FORWARDED": "for=127.0.0.1"}, 401),
    ],
)
@pytest.mark.parametrize("trusted", ["", "127.0.0.1"])
def test_what_a_proxy_on_this_machine_brings_from_elsewhere_is_not_of_this_machine(
    home: Path, said: dict[str, str], expected: int, trusted: str
) -> None:
    asked = request(peer="127.0.0.1") | said
    assert status(Desk(home, auth="", trusted_proxies=trusted).gate.admit(asked, Scope.READ)) == expected


def test_the_holder_of_a_key_may_do_what_its_scopes_say(desk: Desk) -> None:
    key, token = desk.key(Scope.READ, Scope.JOBS)
    said = {scope: status(desk.ask(f"Bearer {token}", scope)) for scope in Scope}
    assert said == {"read": 200, "scenario": 403, "write": 403, "jobs": 200, "admin": 403}
    caller = desk.ask(f"bearer  {token} ")
    assert isinstance(caller, Caller)
    assert (caller.id, caller.address) == (f"A. Smith (key {key.key_id})", ELSEWHERE)


@pytest.mark.parametrize(
    "said",
    ["Bearer", "Bearer x", "Basic dXNlcjpwYXNz", "{token}", "Bearer {token}x", "Bearer {token} {token}", "Bearer é"],
)
def test_what_is_no_key_is_refused_where_one_is_needed(home: Path, said: str) -> None:
    desk = Desk(home)
    _, token = desk.key(Scope.READ)
    refused = desk.ask(said.format(token=token))
    assert (status(refused), isinstance(refused, Refusal) and refused.kind) == (401, "invalid-key")


def test_where_reading_is_open_what_a_proxy_asks_for_is_left_alone_but_no_wrong_key_of_ours(home: Path) -> None:
    desk = Desk(home, auth="open")
    _, token = desk.key(Scope.WRITE)
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert status(desk.ask("Basic dXNlcjpwYXNz")) == 200
    assert status(desk.ask("Bearer of-somebody-else")) == 200
    assert status(desk.ask(f"Bearer {wrong}")) == 401
    assert status(desk.ask(f"Bearer {token}")) == 200, "a key takes nothing away that anybody may do"
    assert status(desk.ask(f"Bearer {token}", Scope.WRITE)) == 200


def test_a_key_ends_at_its_moment_and_the_refusal_says_so(desk: Desk) -> None:
    ends = NOW + dt.timedelta(seconds=1)
    _, token = desk.key(Scope.READ, expires=ends)
    before, after = (
        RequestGate(desk.settings, desk.gate.credentials, Counters(), Mock(return_value=moment)).admit(
            request(f"Bearer {token}"), Scope.READ
        )
        for moment in (NOW, ends)
    )
    assert isinstance(before, Caller)
    assert isinstance(after, Refusal)
    assert (after.status, after.kind) == (401, "invalid-key")
    assert "is expired" in after.detail


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_the_costly_digest_is_worked_out_once_and_a_revocation_is_seen_within_seconds(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, token = desk.key(Scope.READ)
    worked: list[str] = []
    noted(monkeypatch, worked, Key, "fits")
    noted(monkeypatch, worked, Keys, "find")
    for _ in range(50):
        assert status(desk.ask(f"Bearer {token}")) == 200
    assert worked == ["find", "fits"]
    desk.watch.seconds += FRESH
    for _ in range(50):
        assert status(desk.ask(f"Bearer {token}")) == 200
    assert worked == ["find", "fits", "find"]
    desk.catalog.keys.revoke(key.key_id, NOW)
    desk.watch.seconds += FRESH
    refused = desk.ask(f"Bearer {token}")
    assert isinstance(refused, Refusal)
    assert (refused.status, "is revoked" in refused.detail) == (401, True)
    assert worked.count("fits") == 1


def test_guesses_cost_a_look_at_a_row_and_are_counted_against_their_address(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(home, rate_limit="5 per hour")
    _, token = desk.key(Scope.READ)
    worked: list[str] = []
    noted(monkeypatch, worked, keys, "_derived")
    guesses = [f"{token[:-4]}{number:04x}" for number in range(40)]
    statuses = [status(desk.ask(f"Bearer {guess}")) for guess in guesses if guess != token]
    assert statuses[:5] == [401] * 5
    assert set(statuses[5:]) == {429}
    assert not worked
    assert status(desk.ask(f"Bearer {token}", peer="198.51.100.1")) == 200
    assert status(desk.ask(f"Bearer {token}")) == 200, "who was let in before is not in the way of who guesses"


# -- how often ---------------------------------------------------------------------------------------------------------


def test_a_key_is_counted_wherever_it_asks_from_and_a_stranger_by_address(home: Path) -> None:
    desk = Desk(home, auth="open", rate_limit="3 per hour")
    _, token = desk.key(Scope.READ)
    first = [desk.ask(f"Bearer {token}", peer=f"198.51.100.{n}") for n in range(4)]
    assert [status(said) for said in first] == [200, 200, 200, 429]
    assert [status(desk.ask()) for _ in range(4)] == [200, 200, 200, 429]
    refused = desk.ask()
    assert isinstance(refused, Refusal)
    assert dict(refused.headers).keys() == {
        "Retry-After",
        *(f"X-RateLimit-{w}" for w in ("Limit", "Remaining", "Reset")),
    }


def test_a_key_may_have_a_rate_of_its_own(home: Path) -> None:
    desk = Desk(home, rate_limit="2 per hour")
    (_, slow), (_, free) = desk.key(Scope.READ, rate="1 per hour"), desk.key(Scope.READ, rate="off")
    assert [status(desk.ask(f"Bearer {slow}", peer="198.51.100.1")) for _ in range(2)] == [200, 429]
    assert [status(desk.ask(f"Bearer {free}", peer="198.51.100.2")) for _ in range(6)] == [200] * 6


def test_a_request_that_passes_two_doors_counts_once(home: Path) -> None:
    desk = Desk(home, auth="open", rate_limit="2 per hour")
    environ = request()
    assert desk.gate.admit(environ, Scope.READ) is desk.gate.admit(environ, Scope.READ)
    assert [status(desk.ask()) for _ in range(2)] == [200, 429]


# -- while the catalogue is away ---------------------------------------------------------------------------------------


def test_while_the_catalogue_is_away_a_key_that_was_seen_is_believed_for_a_while(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(home)
    (_, seen), (_, unseen) = desk.key(Scope.READ), desk.key(Scope.READ)
    assert status(desk.ask(f"Bearer {seen}")) == 200

    def away(key_id: str) -> None:
        raise Unavailable("postgresql://db", "it is down")

    monkeypatch.setattr(desk.gate.credentials._keys, "find", away)
    with pytest.raises(Unavailable):
        desk.ask(f"Bearer {unseen}")
    desk.watch.seconds += BELIEVED_AWAY - 1
    assert status(desk.ask(f"Bearer {seen}")) == 200
    assert status(desk.ask(f"Bearer {seen}", Scope.WRITE)) == 403
    desk.watch.seconds += 1
    with pytest.raises(Unavailable):
        desk.ask(f"Bearer {seen}")


def test_a_database_that_is_away_is_not_waited_for_at_each_request(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (key, token), (_, unseen) = desk.key(Scope.READ), desk.key(Scope.READ)
    desk.catalog.outlast()
    desk.catalog.edition()
    assert status(desk.ask(f"Bearer {token}")) == 200
    database, asked = desk.catalog._database, list[object]()

    def away(question: object) -> None:
        asked.append(question)
        raise Unavailable("postgresql://db", "it does not answer")

    with monkeypatch.context() as down:
        down.setattr(memory, "RESTS", 1e9)
        down.setattr(database, "read", away)
        desk.watch.seconds += FRESH
        for _ in range(20):
            assert status(desk.ask(f"Bearer {token}")) == 200
        with pytest.raises(Unavailable):
            desk.ask(f"Bearer {unseen}")
    assert len(asked) == 1
    monkeypatch.setattr(desk.catalog._memory, "_asks_again", 0.0)
    desk.catalog.keys.revoke(key.key_id, NOW)
    assert status(desk.ask(f"Bearer {token}")) == 401, "asked anew as soon as it is there"


# -- who the audit names -----------------------------------------------------------------------------------------------


def test_what_a_caller_writes_is_audited_under_their_name(desk: Desk) -> None:
    _, token = desk.key(Scope.WRITE)
    caller = desk.ask(f"Bearer {token}", Scope.WRITE)
    assert isinstance(caller, Caller)
    desk.catalog.acting(caller.id).retire("price.copper", now=NOW)
    (entry,) = desk.catalog.audit.entries(AuditQuestion(by=caller.id))
    assert (entry.change.action, entry.change.subject) == ("series.retire", "price.copper")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "db.example"])
def test_an_address_that_others_reach_needs_a_word_on_who_may_read(tmp_path: Path, host: str) -> None:
    for auth, refused in (("", True), ("open", False), ("keys", False)):
        settings = settings_in(tmp_path, host=host, auth=auth)
        if refused:
            with pytest.raises(ValueError, match=r"expected ORECAST_AUTH=keys, with a key .* or =open"):
                settings.require_auth()
        else:
            settings.require_auth()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_this_machine_needs_none(tmp_path: Path, host: str) -> None:
    Settings.from_env({"ORECAST_HOME": str(tmp_path), "ORECAST_HOST": host}).require_auth()
