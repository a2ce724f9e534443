"""The engine: it is the filter it claims to be, alone or in a panel, and it survives what real series do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import TooShort
from forecast.forecasters.calibration import Calibration, student_levels
from forecast.forecasters.grid.engine import Grid, Panel, panel_quantiles
from forecast.forecasters.grid.price import FilteredPrices, PriceGrid, PriceSettings, filter_prices
from forecast.forecasters.grid.volume import VolumeGrid, VolumeSettings, VolumeState, filter_volumes, working_days
from forecast.interventions import Design
from forecast.metrics import QUANTILE_LEVELS
from forecast.timeseries.fourier import seasonal
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

MONTHS = Freq("M")
MEDIAN = len(QUANTILE_LEVELS) // 2


def price(T: int, seed: int = 0, sd: float = 0.06) -> Floats:
    return np.asarray(np.log(1000) + np.cumsum(np.random.default_rng(seed).normal(0, sd, T)))


def volume(T: int, seed: int = 0) -> Floats:
    rng, t = np.random.default_rng(seed), np.arange(T)
    return 8 + np.cumsum(rng.normal(0, 0.04, T)) + 0.2 * np.sin(2 * np.pi * t / 12) + rng.normal(0, 0.08, T)


def sample(x: Floats, is_price: bool = True, freq: Freq = MONTHS, start: str = "2000-01-01") -> Sample:
    return Sample(freq.range(start, len(x)), x, freq, is_price)


def after(y: Sample, horizon: int) -> Design:
    return Design.empty(y.future(horizon))


def panel(is_price: bool, N: int = 5, T: int = 150) -> Panel:
    """Series that begin and end at different times, with gaps."""
    samples = []
    for i in range(N):
        x = price(T, i) if is_price else volume(T, i)
        x[[40 + i, 90, 91]] = np.nan
        samples.append(sample(x[7 * i : T - 3 * i], is_price, start=str(MONTHS.shift("2000-01-01", 7 * i))))
    return Panel.of(samples)


# One model


def test_one_price_model_is_statsmodels_arima() -> None:
    from statsmodels.tsa.arima.model import ARIMA

    x, phi, theta = price(300), 0.3, 0.25
    grid = PriceGrid(np.array([phi]), np.array([theta]))
    filtered = filter_prices(MONTHS.range("2000-01-01", 300), x[None], grid, replace(PriceSettings(), damping=1.0))
    filtered = replace(filtered, states=replace(filtered.states, fast=np.ones((1, 300)), slow=np.ones((1, 300))))
    margins = filtered.state(0, 299).margins(24)
    reference = ARIMA(x, order=(1, 1, 1)).smooth([phi, theta, 1.0]).get_forecast(24)
    np.testing.assert_allclose(margins.mean, reference.predicted_mean, atol=1e-9)
    np.testing.assert_allclose(margins.sd, reference.se_mean, rtol=1e-9)


@pytest.mark.parametrize("gaps", [[], [50, 51, 52, 90]])
def test_one_volume_model_is_statsmodels_state_space(gaps: list[int]) -> None:
    from statsmodels.tsa.statespace.mlemodel import MLEModel

    x, ds = volume(120), MONTHS.range("2000-01-01", 132)
    x[gaps] = np.nan
    grid = VolumeGrid(*(np.array([v]) for v in (0.05, 0.9, 0.2, 0.02, 0.01)))
    fixed = VolumeSettings(robust=False, learn_scale=False)
    filtered = filter_volumes(ds[:120], x[None], MONTHS, grid, fixed, (12, 18))
    design = np.column_stack([np.ones((132, 2)), seasonal(ds, MONTHS)])
    model = MLEModel(np.concatenate([x, np.full(12, np.nan)]), k_states=13, k_posdef=2)
    model["design"] = design.T[None]
    model["obs_intercept"] = working_days(ds, MONTHS)[None]
    model["transition"] = np.diag([1, 0.9] + [1] * 11)
    model["state_intercept", 0, 0] = 0.01
    model["selection"] = np.eye(13)[:, :2]
    model["state_cov"] = np.diag([0.05, 0.2])
    model["obs_cov"] = [[grid.noise[0]]]
    model.initialize_known(
        np.r_[x[0] - working_days(ds[:1], MONTHS), np.zeros(12)], np.diag([4, 0.2 / (1 - 0.81)] + [0.02] * 11)
    )
    reference = model.ssm.filter()
    np.testing.assert_allclose(filtered.mean[0, 119], reference.forecasts[0, 120:], rtol=1e-9)
    np.testing.assert_allclose(filtered.sd[0, 119] ** 2, reference.forecasts_error_cov[0, 0, 120:], rtol=1e-9)
    state = filtered.last[0]
    assert state is not None
    np.testing.assert_allclose(state.margins(12).mean, filtered.mean[0, 119], rtol=1e-12)


def state_of(x: Floats, freq: Freq = MONTHS) -> VolumeState:
    ds = freq.range("2000-01-01", len(x))
    state = filter_volumes(ds, x[None], freq, VolumeGrid.default(freq), VolumeSettings(), (0, 18)).last[0]
    assert state is not None
    return state


@pytest.mark.parametrize("code", ["M", "Q", "W-SUN"])
def test_paths_of_a_volume_have_its_mean_and_spread(code: str) -> None:
    state = state_of(volume(120) + 0.004 * np.arange(120), Freq(code))
    margins, paths = state.margins(24), state.paths(24, 40_000, np.random.default_rng(0))
    np.testing.assert_allclose(paths.mean(axis=0), margins.mean, atol=0.02 * margins.sd.max())
    np.testing.assert_allclose(paths.std(axis=0), margins.sd, rtol=0.02)


# Growth and working days of volumes


@pytest.mark.parametrize(("growth", "low", "high"), [(0.0, -0.01, 0.01), (0.03, 0.02, 0.035), (0.3, 0.0, 0.035)])
def test_a_flow_grows_on_by_three_per_cent_a_year_or_less_and_no_boom_goes_on(
    growth: float, low: float, high: float
) -> None:
    t, rng = np.arange(240), np.random.default_rng(0)
    state = state_of(8 + growth / 12 * t + 0.2 * np.sin(2 * np.pi * t / 12) + rng.normal(0, 0.02, 240))
    days = working_days(MONTHS.range(MONTHS.shift(state.ds, 1), 24), MONTHS)
    mean = state.margins(24).mean - days
    assert low < mean[23] - mean[11] < high
    rate = 100 * np.expm1(12 * state.weights @ state.grid.drift)
    assert f"to grow by {rate:.1f} % a year" in state.describe_growth()


@pytest.mark.parametrize("code", ["D", "B", "W-SUN", "M", "Q"])
def test_growth_is_that_of_a_year_whatever_the_frequency(code: str) -> None:
    freq = Freq(code)
    np.testing.assert_allclose(np.unique(VolumeGrid.default(freq).drift) * freq.per_year, [0, 0.03])


def test_yearly_flows_keep_their_level() -> None:
    state = state_of(np.linspace(5.0, 8.0, 30), Freq("Y"))
    assert (np.diff(state.margins(5).mean) <= 0.01).all()
    assert state.describe_growth() == ""


def test_a_month_with_more_working_days_has_more_trade() -> None:
    ds = MONTHS.range("2021-02-01", 2)  # 20 and 23 of them
    february, march = working_days(ds, MONTHS)
    assert march - february == pytest.approx(0.3 * np.log(23 / 20))
    assert working_days(MONTHS.range("2000-01-01", 12 * 28), MONTHS).mean() == pytest.approx(0, abs=1e-3)
    for code in ("D", "B", "W-SUN", "Y"):
        assert not working_days(Freq(code).range("2021-01-01", 30), Freq(code)).any()


# Alone and together


def test_a_price_alone_is_the_same_as_in_its_panel_when_it_is_told_what_the_others_say() -> None:
    together = panel(is_price=True)
    grid = Grid(horizon=12, calibration=Calibration.neutral(12))
    source = grid.filtered(together).source
    assert isinstance(source, FilteredPrices)
    for i, fitted in enumerate(grid.fit_panel(together)):
        alone = np.flatnonzero(np.isfinite(together.x[i]))
        own = slice(alone[0], alone[-1] + 1)
        y = Sample(together.ds[own], together.x[i, own], MONTHS, True)
        single = replace(grid, pooled=source.pooled(i)).fit(y, Design.empty(y.ds))
        assert fitted is not None
        assert single.last == fitted.last
        np.testing.assert_allclose(single.quantiles(12), fitted.quantiles(12), rtol=1e-10)


def test_a_volume_alone_is_the_same_as_in_its_panel() -> None:
    together = panel(is_price=False)
    grid = Grid(horizon=12, calibration=Calibration.neutral(12))
    for i, fitted in enumerate(grid.fit_panel(together)):
        present = np.flatnonzero(np.isfinite(together.x[i]))
        own = slice(present[0], present[-1] + 1)
        y = Sample(together.ds[own], together.x[i, own], MONTHS, False)
        assert fitted is not None
        np.testing.assert_allclose(grid.fit(y, Design.empty(y.ds)).quantiles(12), fitted.quantiles(12), rtol=1e-10)


@pytest.mark.parametrize("is_price", [True, False])
def test_many_origins_of_one_series_in_one_pass_are_as_each_alone(is_price: bool) -> None:
    x = price(120) if is_price else volume(120)
    origins = [sample(x[:T], is_price) for T in (60, 90, 119, 120)]
    for y, fitted in zip(origins, Grid().fit_each(origins), strict=True):
        single = Grid().fit(y, Design.empty(y.ds))
        assert single.last == fitted.last == y.ds[-1]
        np.testing.assert_allclose(fitted.quantiles(12), single.quantiles(12), rtol=1e-10)
        np.testing.assert_allclose(fitted.extend(origins[-1]).quantiles(12), Grid().fit_each(origins)[-1].quantiles(12))


@pytest.mark.parametrize("is_price", [True, False])
def test_the_backtest_at_the_last_origin_is_the_forecast(is_price: bool) -> None:
    together = panel(is_price)
    q = panel_quantiles(together, together.ds[-1:], 12)
    fitted = Grid(horizon=12).fit_panel(together)[0]
    assert fitted is not None
    np.testing.assert_allclose(q[0, 0], fitted.quantiles(12), rtol=1e-12)


@pytest.mark.parametrize("is_price", [True, False])
def test_a_cutoff_sees_nothing_after_it(is_price: bool) -> None:
    together, cut = panel(is_price, T=160), 130
    seen = np.arange(160) <= cut
    shorter = replace(together, ds=together.ds[seen], x=together.x[:, seen], scored=together.scored[:, seen])
    spoiled = replace(together, x=np.where(seen, together.x, together.x + 5))
    cutoffs = together.ds[[cut - 20, cut]]
    q = panel_quantiles(shorter, cutoffs, 12)
    np.testing.assert_allclose(panel_quantiles(spoiled, cutoffs, 12), q, rtol=1e-12)


# What real series do


@pytest.mark.parametrize("is_price", [True, False])
def test_too_short_is_refused_and_missing_in_a_panel(is_price: bool) -> None:
    short = sample(price(17), is_price)
    with pytest.raises(TooShort, match="17 observations"):
        Grid().fit(short, Design.empty(short.ds))
    assert Grid().fit_panel(Panel.of([short])) == (None,)
    enough = sample(price(18), is_price)
    assert np.isfinite(Grid().fit(enough, Design.empty(enough.ds)).quantiles(24)).all()


def test_a_design_with_columns_is_refused() -> None:
    y = sample(price(60))
    with pytest.raises(ValueError, match="estimates no effects"):
        Grid().fit(y, Design(y.ds, ("tariff",), np.ones((60, 1))))


@pytest.mark.parametrize("is_price", [True, False])
def test_a_constant_series_is_never_sure(is_price: bool) -> None:
    y = sample(np.full(80, 3.0), is_price)
    q = Grid().fit(y, Design.empty(y.ds)).quantiles(12)
    # a flow may grow and differs with the working days, a price does not
    assert np.allclose(q[:, MEDIAN], 3.0, rtol=0, atol=1e-6 if is_price else 0.04)
    assert (q[-1, -1] - q[-1, 0]) > 0.03


def test_a_sticky_price_may_stand_still_and_its_draws_do() -> None:
    rng = np.random.default_rng(3)
    x = np.cumsum(np.where(rng.random(240) < 0.1, rng.normal(0, 0.2, 240), 0.0))
    x[-2:] = x[-3]
    y = sample(x)
    draws = Grid().fit(y, Design.empty(y.ds)).simulate(after(y, 12), 2000, seed=1)
    still = (draws == x[-1]).mean(axis=0)
    assert still[0] > 0.6
    assert (np.diff(still) <= 0).all()
    # a path that stands still until h stood still before
    assert ((draws[:, 5] == x[-1]) & (draws[:, 0] != x[-1])).mean() < 0.05


@pytest.mark.parametrize("is_price", [True, False])
def test_spikes_zeros_and_gaps_of_the_past_change_little(is_price: bool) -> None:
    clean = volume(150) if not is_price else price(150)
    dirty = clean.copy()
    dirty[[50, 80, 110]] += np.log(10)
    dirty[[60, 100]] -= 3
    dirty[[65, 66, 120, 121]] = np.nan
    widths, medians = [], []
    for x in (clean, dirty):
        q = Grid().fit(sample(x, is_price), Design.empty(MONTHS.range("2000-01-01", 150))).quantiles(6)
        widths.append(q[0, -1] - q[0, 0])
        medians.append(q[:, MEDIAN])
    assert widths[1] < (1.2 if is_price else 2) * widths[0]
    assert np.abs(medians[1] - medians[0]).max() < widths[0] / 4


@pytest.mark.parametrize("is_price", [True, False])
def test_slips_of_the_data_do_not_widen_what_all_learn_from(is_price: bool) -> None:
    clean = panel(is_price, N=10)
    rng, x = np.random.default_rng(0), clean.x.copy()
    for row in x:
        present = np.flatnonzero(np.isfinite(row))[20:-2]
        row[rng.choice(present, 5, replace=False)] += np.log(10)
    spoiled = Grid(horizon=12).fit_panel(replace(clean, x=x))[0]
    fitted = Grid(horizon=12).fit_panel(clean)[0]
    assert spoiled is not None
    assert fitted is not None
    assert (spoiled.calibration.z[:, -1] < 1.15 * fitted.calibration.z[:, -1]).all()


def test_a_price_spike_counts_until_it_is_taken_back() -> None:
    x = price(100)
    x[-1] += 1
    spiked, back = sample(x), sample(np.append(x, x[-2] + 0.01))
    wide, narrow = (fit.quantiles(1)[0] for fit in (Grid().fit(y, Design.empty(y.ds)) for y in (spiked, back)))
    assert wide[MEDIAN] > x[-2] + 0.8
    assert narrow[-1] - narrow[0] < (wide[-1] - wide[0]) / 1.4
    # and is then as if those two months had been missing
    missing = np.append(x, np.nan)
    missing[-2] = np.nan
    missing[-1] = back.x[-1]
    gap = Grid().fit(sample(missing), Design.empty(back.ds)).quantiles(1)[0]
    np.testing.assert_allclose(narrow, gap, rtol=1e-12)


@pytest.mark.parametrize("code", ["D", "B", "W-SUN", "M", "Q", "Y"])
@pytest.mark.parametrize("is_price", [True, False])
def test_every_frequency(code: str, is_price: bool) -> None:
    freq = Freq(code)
    y = sample(price(70, sd=0.02), is_price, freq)
    draws = Grid(horizon=8).fit(y, Design.empty(y.ds)).simulate(after(y, 8), 200, seed=0)
    assert draws.shape == (200, 8)
    assert np.isfinite(draws).all()


def test_mixed_panels_are_refused() -> None:
    with pytest.raises(ValueError, match="one frequency and one kind"):
        Panel.of([sample(price(30)), sample(price(30), is_price=False)])


# Draws


@pytest.mark.parametrize("is_price", [True, False])
def test_draws_have_the_calibrated_margins_and_are_joint(is_price: bool) -> None:
    together = panel(is_price, N=8)
    fitted = Grid(horizon=12).fit_panel(together)[0]
    assert fitted is not None
    draws = fitted.simulate(Design.empty(MONTHS.range(MONTHS.shift(fitted.last, 1), 12)), 2000, seed=5)
    expected = fitted.quantiles(12)
    found = np.quantile(draws, QUANTILE_LEVELS, axis=0).T
    np.testing.assert_allclose(np.exp(found), np.exp(expected), rtol=0.005)
    # neighbouring horizons move together, and a longer way apart less so
    near, far = np.corrcoef(draws[:, 5], draws[:, 6])[0, 1], np.corrcoef(draws[:, 0], draws[:, 11])[0, 1]
    assert near > far
    assert near > 0.2


@pytest.mark.parametrize("is_price", [True, False])
def test_same_seed_same_digits(is_price: bool) -> None:
    y = sample(volume(90), is_price)
    fitted = Grid().fit(y, Design.empty(y.ds))
    first, again, other = (fitted.simulate(after(y, 12), 300, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@settings(max_examples=25, deadline=None)
@given(
    x=st.lists(st.floats(-5, 5) | st.none(), min_size=30, max_size=70),
    is_price=st.booleans(),
)
def test_any_history_gives_nested_finite_quantiles_or_too_short(x: list[float | None], is_price: bool) -> None:
    values = np.array([np.nan if v is None else v for v in x] + [1.0])
    y = sample(values, is_price)
    if np.isfinite(values).sum() < 18:
        with pytest.raises(TooShort):
            Grid().fit(y, Design.empty(y.ds))
        return
    q = Grid().fit(y, Design.empty(y.ds)).quantiles(24)
    assert np.isfinite(q).all()
    assert (np.diff(q, axis=1) >= -1e-9).all()


def test_uncalibrated_quantiles_are_a_student_t() -> None:
    y = sample(price(100))
    fitted = Grid().fit(y, Design.empty(y.ds))
    margins = fitted.state.margins(12)
    np.testing.assert_allclose(fitted.quantiles(12), margins.mean[:, None] + margins.sd[:, None] * student_levels())
    assert "Student-t" in fitted.notes[0]
