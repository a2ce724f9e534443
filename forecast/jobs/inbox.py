"""Candidates accepted, merged and dismissed: an event changes with the word that settles its candidate, or neither."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from forecast.catalog import Catalog
from forecast.catalog.inbox import Settled, Verdict
from forecast.events import Event
from forecast.jobs.event_edits import Author, add_event, amend_event, believed, fact_texts, facts_named
from forecast.settings import data_dir
from forecast.wording import counted

#: What of a candidate is told of an event that says nothing of it; of values and ends all facts or none.
_ADDED = ("announced", "effective", "targets", "instrument", "minerals", "scope_note", "flows")
_TOGETHER = (("value_before", "value_after", "value_unit", "value_text"), ("ended", "end_known"))


def accept(
    catalog: Catalog,
    candidate_id: str,
    event_id: str | None,
    facts: Mapping[str, str],
    unset: Collection[str],
    author: Author,
) -> list[str]:
    """Make a candidate an event, with other facts where some are given; what it touches and lacks.

    ``event_id``: by which it is to be called, that of the candidate by default. Raises ``NotFound``, and
    ``InvalidInput`` with every wrong fact, for an id that is there, and for a candidate that was settled.
    """
    candidate = catalog.inbox.entry(candidate_id).candidate
    called = event_id or candidate_id
    texts = fact_texts(candidate.event) | dict(facts) | dict.fromkeys(facts_named(unset, facts), "")
    texts["event_id"] = called
    settled = Settled(candidate_id, Verdict.ACCEPTED, called, author.by, author.why, author.now)
    doubts = [f"{called}: in doubt where you did not say otherwise: {doubt}" for doubt in candidate.doubts]
    return [
        f"{candidate_id} is accepted",
        *add_event(catalog.acting(author.by), called, texts, author.now, settled),
        *doubts,
    ]


def merge(catalog: Catalog, candidate_id: str, event_id: str, author: Author) -> list[str]:
    """Let a candidate add to an event that is there: its source, and the facts of which the event says nothing.

    Raises ``NotFound`` and ``InvalidInput``.
    """
    candidate = catalog.inbox.entry(candidate_id).candidate
    was = believed(catalog, event_id, author.known)
    settled = Settled(candidate_id, Verdict.MERGED, event_id, author.by, author.why, author.now)
    why = author.why or f"{candidate.source} {candidate.document}"
    facts = _added(was, candidate.event)
    notes = amend_event(catalog, event_id, facts, (), replace(author, why=why), settled)
    return [f"{candidate_id} is merged into {event_id}", *notes]


def dismiss(catalog: Catalog, candidate_id: str, author: Author) -> list[str]:
    """Say that a candidate is no event, and why; its document does not come again. Raises as ``settle`` does."""
    catalog.inbox.settle(Settled(candidate_id, Verdict.DISMISSED, "", author.by, author.why, author.now))
    return [f"{candidate_id} is dismissed; its document does not come again"]


def import_extract(catalog: Catalog, path: Path, now: datetime, encoding: str = "") -> list[str]:
    """Take the candidates of an extract of Global Trade Alert into the inbox. Raises ``InvalidInput``.

    ``encoding``: of text that is not UTF-8.
    """
    from forecast.sources.reading.extract import read_extract
    from forecast.sources.reading.words import Lexicon

    found = read_extract(path, Lexicon.read(data_dir()), encoding)
    new = catalog.inbox.add(found, now)
    return [
        f"{path.name}: {counted(len(found), 'candidate')} about minerals, {new:,} of them new (orecast events inbox)"
    ]


def _added(was: Event, told: Event) -> dict[str, str]:
    before, now = fact_texts(was), fact_texts(told)
    facts = {name: now[name] for name in _ADDED if now[name] and not before[name]}
    for names in _TOGETHER:
        if not any(before[name] for name in names):
            facts |= {name: now[name] for name in names if now[name]}
    sources = dict.fromkeys((*was.sources, *told.sources))
    return facts | {"sources": ";".join(sources)}
