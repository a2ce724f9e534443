"""The API keeps its promises for questions about what there is too: ids, days, cursors, scenarios that make sense."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

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
from tests.service.test_openapi import operations
from tests.support.documents import Json
from tests.support.questions import IN_PATHS, IN_QUERIES, QUESTIONS
from tests.support.trained_home import clock, make_home

POSITIVE = [(path, method) for path, method, mode in operations() if mode is GenerationMode.POSITIVE]
#: Operations that change nothing, and those that write.
READS = [(path, method) for path, method in POSITIVE if method == "get" or path == "/v1/scenarios"]
WRITES = sorted({*POSITIVE} - {*READS})
#: Without a socket nothing unpacks what comes packed.
PLAIN = {"Accept-Encoding": "identity"}
RealCase: TypeAlias = Case[APIOperation[Json, Json, Json, Json]]
#: Cases of each operation: in all some 250, and some 10,000.
TIMES = [10, pytest.param(450, marks=pytest.mark.storm)]


@dataclass(frozen=True)
class Api:
    """An application on a home of its own, its document, the headers of somebody who may do everything, and a
    job that was asked for."""

    app: OpenAPI
    schema: OpenApiSchema
    headers: dict[str, str]
    job_id: str


def api(home: Path) -> Api:
    made = make_home(home)
    catalog = Catalog.open(made)
    _, token = catalog.keys.create(KeyOrder("all", [Scope.ADMIN]), clock())
    job = catalog.job_requests.request(JobName.RETRAIN, [], clock())
    catalog.close()
    app = create_app(made, clock=clock)
    headers = {**PLAIN, "Authorization": f"Bearer {token}"}
    return Api(app, schemathesis.openapi.from_wsgi("/openapi.json", app), headers, job.job_id)


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Api:
    return api(tmp_path_factory.mktemp("read"))


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Api:
    return api(tmp_path_factory.mktemp("written"))


def where_the_page_ends(case: RealCase, headers: dict[str, str]) -> str:
    """The cursor that the same question gives when it is asked without one; empty after the last page."""
    given_ = case.query.pop("cursor")
    answer = case.call(headers=headers)
    is_page = answer.status_code == 200 and answer.headers["content-type"] == ["application/json"]
    found = answer.json()["next"] if is_page else given_
    return str(found or "")


def ask(api: Api, path: str, method: str, times: int) -> Counter[int]:
    """Ask an operation so many times about what there is, and see that the document describes each answer."""
    said: Counter[int] = Counter()

    @given(case=api.schema[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE), data=st.data())
    @settings(
        max_examples=times,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    def check(case: RealCase, data: st.DataObject) -> None:
        case.path_parameters.update(
            {name: data.draw(IN_PATHS[name]) for name in IN_PATHS if name in case.path_parameters}
        )
        if "job_id" in case.path_parameters:
            case.path_parameters["job_id"] = data.draw(st.sampled_from([api.job_id, api.job_id, "nothing"]))
        for name, given_ in list(case.query.items()):
            if name == "cursor":
                case.query[name] = where_the_page_ends(case, api.headers)
            elif name in IN_QUERIES:
                found = data.draw(IN_QUERIES[name])
                case.query[name] = [found] if isinstance(given_, list) else found
        if path == "/v1/scenarios":
            case.body = data.draw(QUESTIONS)
        # Whether an event is of a series, and was known on a day, no schema says.
        response = case.call_and_validate(excluded_checks=[positive_data_acceptance], headers=api.headers)
        said[response.status_code] += 1

    check()
    print(method, path, dict(said))
    return said


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize(("path", "method"), READS)
def test_every_answer_about_what_there_is_is_one_that_the_document_describes(
    reading: Api, path: str, method: str, times: int
) -> None:
    said = ask(reading, path, method, times)
    assert said[200] >= said.total() // 10 or path.endswith("/diversion"), "many questions make sense"


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize(("path", "method"), WRITES)
def test_every_answer_to_a_write_is_one_that_the_document_describes(
    writing: Api, path: str, method: str, times: int
) -> None:
    assert ask(writing, path, method, times)
