"""What the service says of itself: a request id, one JSON line a request, and counters for Prometheus."""

from __future__ import annotations

import os
import re
import sys
import time
import uuid

import structlog
from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from structlog.typing import EventDict, FilteringBoundLogger

from forecast.catalog.keys import without_secrets
from service.gate import ADMITTED
from service.security import caller

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

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
            _without_secrets,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level.upper()),
    )
    return lines


def _without_secrets(_logger: object, _level: str, line: EventDict) -> EventDict:
    """A line of the log in which no token is left, wherever one was put by mistake."""
    return {name: without_secrets(word) if isinstance(word, str) else word for name, word in line.items()}


def install(app: Flask, metrics: Metrics, log: FilteringBoundLogger, *, quiet: frozenset[str]) -> None:
    """Number every request, time it, and say how it ended."""

    @app.before_request
    def start() -> None:
        asked = request.headers.get("X-Request-ID", "")
        g.request_id = asked if _SAFE_ID.fullmatch(asked) else uuid.uuid4().hex
        g.started = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        seconds = time.perf_counter() - g.started
        endpoint = request.endpoint or "none"
        method = request.method if request.method in ("GET", "HEAD", "POST", "OPTIONS") else "other"
        metrics.requests.labels(method, endpoint, str(response.status_code)).inc()
        metrics.seconds.labels(method, endpoint).observe(seconds)
        response.headers["X-Request-ID"] = g.request_id
        asks = caller() if ADMITTED in request.environ else None
        say = log.debug if endpoint in quiet and response.status_code < 400 else log.info
        say(
            "request",
            request_id=g.request_id,
            method=request.method,
            path=request.path,
            query=request.query_string.decode("latin-1"),
            endpoint=endpoint,
            status=response.status_code,
            ms=round(seconds * 1000, 1),
            bytes=response.calculate_content_length(),
            client=asks.address if asks else request.remote_addr,
            key=asks.key.key_id if asks and asks.key else None,
        )
        return response
