"""The schemas of the document: all that pydantic says of every answer and question, in words that generators read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import jsonschema_rs
import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from forecast.answers.scenarios import Question
from service import ANSWERS, create_app
from service.problems import Problem
from service.schemas import BulkQuery, CalendarQuery, SeriesQuery
from tests.support.documents import Json
from tests.support.trained_home import settings_in

ANSWERED: tuple[type[BaseModel], ...] = (*ANSWERS, Problem)
MODELS: list[tuple[type[BaseModel], JsonSchemaMode]] = [
    *((model, "serialization") for model in ANSWERED),
    (Question, "validation"),
]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Words of JSON Schema with which a member is typed.
TYPED = {"type", "$ref", "anyOf", "enum", "const"}


@pytest.fixture(scope="module")
def document() -> Json:
    app = create_app(settings_in(Path("unused")), catalog=Mock(away=None, noted_row_faults=()), registry=Mock())
    return app.test_client().get("/openapi.json").get_json()


def parts(schema: Json, where: str = "") -> Iterator[tuple[str, Json]]:
    """Every object within a document, with its place."""
    if isinstance(schema, dict):
        yield where, schema
        for name, part in schema.items():
            yield from parts(part, f"{where}/{name}")
    elif isinstance(schema, list):
        for number, part in enumerate(schema):
            yield from parts(part, f"{where}/{number}")


def test_it_is_a_document_of_openapi_3_1(document: Json) -> None:
    assert document["openapi"].startswith("3.1.")


@pytest.mark.parametrize(("model", "mode"), MODELS, ids=[model.__name__ for model, _ in MODELS])
def test_every_member_that_pydantic_tells_of_a_model_is_served(
    document: Json, model: type, mode: JsonSchemaMode
) -> None:
    told = TypeAdapter(model).json_schema(mode=mode, ref_template="#/components/schemas/{model}")
    served = document["components"]["schemas"]
    for name, schema in told.pop("$defs", {}).items():
        assert served[name] == schema, name
    assert served[model.__name__] == told


def test_every_member_that_pydantic_tells_of_a_parameter_is_served(document: Json) -> None:
    for path, query in (("forecasts", BulkQuery), ("events/calendar", CalendarQuery), ("series", SeriesQuery)):
        told = query.model_json_schema()["properties"]
        served = {p["name"]: p["schema"] for p in document["paths"][f"/v1/{path}"]["get"]["parameters"]}
        assert served.keys() == told.keys()
        for name in told.keys() - {"h"}:  # its bound is that of the settings
            assert served[name] == told[name], name


def test_every_schema_is_json_schema_and_every_reference_leads_somewhere(document: Json) -> None:
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        jsonschema_rs.meta.validate({"$schema": DIALECT, **schema})
        assert "$defs" not in schema, name
    targets = {part["$ref"] for _, part in parts(document) if isinstance(part.get("$ref"), str)}
    assert targets <= {f"#/components/schemas/{name}" for name in schemas}


def test_every_member_is_typed(document: Json) -> None:
    """But for one: a refusal shows what was sent, whatever it was."""
    for name, schema in document["components"]["schemas"].items():
        for where, part in parts(schema, name):
            for member, typed in part.get("properties", {}).items() if part.get("type") == "object" else ():
                assert TYPED & typed.keys() or (name, member) == ("ProblemError", "value"), f"{where}/{member}"
            if part.get("type") == "array":
                assert "items" in part, where


def test_nothing_is_said_in_words_that_generators_of_clients_misread(document: Json) -> None:
    """A pattern of members, or a type of all others, beside members that have a name; and defaults of a question,
    which TypeScript would demand."""
    for where, part in parts(document["components"]["schemas"]):
        assert "patternProperties" not in part, where
        if part.get("properties") and part.get("type") == "object":
            assert isinstance(part.get("additionalProperties", False), bool), where
    for name in ("Question", "Scenario", "Add", "Amend", "Take", "Like", "Effect"):
        assert not any("default" in member for member in document["components"]["schemas"][name]["properties"].values())


@pytest.mark.parametrize(
    ("model", "member", "words"),
    [
        ("EventFacts", "kind", {"tariff", "export_control", "other_shock"}),
        ("EventFacts", "status", {"enacted", "lapsed"}),
        ("EventFacts", "price_world", {"up", "down", "unclear"}),
        ("EventFacts", "date_precision", {"day", "month", "year"}),
        ("EventFacts", "certainty", {"verified", "partly"}),
        ("ActFacts", "relation", {"amends", "suspends"}),
        ("StateFacts", "status", {"in_force", "suspended"}),
        ("BranchFacts", "cause", {"threat", "suspension_end"}),
        ("SeriesFacts", "measure", {"price", "volume", "value", "index"}),
        ("SeriesFacts", "role", {"target", "comparison", "evidence"}),
        ("SeriesFacts", "flow", {"world", "import", "export"}),
        ("SeriesFacts", "freq", {"D", "W-SUN", "M", "Y"}),
        ("Forecast", "quality", {"solid", "sparse"}),
        ("Observed", "flag", {"reported", "imputed"}),
        ("EpisodeEstimate", "family", {"tariff", "supply"}),
        ("EpisodeEstimate", "direction", {-1, 0, 1}),
        ("ClassEffect", "stringency", {"ban", "licence"}),
        ("PartnerEffect", "role", {"hit", "other"}),
        ("Add", "kind", {"tariff", "export_ban"}),
        ("Problem", "type", {"about:blank", "urn:orecast:problem:not-found"}),
        ("RestsOn", "basis", {"estimated", "prior"}),
    ],
)
def test_words_of_a_list_are_told_as_one(document: Json, model: str, member: str, words: set[object]) -> None:
    schemas = document["components"]["schemas"]
    told = schemas[model]["properties"][member]
    told = next((kind for kind in told.get("anyOf", ()) if kind != {"type": "null"}), told)
    if "$ref" in told:
        told = schemas[told["$ref"].rpartition("/")[2]]
    assert words <= set(told["enum"])


def test_the_effect_of_an_event_in_a_scenario_can_be_stated(document: Json) -> None:
    effect = document["components"]["schemas"]["Add"]["properties"]["effect"]
    assert effect["additionalProperties"] == {"$ref": "#/components/schemas/Effect"}
    assert document["components"]["schemas"]["Effect"]["properties"].keys() == {"percent", "plus_minus"}


def test_a_page_of_a_list_may_have_a_next_one(document: Json) -> None:
    for name, schema in document["components"]["schemas"].items():
        if "next" in schema["properties"] if "properties" in schema else ():
            assert schema["properties"]["next"]["anyOf"] == [{"type": "string"}, {"type": "null"}], name
            assert "next" in schema["required"]
