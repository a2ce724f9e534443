"""What a source gives, as tests look at it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from forecast.sources.source import Quote


def values(quotes: Iterable[Quote]) -> dict[str, dict[date, float]]:
    """Values by key and first day of the period."""
    found: dict[str, dict[date, float]] = {}
    for quote in quotes:
        found.setdefault(quote.key, {})[quote.ds] = quote.value
    return found
