"""A candidate for an event: what an official notice suggests, which does nothing until somebody accepts it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from forecast.events.event import Event


@dataclass(frozen=True)
class Candidate:
    """An event as a document suggests it.

    ``source``, ``document``: the publisher and its own number of the document, which together come once; ``published``:
    its day; ``reference``: an address for people; ``event``: the facts that were found in it, under the id by which the
    candidate is called too; ``doubts``: what a reader should look up, in words; ``cites``: earlier acts that it names,
    such as ``Proclamation 9704``; ``corrects``: the number of the document that it corrects.
    """

    source: str
    document: str
    published: dt.date
    title: str
    reference: str
    event: Event
    doubts: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    corrects: str = ""

    @property
    def candidate_id(self) -> str:
        """By which it is called; the id of the event, unless another is given when it is accepted."""
        return self.event.event_id
