"""What events of a kind did is written down beside the runs, and is what a coming event is taken to do."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecast.answers.champion import futures
from forecast.answers.event_priors import Evidence, fault, refresh
from forecast.answers.event_versions import EventScenario
from forecast.answers.findings import _kin
from forecast.answers.forecast import ForecastQuestion, forecast
from forecast.answers.future import Future
from forecast.catalog import Catalog
from forecast.effects.affected import Affected
from forecast.effects.event_classes import Likelihood, class_priors
from forecast.errors import InvalidInput
from forecast.events import Stringency
from forecast.names import Slug
from forecast.registry import Payload, Registry
from forecast.registry.sealed import sealed
from forecast.registry.store import CLASSES_FILE as FILE
from tests.support.trained_home import COPPER, EARTHS, NICKEL, NOW, add_run, make_home

TODAY = NOW.date()
BAN = Stringency.BAN
ONE_SD = "(one standard deviation)"
PRICES, FLOWS = Affected.WORLD_PRICES, Affected.VOLUMES
Stores = tuple[Catalog, Registry]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    settings = make_home(tmp_path)
    catalog = Catalog.open(settings)
    yield catalog, Registry(settings.models_dir)
    catalog.close()


def pool(effect: float, n: int = 40, *, on: Affected = PRICES) -> tuple[Likelihood, ...]:
    """So many supply measures, each of which did about the same in the expected direction."""
    return tuple(Likelihood("s", (f"e{k}",), BAN, sign := 1 - 2 * (k % 2), on, sign * effect, 0.02) for k in range(n))


def test_it_is_what_the_cards_of_the_serving_runs_say(stores: Stores) -> None:
    _, registry = stores
    written = Evidence.of(registry)
    assert {message.series_id for message in written.likelihoods} == {COPPER, NICKEL, EARTHS}
    (registry.root / FILE).unlink()
    assert Evidence.of(registry).digest == written.digest
    refresh(registry, ())
    assert Evidence.of(registry).digest == written.digest
    assert Evidence.of(registry) is Evidence.of(registry)


def test_a_damaged_file_is_no_loss(stores: Stores) -> None:
    _, registry = stores
    before = Evidence.of(registry).digest
    for damage in ("", "{", "[]", '{"likelihoods": [{"series_id": 1}]}', "[" * 100_000, '{"likelihoods":' * 900):
        (registry.root / FILE).write_text(damage)
        assert Evidence.of(registry).digest == before
        assert fault(registry, ()).startswith("corrupt artifact classes.json: ")


def test_a_file_that_somebody_else_changed_is_not_believed_and_told(stores: Stores) -> None:
    _, registry = stores
    before, path = Evidence.of(registry).digest, registry.root / FILE
    assert fault(registry, (), thorough=True) == ""
    stored = json.loads(path.read_text())
    stored["likelihoods"][0]["estimate"] += 1
    path.write_text(json.dumps(stored))
    assert Evidence.of(registry).digest == before
    assert fault(registry, ()).startswith(
        "corrupt artifact classes.json: it was changed after it was written; the cards"
    )
    del stored["sha256"]
    path.write_bytes(sealed(stored))
    assert fault(registry, ()) == "", "it has a seal, and only the cards know better"
    assert fault(registry, (), thorough=True).startswith(
        "classes.json: it is not what the cards of the serving runs say"
    )
    refresh(registry, ())
    assert (Evidence.of(registry).digest, fault(registry, (), thorough=True)) == (before, "")


def test_it_follows_who_serves(stores: Stores) -> None:
    catalog, registry = stores
    before = Evidence.of(registry).digest
    registry.promote(NICKEL, add_run(registry, catalog, NICKEL, name="b"))
    assert not (registry.root / FILE).exists(), "none tells what serves no more, whoever was killed before writing one"
    assert Evidence.of(registry).digest == before, "what it says of events is the same"
    refresh(registry, ())
    assert json.loads((registry.root / FILE).read_text())["runs"][NICKEL].endswith("-b")
    assert Evidence.of(registry).digest == before
    registry.rollback(NICKEL)
    assert Evidence.of(registry).digest == before
    refresh(registry, ())
    assert Evidence.of(registry).digest == before


def test_nothing_is_written_where_nothing_was_trained(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    refresh(registry, ())
    assert not registry.root.exists()
    assert Evidence.of(registry).likelihoods == ()


def test_a_coming_event_has_the_effect_of_its_kind_scaled_by_its_exposure(stores: Stores) -> None:
    catalog, registry = stores
    made = futures(catalog, registry, [COPPER], TODAY)[0]
    template = next(event for event in made.known.events.values() if event.stringency is BAN)
    coming = replace(
        template, event_id="new-ban", announced=TODAY, effective=dt.date(2026, 9, 10), ended=None, status="enacted",
        minerals=(Slug("copper"),), flows=(), price_world="up", acts=(), end_known=None, certainty="verified",
    )  # fmt: skip
    event_scenario = EventScenario(made.known.edited([coming]))
    start = [str(day) for day in made.ds].index("2026-09-01")
    for effect in (0.2, 0.0):
        evidence = Evidence(pool(effect), "x")
        future = Future(made.run, made.series, catalog.minerals(), made.known.events, TODAY, evidence)
        mean, sd, _ = evidence.prior(BAN, made.series).towards(1)
        change = future.given(event_scenario).change
        assert not change[:start].any()
        np.testing.assert_allclose(change[start], change[start + 1] / 2, atol=1e-12)
        assert change[-1].mean() == pytest.approx(mean, abs=4 * sd / 400**0.5)
        assert change[-1].std() == pytest.approx(sd, rel=0.15)
        (note,) = future.given(event_scenario).notes
        assert note.startswith(
            "new-ban: effect not known yet; taken from what 40 other export bans did to world prices: "
        )
        assert ("up or down" in note) == (effect == 0.0)


def test_an_event_is_not_in_its_own_prior(stores: Stores) -> None:
    evidence = Evidence((*pool(0.1), replace(pool(0.1)[0], events=("wild", "other"), estimate=3.0)), "x")
    copper = stores[0].get(COPPER)
    assert evidence.prior(BAN, copper, without=("other",)) == Evidence(pool(0.1)).prior(BAN, copper)
    assert evidence.count(BAN, PRICES) == 41
    assert evidence.count(BAN, PRICES, without=("wild",)) == 40


def test_a_forecast_tells_what_it_takes_of_coming_events(stores: Stores) -> None:
    notes = forecast(*stores, EARTHS, ForecastQuestion(TODAY)).notes
    assert any("did to volumes" in note for note in notes)


def test_a_day_before_the_run_could_know_what_it_knows_is_refused(stores: Stores) -> None:
    with pytest.raises(InvalidInput, match="2026-07-10 or later") as refused:
        forecast(*stores, COPPER, ForecastQuestion(dt.date(2026, 7, 9)))
    assert refused.value.faults[0].where == "as_of"
    assert forecast(*stores, COPPER, ForecastQuestion(dt.date(2026, 7, 10))).data


def test_an_effect_leans_on_its_kind_as_far_as_its_own_data_are_silent(stores: Stores) -> None:
    catalog, registry = stores
    effect = registry.champion(COPPER).record.effects[-1]
    series = catalog.get(COPPER)
    evidence = Evidence(pool(0.2), "x")
    weight = effect.episode.exposure
    assert 0 < weight < 1
    kind = evidence.prior(effect.episode.stringency, series).towards(effect.episode.direction)
    prior = weight * kind.mean, weight * kind.sd
    silent, sure = replace(effect, identified=False), replace(effect, likelihood=(0.5, 1e-4))
    for result, mean, sd, heavy in ((silent, *prior, True), (sure, 0.5, 1e-4, False)):
        assert _kin(result, series, evidence).size == pytest.approx((mean, sd, heavy), rel=1e-3)


def test_flows_and_prices_and_kinds_are_asked_apart(stores: Stores) -> None:
    catalog, _ = stores
    copper, earths = catalog.get(COPPER), catalog.get(EARTHS)
    others = tuple(replace(one, stringency=Stringency.TARIFF) for one in pool(-0.1, 12))
    evidence = Evidence((*pool(0.2), *pool(0.05, 10, on=FLOWS), *others), "x")
    for without in ((), ("e3",), ("e39",)):
        expected = class_priors(evidence.likelihoods, without)
        for family in (BAN, Stringency.TARIFF, Stringency.SHOCK):
            assert evidence.prior(family, copper, without) == expected[family, PRICES]
            assert evidence.prior(family, earths, without) == expected[family, FLOWS]
    asked = [(BAN, PRICES), (BAN, FLOWS), (Stringency.TARIFF, PRICES), (Stringency.TARIFF, FLOWS)]
    assert [evidence.count(*one) for one in asked] == [40, 10, 12, 0]
    assert [evidence.count(*one, without=("e3", "e39")) for one in asked] == [38, 9, 11, 0]


def test_an_event_on_several_series_is_one_and_an_episode_is_without_any_of_its_events() -> None:
    (one,) = pool(0.1, 1)
    seen = [replace(one, series_id=name, events=("lead", "with-it")) for name in ("a", "b")]
    evidence = Evidence((*seen, replace(one, events=("lead", "other")), *pool(0.1, 5)), "x")
    assert evidence.count(BAN, PRICES) == 6
    assert evidence.count(BAN, PRICES, without=("with-it",)) == 6  # with another it leads still
    assert evidence.count(BAN, PRICES, without=("with-it", "other")) == 5
    assert evidence.count(BAN, PRICES, without=("lead",)) == 5


def test_the_words_on_a_prior_are_of_the_other_events_and_towards_its_direction(stores: Stores) -> None:
    catalog, _ = stores
    copper = catalog.get(COPPER)
    event = next(event for event in catalog.events().values() if event.stringency is BAN)
    event = replace(event, certainty="verified")
    up, down, unknown = (replace(event, event_id="e7", price_world=word) for word in ("up", "down", "mixed"))
    evidence = Evidence(pool(0.2), "x")
    prior = evidence.prior(BAN, copper, without=("e7",))
    begins = "effect not known yet; taken from what 39 other export bans did to world prices: "
    for one, sign in ((up, 1), (down, -1)):
        mean = 100 * (np.exp(sign * prior.mean) - 1)
        assert evidence.in_words(one, copper) == f"{begins}{mean:+.0f} %, give or take {100 * prior.sd:.0f} % {ONE_SD}"
    assert evidence.in_words(unknown, copper) == (
        f"{begins}up or down by {100 * np.hypot(prior.mean, prior.sd):.0f} % {ONE_SD}"
    )
    heard = replace(up, certainty="background")
    sure = f"{begins}{100 * np.expm1(prior.mean):+.0f} %, give or take {100 * prior.sd:.0f} % {ONE_SD}"
    assert evidence.in_words(heard, copper) == f"{sure}; times 0.8, as it is known from hearsay only"
    assert evidence.in_words(replace(up, certainty="partly"), copper) == (
        f"{sure}; times 0.9, as only part of it was read in the text of the measure"
    )
    assert evidence.in_words(heard, copper, begun=True) == sure


def test_what_is_not_identified_or_of_unknown_direction_teaches_nothing(stores: Stores) -> None:
    _, registry = stores
    run = registry.champion(COPPER)
    effects = run.record.effects
    first = replace(effects[0], identified=False)
    second = replace(effects[1], episode=replace(effects[1].episode, direction=0))
    record = replace(run.record, effects=(first, second, *effects[2:]))
    registry.save(COPPER, "2026-06-01-dark", run.card, Payload(run.draws, record, {"kind": "drawn"}))
    registry.promote(COPPER, "2026-06-01-dark")
    refresh(registry, ())
    result = {one.events for one in Evidence.of(registry).likelihoods if one.series_id == COPPER}
    assert result == {one.episode.events for one in effects[2:] if one.episode.direction}
    on = {one.series_id: one.affected for one in Evidence.of(registry).likelihoods}
    assert on == {COPPER: PRICES, NICKEL: PRICES, EARTHS: FLOWS}


def test_a_retired_series_teaches_nothing_with_the_file_and_without_it(stores: Stores) -> None:
    catalog, registry = stores
    catalog.retire(NICKEL, now=dt.datetime(2026, 8, 1, tzinfo=dt.UTC))
    refresh(registry, catalog.retired())
    with_file = Evidence.of(registry, catalog.retired())
    assert NICKEL not in {one.series_id for one in with_file.likelihoods}
    for damage in (None, "[]", '{"likelihoods": 5}'):
        (registry.root / FILE).unlink(missing_ok=True)
        if damage:
            (registry.root / FILE).write_text(damage)
        assert Evidence.of(registry, catalog.retired()).digest == with_file.digest
