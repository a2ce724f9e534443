"""A candidate for an event: what an official notice suggests, which does nothing until somebody accepts it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from forecast.events.event import Event


@dataclass(frozen=True)
class Candidate:
    """An event as a document suggests it.

    ``source``, ``document``: the publisher and its own number of the document, which together come once; ``published``:
    its day; ``reference``: an address for people; ``event``: the facts that were found in it; ``doubts``: what a reader
    should look up, in words.
    """

    source: str
    document: str
    published: dt.date
    title: str
    reference: str
    event: Event
    doubts: tuple[str, ...] = ()
