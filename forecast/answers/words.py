"""Members of answers that are one word of a list: the lists, as JSON Schema tells clients of them.

Only the schema holds them to it. Who writes to the catalogue is checked at the door, and a reader never raises for what
an older version let in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated

from pydantic import BeforeValidator, GetJsonSchemaHandler, WithJsonSchema
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from forecast.catalog.csv_records import DIRECTIONS, PRECISIONS
from forecast.events import EVENT_STATUSES, KINDS, RELATIONS
from forecast.events.event import CERTAINTY
from forecast.events.lifecycle import STATES
from forecast.timeseries.frequency import CODES
from forecast.timeseries.series import FLAGS, FLOWS, ROLES


def out_of(known: Iterable[str]) -> WithJsonSchema:
    """For a text: that it is one of these words."""
    return WithJsonSchema({"type": "string", "enum": [word for word in known if word]})


class _ByName:
    """For an object of any names: its schema says of all members at once what pydantic says of those that fit the
    pattern of a name, which client generators do not read."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        ((pattern, value),) = schema.pop("patternProperties").items()
        return schema | {"additionalProperties": value, "propertyNames": {"pattern": pattern}}


BY_NAME = _ByName()


def no_defaults(schema: JsonDict) -> None:
    """For ``json_schema_extra`` of a question: what is left out means, in words.

    Generators of clients for TypeScript demand a member that has a default.
    """
    members = schema.get("properties")
    for member in members.values() if isinstance(members, dict) else ():
        if isinstance(member, dict) and (value := member.pop("default", None)):
            member["description"] = f"{json.dumps(value)} if left out"


#: For a text that may be missing: records of the catalogue have an empty text for it, answers null.
EMPTY_IS_NULL = BeforeValidator(lambda text: None if text == "" else text)

Kind = Annotated[str, out_of(KINDS)]
Relation = Annotated[str, out_of(RELATIONS)]
Status = Annotated[Annotated[str, out_of(EVENT_STATUSES)] | None, EMPTY_IS_NULL]
StateWord = Annotated[str, out_of(STATES)]
Precision = Annotated[str, out_of(PRECISIONS)]
Certainty = Annotated[Annotated[str, out_of(CERTAINTY)] | None, EMPTY_IS_NULL]
Direction = Annotated[Annotated[str, out_of(DIRECTIONS)] | None, EMPTY_IS_NULL]
BranchCause = Annotated[str, out_of(("threat", "suspension_end"))]
Role = Annotated[str, out_of(ROLES)]
FlowWord = Annotated[str, out_of(FLOWS)]
FreqCode = Annotated[str, out_of(CODES)]
Flag = Annotated[str, out_of(FLAGS)]
Sign = Annotated[int, WithJsonSchema({"type": "integer", "enum": [-1, 0, 1]})]
