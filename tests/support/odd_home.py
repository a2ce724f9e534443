"""A trained home with ids that are odd: those that today's rule takes in, and those that only older versions did."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import insert, text

from forecast.catalog import Catalog
from forecast.catalog.engine import Database
from forecast.catalog.schema import EVENTS, OBSERVATIONS, SERIES, event_row, series_row
from forecast.registry import Registry
from forecast.settings import Settings
from tests.support.records import NOTHING_SAID, EventFacts, a_series, changed
from tests.support.trained_home import add_run, make_home

#: Legal ids that look like something else: a route, a file, a number, a country, the longest there may be.
LEGAL = (
    "forecasts",
    "observations",
    "v1.export.forecasts.csv",
    "calendar",
    "healthz",
    "0-a",
    "a-",
    "a_",
    "a__b--c",
    "champion.copper",
    "price.copper.csv",
    "price.copper.effects",
    "e1.x",
    "none",
    "undefined",
    "z" * 100,
)
#: Ids that no door takes in today; a catalogue may hold them all the same.
OLDER = (
    "My Price",
    "a/b",
    "..",
    "../x",
    "100%",
    "%2e%2e",
    "x.",
    "Price.Copper",
    "PRICE.COPPER",
    unicodedata.normalize("NFC", "métal.été"),
    unicodedata.normalize("NFD", "métal.été"),
    "稀土.出口",
    "a,b",
    'say "x"',
    "=1+1",
    "<script>",
    "a?b#c&d=e",
    "a\nX-Set: b",
    "‮gnp",
    " ",
    "L" * 100,
)
#: Events likewise.
OLDER_EVENTS = ("An Event", "ev/ent", "..", "ev%20ent", "évén", "e\nX-Set: b", "E" * 100)


def make_odd_home(home: Path) -> Settings:
    """A trained home in which every odd series has observations, and every legal one a run."""
    settings = make_home(home)
    add_odd(settings)
    return settings


def add_odd(settings: Settings) -> None:
    """Add the odd series and events to a home, past every door, as an older version may have; and the runs there may
    be."""
    database = Database(settings.database_url)
    months = [date(2025 + month // 12, month % 12 + 1, 1) for month in range(18)]
    with database.writing() as connection:
        for series_id in (*LEGAL, *OLDER):
            row = a_series(series_id, "copper", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 10)
            connection.execute(insert(SERIES), series_row(row))
            seen = {"series_id": series_id, "known": datetime(2026, 7, 1), "flag": "reported", "assumed": False}
            connection.execute(insert(OBSERVATIONS), [seen | {"ds": ds, "value": 100.0 + ds.month} for ds in months])
        for event_id in OLDER_EVENTS:
            known: EventFacts = {"kind": "tariff", "minerals": ("copper",), "flows": (("WLD", "USA"),)}
            event = changed(
                NOTHING_SAID, known, title=event_id, status="enacted", announced=months[0], effective=months[3]
            )
            connection.execute(insert(EVENTS), event_row(replace(event, event_id=event_id)))
        connection.execute(text("UPDATE changes SET number = number + 1"))
    database.close()
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    for series_id in LEGAL:
        registry.promote(series_id, add_run(registry, catalog, series_id))
    catalog.close()
