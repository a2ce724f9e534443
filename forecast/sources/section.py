"""What a user's ``sources.toml`` says of a source of a kind that can be added, checked field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from forecast.errors import Fault, InvalidInput, nearest, one_of

Text = Annotated[StrictStr, Field(min_length=1)]
Address = Annotated[StrictStr, Field(pattern=r"^https?://\S+$")]


class Section(BaseModel):
    """The fields that such a source has whatever its kind; the ``description`` of one says what is right."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: Annotated[Address, Field(description="an address that begins with http:// or https://")]
    publisher: Annotated[Text, Field(description="whom to cite")]
    page: Annotated[StrictStr, Field(description="an address for people, or nothing")] = ""
    licence: Annotated[StrictStr, Field(description="what may be done with the data, in words, or nothing")] = ""

    @classmethod
    def read(cls, name: str, told: Mapping[str, object], file: str) -> Self:
        """The section ``[name]`` of a file. Raises ``InvalidInput`` with every fault in it."""
        try:
            return cls.model_validate(told)
        except ValidationError as error:
            faults = []
            for one in error.errors():
                field = str(one["loc"][0])
                if field in cls.model_fields:
                    says = "it is missing" if one["type"] == "missing" else ""
                    expected = cls.model_fields[field].description or field
                else:
                    says, near = "", ", ".join(nearest(field, cls.model_fields))
                    field, expected = field, one_of(cls.model_fields) + (f"; nearest: {near}" if near else "")
                value = None if says else one["input"]
                faults.append(Fault(f"{name}.{field}", value, expected, file, says=says))
            raise InvalidInput(faults) from None
