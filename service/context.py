"""What a request may use: passed to every group of routes, so that nothing is global."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from forecast.answers.as_of import day_asked
from forecast.answers.cache import Cache
from forecast.answers.event_filter import known_mineral
from forecast.catalog import Catalog
from forecast.errors import Unavailable
from forecast.registry import Registry
from forecast.settings import Settings

Clock = Callable[[], dt.datetime]


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


#: Values that a process keeps to answer from: of 10 series their futures, sorted draws and forecasts, some 12 MB.
KEPT = 30
#: Finished exports that it keeps besides: all observations of 216 series are 1.2 MB.
EXPORTS = 8


class StoreState(NamedTuple):
    """The state of the stores, by marks that are compared, and the day; the catalogue's is None while it is away."""

    catalog: Hashable
    registry: Hashable
    day: dt.date


@dataclass(frozen=True)
class Context:
    """Settings, the catalogue of facts, the registry of trained runs, the time (UTC), what is kept to answer from, and
    finished exports."""

    settings: Settings
    catalog: Catalog
    registry: Registry
    clock: Clock = utc_now
    cache: Cache = field(default_factory=lambda: Cache(KEPT))
    exports: Cache = field(default_factory=lambda: Cache(EXPORTS))

    def day(self, as_of: dt.date | None) -> dt.date:
        """The day a question is about: the one asked for, else today in UTC; it means the end of that day.

        Raises ``InvalidInput`` for a day that is still to come.
        """
        return day_asked(as_of, self.clock().date())

    def state(self) -> StoreState:
        """What answers rest on now, by a look that costs microseconds; another as soon as any of it changes."""
        try:
            catalog = self.catalog.mark()
        except Unavailable:
            catalog = None
        return StoreState(catalog, self.registry.mark(), self.clock().date())

    def mineral(self, slug: str) -> str:
        """The slug, if there is such a mineral. Raises ``NotFound`` with the nearest there are."""
        return known_mineral(slug, self.catalog.minerals())
