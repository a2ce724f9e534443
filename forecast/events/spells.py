"""Intervals in force of a measure, one definition for effects, cards and forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from forecast.events.event import Events
from forecast.events.lifecycle import state, timeline
from forecast.timeseries.frequency import Freq
from forecast.wording import counted

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class InForceInterval:
    """An interval in force: from ``since`` through ``until`` (None: no end is known), and the status that follows
    it."""

    since: date
    until: date | None = None
    then: str = ""


def in_force(events: Events, event_id: str, known_on: date) -> tuple[InForceInterval, ...]:
    """The intervals in which a measure is in force, past and future, as known on ``known_on``; none if it never is.

    Raises ``NotFound`` for an event that was not known then.
    """
    known = events.known_on(known_on)
    steps = timeline(known, event_id, known_on)
    times = []
    for k, (since, level) in enumerate(steps):
        if level and k + 1 == len(steps):
            times.append(InForceInterval(since))
        elif level:
            after = steps[k + 1][0]
            times.append(InForceInterval(since, after - _DAY, state(known, event_id, after, known_on).status))
    return tuple(times)


def days_in_force(times: Sequence[InForceInterval], day: date) -> int:
    """How many days in force there were up to the end of ``day``."""
    return sum(max((min(time.until or day, day) - time.since).days + 1, 0) for time in times)


def was_in_force(times: Sequence[InForceInterval], freq: Freq, last: np.datetime64) -> bool:
    """Whether what a series shows of an event, up to its period ``last``, is what the measure does.

    The measure is in force at the end of that period, or was for as long as one, or through the whole of one: the quota
    of a calendar year has 365 days, and a mean year more. What was announced and suspended within a period moved trade
    by what was said, and no period shows trade under it alone: that is anticipation.
    """
    end: date = freq.end(last).item()
    on = any(time.since <= end and (time.until is None or time.until >= end) for time in times)
    return on or days_in_force(times, end) >= freq.days or any(_through(time, freq, end) for time in times)


def _through(time: InForceInterval, freq: Freq, day: date) -> bool:
    """Whether a whole period up to ``day`` lies in the interval."""
    since = np.datetime64(time.since, "D")
    first = freq.floor(since)
    if first < since:
        first = freq.shift(first, 1)
    return bool(freq.end(first) <= np.datetime64(min(time.until or day, day), "D"))


def in_words(times: Sequence[InForceInterval], freq: Freq, last: np.datetime64, on: str = "in force") -> str:
    """How a measure stands at the end of the period ``last``: ``in force 7 days, then suspended``.

    ``on``: what it is called while it is; a shock is in no force.
    """
    end: date = freq.end(last).item()
    begun = [time for time in times if time.since <= end]
    coming = [f"{on} from {time.since} on" for time in times if time.since > end][:1]
    if not begun:
        return ", ".join(["announced", *(coming or [f"never {on}"])])
    latest, days = begun[-1], days_in_force(times, end)
    if latest.until is None or latest.until > end:
        again, until = " again" if len(begun) > 1 else "", f", until {latest.until}" if latest.until else ""
        return f"{on}{again} since {latest.since}{until}"
    short = [] if was_in_force(times, freq, last) else ["too short to count for more than the announcement"]
    return ", ".join([f"{on} {counted(days, 'day')}", f"then {latest.then}", *short, *coming])
