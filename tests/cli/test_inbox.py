"""The inbox at the command line: listed, shown, accepted, merged, dismissed, imported; nothing acts before."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from forecast import open_home
from forecast.catalog import Catalog
from forecast.cli import call
from forecast.settings import Settings, data_dir
from forecast.sources.providers.federal_register import FederalRegister
from tests.support.feeds.federal_register import Feed
from tests.support.notices import notices
from tests.support.publishers import published, web_for
from tests.support.trained_home import COPPER, make_home

NOW = dt.datetime(2026, 7, 1, 9, tzinfo=dt.UTC)
EXTRACT = data_dir() / "sources" / "samples" / "global-trade-alert" / "extract.csv"
Says = Callable[..., str]


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the candidates of the development set, and the commands pointed at it."""
    fill(settings)
    monkeypatch.setenv("ORECAST_HOME", str(settings.home))
    monkeypatch.setenv("COLUMNS", "100")
    return settings.home


@pytest.fixture
def says(home: Path, capsys: pytest.CaptureFixture[str]) -> Says:
    """What ``orecast events inbox`` prints; of what is refused its complaint."""

    def run(*arguments: str, code: int = 0, at: str = "inbox") -> str:
        assert call(["events", at, *arguments]) == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    return run


def fill(settings: Settings) -> None:
    catalog = Catalog.open(settings)
    with published(Feed(notices("development"))) as publisher, web_for(FederalRegister, publisher) as web:
        assert catalog.inbox.add(FederalRegister().fetch(web, dt.date(2018, 1, 1)), NOW) == 10
    catalog.close()


def test_what_waits_is_listed_the_latest_first_with_doubts_and_what_it_may_be(says: Says) -> None:
    rows = list(csv.DictReader(io.StringIO(says("--format", "csv"))))
    assert [row["event_id"] for row in rows][:2] == ["fr-2025-14893", "fr-2025-13345"]
    copper = rows[0]
    assert (copper["kind"], copper["minerals"], copper["effective"]) == ("tariff", "copper", "2025-08-01")
    assert "us-s232-copper-2025 (the same?): it is by the same act" in copper["may_be"]
    assert "10 candidates waiting; none of them moves a forecast" in " ".join(says().split())


def test_one_is_shown_in_full(says: Says) -> None:
    shown = json.loads(says("fr-2025-02832", "--format", "json"))
    assert shown["instrument"] == "Proclamation 10895"
    assert any(text.startswith("us-s232-steel-al-2025-03 (the same?)") for text in shown["may_be"])
    assert shown["doubts"] == ["it names several rates: 10->25, 200 percent"]
    assert shown["cites"][0] == "Proclamation 9704"
    assert "Proclamation 10895" in says("show", "fr-2025-02832")
    assert "nearest: fr-2025-02832" in says("fr-2025-0283", code=4)


def test_an_accepted_candidate_is_an_event_that_is_known_since_it_was_announced(says: Says, home: Path) -> None:
    said = says("accept", "fr-2025-14893", "--by", "A. Smith")
    assert "fr-2025-14893 is accepted" in said
    assert "fr-2025-14893 touches price.copper; training is due" in " ".join(said.split())
    event = open_home(home).event("fr-2025-14893")
    assert (event.kind, event.announced, event.own, event.value_after) == ("tariff", dt.date(2025, 7, 30), True, 50)
    assert "fr-2025-14893" not in says()
    rows = {row["event_id"]: row for row in csv.DictReader(io.StringIO(says("--all", "--format", "csv")))}
    assert (rows["fr-2025-14893"]["outcome"], rows["fr-2025-14893"]["by"]) == ("accepted", "A. Smith")
    assert "it was accepted on" in says("accept", "fr-2025-14893", "--as", "again", code=2)


def test_who_accepted_it_and_why_is_in_its_history_and_its_doubts_are_told_again(says: Says) -> None:
    said = says("accept", "fr-2025-02832", "--by", "A. Smith", "--why", "read in full")
    assert "it names several rates: 10->25, 200 percent" in " ".join(said.split())
    (first,) = json.loads(says("fr-2025-02832", "--format", "json", at="history"))["data"]
    assert (first["action"], first["by"], first["why"]) == ("take in", "A. Smith", "read in full")
    assert first["recorded"] is not None


def test_it_may_be_accepted_with_other_facts_and_under_another_name(says: Says, home: Path) -> None:
    says(
        "accept", "fr-2025-14893", "--as", "us-copper", "--minerals", "copper-semis", "--price-world", "up",
        "--effective", "2025-08-02", "--unset", "value-after", "--unset", "value-unit",
    )  # fmt: skip
    event = open_home(home).event("us-copper")
    assert (event.minerals, event.price_world, event.effective) == (("copper-semis",), "up", dt.date(2025, 8, 2))
    assert event.value_after is None
    assert json.loads(says("fr-2025-14893", "--format", "json"))["became"] == "us-copper"


def test_what_is_refused_leaves_the_candidate_waiting_and_no_event(says: Says, home: Path) -> None:
    assert "--effective = 'soon'" in says("accept", "fr-2025-14893", "--effective", "soon", code=2)
    assert "a new id" in says("accept", "fr-2025-14893", "--as", "us-s232-copper-2025", code=2)
    assert "fr-2025-14893" not in {event.event_id for event in open_home(home).events().data}
    assert "fr-2025-14893" in says()


def test_a_merged_candidate_adds_its_source_and_what_the_event_does_not_say(says: Says, home: Path) -> None:
    before = open_home(home).event("us-s232-copper-2025")
    said = " ".join(says("merge", "fr-2025-14893", "us-s232-copper-2025").split())
    assert "fr-2025-14893 is merged into us-s232-copper-2025" in said
    assert "no number changes, only what is said" in said
    event = open_home(home).event("us-s232-copper-2025")
    address = "https://www.federalregister.gov/documents/2025/08/05/2025-14893"
    assert event.sources == (*before.sources, address)
    kept = ("title", "kind", "minerals", "announced", "effective", "value_after", "flows", "instrument")
    assert [getattr(event, name) for name in kept] == [getattr(before, name) for name in kept]
    history = json.loads(says("us-s232-copper-2025", "--format", "json", at="history"))
    assert history["data"][-1]["why"] == "federal-register 2025-14893"
    assert "it was merged" in says("merge", "fr-2025-14893", "us-s232-copper-2025", code=2)


def test_facts_that_an_event_lacks_come_with_a_merge(says: Says, home: Path) -> None:
    assert call(["events", "add", "duty", "--title", "A duty", "--kind", "tariff", "--announced", "2025-07-30"]) == 0
    says("merge", "fr-2025-14893", "duty")
    event = open_home(home).event("duty")
    assert (event.title, event.minerals, event.value_after) == ("A duty", ("copper",), 50)
    assert (event.instrument, event.effective) == ("Proclamation 10962", dt.date(2025, 8, 1))


def test_a_dismissed_candidate_does_not_come_back(says: Says, home: Path) -> None:
    assert "say --why" in " ".join(says("dismiss", "fr-2025-14893", code=2).split())
    says("dismiss", "fr-2025-14893", "--why", "known")
    catalog = Catalog.open(Settings.from_env({"ORECAST_HOME": str(home)}))
    with published(Feed(notices("development"))) as publisher, web_for(FederalRegister, publisher) as web:
        assert catalog.inbox.add(FederalRegister().fetch(web, dt.date(2018, 1, 1)), NOW) == 0
    catalog.close()
    assert "fr-2025-14893" not in says()
    shown = json.loads(says("fr-2025-14893", "--format", "json"))
    assert (shown["outcome"], shown["why"], shown["may_be"]) == ("dismissed", "known", [])


def test_an_extract_comes_in_once_without_a_network(says: Says) -> None:
    said = " ".join(says("import", str(EXTRACT)).split())
    assert "extract.csv: 2 candidates about minerals, 2 of them new" in said
    assert "0 of them new" in says("import", str(EXTRACT))
    assert "gta-900001" in says()


def test_a_forecast_is_the_same_to_the_byte_with_a_full_inbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_home(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    asked = ["forecast", COPPER, "--as-of", "2026-07-15", "--format", "json"]
    assert call(asked) == 0
    before = capsys.readouterr().out
    catalog = Catalog.open(settings)
    prints = {name: catalog.fingerprint(name) for name in catalog.targets()}
    catalog.close()
    fill(settings)
    assert call(asked) == 0
    assert capsys.readouterr().out == before
    catalog = Catalog.open(settings)
    assert {name: catalog.fingerprint(name) for name in catalog.targets()} == prints
    catalog.close()
    assert call(["events", "inbox", "accept", "fr-2025-14893", "--price-world", "up"]) == 0
    catalog = Catalog.open(settings)
    assert catalog.fingerprint(COPPER) != prints[COPPER]
    catalog.close()
