"""Whatever goes wrong, a client reads one shape: RFC 9457 problem+json with every wrong value named."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient

from forecast.errors import (
    CorruptArtifact,
    Fault,
    FitFailed,
    ForecastError,
    InvalidInput,
    Malformed,
    Misconfigured,
    MissingDesign,
    NotFound,
    NotTrained,
    TooShort,
    Unavailable,
    UnknownFormat,
)
from service import problems, telemetry
from service.encoding import Json

Raising = Callable[[Exception | int], FlaskClient]
MEMBERS = {"type", "title", "status", "detail", "instance", "errors"}


@pytest.fixture
def raising() -> Raising:
    """A client of an application whose every path ends as it is told."""

    def make(end: Exception | int) -> FlaskClient:
        app = Flask(__name__)
        app.json = Json(app)
        problems.install(app, telemetry.logger("ERROR"))

        @app.route("/things/<name>", methods=["GET", "POST"])
        def thing(name: str) -> str:
            if isinstance(end, int):
                abort(end)
            raise end

        return app.test_client()

    return make


EVERY_REFUSAL = [
    (NotFound("series", "price.coper", ["price.copper"]), 404, "not-found"),
    (NotTrained("price.copper"), 404, "not-trained"),
    (InvalidInput(Fault("query.h", "0", "1 to 24")), 422, "invalid-input"),
    (Malformed(Fault("body", "{", "JSON")), 400, "malformed"),
    (TooShort("three observations"), 422, "too-short"),
    (CorruptArtifact("draws.npy", "cut short"), 503, "corrupt-artifact"),
    (UnknownFormat("2026-06-01-a", "its card has format 3"), 503, "unknown-format"),
]


@pytest.mark.parametrize(("error", "status", "kind"), EVERY_REFUSAL, ids=lambda value: type(value).__name__)
def test_every_refusal_is_a_problem_that_says_why(
    raising: Raising, error: ForecastError, status: int, kind: str
) -> None:
    response = raising(error).get("/things/x")
    body = response.get_json()
    assert response.status_code == body["status"] == status
    assert response.mimetype == "application/problem+json"
    assert set(body) == MEMBERS
    assert body["type"] == f"urn:orecast:problem:{kind}"
    assert body["detail"] == str(error)
    assert body["instance"] == "/things/x"


@pytest.mark.parametrize(
    "error", [KeyError("secret"), FitFailed("secret"), MissingDesign(["secret"]), Misconfigured("secret")]
)
def test_a_bug_is_a_500_that_keeps_its_secrets(raising: Raising, error: Exception) -> None:
    response = raising(error).get("/things/x")
    assert response.status_code == 500
    assert set(response.get_json()) == MEMBERS
    assert "secret" not in response.get_data(as_text=True)


def test_a_database_that_is_away_is_a_503_that_keeps_its_place_and_its_cause(raising: Raising) -> None:
    response = raising(Unavailable("postgresql://secret@h/ore", "no route to secret")).get("/things/x")
    body = response.get_json()
    assert (response.status_code, response.mimetype) == (503, "application/problem+json")
    assert set(body) == MEMBERS
    assert body["type"] == "urn:orecast:problem:unavailable"
    assert "secret" not in response.get_data(as_text=True)


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415, 429, 500, 503])
def test_what_flask_raises_itself_has_the_same_shape(raising: Raising, status: int) -> None:
    response = raising(status).get("/things/x")
    body = response.get_json()
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    assert set(body) == MEMBERS
    assert (body["type"], body["status"], body["errors"]) == ("about:blank", status, [])


def test_a_wrong_method_still_says_which_are_right(raising: Raising) -> None:
    response = raising(404).delete("/things/x")
    assert response.status_code == 405
    assert {"GET", "POST"} <= {method.strip() for method in response.headers["Allow"].split(",")}


def test_every_fault_is_listed_with_its_place_its_value_and_what_is_right(raising: Raising) -> None:
    faults = [Fault("query.h", "0", "1 to 24"), Fault("level", 101, "1 to 99")]
    body = raising(InvalidInput(faults)).get("/things/x").get_json()
    assert body["errors"] == [
        {"where": "query.h", "value": "0", "expected": "1 to 24"},
        {"where": "query.level", "value": 101, "expected": "1 to 99"},
    ]


def test_a_fault_found_deep_inside_a_post_stands_in_its_body(raising: Raising) -> None:
    body = raising(InvalidInput(Fault("h", 0, "1 to 24"))).post("/things/x").get_json()
    assert body["errors"][0]["where"] == "body.h"


@pytest.mark.parametrize(
    ("path", "where"), [("/things/coper", "path.name"), ("/things/x?ids=a,coper", "query.ids"), ("/things/x", "series")]
)
def test_an_unknown_name_is_found_in_the_request_and_the_nearest_is_offered(
    raising: Raising, path: str, where: str
) -> None:
    body = raising(NotFound("series", "coper", ["copper", "nickel"])).get(path).get_json()
    assert body["errors"] == [{"where": where, "value": "coper", "expected": "copper"}]


@pytest.mark.parametrize(
    ("value", "shown"), [({1}, "{1}"), (10**30, 10**30), (float("nan"), None), ("\ud800", "\ud800")]
)
def test_whatever_was_sent_can_be_shown(raising: Raising, value: object, shown: object) -> None:
    body = json.loads(raising(InvalidInput(Fault("query.h", value, "a number"))).get("/things/x").data)
    assert body["errors"][0]["value"] == shown


def test_a_name_with_a_comma_is_found_where_it_was_asked(client: FlaskClient) -> None:
    (error,) = json.loads(client.get("/v1/series?mineral=copper,tin").data)["errors"]
    assert (error["where"], error["value"]) == ("query.mineral", "copper,tin")
