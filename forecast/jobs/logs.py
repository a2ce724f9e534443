"""Log lines of the jobs on stderr: time (UTC), level, what happened, then facts as ``key=value``."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor


def logger(level: str) -> FilteringBoundLogger:
    """A logger from this level on (``debug``, ``info``, ``warning``, ``error``); coloured on a terminal only."""
    ours: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[*_facts(), _line()],
        wrapper_class=structlog.make_filtering_bound_logger(level.upper()),
    )
    return ours


def adopt(library: str, level: str) -> None:
    """Let a library that logs through ``logging`` speak in our lines, from this level on."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setLevel(level.upper())
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_facts(), _without_traceback],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _line()],
        )
    )
    theirs = logging.getLogger(library)
    theirs.handlers = [lines]
    theirs.propagate = False


def _facts() -> tuple[Processor, ...]:
    time = structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True)
    return (structlog.processors.add_log_level, time)


def _line() -> Processor:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False, pad_event_to=16)


def _without_traceback(_logger: object, _method: str, facts: EventDict) -> EventDict:
    facts.pop("exc_info", None)
    return facts
