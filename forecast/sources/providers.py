"""All sources of observations and of notices that are built in, and the kinds of those that a user may add."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from forecast.sources.source import NoticeSource, Source

#: Sources of observations, in the order in which they are fetched.
SOURCES: tuple[Source, ...] = ()
#: Sources of official notices.
NOTICES: tuple[NoticeSource, ...] = ()
#: A source by its name, what its section says besides ``kind``, ``enabled`` and ``series``, and the file of that.
#: Raises ``InvalidInput``.
KINDS: dict[str, Callable[[str, Mapping[str, object], str], Source]] = {}
