"""The audit as an answer: who changed what and when, and how that was before and after."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from pydantic import Field

from forecast.answers.model import Listing, Part, Text
from forecast.catalog.audit import AuditQuestion

if TYPE_CHECKING:
    from forecast.catalog import Catalog
    from forecast.catalog.audit import Facts


class AuditLine(Part):
    """A change of what is kept."""

    number: int = Field(description="in order of writing; numbers are not used again")
    moment: dt.datetime = Field(description="when it was written (UTC)")
    by: Text = Field(description="name of a person, or of a key and its id, or of the source that was fetched")
    action: str = Field(description="what was done, named after what it was done to: runs.promote")
    subject: str = Field(description="id of the series, event, candidate or key that was changed")
    before: tuple[str, ...] = Field(description="facts as they were, `fact: value`; none of what is new")
    after: tuple[str, ...] = Field(description="facts as they are since")
    why: Text = Field(description="the reason, as it was given")


class AuditList(Listing):
    """Changes in order of writing."""

    data: tuple[AuditLine, ...]


def audit_list(catalog: Catalog, question: AuditQuestion) -> AuditList:
    """What was changed, as far as it is asked for."""
    return AuditList.of(
        [
            AuditLine(
                number=entry.number,
                moment=entry.moment,
                by=entry.by,
                action=entry.change.action,
                subject=entry.change.subject,
                before=told(entry.change.before),
                after=told(entry.change.after),
                why=entry.change.why,
            )
            for entry in catalog.audit.entries(question)
        ]
    )


def told(facts: Facts) -> tuple[str, ...]:
    """Facts of a change, `fact: value` each."""
    return tuple(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in facts.items()
    )
