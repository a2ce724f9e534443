"""Pages of a list: so many lines from where the page before ended.

A cursor holds the key of the last line that was given, and of which question: so that a page begins after that line,
whatever came or went meanwhile. Who asks need not read it, and can only use it for the question that it was given for.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import operator
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar

from flask import request

from forecast.answers.model import Listing
from forecast.errors import Fault, InvalidInput
from service.encoding import to_json
from service.schemas import PAGING, PagedQuery

Key = tuple[str, ...]
_T = TypeVar("_T")
_List = TypeVar("_List", bound=Listing)


class ListPage:
    """One page of a list, as a query asks for it."""

    def __init__(self, query: PagedQuery) -> None:
        asked = sorted(
            (name, value) for name, value in request.args.items(multi=True) if name in type(query).parameters() - PAGING
        )
        self._question = hashlib.sha256(to_json([request.path, asked])).hexdigest()[:16]
        self._limit = query.limit
        self._last = self._read(query.cursor) if query.cursor is not None else None
        self._next: str | None = None

    def of(
        self, found: Sequence[_T], key: Callable[[_T], Key], follows: Callable[[Key, Key], bool] = operator.gt
    ) -> Sequence[_T]:
        """The parts of the page; ``found``: all of them, ``key`` of each tells it from the others, and ``follows``
        whether the first of two keys comes after the second."""
        if self._last is not None:
            found = [part for part in found if follows(key(part), self._last)]
        if self._limit is None or len(found) <= self._limit:
            return found
        found = found[: self._limit]
        self._next = urlsafe_b64encode(to_json([self._question, *key(found[-1])])).decode().rstrip("=")
        return found

    def with_next(self, answer: _List) -> _List:
        """The answer with the cursor of the page that comes after what ``of`` gave."""
        return answer.model_copy(update={"next": self._next})

    def _read(self, cursor: str) -> Key:
        try:
            question, *last = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except (binascii.Error, ValueError, TypeError):
            question, last = None, []
        if question != self._question or not all(isinstance(each, str) for each in last):
            raise InvalidInput(Fault("query.cursor", cursor, "`next` of the page before, of the same question"))
        return tuple(last)
