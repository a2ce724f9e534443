"""Events by hand: added, amended, retired, told version by version, and checked."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from forecast import open_home
from forecast.catalog.csv_records import EventRow
from forecast.cli import call, event_edits
from forecast.settings import Settings
from tests.support.small_world import a_ban

TODAY = dt.datetime.now(dt.UTC).date()
DUTY = ("--title", "US duty", "--kind", "tariff", "--announced", "2026-06-20", "--effective", "2026-09-01")


class Desk:
    """A home, and what commands say in it."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self._capsys = home, capsys

    def says(self, *arguments: str, code: int = 0) -> str:
        """What a command prints, on one line; of one that is refused its complaint."""
        assert call(["events", *arguments]) == code
        printed = self._capsys.readouterr()
        return " ".join((printed.err if code else printed.out).split())

    def prints(self, *arguments: str, code: int = 0) -> str:
        assert call(["events", *arguments]) == code
        return self._capsys.readouterr().out


@pytest.fixture
def desk(settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("ORECAST_HOME", str(settings.home))
    monkeypatch.setenv("COLUMNS", "80")
    return Desk(settings.home, capsys)


def test_every_fact_of_an_event_is_an_option() -> None:
    assert tuple(event_edits.FACT_OPTIONS) == tuple(name for name in EventRow.model_fields if name != "event_id")


def test_an_event_is_added_and_tells_what_it_touches_and_lacks(desk: Desk) -> None:
    said = desk.says("add", "us-duty", *DUTY, "--minerals", "copper", "--price-world", "up", "--certainty", "partly")
    assert "us-duty is added, known from 2026-06-20" in said
    assert "us-duty touches price.copper; training is due (orecast retrain --due)" in said
    assert "no flows, so it touches no trade" in said
    event = open_home(desk.home).event("us-duty")
    assert (event.title, event.minerals, event.own, event.certainty) == ("US duty", ("copper",), True, "partly")
    assert "us-duty" in desk.prints()


def test_what_is_wrong_is_named_by_its_option_and_nothing_is_added(desk: Desk) -> None:
    said = desk.says(
        "add", "us-duty", *DUTY, "--ended", "2027-13-01", "--acts", "suspends:nothing", "--status-as-of", "2125-01-01",
        code=2,
    )  # fmt: skip
    assert "--ended = '2027-13-01': expected a date, YYYY-MM-DD" in said
    assert "--acts = 'suspends:nothing': expected a known event" in said
    assert f"--status-as-of = '2125-01-01': expected a day up to {TODAY}" in said
    assert "an id that" not in said
    desk.says("us-duty", code=4)
    assert "a new id" in desk.says("add", "cn-suspension-no70-2025", *DUTY, code=2)
    assert "a --file alone" in desk.says("add", "us-duty", "--file", str(Path(__file__)), *DUTY, code=2)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "events.csv",
            "event_id,title,kind,announced,minerals,acts\n"
            "one,A ban,export_ban,2026-06-01,copper;nickel,\ntwo,Its end,export_ban,2026-06-02,copper,terminates:one\n",
        ),
        (
            "events.yaml",
            "- {event_id: one, title: A ban, kind: export_ban, announced: 2026-06-01, minerals: [copper, nickel]}\n"
            "- event_id: two\n  title: Its end\n  kind: export_ban\n  announced: 2026-06-02\n  minerals: copper\n"
            "  acts: [terminates:one]\n",
        ),
    ],
)
def test_a_file_of_new_events_is_taken_in_as_csv_or_as_yaml(desk: Desk, name: str, text: str) -> None:
    file = desk.home / name
    file.write_text(text)
    desk.says("add", "--file", str(file))
    one, two = (open_home(desk.home).event(event_id) for event_id in ("one", "two"))
    assert one.minerals == ("copper", "nickel")
    assert [(act.relation, act.target) for act in two.acts] == [("terminates", "one")]
    again = desk.says("add", "--file", str(file), code=2)
    assert f"{file}: event_id = 'one': expected a new id" in again


def test_a_fault_in_a_yaml_file_names_the_file_the_event_and_the_fact(desk: Desk) -> None:
    file = desk.home / "events.yaml"
    file.write_text("- {event_id: one, title: A ban, kind: export_ban, announced: soon}\n")
    assert f"{file}: 1.announced = 'soon': expected a date" in desk.says("add", "--file", str(file), code=2)
    file.write_text("title: A ban\ntitel: A ban\n")
    assert f"{file}: titel = 'A ban': expected one of event_id, title" in desk.says("add", "--file", str(file), code=2)
    file.write_text(
        "\n".join(f"- {{event_id: one, title: {name}, kind: tariff, announced: 2026-06-01}}" for name in "ab")
    )
    said = desk.says("add", "--file", str(file), code=2)
    assert "a new id" not in said
    assert f"{file}: 2.event_id = 'one': expected each once; it is event 1 already" in said
    file.write_text("{title: A ban, kind: export_ban, announced: 2026-06-01}\n")
    said = desk.says("add", "--file", str(file), code=2)
    assert f"{file}: 1.event_id = '': expected small letters" in said
    assert "a new id" not in said
    file.write_text("title: [\n")
    assert f"{file}:2: text = " in desk.says("add", "--file", str(file), code=2)


def test_only_what_is_named_changes_from_now_on(desk: Desk) -> None:
    said = desk.says("amend", "cn-suspension-no72-2025", "--ended", "2027-01-10", "--why", "the text", "--by", "Ann")
    assert f"cn-suspension-no72-2025 is amended, known since {TODAY}: ended: 2026-11-27 -> 2027-01-10;" in said
    assert f"end_known: 2025-11-09 -> {TODAY};" in said
    assert "training is due" in said
    home = open_home(desk.home)
    now, before = home.event("cn-suspension-no72-2025"), home.event("cn-suspension-no72-2025", as_of="2026-11-01")
    assert (str(now.ended), str(before.ended)) == ("2027-01-10", "2026-11-27")
    assert now.title == before.title
    assert "says so already" in desk.says("amend", "cn-suspension-no72-2025", "--ended", "2027-01-10")


def test_what_moves_no_training_is_told_so(desk: Desk) -> None:
    licence = "cn-7ree-licence-2025"
    assert "no number changes, only what is said" in desk.says("amend", licence, "--title", "Licences")
    word = "cn-kuala-lumpur-extension-2026"
    said = desk.says("amend", word, "--probability", "0.5", "--probability-source", "Ann", "--why", "her own view")
    assert "their next answers change, and no training is due" in said
    bare = desk.says("amend", word, "--unset", "probability-source")
    assert "a probability of 0.5 without probability_source; it is listed, and drawn in no forecast" in bare


def test_something_that_was_learned_earlier_counts_earlier_and_nothing_counts_from_tomorrow(desk: Desk) -> None:
    desk.says("amend", "us-s232-copper-2025", "--value-after", "40", "--known-at", "2026-05-01")
    home = open_home(desk.home)
    assert [home.event("us-s232-copper-2025", as_of=f"2026-{day}").value_after for day in ("04-30", "05-01")] == [
        50,
        40,
    ]
    said = desk.says("amend", "us-s232-copper-2025", "--value-after", "30", "--known-at", "2999-01-01", code=2)
    assert "--known-at = '2999-01-01': expected a day or an ISO 8601 moment up to now" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("amend", "us-s232-copper-2025"), "name a fact that changes"),
        (("amend", "us-s232-copper-2025", "--unset", "colour"), "--unset = 'colour': expected one of title, kind"),
        (("amend", "us-s232-copper-2025", "--unset", "title"), "--title = '': expected a title"),
        (("amend", "us-s232-copper-2025", "--unset", "ended", "--ended", "2026-01-01"), "not said as well"),
        (("retire", "us-s232-copper-2025"), "say --why"),
        (
            ("amend", "us-s232-copper-2025", "--value-after", "40", "--known-at", "2025-07-29"),
            "--known-at = '2025-07-29': expected a day not before 2025-07-30, when the event was announced",
        ),
    ],
)
def test_an_amendment_that_cannot_be_is_refused(desk: Desk, arguments: tuple[str, ...], says: str) -> None:
    assert says in desk.says(*arguments, code=2)


def test_a_change_that_was_known_before_another_says_that_today_the_other_counts(desk: Desk) -> None:
    desk.says("amend", "us-s232-copper-2025", "--value-after", "40", "--known-at", "2026-05-01")
    said = desk.says("amend", "us-s232-copper-2025", "--value-after", "30", "--known-at", "2026-04-01")
    assert "a change that is known later stays: today it still is value_after: 40.0" in said
    desk.says("retire", "us-s232-copper-2025", "--why", "a test", "--known-at", "2026-06-01")
    said = desk.says("amend", "us-s232-copper-2025", "--value-after", "20", "--known-at", "2026-04-02")
    assert "us-s232-copper-2025 was retired later, so no answer of today knows it" in said


def test_what_is_withdrawn_ends_on_that_day_and_not_when_it_was_to_end(desk: Desk) -> None:
    extension, day = "cn-kuala-lumpur-extension-2026", dt.date(2026, 11, 20)
    desk.says("amend", extension, "--status", "withdrawn", "--known-at", str(day), "--why", "did not come")
    event = open_home(desk.home).event(extension)
    assert (event.status, event.ended, event.end_known, event.status_as_of) == ("withdrawn", day, day, day)


def test_a_slip_in_an_amendment_is_told_as_one_in_a_new_event(desk: Desk) -> None:
    said = desk.says("amend", "us-s232-copper-2025", "--minerals", "coper", "--value-unit", "pp ad valorum")
    assert "mineral 'coper' is new: it stands alone in the tree of minerals" in said
    assert "the unit 'pp ad valorum' is none that is known" in said


def test_a_retired_event_is_gone_and_comes_back_and_its_history_tells_it_all(desk: Desk) -> None:
    desk.says("add", "us-duty", *DUTY, "--minerals", "copper")
    assert f"us-duty is retired, known since {TODAY}" in desk.says(
        "retire", "us-duty", "--why", "a rumour", "--by", "Ann"
    )
    desk.says("us-duty", code=4)
    assert open_home(desk.home).event("us-duty", as_of="2026-11-01").title == "US duty"
    assert "to bring it back" in desk.says("amend", "us-duty", "--title", "x", code=2)
    assert "a new id" in desk.says("add", "us-duty", *DUTY, code=2)
    assert "us-duty is back" in desk.says("retire", "us-duty", "--undo")
    assert "no retired event 'us-duty'" in desk.says("retire", "us-duty", "--undo", code=4)
    rows = json.loads(desk.prints("history", "us-duty", "--format", "json"))["data"]
    assert [(row["action"], row["by"], row["why"]) for row in rows[:2]] == [
        ("take in", "a user", None),
        ("retire", "Ann", "a rumour"),
    ]
    assert rows[2]["action"] == "bring back"
    history = open_home(desk.home).event_history("us-duty")
    assert [(str(one.known), one.action) for one in history.data] == [(row["known"], row["action"]) for row in rows]
    table = list(csv.DictReader(io.StringIO(desk.prints("history", "us-duty", "--format", "csv"))))
    assert [row["known"] for row in table] == [row["known"] for row in rows]


def test_a_check_tells_contradictions_by_its_exit_code_and_reminders_not(desk: Desk) -> None:
    assert "reminder" in desk.prints("check")
    desk.says("add", "us-duty", *DUTY, "--minerals", "copper", "--ended", "2026-08-01", "--end-known", "2026-06-20")
    found = json.loads(desk.prints("check", "us-duty", "--format", "json", code=1))["data"]
    assert [(one["severity"], one["field"]) for one in found] == [("contradiction", "ended")]
    assert found[0]["what"] == "ended 2026-08-01 before it took effect on 2026-09-01"
    assert [one.what for one in open_home(desk.home).check_events().data if one.event_id == "us-duty"] == [
        found[0]["what"]
    ]
    assert "us-duty,contradiction,ended," in desk.prints("check", "--format", "csv", code=1)
    desk.says("check", "us-dutie", code=4)


def test_an_event_that_an_older_version_let_in_is_checked_though_no_day_knows_it(desk: Desk) -> None:
    slip = replace(a_ban("slip"), announced=dt.date(2125, 1, 10), effective=dt.date(2125, 2, 1))
    open_home(desk.home).catalog.add(events=[slip], known_at=dt.datetime.now(dt.UTC))
    assert "slip" not in desk.prints()
    assert "slip,contradiction,announced,announced is 2125-01-10" in desk.prints("check", "--format", "csv", code=1)


def test_a_file_that_claims_what_nobody_can_know_is_refused_with_its_line(desk: Desk) -> None:
    file = desk.home / "events.csv"
    file.write_text(
        "event_id,title,kind,announced,ended,value_unit\none,A duty,tariff,2026-06-01,,pct\n"
        "two,A duty,tariff,2125-06-01,2199-01-01,\n"
    )
    assert call(["ingest", "--events", str(file)]) == 2
    said = desk._capsys.readouterr().err
    assert f"{file}:3: announced = '2125-06-01': expected a day up to {TODAY}" in said
    assert f"{file}:3: ended = '2199-01-01': expected a day up to 2099-12-31" in said
    file.write_text(file.read_text().partition("two")[0])
    assert call(["ingest", "--events", str(file)]) == 0
    assert "one: the unit 'pct' is none that is known" in desk._capsys.readouterr().err


def test_the_listing_is_as_it_was(desk: Desk) -> None:
    assert desk.prints("--kind", "truce") == desk.prints("show", "--kind", "truce")
    assert desk.prints("cn-7ree-licence-2025") == desk.prints("show", "cn-7ree-licence-2025")
