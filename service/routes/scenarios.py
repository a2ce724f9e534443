"""Scenarios: what if events come, stay away, or come otherwise; answered from the same draws, nothing is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from werkzeug.exceptions import UnsupportedMediaType

from forecast.export import forecast_names, forecast_rows, interval_names, points
from forecast.predict import Row as Period
from forecast.scenarios import Answer, Outcome, Question, answer
from service.answers import Row, csv_answer, flat, json_answer, wants_csv
from service.context import Context
from service.describe import answers, asked, group
from service.documents import ScenarioAnswer
from service.schemas import Query


def routes(context: Context) -> APIBlueprint:
    api = group("scenarios")

    @api.post("/scenarios", request_body=asked(Question), responses=answers(ScenarioAnswer, csv=True, body=True))
    def ask(query: Query) -> Response:
        """Forecasts of one or more series in each scenario, how they differ from the baseline, and their mixture."""
        if not request.is_json:
            raise UnsupportedMediaType("The question is a JSON object, sent as application/json.")
        question = Question.read(request.get_data(as_text=True))
        for series_id in question.series if question.as_of else ():
            context.run(series_id, context.day(question.as_of))
        made = answer(context.catalog, context.registry, question, today=context.day(None))
        if wants_csv(query.format):
            return csv_answer(
                header(made.levels), [row for outcome in made.outcomes for row in rows(outcome)], "scenarios"
            )
        return json_answer(document(made))

    return api


def document(made: Answer) -> Row:
    return {
        "as_of": made.as_of,
        "events_known_to": made.events_known_to,
        "data": [_outcome(outcome) for outcome in made.outcomes],
        "next": None,
    }


def _outcome(outcome: Outcome) -> Row:
    forecast = outcome.forecast
    return {
        "series_id": forecast.series.series_id,
        "unit": forecast.series.unit,
        "freq": forecast.series.freq,
        "run": forecast.run_id,
        "scenario": forecast.scenario,
        "probability": outcome.probability,
        "data": points(forecast),
        "difference": _points(outcome, outcome.difference),
        "cumulated": _points(outcome, outcome.cumulated),
    }


def header(levels: Sequence[int]) -> list[str]:
    """The columns of a forecast, then those of its difference from the baseline and of their sum so far."""
    numbers = ["yhat", *interval_names(levels)]
    changes = [f"{what}.{number}" for what in ("difference", "cumulated") for number in numbers]
    return [*forecast_names(levels), "probability", *changes]


def rows(outcome: Outcome) -> list[Row]:
    """A row a period; the baseline has no difference, and prices do not add up."""
    table: list[Row] = []
    differences, sums = _points(outcome, outcome.difference), _points(outcome, outcome.cumulated)
    for i, row in enumerate(forecast_rows(outcome.forecast)):
        changes = {"difference": differences[i] if differences else {}, "cumulated": sums[i] if sums else {}}
        table.append(flat({**row, "probability": outcome.probability, **changes}))
    return table


def _points(outcome: Outcome, periods: tuple[Period, ...]) -> list[dict[str, object]]:
    return points(replace(outcome.forecast, rows=periods))
