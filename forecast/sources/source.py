"""The shape of a source: what a provider gives, and how it is fetched."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from forecast.events.candidate import Candidate
from forecast.sources.web import Web


@dataclass(frozen=True)
class Quote:
    """The value that a publisher gives under its own ``key`` for the period that starts on ``ds``.

    ``unit``: as the publisher says it, in the words of the table of series; empty where the answer does not say.
    ``known``: the moment (UTC) since which it could be known, where the answer says that.
    """

    key: str
    ds: dt.date
    value: float
    unit: str = ""
    flag: str = "reported"
    known: dt.datetime | None = None


class Provider(ABC):
    """What every source says of itself.

    ``title``: what it gives; ``publisher``, ``licence``: as they are cited; ``address``: where its answers begin, which
    a user's configuration may replace; ``page``: for people; ``key_setting``: the setting that holds a key
    (``census_key``), empty where none can be used; ``key_needed``: nothing is fetched without it; ``accept``: the media
    type that is asked for; ``pause``: seconds between two requests; ``met_live``: whether this code has ever met an
    answer of the publisher itself.
    """

    name: str
    title: str
    publisher: str
    address: str
    page: str
    licence: str
    key_setting: str = ""
    key_needed: bool = False
    accept: str = "*/*"
    pause: float = 1.0
    met_live: bool = False


class Source(Provider):
    """A source of observations."""

    @abstractmethod
    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        """Values of these keys for periods from that of ``since`` on; none where nothing changed since the last time.

        Raises ``SourceFailed``, also where the answer has another layout than it had.
        """


class NoticeSource(Provider):
    """A source of official notices."""

    @abstractmethod
    def fetch(self, web: Web, since: dt.date) -> Iterator[Candidate]:
        """Candidates for events out of documents published on ``since`` or later. Raises ``SourceFailed``."""
