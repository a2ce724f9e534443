"""The duty on a trade as an answer: the same in Python, over HTTP, as CSV and on the command line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import forecast
from forecast.answers.duties import NONE_ON_RECORD, ORDINARY, REPLACED
from forecast.cli import call
from forecast.errors import InvalidInput, NotFound
from forecast.settings import Settings
from service import create_app
from tests.support.documents import Json

MAGNETS = "/v1/duties?mineral=ndfeb-magnets&origin=CHN&destination=USA"


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Iterator[forecast.Home]:
    with forecast.open_home(tmp_path, today="2026-11-27") as opened:
        yield opened


@pytest.fixture
def client(home: forecast.Home) -> FlaskClient:
    return create_app(home.settings).test_client()


def get(client: FlaskClient, path: str, status: int = 200) -> Json:
    response = client.get(path)
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


def test_each_part_has_its_event_and_source_and_the_ordinary_rate_is_said_to_be_missing(home: forecast.Home) -> None:
    found = home.duties("magnets", origin="CHN", destination="USA")
    assert (found.mineral, found.total_low, found.total_high, found.stated) == ("ndfeb-magnets", 37.5, 37.5, True)
    assert found.says == "25 + 12.5 = 37.5 points and the ordinary rate"
    assert [(part.event_id, part.low) for part in found.data] == [
        ("us-s301-graphite-magnets-2026", 25),
        ("us-s301-fl-2026", 12.5),
    ]
    assert all(part.sources and part.states for part in found.data)
    assert found.missing == (ORDINARY,)


def test_what_is_only_bounded_is_missing_with_the_reason(home: forecast.Home) -> None:
    found = home.duties("rare-earths", origin="CHN", destination="USA")
    assert (found.total_low, found.total_high, found.stated) == (0, 12.5, False)
    assert any("us-s301-forced-labour" in what and "whether it is exempt" in what for what in found.missing)


def test_where_nothing_is_on_record_that_is_not_said_to_be_0(home: forecast.Home) -> None:
    found = home.duties("magnets", origin="MLI", destination="FRA")
    assert (found.data, found.says, found.missing) == ((), NONE_ON_RECORD, (ORDINARY,))


def test_the_average_beside_it_is_that_of_a_step_in_effect(home: forecast.Home) -> None:
    found = home.duties("magnets", origin="CHN", destination="USA", day="2025-04-15").average
    assert found is not None
    assert (found.points, str(found.since)) == (88.14, "2025-04-11")
    later = home.duties("magnets", origin="CHN", destination="USA", day="2026-12-01").average
    assert later is not None
    assert str(later.since) == "2026-07-22", "what was only scheduled is no observation"
    union = home.duties("steel", origin="DEU", destination="USA")
    assert union.average is not None
    assert union.average.place == "EU"
    assert union.total_high is None
    assert "on no record" in union.says


def test_what_is_set_to_change_and_what_may_is_told_a_year_ahead(home: forecast.Home) -> None:
    scheduled = home.duties("polysilicon", origin="GBR", destination="USA").changes
    assert [(str(each.day), each.event_ids, each.certain) for each in scheduled] == [
        ("2026-12-04", ("us-s232-polysilicon-2026",), True)
    ]
    open_end = home.duties("copper-ore", origin="USA", destination="CHN", day="2026-09-01", as_of="2026-09-01").changes
    assert ("cn-retal-34-84-125-2025",) in [each.event_ids for each in open_end if not each.certain]


def test_a_line_for_every_day_on_which_the_duty_changed(home: forecast.Home) -> None:
    found = home.duty_steps("magnets", origin="CHN", destination="USA", start="2025-01-01")
    assert [(str(step.day), step.total_low) for step in found.data][:7] == [
        ("2025-01-01", 0), ("2025-02-04", 10), ("2025-03-04", 20), ("2025-04-05", 30), ("2025-04-09", 104),
        ("2025-04-10", 145), ("2025-05-14", 30),
    ]  # fmt: skip
    assert all(one.until < other.day for one, other in zip(found.data, found.data[1:], strict=False))
    assert str(found.data[-1].until) == "2026-11-27"


@pytest.mark.parametrize(
    ("mineral", "origin", "destination", "hint"),
    [
        ("magnet", "CHN", "USA", "ndfeb-magnets"),
        ("ndfeb-magnets", "CHNN", "USA", "CHN"),
        ("ndfeb-magnets", "CHN", "usa", "such as CHN"),
    ],
)
def test_what_is_no_mineral_and_no_place_is_refused_with_the_nearest(
    home: forecast.Home, mineral: str, origin: str, destination: str, hint: str
) -> None:
    with pytest.raises(NotFound, match=hint):
        home.duties(mineral, origin=origin, destination=destination)


def test_a_basket_and_a_trade_within_one_place_are_refused(home: forecast.Home) -> None:
    with pytest.raises(InvalidInput, match="a mineral"):
        home.duties("all-non-exempt", origin="CHN", destination="USA")
    with pytest.raises(InvalidInput, match="another place"):
        home.duties("magnets", origin="CHN", destination="CHN")
    with pytest.raises(InvalidInput, match="not before"):
        home.duty_steps("magnets", origin="CHN", destination="USA", start="2025-01-01", until="2024-01-01")


def test_a_suspension_whose_end_has_passed_without_news_leaves_open_what_is_paid(home: forecast.Home) -> None:
    trade = {"origin": "USA", "destination": "CHN"}
    last, after = (home.duties("coking-coal", **trade, day=day) for day in ("2026-11-10", "2026-11-11"))
    assert (last.total_low, last.total_high, last.stated) == (50, 50, True)
    assert (after.total_low, after.total_high, after.stated) == (50, 74, False), "10 points, or the 34 of before"
    assert any("cn-retal-34-84-125-2025 is charged again is not known" in what for what in after.missing)
    steps = home.duty_steps("coking-coal", **trade, start="2026-11-01", until="2027-06-01").data
    assert [(str(step.day), step.total_high) for step in steps] == [("2026-11-01", 50), ("2026-11-11", 74)]


def test_where_no_layer_is_on_record_there_is_no_upper_bound_and_an_exemption_is_one(home: forecast.Home) -> None:
    nothing = home.duties("magnets", origin="MLI", destination="FRA")
    assert (nothing.total_low, nothing.total_high, nothing.stated) == (0, None, False)
    exempt = home.duty_steps("neodymium", origin="CHN", destination="USA", start="2025-01-01", until="2025-01-02").data
    assert [(step.total_high, step.stated, step.says) for step in exempt] == [
        (0, True, "exempt from 2 layers on record")
    ]


def test_what_takes_the_place_of_the_ordinary_rate_is_not_added_to_it(home: forecast.Home) -> None:
    found = home.duties("nickel", origin="RUS", destination="USA", day="2023-06-01")
    assert (found.says, found.missing) == ("70 points instead of the ordinary rate", (REPLACED,))


def test_goods_that_stay_in_the_union_have_no_duty_and_a_day_may_be_the_last_that_there_is(home: forecast.Home) -> None:
    for origin, destination in (("DEU", "FRA"), ("EU", "DEU"), ("DEU", "EU")):
        with pytest.raises(InvalidInput, match="outside the EU"):
            home.duties("steel", origin=origin, destination=destination)
    assert home.duties("steel", origin="CHN", destination="FRA", day="9999-12-31").changes == ()


def test_a_tariff_of_ones_own_is_paid_from_when_it_was_taken_in(
    home: forecast.Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "event_id,title,kind,announced,effective,value_after,value_unit,minerals,flows\n"
        "ml-gold-2026,a duty on gold,tariff,2026-10-01,2026-10-15,7.5,pct ad valorem,gold,MLI>FRA\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    assert call(["ingest", "--events", str(path)]) == 0
    found = home.duties("gold", origin="MLI", destination="FRA")
    assert [(part.layer, part.high) for part in found.data] == [("ml-gold-2026", 7.5)]
    assert home.duties("gold", origin="MLI", destination="FRA", day="2026-10-14").data == ()


def test_a_tariff_of_ones_own_without_a_rate_of_the_value_is_told_as_unknown(
    home: forecast.Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "event_id,title,kind,announced,effective,value_after,value_unit,minerals,flows\n"
        "ml-gold-2026,a duty on gold,tariff,2026-10-01,2026-10-15,15,,gold,MLI>FRA\n"
        "ml-tin-2026,a duty on tin,tariff,2026-10-01,2026-10-15,150,USD/t,tin,MLI>FRA\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    assert call(["ingest", "--events", str(path)]) == 0
    for mineral, basis in (("gold", "not said"), ("tin", "USD/t")):
        found = home.duties(mineral, origin="MLI", destination="FRA")
        assert [(part.low, part.high, part.basis) for part in found.data] == [(None, None, basis)]
        assert (found.total_high, found.stated) == (None, False)
        assert any("value_unit such as pp ad valorem" in what for what in found.missing)


def test_http_csv_and_the_command_say_the_same(
    home: forecast.Home, client: FlaskClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = get(client, f"{MAGNETS}&day=2026-09-01&as_of=2026-10-09")
    assert (found["total_low"], [part["high"] for part in found["data"]]) == (37.5, [25.0, 12.5])
    text = client.get(f"{MAGNETS}&day=2026-09-01&as_of=2026-10-09&format=csv").get_data(as_text=True)
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [(line["layer"], line["high"], line["total_high"]) for line in lines] == [
        ("us-s301-china", "25.0", "37.5"),
        ("us-s301-forced-labour", "12.5", "37.5"),
    ]
    monkeypatch.setenv("ORECAST_HOME", str(home.settings.home))
    words = ["duties", "magnets", "--origin", "CHN", "--destination", "USA", "--day", "2026-09-01"]
    assert call([*words, "--as-of", "2026-10-09", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == found
    assert call([*words, "--as-of", "2026-10-09"]) == 0
    assert "25 + 12.5 = 37.5 points and the ordinary rate" in capsys.readouterr().out.replace("\n  ", " ")


def test_steps_over_http_and_on_the_command_line(
    home: forecast.Home, client: FlaskClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/v1/duties/steps?mineral=magnets&origin=CHN&destination=USA&from=2025-01-01&as_of=2026-10-09"
    found = get(client, path)
    assert found["data"][1] == {
        "day": "2025-02-04",
        "until": "2025-03-03",
        "total_low": 10.0,
        "total_high": 10.0,
        "stated": True,
        "says": "us-ieepa-fentanyl 10",
        "layers": [{"layer": "us-ieepa-fentanyl", "event_id": "us-ieepa-cn-fent-2025-02", "low": 10.0, "high": 10.0}],
    }
    monkeypatch.setenv("ORECAST_HOME", str(home.settings.home))
    words = ["duties", "magnets", "--origin", "CHN", "--destination", "USA", "--from", "2025-01-01"]
    assert call([*words, "--as-of", "2026-10-09", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == found


def test_over_http_what_is_not_there_is_a_404_and_what_is_missing_a_422(client: FlaskClient) -> None:
    assert "ndfeb-magnets" in str(get(client, MAGNETS.replace("ndfeb-magnets", "magnet"), 404))
    assert "destination" in str(get(client, "/v1/duties?mineral=copper&origin=CHN", 422))
