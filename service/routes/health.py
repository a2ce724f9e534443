"""Whether the process lives, whether it can serve, and what it counted."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field

from forecast.answers.held import sentences
from forecast.answers.model import Answer, in_unit
from forecast.answers.sources import SourceState
from forecast.errors import NothingTrained
from forecast.registry.faults import FaultKind
from forecast.settings import Scope
from service.answers import now_answer
from service.context import Context
from service.describe import KEY_OPTIONAL, answers, group
from service.problems import problem
from service.schemas import ReadyQuery
from service.security import asking
from service.standing import Standing, StandingMetrics, sources
from service.telemetry import Metrics


class Alive(Answer):
    """The process answers."""

    status: Literal["ok"] = Field(description="ok")


class Ready(Answer):
    """Forecasts can be served."""

    status: Literal["ready", "degraded"] = Field(description="ready, or degraded where something is wrong")
    serving: int = Field(description="how many have a forecast", json_schema_extra=in_unit("series"))
    faults: tuple[str, ...] = Field(description="what is wrong even so")
    held: tuple[str, ...] = Field(description="values that were delivered and do not count, which is no fault")


class ReadyWithSources(Ready):
    """Forecasts can be served, and how the public sources of their data do."""

    kinds: tuple[FaultKind, ...] = Field(description="of what kind each fault is, in their order")
    sources: tuple[SourceState, ...] = Field(
        description="those that were ever asked; one that fails takes nothing from what is served"
    )


def routes(context: Context, metrics: Metrics) -> APIBlueprint:
    api = group("health", prefix="")

    @api.get("/healthz", responses=answers(Alive), security=[])
    def alive() -> Response:
        """The process answers."""
        return now_answer(Alive(status="ok").json_object())

    @api.get("/readyz", responses=answers(Ready, ReadyWithSources), security=KEY_OPTIONAL)
    def ready(query: ReadyQuery) -> Response:
        """Whether forecasts can be served; what is wrong even so is listed, for those who may read."""
        told = asking().may(Scope.READ)
        standing = Standing.of(context)
        if not standing.serving:
            reasons = "; ".join(standing.faults) or str(NothingTrained())
            reasons = reasons if told else "No forecast can be served."
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, reasons, kind="not-ready")
        ready = Ready(
            status="degraded" if standing.faults else "ready",
            serving=standing.serving,
            faults=standing.faults if told else (),
            held=sentences([one.held for one in standing.held]) if told else (),
        )
        if query.verbose == "true":
            kinds = tuple(fault.kind for fault in standing.faults)
            ready = ReadyWithSources(**dict(ready), kinds=kinds, sources=sources(context))
        return now_answer(ready.json_object())

    @api.get("/metrics", doc_ui=False)
    def scrape() -> Response:
        """Counters for Prometheus, and how the service stands."""
        return metrics.text(StandingMetrics(context))

    return api
