"""Notices of the Federal Register in its own shape, with what is true of them, as the benchmark holds them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TypedDict, cast

from forecast.events.candidate import Candidate
from forecast.settings import data_dir
from forecast.sources.reading.words import Lexicon
from tests.support import ROOT

FOLDER = ROOT / "benchmarks" / "support" / "notices"
#: A document as the API of the Register describes it.
Document = dict[str, object]


class Truth(TypedDict):
    """What a person read in a notice."""

    announced: str
    effective: str | None
    actor: str
    kind: str
    minerals: list[str]


@dataclass(frozen=True)
class KnownNotice:
    """A document, its full text, and what is true of it: nothing where it suggests no event."""

    document: Document
    text: str
    truth: Truth | None

    @property
    def number(self) -> str:
        return str(self.document["document_number"])


def notices(name: str) -> list[KnownNotice]:
    """The notices of a set: ``development`` or ``held_out``."""
    content = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return [KnownNotice(one["document"], one["text"], one["truth"]) for one in content]


def told(candidate: Candidate | None) -> Truth | None:
    """A candidate as a truth is written."""
    if candidate is None:
        return None
    event = candidate.event
    found = {
        "announced": str(event.announced),
        "effective": str(event.effective) if event.effective else None,
        "actor": event.actor,
        "kind": event.kind,
        "minerals": sorted(event.minerals),
    }
    return cast("Truth", found)


@cache
def words() -> Lexicon:
    return Lexicon.read(data_dir())
