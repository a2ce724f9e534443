"""What the service says of itself: a request id, one JSON line a request, and counters for Prometheus."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Collection, Mapping, MutableMapping

import structlog
from flask import Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from structlog.typing import EventDict, FilteringBoundLogger

from forecast.catalog.keys import without_secrets
from service.encoding import to_json
from service.gate import caller

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: Where in the environment of a request its number and the moment of its arrival are kept.
REQUEST_ID, _BEGUN = "orecast.request_id", "orecast.begun"
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"})

_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Counters of one application; with ``PROMETHEUS_MULTIPROC_DIR`` set, of all workers together."""

    def __init__(self) -> None:
        self._own = CollectorRegistry()
        labels = ("method", "endpoint", "status")
        self.requests = Counter("orecast_requests", "Requests answered", labels, registry=self._own)
        self.seconds = Histogram(
            "orecast_request_seconds", "Time to answer", labels[:2], registry=self._own, buckets=_BUCKETS
        )

        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """One more request, which took ``seconds``."""
        kind = method, endpoint, status
        children = self._children.get(kind)
        if children is None:
            children = self.requests.labels(method, endpoint, str(status)), self.seconds.labels(method, endpoint)
            self._children[kind] = children
        requests, took = children
        requests.inc()
        took.observe(seconds)

    def text(self, standing: Collector) -> Response:
        """The counters, and what is found out when it is asked for, in the format Prometheus scrapes."""
        registry = self._own
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        now = CollectorRegistry()
        now.register(standing)
        return Response(generate_latest(registry) + generate_latest(now), content_type=CONTENT_TYPE_LATEST)


def logger(level: str) -> FilteringBoundLogger:
    """Lines of JSON on standard output, flushed one by one."""
    lines: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(sys.stdout),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level.upper()),
    )
    return lines


def _line(_logger: object, _level: str, facts: EventDict) -> str:
    """A line of the log in which no token is left, wherever one was put by mistake."""
    return without_secrets(to_json(facts).decode())


class Telemetry:
    """Numbers every request, times it, and says how it ended, whichever part of the service answers it.

    ``quiet``: endpoints of which the log says nothing while all is well.
    """

    def __init__(self, metrics: Metrics, log: FilteringBoundLogger, quiet: Collection[str]) -> None:
        self._metrics, self._log, self._quiet = metrics, log, quiet

    def begin(self, environ: MutableMapping[str, object]) -> None:
        """Number a request, as its client does if it does it decently, and note when it came."""
        asked = str(environ.get("HTTP_X_REQUEST_ID") or "")
        environ[REQUEST_ID] = asked if _SAFE_ID.fullmatch(asked) else os.urandom(16).hex()
        environ[_BEGUN] = time.perf_counter()

    def finish(self, environ: Mapping[str, object], endpoint: str, status: int, length: int | None) -> None:
        """Count a request that was answered, and write its line; ``length``: of the body, in bytes."""
        begun = environ[_BEGUN]
        seconds = time.perf_counter() - begun if isinstance(begun, float) else 0.0
        method = str(environ["REQUEST_METHOD"])
        counted = method if method in _METHODS else "other"
        self._metrics.count(counted, endpoint, status, seconds)
        asks = caller(environ)
        say = self._log.debug if endpoint in self._quiet and status < 400 else self._log.info
        say(
            "request",
            request_id=environ[REQUEST_ID],
            method=method,
            path=_text(environ.get("PATH_INFO")),
            query=environ.get("QUERY_STRING") or "",
            endpoint=endpoint,
            status=status,
            ms=round(seconds * 1000, 1),
            bytes=length,
            client=asks.address if asks else environ.get("REMOTE_ADDR"),
            key=asks.key.key_id if asks and asks.key else None,
        )

    def install(self, app: Flask) -> None:
        """Number and tell every request of an application."""

        @app.before_request
        def start() -> None:
            self.begin(request.environ)

        @app.after_request
        def finish(response: Response) -> Response:
            length = response.calculate_content_length()
            self.finish(request.environ, request.endpoint or "none", response.status_code, length)
            response.headers["X-Request-ID"] = request.environ[REQUEST_ID]
            return response


def _text(path: object) -> str:
    """A path of the environment, which WSGI has as bytes in disguise."""
    return str(path or "").encode("latin-1").decode("utf-8", "replace")
