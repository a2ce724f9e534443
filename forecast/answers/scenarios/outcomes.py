"""What an answer about scenarios holds: outcomes by series and scenario, and what sets each apart from the baseline."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from pydantic import Field

from forecast.answers.forecast import ForecastPoint
from forecast.answers.model import LINES, OF_SERIES, Answer, FreqName, Intervals, RunKey, SeriesKey, UnitName, in_unit
from forecast.answers.provenance import DataTo, EventsKnownTo, OriginWord, Overdue, Provenance
from forecast.answers.quality import QualityWord
from forecast.answers.scenarios.rests_on import RestsOn
from forecast.answers.several import Several


class Change(Intervals):
    """What sets a scenario apart from the baseline, draw by draw, with its central intervals."""

    level_unit: ClassVar[str] = OF_SERIES

    median: float = Field(description="median", json_schema_extra=in_unit(OF_SERIES))
    mean: float = Field(
        description="expected value: mean of all draws; of a mixture the means of its scenarios by their probabilities",
        json_schema_extra=in_unit(OF_SERIES),
    )


class OutcomePoint(ForecastPoint):
    """A period ahead in a scenario."""

    mean: float = Field(
        description="expected value: mean of all draws, none left out, which a few large ones raise above the median; "
        "of a mixture the means of its scenarios and the baseline by their probabilities",
        json_schema_extra=in_unit(OF_SERIES),
    )
    difference: Change | None = Field(
        None, description="difference from the baseline, draw by draw; null for the baseline"
    )
    cumulated: Change | None = Field(
        None, description="sum of the differences up to the period; null for the baseline and for prices"
    )


class Total(Intervals):
    """The first year ahead: of a flow the sum of its periods, of a price the value in the last of them."""

    level_unit: ClassVar[str] = OF_SERIES

    first: dt.date = Field(description="first day of the first of its periods")
    last: dt.date = Field(description="first day of the last of its periods")
    yhat: float = Field(description="median", json_schema_extra=in_unit(OF_SERIES))
    mean: float = Field(description="expected value: mean of all draws", json_schema_extra=in_unit(OF_SERIES))
    difference: Change | None = Field(
        None, description="difference from the baseline, draw by draw; null for the baseline"
    )


class Outcome(Answer):
    """One series in one scenario."""

    line: ClassVar[tuple[str, ...]] = ("series_id", LINES, "unit", "scenario", "run", "probability", "rests_on")

    series_id: SeriesKey
    unit: UnitName
    freq: FreqName
    run: RunKey
    data_to: DataTo
    overdue: Overdue
    quality: QualityWord
    provenance: Provenance
    scenario: str = Field(description="baseline, the name of a scenario, or mixture: all by their probabilities")
    probability: float | None = Field(
        None,
        description="of the scenario, 0 to 1; of the baseline what those of the scenarios leave of 1; null where "
        "nobody gave one, and for the mixture",
    )
    levels: tuple[int, ...] = Field(description="levels of the central intervals", json_schema_extra=in_unit("%"))
    data: tuple[OutcomePoint, ...]
    year: Total | None = Field(
        None,
        description="first year ahead, as a sum, of a price its last value; null where fewer periods are told",
    )
    rests_on: tuple[RestsOn, ...] = Field(
        (),
        description="what the outcome takes each event to do that is not as in the baseline, and of the baseline each "
        "that acts beside the history, and where that comes from; in CSV `event:basis`; of a mixture see its scenarios",
    )
    notes: tuple[str, ...] = Field((), description="what is taken of events whose effect nobody has seen or stated")


class ScenarioAnswer(Several):
    """Forecasts in each scenario, by series: the baseline first, then the scenarios in order, then their mixture."""

    as_of: dt.date = Field(description="day whose knowledge of events counts, to its end (UTC)")
    events_known_to: EventsKnownTo
    origin: OriginWord
    coherent: bool = Field(description="whether parts and wholes among the series add up in each draw")
    levels: tuple[int, ...] = Field(description="levels of the central intervals", json_schema_extra=in_unit("%"))
    data: tuple[Outcome, ...]

    def of_series(self, series_id: str) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.data if outcome.series_id == series_id)
