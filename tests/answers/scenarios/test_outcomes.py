"""Expected values: of a mixture the means of its scenarios by their probabilities, of a year the sum of its periods."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast.answers.champion import futures
from forecast.answers.scenarios import Question, ScenarioAnswer, answer
from forecast.catalog import Catalog
from forecast.registry import Payload, Registry
from tests.support.trained_home import COPPER, EARTHS, NOW, make_home

TODAY = NOW.date()
Stores = tuple[Catalog, Registry]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    set_up = make_home(tmp_path_factory.mktemp("means"))
    catalog, registry = Catalog.open(set_up), Registry(set_up.models_dir)
    yield catalog, registry
    catalog.close()


def ask(stores: Stores, *scenarios: Mapping[str, object], **more: object) -> ScenarioAnswer:
    question = {"series": [EARTHS, COPPER], "scenarios": scenarios, "h": 14, "origin": "last"} | more
    return answer(*stores, Question.read(json.dumps(question)), today=TODAY)


def stated(name: str, percent: float, probability: float, plus_minus: float = 0.0) -> dict[str, object]:
    size = {"percent": percent, "plus_minus": plus_minus}
    event = {"event": name, "effective": "2026-07-10", "effect": {"volume": size, "price": size}}
    return {"name": name, "probability": probability, "add": [event]}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.floats(-90, 200), st.floats(0, 0.33), st.floats(0, 5)), min_size=1, max_size=3),
)
def test_the_mean_of_a_mixture_is_that_of_its_parts(stores: Stores, parts: list[tuple[float, float, float]]) -> None:
    made = ask(stores, *(stated(f"s{i}", *part) for i, part in enumerate(parts)))
    for series_id in (EARTHS, COPPER):
        baseline, *scenarios, mixture = made.of_series(series_id)
        weights = [outcome.probability or 0.0 for outcome in scenarios]
        assert baseline.probability == pytest.approx(1 - sum(weights), abs=1e-5)
        for name in ("mean", "difference", "cumulated"):
            if name == "cumulated" and series_id == COPPER:
                continue
            for k, point in enumerate(mixture.data):
                of_parts = [getattr(outcome.data[k], name) for outcome in scenarios]
                if name == "mean":
                    expected = (1 - sum(weights)) * baseline.data[k].mean + np.dot(weights, of_parts)
                    assert point.mean == pytest.approx(expected, rel=1e-4)
                else:
                    expected = np.dot(weights, [part.mean for part in of_parts])
                    size = sum(w * abs(part.mean) for w, part in zip(weights, of_parts, strict=True))
                    assert getattr(point, name).mean == pytest.approx(expected, abs=1e-4 * size + 1e-9)


def test_a_mean_is_of_all_draws(stores: Stores) -> None:
    made = ask(stores, stated("less", -30, 0.3))
    for series_id in (EARTHS, COPPER):
        (future,) = futures(*stores, [series_id], TODAY)
        expected = future.draws[:14].astype(float).mean(axis=1)
        baseline, there, _ = made.of_series(series_id)
        np.testing.assert_allclose([point.mean for point in baseline.data], expected, rtol=1e-5)
        differences = [point.mean - base.mean for point, base in zip(there.data, baseline.data, strict=True)]
        told = [point.difference.mean for point in there.data if point.difference]
        np.testing.assert_allclose(told, differences, atol=2e-5 * expected.max())


def test_what_is_expected_of_a_likely_scenario_is_not_nothing(stores: Stores) -> None:
    """The median of a difference is 0 where most draws live in the baseline; the mean tells what is expected."""
    *_, mixture = ask(stores, stated("less", -50, 0.3)).of_series(EARTHS)
    last = mixture.data[-1].difference
    assert last
    assert last.median == 0.0
    assert last.mean < 0
    assert mixture.data[-1].cumulated
    assert mixture.data[-1].cumulated.mean < last.mean


def test_a_year_is_the_sum_of_a_flow_and_the_end_of_a_price(stores: Stores) -> None:
    made = ask(stores, stated("less", -30, 0.3))
    (future,) = futures(*stores, [EARTHS], TODAY)
    baseline, there, mixture = made.of_series(EARTHS)
    sums = future.draws[:12].astype(float).sum(axis=0)
    assert baseline.year
    assert there.year
    assert mixture.year
    assert baseline.year.difference is None
    assert baseline.year.yhat == pytest.approx(np.median(sums), rel=1e-4)
    assert baseline.year.mean == pytest.approx(sums.mean(), rel=1e-5)
    assert there.year.difference
    assert mixture.year.difference
    assert mixture.year.difference.mean == pytest.approx(0.3 * there.year.difference.mean, rel=1e-4)
    of_price = made.of_series(COPPER)[1]
    assert of_price.year
    point = next(point for point in of_price.data if point.ds == of_price.year.last)
    assert (of_price.year.first, of_price.year.yhat) == (of_price.year.last, point.yhat)
    assert of_price.year.difference == point.difference
    assert ask(stores, stated("less", -30, 0.3), h=11).data[0].year is None


def test_without_probabilities_the_baseline_has_none(stores: Stores) -> None:
    scenario = stated("less", -30, 0.0)
    del scenario["probability"]
    assert {outcome.probability for outcome in ask(stores, scenario).data} == {None}


def test_a_mean_that_a_few_draws_make_is_told_to_be_one(stores: Stores) -> None:
    """Nothing is trimmed; the reader is told how much of the mean its largest draws are."""
    _, registry = stores
    run = registry.champion(COPPER)
    wild = run.draws + np.where(np.arange(len(run.draws)) < 5, 6.0, 0.0)[:, None].astype(np.float32)
    registry.save(COPPER, "wild", run.card, Payload(wild, run.record, {}))
    assert not any("hang on its tail" in note for note in ask(stores).of_series(COPPER)[0].notes)
    registry.promote(COPPER, "wild")
    try:
        baseline = ask(stores).of_series(COPPER)[0]
    finally:
        registry.promote(COPPER, run.run_id)
    assert any("hang on its tail: the largest 1 % of the draws are" in note for note in baseline.notes)
    assert baseline.data[-1].mean > 3 * baseline.data[-1].yhat
