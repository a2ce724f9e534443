"""JSON objects that carry the SHA-256 of the rest of themselves, so that a change of the file does not go unnoticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from forecast.formats.json_text import read_json

Json = dict[str, Any]
_SEAL = "sha256"
_T = TypeVar("_T")


class Unsealed(ValueError):
    """A JSON object that is not the one that was written."""


def sealed(content: Mapping[str, object]) -> bytes:
    """The object as text, with its seal."""
    text = json.dumps({**content, _SEAL: _digest(content)}, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def unsealed(data: bytes, read: Callable[[Json], _T]) -> _T:
    """What is read of the object, without its seal; ``read`` comes first, so that it may say more than that the object
    was changed.

    Raises ``Unsealed`` for one that was changed or never sealed, ``ValueError`` for what is no JSON object, and what
    ``read`` does.
    """
    content = read_json(data)
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    promised = content.pop(_SEAL, None)
    made = read(content)
    if promised is None:
        raise Unsealed(f"it has no {_SEAL!r}")
    if _digest(content) != promised:
        raise Unsealed("it was changed after it was written")
    return made


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
