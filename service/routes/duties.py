"""Duties: what is paid on a mineral from an origin at a destination, on a day or over some."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from forecast.answers.duties import DutyOnDay, DutyQuestion, DutySteps, duty_on_day, duty_steps
from service.answers import respond
from service.context import Context
from service.describe import answers, group
from service.schemas import DutiesQuery, DutyStepsQuery, TradeQuery


def routes(context: Context) -> APIBlueprint:
    api = group("duties")

    def asked(query: TradeQuery) -> DutyQuestion:
        return DutyQuestion(query.mineral, query.origin, query.destination, context.day(query.as_of))

    @api.get("/duties", responses=answers(DutyOnDay, csv=True))
    def get_duty(query: DutiesQuery) -> Response:
        """The additional duty on a mineral from an origin on a day, each part with its event, and what is missing."""
        question = asked(query)
        return respond(duty_on_day(context.catalog, question, query.day or question.as_of), query.format, "duties")

    @api.get("/duties/steps", responses=answers(DutySteps, csv=True))
    def list_duty_steps(query: DutyStepsQuery) -> Response:
        """The same over some days: every day on which the duty changed."""
        found = duty_steps(context.catalog, asked(query), query.start, query.until)
        return respond(found, query.format, "duty-steps")

    return api
