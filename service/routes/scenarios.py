"""Scenarios: what if events come, stay away, or come otherwise; answered from the same draws, nothing is fitted."""

from __future__ import annotations

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from werkzeug.exceptions import UnsupportedMediaType

from forecast.answers.scenarios import Question, ScenarioAnswer, answer
from service.answers import keep, respond
from service.context import Context
from service.describe import answers, asked, group
from service.schemas import Query


def routes(context: Context) -> APIBlueprint:
    api = group("scenarios")

    @api.post("/scenarios", request_body=asked(Question), responses=answers(ScenarioAnswer, csv=True, body=True))
    def ask(query: Query) -> Response:
        """Forecasts of one or more series in each scenario, how they differ from the baseline, and their mixture."""
        if not request.is_json:
            raise UnsupportedMediaType("The question is a JSON object, sent as application/json.")
        keep()
        question = Question.read(request.get_data())
        made = answer(
            context.catalog,
            context.registry,
            question,
            today=context.day(None),
            cache=context.cache,
            seconds=context.settings.scenario_seconds,
        )
        return respond(made, query.format, "scenarios")

    return api
