"""The gate: every value that comes in passes it before it counts, whichever way it comes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecast.answers.champion import futures
from forecast.catalog import Catalog, Observation
from forecast.catalog.quarantine import Held, HeldValue, Settlement
from forecast.coupling import quantiles_of
from forecast.errors import ForecastError, Unavailable
from forecast.events import Event
from forecast.intake.formal import is_fine
from forecast.intake.judgement import Background, Judged, judge, onsets, undisputed
from forecast.intake.levels import Forecasts
from forecast.registry import Registry
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats, Series
from forecast.wording import day_in_words

#: Quantiles between which nearly all draws of a forecast are, and the median between them.
NEARLY_ALL = (0.001, 0.5, 0.999)


@dataclass(frozen=True)
class Gate:
    """Judges what is delivered of a series by all that is known of it at the moment ``now`` (UTC): its values, the
    events that touch it, the forecast that serves, and what is held.

    ``registry``: None where nothing is trained; ``accepted_by``: who lets in all that would be held, if anybody does.
    """

    catalog: Catalog
    registry: Registry | None
    now: dt.datetime
    accepted_by: str = ""

    def judge(self, series: Series, observations: Sequence[Observation], events: Iterable[Event] = ()) -> Judged:
        """Judge all observations of one series in one delivery; ``events``: those that come with it.

        What passes is to be added and what is held to be recorded in one transaction: ``Catalog.add`` does both. Raises
        ``InvalidInput`` for what is no value of a series, accepted or not.
        """
        known = {**self.catalog.events(self._today), **{event.event_id: event for event in events}}
        ds, y = self.catalog.standing(series.series_id)
        before = self.catalog.quarantine.values(series.series_id, settled=True)
        background = Background(
            series,
            self._today,
            ds,
            y,
            self._forecasts(series),
            onsets(known.values(), series, self.catalog.minerals()),
            tuple(one.held for one in before if one.outcome is None),
        )
        judged = judge(background, observations)
        discarded = {one.held.claim: one for one in before if one.outcome is Settlement.DISCARDED}
        return replace(judged, held=tuple(_reminded(held, discarded.get(held.claim)) for held in judged.held))

    def undisputed(self, series: Series, ds: Days, y: Floats) -> bool:
        """Whether values (n,) of the periods that start on ``ds``, in the order in which they became known, count
        without a closer look, which of millions of rows would take minutes."""
        if not is_fine(series, ds, y, self._today) or self.catalog.quarantine.values(series.series_id):
            return False
        return undisputed(Background(series, self._today, *self.catalog.standing(series.series_id)), ds, y)

    @property
    def _today(self) -> dt.date:
        return self.now.astimezone(dt.UTC).date()

    def _forecasts(self, series: Series) -> Forecasts | None:
        """What the forecast that serves thought possible; None where none serves."""
        if self.registry is None:
            return None
        try:
            (future,) = futures(self.catalog, self.registry, [series.series_id], self._today)
        except Unavailable:
            raise
        except ForecastError:
            return None
        low, median, high = quantiles_of(future.margins(), NEARLY_ALL)
        least = float(np.finfo(np.float32).tiny)
        ordinals = np.asarray(series.calendar.ordinal(future.ds))
        bottom, top, middle = np.log(np.maximum([low, high, median], least))
        return Forecasts(ordinals, bottom, top, middle, low <= 0)


def _reminded(held: Held, discarded: HeldValue | None) -> Held:
    """A claim that was discarded says so when it is delivered again."""
    if discarded is None:
        return held
    day = day_in_words((discarded.settled or discarded.since).date())
    return replace(held, why=f"{held.why} (discarded by {discarded.by} on {day})")
