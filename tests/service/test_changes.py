"""The feed of changes: who asks on with ``last`` misses nothing and gets nothing twice."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import threading
from pathlib import Path

import pytest

from forecast.catalog import Catalog, Observation
from forecast.catalog.audit import AuditAction, AuditedChange
from forecast.cli import call
from forecast.events import Action, EventChange
from forecast.settings import Scope
from service import create_app
from tests.service.conftest import Fresh, get
from tests.support.trained_home import COPPER, NICKEL, NOW, clock, settings_in

EVENT = "cn-7ree-licence-2025"


def value(ds: str, number: float) -> Observation:
    return Observation(COPPER, dt.date.fromisoformat(ds), number, "reported", NOW, False)


def test_a_first_start_is_no_change_and_each_change_is_told_once_in_order(fresh: Fresh) -> None:
    client, catalog, _ = fresh
    assert get(client, "/v1/changes") == {"data": [], "next": None, "last": 0}
    catalog.add(observations=[value("2026-07-01", 9000.0)], known_at=NOW)
    later = dataclasses.replace(value("2026-07-01", 9100.0), known=NOW + dt.timedelta(days=1))
    catalog.add(observations=[later], known_at=NOW)
    catalog.change_event(EventChange(EVENT, Action.RETIRE, NOW, NOW, "me", "wrong", {}))
    catalog.retire(NICKEL, now=NOW)
    first = get(client, "/v1/changes?limit=2")
    rest = get(client, f"/v1/changes?since={first['last']}")
    told = [(one["action"], one["subject"], one["after"]) for one in first["data"] + rest["data"]]
    assert told == [
        ("observations.add", COPPER, ["added: 1"]),
        ("observations.add", COPPER, ["revised: 1"]),
        ("events.retire", EVENT, ["retired: true"]),
        ("series.retire", NICKEL, ["retired: true"]),
    ]
    assert get(client, f"/v1/changes?since={rest['last']}") == {"data": [], "next": None, "last": rest["last"]}


def test_a_part_of_the_feed_leads_to_the_next_as_the_page_of_any_list_does(fresh: Fresh) -> None:
    client, catalog, _ = fresh
    for month in range(1, 6):
        catalog.add(observations=[value(f"2027-{month:02}-01", 9000.0)], known_at=NOW)
    path, seen, parts = "/v1/changes?limit=2", [], 0
    while path:
        response = client.get(path)
        answer = json.loads(response.data)
        parts, on = parts + 1, answer["next"]
        seen += [one["number"] for one in answer["data"]]
        assert on == (str(answer["last"]) if parts < 3 else None)
        path = response.headers.get("Link", "").partition(">")[0].removeprefix("<")
        assert path == (f"/v1/changes?limit=2&since={on}" if on else "")
    assert parts == 3
    assert seen == [one["number"] for one in get(client, "/v1/changes")["data"]]


def test_who_polls_while_others_write_in_the_same_moment_gets_each_change_once(fresh: Fresh) -> None:
    client, catalog, _ = fresh
    days = [f"2027-{month:02}-01" for month in range(1, 13)]

    def write(k: int) -> None:
        for day in days:
            moment = NOW + dt.timedelta(days=k)
            catalog.add(observations=[dataclasses.replace(value(day, 1.0 + k), known=moment)], known_at=NOW)

    writers = [threading.Thread(target=write, args=(k,)) for k in range(3)]
    for writer in writers:
        writer.start()
    seen, since = [], 0
    while True:
        over = not any(writer.is_alive() for writer in writers)
        answer = get(client, f"/v1/changes?since={since}&limit=5")
        seen += [one["number"] for one in answer["data"]]
        since = answer["last"]
        if over and not answer["data"]:
            break
    with catalog.audit.recording(NOW) as none:
        assert none == []
    assert seen == [entry["number"] for entry in get(client, "/v1/changes?limit=10000")["data"]]
    assert len(seen) == 3 * len(days)


def test_keys_and_candidates_are_not_told(fresh: Fresh) -> None:
    client, catalog, _ = fresh
    from forecast.catalog.keys import KeyOrder

    catalog.keys.create(KeyOrder("me", (Scope.READ,)), NOW)
    with catalog.audit.recording(NOW) as changes:
        changes.append(AuditedChange(AuditAction.RUNS_PROMOTE, COPPER, {"run": "a"}, {"run": "b"}))
    (told,) = get(client, "/v1/changes")["data"]
    assert told["action"] == "runs.promote"
    assert "by" not in told


@pytest.mark.parametrize("asked", ["since=-1", "since=today", "since=1.5", "limit=0"])
def test_what_is_no_number_of_a_change_is_refused(fresh: Fresh, asked: str) -> None:
    (error,) = get(fresh[0], f"/v1/changes?{asked}", 422)["errors"]
    assert "a whole number" in error["expected"]


def test_the_audit_on_the_command_line_goes_on_after_a_number(
    fresh: Fresh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, catalog, _ = fresh
    catalog.retire(COPPER, now=NOW)
    catalog.retire(NICKEL, now=NOW)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    assert call(["audit", "--after", "1", "--format", "csv"]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["2"]


def test_what_a_new_version_of_the_bundled_data_corrects_is_told(tmp_path: Path) -> None:
    from sqlalchemy import text

    settings = settings_in(tmp_path)
    with_first = Catalog.open(settings)
    with with_first._database.writing() as connection:
        connection.execute(text("UPDATE snapshots SET digest = 'older'"))
        connection.execute(text(f"UPDATE events SET scope_note = 'older' WHERE event_id = '{EVENT}'"))
    with_first.close()
    client = create_app(settings, clock=clock).test_client()
    told = get(client, "/v1/changes")["data"]
    assert [(one["action"], one["subject"]) for one in told] == [("events.amend", EVENT)]
    assert told[0]["before"] == ["scope_note: older"]
