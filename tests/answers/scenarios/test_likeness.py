"""An event that is like a precedent takes the path that was measured of it, and the answer says so."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast.answers.champion import futures
from forecast.answers.future import Future
from forecast.answers.precedent_paths import by_age
from forecast.answers.precedents import PRECEDENTS_SHOWN, Library, Precedents
from forecast.answers.scenarios import Question, ScenarioAnswer, answer
from forecast.answers.scenarios.build import build
from forecast.answers.scenarios.likeness import LikePaths
from forecast.answers.scenarios.outcomes import Outcome
from forecast.catalog import Catalog
from forecast.effects import EpisodeEffect
from forecast.errors import InvalidInput
from forecast.events.exposure import exposure
from forecast.export.csv_writer import csv_text
from forecast.registry import Payload, Registry
from forecast.timeseries.frequency import parse_freq
from tests.support.trained_home import COPPER, EARTHS, NOW, add_run, make_home

TODAY = NOW.date()
MAGNETS, LICENCE, CONTROLS = "volume.magnets.export.cn", "cn-7ree-licence-2025", "cn-suspension-no70-2025"

Stores = tuple[Catalog, Registry]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    set_up = make_home(tmp_path_factory.mktemp("like"))
    catalog, registry = Catalog.open(set_up), Registry(set_up.models_dir)
    registry.promote(MAGNETS, add_run(registry, catalog, MAGNETS))
    yield catalog, registry
    catalog.close()


def asked(*scenarios: Mapping[str, object], series: tuple[str, ...] = (EARTHS,), **more: object) -> Question:
    named = [{"name": f"s{i}", **scenario} for i, scenario in enumerate(scenarios)]
    return Question.read(json.dumps({"series": series, "scenarios": named, "h": 24, "origin": "last"} | more))


def ask(stores: Stores, *scenarios: Mapping[str, object], **more: object) -> ScenarioAnswer:
    return answer(*stores, asked(*scenarios, **more), today=TODAY)  # type: ignore[arg-type]


def adding(like: object, effective: str = "2026-09-10", **more: object) -> dict[str, object]:
    return {"add": [{"event": "again", "effective": effective, "like": like} | more]}


def likened(outcome: Outcome) -> Mapping[str, object]:
    (one,) = (one for one in outcome.rests_on if one.basis == "precedent")
    return one.model_dump()


def change(stores: Stores, scenario: Mapping[str, object], series_id: str) -> tuple[Future, np.ndarray]:
    """What a scenario adds to the log of each draw, and the future it is of."""
    (future,) = futures(*stores, [series_id], TODAY)
    precedents = Precedents(stores[0], Library.of(stores[1]), future.events, future.minerals)
    likeness = LikePaths(precedents, [future.series], {series_id: future.run})
    question = asked(scenario, series=(series_id,))
    (made,) = build(question, future.known, future.open_branches, future.minerals, likeness)
    return future, future.moved(made).change


def measured(future: Future, event_id: str = LICENCE) -> EpisodeEffect:
    (found,) = (effect for effect in future.run.record.reported if event_id in effect.episode.events)
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 22), st.sampled_from([1.0, -1.0, 0.5, 2.0]))
def test_on_its_own_series_it_is_its_own_path_from_the_new_start_on(stores: Stores, late: int, scale: float) -> None:
    start = (np.datetime64("2026-03") + late).astype("datetime64[D]")
    future, moved = change(stores, adding({"event": LICENCE, "scale": scale}, str(start)), EARTHS)
    effect, freq = measured(future), future.run.record.freq
    first = int(freq.ordinal(effect.episode.intervention.start))
    own = effect.paths(effect.held(freq.start(np.arange(first, first + 24)), freq, future.run.record.last)).T
    assert np.abs(own).max() > 0
    assert (moved[:late] == 0).all()
    np.testing.assert_allclose(moved[late:], scale * own[: 24 - late], atol=1e-12)


def test_on_another_series_it_is_scaled_by_the_exposures(stores: Stores) -> None:
    scenario = adding({"event": LICENCE, "series": EARTHS}, "2026-04-10")
    future, moved = change(stores, scenario, MAGNETS)
    (there,) = futures(*stores, [EARTHS], TODAY)
    effect, licence = measured(there), future.events[LICENCE]
    weight = exposure(licence, future.series, future.minerals) / effect.episode.exposure
    outcome = ask(stores, scenario, series=(MAGNETS,)).data[1]
    told = likened(outcome)
    assert (told["source"], told["precedent"]) == (EARTHS, LICENCE)
    assert told["weight"] == pytest.approx(weight, rel=1e-5)
    first = there.run.record.freq.range(effect.episode.intervention.start, 1)
    np.testing.assert_allclose(moved[0], weight * effect.draws(first, there.run.record.freq)[:, 0], atol=1e-12)


def test_an_event_measured_on_both_is_taken_from_the_series_itself(stores: Stores) -> None:
    made = ask(stores, adding(LICENCE), series=(EARTHS, MAGNETS))
    for series_id in (EARTHS, MAGNETS):
        told = likened(made.of_series(series_id)[1])
        assert (told["source"], told["weight"]) == (series_id, 1.0)
        assert LICENCE in told["event_ids"]  # type: ignore[operator]


def test_a_branch_goes_as_a_precedent_once_and_not_for_each_of_its_measures(stores: Stores) -> None:
    take = {"take": [{"branch": CONTROLS, "starts": "2026-12-01", "like": LICENCE}]}
    outcome = ask(stores, take).data[1]
    assert [one.event_id for one in outcome.rests_on if one.basis == "precedent"] == [f"{CONTROLS}.end"]
    future, moved = change(stores, take, EARTHS)
    effect, freq = measured(future), future.run.record.freq
    first = effect.draws(freq.range(effect.episode.intervention.start, 1), freq)[:, 0]
    k = int(np.searchsorted(future.ds, np.datetime64("2026-12-01")))
    others = np.median(moved[k - 1])
    assert np.median(moved[k]) - others == pytest.approx(np.median(first), abs=0.02)


def test_it_may_slip_and_each_draw_has_the_path_from_its_own_start_on(stores: Stores) -> None:
    _, moved = change(stores, adding(LICENCE, "2026-05-01", slips=[0, 3]), EARTHS)
    there = (moved != 0).mean(axis=1)
    np.testing.assert_allclose(there[:7], [0, 0, 0.25, 0.5, 0.75, 1, 1], atol=0.01)


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"effect": {"volume": {"percent": -20}}}, "effect"),
        ({"shape": "step"}, "shape"),
        ({"licence": {"approval": 0.5, "delay_months": 3}}, "licence"),
        ({"rate": 25}, "rate"),
        ({"rates": [{"from": "2026-09-10", "rate": 25}]}, "rates"),
    ],
)
def test_one_assumption_an_event(more: dict[str, object], word: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        asked(adding(LICENCE, "2026-09-10", **more))
    (fault,) = refused.value.faults
    assert fault.where == "scenarios.0.add.0"
    assert fault.expected.startswith(f"`like` or `{word}`, not both")


@pytest.mark.parametrize(
    ("like", "where", "expected"),
    [
        ("cn-7ree-licence-2052", "scenarios.0.add.0.like.event", "cn-7ree-licence-2025"),
        ({"event": LICENCE, "series": "volume.rare-earths.import.cn"}, "scenarios.0.add.0.like.series", EARTHS),
        ({"event": "cn-japan-entity-2026-06"}, "scenarios.0.add.0.like.event", "an event with an estimate"),
    ],
)
def test_what_was_not_measured_is_refused_with_what_was(
    stores: Stores, like: object, where: str, expected: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(stores, adding(like, minerals=["rare-earths"], flows=["CHN>WLD"]))
    (fault,) = refused.value.faults
    assert fault.where == where
    assert expected in fault.expected


def test_an_event_without_an_estimate_is_refused_with_the_reason_and_the_nearest(stores: Stores) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(stores, adding("cn-japan-entity-2026-06"))
    (fault,) = refused.value.faults
    assert "after the last period that was seen" in fault.expected
    assert "nearest that were: cn-" in fault.expected


def test_a_key_that_is_spelt_wrong_in_it_is_named(stores: Stores) -> None:
    with pytest.raises(InvalidInput) as refused:
        asked(adding({"event": LICENCE, "scal": 2}))
    (fault,) = refused.value.faults
    assert (fault.where, fault.expected) == ("scenarios.0.add.0.like.scal", "use 'scale'")


def test_each_event_says_what_it_rests_on(stores: Stores) -> None:
    by_kind = {"event": "kin", "minerals": ["rare-earths"], "flows": ["CHN>WLD"], "effective": "2026-09-10"}
    stated = by_kind | {"event": "stated", "effect": {"volume": {"percent": -20, "plus_minus": 5}}}
    scenario = {"add": [by_kind, stated, {"event": "again", "effective": "2026-09-10", "like": LICENCE}]}
    made = ask(stores, scenario | {"remove": [LICENCE]})
    rests = {one.event_id: one for one in made.data[1].rests_on}
    assert {name: str(one.basis) for name, one in rests.items()} == {
        "again": "precedent",
        "kin": "prior",
        "stated": "stated",
        LICENCE: "estimated",
    }
    assert rests[LICENCE].removed
    assert rests["stated"].effect.median == pytest.approx(-20, abs=0.01)
    assert rests["kin"].events
    assert rests["kin"].spread
    assert len(rests["again"].path) == 12
    (row, *_) = [r for r in csv.DictReader(io.StringIO(csv_text(made.names(), made.lines()))) if r["scenario"] == "s0"]
    assert row["rests_on"] == f"again:precedent;{LICENCE}:estimated;kin:prior;stated:stated"


def test_the_first_year_of_a_precedent_is_what_its_months_are_together(stores: Stores) -> None:
    """A few months of hardly anything in a year are a part of it, whatever their logs are."""
    (future,) = futures(*stores, [EARTHS], TODAY)
    made = ask(stores, adding({"event": LICENCE, "scale": 5})).data[1]
    (one,) = (one for one in made.rests_on if one.basis == "precedent")
    monthly = parse_freq("M")
    draws = 5 * by_age(measured(future), monthly, future.run.record.last, monthly, 12)
    together = 100 * np.median(np.expm1(draws).mean(axis=1))
    assert one.effect.median == pytest.approx(together, rel=1e-5)
    assert one.effect.median != pytest.approx(100 * np.median(np.expm1(draws.mean(axis=1))), rel=1e-3)


def test_an_effect_that_is_in_some_draws_only_says_in_how_many(stores: Stores) -> None:
    _, registry = stores
    run, (future,) = registry.champion(EARTHS), futures(*stores, [EARTHS], TODAY)
    record, few = run.record, np.arange(measured(future).size.shape[1]) % 4 == 0
    effects = tuple(
        replace(one, size=np.where(few, one.size, 0.0)) if LICENCE in one.episode.events else one
        for one in record.effects
    )
    registry.save(EARTHS, "rare", run.card, Payload(run.draws, replace(record, effects=effects), {}))
    scenario = adding(LICENCE) | {"remove": [LICENCE]}
    assert not any("any at all" in one.says for one in ask(stores, scenario).data[1].rests_on)
    registry.promote(EARTHS, "rare")
    try:
        says = [one.says for one in ask(stores, scenario).data[1].rests_on if one.basis != "prior"]
    finally:
        registry.promote(EARTHS, run.run_id)
    assert len(says) == 2
    assert all("in its first year, any at all in 25 % of the draws" in one for one in says)


@pytest.mark.parametrize(
    ("destination", "assumed", "partly"),
    [
        ("USA", {"like": LICENCE}, True),
        ("WLD", {"like": LICENCE}, False),
        ("USA", {"effect": {"volume": {"percent": -80}}}, True),
        ("WLD", {"effect": {"volume": {"percent": -80}}}, False),
    ],
)
def test_an_effect_on_the_whole_of_what_is_hit_in_part_says_so(
    stores: Stores, destination: str, assumed: dict[str, object], partly: bool
) -> None:
    facts = {"minerals": ["ndfeb-magnets"], "flows": [f"CHN>{destination}"], "kind": "export_control"}
    event = {"event": "again", "effective": "2026-09-10", **facts, **assumed}
    (one,) = ask(stores, {"add": [event]}, series=(MAGNETS,)).data[1].rests_on
    assert ("hits only a part of volume.magnets.export.cn (exposure 0.6 against 1)" in one.says) == partly


def test_what_the_baseline_holds_of_a_branch_is_told_beside_its_probability(stores: Stores) -> None:
    baseline, taken, _ = ask(stores, {"take": [{"branch": CONTROLS}], "probability": 0.3}, series=(MAGNETS,)).data
    held = [note for note in baseline.notes if "this comes to pass" in note]
    (future,) = futures(*stores, [MAGNETS], TODAY)
    drawn = [branch for branch in future.branches if branch.probability is not None]
    assert [f"in {100 * (branch.probability or 0):.0f} %" for branch in drawn] == [note[:7] for note in held]
    assert all(branch.event_id in note for branch, note in zip(drawn, held, strict=True))
    assert not any("this comes to pass" in note for note in taken.notes)


def test_beside_what_acts_stand_the_nearest_that_were_measured(stores: Stores) -> None:
    event = {"event": "kin", "minerals": ["rare-earths"], "flows": ["CHN>WLD"], "effective": "2026-09-10"}
    first, second = (ask(stores, {"add": [event]}).data[1].rests_on for _ in range(2))
    (one,) = first
    assert first == second
    assert len(one.nearest) == PRECEDENTS_SHOWN
    (future,) = futures(*stores, [EARTHS], TODAY)
    for near in one.nearest:
        assert future.events[near.event_id].family == "supply"
        assert near.series_id in (EARTHS, MAGNETS)
        assert near.since < TODAY
    assert {near.event_id for near in one.nearest}.isdisjoint({"kin"})
    assert {near.event_id for near in one.nearest} <= set(Library.of(stores[1]).leaders)


def test_a_price_never_goes_as_a_flow_went(stores: Stores) -> None:
    """Where a precedent was measured on flows only, a price takes what events of the kind do, and says so."""
    only_flows = {"event": LICENCE, "series": EARTHS}
    scenario = adding(only_flows, minerals=["rare-earths", "copper"])
    made = ask(stores, scenario, series=(EARTHS, COPPER))
    assert [str(one.basis) for one in made.of_series(COPPER)[1].rests_on] == ["prior"]
    assert [str(one.basis) for one in made.of_series(EARTHS)[1].rests_on] == ["precedent"]


def test_a_yearly_path_holds_for_each_month_and_a_monthly_one_is_averaged_over_the_year(stores: Stores) -> None:
    (future,) = futures(*stores, [EARTHS], TODAY)
    effect, record = measured(future), future.run.record
    monthly, yearly = parse_freq("M"), parse_freq("Y")
    months = by_age(effect, monthly, record.last, monthly, 24)
    years = by_age(effect, monthly, record.last, yearly, 2)
    np.testing.assert_allclose(np.exp(years), np.exp(months).reshape(len(months), 2, 12).mean(axis=2))
    of_year = by_age(effect, yearly, np.datetime64("2026-01-01"), monthly, 24)
    assert (of_year[:, :12] == of_year[:, :1]).all()
    assert (of_year[:, 12:] == of_year[:, 12:13]).all()


def test_the_example_with_a_precedent_is_answered_from_today_on(stores: Stores) -> None:
    assert dt.date(2027, 1, 10) > TODAY
    take = {"take": [{"branch": CONTROLS, "starts": "2027-01-10", "like": LICENCE}], "probability": 0.3}
    made = ask(stores, take, series=(MAGNETS,), origin="today", h=12)
    assert [outcome.probability for outcome in made.data] == [0.7, 0.3, None]
