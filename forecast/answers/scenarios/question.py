"""The question: what may be asked of scenarios, once for YAML files and for JSON over HTTP.

What can be wrong without a look at the catalogue is refused here, with its place: ``scenarios.0.add.1.ended``.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from forecast import names
from forecast.answers.scenarios.faults import faults
from forecast.answers.words import BY_NAME, no_defaults, out_of
from forecast.errors import Fault, InvalidInput, Malformed, one_of
from forecast.events import KINDS
from forecast.interventions import parse_shape
from forecast.names import MEASURES
from forecast.settings import FORECAST_LEVELS

MOST_EVENTS, MOST_SCENARIOS, MOST_SERIES = 50, 20, 50
#: What one question may cost: versions of the events × series × periods. Each month that an event may slip is another
#: version, and one costs as much for a few periods as for two years.
MOST_PERIODS, LEAST_PERIODS = 12_000, 24
#: And versions × the events that are spoken of in them × series.
MOST_LOOKS = 6_000
#: Periods ahead that can be trained at most.
LONGEST_HORIZON = 120
#: Names that answers give.
RESERVED = ("baseline", "mixture")
_MOST_BYTES = 1_000_000
#: Kinds of event that may be added: a threat is a branch.
_ADDED = tuple(kind for kind in KINDS if kind != "threat")


def _shape(text: str) -> str:
    try:
        parse_shape(text)
    except InvalidInput as error:
        raise ValueError(error.faults[0].expected) from None
    return text


def _in_order(months: tuple[int, ...]) -> tuple[int, ...]:
    if months[0] > months[1]:
        raise ValueError("the earliest first")
    return months


def _kind(word: str) -> str:
    if word not in _ADDED:
        raise ValueError(one_of(_ADDED))
    return word


def _flow(text: str) -> str:
    names.flow(text)
    return text


def _on(text: str) -> str:
    return text if text in MEASURES else names.series_id(text)


def _named(
    parse: Callable[[str], str], pattern: str = names.PATTERN, longest: int = names.MAX_NAME_LENGTH
) -> tuple[AfterValidator, WithJsonSchema]:
    """A check by ``parse``, whose sentence is the refusal, and what the schema says of it."""
    schema = {"type": "string", "pattern": f"^{pattern}$", "minLength": 1, "maxLength": longest}
    return AfterValidator(parse), WithJsonSchema(schema)


SeriesId = Annotated[names.SeriesId, *_named(names.series_id)]
On = Annotated[str, *_named(_on)]
EventId = Annotated[names.EventId, *_named(names.event_id)]
Slug = Annotated[names.Slug, *_named(names.slug)]
Flow = Annotated[str, *_named(_flow, names.FLOW_PATTERN, 7)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Months = Annotated[int, Field(ge=-60, le=60)]
Day = Annotated[dt.date, Field(ge=dt.date(1900, 1, 1), le=dt.date(2200, 12, 31))]
Text = Annotated[str, Field(max_length=300)]
Direction = Annotated[Literal["up", "down", ""], out_of(("up", "down"))]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, json_schema_extra=no_defaults)


class Effect(_Part):
    """How much an event moves a series when it is fully felt.

    ``percent``: of the level without it, −30 is thirty percent less; ``plus_minus``: one standard deviation of that,
    in the same percentage points.
    """

    percent: Annotated[float, Field(gt=-100, le=10_000, allow_inf_nan=False)]
    plus_minus: Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)] = 0.0


class RateStep(_Part):
    """A rate that holds from a day on."""

    since: Day = Field(alias="from")
    rate: Rate


class Terms(_Part):
    """A licence: of what the measure takes the share ``approval`` comes back, ``delay_months`` after its start."""

    approval: Share
    delay_months: Annotated[int, Field(ge=1, le=60)]


class Like(_Part):
    """A past event as whose effect went, another is assumed to go; an id alone is the event.

    ``series``: id of the series on which it was measured, that which is asked for or else the most similar one if left
    out; ``scale``: times that on the log, 2 being twice the effect, −1 as much the other way.
    """

    event: EventId
    series: SeriesId | None = None
    scale: Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)] = 1.0


def _as_like(value: object) -> object:
    return {"event": value} if isinstance(value, str) else value


class Acting(_Part):
    """What can be said of any event that acts in a scenario.

    ``slips``: its start comes so many months later, from the first number to the second, each as likely, drawn anew in
    each draw; ``rate`` or ``rates``: see ``Scenario``; ``shape``: ``step``, ``pulse``, ``temporary-6``, ``ramp-3`` or
    ``decay-0.8``, in periods of each series; ``licence`` instead: a delay in months and a rate of approval; ``effect``:
    by id of a series or by measure; ``like``: instead of all these but ``slips``, the path that was measured of a past
    event, from the start on, with how well it is known.
    """

    slips: Annotated[tuple[Months, ...], Field(min_length=2, max_length=2), AfterValidator(_in_order)] | None = None
    rates: Annotated[tuple[RateStep, ...], Field(max_length=24)] = ()
    shape: Annotated[str, AfterValidator(_shape)] | None = None
    licence: Terms | None = None
    effect: Annotated[dict[On, Effect], Field(max_length=MOST_SERIES), BY_NAME] = Field(default_factory=dict)
    like: Annotated[Like, BeforeValidator(_as_like, json_schema_input_type=EventId | Like)] | None = None

    @model_validator(mode="after")
    def _one_assumption(self) -> Self:
        if self.like is not None:
            for name in ("effect", "shape", "licence", "rate", "rates"):
                if getattr(self, name, None):
                    why = "; `scale` changes the size" if name in ("rate", "rates") else ""
                    raise ValueError(f"`like` or `{name}`, not both{why}")
        return self

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if self.shape is not None and self.licence is not None:
            raise ValueError("`shape` or `licence`, not both")
        return self

    @model_validator(mode="after")
    def _rates_in_order(self) -> Self:
        days = [step.since for step in self.rates]
        if days != sorted(set(days)):
            raise ValueError("the days of `rates` in order, each once")
        return self


class Dated(Acting):
    """An event with its dates and, if it is a duty or a quota, its rate."""

    event: EventId
    announced: Day | None = None
    effective: Day | None = None
    ended: Day | None = None
    rate: Rate | None = None

    @model_validator(mode="after")
    def _one_rate(self) -> Self:
        if self.rate is not None and self.rates:
            raise ValueError("`rate` or `rates`, not both")
        return self


class Take(Acting):
    """A branch that comes to pass: a threat that is carried out, a suspension that ends.

    ``branch``: id of the threat or of the suspension; ``starts``: on its own day if left out; ``probability``: each
    draw takes it with that, 1 if left out.
    """

    branch: EventId
    starts: Day | None = None
    probability: Share | None = None


class Amend(Dated):
    """An event of the catalogue with other facts. ``extend_days``: so many days longer than it is set to last."""

    extend_days: Annotated[int, Field(ge=1, le=3660)] | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.ended is not None and self.extend_days is not None:
            raise ValueError("`ended` or `extend_days`, not both")
        return self


class Add(Dated):
    """An event of the user's own. ``flows``: exporter and importer, ``CHN>WLD``; directions: what it should do.

    With ``like`` what is left out (kind, minerals and flows, directions) is as it was of the precedent.
    """

    effective: Day
    title: Text = ""
    kind: Annotated[str, AfterValidator(_kind), out_of(_ADDED)] = "export_control"
    minerals: Annotated[tuple[Slug, ...], Field(max_length=50)] = ()
    flows: Annotated[tuple[Flow, ...], Field(max_length=50)] = ()
    price: Direction = ""
    volume: Direction = ""


class Scenario(_Part):
    """A named set of changes to the events, with a probability if there is one.

    A rate is one measure's own number (a duty in points, a quota in tonnes). The effect of an event with a known rate
    changes in proportion to it; of any other event the first of ``rates`` has the effect, and the next ones act in
    proportion.
    """

    name: Slug
    title: Text = ""
    probability: Share | None = None
    add: tuple[Add, ...] = ()
    remove: tuple[EventId, ...] = ()
    amend: tuple[Amend, ...] = ()
    take: tuple[Take, ...] = ()

    @property
    def size(self) -> int:
        """Events it speaks of."""
        return len(self.add) + len(self.remove) + len(self.amend) + len(self.take)

    @property
    def versions(self) -> int:
        """Versions of the events to be looked at: its own, and one for each month that something may slip to."""
        return 1 + sum(part.slips[1] - part.slips[0] + 1 for _, part in self.acting() if part.slips)

    def acting(self) -> Iterator[tuple[str, Acting]]:
        """What acts in it, with its place."""
        for name, parts in (("add", self.add), ("amend", self.amend), ("take", self.take)):
            yield from ((f"{name}.{j}", part) for j, part in enumerate(parts))


class Question(_Part):
    """Scenarios of one or more series. ``h`` periods after ``origin`` (today, or the last value), twelve if left out;
    ``from``, ``until``: only periods that start on or after, on or before that day; ``level`` in percent; ``as_of``:
    today if left out; ``coherent``: parts and wholes among the series add up in each draw; ``insufficient``: also of
    series with too few values for a forecast.

    All scenarios together speak of at most 50 events. Versions of the events (one a scenario, and one for each month
    that an event may slip to) × series × periods (at least 24) are at most 12,000, and versions × events × series at
    most 6,000.
    """

    series: Annotated[tuple[SeriesId, ...], Field(min_length=1, max_length=MOST_SERIES)]
    scenarios: Annotated[tuple[Scenario, ...], Field(max_length=MOST_SCENARIOS)]
    h: Annotated[int, Field(ge=1, le=LONGEST_HORIZON)] | None = None
    origin: Literal["today", "last"] = "today"
    start: Day | None = Field(None, alias="from")
    until: Day | None = None
    level: Annotated[tuple[Annotated[int, Field(ge=1, le=99)], ...], Field(min_length=1, max_length=10)] = (
        FORECAST_LEVELS
    )
    as_of: Day | None = None
    coherent: bool = False
    insufficient: bool = False

    @classmethod
    def read(cls, text: str | bytes) -> Question:
        """From JSON. Raises ``InvalidInput`` with the place of each fault, ``Malformed`` for what is no JSON."""
        text = _decoded(text) if isinstance(text, bytes) else text
        try:
            question = cls.model_validate_json(text)
        except ValidationError as error:
            kind = Malformed if any(detail["type"] == "json_invalid" for detail in error.errors()) else InvalidInput
            raise kind(faults(error, cls)) from None
        json.loads(text, object_pairs_hook=_once)
        if crowded := list(question._crowded()):
            raise InvalidInput(crowded)
        return question

    @classmethod
    def read_yaml(cls, text: str) -> Question:
        """From YAML, by way of JSON, so that a file and a request are the same question."""
        from forecast.answers.scenarios import yaml_text

        if len(text) > _MOST_BYTES:
            raise InvalidInput(Fault("body", f"{len(text)} characters", f"at most {_MOST_BYTES}"))
        return cls.read(yaml_text.to_json(text))

    @classmethod
    def read_file(cls, path: Path) -> Question:
        """From a file of JSON (``.json``) or YAML. Raises ``InvalidInput`` with file and place, and ``OSError``."""
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        try:
            if len(data) > _MOST_BYTES:
                raise InvalidInput(Fault("body", f"over {_MOST_BYTES} bytes", f"at most {_MOST_BYTES}"))
            text = _decoded(data)
            return cls.read(text) if path.suffix.lower() == ".json" else cls.read_yaml(text)
        except InvalidInput as error:
            raise type(error)(_in_file(fault, path) for fault in error.faults) from None

    def _too_large(self) -> Iterator[Fault]:
        """What would cost too much."""
        if (size := sum(scenario.size for scenario in self.scenarios)) > MOST_EVENTS:
            yield Fault("scenarios", f"{size} events", f"at most {MOST_EVENTS} in all scenarios")
        versions, periods = sum(scenario.versions for scenario in self.scenarios), max(self.h or 0, LEAST_PERIODS)
        if versions * len(self.series) * periods > MOST_PERIODS:
            most = MOST_PERIODS // (len(self.series) * periods)
            asked = f"{versions} versions of the events × {len(self.series)} series × {periods} periods"
            expected = f"at most {MOST_PERIODS:,}: {most} versions of so many series and periods"
            yield Fault("scenarios", asked, expected)
        looks = sum(scenario.versions * scenario.size for scenario in self.scenarios) * len(self.series)
        if looks > MOST_LOOKS:
            asked = f"{looks:,} looks at an event (versions × events × series)"
            yield Fault("scenarios", asked, f"at most {MOST_LOOKS:,}; slips over fewer months, fewer events or series")

    def _crowded(self) -> Iterator[Fault]:
        """What is wrong between the parts."""
        yield from self._too_large()
        total = sum(scenario.probability or 0.0 for scenario in self.scenarios)
        if total > 1 + 1e-9:
            yield Fault("scenarios", f"probabilities of {total:g} together", "at most 1; the rest is the baseline")
        times = Counter(scenario.name for scenario in self.scenarios)
        for i, scenario in enumerate(self.scenarios):
            if scenario.name in RESERVED or times[scenario.name] > 1:
                expected = f"a name of its own, not {' or '.join(RESERVED)}"
                yield Fault(f"scenarios.{i}.name", scenario.name, expected)
            ids = Counter([*(a.event for a in scenario.add), *(a.event for a in scenario.amend), *scenario.remove])
            for event_id in (event_id for event_id, count in ids.items() if count > 1):
                yield Fault(f"scenarios.{i}", event_id, "one place for each event: add, remove or amend")
            for j, new in enumerate(scenario.add):
                if new.event in RESERVED:
                    yield Fault(f"scenarios.{i}.add.{j}.event", new.event, f"an id other than {' and '.join(RESERVED)}")
            for where, part in scenario.acting():
                for on in part.effect.keys() - set(self.series) - set(MEASURES):
                    expected = f"one of the series asked for, or {', '.join(MEASURES)}"
                    yield Fault(f"scenarios.{i}.{where}.effect", on, expected)
        if len(set(self.series)) < len(self.series):
            yield Fault("series", list(self.series), "each series once")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of JSON, of which most readers take the last of two members with one name without a word."""
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise InvalidInput(Fault("key", name[:100], "each key once"))
        members[name] = value
    return members


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        byte = f"byte 0x{error.object[error.start]:02x}"
        raise Malformed(Fault("body", byte, "UTF-8 throughout", line=line)) from None


def _in_file(fault: Fault, path: Path) -> Fault:
    return replace(fault, where="file" if fault.where == "body" else fault.where, file=str(path))
