"""The lifecycle of a measure: its state on a day as known on another, its level over time, and the open branches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from forecast.events.event import Event, Events, KindFamily

_DAY = timedelta(days=1)

#: How a measure may stand on a day.
STATES = ("unannounced", "announced", "threatened", "in_force", "suspended", "ended", "withdrawn")


@dataclass(frozen=True)
class State:
    """How a measure stands on a day.

    ``status``: one of ``STATES``. ``since``: first day of this state; ``until``: its last day as far as it is known,
    which may have passed without news; ``by``: id of the event that brought it about, where another did.
    """

    status: str
    since: date | None
    until: date | None = None
    by: str | None = None


@dataclass(frozen=True)
class Branch:
    """A future that is not in the baseline, or only with its probability.

    ``event_id``: the threat, or the suspension, truce or threatened extension whose end it is; ``cause``: ``threat`` or
    ``suspension_end``; ``event_ids``: what would start or start again; ``starts``: its first day, if one is set;
    ``unconfirmed``: that day has passed and nothing later is known.

    ``probability``: that it comes, from what is ``stated`` on record of the event ``stated_of`` with its source and its
    date; that may be the extension, with which it does not come. ``extension``: id of a threatened one, whose own end
    is the next branch. ``first``: of the end of an extension, the chance on which the earlier ends hang, too; they have
    the share ``after`` of it.
    """

    event_id: str
    cause: str
    event_ids: tuple[str, ...]
    starts: date | None
    probability: float | None
    unconfirmed: bool
    title: str
    stated: float | None = None
    stated_of: str = ""
    probability_source: str = ""
    probability_date: date | None = None
    extension: str = ""
    first: str = ""
    after: float = 0.0

    @property
    def chance(self) -> str:
        """What decides it: branches of one extension are decided together."""
        return self.first or self.extension or self.event_id


def state(events: Events, event_id: str, day: date, known_on: date) -> State:
    """How a measure stands on ``day`` by what was known at the end of ``known_on``, from its dates and the acts on it.

    Dated steps and ends of enacted texts act. A suspension or truce does not end by its date alone: it goes on until
    something later is known. Raises ``NotFound`` for an event that was not known then.
    """
    return _life(events.known_on(known_on), event_id).at(day)


def states(events: Events, event_id: str, known_on: date) -> tuple[tuple[date, State], ...]:
    """The state from each day on which its status changes, past and future, as known on ``known_on``; empty if nothing
    is set. A suspension or truce does not end here by its date alone: that is a branch."""
    life = _life(events.known_on(known_on), event_id)
    found: list[tuple[date, State]] = []
    for day in life.changes:
        now = life.at(day)
        if not found or now.status != found[-1][1].status:
            found.append((day, now))
    return tuple(found)


def timeline(events: Events, event_id: str, known_on: date) -> tuple[tuple[date, float], ...]:
    """The level (1 in force, 0 not) from each day on, as known on ``known_on``; empty if it never takes effect."""
    steps: list[tuple[date, float]] = []
    for day, now in states(events, event_id, known_on):
        level = float(now.status == "in_force")
        if level != (steps[-1][1] if steps else 0.0):
            steps.append((day, level))
    return tuple(steps)


def last_day(events: Events, event_id: str, known_on: date) -> date | None:
    """The last day that is set for a measure, by its own text, by what prolongs it or by what ends it."""
    known = events.known_on(known_on)
    event = known[event_id]
    over = _over(known, event)
    return over.since - _DAY if over and over.by and over.since else _until(known, event)


def branches(events: Events, known_on: date) -> tuple[Branch, ...]:
    """The ends of suspensions and truces, and the threats, that stood open at the end of ``known_on``, by date.

    A threat that would end a suspension is that suspension's end: one branch. So is a threat to extend it; the end of
    the extension is the next one.
    """
    known = events.known_on(known_on)
    found: dict[str, Branch] = {}
    explained: set[str] = set()
    for event in known.values():
        # What is only threatened holds nothing back whose end could be open.
        if not _is_conditional(event) or _is_threat(event) or _prolongs(known, event):
            continue
        until = _until(known, event)
        if until is None:
            continue
        explained |= {threat.event_id for threat in _threats(known, event)}
        if _over(known, event) is None:
            for end in _end(known, event, until + _DAY):
                before = found.get(end.event_id, end)
                ids = (*before.event_ids, *(each for each in end.event_ids if each not in before.event_ids))
                found[end.event_id] = replace(before, event_ids=ids)
                explained |= {threat.event_id for threat in _threats(known, known[end.event_id])}
    waiting = [_threat(event, known_on) for event in known.values() if _is_threat(event)]
    open_branches = [*found.values(), *(b for b in waiting if b.event_id not in explained | found.keys())]
    return tuple(sorted(open_branches, key=lambda branch: (branch.starts or date.max, branch.event_id)))


def _threat(event: Event, known_on: date) -> Branch:
    branch = Branch(
        event_id=event.event_id,
        cause="threat",
        event_ids=(event.event_id,),
        starts=event.effective,
        probability=event.sourced_probability,
        unconfirmed=event.effective is not None and event.effective <= known_on,
        title=event.title,
    )
    return _stated(branch, _saying([event]))


def _threats(known: Events, *held: Event, relation: str = "") -> list[Event]:
    """The threats to end or to extend a suspension or what prolongs it, that which was known last at the end."""
    holders = {by.event_id for event in held for by in (event, *_extenders(known, event))}
    relations = (relation,) if relation else ("terminates", "extends")
    found = {by.event_id: by for holder in holders for by, act in known.acts_on(holder) if act.relation in relations}
    threats = [by for by in found.values() if _is_threat(by)]
    return sorted(threats, key=lambda by: (by.known_from, by.event_id))


def _end(known: Events, event: Event, starts: date, first: str = "", after: float | None = 0.0) -> list[Branch]:
    """The branch in which a suspension or truce ends and what it holds back comes again on ``starts``, and those of
    the ends of its threatened extensions, which are reached in what is left of the chance.

    None where another suspension holds all of that back from then on. ``first``: the chance on which it hangs;
    ``after``: what is used up of it, None where that is not known. With a ``first`` the event is an extension.
    """
    extended = [act.target for act in event.acts if act.relation == "extends" and act.target in known]
    held = _held(known, [known[target] for target in extended] if first else [event], starts)
    if held is None:
        return []
    ends, extends = (_threats(known, event, relation=relation) for relation in ("terminates", "extends"))
    extension = extends[-1] if extends else None
    said, chance = _saying([*ends, *([] if first else [event])]), None
    if said:
        chance = said.sourced_probability
    elif extension and (said := _saying([extension])) and (comes := said.sourced_probability) is not None:
        chance = 1 - comes
    branch = Branch(
        event_id=event.event_id,
        cause="suspension_end",
        event_ids=held,
        starts=starts,
        probability=None if chance is None or after is None else (1 - after) * chance,
        unconfirmed=known.as_of is not None and starts <= known.as_of,
        title=ends[0].title if ends else event.title,
        extension=extension.event_id if extension else "",
        first=first,
        after=after or 0.0,
    )
    found = [_stated(branch, said)]
    for each in extends:
        if each.ended is not None and each.ended >= starts:
            taken = replace(each, kind="truce", status="enacted")
            then = Events((dict(known) | {each.event_id: taken}).values(), as_of=known.as_of)
            used = None if branch.probability is None or each is not extension else branch.after + branch.probability
            found += _end(then, taken, each.ended + _DAY, branch.chance, used)
    return found


def _held(known: Events, suspensions: list[Event], starts: date) -> tuple[str, ...] | None:
    """What these hold back and would come again on ``starts``; None where others hold all of that back from then on."""
    held: list[str] = []
    others = False
    for event in suspensions:
        holders = {event.event_id, *(by.event_id for by in _extenders(known, event))}
        targets = {act.target for holder in holders for act in known[holder].acts if act.relation == "suspends"}
        after = {target: _life(known, target).at(starts) for target in sorted(targets) if target in known}
        held += [name for name, then in after.items() if then.status == "suspended" and then.by in holders]
        others = others or any(then.status == "suspended" and then.by not in holders for then in after.values())
    return None if others and not held else tuple(dict.fromkeys(held))


def _stated(branch: Branch, of: Event | None) -> Branch:
    """The branch with the probability that is on record of an event, and who gave it."""
    if of is None:
        return branch
    return replace(
        branch,
        stated=of.probability,
        stated_of=of.event_id,
        probability_source=of.probability_source,
        probability_date=of.probability_date,
    )


def _saying(events: list[Event]) -> Event | None:
    """Which of these gives a probability: the first with source and date, else the first of all."""
    sourced = [event for event in events if event.sourced_probability is not None]
    return next(iter([*sourced, *(event for event in events if event.probability is not None)]), None)


@dataclass(frozen=True)
class _Pause:
    """Not in force from ``start`` through ``last`` (``None``: it goes on), set to be so until ``until``."""

    start: date
    last: date | None
    until: date | None
    by: str | None
    status: str = "suspended"

    def covers(self, day: date) -> bool:
        return self.start <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True)
class _Life:
    """What happens to one event: the data behind ``state`` and ``timeline``. ``until``: set, but not sure to act."""

    event: Event
    until: date | None
    over: State | None
    pauses: tuple[_Pause, ...]
    revivals: tuple[date, ...]

    @property
    def starts(self) -> date | None:
        """First day in force; a threat never is, what it announces has its own record."""
        barred = self.event.family is KindFamily.THREAT or self.event.status == "threatened"
        return None if barred else self.event.effective

    @property
    def changes(self) -> list[date]:
        days = {self.starts, *self.revivals, self.over.since if self.over else None}
        for pause in self.pauses:
            days |= {pause.start, pause.last and pause.last + _DAY}
        return sorted(day for day in days if day is not None)

    def at(self, day: date) -> State:
        event = self.event
        if self.over and self.over.since and day >= self.over.since:
            return self.over
        pause = next((pause for pause in reversed(self.pauses) if pause.covers(day)), None)
        if pause:
            return State(pause.status, pause.start, pause.until, pause.by)
        if self.starts is not None and day >= self.starts:
            resumed = [p.last + _DAY for p in self.pauses if p.last and p.last < day]
            since = max([self.starts, *resumed, *(r for r in self.revivals if r <= day)])
            changes = [change - _DAY for change in self.changes if change > day]
            return State("in_force", since, min(changes, default=self.until))
        if day < event.known_from:
            return State("unannounced", None, event.known_from - _DAY)
        status = "threatened" if _is_threat(event) else "announced"
        return State(status, event.known_from, event.effective and event.effective - _DAY)


def _life(known: Events, event_id: str) -> _Life:
    event = known[event_id]
    pauses = [_pause(known, by) for by in _actors(known, event, "suspends")]
    paused = event.ended or event.end_known
    if event.status == "suspended" and not pauses and paused:
        pauses = [_Pause(paused, None, None, None)]
    revivals = tuple(by.takes_effect for by in _actors(known, event, "reinstates"))
    for day in revivals:
        pauses = [replace(p, last=day - _DAY) if p.start < day and p.covers(day) else p for p in pauses]
    ends = _ends(known, event)
    for end, revived in ends:
        if revived is not None:
            pauses.append(_Pause(_since(end), revived - _DAY, None, end.by, end.status))
    until = _until(known, event) if _is_conditional(event) else None
    return _Life(event, until, _for_good(ends), tuple(sorted(pauses, key=lambda p: p.start)), revivals)


def _pause(known: Events, by: Event) -> _Pause:
    over = _over(known, by)
    last = over.since - _DAY if over and over.since else None
    return _Pause(by.takes_effect, last, _until(known, by), by.event_id)


def _over(known: Events, event: Event) -> State | None:
    """The state in which an event is over for good, from its first day; ``None`` while it lasts."""
    return _for_good(_ends(known, event))


def _for_good(ends: list[tuple[State, date | None]]) -> State | None:
    return min((end for end, revived in ends if revived is None), key=_since, default=None)


def _ends(known: Events, event: Event) -> list[tuple[State, date | None]]:
    """The ends of an event, each with the day on which it was reinstated after it.

    An act and the end date that it explains are one fact: of two ends on one day the act counts, as it comes first.
    """
    revivals = [by.takes_effect for by in _actors(known, event, "reinstates")]
    ends = [State("ended", by.takes_effect, by=by.event_id) for by in _actors(known, event, "terminates")]
    ends += _own_end(known, event)
    return [(end, min((day for day in revivals if day > _since(end)), default=None)) for end in ends]


def _since(end: State) -> date:
    return end.since or date.max


def _own_end(known: Events, event: Event) -> list[State]:
    """The end that an event's own record tells."""
    last = max((event, *_extenders(known, event)), key=lambda e: (e.ended or date.min, e.event_id))
    until = _until(known, event)
    if event.family is KindFamily.THREAT and event.status == "enacted":
        announced = [act.target for act in event.acts if act.relation == "announces"]
        return [State("ended", event.ended or event.end_known, by=announced[0] if announced else None)]
    if last.status == "withdrawn":
        return [State("withdrawn", until or event.end_known)]
    if last.status == "lapsed":
        return [State("ended", until + _DAY if until else event.end_known)]
    if until is None or _is_conditional(event) or event.status == "suspended":
        return []
    return [State("ended", until + _DAY)]


def _until(known: Events, event: Event) -> date | None:
    """The last day set for an event, as prolonged by those that extend it."""
    ends = [e.ended for e in (event, *_extenders(known, event)) if e.ended is not None]
    return max(ends, default=None)


def _extenders(known: Events, event: Event) -> tuple[Event, ...]:
    """The events that prolong this one, directly or by prolonging one that does."""
    if not known.acts_on(event.event_id):
        return ()
    found: dict[str, Event] = {}
    queue = [event.event_id]
    while queue:
        for by, act in known.acts_on(queue.pop()):
            if (
                act.relation == "extends"
                and _acts(by)
                and by.status != "withdrawn"
                and by.event_id not in {event.event_id, *found}
            ):
                found[by.event_id] = by
                queue.append(by.event_id)
    return tuple(found.values())


def _actors(known: Events, event: Event, relation: str) -> list[Event]:
    """The events that do so to this one, and whose acts come to pass, in order of date."""
    return [by for by, act in known.acts_on(event.event_id) if act.relation == relation and _acts(by)]


def _prolongs(known: Events, event: Event) -> bool:
    """Whether an event only prolongs another suspension or truce, and so is told with it."""
    targets = [act.target for act in event.acts if act.relation == "extends" and act.target in known]
    return any(_is_conditional(known[target]) for target in targets)


def _acts(event: Event) -> bool:
    """Whether what an event does to others comes to pass: threats do so only once they are enacted."""
    return event.status == "enacted" if event.family is KindFamily.THREAT else event.status != "threatened"


def _is_threat(event: Event) -> bool:
    return event.status == "threatened"


def _is_conditional(event: Event) -> bool:
    """Suspensions and truces: their end brings something back, and so it is a branch, not a date that acts."""
    return event.kind == "truce" or any(act.relation == "suspends" for act in event.acts)
