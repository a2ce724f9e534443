"""The bundled files of duties: the lines that events state, and the average over all goods of an origin.

Both are read from the data folder and not kept in the catalogue: they are of its edition, as the code is.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from forecast import names
from forecast.catalog.csv_reader import Reading, Row, SomeDay, day, items, number, read_rows, word
from forecast.events.duty_lines import ALL_GOODS, AverageStep, DutyLine

#: What stands between the words of several records.
BETWEEN = " | "
_STEP_PLACES = {"EUU": "EU"}

_Places = Annotated[
    tuple[Annotated[names.Place, AfterValidator(names.place)], ...],
    BeforeValidator(items),
    Field(description=f"a list joined by ';' of {names.PLACE_RULE}"),
]
_Rate = Annotated[
    float | None,
    BeforeValidator(number),
    Field(ge=0, le=1000, description="points of the value, 0 or more, or nothing where it is on no record"),
]


def _slug(text: str) -> names.Slug:
    return ALL_GOODS if text == ALL_GOODS else names.slug(text)


class DutyRow(Row):
    """A line of ``duties.csv``."""

    event_id: Annotated[names.EventId, AfterValidator(names.event_id)]
    layer: Annotated[names.Slug, AfterValidator(names.slug)]
    origins: _Places
    destinations: _Places = ()
    minerals: Annotated[
        tuple[Annotated[names.Slug, AfterValidator(_slug)], ...],
        BeforeValidator(items),
        Field(description=f"a list joined by ';' of slugs of minerals, or {ALL_GOODS} for all goods"),
    ]
    rate_low: _Rate = None
    rate_high: _Rate = None
    basis: str = "value"
    since: SomeDay = None
    until: SomeDay = None
    states: Annotated[str, Field(min_length=1, description="the words of the event that state the rate")]
    note: str = ""


class StepRow(Row):
    """A line of ``tariff_steps.csv``."""

    date: Annotated[date, BeforeValidator(day)]
    reporter: str
    partner: str
    added_tariff_pct: Annotated[float, BeforeValidator(number)]
    base_2024_tariff_pct: Annotated[float, BeforeValidator(number)]
    status: Annotated[str, word(("effective", "scheduled"))]


@cache
def duty_lines(folder: Path) -> tuple[DutyLine, ...]:
    """The lines of ``duties.csv``, in its order. Raises ``InvalidInput`` with every fault in it."""
    reading = Reading()
    found = []
    for row, cells in read_rows(folder / "duties.csv", DutyRow, reading):
        low, high = cells.rate_low, cells.rate_high
        if low is not None and high is not None and low > high:
            reading.note(row, "rate_high", f"at least rate_low, {low:g}")
        found.append(
            DutyLine(
                cells.event_id, cells.layer, cells.origins, cells.destinations, cells.minerals, low, high, cells.basis,
                cells.since, cells.until, tuple(_said(cells.event_id, words) for words in cells.states.split(BETWEEN)),
                cells.note,
            )
        )  # fmt: skip
    reading.finish()
    return tuple(found)


@cache
def average_steps(folder: Path) -> tuple[AverageStep, ...]:
    """The steps of ``tariff_steps.csv`` that were in effect, by day. Raises ``InvalidInput``."""
    reading = Reading()
    found = [
        AverageStep(cells.date, _place(cells.reporter), _place(cells.partner), cells.added_tariff_pct)
        for _, cells in read_rows(folder / "tariff_steps.csv", StepRow, reading)
        if cells.status == "effective"
    ]
    reading.finish()
    return tuple(sorted(found, key=lambda step: (step.day, step.destination, step.origin)))


def _said(event_id: str, words: str) -> tuple[str, str]:
    """The event that says some words: another one where its id stands before them."""
    other, between, rest = words.partition(": ")
    return (other, rest) if between and _is_id(other) else (event_id, words)


def _is_id(text: str) -> bool:
    try:
        names.event_id(text)
    except names.BadName:
        return False
    return "-" in text


def _place(code: str) -> names.Place:
    return names.place(_STEP_PLACES.get(code, code))
