"""Answers in JSON, whose shape is checked where they are read: a fault says at which place of which answer it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from forecast.errors import LayoutChanged
from forecast.sources.web import Page

Record = Mapping[str, object]


@dataclass(frozen=True)
class JsonAnswer:
    """An answer of a ``source`` that is an object; ``place``: its address, for errors."""

    source: str
    place: str
    content: Record

    def records(self, *path: str) -> list[Record]:
        """The objects of the list at a path. Raises ``LayoutChanged``."""
        found: object = self.content
        for depth, name in enumerate(path):
            if not isinstance(found, Mapping) or name not in found:
                raise self.changed(f"no {'.'.join(path[: depth + 1])}", "a list of objects")
            found = found[name]
        if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
            raise self.changed(f"{'.'.join(path)} is {_kind(found)}", "a list of objects")
        return found

    def text(self, record: Record, name: str) -> str:
        """A text, or a whole number as one. Raises ``LayoutChanged``."""
        found = self._member(record, name)
        if isinstance(found, str) or (isinstance(found, int) and not isinstance(found, bool)):
            return str(found)
        raise self.changed(f"{name} = {found!r}", "a text")

    def number(self, record: Record, name: str) -> float | None:
        """A number, also one that is written as text; None for null and empty texts. Raises ``LayoutChanged``."""
        found = self._member(record, name)
        if found is None or found == "":
            return None
        if isinstance(found, int | float | str) and not isinstance(found, bool):
            try:
                return float(found)
            except (ValueError, OverflowError):
                pass
        raise self.changed(f"{name} = {found!r}", "a number")

    def changed(self, found: str, expected: str = "") -> LayoutChanged:
        """The error for what is not as it was."""
        return LayoutChanged(self.source, self.place, found, expected)

    def _member(self, record: Record, name: str) -> object:
        if name not in record:
            raise self.changed(f"no field {name!r}; there are {', '.join(record)}")
        return record[name]


def json_answer(source: str, page: Page) -> JsonAnswer:
    """A page as an object. Raises ``LayoutChanged``."""
    try:
        content = page.json()
    except ValueError as error:
        raise LayoutChanged(source, page.url, f"no JSON ({error})") from None
    if not isinstance(content, dict):
        raise LayoutChanged(source, page.url, _kind(content), "an object")
    return JsonAnswer(source, page.url, content)


def _kind(value: object) -> str:
    return "a list" if isinstance(value, list) else "null" if value is None else f"a {type(value).__name__}"
