"""Provenance of an answer about the future: when it was asked, and how new the data and the events are behind it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field

from forecast.answers.future import Future
from forecast.names import Measure
from forecast.registry import Run
from forecast.wording import day_in_words

DataTo = Annotated[dt.date, Field(description="first day of the last period with data that the run has seen")]
EventsKnownTo = Annotated[
    dt.date | None,
    Field(description="latest day of which the catalogue knew anything of events; null where it has no event"),
]
Provenance = Annotated[
    str, Field(description="day of the question, last period with data, knowledge of events and run, in a sentence")
]


def data_to(run: Run) -> dt.date:
    """First day of the last period with data that a run has seen."""
    day: dt.date = run.last.astype("datetime64[D]").astype(dt.date)
    return day


def provenance(future: Future) -> str:
    """``asked on 27 Nov 2026; last price June 2026; events checked to 8 Oct 2026; run …``."""
    series, known_to = future.series, future.events_known_to
    value = "index value" if series.measure is Measure.INDEX else series.measure
    events = f"events checked to {day_in_words(known_to)}" if known_to else "no events known"
    return (
        f"asked on {day_in_words(future.as_of)}; last {value} {series.calendar.in_words(data_to(future.run))}; "
        f"{events}; run {future.run.run_id}"
    )
