"""Log lines of the jobs on stderr: time (UTC), level, what happened, then facts as ``key=value``."""

from __future__ import annotations

import logging
import sys
from typing import Any, Protocol, cast

import structlog


class Log(Protocol):
    """What the jobs need of a logger."""

    def debug(self, event: str, **facts: Any) -> Any: ...
    def info(self, event: str, **facts: Any) -> Any: ...
    def warning(self, event: str, **facts: Any) -> Any: ...
    def error(self, event: str, **facts: Any) -> Any: ...


def logger(level: str) -> Log:
    """A logger from this level on (``debug``, ``info``, ``warning``, ``error``); coloured on a terminal only."""
    return cast(
        "Log",
        structlog.wrap_logger(
            structlog.PrintLogger(sys.stderr),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True),
                structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False, pad_event_to=16),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        ),
    )


def adopt(library: str, log: Log) -> None:
    """Let a library that logs through ``logging`` speak in our lines."""
    theirs = logging.getLogger(library)
    theirs.handlers = [_Adopted(library, log)]
    theirs.propagate = False


class _Adopted(logging.Handler):
    def __init__(self, library: str, log: Log) -> None:
        super().__init__()
        self._library, self._log = library, log

    def emit(self, record: logging.LogRecord) -> None:
        say = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        say(record.getMessage(), by=self._library)
