"""Public sources as answers: what each gives, how it did when it was last asked, and since when it fails."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from forecast.answers.model import FreqName, Listing, Part, SeriesKey, Text, UnitName, in_unit

if TYPE_CHECKING:
    from forecast.catalog import Catalog
    from forecast.catalog.fetches import FetchState

SourceName = Annotated[str, Field(description="name of the source")]


class SourceState(Part):
    """How a source did when it was last asked."""

    source: SourceName
    tried: dt.datetime | None = Field(title="last asked", description="when it was last asked; null: never")
    succeeded: dt.datetime | None = Field(
        title="last success", description="when it last gave all that was asked for; null: never"
    )
    fault: Text = Field(description="what went wrong when it was last asked; null if nothing did")
    fault_since: dt.datetime | None = Field(title="since", description="since which attempt something goes wrong")
    added: int = Field(description="values of new periods at the last attempt", json_schema_extra=in_unit("values"))
    revised: int = Field(description="new values of known periods", json_schema_extra=in_unit("values"))
    held_values: int = Field(
        title="held", description="values that were held back", json_schema_extra=in_unit("values")
    )
    candidates: int = Field(description="candidates for events", json_schema_extra=in_unit("candidates"))


class SourceStateList(Listing):
    """How the public sources did that were ever asked, by name."""

    data: tuple[SourceState, ...]


class SourceFacts(SourceState):
    """A source: what it gives, and how it did when it was last asked."""

    title: str = Field(description="what it gives")
    publisher: str = Field(description="who publishes it")
    series: int = Field(description="how many series of it there are", json_schema_extra=in_unit("series"))
    key: str = Field(description="whether a key is needed: none; optional or needed, and whether it is set")
    enabled: bool = Field(description="whether it is asked where no source is named")
    met_live: bool = Field(
        title="met", description="whether this code has ever met an answer of the publisher itself, or only fixtures"
    )
    address: str = Field(description="where its answers begin")
    licence: str = Field(description="under which it may be used")


class SourceList(Listing):
    """Public sources, in the order in which they are fetched."""

    data: tuple[SourceFacts, ...]


class SourceSeriesFacts(Part):
    """A series of a source: how it is called there, and what becomes of its values."""

    source: SourceName
    key: str = Field(description="name of the series at the publisher")
    series_id: SeriesKey
    delivered: str = Field(description="unit in which it is delivered")
    factor: float = Field(description="what a delivered value is multiplied by")
    unit: UnitName
    freq: FreqName
    role: str = Field(description="target: forecast; comparison, evidence: not")
    last: dt.date | None = Field(title="data to", description="first day of the last period with a value; null: none")
    notes: Text = Field(description="what it is of, what it mixes, and when that changed")


class SourceSeriesList(Listing):
    """The series of a source, in the order of its table."""

    data: tuple[SourceSeriesFacts, ...]


def state_facts(source: str, state: FetchState | None) -> dict[str, object]:
    """The facts of a ``SourceState``; ``state``: None for a source that was never asked."""
    counts = dict((state.counts or {}) if state else {})
    return {
        "source": source,
        "tried": state.tried if state else None,
        "succeeded": state.succeeded if state else None,
        "fault": state.fault if state else "",
        "fault_since": state.fault_since if state else None,
        "held_values": counts.get("held", 0),  # "held" is the sentences about them in other answers
        **{name: counts.get(name, 0) for name in ("added", "revised", "candidates")},
    }


def source_states(catalog: Catalog) -> tuple[SourceState, ...]:
    """The sources that were ever asked, by name."""
    return tuple(SourceState.model_validate(state_facts(name, one)) for name, one in catalog.fetches.states().items())
