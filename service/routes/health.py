"""Whether the process lives, whether it can serve, and what it counted."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field

from forecast.answers.champion import serving
from forecast.answers.held import held_by_series
from forecast.answers.model import Answer, in_unit
from forecast.answers.sources import SourceState, source_states
from forecast.answers.stored import stored_faults
from forecast.errors import CorruptArtifact, ForecastError, NothingTrained, NotTrained, Unavailable
from forecast.settings import Scope
from forecast.wording import without_folders
from service.answers import now_answer
from service.context import Context
from service.describe import KEY_OPTIONAL, answers, group
from service.problems import problem
from service.schemas import ReadyQuery
from service.security import caller
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
        told = caller().may(Scope.READ)
        retired = context.catalog.retired()
        why = {series_id: silent(context, series_id) for series_id in context.catalog.targets()}
        count = sum(reason is None for reason in why.values())
        faults = (
            *away(context),
            *stored_faults(context.registry, retired),
            *(reason for reason in why.values() if reason),
            *context.catalog.unservable().values(),
            *map(str, context.catalog.row_faults),
        )
        if not count:
            reasons = "; ".join(faults) or str(NothingTrained())
            reasons = reasons if told else "No forecast can be served."
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, reasons, kind="not-ready")
        held = tuple(
            sentence
            for series_id, sentences in held_by_series(context.catalog).items()
            if series_id not in retired
            for sentence in sentences
        )
        ready = Ready(
            status="degraded" if faults else "ready",
            serving=count,
            faults=faults if told else (),
            held=held if told else (),
        )
        if query.verbose == "true":
            ready = ReadyWithSources(**dict(ready), sources=sources(context))
        return now_answer(ready.json_object())

    @api.get("/metrics", doc_ui=False)
    def scrape() -> Response:
        """Counters for Prometheus."""
        return metrics.text()

    return api


def away(context: Context) -> tuple[str, ...]:
    """That the database of the catalogue is away, if it is."""
    found = context.catalog.away
    since = "" if found is None else f"{found.since:%Y-%m-%d %H:%M:%S} UTC"
    return (f"the catalogue cannot be read: answers are from what was known at {since}",) if found else ()


def sources(context: Context) -> tuple[SourceState, ...]:
    """How the public sources do; nothing while that cannot be read."""
    try:
        states = source_states(context.catalog)
        return tuple(one.model_copy(update={"fault": one.fault and without_folders(one.fault)}) for one in states)
    except Unavailable:
        return ()


def silent(context: Context, series_id: str) -> str | None:
    """Why a series has no forecast today; None where it has one, nothing to say of one that has no sound run."""
    try:
        serving(context.catalog.get(series_id), context.registry, context.day(None))
    except (NotTrained, CorruptArtifact):
        return ""
    except ForecastError as error:
        return f"{series_id}: {error}"
    return None
