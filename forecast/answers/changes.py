"""The feed of changes: what became of series, values, events and serving runs, numbered in order of writing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from forecast.answers.audit import told
from forecast.answers.model import Listing, Part
from forecast.catalog.audit import AuditQuestion

if TYPE_CHECKING:
    from forecast.catalog import Catalog

#: What a change may be of; keys and candidates are no business of those who read.
SUBJECTS = ("series", "observations", "events", "runs")


class ChangeFacts(Part):
    """A change of a series, its values, an event, or of which run serves."""

    number: int = Field(description="in order of writing; a later change has a higher one, and none is used again")
    moment: dt.datetime = Field(description="when it was written (UTC)")
    action: str = Field(
        description="what was done, named after what it was done to: observations.add (values, new or revised), "
        "observations.withdraw, events.amend, events.retire, series.retire, runs.promote and so on"
    )
    subject: str = Field(description="id of the series or the event")
    before: tuple[str, ...] = Field(description="facts as they were, `fact: value`; none of what is new")
    after: tuple[str, ...] = Field(description="facts as they are since; of values how many came")


class ChangeList(Listing):
    """Changes in order of writing."""

    goes_on_by: ClassVar[str] = "since"
    next: str | None = Field(
        None, description="`since` of the next page, as text; null where there is none yet: ask on with `last` later"
    )
    data: tuple[ChangeFacts, ...]
    last: int = Field(
        description="`since` of the next question, until `data` is empty; `next` is always null here: it misses "
        "nothing, and tells nothing twice"
    )


def change_list(catalog: Catalog, since: int, limit: int) -> ChangeList:
    """The first ``limit`` changes after the one that is numbered ``since``."""
    found = catalog.audit.entries(AuditQuestion(subjects=SUBJECTS, after=since, first=limit + 1))
    data = tuple(
        ChangeFacts(
            number=one.number,
            moment=one.moment,
            action=one.change.action,
            subject=one.change.subject,
            before=told(one.change.before),
            after=told(one.change.after),
        )
        for one in found[:limit]
    )
    last = data[-1].number if data else since
    return ChangeList(next=str(last) if len(found) > limit else None, data=data, last=last)
