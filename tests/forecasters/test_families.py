"""One contract for every family of the table, on bundled and made-up series."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pytest
from statsmodels.tsa.statespace.mlemodel import MLEModel

from forecast.catalog import Catalog
from forecast.effects.estimate import regress
from forecast.errors import FitFailed, MissingDesign, NotFound, TooShort
from forecast.forecasters import FORECASTERS, Coefficients, Fitted, state_space
from forecast.forecasters.origins import Origin
from forecast.forecasters.state_space import StateSpaceFit
from forecast.interventions import Design
from forecast.metrics import QUANTILE_LEVELS, quantiles
from forecast.settings import Settings
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import History
from tests.support.records import a_series

FAMILIES = tuple(FORECASTERS)
ESTIMATING = tuple(name for name in FAMILIES if FORECASTERS[name].estimates_effects)
WITH_GRID = ("grid", "ensemble")  # alone, and as a member
STATE_SPACE = ("ets", "sarimax", "ucm")
BUNDLED = ("price.copper", "price.potash", "volume.steel.export.cn", "volume.rare-earths.export.cn")
MONTHS = Freq("M")


def made(freq: str = "M", is_price: bool = False, length: int = 150, seed: int = 3) -> Sample:
    """A level that walks; for volumes also a season and noise."""
    calendar, rng, t = Freq(freq), np.random.default_rng(seed), np.arange(length)
    x = np.cumsum(rng.normal(0.0, 0.05 if is_price else 0.04, length)) + np.log(1000.0)
    if not is_price:
        x = x + 0.2 * np.sin(2 * np.pi * t / calendar.season) + rng.normal(0.0, 0.08, length)
    return Sample(calendar.range("2010-01-01", length), x, calendar, is_price)


def bare(y: Sample) -> Design:
    return Design.empty(y.ds)


def after(y: Sample, horizon: int = 12) -> Design:
    return Design.empty(y.future(horizon))


def step(y: Sample, first: int, name: str = "step") -> Design:
    return Design(y.ds, (name,), (np.arange(len(y)) >= first)[:, None].astype(float))


@cache
def fitted(family: str, freq: str = "M", is_price: bool = False) -> Fitted:
    y = made(freq, is_price)
    return FORECASTERS[family].fit(y, bare(y))


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, History]]:
    catalog = Catalog.open(Settings.from_env({"ORECAST_HOME": str(tmp_path_factory.mktemp("home"))}))
    yield catalog.histories(BUNDLED)
    catalog.close()


# The table


def test_naming_the_families_loads_no_model_library() -> None:
    heavy = {"statsmodels", "prophet", "pandas", "scipy"}
    code = f"import sys, forecast.forecasters as f; list(f.FORECASTERS); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_family_is_named_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="sarimax"):
        FORECASTERS["sarima"]
    assert "sarima" not in FORECASTERS


@pytest.mark.parametrize("family", FAMILIES)
def test_each_origin_has_a_model_that_ends_with_it(family: str) -> None:
    y = made()
    origins = [Origin(Sample(y.ds[:T], y.x[:T], y.freq, y.is_price), y.ds[T - 1]) for T in (148, 149, 150)]
    fits = list(FORECASTERS[family].fit_origins(origins))
    assert [fitted.family for fitted in fits] == [family] * 3
    assert [fitted.last for fitted in fits] == [origin.cutoff for origin in origins]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_name_is_the_family(family: str) -> None:
    assert FORECASTERS[family].family == family == fitted(family).family


# Forecasts


@pytest.mark.parametrize("series_id", BUNDLED)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_bundled_series_is_forecast_from_its_last_period(
    family: str, series_id: str, bundled: Mapping[str, History]
) -> None:
    y = Sample.of(bundled[series_id])
    fit = FORECASTERS[family].fit(y, bare(y))
    draws = fit.simulate(after(y, 24), 500, seed=0)
    assert fit.last == y.ds[-1]
    assert draws.shape == (500, 24)
    q = np.exp(quantiles(draws))
    assert np.isfinite(q).all()
    assert (q > 0).all()
    assert (np.diff(q, axis=1) >= 0).all()
    known = np.exp(y.x[np.isfinite(y.x)])
    assert ((q[:, 7] > known.min() / 3) & (q[:, 7] < known.max() * 3)).all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("freq", ["W-SUN", "Q", "D", "B", "Y"])
def test_other_frequencies(family: str, freq: str) -> None:
    y = made(freq, length=40 if freq in "QY" else 180)
    draws = FORECASTERS[family].fit(y, bare(y)).simulate(after(y), 200, seed=0)
    assert np.isfinite(draws).all()
    assert np.abs(np.median(draws, axis=0) - y.x[-1]).max() < 1.5


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("is_price", [True, False])
def test_doubt_grows_and_is_neither_nil_nor_absurd(family: str, is_price: bool) -> None:
    sd = fitted(family, is_price=is_price).simulate(after(made(is_price=is_price), 24), 4000, seed=1).std(axis=0)
    assert sd[-1] > sd[0]
    assert 0.03 < sd[0] < 0.4
    assert sd[-1] < 1.0


@pytest.mark.parametrize("family", FAMILIES)
def test_same_seed_same_digits_and_a_refit_changes_nothing(family: str) -> None:
    y = made()
    one, again = fitted(family), FORECASTERS[family].fit(y, bare(y))
    draws = one.simulate(after(y), 50, seed=7)
    np.testing.assert_array_equal(draws, one.simulate(after(y), 50, seed=7))
    np.testing.assert_array_equal(draws, again.simulate(after(y), 50, seed=7))
    assert not np.array_equal(draws, one.simulate(after(y), 50, seed=8))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("is_price", [True, False])
def test_the_quantiles_of_draws_are_those_of_the_model_whatever_the_luck(family: str, is_price: bool) -> None:
    fit, future = fitted(family, is_price=is_price), after(made(is_price=is_price), 24)
    one, other, many = (fit.simulate(future, n, seed) for n, seed in ((2000, 0), (2000, 1), (8000, 2)))
    np.testing.assert_allclose(np.sort(one, axis=0), np.sort(other, axis=0), rtol=1e-12)
    spread = one.std(axis=0)[:, None]
    assert (np.abs(quantiles(one) - quantiles(many)) < 2e-3 * spread).all()
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("family", ["random-walk", "ets", "sarimax", "ucm"])
def test_a_price_without_drift_is_forecast_flat_in_a_smooth_fan(family: str) -> None:
    q = quantiles(fitted(family, is_price=True).simulate(after(made(is_price=True), 24), 2000, seed=0))
    median = q[1:, len(QUANTILE_LEVELS) // 2]  # a moving average has its say in the first period
    assert np.ptp(median) < 1e-9
    for edge in (q[:, -1], -q[:, 0]):
        growth = np.diff(edge)
        assert (growth > 0).all()
        assert (np.diff(growth)[1:] < 0).all(), "no tooth"


@pytest.mark.parametrize("family", FAMILIES)
def test_gaps_and_zeros_are_legal(family: str) -> None:
    y = made()
    value = np.exp(y.x)
    value[[30, 31, 32, 100, 147]] = np.nan
    value[[50, 90]] = 0.0
    series = a_series("volume.x", "x", "volume", "target", "export", "CHN", "WLD", "tonne", "M", 20)
    flag = np.where(np.isnan(value), "", "reported")
    sample = Sample.of(History(series, y.ds, value, flag))
    fit = FORECASTERS[family].fit(sample, bare(sample))
    assert np.isfinite(fit.simulate(after(sample), 100, seed=0)).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_months_never_published_are_uncertain_not_infinite(family: str) -> None:
    y = made(length=60)
    month = y.ds.astype("datetime64[M]").astype(int) % 12
    holed = Sample(y.ds, np.where(month < 2, np.nan, y.x), y.freq, y.is_price)
    draws = FORECASTERS[family].fit(holed, bare(holed)).simulate(after(holed), 500, seed=0)
    assert draws.std(axis=0).max() < 2.0
    assert np.abs(np.median(draws, axis=0) - np.nanmean(holed.x)).max() < 2.0


# Stored fits


class _Modules(pickle.Unpickler):
    """Remembers the modules that a pickle needs."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.seen: set[str] = set()

    def find_class(self, module_name: str, global_name: str, /) -> object:
        self.seen.add(module_name.split(".")[0])
        return super().find_class(module_name, global_name)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("series_id", ["price.copper", "volume.steel.export.cn"])
def test_a_fit_is_small_and_holds_values_only(family: str, series_id: str, bundled: Mapping[str, History]) -> None:
    y = Sample.of(bundled[series_id])
    design = bare(y)
    if family in ESTIMATING:
        k = len(y) // 20
        design = Design(y.ds, tuple(f"e{i}" for i in range(k)), np.tri(len(y), k, -1))
    data = pickle.dumps(FORECASTERS[family].fit(y, design))
    assert len(data) < (80_000 if family in WITH_GRID else 40_000)  # the grid holds a state for each of 36 models
    reader = _Modules(data)
    reader.load()
    assert reader.seen <= {"forecast", "numpy", "builtins", "_codecs", "copyreg"}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_stored_fit_gives_the_same_digits(family: str, tmp_path: Path) -> None:
    joblib.dump(fitted(family), tmp_path / "fit")
    future = after(made())
    np.testing.assert_array_equal(
        joblib.load(tmp_path / "fit").simulate(future, 50, seed=3), fitted(family).simulate(future, 50, seed=3)
    )


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in WITH_GRID])
def test_drawing_needs_no_model_library(family: str, tmp_path: Path) -> None:
    (tmp_path / "fit").write_bytes(pickle.dumps((fitted(family), after(made()))))
    code = (
        "import sys, pickle; fit, future = pickle.load(open(sys.argv[1], 'rb')); fit.simulate(future, 9, seed=0);"
        "print(sorted({'statsmodels', 'prophet', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "fit")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize("family", FAMILIES)
def test_extending_to_the_same_sample_changes_nothing(family: str) -> None:
    y = made()
    np.testing.assert_allclose(
        fitted(family).extend(y).simulate(after(y), 20, seed=0),
        fitted(family).simulate(after(y), 20, seed=0),
        rtol=1e-9,
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_extending_follows_the_longer_sample(family: str) -> None:
    y = made(length=156)
    early = Sample(y.ds[:144], y.x[:144], y.freq, y.is_price)
    longer = FORECASTERS[family].fit(early, bare(early)).extend(y)
    assert longer.last == y.ds[-1]
    draws = longer.simulate(after(y), 2000, seed=0)
    whole = FORECASTERS[family].fit(y, bare(y)).simulate(after(y), 2000, seed=0)
    assert np.abs(np.median(draws, axis=0) - np.median(whole, axis=0)).max() < 0.15


# Effects


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ESTIMATING])
def test_a_family_without_effects_refuses_columns(family: str) -> None:
    y = made()
    with pytest.raises(ValueError, match="column"):
        FORECASTERS[family].fit(y, step(y, 100))


@pytest.mark.parametrize("family", ESTIMATING)
def test_a_missing_future_design_is_an_error(family: str) -> None:
    y = made()
    fit = FORECASTERS[family].fit(y, step(y, 100))
    with pytest.raises(MissingDesign, match="step"):
        fit.simulate(after(y), 10, seed=0)
    with pytest.raises(MissingDesign, match="step"):
        fit.extend(y)


@pytest.mark.parametrize("is_price", [True, False])
@pytest.mark.parametrize("family", [*ESTIMATING, "regression"])
def test_an_injected_step_is_found(family: str, is_price: bool) -> None:
    y = made(is_price=is_price)
    design = step(y, 110)
    hit = y.less(-0.5 * design.X[:, 0])
    found: Coefficients = (
        regress(hit, design) if family == "regression" else FORECASTERS[family].fit(hit, design).coefficients
    )
    sd = float(np.sqrt(found.cov[0, 0]))
    assert 0.0 < sd < 0.2
    assert abs(found.mean[0] - 0.5) < 2 * sd


@pytest.mark.parametrize("family", ESTIMATING)
def test_an_effect_that_ends_leaves_the_forecast_and_one_in_force_adds_no_doubt(family: str) -> None:
    y = made()
    design = step(y, 110)
    fit = FORECASTERS[family].fit(y.less(-0.5 * design.X[:, 0]), design)
    stays = fit.simulate(Design(y.future(12), ("step",), np.ones((12, 1))), 4000, seed=0)
    ends = fit.simulate(Design(y.future(12), ("step",), np.zeros((12, 1))), 4000, seed=0)
    mean, sd = fit.coefficients.mean[0], np.sqrt(fit.coefficients.cov[0, 0])
    np.testing.assert_allclose((ends - stays).mean(axis=0), -mean, atol=4 * sd / np.sqrt(4000))
    assert stays[:, 0].std() < 1.3 * fitted(family).simulate(after(y), 4000, seed=0)[:, 0].std()
    assert ends[:, 0].std() > stays[:, 0].std()


@pytest.mark.parametrize("family", ESTIMATING)
def test_columns_that_say_nothing_keep_the_prior_and_are_noted(family: str) -> None:
    y = made()
    known = step(y, 110).X[:, 0]
    X = np.column_stack([known, known, np.zeros(len(y))])
    fit = FORECASTERS[family].fit(y.less(-0.5 * known), Design(y.ds, ("a", "twin", "zero"), X))
    mean, cov = fit.coefficients.mean, fit.coefficients.cov
    assert np.sqrt(cov[2, 2]) == pytest.approx(0.2, rel=0.01)
    assert mean[2] == pytest.approx(0.0, abs=1e-3)
    both = np.array([1.0, 1.0, 0.0])
    assert abs(both @ mean - 0.5) < 2 * np.sqrt(both @ cov @ both)
    assert np.sqrt(cov[0, 0]) > 0.1
    noted = [note for note in fit.notes if note.startswith("not known: the effect of")]
    assert [name for name in ("a", "twin", "zero") if any(f"effect of {name}, " in note for note in noted)] == [
        "a",
        "twin",
        "zero",
    ]


@pytest.mark.parametrize("family", ESTIMATING)
def test_effects_survive_gaps(family: str) -> None:
    y = made()
    x = y.x + 0.5 * (np.arange(150) >= 110)
    x[[20, 21, 109, 110, 111, 140]] = np.nan
    found = FORECASTERS[family].fit(Sample(y.ds, x, y.freq, y.is_price), step(y, 110)).coefficients
    assert abs(found.mean[0] - 0.5) < 2.5 * np.sqrt(found.cov[0, 0])


# Trouble


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("is_price", [True, False])
def test_a_constant_history_promises_nothing(family: str, is_price: bool) -> None:
    y = made(is_price=is_price, length=80)
    flat = Sample(y.ds, np.full(80, 5.0), y.freq, is_price)
    fit = FORECASTERS[family].fit(flat, bare(flat))
    draws = fit.simulate(after(flat), 500, seed=0)
    np.testing.assert_allclose(np.median(draws, axis=0), 5.0, atol=0.2)
    assert draws[:, -1].std() > 5e-4
    if family != "grid":
        assert "the series never moved" in fit.notes


@pytest.mark.parametrize("family", ESTIMATING)
def test_a_constant_history_identifies_no_effect(family: str) -> None:
    y = made(length=80)
    flat = Sample(y.ds, np.full(80, 5.0), y.freq, False)
    fit = FORECASTERS[family].fit(flat, step(flat, 40))
    assert np.sqrt(fit.coefficients.cov[0, 0]) == pytest.approx(0.2)
    assert any("not known: the effect of step" in note for note in fit.notes)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_line_without_noise_is_forecast_with_doubt(family: str) -> None:
    y = made(length=80)
    line = Sample(y.ds, 5.0 + 0.01 * np.arange(80.0), y.freq, True)
    draws = FORECASTERS[family].fit(line, bare(line)).simulate(after(line), 500, seed=0)
    assert np.isfinite(draws).all()
    assert draws.std(axis=0).min() > 5e-4


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("x", [[], [1.0, 2.0], [np.nan] * 40])
def test_too_little_history_says_so(family: str, x: list[float]) -> None:
    y = Sample(MONTHS.range("2020-01-01", len(x)), np.array(x), MONTHS, False)
    with pytest.raises(TooShort, match="observations"):
        FORECASTERS[family].fit(y, bare(y))


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "grid"])
@pytest.mark.parametrize("at", [10, 149])
def test_an_infinite_value_is_refused_with_its_period(family: str, at: int) -> None:
    y = made()
    x = y.x.copy()
    x[at] = np.inf
    with pytest.raises(FitFailed, match=str(y.ds[at])):
        FORECASTERS[family].fit(Sample(y.ds, x, y.freq, y.is_price), bare(y))


@pytest.mark.parametrize("family", STATE_SPACE)
def test_less_than_two_cycles_means_no_season_and_a_note(family: str) -> None:
    y = made(length=20)
    fit = FORECASTERS[family].fit(y, bare(y))
    assert any("no season" in note for note in fit.notes)
    assert np.isfinite(fit.simulate(after(y), 50, seed=0)).all()


def test_a_search_that_was_cut_off_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_space, "_STEPS", 1)
    y = made()
    assert any(note.startswith("did not converge: ucm") for note in FORECASTERS["ucm"].fit(y, bare(y)).notes)


def test_prophet_says_nothing_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    y = made(seed=11)
    FORECASTERS["prophet"].fit(y, bare(y))
    assert capfd.readouterr() == ("", "")


# Against the libraries, the parameters given


@pytest.mark.parametrize("family", STATE_SPACE)
@pytest.mark.parametrize("is_price", [True, False])
def test_the_joint_law_is_that_of_statsmodels(family: str, is_price: bool) -> None:
    y = made(is_price=is_price)
    x = y.x.copy()
    x[[70, 71, 120]] = np.nan
    y = Sample(y.ds, x, y.freq, is_price)
    fit = FORECASTERS[family].fit(y, bare(y))
    assert isinstance(fit, StateSpaceFit)
    frame = fit.frame
    model = fit.forecaster.model((x - frame.centre) / frame.scale, frame)
    assert isinstance(model, MLEModel)
    reference = model.filter(fit.parameters).get_forecast(24)
    loadings, covariance = fit.law.ahead(24)
    np.testing.assert_allclose(loadings @ fit.law.a, reference.predicted_mean, atol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), reference.se_mean, rtol=1e-6)


def test_draws_have_the_moments_of_the_law() -> None:
    fit = fitted("ucm")
    assert isinstance(fit, StateSpaceFit)
    draws = fit.simulate(after(made()), 20_000, seed=0)
    loadings, covariance = fit.law.ahead(12)
    np.testing.assert_allclose(draws.mean(axis=0), fit.frame.centre + fit.frame.scale * loadings @ fit.law.a, atol=0.01)
    ratio = np.cov(draws.T) / (fit.frame.scale**2 * covariance) * (fit.df - 2) / fit.df
    np.testing.assert_allclose(ratio, 1.0, atol=0.06)


def test_coefficients_are_generalised_least_squares() -> None:
    y, design = made(is_price=True), step(made(is_price=True), 110)
    fit = FORECASTERS["ucm"].fit(y, design)
    assert isinstance(fit, StateSpaceFit)
    noise, walk = fit.parameters * fit.frame.scale**2
    difference = np.diff(np.eye(150), axis=0)
    weight = np.linalg.inv(difference @ (noise * np.eye(150)) @ difference.T + walk * np.eye(149))
    dx, dy = difference @ design.X, difference @ y.x
    precision = dx.T @ weight @ dx + np.eye(1) / 0.2**2
    np.testing.assert_allclose(fit.coefficients.cov, np.linalg.inv(precision), rtol=1e-3)
    np.testing.assert_allclose(fit.coefficients.mean, np.linalg.solve(precision, dx.T @ weight @ dy), atol=1e-3)
