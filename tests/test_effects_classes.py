"""What events of a kind do, pooled."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.effects.classes import Likelihood, class_prior, class_priors
from forecast.events import KindFamily

SUPPLY, TARIFF = KindFamily.SUPPLY, KindFamily.TARIFF


def events(n: int, mean: float, spread: float, sd: float = 0.03, seed: int = 0) -> list[Likelihood]:
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1, 1], n)
    seen = signs * (mean + rng.normal(0, spread, n)) + rng.normal(0, sd, n)
    return [
        Likelihood("price.x", (f"e{k}",), SUPPLY, int(sign), True, float(y), sd)
        for k, (sign, y) in enumerate(zip(signs, seen, strict=True))
    ]


def test_a_mean_and_a_spread_are_found_in_the_expected_direction() -> None:
    prior = class_priors(events(150, 0.08, 0.06))[SUPPLY, True]
    assert prior.n == 150
    assert prior.mean == pytest.approx(0.08, abs=0.02)
    assert prior.spread == pytest.approx(0.06, abs=0.02)
    assert prior.identified
    assert prior.towards(-1) == (-prior.mean, prior.sd)


def test_noise_alone_is_no_spread_and_no_mean() -> None:
    prior = class_priors(events(200, 0.0, 0.0, sd=0.05))[SUPPLY, True]
    assert prior.spread < 0.025
    assert prior.towards(1)[0] == 0.0
    assert not prior.identified


def test_an_unknown_direction_has_no_mean_and_is_wider() -> None:
    prior = class_priors(events(150, 0.08, 0.06))[SUPPLY, True]
    mean, sd = prior.towards(0)
    assert mean == 0.0
    assert sd > prior.sd


def test_a_family_nobody_has_seen_gets_what_all_say_and_prices_say_nothing_of_flows() -> None:
    priors = class_priors(events(150, 0.08, 0.06))
    assert priors[TARIFF, True].n == 0
    assert priors[TARIFF, True].mean == pytest.approx(priors[SUPPLY, True].mean, abs=0.02)
    assert priors[TARIFF, True].sd > priors[SUPPLY, True].sd
    assert not priors[TARIFF, True].identified
    assert priors[SUPPLY, False].mean == pytest.approx(0, abs=1e-9)
    assert len(priors) == 2 * len(KindFamily)


def test_no_event_is_in_its_own_prior() -> None:
    pool = events(20, 0.05, 0.05)
    wild = replace(pool[3], estimate=5.0, events=("wild", "with-it"))
    assert class_priors([*pool, wild], without={"with-it"}) == class_priors(pool)
    assert class_priors([*pool, wild]) != class_priors(pool)


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(0.01, 1)), max_size=8))
def test_any_handful_of_events_gives_a_proper_prior(pairs: list[tuple[float, float]]) -> None:
    pool = [Likelihood("s", (str(k),), TARIFF, 1, False, y, sd) for k, (y, sd) in enumerate(pairs)]
    for prior in class_priors(pool).values():
        assert np.isfinite(prior.mean)
        assert 0 < prior.sd < 1


def test_a_mean_against_what_was_expected_is_not_used() -> None:
    prior = class_priors(events(150, -0.08, 0.06))[SUPPLY, True]
    assert prior.mean < -0.05
    assert not prior.identified
    assert prior.towards(1)[0] == 0.0


def test_one_wild_event_does_not_make_all_of_them_wild() -> None:
    pool = events(30, 0.0, 0.02)
    wild = replace(pool[0], estimate=1.5, events=("wild",))
    assert class_priors([*pool, wild])[SUPPLY, True].spread < class_priors(pool)[SUPPLY, True].spread + 0.02


def test_one_prior_alone_is_the_same() -> None:
    pool = events(30, 0.05, 0.05)
    for (family, is_price), prior in class_priors(pool, without={"e3"}).items():
        assert class_prior(pool, family, is_price, without={"e3"}) == prior
