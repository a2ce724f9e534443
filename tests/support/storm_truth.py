"""What is right in a storm: the body of every question for each run and each edition, and when each of them served."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from forecast.errors import Unavailable
from forecast.export.csv_writer import csv_export
from forecast.home import Home
from forecast.settings import SpanOrigin
from service.encoding import to_json
from tests.support.documents import Json
from tests.support.storm_clients import HEAD_OF_A_PART, by_series, digest, known, scenario


@dataclass
class Spell:
    """Something that holds from one moment of the wall clock to another; for good while it has no end."""

    what: str
    since: float
    until: float = float("inf")

    def meets(self, since: float, until: float) -> bool:
        return self.since <= until and since <= self.until


@dataclass
class Truth:
    """``homes``: by the last letter of its runs a home in which they serve, on the catalogue that is served from."""

    homes: dict[str, Home]
    series: Sequence[str]
    bodies: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=dict)
    champions: dict[str, list[Spell]] = field(default_factory=dict)
    editions: list[Spell] = field(default_factory=list)

    @contextmanager
    def turning(self, spells: list[Spell], what: str) -> Iterator[None]:
        """Something else holds: the new from the first moment of the change on, the old until its last."""
        spells.append(Spell(what, time.time()))
        try:
            yield
        finally:
            for before in spells[-2:-1]:
                before.until = time.time()

    def read(self, edition: str) -> None:
        """Work out the answers of every run for the events as they are now."""
        for letter, home in self.homes.items():
            for series_id in self.series:
                for name, found in _answers(home, series_id):
                    self.bodies.setdefault((name, found), set()).add((letter, edition))

    def fault(self, line: Json) -> str:
        """What is wrong with the content of an answer, with the moments between which it was made."""
        for name, found in line["parts"]:
            series_id = name.partition(" ")[2]
            if series_id not in self.champions:
                continue
            of = self.bodies.get((name, found))
            if of is None:
                return f"{name}: a body of no run and no edition"
            since, until = line["began"], line["ended"]
            champions = {spell.what for spell in self.champions[series_id] if spell.meets(since, until)}
            editions = {spell.what for spell in self.editions if spell.meets(0 if line["stale"] else since, until)}
            if not {(run, edition) for run in champions for edition in editions} & of:
                return f"{name}: of {sorted(of)}, where {champions} served and {editions} held"
        return ""


def _answers(home: Home, series_id: str) -> list[tuple[str, str]]:
    """The digests of what is answered about a series."""
    while True:
        try:
            twelve = home.forecast(series_id, h=12)
            narrow = home.forecast(series_id, h=_last(4), level=(50, 90))
            asked = home.scenarios(scenario(series_id))
            break
        except Unavailable:
            time.sleep(0.2)  # the storm has just stopped it
    table = csv_export(twelve.names(), twelve.lines()).data
    return [
        (f"json {series_id}", digest(to_json(twelve.json_object()))),
        (f"narrow {series_id}", digest(to_json(narrow.json_object()))),
        (f"csv {series_id}", digest(table)),
        (f"part {series_id}", digest(table[:HEAD_OF_A_PART])),
        (f"rows {series_id}", by_series(table)[series_id]),
        (f"entry {series_id}", known(json.loads(to_json(twelve.json_object())))),
        (f"scenario {series_id}", digest(to_json(asked.json_object()))),
    ]


def _last(h: int) -> Json:
    from forecast.answers.span import Span

    return Span(h, SpanOrigin.LAST)


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
