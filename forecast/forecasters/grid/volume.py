"""Volumes and values: a grid of structural models on the log, averaged by discounted predictive likelihood.

Level, AR(1) deviation and a seasonal pattern in Fourier form (Harvey, Forecasting, Structural Time Series Models and
the Kalman Filter, 1989, ch. 2; West and Harrison, Bayesian Forecasting and Dynamic Models, 1997, ch. 8), the scale
learned as in their ch. 10 with discounting, models averaged with discounted likelihoods (Raftery, Kárný and Ettler,
Technometrics 52, 2010), outliers bounded as in robust filtering (Masreliez and Martin, IEEE TAC 22, 1977). Nothing is
optimised, so every period of every series is an origin at no further cost.

z_t = level + a + S_t'γ + c_t + noise;  level: random walk with drift;  a: AR(1) with φ;  γ constant with prior
N(0, s²);  c: ``working_days`` (Bell and Hillmer, JASA 78, 1983). All variances in units of σ², which each model learns.
Shapes: N series, T periods, G models, H horizons, K = 2 + seasonal terms.

What ten years of one series cannot tell is fixed and not estimated, at round numbers that were chosen on half of the
series and origins and held on the rest: a drift of 0 or 3 % a year, where a slope that is learned follows the last
boom; and what working days do, where a coefficient of each series gains nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from forecast.forecasters.calibration import Margins
from forecast.forecasters.grid.price import softmax
from forecast.forecasters.grid.slips import Watch, early_slips
from forecast.timeseries.fourier import seasonal
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Floats

#: Growth of trade on the log a year, in those models that have any.
GROWTH = 0.03
#: Share of a difference in the log of the working days that shows in the log of what is traded.
WORKING_DAYS = 0.3


@dataclass(frozen=True, eq=False)
class VolumeGrid:
    """The models, each array (G,): variance of the level's steps, φ and variance of the AR(1)'s, and of a seasonal
    coefficient, in units of σ²; and the drift of the level, on the log a period."""

    level: Floats
    phi: Floats
    ar: Floats
    season: Floats
    drift: Floats

    @classmethod
    def default(cls, freq: Freq) -> VolumeGrid:
        """3 × 2 × 3 × 2 = 36 models: level and season alone, or a deviation that fades beside them, each without growth
        and with; half of them for years, which are too far ahead to grow on: 6 % CRPS at five years on 140 flows."""
        levels, ars, seasons = (0.003, 0.03, 0.3), ((0.0, 0.0), (0.9, 0.4)), (0.05, 0.15, 0.5)
        drifts = (0.0,) if freq.unit == "Y" else (0.0, GROWTH / freq.per_year)
        rows = [(q, phi, qa, s**2, d) for q, (phi, qa), s, d in product(levels, ars, seasons, drifts)]
        return cls(*(np.array(column) for column in zip(*rows, strict=True)))

    @property
    def noise(self) -> Floats:
        return np.maximum(1 - self.level - self.ar, 0.02)


def working_days(ds: Days, freq: Freq) -> Floats:
    """(T,) effect of the number of working days (Monday to Friday) on the log of a flow in the periods that start on
    ``ds``, 0 on average: of months and quarters, as it hardly differs among years and not at all among weeks."""
    if freq.unit not in "MQ":
        return np.zeros(len(ds))
    return np.asarray(WORKING_DAYS * np.log(np.busday_count(ds, freq.shift(ds, 1)) * 7 / 5 / freq.days))


@dataclass(frozen=True)
class VolumeSettings:
    """Gains and bounds."""

    level_prior: float = 4.0  # variance of the level around the first value
    scale_memory: float = 0.95
    scale_start: float = 0.2  # a first guess of σ, worth two observations
    scale_floor: float = 0.02
    scale_skip: int = 3  # innovations before σ learns
    memory: float = 0.99  # discount of the likelihood
    weight_skip: int = 6  # innovations before the likelihood counts
    sharpness: float = 0.6
    clip: float = 2.75  # innovations count as at most so many standard deviations
    robust: bool = True
    learn_scale: bool = True


@dataclass(frozen=True, eq=False)
class VolumeState:
    """Where one series stands after its last observation: ``mean`` (K, G), ``cov`` (K, K, G) in units of ``sigma2``
    (G,), ``weights`` (G,); ``ds``: that period."""

    grid: VolumeGrid
    freq: Freq
    ds: np.datetime64
    mean: Floats
    cov: Floats
    sigma2: Floats
    weights: Floats

    def _future(self, horizon: int) -> tuple[Floats, Floats]:
        """Seasonal terms (H, K - 2) and effect of the working days (H,)."""
        ds = self.freq.range(self.freq.shift(self.ds, 1), horizon)
        return seasonal(ds, self.freq), working_days(ds, self.freq)

    def describe_growth(self) -> str:
        """One sentence for a card; empty where no model grows."""
        rate = 100 * float(np.expm1(self.freq.per_year * (self.weights @ self.grid.drift)))
        if not self.grid.drift.any():
            return ""
        return (
            f"its level is taken to grow by {rate:.1f} % a year (0 or {100 * GROWTH:.0f}, weighed): no trend is learned"
        )

    def margins(self, horizon: int) -> Margins:
        """Mean and sd of the log for the horizons 1..H."""
        one = (self.mean[:, None], self.cov[:, :, None], self.sigma2[None], self.weights[None])
        terms, days = self._future(horizon)
        mean, sd = _mixture(self.grid, *one, terms)
        return Margins(mean[0] + days, sd[0], np.zeros(horizon), np.array(np.nan))

    def paths(self, horizon: int, n: int, rng: np.random.Generator) -> Floats:
        """(n, H) joint paths of the log: a model by its weight, its state, its shocks."""
        model = np.sort(rng.choice(len(self.weights), size=n, p=self.weights))
        normal = rng.standard_normal((n, len(self.mean)))
        shocks = rng.standard_normal((n, horizon, 3))
        values, vectors = np.linalg.eigh(np.moveaxis(self.cov, 2, 0))
        root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        deviation = np.einsum("nij,nj->ni", root[model], normal)
        phi, drift, sigma = self.grid.phi[model], self.grid.drift[model], np.sqrt(self.sigma2[model])
        scales = np.sqrt(np.stack([self.grid.level, self.grid.ar, self.grid.noise], axis=1))[model]
        state = self.mean.T[model] + sigma[:, None] * deviation
        terms, days = self._future(horizon)
        pattern = state[:, 2:] @ terms.T + days
        level, ar, paths = state[:, 0], state[:, 1], np.empty((n, horizon))
        for h in range(horizon):
            step = sigma[:, None] * scales * shocks[:, h]
            level, ar = level + drift + step[:, 0], phi * ar + step[:, 1]
            paths[:, h] = level + ar + pattern[:, h] + step[:, 2]
        return paths


@dataclass(frozen=True, eq=False)
class FilteredVolumes:
    """Filtered forecasts of the log from every period: ``mean``, ``sd`` (N, T, H), NaN where the period was not
    observed; the states after the last observation of each series; ``seen`` (N, T): observations so far; ``slips``
    (N, T): when a value was known to be one (``Watch.known``)."""

    mean: Floats
    sd: Floats
    last: Sequence[VolumeState | None]
    seen: npt.NDArray[np.int64]
    slips: npt.NDArray[np.int64]


def _mixture(
    grid: VolumeGrid, mean: Floats, cov: Floats, sigma2: Floats, weights: Floats, future: Floats
) -> tuple[Floats, Floats]:
    """Mean and sd (N, H) of the mixture, from ``mean`` (K, N, G), ``cov`` (K, K, N, G), ``sigma2``, ``weights`` (N, G),
    and the seasonal terms of the horizons ``future`` (H, K - 2).

    Mean of model g at h: b'm + h·drift, and variance, in units of σ²: b'Pb + h·ql + qa Σ_{j<h} φ^2j + r, with
    b = (1, φ^h, S_{T+h}).
    """
    H, (K, N, G) = len(future), mean.shape
    h = np.arange(1, H + 1)[:, None]
    fade = grid.phi**h
    # b without its a, whose loading depends on the model: then one product serves all models, and cov is not copied
    b = np.column_stack([np.ones(H), np.zeros(H), future])
    means = (b @ mean.reshape(K, -1)).reshape(H, N, G) + fade[:, None] * mean[1] + (h * grid.drift)[:, None]
    pairs = (b[:, :, None] * b[:, None, :]).reshape(H, -1)
    variances = (pairs @ cov.reshape(K * K, -1)).reshape(H, N, G) + fade[:, None] ** 2 * cov[1, 1]
    variances += 2 * fade[:, None] * (b @ cov[:, 1].reshape(K, -1)).reshape(H, N, G)
    grown = h * grid.level + grid.ar * np.cumsum(grid.phi ** (2 * h - 2.0), axis=0) + grid.noise
    variances = sigma2 * (variances + grown[:, None])
    average = (weights * means).sum(axis=-1)
    spread = (weights * (variances + (means - average[..., None]) ** 2)).sum(axis=-1)
    return average.T, np.sqrt(spread).T


@dataclass(frozen=True, eq=False)
class Expected:
    """The next value of each model: ``mean``, ``variance`` (N, G), the latter in units of σ², and the covariance
    ``loading`` (K, N, G) with its state."""

    mean: Floats
    variance: Floats
    loading: Floats


class _Filter:
    """The running state of all series: arrays with the models last, updated period by period."""

    def __init__(self, grid: VolumeGrid, settings: VolumeSettings, N: int, K: int) -> None:
        G = len(grid.phi)
        self.grid, self.settings = grid, settings
        self.mean, self.cov = np.zeros((K, N, G)), np.zeros((K, K, N, G))
        self.sigma2 = np.full((N, G), settings.scale_start**2 if settings.learn_scale else 1.0)
        self.squares, self.logs = np.zeros((N, G)), np.zeros((N, G))
        self.count, self.evidence = np.zeros(N, dtype=int), np.zeros(N)

    def begin(self, i: npt.NDArray[np.int64], x: Floats) -> None:
        """Priors around the first values ``x`` of the series ``i``."""
        grid = self.grid
        self.mean[0, i] = x[:, None]
        self.cov[0, 0, i] = self.settings.level_prior
        self.cov[1, 1, i] = grid.ar / (1 - grid.phi**2)
        for k in range(2, len(self.mean)):
            self.cov[k, k, i] = grid.season

    def advance(self) -> None:
        """One period on: the level drifts, the deviation fades, both are less certain."""
        grid = self.grid
        self.mean[0] += grid.drift
        self.mean[1] *= grid.phi
        self.cov[1] *= grid.phi
        self.cov[:, 1] *= grid.phi
        self.cov[0, 0] += grid.level
        self.cov[1, 1] += grid.ar

    def take(self, rows: npt.NDArray[np.bool_], other: _Filter) -> None:
        """Put ``rows`` where they are in ``other``."""
        for name in ("mean", "cov", "sigma2", "squares", "logs"):
            getattr(self, name)[..., rows, :] = getattr(other, name)[..., rows, :]
        for name in ("count", "evidence"):
            setattr(self, name, np.where(rows, getattr(other, name), getattr(self, name)))

    def expect(self, terms: Floats) -> Expected:
        """What is expected of a period with the seasonal ``terms`` (K - 2,)."""
        b, K = np.concatenate([[1.0, 1.0], terms]), len(self.mean)
        loading = (b @ self.cov.reshape(K, -1)).reshape(self.mean.shape)
        variance = np.tensordot(b, loading, axes=1) + self.grid.noise
        return Expected(np.tensordot(b, self.mean, axes=1), variance, loading)

    def distance(self, x: Floats, expected: Expected) -> Floats:
        """How far ``x`` (N,) lies from what was ``expected``, in standard deviations, by the models' weights; NaN while
        there is too little to tell by, and where every value is to count."""
        sizes = np.abs(x[:, None] - expected.mean) / np.sqrt(self.sigma2 * expected.variance)
        tells = self.settings.robust & (self.count > self.settings.weight_skip)
        return np.where(tells, (self.weights() * sizes).sum(axis=1), np.nan)

    def update(self, x: Floats, expected: Expected) -> None:
        """Take in ``x`` (N,), NaN where missing."""
        settings = self.settings
        known = np.isfinite(x)[:, None]
        ph, f = expected.loading, expected.variance
        error = np.where(known, np.nan_to_num(x)[:, None] - expected.mean, 0.0)
        size = np.abs(error) / np.sqrt(self.sigma2 * f)
        excess = np.where((self.count > settings.weight_skip)[:, None], np.maximum(size / settings.clip, 1.0), 1.0)
        excess = excess if settings.robust else np.ones_like(size)
        gain = np.where(known, ph / (f * excess), 0.0)
        self.mean += gain * error
        self.cov -= gain[:, None] * ph[None]
        self._learn(known[:, 0], (error / excess) ** 2 / f, np.log(f))

    def _learn(self, known: npt.NDArray[np.bool_], square: Floats, log_f: Floats) -> None:
        settings = self.settings
        self.count = self.count + known
        if settings.learn_scale:
            young = 1 / np.maximum(self.count - settings.scale_skip + 2, 1)
            gain = np.where(known & (self.count > settings.scale_skip), np.maximum(1 - settings.scale_memory, young), 0)
            self.sigma2 += gain[:, None] * (square - self.sigma2)
            np.maximum(self.sigma2, settings.scale_floor**2, out=self.sigma2)
        counts = known & (self.count > settings.weight_skip)
        keep = np.where(counts, settings.memory, 1.0)
        self.squares = keep[:, None] * self.squares + np.where(counts[:, None], square, 0.0)
        self.logs = keep[:, None] * self.logs + np.where(counts[:, None], log_f, 0.0)
        self.evidence = keep * self.evidence + counts

    def weights(self) -> Floats:
        """(N, G) from the likelihood with σ concentrated out: .6 [-n/2 log(A/n) - L/2]."""
        n = self.evidence[:, None]
        mean_square = np.maximum(self.squares / np.maximum(n, 1.0), self.settings.scale_floor**2)
        return softmax(self.settings.sharpness * (-n / 2 * np.log(mean_square) - self.logs / 2))

    def state(self, i: int, ds: np.datetime64, freq: Freq, weights: Floats) -> VolumeState:
        mean, cov = self.mean[:, i].copy(), self.cov[:, :, i].copy()
        return VolumeState(self.grid, freq, ds, mean, cov, self.sigma2[i].copy(), weights[i])


def _expected(run: _Filter, watch: Watch[_Filter], t: int, x: Floats, terms: Floats) -> Expected:
    """What ``run`` expects of period ``t``, once it has been put back where ``x`` (N,) takes a slip back."""
    expected = run.expect(terms)
    if watch.open.any():
        before = watch.before
        returned = watch.returned(t, before.distance(x, before.expect(terms)), run)
        run.cov[0, 0, watch.stayed] += run.settings.level_prior  # of a new level as little is known as of the first
        if returned or watch.stayed.any():
            expected = run.expect(terms)
    watch.look(run.distance(x, expected), run)
    return expected


def filter_volumes(
    ds: Days, x: Floats, freq: Freq, grid: VolumeGrid, settings: VolumeSettings, reach: tuple[int, int]
) -> FilteredVolumes:
    """One pass over logs ``x`` (N, T), NaN where missing, on the periods ``ds``.

    ``reach``: horizon and least; forecasts so many periods ahead (0: none, states only) from every period that is
    observed and at least the least-th observation of its series, NaN elsewhere. Slips do not count once they are known.
    """
    horizon, least = reach
    N, T = x.shape
    calendar = np.concatenate([ds, freq.range(freq.shift(ds[-1], 1), horizon)])
    terms, days = seasonal(calendar, freq), working_days(calendar, freq)
    x = x - days[:T]
    seen = np.cumsum(np.isfinite(x), axis=1)
    lasts = [int(np.flatnonzero(np.isfinite(row))[-1]) if np.isfinite(row).any() else -1 for row in x]
    run = _Filter(grid, settings, N, 2 + terms.shape[1])
    watch = Watch(_Filter(grid, settings, N, 2 + terms.shape[1]), (N, T), freq.season)
    if settings.robust:
        watch.known = early_slips(x, least, settings.scale_start, freq.season)
        watch.returns = watch.known < T
        x = np.where(watch.returns, np.nan, x)
    mean, sd = np.full((N, T, horizon), np.nan), np.full((N, T, horizon), np.nan)
    states: list[VolumeState | None] = [None] * N
    for t in range(T):
        if t:
            run.advance()
            if watch.open.any():
                watch.before.advance()
        fresh = np.flatnonzero(np.isfinite(x[:, t]) & (run.count == 0))
        if fresh.size:
            run.begin(fresh, x[fresh, t])
        run.update(x[:, t], _expected(run, watch, t, x[:, t], terms[t]))
        ready = np.isfinite(x[:, t]) & (seen[:, t] >= least) & (horizon > 0)
        ending = [i for i, last in enumerate(lasts) if last == t]
        if ready.any() or ending:
            weights = run.weights()
        if ready.any():
            future = terms[t + 1 : t + 1 + horizon]
            means, sds = _mixture(grid, run.mean, run.cov, run.sigma2, weights, future)
            mean[ready, t], sd[ready, t] = means[ready] + days[t + 1 : t + 1 + horizon], sds[ready]
        for i in ending:
            states[i] = run.state(i, ds[t], freq, weights)
    return FilteredVolumes(mean, sd, states, seen, watch.known)
