"""What a user's ``sources.toml`` says of a source of a kind that can be added, checked field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr, ValidationError
from pydantic_core import ErrorDetails

from forecast.errors import Fault, InvalidInput, nearest, one_of

Text = Annotated[StrictStr, Field(min_length=1)]


def _address(text: str) -> str:
    parts = urlsplit(text)
    if not parts.hostname or parts.port == 0:  # a port that is none raises
        raise ValueError(text)
    return text


Address = Annotated[StrictStr, Field(pattern=r"^https?://\S+$"), AfterValidator(_address)]


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
            raise InvalidInput(cls._fault(name, one, file) for one in error.errors()) from None

    @classmethod
    def _fault(cls, name: str, error: ErrorDetails, file: str) -> Fault:
        """What is wrong with one field."""
        field = str(error["loc"][0])
        where = f"{name}.{field}"
        if field not in cls.model_fields:
            near = ", ".join(nearest(field, cls.model_fields))
            return Fault(where, error["input"], one_of(cls.model_fields) + (f"; nearest: {near}" if near else ""), file)
        expected = cls.model_fields[field].description or field
        if error["type"] == "missing":
            return Fault(where, None, expected, file, says="it is missing")
        return Fault(where, error["input"], expected, file)
