"""The record of an event: a policy measure or a shock, and since when each fact of it could be known."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, overload

from forecast.errors import NotFound
from forecast.names import Flow, Slug

if TYPE_CHECKING:
    from forecast.events.duty_lines import DutyLine

_T = TypeVar("_T")


class KindFamily(StrEnum):
    """Kinds of event that act on prices and flows in the same way."""

    SUPPLY = "supply"
    TARIFF = "tariff"
    RELIEF = "relief"
    THREAT = "threat"
    SHOCK = "shock"


class Stringency(StrEnum):
    """How a kind of measure bites: stopped, licensed, rationed, kept from some, taxed; what is no measure is apart."""

    BAN = "ban"
    LICENCE = "licence"
    QUOTA = "quota"
    SANCTION = "sanction"
    TARIFF = "tariff"
    RELIEF = "relief"
    THREAT = "threat"
    SHOCK = "shock"

    @property
    def family(self) -> KindFamily:
        return _FAMILIES.get(self, KindFamily.SUPPLY)


_FAMILIES = {
    Stringency.TARIFF: KindFamily.TARIFF,
    Stringency.RELIEF: KindFamily.RELIEF,
    Stringency.THREAT: KindFamily.THREAT,
    Stringency.SHOCK: KindFamily.SHOCK,
}

#: Kinds of event. An export control is a licence that has to be asked for.
KINDS: dict[str, Stringency] = {
    "export_ban": Stringency.BAN,
    "export_control": Stringency.LICENCE,
    "export_quota": Stringency.QUOTA,
    "licence": Stringency.LICENCE,
    "sanction": Stringency.SANCTION,
    "entity_list": Stringency.SANCTION,
    "tariff": Stringency.TARIFF,
    "tariff_relief": Stringency.RELIEF,
    "truce": Stringency.RELIEF,
    "threat": Stringency.THREAT,
    "other_shock": Stringency.SHOCK,
}

#: What one event can do to another.
RELATIONS = ("amends", "suspends", "extends", "terminates", "reinstates", "announces", "responds_to")

#: How an event stands, as its own record says; the last three are how it came to an end.
EVENT_STATUSES = ("enacted", "threatened", "lapsed", "suspended", "withdrawn")


#: How far the record of an event is believed, by its ``certainty``: what was read in the text of a measure, what was in
#: part, what is known from hearsay; where nothing is said it is taken as verified.
CERTAINTY = {"verified": 1.0, "partly": 0.9, "background": 0.8, "": 1.0}

#: Units of duties on the value of goods; and the points of an additional duty that are stated most often.
_AD_VALOREM, USUAL_POINTS = ("pp ad valorem", "pct ad valorem"), 25

#: The unit of a licence's value where that is the rate of approval.
APPROVED = "% approved"


@dataclass(frozen=True)
class Act:
    """The event that carries it does ``relation`` to ``target``, on its own effective date."""

    relation: str
    target: str


@dataclass(frozen=True)
class Event:
    """One measure or shock.

    ``announced``, ``effective``: two dates of one measure. ``ended``: its last day, or the day on which the act that
    ended it took effect; ``end_known``: the day from which ``ended``, and the status it led to, could be known.
    ``status_as_of``: the day of the evidence for ``status`` and ``status_note``. ``value_text`` keeps a value that is
    no number (``25/10``, ``15->30``); a licence may have the percentage that is approved as its value, in the unit
    ``% approved``, and the delay until then as its text (``3 months``). ``flows``: (exporter, importer) codes.
    ``price_world``, ``price_local`` (in ``local_market``) and ``volume``: directions expected by economic reasoning,
    never measured. ``probability``: of a threat, that it comes; of a suspension, that its end brings back what it
    suspends; ``None`` if nobody has said. ``probability_source`` (a person or an address) and ``probability_date`` (the
    day of which it is): without both it is listed and not drawn. ``own``: somebody took it in who uses the catalogue;
    it is none of the bundled data. ``duties``: what it charges on whose goods; no column of its row.
    """

    event_id: str
    title: str
    kind: str
    actor: str
    targets: tuple[str, ...]
    announced: date | None
    effective: date | None
    ended: date | None
    end_known: date | None
    date_precision: str
    status: str
    status_as_of: date | None
    status_note: str
    instrument: str
    value_before: float | None
    value_after: float | None
    value_unit: str
    value_text: str
    intensity: str
    minerals: tuple[Slug, ...]
    scope_note: str
    flows: tuple[Flow, ...]
    price_world: str
    price_local: str
    local_market: str
    volume: str
    mechanism: str
    acts: tuple[Act, ...]
    certainty: str
    sources: tuple[str, ...]
    needs_recheck: bool
    probability: float | None = None
    probability_source: str = ""
    probability_date: date | None = None
    own: bool = False
    duties: tuple[DutyLine, ...] = ()

    @property
    def known_from(self) -> date:
        """The first day on which the event could be known: announced, or effective if it never was announced."""
        day = self.announced or self.effective
        assert day is not None, f"{self.event_id} has neither an announced nor an effective date"
        return day

    @property
    def takes_effect(self) -> date:
        """The day on which its acts take effect."""
        return self.effective or self.known_from

    @property
    def never_took_effect(self) -> bool:
        """Whether it was ended, or held back, before the day from which it was to apply."""
        return self.ended is not None and self.effective is not None and self.ended < self.effective

    @property
    def dates(self) -> str:
        """From when to when, in words: ``2018-07-01 to 2019-05-20``; of what never took effect no range, but so."""
        start = self.effective or self.known_from
        if not self.never_took_effect:
            return f"{start} to {self.ended}" if self.ended else str(start)
        announced = f"announced {self.announced}, " if self.announced else ""
        never, end = ("not in force", "suspended") if self.status == "suspended" else ("never took effect", "ended")
        return f"{never}: {announced}{end} {self.ended} before its date {self.effective}"

    @property
    def stringency(self) -> Stringency:
        return KINDS[self.kind]

    @property
    def family(self) -> KindFamily:
        return self.stringency.family

    @property
    def is_ad_valorem(self) -> bool:
        """Whether its values are points of the value of goods; a headline sums up several duties, and is none."""
        return self.value_unit.startswith(_AD_VALOREM) and "headline" not in self.value_unit

    @property
    def dose(self) -> float:
        """Of a tariff: how much it changes the log of one plus the rate, as a multiple of what 25 points from none do.

        So trade responds to it (Head and Mayer, Gravity equations, Handbook of International Economics 4, 2014): 25
        points more are less on top of 25 than on top of none. Where no rate is stated, and of anything else, it is 1.
        """
        if self.stringency is not Stringency.TARIFF:
            return 1.0
        before, after = self.value_before or 0.0, self.value_after
        if after is None or after == before or min(before, after) < 0 or not self.is_ad_valorem:
            return 1.0
        return abs(math.log((100 + after) / (100 + before)) / math.log(1 + USUAL_POINTS / 100))

    @property
    def credence(self) -> float:
        """How far its record is believed, 0 to 1: what is only known from hearsay weighs less than what was read."""
        return CERTAINTY.get(self.certainty, CERTAINTY["background"])

    @property
    def sourced_probability(self) -> float | None:
        """Its probability, if it is told who gave it and of which day it is; forecasts are drawn with no other."""
        return self.probability if self.probability_source and self.probability_date else None

    @property
    def terms(self) -> tuple[int, float] | None:
        """Of a licence that states both: months until the first applications are decided, and the share approved."""
        if self.kind != "licence" or self.value_unit != APPROVED or self.value_after is None:
            return None
        months = months_of(self.value_text)
        return None if months is None or not 0 <= self.value_after <= 100 else (months, self.value_after / 100)

    def known_on(self, day: date) -> Event | None:
        """The event as it could be known at the end of ``day``; ``None`` before it could be known at all.

        An end date and the status it led to are hidden before ``end_known``, a lapse also before it came to pass, a
        note before its evidence, a probability before its date.
        """
        if day < self.known_from:
            return None
        if self.probability_date is not None and day < self.probability_date:
            return replace(self, probability=None, probability_source="", probability_date=None).known_on(day)
        end_is_known = self.end_known is None or self.end_known <= day
        is_over = end_is_known and (self.ended is None or self.ended <= day or self.status == "suspended")
        note_is_known = self.status_as_of is None or self.status_as_of <= day
        if end_is_known and is_over and note_is_known:
            return self
        return replace(
            self,
            ended=self.ended if end_is_known else None,
            end_known=self.end_known if end_is_known else None,
            status=self.status if is_over else self._status_before_end,
            status_as_of=self.status_as_of if note_is_known else None,
            status_note=self.status_note if note_is_known else "",
        )

    @property
    def _status_before_end(self) -> str:
        return "threatened" if self.family is KindFamily.THREAT or self.status == "threatened" else "enacted"

    @property
    def tells_terms(self) -> bool:
        """Whether it only tells how licences that are there are granted: what it does is in their path."""
        return self.terms is not None and any(act.relation == "amends" for act in self.acts)


def months_of(text: str) -> int | None:
    """``3 months`` as a number from 1 to 60; None for anything else."""
    found = re.fullmatch(r"([1-9]|[1-5][0-9]|60) months?", text)
    return int(found[1]) if found else None


def _days_told(event: Event) -> list[date]:
    """The days on which its record says that something of it became known."""
    return [day for day in (event.known_from, event.end_known, event.status_as_of) if day is not None]


@dataclass(frozen=True)
class Version:
    """The facts of an event that hold from the end of the day ``known`` on; ``event``: None once it is retired."""

    known: date
    event: Event | None


#: Days of whose knowledge the events are remembered.
_DAYS_REMEMBERED = 8


class Events(Mapping[str, Event]):
    """Events by id, in order of id; immutable. ``[]`` raises ``NotFound``. ``as_of``: the day of this knowledge.

    ``versions``: of those that were amended or retired, the facts in order of the days since which they were known;
    the last are those of ``events``.
    """

    def __init__(
        self,
        events: Iterable[Event] = (),
        *,
        as_of: date | None = None,
        versions: Mapping[str, tuple[Version, ...]] | None = None,
    ) -> None:
        self._events = {event.event_id: event for event in sorted(events, key=lambda event: event.event_id)}
        self._versions = versions or {}
        self.as_of = as_of
        self._of_days: dict[date, Events] = {}

    def __getitem__(self, event_id: str) -> Event:
        try:
            return self._events[event_id]
        except KeyError:
            raise NotFound("event", event_id, self._events) from None

    @overload
    def get(self, event_id: str, default: None = None, /) -> Event | None: ...
    @overload
    def get(self, event_id: str, default: Event | _T, /) -> Event | _T: ...
    def get(self, event_id: str, default: object = None, /) -> object:
        """The event, or ``default``."""
        return self._events.get(event_id, default)

    def __contains__(self, event_id: object) -> bool:
        return event_id in self._events

    def __iter__(self) -> Iterator[str]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def known_on(self, day: date) -> Events:
        """What could be known at the end of ``day``."""
        if day == self.as_of:
            return self
        if (remembered := self._of_days.get(day)) is not None:
            return remembered
        versions = {name: tuple(v for v in each if v.known <= day) for name, each in self._versions.items()}
        believed = [event for event_id, event in self.items() if event_id not in versions]
        believed += [last for each in versions.values() if each and (last := each[-1].event)]
        found = Events((known for event in believed if (known := event.known_on(day))), as_of=day, versions=versions)
        # Of few days: those of the question and of the trainings are asked for with each series, others seldom.
        self._of_days = dict([*self._of_days.items(), (day, found)][-_DAYS_REMEMBERED:])
        return found

    def known_to(self, day: date | None = None) -> date:
        """The last day, up to ``day``, of which anything is told of events; ``date.min`` if of none."""
        days = [version.known for versions in self._versions.values() for version in versions]
        days += [told for event in self.values() for told in _days_told(event)]
        return max((told for told in days if day is None or told <= day), default=date.min)

    def told_of(self, event_id: str) -> date:
        """The last day on which anything of an event became known. Raises ``NotFound``."""
        days = [version.known for version in self._versions.get(event_id, ())]
        event = self[event_id]
        told = [*days, *_days_told(event), *([event.probability_date] if event.probability_date else [])]
        return max(day for day in told if self.as_of is None or day <= self.as_of)

    @property
    def retired(self) -> dict[str, tuple[date, Event]]:
        """The events that no longer count, by id: the day since which, and what was last believed of them."""
        found = {}
        for name, versions in self._versions.items():
            before = [version.event for version in versions if version.event]
            if versions and versions[-1].event is None and before:
                found[name] = versions[-1].known, before[-1]
        return found

    def terms(self, event_id: str) -> tuple[int, float] | None:
        """Of a licence: months from its start until the first applications are decided, and the share approved.

        As the last of the licences that amend it says, for what is approved is known later than what is required.
        """
        amending = [by.terms for by, act in self.acts_on(event_id) if act.relation == "amends" and by.terms]
        return amending[-1] if amending else self[event_id].terms

    def acts_on(self, event_id: str) -> tuple[tuple[Event, Act], ...]:
        """The events that act on this one, with the act, in order of date."""
        return self._acts_by_target.get(event_id, ())

    @cached_property
    def _acts_by_target(self) -> dict[str, tuple[tuple[Event, Act], ...]]:
        acts: dict[str, list[tuple[Event, Act]]] = {}
        for event in sorted(self.values(), key=lambda event: event.takes_effect):
            for act in event.acts:
                acts.setdefault(act.target, []).append((event, act))
        return {target: tuple(pairs) for target, pairs in acts.items()}
