"""Contradictions in the records of events, and reminders of what should be looked at again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from forecast.errors import nearest
from forecast.events.event import APPROVED, Event, Events, KindFamily
from forecast.events.lifecycle import state, timeline

#: The last day of which anybody can speak; a later one is a slip of the pen, as 2125 for 2025.
LAST_DAY = date(2099, 12, 31)
#: Days after which the evidence for a status that was to be checked again is too old.
RECHECK_DAYS = 30
#: Years ahead beyond which an enacted measure is hardly enacted.
FAR_YEARS = 2
#: Units of rates by which events are judged or told; others are free text.
UNITS = (APPROVED, "pp ad valorem", "pct ad valorem", "binary")


class Severity(StrEnum):
    """How bad a finding is."""

    CONTRADICTION = "contradiction"
    REMINDER = "reminder"


@dataclass(frozen=True)
class Finding:
    """Something in the record of an event that cannot be so, or that should be looked at.

    ``field``: the fact that it is about; ``what`` is found, ``why`` it matters, what to ``do``.
    """

    event_id: str
    severity: Severity
    field: str
    what: str
    why: str
    do: str


def impossible(event: Event, today: date) -> Iterator[tuple[str, str]]:
    """Facts that cannot be true on ``today``, as (field, what would have been right)."""
    told = f"a day up to {today}, for nothing can be known before its day"
    known = {name: getattr(event, name) for name in ("announced", "end_known", "status_as_of", "probability_date")}
    if event.end_known == event.ended:  # nobody said since when it is known
        del known["end_known"]
    yield from ((name, told) for name, day in known.items() if day is not None and day > today)
    for name in ("effective", "ended"):
        day = getattr(event, name)
        if day is not None and day > LAST_DAY:
            yield name, f"a day up to {LAST_DAY}"


def check(events: Events, today: date) -> tuple[Finding, ...]:
    """What is found in the records of events, contradictions first, then by event."""
    found = [finding for event in events.values() for finding in findings(events, event, today)]
    return tuple(sorted(found, key=lambda one: (one.severity, one.event_id, one.field)))


def findings(events: Events, event: Event, today: date) -> Iterator[Finding]:
    """What is found in the record of one event, beside the others."""
    for name, expected in impossible(event, today):
        day = getattr(event, name)
        yield _wrong(event, name, f"{name} is {day}", "it hides the event, or what is known of it", f"say {expected}")
    for rule in _RULES:
        yield from rule(events, event, today)


def _wrong(event: Event, field: str, what: str, why: str, do: str) -> Finding:
    return Finding(event.event_id, Severity.CONTRADICTION, field, what, why, do)


def _remind(event: Event, field: str, what: str, why: str, do: str) -> Finding:
    return Finding(event.event_id, Severity.REMINDER, field, what, why, do)


def _is_threat(event: Event) -> bool:
    return event.status == "threatened" or event.family is KindFamily.THREAT


def _ended_before_effective(events: Events, event: Event, today: date) -> Iterator[Finding]:
    if not (event.ended and event.effective and event.ended < event.effective):
        return
    acting = [by for by, act in events.acts_on(event.event_id) if act.relation in ("suspends", "terminates")]
    acts = [by for by in acting if not _is_threat(by)]
    announces = any(act.relation == "announces" for act in event.acts)
    if not acts and not announces and event.status not in ("withdrawn", "suspended"):
        what = f"ended {event.ended} before it took effect on {event.effective}"
        do = "put the dates right, say status: withdrawn, or record the act that stopped it"
        yield _wrong(event, "ended", what, "no act and no withdrawal tells why it never applied", do)


def _ended_by_nobody_knows(events: Events, event: Event, today: date) -> Iterator[Finding]:
    do = "say end_known: the day on which the end was announced"
    if event.ended and event.end_known is None:
        yield _remind(event, "end_known", f"ended {event.ended}, and nobody says since when that is known", _LOOK, do)
    elif event.ended and event.ended == event.end_known and event.ended > today:
        what = f"its end on {event.ended} counts as known from that day on"
        yield _remind(event, "end_known", what, "until then no forecast ends it", do)


def _suspension_of_nothing(events: Events, event: Event, today: date) -> Iterator[Finding]:
    targets = [act.target for act in event.acts if act.relation == "suspends"]
    for target in targets:
        held = events.get(target)
        if held is None:
            continue
        if _is_threat(held):
            yield _wrong(event, "acts", f"suspends {target}, which is only threatened", _RETURNS, "say responds_to")
        elif held.effective is None:
            what = f"suspends {target}, which has no effective date"
            yield _remind(event, "acts", what, _RETURNS, f"say when {target} took effect, or was to")
        elif _over_by_then(events, event, target, today):
            what = f"suspends {target}, which was over by then"
            yield _wrong(event, "acts", what, _RETURNS, "put the dates right, or leave the act out")
    settled = targets or any(act.relation == "extends" for act in event.acts) or _is_threat(event)
    if event.kind == "truce" and event.ended and not settled and event.status == "enacted":
        what = "a truce with an end that suspends nothing on record"
        yield _remind(event, "acts", what, "its end brings nothing back, and is no branch that moves a forecast", _NAME)


def _over_by_then(events: Events, event: Event, target: str, today: date) -> bool:
    """Whether what an event suspends was over for good, and not by it, when it took effect."""
    known = events.known_on(today)
    if target not in known or event.takes_effect > today:
        return False
    then = state(known, target, event.takes_effect - timedelta(days=1), today)
    return then.status in ("ended", "withdrawn")


def _status_denied_by_dates(events: Events, event: Event, today: date) -> Iterator[Finding]:
    far = today + timedelta(days=round(365.25 * FAR_YEARS))
    if event.status == "enacted" and event.effective and event.effective > far:
        what = f"enacted, and effective only on {event.effective}"
        yield _wrong(event, "status", what, "a law so far ahead is seldom final", "say threatened, or check the year")
    known = event.end_known
    if event.status == "lapsed" and not event.ended and event.effective and known and known < event.effective:
        what = f"lapsed, known on {known}, before it began on {event.effective}"
        yield _wrong(event, "status", what, "what never began cannot lapse", "say withdrawn, or put the dates right")
    if event.status in ("lapsed", "withdrawn", "suspended") and not event.ended and not event.end_known:
        yield _wrong(event, "ended", f"{event.status}, with no end", "it goes on in every forecast", "say ended")
    late = event.status_as_of or event.known_from
    if event.status == "threatened" and event.effective and event.effective + timedelta(RECHECK_DAYS) < late:
        what = f"threatened for {event.effective}, and still so on {late}"
        yield _wrong(event, "status", what, "by then it had come or not", "say enacted, withdrawn or lapsed")


def _recheck_overdue(events: Events, event: Event, today: date) -> Iterator[Finding]:
    told = event.status_as_of or event.known_from
    if event.needs_recheck and today - told > timedelta(RECHECK_DAYS):
        what = f"was to be checked again, and its evidence is of {told}, {(today - told).days} days ago"
        yield _remind(
            event, "status_as_of", what, "later news is not in any answer", "look it up, and say status_as_of"
        )
    ended = None if _goes_on(events, event) else event.ended
    passed = [day for day in (event.effective, ended) if day and told < day <= today]
    if event.needs_recheck and passed:
        what = f"{passed[-1]} has passed, and the evidence is of {told}"
        yield _remind(event, "status", what, "what came of it is open in every answer", "amend it with what happened")


def _goes_on(events: Events, event: Event) -> bool:
    """Whether a measure on record extends it beyond its own end: what came of that end is told."""
    extending = [by for by, act in events.acts_on(event.event_id) if act.relation == "extends" and not _is_threat(by)]
    return any(by.ended and event.ended and by.ended > event.ended for by in extending)


def _probability_of_nobody(events: Events, event: Event, today: date) -> Iterator[Finding]:
    missing = [name for name in ("probability_source", "probability_date") if not getattr(event, name)]
    if event.probability is not None and missing:
        what = f"a probability of {event.probability:g} without {' and '.join(missing)}"
        do = "say who gives it (a person or an address), and the day of which it is"
        yield _remind(event, missing[0], what, "it is listed, and drawn in no forecast", do)
    if event.probability is None and len(missing) < 2:
        yield _wrong(event, "probability", "a source or date of a probability that is not there", _NONE, "say it")


def _act_on_what_is_not_there_yet(events: Events, event: Event, today: date) -> Iterator[Finding]:
    for act in event.acts:
        target = events.get(act.target)
        if target is None:
            what = f"{act.relation} {act.target}, which is no event"
            yield _wrong(event, "acts", what, "the act does nothing", "name one that is there, or leave the act out")
        if target is None or act.relation == "announces":
            continue
        if target.known_from > event.takes_effect and target.known_from > event.known_from:
            what = f"{act.relation} {act.target}, which was announced later, on {target.known_from}"
            yield _wrong(event, "acts", what, "nothing acts on what nobody knows yet", "put the dates or the act right")


def _near_miss_unit(events: Events, event: Event, today: date) -> Iterator[Finding]:
    unit = event.value_unit
    known = {one.value_unit for one in events.values() if one.event_id != event.event_id and not one.own} | {*UNITS}
    if unit in known or unit.startswith(UNITS):  # a known one with an addition: pct ad valorem, FX-indexed
        return
    for near in (*nearest(unit, UNITS, n=1, cutoff=0.7), *filter(None, [_ALIASES.get(unit.lower())]))[:1]:
        what = f"the unit {unit!r} is none that is known"
        yield _remind(event, "value_unit", what, "a rate or an approval in it is not read", f"say {near!r}")


def _circular_acts(events: Events, event: Event, today: date) -> Iterator[Finding]:
    """Acts of one relation that lead back to the event; told at the first of the circle by name."""
    for relation in sorted({act.relation for act in event.acts} - {"responds_to"}):
        after = _reached(events, event.event_id, relation)
        circle = sorted(other for other in after if event.event_id in _reached(events, other, relation))
        if circle[:1] == [event.event_id]:
            what = f"{relation} in a circle: {', '.join(circle)}"
            yield _wrong(event, "acts", what, "which comes first is not told", "leave out the act that is not so")


def _reached(events: Events, event_id: str, relation: str) -> set[str]:
    """The events that it does so to, directly or by others."""
    seen: set[str] = set()
    queue = [event_id]
    while queue:
        event = events.get(queue.pop())
        new = {act.target for act in event.acts if act.relation == relation} - seen if event else set()
        seen |= new
        queue += new
    return seen


def _never_in_force(events: Events, event: Event, today: date) -> Iterator[Finding]:
    for act in event.acts:
        if act.relation not in ("reinstates", "amends") or act.target not in events:
            continue
        target = events[act.target]
        if act.relation == "reinstates" and not _is_threat(target) and not timeline(events, act.target, today):
            what = f"reinstates {act.target}, which never was in force"
            yield _wrong(event, "acts", what, "there is nothing to bring back", "say when it took effect")


def _extension_that_is_none(events: Events, event: Event, today: date) -> Iterator[Finding]:
    for act in event.acts:
        target = events.get(act.target)
        if act.relation != "extends" or target is None:
            continue
        if event.ended is None:
            what = f"extends {act.target}, and has no end of its own"
            yield _remind(event, "ended", what, "the end of the other moves to its own", "say ended: the new last day")
        elif target.ended and event.ended <= target.ended:
            what = f"extends {act.target} to {event.ended}, no later than its own end on {target.ended}"
            yield _wrong(event, "ended", what, "an extension ends later", "put one of the ends right")


_LOOK = "a backtest takes it to be known on its last day"
_RETURNS = "its end would bring back nothing that ever applied"
_NAME = "name what it suspends, if anything"
_NONE = "nobody knows of what it is"
#: Spellings of units that are not near in letters.
_ALIASES = {
    **dict.fromkeys(("pct", "percent", "per cent", "%"), "pct ad valorem"),
    **dict.fromkeys(("pp", "percentage points"), "pp ad valorem"),
    **dict.fromkeys(("approved", "approval", "percent approved", "pct approved"), APPROVED),
}
_Rule = Callable[[Events, Event, date], Iterator[Finding]]
_RULES: tuple[_Rule, ...] = (
    _ended_before_effective,
    _ended_by_nobody_knows,
    _suspension_of_nothing,
    _status_denied_by_dates,
    _recheck_overdue,
    _probability_of_nobody,
    _act_on_what_is_not_there_yet,
    _near_miss_unit,
    _circular_acts,
    _never_in_force,
    _extension_that_is_none,
)
