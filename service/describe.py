"""The OpenAPI document: what each route answers with, as flask-openapi wants it said."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.security_scheme import SecurityScheme
from flask_openapi.models.tag import Tag
from flask_openapi.openapi import OpenAPI
from flask_openapi.types import ResponseDict
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue, models_json_schema

from service import stale
from service.problems import MEDIA_TYPE, Problem
from service.writes import KEY, REPLAYED

VERSION_OF_OPENAPI = "3.1.0"
_REF = "#/components/schemas/{model}"
_PROBLEMS = {
    400: "The request is not well formed.",
    401: "This needs a key; WWW-Authenticate says so, or what is wrong with the key that was sent.",
    403: "The key that was sent is not for this.",
    404: "There is no such thing; the nearest that exists is named.",
    410: "The series was retired: nothing is served of it any more.",
    405: "The path knows other methods.",
    406: "The client takes nothing of what there is: application/json and, of tables, text/csv.",
    412: "If-Match names another state of it than there is now.",
    413: "The body is too large.",
    415: "The body is of a type that is not read here.",
    422: "A parameter or a member of the body is wrong; each is named with what was expected.",
    429: "Too many requests; Retry-After says when to come back.",
    500: "The service failed.",
    503: "What was asked for cannot be served now; Retry-After says when to come back, and is not there "
    "where nothing passes by itself: what is stored is damaged.",
}

#: How a key is sent.
SECURITY_SCHEMES: dict[str, SecurityScheme | dict[str, object]] = {
    "key": {"type": "http", "scheme": "bearer", "description": "a key, as `orecast keys create` prints it"}
}
#: Of operations where a key is needed, and where one may be sent.
KEY_NEEDED: list[dict[str, list[str]]] = [{"key": []}]
KEY_OPTIONAL: list[dict[str, list[str]]] = [{}, *KEY_NEEDED]

_STALE: dict[str, object] = {
    stale.HEADER: {
        "description": "there while the database is away: at which moment the catalogue was as it is told",
        "schema": {"type": "string"},
    }
}
_REPLAYED: dict[str, object] = {
    REPLAYED: {
        "description": "true: the request came before with the same Idempotency-Key, and was answered so then",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
_KEYED: dict[str, object] = {
    "name": KEY,
    "in": "header",
    "required": False,
    "description": "a name that the client makes up for this request, such as a UUID: sent again with the same body, "
    "within 24 hours, it gets the first answer, and nothing is done twice",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_LOCATION: dict[str, object] = {
    "Location": {"description": "where what was made is found", "schema": {"type": "string"}}
}
_REFUSED: dict[str, object] = {"content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model=Problem.__name__)}}}}
_PART: dict[str, object] = {
    "description": "The part of the CSV that the header Range asks for.",
    "content": {"text/csv": {"schema": {"type": "string"}}},
}


def answers(*models: type[BaseModel], csv: bool = False, body: bool = False) -> ResponseDict:
    """The responses of a route that answers with one of ``models``, as CSV too if so said; ``body``: it reads one."""
    refs = [{"$ref": _REF.format(model=model.__name__)} for model in models]
    content: dict[str, object] = {"application/json": {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}}
    if csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    problems: ResponseDict = {
        status: {"description": say, **_REFUSED}
        for status, say in _PROBLEMS.items()
        if status not in ((412,) if body else (400, 413, 415))
    }
    return {
        200: {"description": (models[0].__doc__ or "").partition("\n")[0], "headers": _STALE, "content": content},
        **({206: _PART, 416: {"description": "There is no such part.", **_REFUSED}} if csv and not body else {}),
        **({} if body else {304: {"description": "What the client has, by its ETag, is still right."}}),
        **problems,
    }


def writes(model: type[BaseModel], status: int = 200) -> ResponseDict:
    """The responses of a route that writes, and answers with ``model`` if that went well."""
    found = answers(model, body=True)
    found.pop(200)
    content = {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
    headers = _REPLAYED if status == HTTPStatus.OK else _REPLAYED | _LOCATION
    says = (model.__doc__ or "").partition("\n")[0]
    return {
        status: {"description": says, "headers": headers, "content": content},
        **found,
        409: {
            "description": "Another write is at work, or this very one; Retry-After says when to come back.",
            **_REFUSED,
        },
    }


def csv_only(says: str) -> ResponseDict:
    """The responses of a route that answers with a CSV file, its rows and digest in headers."""
    headers = {
        "X-Row-Count": {"description": "rows, the header not counted", "schema": {"type": "integer"}},
        "X-SHA256": {"description": "SHA-256 of the file in hexadecimal digits", "schema": {"type": "string"}},
        "Repr-Digest": {"description": "the same as RFC 9530 has it", "schema": {"type": "string"}},
        "X-Left-Out": {
            "description": "ids of series that could not be in it, percent-encoded",
            "schema": {"type": "string"},
        },
        **_STALE,
    }
    found = answers(Problem, csv=True)
    found[200] = {"description": says, "headers": headers, "content": {"text/csv": {"schema": {"type": "string"}}}}
    return found


def asked(model: type[BaseModel], *, csv: bool = False) -> dict[str, object]:
    """The body of a request: JSON as ``model`` says; ``csv``: or a table with a header."""
    content: dict[str, object] = {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
    if csv:
        content["text/csv"] = {
            "schema": {"type": "string"},
            "example": "series_id,ds,value\nprice.copper,2026-07,9871.5",
        }
    return {"required": True, "content": content}


def group(name: str, *, prefix: str = "/v1") -> APIBlueprint:
    """An empty group of routes; each operation is called what its function is called, as client generators like it."""

    def by_name(*, name: str, path: str, method: str) -> str:
        return name

    tag = Tag(name=name)
    return APIBlueprint(name, __name__, url_prefix=prefix or None, abp_tags=[tag], operation_id_callback=by_name)


class DescribedApi(OpenAPI):
    """flask-openapi's application, whose document is of OpenAPI 3.1 and has every schema as pydantic writes it.

    flask-openapi says 3.2, of which it uses nothing and which client generators do not read; and it passes schemas
    through a model of its own, which drops what it does not know, such as ``patternProperties``.
    """

    answers: Sequence[type[BaseModel]] = ()
    questions: Sequence[type[BaseModel]] = ()

    def generate_spec_json(self) -> None:
        """Make the document, at the first question for it."""
        self.openapi_version = VERSION_OF_OPENAPI
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        self.spec_json["components"]["schemas"] = schemas(self.answers, self.questions)
        for methods in self.spec_json["paths"].values():
            for operation in methods.values():
                if any(REPLAYED in answer.get("headers", {}) for answer in operation["responses"].values()):
                    operation["parameters"] = [*operation.get("parameters", []), _KEYED]


def schemas(answers: Sequence[type[BaseModel]], questions: Sequence[type[BaseModel]]) -> dict[str, JsonSchemaValue]:
    """The schemas that ``answers`` and ``asked`` refer to, by name."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "serialization") for model in answers),
        *((model, "validation") for model in questions),
    ]
    _, document = models_json_schema(models, ref_template=_REF)
    found: dict[str, JsonSchemaValue] = document["$defs"]
    return found
