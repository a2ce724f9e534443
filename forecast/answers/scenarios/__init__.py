"""Scenarios: what if events come, stay away, or come otherwise, for several series at once, from the same draws."""

from forecast.answers.scenarios.answer import MIXTURE, answer
from forecast.answers.scenarios.outcomes import Outcome, ScenarioAnswer
from forecast.answers.scenarios.question import Question, Scenario

__all__ = ["MIXTURE", "Outcome", "Question", "Scenario", "ScenarioAnswer", "answer"]
