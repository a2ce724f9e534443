"""One series as it could be known at some moment: its observations, its events and what they had done to it."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from forecast import provenance
from forecast.backtest import View
from forecast.catalog import Catalog
from forecast.config import Settings
from forecast.effects import EffectRecord, episodes
from forecast.effects.estimate import controls_for, estimate
from forecast.events import Events
from forecast.forecasters.base import Sample
from forecast.series import History, Series

#: Draws of the effects at an origin of a backtest.
TEST_EFFECTS = 200


class Past:
    """What was known of one series by the end of a day, and, looking back from there, at the end of any period."""

    def __init__(self, catalog: Catalog, settings: Settings, series_id: str, as_of: dt.date) -> None:
        self._catalog, self._settings = catalog, settings
        self.series: Series = catalog.get(series_id)
        self.as_of = as_of
        self.minerals = catalog.minerals()

    @property
    def seed(self) -> int:
        """The seed of this series: another one for each, the same on every machine."""
        return zlib.crc32(f"{self._settings.seed}:{self.series.series_id}".encode())

    @cached_property
    def history(self) -> History:
        return self._catalog.history(self.series.series_id, self.as_of)

    @cached_property
    def events(self) -> Events:
        return self._catalog.events(self.as_of)

    def view(self, cutoff: np.datetime64) -> View:
        """The view from the end of the period that starts on ``cutoff``."""
        end: dt.date = self.series.calendar.end(cutoff).item()
        published = end + dt.timedelta(days=self.series.release_lag_days)
        histories = self._catalog.histories(as_of=min(published, self.as_of))
        history = histories[self.series.series_id].until(cutoff)
        return self._view(history, histories, self._catalog.events(end), end, TEST_EFFECTS)

    def now(self, n: int) -> View:
        """The view from the end of ``as_of``, with ``n`` draws of the effects."""
        return self._view(self.history, self._catalog.histories(as_of=self.as_of), self.events, self.as_of, n)

    def _view(
        self, history: History, histories: Mapping[str, History], events: Events, known_on: dt.date, n: int
    ) -> View:
        sample = Sample.of(history)
        touched, omitted = episodes(events, self.series, self.minerals, sample.ds, known_on=known_on)
        controls = controls_for(self.series, sample, histories, self.minerals) if touched else None
        record = estimate(sample, touched, controls=controls, n=n, seed=self.seed)
        return View(history.ds[-1], sample, record)
