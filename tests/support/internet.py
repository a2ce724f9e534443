"""A local internet: every publisher on a socket of its own, with figures that grow as days go by."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np

from forecast.catalog import Catalog
from forecast.settings import Settings
from forecast.sources.configuration import configured_sources
from forecast.sources.series_table import SourceSeries
from tests.support.publishers import Handler, Publisher, published

#: Values by key of the publisher and first day of the period.
Figures = dict[str, dict[dt.date, float]]
#: A publisher in its real shape: what answers for figures.
FeedOf = Callable[[Figures], Handler]


@dataclass
class Outlet:
    """One publisher of the local internet: ``truth``: what it will ever publish; ``figures``: what it has published;
    ``fault``: answers in its place, while it is set."""

    feed: FeedOf
    truth: Figures
    lags: dict[str, Callable[[dt.date], dt.date]]
    figures: Figures = field(default_factory=dict)
    fault: Handler | None = None
    publisher: Publisher | None = None

    def publish(self, day: dt.date) -> None:
        """Publish all that is due on a day."""
        self.figures = {
            key: {ds: value for ds, value in values.items() if self.lags[key](ds) <= day}
            for key, values in self.truth.items()
        }

    def handler(self) -> Handler:
        return lambda request: (self.fault or self.feed(self.figures))(request)


def truth(series: list[SourceSeries], catalog: Catalog, until: dt.date, seed: int) -> Figures:
    """What a publisher gives of each series: what is stored of it, and from there a random walk until ``until``."""
    found: Figures = {}
    for place, one in enumerate(series):
        rng = np.random.default_rng([seed, place])
        ds, y = catalog.standing(one.series.series_id)
        calendar = one.series.calendar
        stored = dict(zip(ds.tolist(), (y / one.factor).tolist(), strict=True))
        first = calendar.floor(np.datetime64("2019-01-01")) if not stored else ds[-1]
        level = 1000.0 if not stored else max(float(y[-1]), 1.0) / one.factor
        walk = calendar.between(first, calendar.floor(np.datetime64(until)))
        for start in walk[1 if stored else 0 :].tolist():
            level *= float(np.exp(rng.normal(0, 0.04)))
            stored[start] = float(f"{level:.6g}")
        found[one.key] = stored
    return found


@contextmanager
def internet(
    feeds: Mapping[str, FeedOf], settings: Settings, until: dt.date, seed: int = 0
) -> Iterator[dict[str, Outlet]]:
    """The publishers of these sources on local sockets, to which the ``sources.toml`` of the home leads; all other
    sources are off."""
    catalog = Catalog.open(settings)
    outlets: dict[str, Outlet] = {}
    with ExitStack() as stack:
        stack.callback(catalog.close)
        lines = []
        for name, source in configured_sources(settings).items():
            if name not in feeds:
                lines.append(f"[{name}]\nenabled = false\n")
                continue
            series = source.series(catalog.series())
            lags = {one.key: _due(one) for one in series}
            outlet = Outlet(feeds[name], truth(series, catalog, until, seed), lags)
            outlet.publisher = stack.enter_context(published(outlet.handler()))
            outlets[name] = outlet
            lines.append(f"[{name}]\naddress = {json.dumps(outlet.publisher.url)}\n")
        settings.sources_file.write_text("\n".join(lines))
        yield outlets


def standing(catalog: Catalog) -> dict[str, dict[dt.date, float]]:
    """All values that count now, by series and period."""
    found = {}
    for series_id in catalog.series():
        ds, y = catalog.standing(series_id)
        found[series_id] = dict(zip(ds.tolist(), y.tolist(), strict=True))
    return found


def _due(one: SourceSeries) -> Callable[[dt.date], dt.date]:
    def day(start: dt.date) -> dt.date:
        due: dt.date = one.series.due(np.array([start], dtype="datetime64[D]"))[0].item()
        return due

    return day
