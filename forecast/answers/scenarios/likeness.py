"""What ``like`` assumes on each series of a question, and why it cannot where it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from forecast.answers.not_estimated import why_not
from forecast.answers.precedent_paths import PrecedentPath
from forecast.answers.precedents import Measured, Precedents
from forecast.answers.scenarios.question import Like
from forecast.errors import Fault, known_name
from forecast.events import Event
from forecast.events.exposure import exposure
from forecast.registry import Run
from forecast.timeseries.series import Series

#: An event that began before the forecast goes on along the path for so many months of its age; then it stays.
_PAST = 36


@dataclass(frozen=True, eq=False)
class LikePaths:
    """The paths of precedents on the ``series`` that a question is about, by the ``runs`` that serve them."""

    precedents: Precedents
    series: Sequence[Series]
    runs: Mapping[str, Run]

    def paths(self, like: Like, acting: Sequence[Event]) -> Mapping[str, PrecedentPath] | Fault:
        """By id, the path of a precedent on each series that one of the ``acting`` events hits; or why there is none.

        Of a series of a class of measures (prices, flows) on which the precedent was not measured there is none.
        """
        found: dict[str, PrecedentPath] = {}
        minerals = self.precedents.minerals
        if like.series is not None and (fault := self._unmeasured(like.event, like.series)):
            return fault
        exposed = {s.series_id: max((exposure(e, s, minerals) for e in acting), default=0.0) for s in self.series}
        touched = [series for series in self.series if exposed[series.series_id]]
        for series in touched:
            name, ages = series.series_id, self.runs[series.series_id].draws.shape[1] + series.calendar.months(_PAST)
            if one := self._measured(like, series):
                found[name] = self.precedents.path(like.event, one, series, ages, exposed[name], like.scale)
        if found or not touched:
            return found
        return Fault("like.event", like.event, self._instead(like.event, touched[0], acting))

    def _measured(self, like: Like, series: Series) -> Measured | None:
        if like.series is None:
            return self.precedents.source(like.event, series)
        one = self.precedents.on(like.event, like.series)
        return one if one and one.series.measure_class is series.measure_class else None

    def _unmeasured(self, event_id: str, series_id: str) -> Fault | None:
        """What is wrong with a series on which a precedent is said to be measured."""
        if self.precedents.on(event_id, series_id):
            return None
        there = [one.series.series_id for one in self.precedents.library.by_event.get(event_id, ())]
        expected = known_name(f"series on which {event_id} was measured", series_id, there)
        return Fault("like.series", series_id, expected)

    def _instead(self, event_id: str, series: Series, acting: Sequence[Event]) -> str:
        """Why a precedent was not measured on anything like a series, and what was."""
        precedents = self.precedents
        measured = precedents.library.by_event.get(event_id, ())
        if measured:
            on = ", ".join(sorted(one.series.series_id for one in measured)[:3])
            why = f"it was measured on {on}, none of them of {series.measure_class} as {series.series_id} is"
        else:
            why = why_not(precedents.catalog, series, self.runs[series.series_id], precedents.events[event_id])
        near = chain.from_iterable(precedents.nearest(e, series, (event_id,)) for e in acting)
        names = list(dict.fromkeys(f"{one.event_id} (on {one.series_id})" for one in near))[:3]
        nearest = f"; nearest that were: {', '.join(names)}" if names else "; no event of its kind was"
        return f"an event with an estimate; of {event_id} there is none: {why}{nearest}"
