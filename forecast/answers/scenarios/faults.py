"""Refusals of a question: the place of each fault, and for a key that is not known the one that was meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from forecast.errors import Fault, nearest, one_of

#: What keys are called elsewhere; each means the first of these that there is.
ELSEWHERE = {
    "begins": ("starts", "effective"),
    "branch": ("event",),
    "chance": ("probability",),
    "date": ("starts", "effective", "from"),
    "day": ("starts", "effective", "from"),
    "effective": ("starts", "from"),
    "end": ("ended",),
    "ends": ("ended",),
    "event": ("branch",),
    "event_id": ("event", "branch"),
    "horizon": ("h",),
    "id": ("event", "branch", "name"),
    "prob": ("probability",),
    "series_id": ("series",),
    "start": ("starts", "effective", "from"),
    "starts": ("effective", "from"),
    "value": ("rate", "percent"),
}
#: A key is a known one spelt wrong if they are so much alike: `levels` and `level` are, `percnt` and `price` are not.
_ALIKE = 0.8
#: What would have been right, where pydantic says it in words of Python.
_WORDS = {
    "date_from_datetime_inexact": "a day, YYYY-MM-DD",
    "date_from_datetime_parsing": "a day, YYYY-MM-DD",
    "date_parsing": "a day, YYYY-MM-DD",
    "date_type": "a day, YYYY-MM-DD",
    "dict_type": "an object",
    "string_too_long": "at most {max_length} characters",
    "string_type": "text",
    "too_long": "at most {max_length}",
    "too_short": "at least {min_length}",
    "tuple_type": "a list",
}


def faults(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """What is wrong with what ``model`` was to be made of, each with its place."""
    details = error.errors(include_url=False)
    # A list whose only item is wrong is not also too short.
    inner = {loc[:i] for loc in (detail["loc"] for detail in details) for i in range(len(loc))}
    return [_fault(detail, model) for detail in details if detail["loc"] not in inner]


def _fault(detail: ErrorDetails, model: type[BaseModel]) -> Fault:
    loc = detail["loc"]
    where = ".".join(map(str, loc)) or "body"
    if detail["type"] == "extra_forbidden":
        known = _keys_at(model, loc)
        return Fault(where, _shown(detail["input"]), meant(str(loc[-1]), known), says=f"unknown key {str(loc[-1])!r}")
    if detail["type"] == "missing":
        what = f"item {loc[-1]}" if isinstance(loc[-1], int) else f"the key {loc[-1]!r}"
        return Fault(where, None, "it has to be there", says=f"{what} is missing")
    return Fault(where, _shown(detail["input"]), _expected(detail))


def _expected(detail: ErrorDetails) -> str:
    if detail["type"] == "json_invalid":
        what, _, place = str(detail["ctx"]["error"]).partition(" at ")
        return f"JSON: {'it ends too early' if what.startswith('EOF') else what}, {place}"
    if words := _WORDS.get(detail["type"]):
        return words.format(**{name: "one" if value == 1 else value for name, value in detail.get("ctx", {}).items()})
    return detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")


def meant(key: str, known: Sequence[str]) -> str:
    """What to use instead of a key that is not known: the one that is spelt like it, or that it is called elsewhere."""
    elsewhere = [name for name in ELSEWHERE.get(key.lower(), ()) if name in known]
    found = elsewhere[:1] or nearest(key.lower(), known, 1, _ALIKE)
    return f"use {found[0]!r}" if found else f"use {one_of(known)}"


def _keys_at(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """The keys that the object has in which the last step of ``loc`` stands."""
    at: object = model
    for step in loc[:-1]:
        if isinstance(step, int):  # an item of a list
            continue
        if isinstance(at, type) and issubclass(at, BaseModel):
            at = next((f.annotation for name, f in at.model_fields.items() if step in (name, f.alias)), None)
        at = _inner(at)
    keys = at.model_fields.items() if isinstance(at, type) and issubclass(at, BaseModel) else ()
    return [field.alias or name for name, field in keys]


def _inner(annotation: object) -> object:
    """The model in an annotation; a mapping stays one for a step, its keys being steps of their own."""
    if annotation is None or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return annotation
    if get_origin(annotation) is dict:
        return get_args(annotation)[1:]
    parts = annotation if isinstance(annotation, tuple) else get_args(annotation)
    return next((found for part in parts if (found := _inner(part)) is not None), None)


def _shown(value: object) -> object:
    """The value at fault, short enough for an answer; a number that JSON does not have as text."""
    text = str(value)
    plain = isinstance(value, str | int | None) or (isinstance(value, float) and abs(value) < float("inf"))
    return value if plain and len(text) <= 100 else text[:100]
