"""Which series are asked for: by what they measure, of what, on which flow and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forecast.answers.event_filter import known_mineral
from forecast.errors import NotFound
from forecast.timeseries.series import Series

if TYPE_CHECKING:
    from forecast.catalog import Catalog


@dataclass(frozen=True)
class SeriesFilter:
    """What is asked of a series; what is None asks nothing.

    ``mineral``: it is of the mineral, a parent or a part of it. ``country``: whose trade it is, or where its price is
    paid; ``partner``: with whom; ``place``: either.
    """

    mineral: str | None = None
    measure: str | None = None
    role: str | None = None
    flow: str | None = None
    country: str | None = None
    partner: str | None = None
    place: str | None = None

    def of(self, found: Iterable[Series], catalog: Catalog) -> list[Series]:
        """Those that are asked for, in their order. Raises ``NotFound`` for a mineral or a place that there is not."""
        minerals = catalog.minerals()
        slug = known_mineral(self.mineral, minerals) if self.mineral else None
        self._check_places(catalog)
        return [
            series
            for series in found
            if (slug is None or minerals.related(series.mineral, slug))
            and self.measure in (None, series.measure)
            and self.role in (None, series.role)
            and self.flow in (None, series.flow)
            and self.country in (None, series.reporter)
            and self.partner in (None, series.partner)
            and self.place in (None, series.reporter, series.partner)
        ]

    def _check_places(self, catalog: Catalog) -> None:
        known = {
            place for series in catalog.series(retired=True).values() for place in (series.reporter, series.partner)
        }
        for place in (self.country, self.partner, self.place):
            if place is not None and place not in known:
                raise NotFound(
                    "place", place, known, "a place of a series: an ISO 3166 alpha-3 code such as CHN, EU or WLD"
                )
