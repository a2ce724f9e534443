"""What a write may say: one pydantic model for each body, of which the document tells; values are judged by the gate.

A value that is taken in is judged by those who judge files, so that a request and a file are refused with the same
words; here is only checked that the body is JSON, and that its members have names that there are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, NoReturn

from flask import request
from pydantic import BaseModel, ConfigDict, Field, create_model
from werkzeug.exceptions import UnsupportedMediaType

from forecast.answers.events import EventFacts
from forecast.answers.observations import Observed
from forecast.answers.scenarios.faults import meant
from forecast.answers.series import SeriesFacts
from forecast.answers.words import Flag
from forecast.catalog.csv_reader import MOST_FAULTS
from forecast.catalog.csv_records import EVENTS_NOT_TAKEN, SERIES_NOT_TAKEN, EventRow, SeriesRow
from forecast.catalog.job_requests import JobName
from forecast.errors import Fault, InvalidInput, Malformed
from service.parameters import Asked

_KNOWN_AT = "a day or an ISO 8601 moment up to now (UTC) since which it is known; now if left out"


class DeliveredObservation(BaseModel):
    """A value to be taken in."""

    model_config = ConfigDict(extra="forbid")

    series_id: str = Field(description="id of the series", examples=["price.copper"])
    ds: str = Field(description="first day of the period, YYYY-MM-DD or YYYY-MM", examples=["2026-07-01"])
    value: float = Field(ge=0, description="the value, in the unit of the series", examples=[9871.5])
    flag: Flag | None = Field(None, description=f"{Observed.model_fields['flag'].description}; reported if left out")
    known_at: str | None = Field(
        None,
        description="a day or an ISO 8601 moment (UTC) since which it is known; if left out, now, or for the first "
        "values of a series the end of their periods plus its release lag",
    )
    assumed: bool | None = Field(None, description="true: known_at is derived from the usual delay")
    unit: str | None = Field(None, description="unit of the value, where it is to be compared with that of the series")
    source: str | None = Field(None, description="who publishes it: one source may confirm what another said")


def _of_answer(name: str, answer: type[BaseModel], row: type[BaseModel], doc: str) -> type[BaseModel]:
    """A body with the members of a line of a table, each with the type and the words that it has in the answer."""
    fields: dict[str, tuple[object, object]] = {}
    for member, column in row.model_fields.items():
        told = answer.model_fields[member]
        required = column.is_required()
        kind = told.rebuild_annotation()
        described = Field(description=told.description) if required else Field(None, description=told.description)
        fields[member] = (kind if required else kind | None, described)
    made: type[BaseModel] = create_model(name, __config__=ConfigDict(extra="forbid"), __doc__=doc, **fields)  # type: ignore[call-overload]
    return made


DeliveredSeries = _of_answer(
    "DeliveredSeries", SeriesFacts, SeriesRow, "A series to be taken in, in place of the one with its id."
)
EventBody = _of_answer("EventBody", EventFacts, EventRow, "A new event; what is left out is not known.")


class DeliveryBody(BaseModel):
    """Observations to be taken in, and the series that are new of them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"observations": [{"series_id": "price.copper", "ds": "2026-07-01", "value": 9871.5}]}]
        },
    )

    observations: list[DeliveredObservation] = Field(description="values, each period of a series once")
    series: list[DeliveredSeries] | None = Field(None, description="new series, or others in place of known ones")  # type: ignore[valid-type]


class _Change(Asked):
    """The root of changes of an event: since when it is known, and why."""

    place = "body"

    known_at: str | None = Field(None, description=_KNOWN_AT)
    why: Annotated[str, Field(max_length=2000)] | None = Field(None, description="the reason, kept with the change")


class EventWithdrawal(_Change):
    """Why an event should not be there."""

    why: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        description="the reason, kept with the change", examples=["was a rumour"]
    )


class EventReturn(_Change):
    """Why an event should be there again."""


class JobBody(Asked):
    """What is asked of the worker."""

    place = "body"

    job: JobName = Field(
        description="update: fetch every public source and, if anything came, train what is due and publish; retrain: "
        "train what is due, or the series that are named, and publish",
        examples=["retrain"],
    )
    series_id: Annotated[list[str], Field(max_length=200)] | None = Field(
        None, description="of retrain: ids of series that are trained, due or not; without it what is due"
    )


class PromotionBody(Asked):
    """Which run is to serve."""

    place = "body"

    run_id: str = Field(description="id of a run of the series, as in the list of runs")


#: What of an event may be changed: any of its facts.
EventAmendment = create_model(
    "EventAmendment",
    __config__=ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ended": "2026-07-31"}]}),
    __doc__="Facts of an event that change, null for one that is to be empty; what is left out stays.",
    **{  # type: ignore[call-overload]
        **{
            name: (field.rebuild_annotation() | None, Field(None, description=field.description))
            for name, field in EventBody.model_fields.items()
            if name != "event_id"
        },
        "known_at": (str | None, Field(None, description=_KNOWN_AT)),
        "why": (str | None, Field(None, description="the reason, kept with the change")),
    },
)

#: The bodies that the document describes.
BODIES: tuple[type[BaseModel], ...] = (
    DeliveryBody,
    EventBody,
    EventAmendment,
    EventWithdrawal,
    EventReturn,
    JobBody,
    PromotionBody,
)


def json_object() -> dict[str, object]:
    """The body as a JSON object. Raises ``UnsupportedMediaType``, ``Malformed`` and ``InvalidInput``."""
    if not request.is_json:
        raise UnsupportedMediaType("The body is a JSON object, sent as application/json.")
    body = request.get_data()
    try:
        found = json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)
    except InvalidInput:
        raise
    except UnicodeDecodeError as error:
        raise Malformed(Fault("body", f"byte 0x{error.object[error.start]:02x}", "UTF-8 throughout")) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Malformed(Fault("body", error.msg, f"JSON; it is none at {where}")) from None
    except (RecursionError, ValueError):
        raise Malformed(Fault("body", "", "JSON that is less deep, with numbers of fewer digits")) from None
    if b"\\u" in body and not _is_text(json.dumps(found, ensure_ascii=False)):
        raise InvalidInput(Fault("body", "an escape", "text of characters that can be kept: no NUL, no half of a pair"))
    if not isinstance(found, dict):
        raise InvalidInput(Fault("body", _shown(found), "a JSON object"))
    return found


def members(found: object, model: type[BaseModel], where: str, passed: Sequence[str] = ()) -> list[Fault]:
    """What is wrong with the names of the members of an object; ``passed``: names that say nothing here."""
    if not isinstance(found, Mapping):
        return [Fault(where, _shown(found), f"an object with {', '.join(_needed(model))}")]
    known = list(model.model_fields)
    strange = [name for name in found if name not in known and name not in passed]
    faults = [Fault(f"{where}.{name}", _shown(found[name]), meant(name, known), says="unknown") for name in strange[:9]]
    missing = [name for name in _needed(model) if name not in found]
    return faults + [Fault(f"{where}.{name}", None, model.model_fields[name].description or "") for name in missing]


def rows_of(body: Mapping[str, object], name: str, model: type[BaseModel]) -> list[dict[str, str]]:
    """A list of the body as rows of texts. Raises ``InvalidInput`` with the first faults in the names of members."""
    found = body.get(name) or []
    if not isinstance(found, list):
        raise InvalidInput(Fault(f"body.{name}", _shown(found), "a list"))
    passed = SERIES_NOT_TAKEN if model is DeliveredSeries else ()
    faults: list[Fault] = []
    for i, row in enumerate(found):
        faults += members(row, model, f"body.{name}.{i}", passed)
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise InvalidInput(faults[:MOST_FAULTS])
    return [{key: text(value) for key, value in row.items() if key not in passed} for row in found]


def event_texts(body: Mapping[str, object], model: type[BaseModel]) -> dict[str, str | None]:
    """The facts of an event as texts, None for one that is to be empty. Raises ``InvalidInput``."""
    if faults := members(body, model, "body", EVENTS_NOT_TAKEN):
        raise InvalidInput(faults)
    facts = {name: value for name, value in body.items() if name in EventRow.model_fields}
    return {name: None if value is None else text(value) for name, value in facts.items()}


def text(value: object) -> str:
    """A value as a cell of a file has it: lists joined by ``;``, a pair by ``>``, an act as ``relation:target``."""
    if isinstance(value, list):
        return ";".join(">".join(map(text, item)) if isinstance(item, list) else text(item) for item in value)
    if isinstance(value, dict):
        return ":".join(text(value.get(name)) for name in ("relation", "target"))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _needed(model: type[BaseModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.is_required()]


def _shown(value: object) -> object:
    """A value that is at fault, short enough for an answer."""
    return value if isinstance(value, int | float | None) else str(value)[:100]


def _is_text(document: str) -> bool:
    """Whether no text of a document has a NUL, which PostgreSQL does not keep, or half of a pair of UTF-16."""
    try:
        document.encode()
    except UnicodeEncodeError:
        return False
    return "\\u0000" not in document


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(Fault("body", twice[:100], "each key once"))
    return found


def _no_number(word: str) -> NoReturn:
    raise Malformed(Fault("body", word, "JSON, which has no such number"))
