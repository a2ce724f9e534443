"""Publishers in their real shapes: what each answers for given figures."""

from __future__ import annotations

from importlib import import_module

from tests.support.internet import FeedOf

#: Sources of observations whose publishers can be played.
_PLAYED = ("worldbank", "imf", "bls", "usgs", "comtrade", "eurostat", "hmrc", "comex")


def of_observations() -> dict[str, FeedOf]:
    """The publishers of observations that ask for no key, by name of the source."""
    return {name: import_module(f"tests.support.feeds.{name}").Feed for name in _PLAYED}
