"""What a record does not say is null in an answer, never an empty text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import forecast
from forecast.answers.model import Answer
from forecast.catalog import Catalog
from forecast.jobs.ingest import ingest
from tests.support.trained_home import COPPER, EARTHS, NICKEL, NOW, make_home

SERIES = "series_id,measure,unit,freq\nmine.cobalt,price,USD/t,M\n"
OBSERVATIONS = "series_id,ds,value\nmine.cobalt,2026-05-01,1\n"
EVENTS = "event_id,title,kind,announced\nmine-event,a tariff,tariff,2026-05-01\n"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[forecast.Home]:
    """A trained home with a series and an event of one's own, of which as little is said as may be, and a damaged
    run."""
    settings = make_home(tmp_path)
    files = [tmp_path / name for name in ("observations.csv", "series.csv", "events.csv")]
    for file, text in zip(files, (OBSERVATIONS, SERIES, EVENTS), strict=True):
        file.write_text(text)
    catalog = Catalog.open(settings)
    ingest(catalog, *files, known_at=NOW - dt.timedelta(days=1))
    catalog.close()
    (settings.models_dir / NICKEL / "2026-06-01-a" / "card.json").write_text("{}")
    with forecast.open_home(tmp_path, today=NOW.date()) as opened:
        yield opened


def empty(value: object, place: str = "") -> Iterator[str]:
    """Where a text is empty."""
    if value == "":
        yield place
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from empty(member, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for member in value:
            yield from empty(member, f"{place}[]")


def test_no_text_of_an_answer_is_empty(home: forecast.Home) -> None:
    answers: list[Answer] = [
        home.series(),
        home.events(),
        *(home.event(event.event_id) for event in home.events().data),
        home.runs(),
        home.observations("mine.cobalt"),
        home.forecasts(),
        home.class_effects(),
        home.backtest(COPPER),
        *(home.effects(name) for name in (COPPER, EARTHS)),
        *(home.effect_paths(name) for name in (COPPER, EARTHS)),
        home.scenarios({"series": [EARTHS], "scenarios": [{"name": "nothing"}]}),
    ]
    found = {(type(answer).__name__, place) for answer in answers for place in empty(answer.json_object())}
    assert found == set()
    assert home.event("mine-event").actor is None
