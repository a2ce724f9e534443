"""The API keeps the promises of its own OpenAPI document, whatever is sent to it."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
import schemathesis
from flask_openapi.openapi import OpenAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from forecast.catalog import Catalog
from forecast.catalog.job_requests import JobName
from forecast.catalog.keys import KeyOrder
from forecast.settings import Scope
from service import create_app
from tests.support.documents import Json
from tests.support.trained_home import COPPER, clock, make_home, settings_in

KNOWN = {
    "series_id": COPPER,
    "event_id": "cn-7ree-licence-2025",
    "run_id": "2026-06-01-a",
    "job_id": "of a job that there is",
}
#: Statuses of what went well.
MADE = ("200", "201", "202")
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def operations() -> list[tuple[str, str, GenerationMode]]:
    """Every (path, method) of the document, to be asked rightly and wrongly, which needs no stores to be written."""
    app = create_app(settings_in(Path("unused")), catalog=Mock(), registry=Mock())
    return [
        (path, method, mode)
        for path, methods in app.api_doc["paths"].items()
        for method, described in methods.items()
        for mode in MODES
        # Any text may be a name, so that a route without a query cannot be asked wrongly.
        if mode is GenerationMode.POSITIVE
        or "requestBody" in described
        or any(p["in"] == "query" for p in described.get("parameters", []))
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def app(home: Path) -> OpenAPI:
    return create_app(make_home(home), clock=clock)


@pytest.fixture(scope="module")
def token(app: OpenAPI, home: Path) -> str:
    """A key that may do everything; and a job is there to be asked about."""
    catalog = Catalog.open(settings_in(home))
    KNOWN["job_id"] = catalog.job_requests.request(JobName.RETRAIN, [], clock()).job_id
    _, token = catalog.keys.create(KeyOrder("admin", [Scope.ADMIN]), clock())
    catalog.close()
    return token


@pytest.fixture(scope="module")
def schema(app: OpenAPI) -> OpenApiSchema:
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


@pytest.mark.parametrize(("path", "method", "mode"), operations())
def test_every_answer_is_one_that_the_document_describes(
    schema: OpenApiSchema, token: str, path: str, method: str, mode: GenerationMode
) -> None:
    """Half of the questions are about things that exist, half about names that nothing has."""

    @given(case=schema[path][method].as_strategy(generation_mode=mode), known=st.booleans())
    @settings(
        max_examples=12 if method == "get" else 6,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    def check(case: Case[APIOperation[Json, Json, Json, Json]], known: bool) -> None:
        if known and mode is GenerationMode.POSITIVE:
            case.path_parameters.update({name: KNOWN[name] for name in case.path_parameters})
        if mode is GenerationMode.POSITIVE:
            # Too early depends on the run, as do the draws there are; one may ask for draws or for quantiles; too late
            # depends on the clock, as do the periods there are; a cursor or a number of a change is what a page gave:
            # no schema says it.
            for name in ("as_of", "from", "until", "cursor", "draws", "quantile", "quantiles", "since"):
                case.query.pop(name, None)
        # Whether a scenario or a write makes sense depends on the catalogue, which no schema can say.
        case.call_and_validate(
            excluded_checks=[] if method == "get" else [positive_data_acceptance],
            # without a socket nothing unpacks what comes packed
            headers={"Accept-Encoding": "identity", "Authorization": f"Bearer {token}"},
        )

    check()


def test_every_route_of_the_api_is_described_with_its_problems(app: OpenAPI) -> None:
    paths = app.api_doc["paths"]
    served = {str(rule).replace("<", "{").replace(">", "}") for rule in app.url_map.iter_rules() if "/v1" in str(rule)}
    assert served == {path for path in paths if path.startswith("/v1")}
    for operations in paths.values():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["responses"]["422"]["content"].keys() == {"application/problem+json"}
            for parameter in operation.get("parameters", []):
                assert parameter["description"], parameter["name"]


def test_every_list_is_described_as_json_and_as_csv(app: OpenAPI) -> None:
    for path, operations in app.api_doc["paths"].items():
        for operation in operations.values() if path.startswith("/v1") else ():
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            (content,) = (said["content"].keys() for status, said in operation["responses"].items() if status in MADE)
            kinds = {"text/csv"} if path.endswith(".csv") else {"application/json"}
            assert content == kinds | ({"text/csv"} if "format" in names else set()), path


def test_the_horizon_in_the_document_is_the_horizon_of_the_settings(app: OpenAPI) -> None:
    parameters = app.api_doc["paths"]["/v1/forecasts/{series_id}"]["get"]["parameters"]
    (h,) = (parameter["schema"] for parameter in parameters if parameter["name"] == "h")
    assert (h["minimum"], h["maximum"]) == (1, 24)
    assert "default" not in h, "it depends on until"


def test_each_write_says_that_it_may_have_an_idempotency_key_and_nothing_else_does(app: OpenAPI) -> None:
    for path, methods in app.api_doc["paths"].items():
        for method, operation in methods.items():
            names = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "header"]
            writes = method in ("post", "patch") and path != "/v1/scenarios"
            assert names == (["Idempotency-Key"] if writes else []), (method, path)
