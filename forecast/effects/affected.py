"""What an event acts on, as far as effects are pooled: world and local prices, volumes and values apart.

A measure moves the price of those it hits more than that of the world, and what a limit on quantities takes off the
volume it may add to the price, so that nobody knows beforehand what it does to the value.
"""

from __future__ import annotations

from enum import StrEnum

from forecast.events import Event, Stringency
from forecast.names import Measure
from forecast.timeseries.series import Series

_DIRECTIONS = {"up": 1, "down": -1}
#: Limits on what leaves a country, under which some trade goes on.
_LIMITS = frozenset({Stringency.LICENCE, Stringency.QUOTA})


class Affected(StrEnum):
    """What an event acts on. Local prices are those of one flow, unit values among them."""

    WORLD_PRICES = "world prices"
    LOCAL_PRICES = "local prices"
    VOLUMES = "volumes"
    VALUES = "values"

    @classmethod
    def of(cls, series: Series) -> Affected:
        if series.is_price:
            return cls.WORLD_PRICES if series.flow == "world" else cls.LOCAL_PRICES
        return cls.VALUES if series.measure is Measure.VALUE else cls.VOLUMES

    @property
    def is_price(self) -> bool:
        return self in (Affected.WORLD_PRICES, Affected.LOCAL_PRICES)


def direction(event: Event, series: Series) -> int:
    """Expected sign of an event on a series, by what is expected of its measure; 0 where mixed or unknown."""
    affected = Affected.of(series)
    if affected is Affected.VALUES and event.stringency in _LIMITS:
        return 0
    if not affected.is_price:
        word = event.volume
    elif affected is Affected.WORLD_PRICES:
        word = event.price_world
    else:
        word = event.price_local if event.local_market in (series.reporter, "WLD", "") else event.price_world
    return _DIRECTIONS.get(word, 0)
