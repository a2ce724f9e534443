"""Values as JSON text: dates as ISO days, numbers with the fewest digits that give them back."""

from __future__ import annotations

import json

import orjson
from flask.json.provider import JSONProvider

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


def to_json(value: object) -> bytes:
    """What JSON cannot say (an infinite number, NaN) is null; anything else unknown becomes its text."""
    try:
        return orjson.dumps(value, default=str, option=_OPTIONS)
    except TypeError:
        # A refusal shows what was sent, such as a number of thirty digits, which orjson reads but does not write.
        return json.dumps(value, default=str).encode()


class Json(JSONProvider):
    """Flask's reader and writer of JSON; refuses NaN and Infinity, which are not JSON."""

    def dumps(self, obj: object, **_: object) -> str:
        return to_json(obj).decode()

    def loads(self, s: str | bytes, **_: object) -> object:
        return orjson.loads(s)
