"""The dictionary of columns, ``docs/columns.md``: what each answer holds, from the models themselves.

python -m forecast.export.dictionary > docs/columns.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from forecast.answers.audit import AuditList
from forecast.answers.backtests import BacktestPaths, Scores
from forecast.answers.calendar import EventCalendar
from forecast.answers.changes import ChangeList
from forecast.answers.distribution import ForecastDraws, ForecastQuantiles
from forecast.answers.diversion import Diversion, DiversionPaths
from forecast.answers.duties import DutyOnDay, DutySteps
from forecast.answers.effects import EffectPaths, Effects
from forecast.answers.event_classes import ClassEffects
from forecast.answers.event_records import EventHistory, FindingList
from forecast.answers.events import EventList, EventOnDay
from forecast.answers.forecast import Forecast
from forecast.answers.health import HealthList
from forecast.answers.held import HeldList
from forecast.answers.inbox import CandidateFacts, CandidateList
from forecast.answers.jobs import JobList
from forecast.answers.keys import KeyList
from forecast.answers.model import Answer, Column, Part, parts_of
from forecast.answers.observations import ObservationList
from forecast.answers.runs import RunCard, RunList
from forecast.answers.scenarios import ScenarioAnswer
from forecast.answers.series import SeriesList
from forecast.answers.several import ForecastList
from forecast.answers.sources import SourceStateList
from forecast.answers.written import Delivered, EventWritten, Serving
from forecast.settings import FORECAST_LEVELS

_HEAD = """# Columns

What answers hold. This file is made from the code by `make docs`; a test keeps it current.

One name means the same in every answer, as JSON, as CSV, in the OpenAPI document and in a table. In JSON a part is an
object, in CSV its members are columns, joined to its name by `_`: `difference` with `median` is `difference_median`.
Items of a list are joined by `;` in CSV, and the members of an item that is an object by `:`, in the order of the
tables "In JSON besides": `in_force` is `since:until;since:until`. What there is not is null in JSON and an empty cell
in CSV. `L` stands for the level of an interval in percent: `lo-L` for `lo-80` and `lo-95`, a pair for each level; of a
forecast and a scenario those that were asked for, of other answers those that are named. A share is from 0 to 1. Days
are `YYYY-MM-DD` and in UTC. Numbers of answers about the future are rounded once, to six significant digits.
"""

#: What stands for the levels of intervals.
_LEVEL = "L"


@dataclass(frozen=True)
class Entry:
    """An answer, and who gives it."""

    title: str
    given_by: str
    model: type[Answer]


ENTRIES = (
    Entry("Forecast", "`GET /v1/forecasts/{series_id}`, `orecast forecast SERIES`", Forecast),
    Entry("Forecasts of several series", "`GET /v1/forecasts`, `orecast forecast`, `orecast export`", ForecastList),
    Entry(
        "Quantiles of a forecast", "`GET …?quantile=0.1,0.9`, `orecast forecast SERIES --quantile`", ForecastQuantiles
    ),
    Entry("Draws of a forecast", "`GET …?draws=N`, `orecast forecast SERIES --draws N`", ForecastDraws),
    Entry("Scenarios", "`POST /v1/scenarios`, `orecast scenario`", ScenarioAnswer),
    Entry("Effects", "`GET /v1/series/{series_id}/effects`, `orecast effects SERIES`", Effects),
    Entry("Effects by period", "`GET …/effects?detail=path`, `orecast effects SERIES --paths`", EffectPaths),
    Entry("Effects of kinds of events", "`GET /v1/effects`, `orecast effects --class`", ClassEffects),
    Entry("Trade diversion", "`GET /v1/events/{event_id}/diversion`, `orecast diversion EVENT`", Diversion),
    Entry(
        "Trade diversion by period", "`GET …/diversion?detail=path`, `orecast diversion EVENT --paths`", DiversionPaths
    ),
    Entry("Series", "`GET /v1/series`, `GET /v1/series/{series_id}`, `orecast series`", SeriesList),
    Entry("Observations", "`GET /v1/series/{series_id}/observations`", ObservationList),
    Entry("Held values", "`orecast observations held`", HeldList),
    Entry("Events", "`GET /v1/events`, `orecast events`", EventList),
    Entry("Calendar of events", "`GET /v1/events/calendar`, `orecast events --from DAY`", EventCalendar),
    Entry("One event on a day", "`GET /v1/events/{event_id}`, `orecast events EVENT`", EventOnDay),
    Entry("Duty on a day", "`GET /v1/duties`, `orecast duties MINERAL`", DutyOnDay),
    Entry("Duty over time", "`GET /v1/duties/steps`, `orecast duties MINERAL --from DAY`", DutySteps),
    Entry("Versions of an event", "`orecast events history EVENT`", EventHistory),
    Entry("Findings in the events", "`orecast events check`", FindingList),
    Entry("Inbox of events", "`orecast events inbox`", CandidateList),
    Entry("Candidate for an event", "`orecast events inbox CANDIDATE`", CandidateFacts),
    Entry("Scores of a run", "`GET /v1/series/{series_id}/backtest`, `orecast backtest SERIES`", Scores),
    Entry(
        "Past forecasts and what came",
        "`GET …/backtest?detail=path`, `GET /v1/export/backtests.csv`, `orecast backtest SERIES --paths`, "
        "`orecast backtest --origins`",
        BacktestPaths,
    ),
    Entry("Runs", "`GET /v1/runs`, `orecast runs list`", RunList),
    Entry("One run", "`GET /v1/runs/{run_id}`, `orecast runs show`", RunCard),
    Entry("Jobs", "`GET /v1/jobs`, `POST /v1/jobs`, `GET /v1/jobs/{job_id}`", JobList),
    Entry("Delivered observations", "`POST /v1/observations`", Delivered),
    Entry("Event that was written", "`POST /v1/events`, `PATCH /v1/events/{event_id}`", EventWritten),
    Entry("Run that serves now", "`POST /v1/series/{series_id}/promote`, `…/rollback`", Serving),
    Entry("Changes", "`GET /v1/changes`", ChangeList),
    Entry("Keys", "`orecast keys list`", KeyList),
    Entry("Audit", "`orecast audit`", AuditList),
    Entry("Health", "`orecast monitor`", HealthList),
    Entry("Health of sources", "`orecast monitor --sources`", SourceStateList),
)


def markdown(entries: Sequence[Entry] = ENTRIES) -> str:
    """The whole file."""
    return "\n".join([_HEAD, *(line for entry in entries for line in _section(entry))])


def columns(entry: Entry) -> list[Column]:
    """The columns of its CSV."""
    return entry.model.columns(FORECAST_LEVELS if _may_ask(entry) else ())


def only_in_json(entry: Entry) -> list[Column]:
    """What its JSON has besides: ``left_out``, and of each item in it ``left_out[].series_id``.

    The members of items are among it even where their list is a column of the CSV.
    """
    return list(_besides(entry.model, {column.name for column in columns(entry)}))


def _may_ask(entry: Entry) -> bool:
    """Whether the levels are those that were asked for."""
    return "levels" in entry.model.model_fields


def _levels(entry: Entry) -> list[int]:
    """The levels of its intervals, in percent."""
    general = {column.name for column in entry.model.columns((_LEVEL,))}
    named = (column.name for column in columns(entry) if column.name not in general)
    return sorted({int(re.split("[-_]", name)[-1]) for name in named})


def _section(entry: Entry) -> Iterator[str]:
    yield f"## {entry.title}\n"
    yield f"{(entry.model.__doc__ or '').partition(chr(10))[0]} {entry.given_by}.\n"
    yield from _table(entry.model.columns((_LEVEL,)))
    if levels := _levels(entry):
        yield f"`{_LEVEL}`: {', '.join(map(str, levels))}{' unless asked otherwise' if _may_ask(entry) else ''}.\n"
    if besides := only_in_json(entry):
        yield "In JSON besides:\n"
        yield from _table(besides)


def _table(rows: Sequence[Column]) -> Iterator[str]:
    yield "| name | type | unit | meaning |\n|---|---|---|---|"
    yield from (f"| `{row.name}` | {row.type} | {row.unit} | {row.meaning} |" for row in rows)
    yield ""


def _besides(model: type[Part], shown: set[str], inside: str = "") -> Iterator[Column]:
    for name, field in model.model_fields.items():
        (column, *_) = described = model.described(name)
        inner = parts_of(field)
        if name == "data" and inner is not None:
            yield from _besides(inner, shown, "data[].")
        elif name in ("data", "next") or len(described) > 1:
            continue
        else:
            if column.name not in shown:
                yield replace(column, name=inside + name)
            for member in inner.columns((_LEVEL,)) if inner and column.type == "list" else ():
                yield replace(member, name=f"{inside}{name}[].{member.name}")


if __name__ == "__main__":
    print(markdown(), end="")
