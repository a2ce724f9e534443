"""Events: policy measures and shocks, what changes them, and what was known of them when.

Two axes run through everything. *Valid* time: when a measure was in force. *Knowledge* time: since when one could
know. All dates are UTC days, and knowledge of a day means knowledge at its end. Nothing here reads or writes; every
answer is a pure function of the events and of two days.
"""

from forecast.events.calendar import EXPIRIES, StateChange, What, changes
from forecast.events.edits import PROSE, UNTRAINED, Action, EventChange, in_order, versions
from forecast.events.event import EVENT_STATUSES, KINDS, RELATIONS, Act, Event, Events, KindFamily, Stringency, Version
from forecast.events.lifecycle import Branch, State, branches, last_day, state, states, timeline
from forecast.events.spells import InForceInterval, days_in_force, in_force, was_in_force

__all__ = [
    "EVENT_STATUSES",
    "EXPIRIES",
    "KINDS",
    "PROSE",
    "RELATIONS",
    "UNTRAINED",
    "Act",
    "Action",
    "Branch",
    "Event",
    "EventChange",
    "Events",
    "InForceInterval",
    "KindFamily",
    "State",
    "StateChange",
    "Stringency",
    "Version",
    "What",
    "branches",
    "changes",
    "days_in_force",
    "in_force",
    "in_order",
    "last_day",
    "state",
    "states",
    "timeline",
    "versions",
    "was_in_force",
]
