"""What events of a kind do, pooled."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecast.effects import EffectRecord, Episode, EpisodeEffect
from forecast.effects.affected import Affected
from forecast.effects.event_classes import (
    BUILD_UP,
    ClassPrior,
    Likelihood,
    Size,
    class_prior,
    class_priors,
    full_exposure_likelihood,
    likelihoods,
)
from forecast.events import Stringency
from forecast.interventions import Intervention, Step
from forecast.timeseries.frequency import Freq

BAN, QUOTA, TARIFF = Stringency.BAN, Stringency.QUOTA, Stringency.TARIFF
PRICES, FLOWS = Affected.WORLD_PRICES, Affected.VOLUMES


def events(n: int, mean: float, spread: float, sd: float = 0.03, seed: int = 0) -> list[Likelihood]:
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1, 1], n)
    seen = signs * (mean + rng.normal(0, spread, n)) + rng.normal(0, sd, n)
    return [
        Likelihood("price.x", (f"e{k}",), BAN, int(sign), PRICES, float(y), sd)
        for k, (sign, y) in enumerate(zip(signs, seen, strict=True))
    ]


def test_a_mean_and_a_spread_are_found_in_the_expected_direction() -> None:
    prior = class_priors(events(150, 0.08, 0.06))[BAN, PRICES]
    assert prior.n == 150
    assert prior.mean == pytest.approx(0.08, abs=0.02)
    assert prior.scale == pytest.approx(0.06, abs=0.02)
    assert prior.identified
    assert prior.towards(-1) == (-prior.mean, prior.sd, True)


def test_noise_alone_is_no_spread_and_no_mean() -> None:
    prior = class_priors(events(200, 0.0, 0.0, sd=0.05))[BAN, PRICES]
    assert prior.scale < 0.025
    assert prior.towards(1)[0] == 0.0
    assert not prior.identified


def test_an_unknown_direction_has_no_mean_and_is_wider() -> None:
    prior = class_priors(events(150, 0.08, 0.06))[BAN, PRICES]
    mean, sd, _ = prior.towards(0)
    assert mean == 0.0
    assert sd > prior.sd


def test_a_family_nobody_has_seen_gets_what_all_say_and_prices_say_nothing_of_flows() -> None:
    priors = class_priors(events(150, 0.08, 0.06))
    assert priors[TARIFF, PRICES].n == 0
    assert priors[TARIFF, PRICES].mean == pytest.approx(priors[BAN, PRICES].mean, abs=0.02)
    assert priors[TARIFF, PRICES].sd > priors[BAN, PRICES].sd
    assert not priors[TARIFF, PRICES].identified
    assert priors[BAN, FLOWS].mean == pytest.approx(0, abs=1e-9)
    assert len(priors) == len(Affected) * len(Stringency)


def test_no_event_is_in_its_own_prior() -> None:
    pool = events(20, 0.05, 0.05)
    wild = replace(pool[3], estimate=5.0, events=("wild", "with-it"))
    assert class_priors([*pool, wild], without={"with-it"}) == class_priors(pool)
    assert class_priors([*pool, wild]) != class_priors(pool)


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(0.01, 1)), max_size=8))
def test_any_handful_of_events_gives_a_proper_prior(pairs: list[tuple[float, float]]) -> None:
    pool = [Likelihood("s", (str(k),), TARIFF, 1, FLOWS, y, sd) for k, (y, sd) in enumerate(pairs)]
    for prior in class_priors(pool).values():
        assert np.isfinite(prior.mean)
        assert 0 < prior.sd < 1.5


def test_a_mean_against_what_was_expected_is_not_used() -> None:
    prior = class_priors(events(150, -0.08, 0.06))[BAN, PRICES]
    assert prior.mean < -0.05
    assert not prior.identified
    assert prior.towards(1)[0] == 0.0


def test_one_wild_event_does_not_make_all_of_them_wild() -> None:
    pool = events(30, 0.0, 0.02)
    wild = replace(pool[0], estimate=1.5, events=("wild",))
    assert class_priors([*pool, wild])[BAN, PRICES].spread < class_priors(pool)[BAN, PRICES].spread + 0.02


def test_one_prior_alone_is_the_same() -> None:
    pool = events(30, 0.05, 0.05)
    for (stringency, affected), prior in class_priors(pool, without={"e3"}).items():
        assert class_prior(pool, stringency, affected, without={"e3"}) == prior


# -- which events count ------------------------------------------------------------------------------------------------


def effect(name: str, direction: int = -1, *, identified: bool = True, result: bool = True) -> EpisodeEffect:
    acting = Intervention(Step(), np.datetime64("2021-03-10"))
    episode = Episode(name, (name, f"{name}-too"), BAN, direction, None, None, None, 1.0, acting)
    choice, size = np.zeros(3, dtype=np.int16), np.zeros(3, dtype=np.float32)
    message = (-0.3, 0.1) if result else None
    return EpisodeEffect(episode, (acting,), choice, size, False, identified, likelihood=message)


def test_only_identified_effects_of_known_direction_are_pooled() -> None:
    found = [effect("good"), effect("dark", identified=False), effect("any", 0), effect("mute", result=False)]
    record = EffectRecord(tuple(found), "averaged", 3, Freq("M"), np.datetime64("2022-01-01"), "volume.x")
    assert likelihoods(record, FLOWS) == (Likelihood("volume.x", ("good", "good-too"), BAN, -1, FLOWS, -0.3, 0.1),)


def test_what_a_series_says_counts_for_less_the_less_squarely_it_is_hit() -> None:
    hit = effect("good")
    aside = replace(hit, episode=replace(hit.episode, exposure=0.25))
    (message,) = likelihoods(EffectRecord((aside,), "averaged", 3, Freq("M"), np.datetime64("2022-01-01")), FLOWS)
    assert (message.estimate, message.sd) == (-1.2, 0.4), "four times what was seen, four times as uncertain"
    with pytest.raises(ValueError, match="the sample says nothing of good"):
        full_exposure_likelihood(replace(hit, likelihood=None), "volume.x", FLOWS)


@pytest.mark.parametrize("part", ["wild", "with-it"])
def test_whatever_an_event_has_a_part_in_is_left_out_of_its_prior(part: str) -> None:
    pool = [replace(one, affected=affected) for one in events(6, 0.05, 0.05) for affected in Affected]
    seen = [replace(one, estimate=5.0, events=("wild", "with-it")) for one in pool[:2]]
    result = class_priors([*seen, *pool], without={part})
    assert result == class_priors(pool)
    for (stringency, affected), prior in result.items():
        assert class_prior([*seen, *pool], stringency, affected, without={part}) == prior
        if any(one.affected is affected for one in seen):
            assert class_prior([*seen, *pool], stringency, affected) != prior


# -- the numbers -------------------------------------------------------------------------------------------------------


def integrated(y: list[float], v: list[float], mean: float, sd: float, scales: np.ndarray) -> tuple[float, ...]:
    """Posterior mean and sd of μ and mean of τ, as the module's text has it, on another grid of μ."""
    mu = np.linspace(mean - 5 * sd, mean + 5 * sd, 401)[:, None]
    p = stats.norm.pdf(mu, mean, sd) * stats.norm.pdf(scales, 0, 0.1)
    for one, variance in zip(y, v, strict=True):
        p = p * stats.t.pdf(one, 4, loc=mu, scale=np.sqrt(variance + scales**2))
    p /= p.sum()
    centre = (p * mu).sum()
    return float(centre), float(np.sqrt((p * (mu - centre) ** 2).sum())), float((p * scales).sum())


def part(y: list[float], v: list[float], whole: tuple[float, ...], grid: np.ndarray) -> tuple[float, float, float]:
    """Mean, its standard error, and scale of a part of the events, from those of all."""
    centre, n = (whole[0], float(np.hypot(0.04, whole[1]))), len(y)
    scale = float(np.sqrt((n * integrated(y, v, *centre, grid)[2] ** 2 + 8 * whole[2] ** 2) / (n + 8)))
    mean, se, _ = integrated(y, v, *centre, np.array([scale]))
    return mean, se, scale


def test_a_prior_is_the_posterior_of_the_hierarchy() -> None:
    grid = np.linspace(0, 1.0, 126)
    seen = [(BAN, 1, 0.30, 0.05), (BAN, -1, -0.02, 0.10), (QUOTA, 1, 0.10, 0.02), (TARIFF, 1, 0.05, 0.04)]
    pool = [Likelihood("s", (str(k),), f, d, PRICES, y, sd) for k, (f, d, y, sd) in enumerate(seen)]
    y, v = [d * one for _, d, one, _ in seen], [sd**2 for *_, sd in seen]
    everything = integrated(y, v, 0.0, 0.1, grid)
    supply = part(y[:3], v[:3], everything, grid)
    expected = {
        BAN: (2, part(y[:2], v[:2], supply, grid)),
        QUOTA: (1, part(y[2:3], v[2:3], supply, grid)),
        Stringency.SANCTION: (0, part([], [], supply, grid)),
        TARIFF: (1, part(y[3:], v[3:], everything, grid)),
        Stringency.SHOCK: (0, part([], [], everything, grid)),
    }
    for stringency, (n, (mean, se, scale)) in expected.items():
        prior = class_priors(pool)[stringency, PRICES]
        assert (prior.n, prior.stringency, prior.affected) == (n, stringency, PRICES)
        assert (prior.mean, prior.se, prior.scale) == pytest.approx((mean, se, scale), rel=2e-3)
        assert prior.spread == pytest.approx(stats.t(4, scale=scale).std(), rel=2e-3)
        assert prior.sd == pytest.approx(np.hypot(prior.se, prior.spread))


def test_what_three_series_say_of_one_event_is_more_than_one_says_and_less_than_three_events() -> None:
    one = Likelihood("a", ("e",), BAN, 1, FLOWS, -0.3, 0.1)
    thrice = [replace(one, series_id=name) for name in "abc"]
    apart = [replace(one, events=(name,)) for name in "abc"]
    once, same, three = (class_priors(pool)[BAN, FLOWS] for pool in ([one], thrice, apart))
    assert (once.n, same.n, three.n) == (1, 3, 3)
    assert once.se > same.se > three.se


def test_an_episode_of_many_kinds_says_as_little_of_one_as_is_its_share() -> None:
    one = Likelihood("a", ("e",), BAN, 1, FLOWS, 0.6, 0.1)
    whole, half, none = (class_priors([replace(one, share=share)])[BAN, FLOWS] for share in (1.0, 0.5, 0.0))
    assert whole.mean > half.mean > none.mean == pytest.approx(0, abs=1e-12)


def test_flows_may_differ_more_than_prices() -> None:
    nothing = class_priors([])
    assert nothing[BAN, FLOWS].scale == pytest.approx(0.3 * (2 / np.pi) ** 0.5, rel=0.03), "a half-normal's mean"
    assert nothing[BAN, PRICES].spread < nothing[BAN, FLOWS].spread / 2


def test_the_spread_is_the_sd_of_events_of_which_a_few_do_a_great_deal() -> None:
    """The scale of their t is a third below it."""
    did = 0.1 * stats.t(4).ppf((np.arange(400) + 0.5) / 400)
    pool = [Likelihood("s", (f"e{k}",), BAN, 1, FLOWS, y, 0.01) for k, y in enumerate(did.tolist())]
    prior = class_priors(pool)[BAN, FLOWS]
    assert prior.scale == pytest.approx(0.1, rel=0.1)
    assert prior.spread == pytest.approx(did.std(), rel=0.1)


@pytest.mark.parametrize("heavy", [False, True])
@given(st.floats(1e-6, 1 - 1e-6))
def test_quantiles_of_an_effect_are_those_of_its_distribution(heavy: bool, p: float) -> None:
    expected = (stats.t(4, loc=0.2, scale=0.1 / 2**0.5) if heavy else stats.norm(0.2, 0.1)).ppf(p)
    assert Size(0.2, 0.1, heavy).quantile(p) == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_a_mean_counts_from_two_standard_errors_on() -> None:
    clear, doubtful = (ClassPrior(BAN, PRICES, mean, 0.03, 0.04 / 2**0.5, 5) for mean in (0.0601, 0.0599))
    assert clear.towards(-1) == pytest.approx((-0.0601, 0.05, True))
    assert clear.towards(1) == pytest.approx((0.0601, 0.05, True))
    assert clear.towards(0) == pytest.approx((0.0, np.hypot(0.0601, 0.05), True))
    assert doubtful.towards(-1) == pytest.approx((0.0, np.hypot(0.0599, 0.05), True))
    assert not replace(clear, n=0).identified


def test_what_nobody_has_seen_is_full_in_its_second_period() -> None:
    assert BUILD_UP.response(np.array([-1.0, 0.0, 1.0, 2.0])).tolist() == [0.0, 0.5, 1.0, 1.0]
