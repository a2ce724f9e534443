"""Keys as they are kept: shown once, found by their id, revoked for good."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecast.catalog import Catalog
from forecast.catalog.audit import AuditQuestion
from forecast.catalog.keys import KeyOrder, id_in, without_secrets
from forecast.errors import InvalidInput, NotFound
from forecast.settings import Scope, Settings

NOW = dt.datetime(2026, 7, 15, 12, tzinfo=dt.UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    """A catalogue on each of the two databases, in the hands of A. Smith."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    catalog = Catalog.open(Settings.from_env({"ORECAST_HOME": str(tmp_path), "ORECAST_DATABASE_URL": url}))
    yield catalog.acting("A. Smith")
    catalog.close()


def test_a_key_is_found_by_its_id_and_fits_its_token_only(keeper: Catalog) -> None:
    made, token = keeper.keys.create(KeyOrder("dashboard", {Scope.SCENARIO, Scope.READ}), NOW)
    other, wrong = keeper.keys.create(KeyOrder("dashboard", [Scope.READ]), NOW)
    assert id_in(token) == made.key_id != other.key_id
    found = keeper.keys.find(made.key_id)
    assert found == made
    assert (found.scopes, found.created, found.created_by) == ((Scope.READ, Scope.SCENARIO), NOW, "A. Smith")
    assert found.fits(token)
    assert not found.fits(wrong)
    assert not found.fits(token[:-1])
    assert keeper.keys.find("0" * 12) is None
    assert keeper.keys.all().keys() == {made.key_id, other.key_id}


def test_the_secret_is_nowhere_in_what_is_kept(tmp_path: Path) -> None:
    catalog = Catalog.open(Settings.from_env({"ORECAST_HOME": str(tmp_path)}))
    _, token = catalog.keys.create(KeyOrder("dashboard", [Scope.READ]), NOW)
    catalog.close()
    secret = token.rpartition("_")[2].encode()
    assert re.fullmatch(rb"[0-9a-f]{48}", secret)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if secret in path.read_bytes()]


def test_a_key_holds_until_it_expires_or_is_revoked(keeper: Catalog) -> None:
    hour = dt.timedelta(hours=1)
    key, _ = keeper.keys.create(KeyOrder("short", [Scope.READ], NOW + hour), NOW)
    assert [key.status(NOW), key.status(NOW + hour - dt.timedelta(seconds=1)), key.status(NOW + hour)] == [
        "valid",
        "valid",
        "expired",
    ]
    revoked = keeper.keys.revoke(key.key_id, NOW)
    assert (revoked.status(NOW), revoked.revoked, revoked.revoked_by) == ("revoked", NOW, "A. Smith")
    assert keeper.acting("somebody else").keys.revoke(key.key_id, NOW + hour) == revoked, "the first word stays"
    with pytest.raises(NotFound, match="no key 'none'"):
        keeper.keys.revoke("none", NOW)


def test_who_made_and_revoked_it_is_audited_without_the_secret(keeper: Catalog) -> None:
    ends = NOW + dt.timedelta(days=1)
    key, token = keeper.keys.create(KeyOrder("dashboard", [Scope.READ], ends, "5 per minute"), NOW)
    keeper.acting("B. Jones").keys.revoke(key.key_id, NOW)
    entries = keeper.audit.entries(AuditQuestion(action="keys"))
    assert [(entry.by, entry.change.action, entry.change.subject) for entry in entries] == [
        ("A. Smith", "keys.create", key.key_id),
        ("B. Jones", "keys.revoke", key.key_id),
    ]
    assert entries[0].change.before == {}
    assert entries[0].change.after == {
        "name": "dashboard",
        "scopes": ["read"],
        "rate": "5 per minute",
        "expires": str(ends),
    }
    assert (entries[1].change.before, entries[1].change.after) == ({"status": "valid"}, {"status": "revoked"})
    assert token not in str(entries)


@pytest.mark.parametrize(
    ("order", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"name": " x"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"scopes": []}, "scopes"),
        ({"rate": "often"}, "rate"),
    ],
)
def test_what_a_key_cannot_be_is_refused_with_what_would_be_right(order: dict[str, object], wrong: str) -> None:
    given: dict[str, object] = {"name": "x", "scopes": [Scope.READ]} | order
    with pytest.raises(InvalidInput) as refused:
        KeyOrder(**given)  # type: ignore[arg-type]
    assert [fault.where for fault in refused.value.faults] == [wrong]


def test_a_key_that_would_be_over_at_once_is_refused(keeper: Catalog) -> None:
    with pytest.raises(InvalidInput, match="a moment after 2026-07-15T12:00Z"):
        keeper.keys.create(KeyOrder("late", [Scope.READ], NOW), NOW)
    assert not keeper.keys.all()


def test_of_a_token_in_a_text_only_the_id_is_left() -> None:
    token = f"orecast_{'a1' * 6}_{'0f' * 24}"
    assert without_secrets(f"?key={token}&x=1 {token}") == f"?key=orecast_{'a1' * 6}_***&x=1 orecast_{'a1' * 6}_***"
    assert without_secrets("orecast_requests_total") == "orecast_requests_total"
