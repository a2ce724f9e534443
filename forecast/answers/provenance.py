"""Provenance of an answer about the future: when it was asked, and how new the data and the events are behind it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field

from forecast.answers.future import Future
from forecast.answers.model import in_unit
from forecast.answers.span import period_day
from forecast.names import Measure
from forecast.registry import Run
from forecast.settings import SpanOrigin
from forecast.wording import counted, day_in_words

DataTo = Annotated[dt.date, Field(description="first day of the last period with data that the run has seen")]
Overdue = Annotated[
    int,
    Field(
        description="since the value of the next period should usually have been there; 0 if it is not late",
        json_schema_extra=in_unit("days"),
    ),
]
OriginWord = Annotated[
    SpanOrigin,
    Field(description="from where `h` counts: today, the day `as_of`; or last, the last period with a value"),
]
EventsKnownTo = Annotated[
    dt.date | None,
    Field(description="latest day of which the catalogue knew anything of events; null where it has no event"),
]
Provenance = Annotated[
    str, Field(description="day of the question, last period with data, knowledge of events and run, in a sentence")
]


def data_to(run: Run) -> dt.date:
    """First day of the last period with data that a run has seen."""
    return period_day(run.last)


def overdue(future: Future) -> int:
    """Days since the value after the last that is there should usually have been there."""
    return future.series.overdue(future.last_published, future.as_of)


def unseen(future: Future) -> tuple[str, ...]:
    """What is to be said of values that are there and that the run has not seen."""
    if future.last_published == future.run.last:
        return ()
    last = future.series.calendar.in_words(period_day(future.last_published))
    return (f"values up to {last} are there, which the run has not seen: training is due (orecast retrain --due)",)


def provenance(future: Future) -> str:
    """``asked on 27 Nov 2026; last price June 2026 (the next is 116 days late); events checked to …; run …``.

    Of values that are there and that the run has not seen: ``last price October 2026 (the run saw June 2026)``.
    """
    series, known_to = future.series, future.events_known_to
    value = "index value" if series.measure is Measure.INDEX else series.measure
    events = f"events checked to {day_in_words(known_to)}" if known_to else "no events known"
    days = overdue(future)
    last, seen = (series.calendar.in_words(period_day(day)) for day in (future.last_published, future.run.last))
    said = [f"the run saw {seen}"] if seen != last else []
    if days:
        said.append(f"the next is {counted(days, 'day')} late")
    more = f" ({'; '.join(said)})" if said else ""
    return f"asked on {day_in_words(future.as_of)}; last {value} {last}{more}; {events}; run {future.run.run_id}"
