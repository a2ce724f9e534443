"""What a request may use: passed to every group of routes, so that nothing is global."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from forecast.catalog import Catalog
from forecast.config import Settings
from forecast.errors import Fault, InvalidInput, NotFound
from forecast.registry import Registry, Run

Clock = Callable[[], dt.datetime]


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Context:
    """Settings, the catalogue of facts, the registry of trained runs, and the time (UTC)."""

    settings: Settings
    catalog: Catalog
    registry: Registry
    clock: Clock = utc_now

    def day(self, as_of: dt.date | None) -> dt.date:
        """The day a question is about: the one asked for, else today in UTC; it means the end of that day."""
        return as_of or self.clock().date()

    def run(self, series_id: str, as_of: dt.date) -> Run:
        """The run that serves. Raises ``InvalidInput`` for a day on which what it was trained on was not yet known."""
        series, run = self.catalog.get(series_id), self.registry.champion(series_id)
        released: dt.date = series.calendar.end(run.last).item() + dt.timedelta(days=series.release_lag_days)
        known = max(released, dt.date.fromisoformat(run.card["events_known_to"]))
        if as_of < known:
            raise InvalidInput(Fault("as_of", str(as_of), f"{known} or later: so late is what {run.run_id} knows"))
        return run

    def mineral(self, slug: str) -> str:
        """The slug, if there is such a mineral. Raises ``NotFound`` with the nearest there are."""
        known = self.catalog.minerals()
        if slug not in known:
            raise NotFound("mineral", slug, known.parents)
        return slug
