"""All sources of observations and notices that are built in, by name."""

from __future__ import annotations

from forecast.sources.source import NoticeSource, Source

#: Sources of observations, in the order in which they are fetched.
SOURCES: tuple[type[Source], ...] = ()
#: Sources of official notices.
NOTICES: tuple[type[NoticeSource], ...] = ()
