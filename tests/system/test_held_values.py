"""A wrong value from its delivery to its end: held at the door, named wherever its series is, let in or thrown away."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from forecast import cli, open_home
from service import create_app
from tests.support.trained_home import COPPER, EARTHS, clock, make_home, settings_in

POISON = "price.copper,2026-07-01,13547000"
WHY = "13,547,000 where about "
Orecast = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_home(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
def orecast(home: Path, capsys: pytest.CaptureFixture[str]) -> Orecast:
    """The command line: exit code, what was printed, what was said beside it."""

    def call(*words: str) -> tuple[int, str, str]:
        code = cli.call(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def client(home: Path) -> FlaskClient:
    return create_app(settings_in(home), clock=clock).test_client()


def file(home: Path, *rows: str, header: str = "series_id,ds,value") -> str:
    path = home / "mine.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def held(orecast: Orecast, *words: str) -> list[dict[str, str]]:
    code, out, _ = orecast("observations", "held", *words, "--format", "csv")
    assert code == 0
    return list(csv.DictReader(io.StringIO(out)))


def test_a_poisoned_month_changes_no_forecast_and_is_named_everywhere(
    home: Path, orecast: Orecast, client: FlaskClient
) -> None:
    before = client.get(f"/v1/forecasts/{COPPER}").get_json()
    etag = client.get(f"/v1/series/{COPPER}").headers["ETag"]
    code, out, err = orecast("ingest", file(home, POISON))
    assert code == 0
    assert out.endswith("0 were there already; 1 was held\n")
    assert f"price.copper 2026-07-01 is held and does not count: {WHY}" in err
    assert "1,000 × that: kg for t" in err
    assert "orecast observations accept SERIES --period DAY" in err

    answer = client.get(f"/v1/forecasts/{COPPER}").get_json()
    assert answer["data"] == before["data"]
    assert any(WHY in note for note in answer["notes"])
    assert not any(WHY in note for note in client.get(f"/v1/forecasts/{EARTHS}").get_json()["notes"])
    every = client.get("/v1/forecasts").get_json()["data"]
    assert [one["series_id"] for one in every if any(WHY in note for note in one["notes"])] == [COPPER]

    series = client.get(f"/v1/series/{COPPER}", headers={"If-None-Match": etag})
    assert series.status_code == 200, "a cached answer is out of date"
    assert WHY in series.get_json()["held"][0]
    observations = client.get(f"/v1/series/{COPPER}/observations").get_json()
    assert WHY in observations["held"][0]
    assert observations["data"][-1]["ds"] == "2026-06-01"

    ready = client.get("/readyz").get_json()
    assert (ready["status"], ready["faults"], len(ready["held"])) == ("ready", [], 1)
    with open_home(home) as opened:
        assert WHY in opened.observations(COPPER).held[0]
        assert [one.ds.isoformat() for one in opened.held().data] == ["2026-07-01"]
    health = json.loads(orecast("monitor", "--format", "json")[1])["data"]
    assert {one["series_id"]: len(one["held"]) for one in health if one["held"]} == {COPPER: 1}


def test_taken_in_again_it_is_held_once(home: Path, orecast: Orecast) -> None:
    for _ in range(3):
        orecast("ingest", file(home, POISON))
    assert len(held(orecast)) == 1


def test_discarded_it_is_named_no_more_and_on_record(home: Path, orecast: Orecast, client: FlaskClient) -> None:
    orecast("ingest", file(home, POISON))
    code, out, _ = orecast("observations", "discard", COPPER, "--period", "2026-07-01", "--by", "A. Smith")
    assert (code, out) == (0, "price.copper 2026-07-01 discarded: 13,547,000\n")
    assert held(orecast) == []
    assert client.get("/readyz").get_json()["held"] == []
    (record,) = held(orecast, COPPER, "--settled")
    assert (record["outcome"], record["by"], record["reason"]) == ("discarded", "A. Smith", "slip")
    _, _, err = orecast("ingest", file(home, POISON))
    assert "(discarded by A. Smith on " in err
    assert held(orecast) == []


def test_accepted_it_counts_and_who_accepted_it_is_on_record(
    home: Path, orecast: Orecast, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "operator")
    orecast("ingest", file(home, POISON, "price.copper,2026-08-01,13547"))
    code, out, _ = orecast("observations", "accept", COPPER, "--all")
    assert (code, out) == (0, "price.copper 2026-07-01 accepted: 13,547,000\n")
    (record,) = held(orecast, "--settled")
    assert (record["outcome"], record["by"]) == ("accepted", "operator")
    with open_home(home) as opened:
        assert [one.y for one in opened.observations(COPPER).data[-2:]] == [13547000.0, 13547.0]


def test_one_who_is_sure_lets_all_of_a_file_in(home: Path, orecast: Orecast) -> None:
    code, out, err = orecast("ingest", file(home, POISON), "--accept", "--by", "A. Smith")
    assert (code, "held" in out, err) == (0, False, "")
    (record,) = held(orecast, "--settled")
    assert (record["outcome"], record["by"]) == ("accepted", "A. Smith")
    assert orecast("ingest", file(home, POISON))[1].endswith("1 was there already\n")


@pytest.mark.parametrize("command", ["accept", "discard"])
def test_what_is_meant_has_to_be_said(home: Path, orecast: Orecast, command: str) -> None:
    orecast("ingest", file(home, POISON))
    assert orecast("observations", command, COPPER)[0] == 2
    assert orecast("observations", command, COPPER, "--all", "--period", "2026-07-01")[0] == 2
    code, _, err = orecast("observations", command, COPPER, "--period", "2026-05-01")
    assert code == 2
    assert "period = '2026-05-01': expected a period of which a value of price.copper is held: 2026-07-01" in err
    code, _, err = orecast("observations", command, "price.coper", "--all")
    assert code == 4
    assert "price.copper" in err
    assert len(held(orecast)) == 1


def test_the_table_of_what_is_held_says_why(home: Path, orecast: Orecast) -> None:
    orecast("ingest", file(home, POISON))
    out = orecast("observations", "held")[1]
    assert "price.copper" in out
    assert "13547000" in out
    assert "slip" in out


@pytest.mark.parametrize("flag", [[], ["--accept"]])
def test_the_year_one_is_refused_with_its_line_and_builds_no_calendar(
    home: Path, orecast: Orecast, flag: list[str]
) -> None:
    code, _, err = orecast("ingest", file(home, "price.copper,0001-01-01,9000"), *flag)
    assert code == 2
    assert "mine.csv:2: ds = '0001-01-01': expected a month, such as" in err


def test_a_new_series_with_its_event_and_a_slip_is_taken_in_but_for_the_slip(home: Path, orecast: Orecast) -> None:
    series = home / "series.csv"
    series.write_text("series_id,measure,unit,frequency\nmine.antimony,price,USD/t,MS\n")
    level = [12000.0 + 50 * k for k in range(23)]
    level[9] *= 2204.62
    rows = [f"mine.antimony,{2023 + k // 12}-{k % 12 + 1:02d}-01,{y}" for k, y in enumerate(level)]
    rows += ["mine.antimony,2024-12-01,70080", "mine.antimony,2025-01-01,71000"]  # + 484 %, and it stays
    code, out, err = orecast("ingest", file(home, *rows), "--series", str(series))
    assert code == 0
    assert "1 series, 24 observations" in out
    assert "mine.antimony 2023-10-01 is held" in err
    assert "lb for t" in err
    with open_home(home) as opened:
        assert [one.y for one in opened.observations("mine.antimony").data[-2:]] == [70080.0, 71000.0]
