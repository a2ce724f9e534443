"""What the family makes of the deciles of a model: quantiles at every level, a width of its own, paths."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from forecast.coupling import middles
from forecast.errors import MissingExtra, NotFound
from forecast.forecasters import FORECASTERS
from forecast.forecasters.occurrence import Few
from forecast.forecasters.origins import Origin
from forecast.forecasters.pretrained import models
from forecast.forecasters.pretrained.family import Pretrained, PretrainedFit
from forecast.forecasters.pretrained.model import DECILES, Provenance
from forecast.forecasters.shocks import DF, student_quantiles
from forecast.interventions import Design
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

MONTHS = Freq("M")


@dataclass(frozen=True)
class Walk:
    """A model that says: the last value, and a Student-t whose scale is ``scale`` times the root of the horizon."""

    scale: float
    provenance: ClassVar[Provenance] = Provenance("walk", "none", "nothing", dt.date(1900, 1, 1))
    context: ClassVar[int] = 100

    def quantiles(self, contexts: Sequence[Floats], horizon: int) -> Floats:
        last = np.array([context[-1] for context in contexts])
        spread = self.scale * np.sqrt(np.arange(1, horizon + 1))
        return last[:, None, None] + spread[:, None] * student_quantiles(np.array(DECILES), DF)


@pytest.fixture(params=[0.1])
def walk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pretrained]:
    """The family with the model of that scale."""
    monkeypatch.setitem(models._MODELS, "walk", lambda source: Walk(request.param))
    models.load.cache_clear()
    yield Pretrained("walk")
    models.load.cache_clear()


def a_walk(length: int = 150, scale: float = 0.1) -> Sample:
    shocks = np.random.default_rng(1).standard_t(DF, length)
    return Sample(MONTHS.range("2010-01-01", length), np.cumsum(scale * shocks), MONTHS, True)


def fitted(pretrained: Pretrained, y: Sample) -> PretrainedFit:
    fit = pretrained.fit(y, Design.empty(y.ds))
    assert isinstance(fit, PretrainedFit)
    return fit


def test_beyond_the_deciles_the_quantiles_are_those_of_a_student_t(walk: Pretrained) -> None:
    y, levels = a_walk(), np.array([0.001, 0.025, 0.1, 0.35, 0.5, 0.9, 0.999])
    fit = fitted(walk, y)
    expected = y.x[-1] + fit.width * 0.1 * student_quantiles(levels, DF)
    np.testing.assert_allclose(fit.quantiles(1, levels)[0], expected, atol=1e-3)


@pytest.mark.parametrize("walk", [0.05, 0.1, 0.2], indirect=True)
def test_intervals_are_widened_where_past_errors_were_larger_than_expected(
    walk: Pretrained, request: pytest.FixtureRequest
) -> None:
    scale = request.node.callspec.params["walk"]
    width = fitted(walk, a_walk(400)).width
    assert {0.05: 1.1 < width < 1.9, 0.1: 0.8 < width < 1.2, 0.2: 0.6 < width < 0.9}[scale], width


def test_what_comes_after_an_origin_does_not_change_its_forecast(walk: Pretrained) -> None:
    y = a_walk()
    later = replace(y, x=np.where(np.arange(150) < 140, y.x, y.x + 5.0))
    early, late = zip(*(widths(walk, one, (140, 150)) for one in (y, later)), strict=True)
    assert early[0] == early[1]
    assert late[1] > late[0]


def widths(pretrained: Pretrained, y: Sample, places: Sequence[int]) -> list[float]:
    """At origins after so many values."""
    origins = [Origin(replace(y, ds=y.ds[:end], x=y.x[:end]), y.ds[end - 1]) for end in places]
    return [fit.width for fit in pretrained.fit_origins(origins) if isinstance(fit, PretrainedFit)]


def test_a_forecast_does_not_hang_on_which_other_origins_there_are(walk: Pretrained) -> None:
    y, places = a_walk(scale=0.2), (70, 73, 76, 100, 150)
    assert widths(walk, y, places) == [width for place in places for width in widths(walk, y, [place])]


def test_paths_hang_together_as_those_of_a_walk_do_where_the_spread_grows_as_of_one(walk: Pretrained) -> None:
    y = a_walk()
    fit = fitted(walk, y)
    draws = fit.simulate(Design.empty(y.future(12)), 4000, seed=0)
    ranks = draws.argsort(axis=0).argsort(axis=0)
    assert np.corrcoef(ranks[:, 0], ranks[:, 1])[0, 1] == pytest.approx(np.sqrt(1 / 2), abs=0.05)
    assert np.corrcoef(ranks[:, 2], ranks[:, 11])[0, 1] == pytest.approx(np.sqrt(3 / 12), abs=0.05)
    np.testing.assert_allclose(np.sort(draws, axis=0).T, fit.quantiles(12, middles(4000)))


def test_farther_than_is_stored_the_model_is_asked_anew() -> None:
    y = a_walk()
    fit = fitted(Pretrained(), y)
    far, near = (fit.quantiles(horizon, np.array([0.1, 0.5, 0.9])) for horizon in (60, 48))
    assert far.shape == (60, 3)
    np.testing.assert_allclose(far[:48], near, atol=1e-4)


def test_the_card_says_what_the_model_has_seen() -> None:
    (note,) = fitted(Pretrained(), a_walk()).notes
    for told in ("fracast-0", "Apache-2.0", "LOTSA", "FRED-MD", "2025-09"):
        assert told in note


def test_an_unknown_model_is_named_with_the_nearest() -> None:
    y = a_walk()
    with pytest.raises(NotFound, match="fracast"):
        Pretrained("fracas").fit(y, Design.empty(y.ds))


@pytest.mark.parametrize("name", ["pretrained", "ensemble"])
def test_without_the_weights_the_families_are_known_and_say_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecast.extras.find_spec", lambda library: None if library == "fracast" else library)
    assert name not in FORECASTERS
    with pytest.raises(MissingExtra, match=rf"the family '{name}' needs .*pip install --no-deps fracast==0\.1\.0"):
        FORECASTERS[name]


def test_of_a_dozen_trades_nothing_is_asked_and_what_may_come_is_like_those() -> None:
    y = a_walk(60)
    sparse = Sample(y.ds, np.where(np.arange(60) % 5 == 4, y.x, np.nan), MONTHS, False)
    (fit,) = Pretrained().fit_origins([Origin(sparse, sparse.ds[-1], sparse=True)])
    assert isinstance(fit, Few)
