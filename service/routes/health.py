"""Whether the process lives, whether it can serve, and what it counted."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.errors import CorruptArtifact, NotTrained
from service.answers import now_answer
from service.context import Context
from service.describe import answers, group
from service.documents import Alive, Ready
from service.problems import problem, public
from service.telemetry import Metrics


def routes(context: Context, metrics: Metrics) -> APIBlueprint:
    api = group("health", prefix="")

    @api.get("/healthz", responses=answers(Alive))
    def alive() -> Response:
        """The process answers."""
        return now_answer({"status": "ok"})

    @api.get("/readyz", responses=answers(Ready))
    def ready() -> Response:
        """Whether forecasts can be served; what is wrong even so is listed."""
        retired, models = context.catalog.retired(), context.settings.models_dir
        damaged = [public(f, models) for f in context.registry.faults() if f.partition(": ")[0] not in retired]
        faults = [*damaged, *context.catalog.unservable().values()]
        serving = sum(serves(context, series_id) for series_id in context.catalog.targets())
        if not serving:
            reasons = "; ".join(faults) or "nothing is trained; run: orecast train"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, reasons, kind="not-ready")
        return now_answer({"status": "degraded" if faults else "ready", "serving": serving, "faults": faults})

    @api.get("/metrics", doc_ui=False)
    def scrape() -> Response:
        """Counters for Prometheus."""
        return metrics.text()

    return api


def serves(context: Context, series_id: str) -> bool:
    """Whether a series has a run that can be read: the one promoted, or one before it."""
    try:
        context.registry.champion(series_id)
    except (NotTrained, CorruptArtifact):
        return False
    return True
