"""Runs as an answer: what was trained, which run serves, and the card of one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from forecast.answers.model import Answer, Listing, Part, SeriesKey, Text
from forecast.effects.documents import RecordDocument
from forecast.registry import Registry, Run, RunSummary
from forecast.registry.card import Card


class RunFacts(Part):
    """A run: one training of one series."""

    series_id: SeriesKey
    run: str = Field(description="id of the run")
    champion: bool = Field(
        title="serves", description="whether it is the run that serves, or would if `fault` did not keep it from it"
    )
    family: Text = Field(
        description="family of models that forecasts; effects-only where none does, of evidence; null where the card "
        "cannot be read"
    )
    trained_at: dt.datetime | None = Field(description="moment of the training (UTC)")
    as_of: dt.date | None = Field(description="day whose knowledge counted in the training")
    last: dt.date | None = Field(description="first day of the last period that it saw")
    fault: Text = Field(description="why it cannot be served, by the bytes of all its files; null if it can")


class RunList(Listing):
    """A list of runs."""

    data: tuple[RunFacts, ...]


class _AsCard:
    """The schema of a card as its document: that of the card, and of its effects as they are written."""

    def __get_pydantic_json_schema__(self, _core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        reference = handler(TypeAdapter(Card).core_schema)
        card = handler.resolve_ref_schema(reference)
        card["properties"]["effects"] = handler(TypeAdapter(RecordDocument).core_schema)
        card["required"] = list(card["properties"])
        return reference


class RunCard(Answer):
    """A run with its card."""

    series_id: SeriesKey
    run: str = Field(description="id of the run")
    champion: bool = Field(description="whether it is the run that serves")
    card: Annotated[dict[str, object], _AsCard()] = Field(
        description="data, settings, scores, effects, branches, versions, as they were written when it was trained"
    )


def run_list(found: Iterable[RunSummary]) -> RunList:
    """Runs in their order."""
    return RunList.of(
        [
            RunFacts(
                series_id=run.series_id,
                run=run.run_id,
                champion=run.champion,
                family=run.family,
                trained_at=dt.datetime.fromisoformat(run.trained_at) if run.trained_at else None,
                as_of=dt.date.fromisoformat(run.as_of) if run.as_of else None,
                last=dt.date.fromisoformat(run.last) if run.last else None,
                fault=run.fault,
            )
            for run in found
        ]
    )


def run_card(registry: Registry, run: Run) -> RunCard:
    """One run with its card."""
    serves = registry.champion_id(run.series_id) == run.run_id
    return RunCard(series_id=run.series_id, run=run.run_id, champion=serves, card=run.card.document())
