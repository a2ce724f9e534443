"""What is answered: the shape of each answer, for the OpenAPI document. Answers are written, not validated, by it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from forecast.answers.effects import EffectPaths, Effects
from forecast.answers.event_classes import ClassEffects


class SeriesDocument(BaseModel):
    """A series."""

    series_id: str
    mineral: str = Field(description="slug; empty where the series is of all goods")
    measure: str
    role: str
    flow: str
    reporter: str
    partner: str
    unit: str
    freq: str = Field(description="D, B, W-SUN, M, Q or Y")
    release_lag_days: int = Field(description="days from the end of a period until its value is published")
    publisher: str
    source_url: str
    licence: str
    notes: str
    spot: str
    parent: str
    resolution: float | None = Field(description="a 0 means less than this, in the unit; null: read from the values")
    run: str | None = Field(description="the run that serves; null where none does")
    retired: dt.datetime | None = Field(description="since when it is no longer served; null where it was not retired")
    fault: str = Field(description="why no run of it can serve, whatever is trained; empty if one can")


class SeriesList(BaseModel):
    """A list of series."""

    data: list[SeriesDocument]
    next: None


class Observed(BaseModel):
    """A published value."""

    series_id: str
    ds: dt.date = Field(description="first day of the period")
    y: float
    flag: str
    known_at: dt.date
    assumed: bool = Field(description="the day it became known is derived from the usual delay, not recorded")


class ObservationList(BaseModel):
    """A list of observations."""

    data: list[Observed]
    next: None


class ForecastRow(BaseModel):
    """A period ahead; beside these, `lo-<level>` and `hi-<level>` for each level."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float]

    ds: dt.date = Field(description="first day of the period")
    h: int = Field(description="periods after the last observation")
    yhat: float = Field(description="median, in the unit of the series")


class BranchDocument(BaseModel):
    """A future that is not in the baseline, or only with its probability."""

    event_id: str
    cause: str
    event_ids: list[str] = Field(description="the events that would start, or start again")
    starts: dt.date | None
    probability: float | None
    unconfirmed: bool = Field(description="its date has passed and nothing later is known")
    title: str


class ForecastDocument(BaseModel):
    """A forecast of one series."""

    series_id: str
    unit: str
    freq: str
    run: str
    as_of: dt.date
    events_known_to: dt.date | None
    scenario: str
    data: list[ForecastRow]
    branches: list[BranchDocument]
    notes: list[str]


class LeftOutDocument(BaseModel):
    """A series that could not be answered for."""

    series_id: str
    why: str


class ForecastList(BaseModel):
    """Forecasts of several series."""

    data: list[ForecastDocument]
    left_out: list[LeftOutDocument] = Field(description="series that cannot be served now; the others are answered")
    next: None


class OutcomeDocument(BaseModel):
    """One series in one scenario."""

    series_id: str
    unit: str
    freq: str
    run: str
    scenario: str = Field(description="baseline, the name of a scenario, or mixture")
    probability: float | None
    data: list[ForecastRow]
    difference: list[ForecastRow] = Field(description="from the baseline, draw by draw; empty for the baseline")
    cumulated: list[ForecastRow] = Field(description="sums of the differences so far; empty for prices")
    notes: list[str] = Field(description="what is taken of events whose effect nobody has seen or stated")


class ScenarioAnswer(BaseModel):
    """Forecasts in each scenario, by series."""

    as_of: dt.date
    events_known_to: dt.date | None
    data: list[OutcomeDocument]
    left_out: list[LeftOutDocument] = Field(description="series that cannot be served now; the others are answered")
    next: None


class ActDocument(BaseModel):
    """What an event does to another."""

    relation: str
    target: str


class EventRow(BaseModel):
    """An event."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Any]

    event_id: str
    title: str
    kind: str
    actor: str
    targets: list[str]
    announced: dt.date | None
    effective: dt.date | None
    ended: dt.date | None
    status: str
    minerals: list[str]
    flows: list[list[str]] = Field(description="[exporter, importer]")
    acts: list[ActDocument]
    probability: float | None
    own: bool = Field(description="taken in by a user of this service; not of the bundled data")


class EventList(BaseModel):
    """A list of events."""

    data: list[EventRow]
    next: None


class StateDocument(BaseModel):
    """How a measure stands on a day."""

    status: str
    since: dt.date | None
    until: dt.date | None
    by: str | None


class ActOnIt(BaseModel):
    """What another event did to this one."""

    event_id: str
    relation: str
    effective: dt.date | None
    title: str


class EventDocument(EventRow):
    """An event, its state, and the acts upon it."""

    as_of: dt.date
    state: StateDocument
    acts_on_it: list[ActOnIt]


class BacktestRow(BaseModel):
    """How a family did at one horizon."""

    series_id: str
    run: str
    family: str
    champion: bool
    origins: int = Field(description="past moments from which it forecast")
    score: float | None = Field(description="CRPS as a ratio to the baseline's, mean over horizons")
    h: int
    rel_crps: float | None = Field(description="CRPS as a ratio to the baseline's at this horizon")
    coverage: dict[str, float | None] = Field(description="share of outcomes inside each central interval")


class BacktestDocument(BaseModel):
    """How every family did on the history of a series."""

    series_id: str
    run: str
    champion: str
    why: str = Field(description="why the champion serves")
    data: list[BacktestRow]
    next: None


class RunRow(BaseModel):
    """A run."""

    series_id: str
    run_id: str
    champion: bool
    family: str
    trained_at: str
    as_of: str
    last: str
    fault: str = Field(description="why it cannot be served; empty if it can")


class RunList(BaseModel):
    """A list of runs."""

    data: list[RunRow]
    next: None


class RunDocument(BaseModel):
    """A run with its card."""

    series_id: str
    run: str
    champion: bool
    card: dict[str, Any]


class Alive(BaseModel):
    """The process answers."""

    status: str


class Ready(BaseModel):
    """Forecasts can be served."""

    status: str = Field(description="ready, or degraded where something is wrong")
    serving: int = Field(description="series with a forecast")
    faults: list[str]


ALL: tuple[type[BaseModel], ...] = (
    SeriesDocument,
    SeriesList,
    ObservationList,
    ForecastDocument,
    ForecastList,
    ScenarioAnswer,
    EventDocument,
    EventList,
    Effects,
    EffectPaths,
    ClassEffects,
    BacktestDocument,
    RunDocument,
    RunList,
    Alive,
    Ready,
)
