"""Duties as an answer: what is paid on a mineral from an origin at a destination, and what is not on record.

Points are added to the ordinary rate of the tariff, which is in no record here and so always missing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import Field

from forecast import names
from forecast.answers.event_filter import known_mineral
from forecast.answers.model import LINES, Answer, Part, Text, in_unit
from forecast.catalog.duty_records import average_steps
from forecast.errors import Fault, InvalidInput, NotFound
from forecast.events import branches
from forecast.events.duties import DutyPart, DutySchedule, Governing, Trade, rate_in_words, schedule, total
from forecast.events.duty_lines import INSTEAD, AverageStep
from forecast.events.exposure import Minerals
from forecast.settings import data_dir
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.catalog import Catalog

_POINTS = in_unit("points of the value")
#: How far ahead the next changes are told.
_AHEAD = dt.timedelta(days=365)
_DAY = dt.timedelta(days=1)
_UNION = names.EU_MEMBERS | {"EU"}
ORDINARY = "the ordinary rate of the tariff: it is in no record here, and is paid besides"
REPLACED = "the ordinary rate of the tariff: it is in no record here, and a layer that is charged takes its place"
_NO_NUMBER = "a number of points that is on no record"
NONE_ON_RECORD = "no additional duty is on record, which is not to say that nothing is paid"


class DutyLayer(Part):
    """What one legal programme charges, and by which event it does."""

    layer: str = Field(description="legal programme; layers add up, in one the latest measure in force counts")
    event_id: str = Field(title="event", description="id of the event that governs")
    title: str = Field(description="title of the event")
    low: float | None = Field(
        description="lower bound of the rate, the rate itself where `high` is the same; null: on no record",
        json_schema_extra=_POINTS,
    )
    high: float | None = Field(description="upper bound of the rate; null: on no record", json_schema_extra=_POINTS)
    rate_since: dt.date = Field(title="since", description="first day of this rate")
    basis: str = Field(description="of what the rate is: value, metal content, or as it says")
    states: tuple[str, ...] = Field(description="the words of the records that state the rate")
    note: Text = Field(description="why only bounds are known, or why it charges nothing")
    sources: tuple[str, ...] = Field(description="where the event is told")


class DutyAverage(Part):
    """The added duty on all goods of an origin: an average over all lines, and the rate of none."""

    points: float = Field(
        description="average over all goods, weighted by the trade of 2024; the rate of no line",
        json_schema_extra=_POINTS,
    )
    since: dt.date = Field(description="day of the last step that was in effect")
    place: str = Field(description="the origin that it is of: EU for its members")


class DutyChange(Part):
    """A change of the duty that is set, or may come, within a year."""

    day: dt.date = Field(description="first day of what is otherwise")
    low: float | None = Field(description="lower bound of the total from then on; null: it may come or not")
    high: float | None = Field(description="upper bound of it; null: on no record, or it may come or not")
    event_ids: tuple[str, ...] = Field(description="ids of the events whose duty begins or ends")
    certain: bool = Field(description="whether it is set; else a suspension or truce ends, or is extended")


class OfTrade(Answer):
    """The root of what is told of a mineral that goes from one place to another."""

    mineral: str = Field(description="slug of the mineral")
    origin: str = Field(description="where it comes from: an ISO 3166 alpha-3 code, EU or WLD")
    destination: str = Field(description="where it enters: the same")
    as_of: dt.date = Field(description="day whose knowledge counts, to its end (UTC)")
    missing: tuple[str, ...] = Field(description="what is in no rate here, or only bounded, and why")


class DutyOnDay(OfTrade):
    """The additional duty on a mineral from an origin at a destination on a day: a line a layer."""

    line = ("mineral", "origin", "destination", "day", LINES, "total_low", "total_high", "stated", "as_of")

    day: dt.date = Field(description="day on which it crosses the border")
    total_low: float = Field(
        description="lower bound of all layers together, without the ordinary rate", json_schema_extra=_POINTS
    )
    total_high: float | None = Field(
        description="upper bound of it; null: that of a layer is on no record, or no layer is",
        json_schema_extra=_POINTS,
    )
    stated: bool = Field(
        description="whether layers are on record and the rate of each is stated, so that both bounds are the same"
    )
    says: str = Field(description="the total in words")
    data: tuple[DutyLayer, ...]
    average: DutyAverage | None = Field(description="all goods of the origin, for comparison")
    changes: tuple[DutyChange, ...] = Field(description="what is known to change, or may, within a year")


class StepLayer(Part):
    """What one layer charges in a step."""

    layer: str = Field(description="legal programme")
    event_id: str = Field(description="id of the event that governs")
    low: float | None = Field(description="lower bound of the rate; null: on no record")
    high: float | None = Field(description="upper bound of the rate; null: on no record")


class DutyStep(Part):
    """Days on which the duty is the same."""

    day: dt.date = Field(title="from", description="first day of this duty within the days that were asked for")
    until: dt.date = Field(description="last day of it")
    total_low: float = Field(description="lower bound of all layers together", json_schema_extra=_POINTS)
    total_high: float | None = Field(description="upper bound of it; null: on no record", json_schema_extra=_POINTS)
    stated: bool = Field(description="whether layers are on record and the rate of each is stated")
    says: str = Field(description="what charges, in words")
    layers: tuple[StepLayer, ...] = Field(description="what charges; in CSV `layer:event:low:high`")


class DutySteps(OfTrade):
    """The additional duty on a mineral from an origin at a destination over some days: a line a change."""

    line = ("mineral", "origin", "destination", LINES, "as_of")

    data: tuple[DutyStep, ...]


@dataclass(frozen=True)
class DutyQuestion:
    """Of which trade the duty is asked, and by which day's knowledge; names as people write them."""

    mineral: str
    origin: str
    destination: str
    as_of: dt.date

    def schedule(self, catalog: Catalog) -> DutySchedule:
        """The duties on it. Raises ``NotFound`` for a mineral or a place that there is not, with the nearest."""
        origin, destination = (_place(name) for name in (self.origin, self.destination))
        if origin == destination:
            raise InvalidInput(Fault("destination", destination, f"another place than the origin, {origin}"))
        if _UNION.issuperset((origin, destination)):
            raise InvalidInput(
                Fault(
                    "destination", destination, f"a place outside the EU, which {origin} is in: within it is no border"
                )
            )
        minerals = catalog.minerals()
        slug = _mineral(self.mineral, minerals)
        if minerals.is_basket(slug):
            raise InvalidInput(
                Fault("mineral", slug, "a mineral; a basket holds what is charged alike and exempt alike")
            )
        return schedule(catalog.events(self.as_of), Trade(slug, origin, destination), minerals, self.as_of)


def duty_on_day(catalog: Catalog, question: DutyQuestion, day: dt.date) -> DutyOnDay:
    """The duty on a day, which may be past or to come. Raises as ``DutyQuestion.schedule``."""
    found = question.schedule(catalog)
    returns = _returns(catalog, found)
    parts = _on(found, returns, day)
    low, high = _total(parts)
    return DutyOnDay(
        mineral=found.trade.mineral,
        origin=found.trade.origin,
        destination=found.trade.destination,
        day=day,
        as_of=question.as_of,
        total_low=low,
        total_high=high,
        stated=_stated(parts),
        says=_says(parts),
        data=tuple(map(_layer, parts)),
        missing=(_ordinary(parts), *(_unknown(part) for part in parts if not part.is_exact)),
        average=_average(average_steps(data_dir()), found.trade, min(day, question.as_of)),
        changes=tuple(_changes(found, returns, day)),
    )


def duty_steps(
    catalog: Catalog, question: DutyQuestion, start: dt.date | None = None, until: dt.date | None = None
) -> DutySteps:
    """Every day from ``start`` (the first change on record) to ``until`` (the day of the question) on which the duty
    changed, and before them that of ``start``. Raises as ``DutyQuestion.schedule``, and ``InvalidInput``."""
    found = question.schedule(catalog)
    returns = _returns(catalog, found)
    changes = sorted({*found.changes, *(each.day for each in returns)})
    last = until or question.as_of
    first = start or min([*changes, last])
    if last < first:
        raise InvalidInput(Fault("until", str(last), f"a day not before {first}, when the days begin"))
    days = [first, *(day for day in changes if first < day <= last)]
    kept: list[tuple[dt.date, tuple[DutyPart, ...]]] = []
    for day in days:
        parts = _on(found, returns, day)
        if not kept or _told(parts) != _told(kept[-1][1]):
            kept.append((day, parts))
    ends = [*(day - _DAY for day, _ in kept[1:]), last]
    return DutySteps(
        mineral=found.trade.mineral,
        origin=found.trade.origin,
        destination=found.trade.destination,
        as_of=question.as_of,
        data=tuple(_step(day, end, parts) for (day, parts), end in zip(kept, ends, strict=True)),
        missing=(_ordinary([part for _, parts in kept for part in parts]),),
    )


def _step(day: dt.date, until: dt.date, parts: Sequence[DutyPart]) -> DutyStep:
    low, high = _total(parts)
    charging = _charging(parts)
    layers = tuple(
        StepLayer(layer=part.layer, event_id=part.event.event_id, low=part.low, high=part.high) for part in charging
    )
    says = " + ".join(f"{part.layer} {rate_in_words(part)}" for part in charging) or (
        f"exempt from {counted(len(parts), 'layer')} on record" if parts else "nothing on record"
    )
    return DutyStep(
        day=day, until=until, total_low=low, total_high=high, stated=_stated(parts), says=says, layers=layers
    )


def _layer(part: DutyPart) -> DutyLayer:
    event, line = part.event, part.line
    return DutyLayer(
        layer=part.layer,
        event_id=event.event_id,
        title=event.title,
        low=part.low,
        high=part.high,
        rate_since=part.since,
        basis=line.basis,
        states=tuple(words if name == event.event_id else f"{name}: {words}" for name, words in line.states),
        note=part.note,
        sources=event.sources,
    )


def _says(parts: Sequence[DutyPart]) -> str:
    """``25 + 12.5 = 37.5 points and the ordinary rate``."""
    charging = _charging(parts)
    if not parts:
        return NONE_ON_RECORD
    if not charging:
        return f"0 points and the ordinary rate: exempt from {counted(len(parts), 'layer')} on record"
    low, high = total(charging)
    if high is None:
        points = f"at least {low:g} points, and how many more is on no record," if low else f"{_NO_NUMBER},"
    else:
        points = f"{low:g} points" if low == high else f"{low:g} to {high:g} points"
    rates = [rate_in_words(part) for part in charging]
    terms = " + ".join(f"({rate})" if " " in rate else rate for rate in rates)
    ordinary = INSTEAD if _replaces(charging) else "and the ordinary rate"
    return f"{f'{terms} = ' if len(charging) > 1 else ''}{points} {ordinary}"


def _unknown(part: DutyPart) -> str:
    why = part.note or "the record gives bounds"
    return f"the rate of {part.layer} ({part.event.event_id}): {rate_in_words(part)}, {why}"


def _charging(parts: Iterable[DutyPart]) -> list[DutyPart]:
    return [part for part in parts if part.high != 0]


def _rates(parts: Iterable[DutyPart]) -> list[tuple[str, float | None, float | None]]:
    return [(part.layer, part.low, part.high) for part in parts]


def _told(parts: Sequence[DutyPart]) -> tuple[bool, list[tuple[str, float | None, float | None]]]:
    """What a step tells: what charges, and whether anything is on record."""
    return bool(parts), _rates(_charging(parts))


def _total(parts: Sequence[DutyPart]) -> tuple[float, float | None]:
    """The bounds of all parts; where nothing is on record there is no upper one."""
    return total(parts) if parts else (0.0, None)


def _stated(parts: Sequence[DutyPart]) -> bool:
    return bool(parts) and all(part.is_exact for part in parts)


def _replaces(parts: Iterable[DutyPart]) -> bool:
    return any(part.line.basis == INSTEAD for part in parts)


def _ordinary(parts: Iterable[DutyPart]) -> str:
    return REPLACED if _replaces(parts) else ORDINARY


@dataclass(frozen=True)
class _Return:
    """A duty that is charged again or not from ``day`` on, when its suspension ``by`` ends: up to ``high`` points."""

    day: dt.date
    duty: Governing
    by: str
    high: float | None


def _returns(catalog: Catalog, found: DutySchedule) -> tuple[_Return, ...]:
    """The ends of suspensions of these duties of which nothing later is known, by day."""
    events = catalog.events(found.known_on)
    cheapest_first = sorted(found.every, key=lambda each: (each.high is None, each.high or 0.0))
    theirs = {each.event.event_id: each for each in cheapest_first}
    told = []
    for branch in branches(events, found.known_on):
        by = events[branch.event_id]
        for name in branch.event_ids if branch.cause == "suspension_end" and branch.starts else ():
            if (duty := theirs.get(name)) and branch.starts:
                high = by.value_before if by.is_ad_valorem and by.value_before is not None else duty.high
                told.append(_Return(branch.starts, duty, branch.event_id, high))
    return tuple(told)


def _on(found: DutySchedule, returns: Iterable[_Return], day: dt.date) -> tuple[DutyPart, ...]:
    """What each layer charges; of one whose suspended duty may be back, what it charges with it and without."""
    parts = {part.layer: part for part in found.on(day)}
    open_ended: set[str] = set()
    for back in sorted(returns, key=lambda each: each.day):
        layer = back.duty.line.layer
        if day < back.day or layer in open_ended or back.duty.governs(day):
            continue
        open_ended.add(layer)
        now = parts.get(layer) or replace(back.duty.on(back.day), low=0.0, high=0.0)
        known = None not in (now.high, back.high)
        high = max(now.high or 0.0, back.high or 0.0) if known else None
        note = (
            f"whether {back.duty.event.event_id} is charged again is not known: its suspension by {back.by} was set "
            f"to end on {back.day - _DAY}"
        )
        parts[layer] = replace(now, high=high, note=note)
    return tuple(parts[layer] for layer in sorted(parts))


def _average(steps: Iterable[AverageStep], trade: Trade, day: dt.date) -> DutyAverage | None:
    origins = {trade.origin, "EU"} if trade.origin in names.EU_MEMBERS else {trade.origin}
    found = [s for s in steps if s.destination == trade.destination and s.origin in origins and s.day <= day]
    return DutyAverage(points=found[-1].points, since=found[-1].day, place=found[-1].origin) if found else None


def _changes(found: DutySchedule, returns: Sequence[_Return], day: dt.date) -> Iterable[DutyChange]:
    """What changes within a year after ``day``, by day: what is set, and what ends suspensions of these events."""
    last = min(day, dt.date.max - _AHEAD) + _AHEAD
    told = []
    for next_day in found.changes:
        if not day < next_day <= last:
            continue
        before, after = (_on(found, returns, each) for each in (next_day - _DAY, next_day))
        if _rates(found.on(next_day - _DAY)) == _rates(found.on(next_day)):
            continue
        low, high = _total(after)
        moved = {*((p.event.event_id, p.low, p.high) for p in before)} ^ {
            *((p.event.event_id, p.low, p.high) for p in after)
        }
        ids = tuple(sorted({event_id for event_id, _, _ in moved}))
        told.append(DutyChange(day=next_day, low=low, high=high, event_ids=ids, certain=True))
    for starts in {back.day for back in returns if day < back.day <= last}:
        ids = tuple(dict.fromkeys(back.duty.event.event_id for back in returns if back.day == starts))
        told.append(DutyChange(day=starts, low=None, high=None, event_ids=ids, certain=False))
    return sorted(told, key=lambda change: (change.day, change.event_ids))


def _place(text: str) -> names.Place:
    try:
        return names.place(text)
    except names.BadName as error:
        raise NotFound("place", text, names.PLACES, str(error)) from None


def _mineral(text: str, minerals: Minerals) -> str:
    """The slug of a mineral, also by a word of it that is in no other: ``magnets``."""
    named = [slug for slug in minerals.parents if text in slug.split("-")]
    return named[0] if text not in minerals and len(named) == 1 else known_mineral(text, minerals)
