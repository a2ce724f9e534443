"""JSON text from files and databases, read without trust in its depth."""

from __future__ import annotations

import json

#: Lists and objects within each other: what is kept has fewer than ten, and whoever walks through more by recursion
#: may run out of stack.
DEEPEST = 100
_TOO_DEEP = f"lists and objects lie in each other more than {DEEPEST} deep"


def read_json(text: str | bytes) -> object:
    """What a JSON text says. Raises ``ValueError`` for what is none, and for more than ``DEEPEST`` levels."""
    try:
        found: object = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level = [found]
    for _ in range(DEEPEST):
        level = [part for whole in level for part in _parts(whole) if isinstance(part, dict | list)]
        if not level:
            return found
    raise ValueError(_TOO_DEEP)


def _parts(whole: object) -> list[object]:
    if isinstance(whole, dict):
        return list(whole.values())
    return whole if isinstance(whole, list) else []
