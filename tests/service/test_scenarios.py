"""A scenario asked over HTTP: the same question as in a file, refused with the place of each fault."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from forecast.catalog import Catalog
from service import create_app
from tests.support.documents import Json
from tests.support.trained_home import COPPER, EARTHS, NOW, clock, make_home

QUESTION: dict[str, object] = {
    "series": [EARTHS, COPPER],
    "h": 12,
    "scenarios": [{"name": "return", "probability": 0.3, "take": [{"branch": "cn-suspension-no70-2025"}]}],
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return create_app(make_home(tmp_path_factory.mktemp("home")), clock=clock).test_client()


def refused(client: FlaskClient, status: int, question: object) -> list[dict[str, Json]]:
    response = client.post("/v1/scenarios", json=question)
    assert response.status_code == status, response.get_data(as_text=True)
    errors: list[dict[str, Json]] = response.get_json()["errors"]
    return errors


def test_every_series_is_answered_in_every_world(client: FlaskClient) -> None:
    answer = client.post("/v1/scenarios", json=QUESTION).get_json()
    result = [(outcome["series_id"], outcome["scenario"], outcome["probability"]) for outcome in answer["data"]]
    assert result == [
        *((EARTHS, "baseline", 0.7), (EARTHS, "return", 0.3), (EARTHS, "mixture", None)),
        *((COPPER, "baseline", 0.7), (COPPER, "return", 0.3), (COPPER, "mixture", None)),
    ]
    assert answer["as_of"] == "2026-07-15"


def test_a_chance_may_be_as_small_as_numbers_are(client: FlaskClient) -> None:
    take = {"branch": "cn-suspension-no70-2025", "probability": 2.2e-313}
    response = client.post("/v1/scenarios", json={**QUESTION, "scenarios": [{"name": "hardly", "take": [take]}]})
    assert response.status_code == 200
    baseline, hardly, *_ = response.get_json()["data"]
    assert [row["yhat"] for row in hardly["data"]] == [row["yhat"] for row in baseline["data"]]


def test_the_baseline_is_the_forecast(client: FlaskClient) -> None:
    (baseline, *_) = client.post("/v1/scenarios", json=QUESTION).get_json()["data"]
    forecast = client.get(f"/v1/forecasts/{EARTHS}?h=12").get_json()
    means = [row["mean"] for row in baseline["data"]]
    added = [{"mean": mean, "difference": None, "cumulated": None} for mean in means]
    assert baseline["data"] == [{**row, **more} for row, more in zip(forecast["data"], added, strict=True)]


def test_what_comes_back_changes_the_flow_from_its_day_on(client: FlaskClient) -> None:
    _, scenario, *_ = client.post("/v1/scenarios", json=QUESTION).get_json()["data"]
    changed = [row["ds"] for row in scenario["data"] if row["difference"]["median"]]
    assert changed
    assert min(changed) >= "2026-10-01"
    assert [row["cumulated"].keys() >= {"median", "lo-80"} for row in scenario["data"]] == [True] * 17


def test_csv_has_a_row_for_each_period_of_each_world(client: FlaskClient) -> None:
    answer = client.post("/v1/scenarios", json=QUESTION).get_json()
    text = client.post("/v1/scenarios?format=csv", json=QUESTION).get_data(as_text=True)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 3 * (17 + 13)
    chances = [outcome["probability"] for outcome in answer["data"] for _ in outcome["data"]]
    assert [float(row["probability"]) if row["probability"] else None for row in rows] == chances
    assert 0.3 in chances
    result = [row["yhat"] for outcome in answer["data"] for row in outcome["data"]]
    assert [float(row["yhat"]) for row in rows] == result
    sums = [row["cumulated"]["lo-80"] for outcome in answer["data"] for row in outcome["data"] if row["cumulated"]]
    assert sums
    assert [float(row["cumulated_lo-80"]) for row in rows if row["cumulated_lo-80"]] == sums


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"series": ["price.coper"]}, "body.series.0"),
        ({"h": 99}, "body.h"),
        ({"horizon": 3}, "body.horizon"),
        ({"as_of": "2026-07-01"}, "body.as_of"),
        ({"scenarios": [{"name": "x", "remove": ["cn-7ree-licence-2052"]}]}, "body.scenarios.0.remove.0"),
        ({"scenarios": [{"name": "x", "probability": "0.3"}]}, "body.scenarios.0.probability"),
    ],
)
def test_a_wrong_member_is_named_by_its_place(client: FlaskClient, change: dict[str, object], where: str) -> None:
    assert where in {error["where"] for error in refused(client, 422, QUESTION | change)}


ADDED: dict[str, object] = {
    "event": "new-licence",
    "minerals": ["rare-earths"],
    "flows": ["CHN>WLD"],
    "effective": "2026-09-10",
    "volume": "down",
}


def adding(**changed: object) -> dict[str, object]:
    return {"scenarios": [{"name": "added", "add": [ADDED | changed]}]}


def test_the_same_question_has_the_same_answer_to_the_byte(client: FlaskClient, tmp_path: Path) -> None:
    question = QUESTION | adding()
    first, second = (client.post("/v1/scenarios", json=question).data for _ in range(2))
    assert first == second
    elsewhere = create_app(make_home(tmp_path), clock=clock).test_client()
    assert elsewhere.post("/v1/scenarios", json=question).data == first


def test_an_added_event_says_what_its_effect_rests_on(client: FlaskClient) -> None:
    baseline, scenario, *_ = client.post("/v1/scenarios", json=QUESTION | adding()).get_json()["data"]
    (note,) = scenario["notes"]
    assert re.match(
        r"new-licence: effect not known yet; taken from what \d+ other export licences did to (volumes|values): ",
        note,
    )
    assert not any("new-licence" in result for result in baseline["notes"])
    stated = adding(effect={"volume": {"percent": -20}})
    _, scenario, *_ = client.post("/v1/scenarios", json=QUESTION | stated).get_json()["data"]
    assert scenario["notes"] == []


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"minerals": ["rare-earth"]}, "body.scenarios.0.add.0.minerals.0"),
        ({"ended": "2026-09-01"}, "body.scenarios.0.add.0.ended"),
        ({"announced": "2026-10-01"}, "body.scenarios.0.add.0.effective"),
        ({"effect": {"volume": {"percent": 1e999}}}, "body"),
    ],
)
def test_an_event_that_cannot_be_is_refused_at_its_place(
    client: FlaskClient, changed: dict[str, object], where: str
) -> None:
    assert any(error["where"].startswith(where) for error in refused(client, 422, QUESTION | adding(**changed)))


def test_a_retired_series_is_gone_as_it_is_elsewhere(tmp_path: Path) -> None:
    settings = make_home(tmp_path)
    catalog = Catalog.open(settings)
    catalog.retire(COPPER, now=NOW)
    catalog.close()
    client = create_app(settings, clock=clock).test_client()
    elsewhere = client.get(f"/v1/forecasts/{COPPER}")
    here = client.post("/v1/scenarios", json=QUESTION | {"series": [COPPER]})
    assert (here.status_code, elsewhere.status_code) == (410, 410)
    assert here.get_json()["detail"] == elsewhere.get_json()["detail"]


def test_a_level_twice_is_refused_as_it_is_elsewhere(client: FlaskClient) -> None:
    assert {error["where"] for error in refused(client, 422, QUESTION | {"level": [80, 80]})} == {"body.level"}
    assert client.get(f"/v1/forecasts/{EARTHS}?level=80,80").status_code == 422


def test_probabilities_over_one_and_too_many_events_are_refused(client: FlaskClient) -> None:
    likely: list[object] = [{"name": name, "probability": 0.6, "remove": []} for name in ("a", "b")]
    assert refused(client, 422, QUESTION | {"scenarios": likely})
    many = [{"name": "many", "add": [ADDED | {"event": f"e-{k}"} for k in range(51)]}]
    assert refused(client, 422, QUESTION | {"scenarios": many})[0]["where"].startswith("body.scenarios")


def test_what_is_no_json_object_is_refused(client: FlaskClient) -> None:
    assert refused(client, 422, [])[0]["where"] == "body"
    assert client.post("/v1/scenarios", data="{", content_type="application/json").status_code == 400
    assert client.post("/v1/scenarios", data="{}").status_code == 415
    too_large = client.post("/v1/scenarios", data=b" " * 300_000, content_type="application/json")
    assert (too_large.status_code, too_large.mimetype) == (413, "application/problem+json")


def test_what_would_take_too_long_is_refused_before_it_is_begun(client: FlaskClient) -> None:
    def slipping(name: str, months: int) -> dict[str, object]:
        return {"event": name, "effective": "2026-09-01", "minerals": ["copper"], "slips": [0, months]}

    # Each month of a slip is a version, and so is the scenario itself: 1 + 4 × 60 + 9 = 250 versions, × 2 series × 24.
    def asking(last: int) -> dict[str, object]:
        added = [slipping(f"e{i}", months) for i, months in enumerate((59, 59, 59, 59, last))]
        return QUESTION | {"scenarios": [{"name": "s", "add": added}]}

    assert client.post("/v1/scenarios", json=asking(8)).status_code == 200
    (fault,) = refused(client, 422, asking(9))
    assert (fault["where"], fault["value"]) == ("body.scenarios", "251 versions of the events × 2 series × 24 periods")
    assert fault["expected"].startswith("at most 12,000: 250 versions")


def test_a_question_that_runs_out_of_time_is_a_problem_that_says_what_to_do(tmp_path: Path) -> None:
    app = create_app(make_home(tmp_path).model_copy(update={"scenario_seconds": 0}), clock=clock)
    response = app.test_client().post("/v1/scenarios", json=QUESTION)
    assert response.status_code == 503
    problem = response.get_json()
    assert problem["type"] == "urn:orecast:problem:out-of-time"
    assert problem["detail"] == (
        "the scenarios took longer than 0 s; ask for fewer series, scenarios or months of slip"
    )
