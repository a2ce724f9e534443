"""Coherent scenarios: in every world the parts of a whole add up in each draw, and the baseline is the forecast."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from forecast.answers.as_of import day_asked
from forecast.answers.cache import NOTHING_KEPT
from forecast.answers.forecast import ForecastQuestion
from forecast.answers.reconcile import coherent
from forecast.answers.scenarios import Question, answer
from forecast.answers.scenarios.answer import _tables, mixture
from forecast.answers.scenarios.build import build
from forecast.answers.span import Span
from forecast.catalog import Catalog
from forecast.jobs.ingest import ingest
from forecast.registry import Registry
from forecast.settings import SpanOrigin
from tests.support.trained_home import NOW, add_run, settings_in

TODAY = NOW.date()
PARENTS = {"m.world": "", "m.europe": "m.world", "m.asia": "m.world"}
SERIES = tuple(PARENTS)
SCENARIOS = [
    {
        "name": name,
        "probability": chance,
        "add": [{"event": name, "effective": "2026-09-01", "effect": {"m.asia": {"percent": size, "plus_minus": 5}}}],
    }
    for name, chance, size in (("less", 0.3, -60), ("more", 0.2, 40))
]
Stores = tuple[Catalog, Registry]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """A world of two parts, which are all of it."""
    folder: Path = tmp_path_factory.mktemp("coherent")
    months = np.arange("2018-01", "2026-06", dtype="datetime64[M]").astype("datetime64[D]")
    rng = np.random.default_rng(4)
    europe, asia = (size * np.exp(rng.normal(0, 0.2, len(months))) for size in (1000, 2000))
    history = {"m.world": europe + asia, "m.europe": europe, "m.asia": asia}
    series, observations = folder / "series.csv", folder / "observations.csv"
    lines = [f"{name},volume,t,M,{parent}" for name, parent in PARENTS.items()]
    series.write_text("\n".join(["series_id,measure,unit,freq,parent", *lines]) + "\n")
    rows = [f"{name},{ds},{y:.6g}" for name, ys in history.items() for ds, y in zip(months, ys, strict=True)]
    observations.write_text("\n".join(["series_id,ds,value", *rows]) + "\n")
    set_up = settings_in(folder)
    catalog, registry = Catalog.open(set_up), Registry(set_up.models_dir)
    ingest(catalog, observations, series, known_at=NOW)
    for i, name in enumerate(SERIES):
        registry.promote(name, add_run(registry, catalog, name, level=1.0 + 0.1 * i))
    yield catalog, registry
    catalog.close()


def question(**more: object) -> Question:
    asked = {"series": SERIES, "scenarios": SCENARIOS, "h": 12, "origin": "last", "coherent": True}
    return Question.read(json.dumps(asked | more))


def test_every_draw_adds_up_in_the_baseline_in_each_scenario_and_in_the_mixture(stores: Stores) -> None:
    asked = ForecastQuestion(day_asked(None, TODAY), Span(12, SpanOrigin.LAST), coherent=True)
    tables, _ = _tables(*stores, question(), asked, NOTHING_KEPT)
    future = tables[0].future
    scenarios = build(question(), future.known, future.open_branches, future.minerals)
    worlds: dict[str, list[npt.NDArray[np.floating]]] = {}
    for table in tables:
        given = [
            (table.given("x", one, lambda: None), chance) for one, chance in zip(scenarios, (0.3, 0.2), strict=True)
        ]
        worlds[table.future.series.series_id] = [
            table.base,
            *(world.draws for world, _ in given),
            mixture(table, given, 0.5).draws,
        ]
    for whole, europe, asia in zip(*(worlds[name] for name in SERIES), strict=True):
        np.testing.assert_allclose(whole, europe + asia, rtol=1e-9)
    base, less, more, _ = worlds["m.asia"]
    assert np.median(less[-1]) < np.median(base[-1]) < np.median(more[-1])


def test_the_baseline_is_the_coherent_forecast_to_the_digit(stores: Stores) -> None:
    made = answer(*stores, question(), today=TODAY)
    alone = coherent(*stores, SERIES, ForecastQuestion(TODAY, Span(12, SpanOrigin.LAST), coherent=True))
    assert made.coherent
    for one, there in zip(alone, (made.of_series(name)[0] for name in SERIES), strict=True):
        for point, told in zip(one.data, there.data, strict=True):
            assert told.cells().items() >= point.cells().items()


def test_means_add_up_too(stores: Stores) -> None:
    made = answer(*stores, question(), today=TODAY)
    for k in range(4):
        whole, europe, asia = (made.of_series(name)[k] for name in SERIES)
        for a, b, c in zip(whole.data, europe.data, asia.data, strict=True):
            assert a.mean == pytest.approx(b.mean + c.mean, rel=2e-5)


def test_a_whole_that_was_not_told_of_an_event_moves_with_its_part(stores: Stores) -> None:
    made = answer(*stores, question(), today=TODAY)
    whole = made.of_series("m.world")[1].data
    assert [point.difference.mean < 0 for point in whole if point.difference] == [
        point.ds.isoformat() >= "2026-09-01" for point in whole
    ]
    apart = answer(*stores, question(coherent=False), today=TODAY).of_series("m.world")[1]
    assert {point.difference.mean for point in apart.data if point.difference} == {0.0}


def test_a_series_without_parts_is_answered_as_it_is_alone(stores: Stores) -> None:
    """Of a group only some are asked for: they agree with all of it all the same."""
    some = answer(*stores, question(series=["m.asia"]), today=TODAY)
    whole = answer(*stores, question(), today=TODAY)
    assert [outcome.data for outcome in some.data] == [outcome.data for outcome in whole.of_series("m.asia")]
