"""A year of publications in days: what comes in by itself, with all that goes wrong on the way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from forecast.catalog import Catalog
from forecast.jobs.fetch import Fetching
from forecast.settings import Settings
from forecast.sources.configuration import configured_sources
from tests.support.internet import Outlet, standing
from tests.support.publishers import Answer, Handler

DOWN = Answer(b"closed for maintenance", "text/plain", 503)
PAGE = Answer(b"<!DOCTYPE html><title>We have moved</title>", "text/html")


@dataclass(frozen=True)
class Trouble:
    """What a source answers from a day on, for so many days: ``changes`` texts of its answers, or ``answer``s so."""

    source: str
    start: dt.date
    days: int
    answer: Answer | None = None
    changes: Mapping[bytes, bytes] = field(default_factory=dict)

    def on(self, day: dt.date) -> bool:
        return self.start <= day < self.start + dt.timedelta(days=self.days)

    def handler(self, sound: Handler) -> Handler:
        """What answers meanwhile, in place of what is ``sound``."""
        if self.answer is not None:
            answer = self.answer
            return lambda request: answer
        return lambda request: self._changed(sound(request))

    def _changed(self, answer: Answer) -> Answer:
        body = answer.body
        for old, new in self.changes.items():
            body = body.replace(old, new)
        return replace(answer, body=body)


@dataclass(frozen=True)
class Misprint:
    """A value that is published as ``factor`` times what it is, until it is put right on the day ``until``."""

    source: str
    key: str
    ds: dt.date
    factor: float
    until: dt.date


@dataclass
class Story:
    """What became of a replay: the faults that were told, by source and day, and the values that stood meanwhile."""

    told: dict[tuple[str, dt.date], tuple[str, ...]] = field(default_factory=dict)
    stood: dict[tuple[str, str, dt.date], set[float]] = field(default_factory=dict)

    def days_told(self, source: str) -> list[dt.date]:
        return [day for (name, day), faults in self.told.items() if name == source and faults]


def replay(
    settings: Settings,
    outlets: Mapping[str, Outlet],
    days: list[dt.date],
    troubles: list[Trouble],
    misprints: list[Misprint],
) -> Story:
    """Fetch every source on each of these days, as it published by then."""
    story = Story()
    catalog = Catalog.open(settings)
    try:
        for day in days:
            for name, source in configured_sources(settings).items():
                if name not in outlets:
                    continue
                outlet = outlets[name]
                outlet.publish(day)
                for one in misprints:
                    if one.source == name and day < one.until and one.ds in outlet.figures[one.key]:
                        outlet.figures[one.key][one.ds] *= one.factor
                wrong = next((one for one in troubles if one.source == name and one.on(day)), None)
                outlet.fault = wrong.handler(outlet.feed(outlet.figures)) if wrong else None
                now = dt.datetime.combine(day, dt.time(2), dt.UTC)
                story.told[name, day] = Fetching(catalog, None, source, now, sleep=lambda seconds: None).run().faults
                outlet.fault = None
            for one in misprints:
                (row,) = (
                    row
                    for row in configured_sources(settings)[one.source].series(catalog.series())
                    if row.key == one.key
                )
                value = standing(catalog).get(row.series.series_id, {}).get(one.ds)
                if value is not None:
                    story.stood.setdefault((one.source, one.key, one.ds), set()).add(value / row.factor)
    finally:
        catalog.close()
    return story
