"""How a request is read: parameters of one spelling a value, and refusals that say what would have been right.

A value that does not fit becomes a ``Fault`` with its parameter, its value and the description of the field, so
that the documentation and the refusal say the same.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict
from pydantic_core import ErrorDetails

from forecast.answers.backtests import KEPT_LEVELS
from forecast.answers.calendar import MOST_DAYS
from forecast.answers.distribution import MOST_QUANTILES
from forecast.answers.scenarios.faults import meant
from forecast.errors import Fault, InvalidInput


class Asked(BaseModel):
    """The root: unknown names are refused, and every refusal is an ``InvalidInput`` with all faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    place: ClassVar[str]
    #: How far into a value a fault is located: a parameter is named whole, a body down to the member.
    depth: ClassVar[int] = 1

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise InvalidInput([_fault(cls, detail) for detail in error.errors(include_url=False)]) from None

    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:  # type: ignore[override]
        """Remembered: flask-openapi asks for it at every request, and making it takes two milliseconds."""
        return super().model_json_schema(*args, **options)


def _fault(model: type[Asked], detail: ErrorDetails) -> Fault:
    path = [str(step) for step in detail["loc"]][: model.depth]
    name = path[0] if path else ""
    field = next((f for key, f in model.model_fields.items() if name in (key, f.alias)), None)
    where = ".".join([model.place, *path])
    if detail["type"] == "extra_forbidden" and len(path) == 1:
        known = sorted(field.alias or key for key, field in model.model_fields.items())
        expected = meant(name, known) if known else "this address takes none"
        return Fault(where, detail["input"], expected, says=f"unknown parameter {name!r}")
    described = field.description if field and len(path) == 1 else None
    return Fault(where, detail["input"], described or detail["msg"])


# Text in a query string has one spelling a value: pydantic alone would also take " 1_2 ", "12.0" and a day as seconds.
def _text(pattern: str, say: str) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, str) and not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(say)
        return value

    return BeforeValidator(check)


def _split(value: object) -> object:
    """``level=80,95`` and ``level=80&level=95`` are the same."""
    if isinstance(value, list):
        return [part for item in value for part in (item.split(",") if isinstance(item, str) else [item])]
    return value


def _once(value: object) -> object:
    """What may be given several times, but each value once."""
    if isinstance(value, list) and len(set(value)) < len(value):
        raise ValueError("each value once")
    return value


def _no_null(schema: JsonDict) -> None:
    """``null`` cannot be sent in a query string."""
    schema.pop("default", None)
    match schema.pop("anyOf"):
        case [dict(given), *_]:
            schema.update(given)


def optional(description: str, *, alias: str | None = None) -> Any:
    """A field for a parameter that may be left out; ``alias``: its name, where Python cannot have it."""
    return Field(None, alias=alias, description=description, json_schema_extra=_no_null)


WHOLE = _text(r"-?\d{1,9}", "a whole number")
MOST_WHOLE = 999_999_999
Days = Annotated[int, Field(ge=0, le=MOST_DAYS), WHOLE]
Day = Annotated[dt.date, _text(r"\d{4}-\d{2}-\d{2}", "a day as YYYY-MM-DD")]
Level = Annotated[int, Field(ge=1, le=99), WHOLE]
Levels = Annotated[
    list[Level],
    Field(min_length=1, max_length=10, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_once),
    BeforeValidator(_split),
]
KeptLevels = Annotated[
    list[Annotated[Literal[*KEPT_LEVELS], BeforeValidator(int), WHOLE]],  # type: ignore[valid-type]
    Field(min_length=1, max_length=len(KEPT_LEVELS), json_schema_extra={"uniqueItems": True}),
    AfterValidator(_once),
    BeforeValidator(_split),
]
#: A share as programs write it: a third has sixteen digits, and what is small an exponent.
_SHARE = _text(r"0?\.\d{1,24}|\d(\.\d{1,24})?[eE]-\d{1,3}", "a number between 0 and 1")
Quantiles = Annotated[
    list[Annotated[float, Field(gt=0, lt=1), _SHARE]],
    Field(min_length=1, max_length=MOST_QUANTILES, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_once),
    BeforeValidator(_split),
]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Names = Annotated[
    list[Annotated[Name, Field(pattern="^[^,]+$")]],
    Field(max_length=200, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_once),
    BeforeValidator(_split),
]
