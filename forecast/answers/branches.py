"""Branches as part of an answer: futures that are not in the baseline, or only with their probability."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from forecast.answers.model import Part, Text
from forecast.answers.words import BranchCause
from forecast.events import Branch, Events
from forecast.wording import day_in_words

_PASSED = "that day has passed, and nothing later is known"


class BranchFacts(Part):
    """A future that is not in the baseline, or only with its probability."""

    event_id: str = Field(description="the threat, or the suspension or truce whose end it is")
    cause: BranchCause = Field(description="threat or suspension_end")
    event_ids: tuple[str, ...] = Field(description="the events that would start, or start again")
    starts: dt.date | None = Field(description="first day, if one is set")
    probability: float | None = Field(
        description="0 to 1; null where nobody has said, or not with a source and a date: it is listed and not drawn"
    )
    probability_source: Text = Field(None, description="who gives it: a person or an address")
    probability_date: dt.date | None = Field(None, description="day of which it is")
    extension: Text = Field(
        None, description="id of the event that may extend the suspension: then it does not end yet"
    )
    unconfirmed: bool = Field(description="its date has passed and nothing later is known")
    title: Text = Field(description="title of the event")
    says: str = Field(description="what would happen, and when, in a sentence")


def branch_facts(branch: Branch, events: Events) -> BranchFacts:
    """A branch with what it says, by the events as they are known."""
    facts = {name: getattr(branch, name) for name in BranchFacts.model_fields if hasattr(branch, name)}
    return BranchFacts.model_validate({**facts, "says": branch_in_words(branch, events)})


def branch_in_words(branch: Branch, events: Events) -> str:
    """What would happen in a branch, and when: ``Suspension of "China bans gallium" ends on 27 Nov 2026: …``."""
    return "; ".join([_happens(branch, events), *_chance(branch), *([_PASSED] if branch.unconfirmed else [])])


def _happens(branch: Branch, events: Events) -> str:
    if branch.starts is None:
        return f"{branch.title}: no day set"
    starts = day_in_words(branch.starts)
    if branch.cause != "suspension_end":
        return f"{branch.title}: {'was to start' if branch.unconfirmed else 'may start'} on {starts}"
    last = day_in_words(branch.starts - dt.timedelta(days=1))
    ends = f"was to end on {last}" if branch.unconfirmed else f"ends on {last}"
    threatened = events[branch.event_id].status == "threatened"
    unless = " unless extended" if branch.extension else ""
    return f"{_pause(branch, events)} {ends}{unless}: {_returns(branch, starts, threatened=threatened)}"


def _chance(branch: Branch) -> list[str]:
    """The probability on record, of the extension or else of what comes; with its source, or that it has none."""
    if branch.stated is None:
        return []
    what = f"{'extension' if branch.stated_of == branch.extension else 'probability'} {branch.stated:g}"
    if branch.probability_date is None or not branch.probability_source:
        return [f"{what} on record without source and date, so it is not drawn"]
    return [f"{what} ({branch.probability_source}, {day_in_words(branch.probability_date)})"]


def _pause(branch: Branch, events: Events) -> str:
    """What ends: a suspension by what it holds back, a truce that holds back nothing on record by its own title."""
    held = branch.event_ids
    event = events[branch.event_id]
    if event.status == "threatened":
        return f'Extension "{event.title}", if it comes,'
    if not held:
        return f'Truce "{event.title}"'
    if len(held) == 1:
        return f'Suspension of "{events[held[0]].title}"'
    return f"Suspension of {', '.join(held[:-1])} and {held[-1]}"


def _returns(branch: Branch, starts: str, *, threatened: bool) -> str:
    if not branch.event_ids:
        return "no measure on record would return"
    if threatened:  # its title does not name what it holds back, which may be more than touches a series
        return f"what it holds back would return from {starts}"
    if len(branch.event_ids) == 1:
        return f"it {'was to return' if branch.unconfirmed else 'returns'} from {starts}"
    return f"they {'were to return' if branch.unconfirmed else 'return'} from {starts}"
