"""All sources of observations and of notices that are built in."""

from __future__ import annotations

from forecast.sources.source import NoticeSource, Source

#: Sources of observations, in the order in which they are fetched.
SOURCES: tuple[Source, ...] = ()
#: Sources of official notices.
NOTICES: tuple[NoticeSource, ...] = ()
