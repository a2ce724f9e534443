"""Outcomes are quantiles of the draws of each world, of their differences and sums, and of the mixture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from forecast.answers.champion import futures
from forecast.answers.forecast import ForecastPoint
from forecast.answers.scenarios import Question, ScenarioAnswer, answer
from forecast.answers.scenarios.outcomes import Change, Outcome
from forecast.catalog import Catalog
from forecast.cli.scenarios import _page
from forecast.errors import InvalidInput
from forecast.registry import Payload, Registry
from tests.support.small_world import generator
from tests.support.trained_home import COPPER, EARTHS, NICKEL, NOW, add_run, make_home

TODAY = NOW.date()
INDEX = "index.base-metals"
Stores = tuple[Catalog, Registry]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    home = tmp_path_factory.mktemp("answers")
    set_up = make_home(home)
    catalog, registry = Catalog.open(set_up), Registry(set_up.models_dir)
    catalog.add(series=[replace(catalog.get(INDEX), role="target")], known_at=NOW)
    registry.promote(INDEX, add_run(registry, catalog, INDEX))
    yield catalog, registry
    catalog.close()


def ask(
    stores: Stores, *scenarios: Mapping[str, object], series: tuple[str, ...] = (EARTHS,), **more: object
) -> ScenarioAnswer:
    question = Question.read(json.dumps({"series": series, "scenarios": scenarios, "h": 12, "origin": "last"} | more))
    return answer(*stores, question, today=TODAY)


def stated(name: str, percent: float, **more: object) -> dict[str, object]:
    """A scenario in which an event moves all volumes and prices by so much from September on."""
    effect = {measure: {"percent": percent} for measure in ("volume", "price", "index")}
    return {"name": name, "add": [{"event": name, "effective": "2026-09-10", "shape": "step", "effect": effect}]} | more


def changes(outcome: Outcome, what: str) -> list[Change]:
    return [getattr(point, what) for point in outcome.data]


def is_of(rows: Sequence[ForecastPoint | Change], draws: npt.NDArray[np.floating]) -> None:
    """Median and 80 % of draws (h, n), to six digits."""
    expected = np.quantile(draws, [0.5, 0.1, 0.9], axis=1, method="hazen").T
    found = [(row.median if isinstance(row, Change) else row.yhat, *row.interval(80)) for row in rows]
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6 * np.abs(draws).max())


def test_each_part_of_an_outcome_is_of_the_same_draws(stores: Stores) -> None:
    (future,) = futures(*stores, [EARTHS], TODAY)
    base = future.draws[:12].astype(float)
    after = np.array([day >= np.datetime64("2026-09-01") for day in future.ds[:12]])[:, None]
    there = np.where(after, base * 0.7, base)
    first, made = ask(stores, stated("less", -30, probability=0.25)).data[:2]
    is_of(first.data, future.draws[:12])
    is_of(made.data, future.draws[:12] * np.where(after, 0.7, 1.0))
    is_of(changes(made, "difference"), there - base)
    is_of(changes(made, "cumulated"), (there - base).cumsum(axis=0))
    assert (first.probability, made.probability) == (0.75, 0.25)
    assert {*changes(first, "difference"), *changes(first, "cumulated")} == {None}
    assert first.notes == future.notes
    assert not made.notes


def test_a_mixture_lives_in_each_scenario_in_its_share_of_the_draws(stores: Stores) -> None:
    """One number a draw decides, alike for all series: below .3, from there to .5, and the rest in the baseline."""
    scenarios = [stated("down", -30, probability=0.3), stated("not-weighed", 900), stated("up", 60, probability=0.2)]
    made = ask(stores, *scenarios, series=(EARTHS, COPPER))
    u = generator("mixture").permutation((np.arange(400) + 0.5) / 400)
    factor = np.select([u < 0.3, u < 0.5], [0.7, 1.6], 1.0)
    for series_id in (EARTHS, COPPER):
        (future,) = futures(*stores, [series_id], TODAY)
        base = future.draws[:12].astype(float)
        after = (future.ds[:12] >= np.datetime64("2026-09-01"))[:, None]
        mixed = np.where(after, base * factor, base)
        mixture = made.of_series(series_id)[-1]
        assert (mixture.scenario, mixture.probability) == ("mixture", None)
        # the quantiles are those of the three worlds in their shares
        result = [(future.draws[:12] * np.where(after, f, 1.0), w) for f, w in ((0.7, 3), (1.6, 2), (1.0, 5))]
        whole = np.concatenate([np.repeat(draws, w, axis=1) for draws, w in result], axis=1)
        expected = np.quantile(whole, [0.5, 0.1, 0.9], axis=1, method="hazen").T
        found = [(point.yhat, *point.interval(80)) for point in mixture.data]
        np.testing.assert_allclose(found, expected, rtol=5e-3)
        is_of(changes(mixture, "difference"), mixed - base)


def test_prices_and_indices_are_not_summed(stores: Stores) -> None:
    made = ask(stores, stated("less", -30), series=(EARTHS, COPPER, INDEX))
    there = {series_id: made.of_series(series_id)[1] for series_id in (EARTHS, COPPER, INDEX)}
    summed = {name: [change is not None for change in changes(one, "cumulated")] for name, one in there.items()}
    assert summed == {EARTHS: [True] * 12, COPPER: [False] * 12, INDEX: [False] * 12}
    assert changes(there[INDEX], "difference")[-1].median < 0


def test_what_changes_nothing_within_the_horizon_says_so(stores: Stores) -> None:
    late = {"name": "late", "add": [{"event": "x", "effective": "2027-09-10", "effect": {"volume": {"percent": -5}}}]}
    assert ask(stores, late).data[1].notes == (
        f"nothing in scenario late touches {EARTHS} within the horizon: it is the baseline",
    )
    assert ask(stores, late, h=24).data[1].notes == ()


def test_the_page_of_a_series_says_below_each_scenario_what_holds_for_it_alone(stores: Stores) -> None:
    late = {"name": "late", "add": [{"event": "x", "effective": "2027-09-10", "effect": {"volume": {"percent": -5}}}]}
    made = ask(stores, late, stated("less", -30))
    baseline, *others = made.data
    noted = [one.model_copy(update={"notes": ("a note", *one.notes)}) for one in others]
    baseline = baseline.model_copy(update={"notes": ("a note",)})
    page = _page(made.model_copy(update={"data": (baseline, *noted)}), EARTHS)
    late_part, rest = page.split(f"{EARTHS}, {baseline.unit}: less\n")
    assert late_part.splitlines()[-3:] == [
        f"nothing in scenario late touches {EARTHS} within the",
        "  horizon: it is the baseline",
        "",
    ]
    assert "nothing in" not in rest
    assert rest.splitlines()[-4:-2] == [
        "difference: median difference from the baseline; low, high: its 95 % interval",
        "asked on 15 Jul 2026; last volume February 2026 (the next is 97 days late);",
    ]
    assert rest.splitlines()[-2:] == [f"  events checked to 15 Jul 2026; run {baseline.run}", "a note"]


def test_today_may_be_asked_of_and_tomorrow_not(stores: Stores) -> None:
    assert ask(stores, as_of=str(TODAY)).as_of == TODAY == ask(stores).as_of
    with pytest.raises(InvalidInput, match="a day not after 2026-07-15"):
        ask(stores, as_of="2026-07-16")


def test_the_horizon_is_one_that_every_series_has(stores: Stores) -> None:
    _, registry = stores
    run = registry.champion(NICKEL)
    registry.save(NICKEL, "short", run.card, Payload(run.draws[:, :6], run.record, {}))
    registry.promote(NICKEL, "short")
    assert len(ask(stores, series=(COPPER, NICKEL), h=6).data) == 2
    longer = ask(stores, series=(COPPER, NICKEL), h=7)
    assert {one.series_id for one in longer.data} == {COPPER}
    assert [one.series_id for one in longer.left_out] == [NICKEL]
    assert "from 1 to 6" in longer.left_out[0].why
    with pytest.raises(InvalidInput, match="from 1 to 6"):
        ask(stores, series=(NICKEL,), h=7)


def test_however_absurd_what_is_stated_every_number_stays_one(stores: Stores) -> None:
    rates = [{"from": "2026-09-01", "rate": 1}, {"from": "2026-11-01", "rate": 100}]
    for percent in (-99.9, 10_000):
        part = {"event": "x", "effective": "2026-09-01", "rates": rates, "effect": {"volume": {"percent": percent}}}
        (_, there) = ask(stores, {"name": "absurd", "add": [part]}).data
        numbers = [value for line in there.lines() for value in line.values() if isinstance(value, float)]
        assert len(numbers) == 12 * 3 * 6
        assert np.isfinite(numbers).all()
