"""A source of the simplest shape, for the tests of what fetches: a JSON object of values by key and day.

Whoever imports this may write ``kind = "numbers"`` in ``sources.toml``.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from forecast.sources import web as reading
from forecast.sources.providers import NOTICES, SOURCE_KINDS, SOURCES
from forecast.sources.source import Quote, Source
from forecast.sources.web import Web
from tests.support.publishers import Answer

reading.FIRST_PAUSE = 0.01


class Numbers(Source):
    """``{"key": {"2026-01-01": 1.5}}`` at the address of the section."""

    title = publisher = "numbers"
    page, licence, pause = "https://example.org", "none", 0.0

    def __init__(self, name: str, facts: Mapping[str, object], file: str) -> None:
        self.name, self.address = name, str(facts["address"])

    def fetch(self, web: Web, keys: Collection[str], since: dt.date) -> Iterator[Quote]:
        page = web.get_changed("numbers.json", media=("json",))
        for key, values in json.loads(page.text).items() if page else ():
            if key in keys:
                yield from (Quote(key, dt.date.fromisoformat(day), value) for day, value in values.items())


SOURCE_KINDS["numbers"] = Numbers


def numbers(values: Mapping[str, Mapping[str, float]]) -> Answer:
    """What such a publisher answers."""
    return Answer(json.dumps(values).encode(), "application/json")


def months(count: int, value: float = 100.0) -> dict[str, float]:
    """So many monthly values up to September 2026."""
    last = 12 * 2026 + 8
    return {f"{m // 12}-{m % 12 + 1:02d}-01": value + (m % 7) for m in range(last - count + 1, last + 1)}


def write_sources(home: Path, url: str, *names: str) -> None:
    """Sources of this kind at ``<url><name>/``, each of one series ``price.<name>``; what is built in is off."""
    built_in = [f"[{provider.name}]\nenabled = false\n" for provider in (*SOURCES, *NOTICES)]
    own = [
        f'[{name}]\nkind = "numbers"\naddress = "{url}{name}/"\n[[{name}.series]]\nkey = "K"\n'
        f'delivered = "USD/t"\nfactor = 1\nseries_id = "price.{name}"\nmineral = "tin"\nmeasure = "price"\n'
        'unit = "USD/t"\nfreq = "M"\n'
        for name in names
    ]
    (home / "sources.toml").write_text("".join([*built_in, *own]))
