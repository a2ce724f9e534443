"""Quantiles averaged over families: by weight and horizon, in the order of the first member's paths."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.forecasters.ensemble import Ensemble, EnsembleFit, EnsembleMember, Weight
from forecast.forecasters.grid.engine import Grid
from forecast.forecasters.occurrence import Few
from forecast.forecasters.origins import Origin
from forecast.forecasters.pretrained.family import Pretrained
from forecast.forecasters.random_walk import RandomWalk
from forecast.forecasters.seasonal_naive import SeasonalNaive
from forecast.interventions import Design
from forecast.metrics import quantiles
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

MONTHS = Freq("M")


def made(is_price: bool, length: int = 120, until: int | None = None) -> Sample:
    rng, t = np.random.default_rng(3), np.arange(length)
    x = np.cumsum(rng.normal(0.0, 0.05, length))
    if not is_price:
        x = x + 0.2 * np.sin(2 * np.pi * t / 12) + rng.normal(0.0, 0.08, length)
    return Sample(MONTHS.range("2010-01-01", length)[:until], x[:until], MONTHS, is_price)


def draws(forecaster: Grid | Pretrained | Ensemble | RandomWalk | SeasonalNaive, y: Sample) -> Floats:
    """(n, 12) sorted at each horizon."""
    fit = forecaster.fit(y, Design.empty(y.ds))
    return np.sort(fit.simulate(Design.empty(y.future(12)), 400, seed=1), axis=0)


@pytest.mark.parametrize(("is_price", "weights"), [(True, [0.0, *[0.1] * 11]), (False, [0.2] * 12)])
def test_its_quantiles_are_between_those_of_the_grid_and_the_pretrained_model(
    is_price: bool, weights: list[float]
) -> None:
    y, share = made(is_price), np.array(weights)
    expected = (1 - share) * draws(Grid(), y) + share * draws(Pretrained(), y)
    np.testing.assert_allclose(draws(Ensemble(), y), expected, atol=1e-12)


def test_a_third_member_joins_by_its_weight() -> None:
    y, always = made(False), Weight(0.25, 0.0, 0.25)
    three = Ensemble(
        Grid(), (EnsembleMember(Pretrained(), always, always), EnsembleMember(SeasonalNaive(), always, always))
    )
    expected = 0.5 * draws(Grid(), y) + 0.25 * draws(Pretrained(), y) + 0.25 * draws(SeasonalNaive(), y)
    np.testing.assert_allclose(draws(three, y), expected, atol=1e-12)


def test_its_paths_run_as_those_of_the_first_member() -> None:
    y = made(False)
    future = Design.empty(y.future(12))
    own, first = (each.fit(y, Design.empty(y.ds)).simulate(future, 400, seed=1) for each in (Ensemble(), Grid()))
    np.testing.assert_array_equal(own.argsort(axis=0), first.argsort(axis=0))


def test_of_fewer_than_sixty_values_the_grid_forecasts_alone_and_the_card_says_so() -> None:
    short = made(False, until=59)
    fit = Ensemble().fit(short, Design.empty(short.ds))
    assert fit.notes[0] == "ensemble: grid alone, too few values"
    np.testing.assert_array_equal(draws(Ensemble(), short), draws(Grid(), short))
    longer = made(False, until=60)
    assert Ensemble().fit(longer, Design.empty(longer.ds)).notes[0] == "ensemble: grid with up to 20 % pretrained"


def test_origins_before_and_after_the_sixtieth_value_each_have_their_members() -> None:
    origins = [Origin(sample, sample.ds[-1]) for sample in (made(False, until=T) for T in (58, 59, 60, 61))]
    fits = list(Ensemble().fit_origins(origins))
    assert all(isinstance(fit, EnsembleFit) for fit in fits)
    assert [len(fit.others) for fit in fits if isinstance(fit, EnsembleFit)] == [0, 0, 1, 1]
    assert [fit.last for fit in fits] == [origin.cutoff for origin in origins]


def test_where_there_is_hardly_any_trade_what_the_grid_makes_of_it_stands() -> None:
    y = made(False, until=24)
    sparse = Sample(y.ds, np.where(np.arange(24) % 5 == 3, y.x, np.nan), MONTHS, False)
    (fit,) = Ensemble().fit_origins([Origin(sparse, sparse.ds[-1], sparse=True)])
    assert isinstance(fit, Few)


@pytest.mark.parametrize("is_price", [True, False])
def test_quantiles_of_a_grid_are_averaged_as_its_fit_would_be(is_price: bool) -> None:
    origins = [Origin(sample, sample.ds[-1]) for sample in (made(is_price, until=T) for T in (50, 119, 120))]

    def drawn(forecaster: Grid | Ensemble) -> Floats:
        futures = [Design.empty(origin.sample.future(12)) for origin in origins]
        fits = zip(forecaster.fit_origins(origins), futures, strict=True)
        return np.stack([quantiles(fit.simulate(future, 500, seed=0)) for fit, future in fits])

    np.testing.assert_allclose(Ensemble().averaged(drawn(Grid()), origins), drawn(Ensemble()), atol=1e-12)
