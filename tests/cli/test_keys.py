"""``orecast keys`` and ``orecast audit`` as an operator uses them."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from forecast.catalog import Catalog
from forecast.catalog.keys import id_in
from forecast.cli import call
from forecast.registry import Registry
from tests.support.documents import Json
from tests.support.trained_home import COPPER, add_run, make_home, settings_in


class Desk:
    """A trained home, and what commands say in it."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self._capsys = home, capsys

    def says(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        assert call(arguments) == code
        return self._capsys.readouterr()

    def audit(self, *arguments: str) -> list[Json]:
        found: list[Json] = json.loads(self.says("audit", *arguments, "--format", "json")[0])["data"]
        return found


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    make_home(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "operator")
    return Desk(tmp_path, capsys)


def test_a_new_key_is_alone_on_standard_output_and_shown_this_once(desk: Desk) -> None:
    out, err = desk.says(
        "keys", "create", "dashboard", "--scope", "read", "--scope", "scenario", "--expires", "2999-01-01"
    )
    token = out.strip()
    key_id = id_in(token)
    assert key_id
    assert err == (
        "orecast: keep it: it is not shown again. It may read, scenario, until the end of 2999-01-01 "
        f"(orecast keys revoke {key_id})\n"
    )
    listed = "".join(desk.says("keys", "list")) + "".join(desk.says("keys", "list", "--format", "csv"))
    assert key_id in listed
    assert token.rpartition("_")[2] not in listed + "".join(desk.says("audit", "--format", "csv"))
    (row,) = csv.DictReader(io.StringIO(desk.says("keys", "list", "--format", "csv")[0]))
    assert (row["name"], row["scopes"], row["status"], row["expires"][:10]) == (
        "dashboard",
        "read;scenario",
        "valid",
        "2999-01-02",
    )


def test_a_key_is_revoked_by_its_id_or_by_the_whole_of_it_which_is_not_repeated(desk: Desk) -> None:
    first, second = (desk.says("keys", "create", name)[0].strip() for name in ("a", "b"))
    assert re.fullmatch(
        r"a \(key \w{12}\) is revoked since .* UTC\n", desk.says("keys", "revoke", str(id_in(first)))[0]
    )
    out, err = desk.says("keys", "revoke", second)
    assert second.rpartition("_")[2] not in out + err
    assert [key["status"] for key in json.loads(desk.says("keys", "list", "--format", "json")[0])["data"]] == [
        "revoked"
    ] * 2
    wrong = second[:-1]
    out, err = desk.says("keys", "revoke", wrong, code=4)
    assert wrong.rpartition("_")[2] not in out + err
    assert err.startswith("orecast: no key 'orecast_")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["keys", "create", "x", "--scope", "all"], "'all' is not one of 'read', 'scenario', 'write', 'jobs', 'admin'"),
        (
            ["keys", "create", "x", "--expires", "2020-01-01"],
            "expires = '2020-01-02T00:00:00+00:00': expected a moment after",
        ),
        (["keys", "create", "x", "--rate", "often"], "rate = 'often': expected such as '600 per minute', or off"),
        (["keys", "create", " x"], "name = ' x': expected 1 to 60 letters"),
    ],
)
def test_a_key_that_cannot_be_is_refused_in_a_line(desk: Desk, words: list[str], complaint: str) -> None:
    assert complaint in desk.says(*words, code=2)[1]


def test_the_audit_has_what_commands_change_and_who_gave_them(desk: Desk) -> None:
    """Ingest, event edits, held values, promotion and rollback, retirement, keys: each its line."""
    prices = desk.home / "prices.csv"
    prices.write_text(f"series_id,ds,value\n{COPPER},2026-06-01,9000\n{COPPER},2026-05-01,9\n")
    desk.says("ingest", str(prices), "--by", "A. Smith")
    desk.says("observations", "discard", COPPER, "--all", "--by", "B. Jones")
    desk.says("observations", "withdraw", COPPER, "--from", "2026-06-01", "--to", "2026-06-01")
    duty = ["--title", "US duty", "--kind", "tariff", "--announced", "2026-06-20", "--minerals", "copper"]
    desk.says("events", "add", "us-duty-2026", *duty)
    desk.says("events", "amend", "us-duty-2026", "--status", "withdrawn", "--by", "A. Smith", "--why", "a proclamation")
    desk.says("events", "retire", "us-duty-2026", "--why", "was a rumour")
    catalog = Catalog.open(settings_in(desk.home))
    registry = Registry(desk.home / "models")
    run_id = add_run(registry, catalog, COPPER, name="b")
    catalog.close()
    desk.says("runs", "promote", COPPER, run_id)
    desk.says("runs", "rollback", COPPER)
    desk.says("series", "retire", COPPER)
    desk.says("series", "retire", COPPER, "--undo")
    desk.says("keys", "create", "dashboard", "--by", "A. Smith")
    lines = desk.audit()
    assert [(line["by"], line["action"]) for line in lines] == [
        ("A. Smith", "observations.hold"),
        ("A. Smith", "observations.add"),
        ("B. Jones", "observations.settle"),
        ("operator", "observations.withdraw"),
        ("operator", "events.add"),
        ("A. Smith", "events.amend"),
        ("operator", "events.retire"),
        ("operator", "runs.promote"),
        ("operator", "runs.rollback"),
        ("operator", "series.retire"),
        ("operator", "series.bring-back"),
        ("A. Smith", "keys.create"),
    ]
    amended = lines[5]
    assert "status: enacted" in amended["before"]
    assert "status: withdrawn" in amended["after"]
    assert amended["why"] == "a proclamation"
    assert lines[7]["after"] == [f"champion: {run_id}"]
    assert [line["action"] for line in desk.audit("--action", "runs")] == ["runs.promote", "runs.rollback"]
    assert [line["subject"] for line in desk.audit("--by", "B. Jones")] == [COPPER]
    assert len(desk.audit("--last", "3")) == 3
    assert desk.audit("--since", "2999-01-01") == []
    table = desk.says("audit", "--last", "1")[0]
    assert "keys.create" in table
    assert "name: dashboard" in table
