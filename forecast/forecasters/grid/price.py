"""Prices: a grid of ARIMA(1, 1, 1) on the log, averaged by discounted predictive likelihood, in one pass.

A monthly mean of daily prices is serially correlated even when the price is a random walk (Working, Econometrica 28,
1960), hence the moving average; which φ and θ serve is averaged over as evidence comes in (dynamic model averaging:
Raftery, Kárný and Ettler, Technometrics 52, 2010; West and Harrison, Bayesian Forecasting and Dynamic Models, 1997,
ch. 12). Volatility is two exponentially weighted variances, fast and slow (RiskMetrics, 1996), as in a component
GARCH (Engle and Lee, 1999). Beside it prices revert slowly to their long-run mean (``reversion``). Nothing is
optimised, so every period of every series is an origin at no further cost.

Shapes: N series, T periods, G models, R speeds of reversion, H horizons.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt

from forecast.forecasters.calibration import Margins
from forecast.forecasters.grid.reversion import Reversion
from forecast.forecasters.grid.slips import Watch, early_slips
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Floats


@dataclass(frozen=True, eq=False)
class PriceGrid:
    """The models: AR ``phi`` (G,) and MA ``theta`` (G,) of the log change, with the log of their prior weights."""

    phi: Floats
    theta: Floats

    @classmethod
    def default(cls) -> PriceGrid:
        """36 models; φ + θ = 0 is the random walk, which stands in once."""
        phis, thetas = (0.0, 0.15, 0.3, 0.45, 0.6), (-0.6, -0.4, -0.2, 0.0, 0.15, 0.3, 0.45, 0.6)
        pairs = [(p, q) for p, q in product(phis, thetas) if p + q != 0 or p == q == 0]
        return cls(np.array([p for p, _ in pairs]), np.array([q for _, q in pairs]))

    @property
    def log_prior(self) -> Floats:
        """Normal in φ around 0 and in θ around .2, near the .27 that averaging a random walk gives."""
        return np.asarray(-(self.phi**2) / (2 * 0.5**2) - (self.theta - 0.2) ** 2 / (2 * 0.4**2))

    def psi_sums(self, horizon: int) -> Floats:
        """C (H, G): C_k = 1 + ψ_1 + … + ψ_k, ψ_i = φ^(i-1) (φ + θ): what an innovation does to the log k later."""
        i = np.arange(1, horizon)[:, None]
        psi = np.vstack([np.ones(len(self.phi)), self.phi ** (i - 1.0) * (self.phi + self.theta)])
        return np.asarray(np.cumsum(psi, axis=0))

    def path(self, horizon: int) -> Floats:
        """K (H, G): the expected log at h less the last, per unit of the expected next change: Σ_{j≤h} φ^(j-1)."""
        return np.asarray(np.cumsum(self.phi ** np.arange(horizon)[:, None], axis=0))


@dataclass(frozen=True)
class PriceSettings:
    """Gains and floors; the defaults are for months, without reversion."""

    memory: float = 0.998  # discount of the log likelihood
    pooling: float = 0.3  # weight of the other series' log likelihood
    damping: float = 0.98  # of the mean path, per period
    fast: float = 0.90
    slow: float = 0.997
    reversion: float = 0.85  # of the fast variance to the slow one, per period
    start: float = 0.06
    floor: float = 0.02
    still: float = 1e-4  # a smaller log change is none
    clip: float = 4.0  # innovations count as at most so many standard deviations
    stay_gains: tuple[float, float] = (0.03, 0.05)  # learning no-change after a change, after none
    means: Reversion = field(default_factory=Reversion.none)

    @classmethod
    def of(cls, freq: Freq) -> PriceSettings:
        """Sizes of a log change in proportion to the square root of a period's length."""
        scale = (12 / freq.per_year) ** 0.5
        return cls(start=cls.start * scale, floor=cls.floor * scale, still=cls.still * scale, means=Reversion.of(freq))


@dataclass(frozen=True, eq=False)
class Pooled:
    """Pooled statistics of the other series at the periods ``ds`` (T,): mean log likelihood of each model ``score`` (T,
    G) and mean log slow variance ``log_slow`` (T,), NaN where no other series has begun."""

    ds: Days
    score: Floats
    log_slow: Floats

    @classmethod
    def nothing(cls, ds: Days, G: int) -> Pooled:
        """Pooled statistics of no other series."""
        return cls(ds, np.zeros((len(ds), G)), np.full(len(ds), np.nan))

    def at(self, ds: Days) -> Pooled:
        """On other dates: what had been said by then; nothing before the first period."""
        place = np.searchsorted(self.ds, ds, side="right") - 1
        known = place >= 0
        score = np.where(known[:, None], self.score[place], 0.0)
        return Pooled(ds, score, np.where(known, self.log_slow[place], np.nan))

    def row(self, t: int) -> tuple[Floats, Floats]:
        """Period number ``t``, for a single series or for all alike."""
        return self.score[t], self.log_slow[t : t + 1]


@dataclass(frozen=True, eq=False)
class PriceStates:
    """Filtered states of series at origins: all that their forecasts need. Leading shape (N, T), or () for one origin.

    ``x`` (...): last log; ``step`` (..., G): expected next change of each model, ``weights`` (..., G); ``fast``,
    ``slow`` (...): variances of a change; ``p_first``, ``p_again`` (...): chance of no change next, and of none
    again after none; ``gap`` (...): long-run mean less the last log, ``speeds`` (..., R): weights of the speeds at
    which it closes.
    """

    grid: PriceGrid
    settings: PriceSettings
    x: Floats
    step: Floats
    weights: Floats
    fast: Floats
    slow: Floats
    p_first: Floats
    p_again: Floats
    gap: Floats
    speeds: Floats

    def at(self, i: int, t: int) -> PriceStates:
        """One origin of one series."""
        chances = (self.p_first, self.p_again)
        arrays = (self.x, self.step, self.weights, self.fast, self.slow, *chances, self.gap, self.speeds)
        return PriceStates(self.grid, self.settings, *(np.array(a[i, t]) for a in arrays))

    def pull(self, horizon: int) -> Floats:
        """(..., H) expected log less that without reversion: the mean share of the gap that has closed, times it."""
        return np.asarray(self.gap[..., None] * (self.speeds @ self.settings.means.closed(horizon)))

    def describe_reversion(self) -> str:
        """One sentence for a card, about one origin; empty without a long-run mean. The way is one of ratios, so that
        what it comes to in a year is said too."""
        means = self.settings.means
        if not means.windows or self.gap == 0:
            return ""
        off, share = float(np.expm1(self.gap)), float(self.speeds @ means.closed(means.year)[:, -1])
        side = f"{100 * abs(off):.0f} % {'above' if off > 0 else 'below'} the last value"
        if share < 0.005:
            return f"not drawn to {means.describe()}, {side}: what it did so far speaks against it"
        year = f"{100 * float(np.expm1(self.gap * share)):+.0f} %"
        return f"drawn to {means.describe()}, {side}: {100 * share:.0f} % of the way in a year, {year}"

    def variances(self, horizon: int) -> Floats:
        """σ² of the innovations 1..H ahead (..., H): the fast variance reverts to the slow one."""
        decay = self.settings.reversion ** np.arange(1, horizon + 1)
        return np.asarray(self.slow[..., None] + decay * (self.fast - self.slow)[..., None])

    def margins(self, horizon: int) -> Margins:
        """Margins (..., H) of the log; NaN where the origin itself was not observed.

        m_h = .98^(h-1) Σ_g w_g step_g K_hg + gap Σ_r v_r (1 - (1-κ_r)^h);  S_h² = Σ_j E_w[C²_{h-j}] σ²_j + Var(m_h).
        """
        K, h = self.grid.path(horizon).T, np.arange(horizon)
        damp = self.settings.damping**h
        mean = (self.weights * self.step) @ K * damp
        spread = np.maximum((self.weights * self.step**2) @ K**2 * damp**2 - mean**2, 0.0)
        closed, pull = self.settings.means.closed(horizon), self.pull(horizon)
        spread += np.maximum(self.gap[..., None] ** 2 * (self.speeds @ closed**2) - pull**2, 0.0)
        squares, variances = self.weights @ (self.grid.psi_sums(horizon).T ** 2), self.variances(horizon)
        total = np.stack([(squares[..., k::-1] * variances[..., : k + 1]).sum(-1) for k in h], axis=-1)
        first, again = self.p_first[..., None], self.p_again[..., None]
        still = np.where(first >= 0.5, first * again**h, 0.0)
        return Margins(self.x[..., None] + mean + pull, np.sqrt(total + spread), np.minimum(still, 0.999), self.x)

    def paths(self, horizon: int, n: int, rng: np.random.Generator) -> Floats:
        """(n, H) joint paths of one origin: a model and a speed by their weights, Student-t innovations, no change as a
        chain."""
        model = rng.choice(len(self.weights), size=n, p=self.weights)
        phi, theta, change = self.grid.phi[model], self.grid.theta[model], self.step[model]
        noise = rng.standard_t(5, size=(n, horizon)) / np.sqrt(5 / 3) * np.sqrt(self.variances(horizon))
        # where the margin has no point at the anchor, the path needs none
        chances = np.where(np.arange(horizon) == 0, self.p_first, self.p_again) * (self.p_first >= 0.5)
        stay = np.logical_and.accumulate(rng.random((n, horizon)) < chances, axis=1)
        pull = self.gap * self.settings.means.closed(horizon)[rng.choice(len(self.speeds), size=n, p=self.speeds)]
        level, paths = np.full(n, float(self.x)), np.empty((n, horizon))
        for h in range(horizon):
            change = change + noise[:, h]
            level = level + change
            change = phi * change + theta * noise[:, h]
            paths[:, h] = np.where(stay[:, h], self.x, level + pull[:, h])
        return paths


@dataclass(frozen=True, eq=False)
class FilteredPrices:
    """The filtered states of prices at every period, and the statistics that they pool.

    ``score`` (N, T, G): log likelihoods; ``slow`` (N, T): slow variance before pooling (``states`` has it pooled);
    ``seen`` (N, T): observations so far; ``slips`` (N, T): when a value was known to be one (``Watch.known``);
    ``began`` (N, T): whether others pool what it says.
    """

    ds: Days
    states: PriceStates
    score: Floats
    slow: Floats
    seen: npt.NDArray[np.int64]
    slips: npt.NDArray[np.int64]
    began: npt.NDArray[np.bool_]

    def margins(self, horizon: int) -> Margins:
        """Forecasts of the log from every period, (N, T, H)."""
        return self.states.margins(horizon)

    def state(self, i: int, t: int) -> PriceStates:
        """Where series ``i`` stands in period ``t``."""
        return self.states.at(i, t)

    def pooled(self, i: int) -> Pooled:
        """The statistics of the other series for series ``i``: a pass over it alone then gives the same numbers. -1:
        for a series that is not among them."""
        score, logs, count = self._totals
        if i >= 0:
            began = self.began[i]
            score = score - np.where(began[:, None], self.score[i], 0.0)
            logs, count = logs - np.where(began, np.log(self.slow[i]), 0.0), count - began
        mean_log = np.where(count > 0, logs / np.maximum(count, 1), np.nan)
        return Pooled(self.ds, score / np.maximum(count, 1)[:, None], mean_log)

    @cached_property
    def _totals(self) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
        began = self.began
        score = np.where(began[..., None], self.score, 0.0).sum(axis=0)
        return score, np.where(began, np.log(self.slow), 0.0).sum(axis=0), began.sum(axis=0)


def filter_prices(
    ds: Days,
    x: Floats,
    grid: PriceGrid,
    settings: PriceSettings,
    *,
    pooled: Pooled | None = None,
    least: int = 0,
) -> FilteredPrices:
    """One pass over logs ``x`` (N, T), NaN where missing, on the periods ``ds``.

    The series pool what they say of the models and of long-run volatility among themselves; ``pooled`` replaces that
    by what was learned elsewhere. A change over a gap is not used: the expected change stands in for it. Nor is that to
    a large value that the next ones take back, nor that back. ``least``: observations before the first forecast, if all
    of them may serve to find slips among them.
    """
    N, T = x.shape
    G = len(grid.phi)
    nothing = np.full(N, np.nan)
    others, log_prior = None if pooled is None else pooled.at(ds), grid.log_prior
    run, watch = _Filter(grid, settings, N), Watch(_Filter(grid, settings, N), (N, T))
    seen = np.cumsum(np.isfinite(x), axis=1)
    watch.known = early_slips(x, least, settings.start)
    began = seen >= max(least, 1)  # before that a series leaves out slips that nobody could know of yet
    trusted = np.where(watch.known < T, np.nan, x)
    out_step, out_weights, out_score = (np.empty((N, T, G)) for _ in range(3))
    out_fast, out_slow, out_pooled, out_first, out_again = (np.empty((N, T)) for _ in range(5))
    for t in range(T):
        value = trusted[:, t]
        watch.returned(t, watch.before.distance(value), run)
        watch.look(run.distance(value), run)
        if watch.open.any():
            watch.before.advance(nothing)
        run.advance(value)
        mean_score, mean_log = _others(run.score, run.slow, began[:, t]) if others is None else others.row(t)
        run.weights = softmax(log_prior + run.score + settings.pooling * mean_score)
        own = np.log(run.slow)
        out_step[:, t], out_weights[:, t], out_score[:, t] = run.step, run.weights, run.score
        out_fast[:, t], out_slow[:, t] = run.fast, run.slow
        out_pooled[:, t] = np.exp((own + np.where(np.isfinite(mean_log), mean_log, own)) / 2)
        out_first[:, t], out_again[:, t] = run.stay[np.arange(N), run.after], run.stay[:, 1]
    means, nowhere = settings.means, np.zeros((N, T, len(settings.means.speeds)))
    states = PriceStates(
        grid, settings, x, out_step, out_weights, out_fast, out_pooled, out_first, out_again, np.zeros((N, T)), nowhere
    )
    gaps = means.gaps(x, watch.known)
    ahead = states.margins(max(means.judged, default=1))
    speeds = softmax(means.log_weights(x, watch.known, ahead, settings.memory))
    return FilteredPrices(ds, replace(states, gap=gaps, speeds=speeds), out_score, out_slow, seen, watch.known, began)


class _Filter:
    """The running state of all series, updated period by period: arrays (N, G) and (N,)."""

    def __init__(self, grid: PriceGrid, settings: PriceSettings, N: int) -> None:
        self.grid, self.settings = grid, settings
        self.last, self.gap = np.full(N, np.nan), np.ones(N, dtype=int)
        self.step, self.score = np.zeros((N, len(grid.phi))), np.zeros((N, len(grid.phi)))
        self.weights = np.tile(softmax(grid.log_prior), (N, 1))
        self.fast, self.slow = np.full(N, settings.start**2), np.full(N, settings.start**2)
        self.stay, self.after, self.moves = np.tile([0.0, 0.5], (N, 1)), np.zeros(N, dtype=int), np.zeros(N)

    def take(self, rows: npt.NDArray[np.bool_], other: _Filter) -> None:
        """Put ``rows`` where they are in ``other``."""
        for name in ("last", "gap", "step", "score", "weights", "fast", "slow", "stay", "after", "moves"):
            old, new = getattr(self, name), getattr(other, name)
            setattr(self, name, np.where(rows.reshape(-1, *[1] * (new.ndim - 1)), new, old))

    def distance(self, x: Floats) -> Floats:
        """How far ``x`` (N,) lies from the last log, in standard deviations of a change over so many periods."""
        return np.asarray(np.abs(x - self.last) / np.sqrt(np.maximum(self.fast, self.slow) * self.gap))

    def advance(self, x: Floats) -> None:
        """One period on, with the logs ``x`` (N,), NaN where missing."""
        d = np.where(self.gap == 1, x - self.last, np.nan)
        self.last, self.gap = np.where(np.isfinite(x), x, self.last), np.where(np.isfinite(x), 1, self.gap + 1)
        settings = self.settings
        known = np.isfinite(d)
        error = np.where(known[:, None], d[:, None] - self.step, 0.0)
        likelihood = -3 * np.log1p(error**2 / (3 * self.fast[:, None]))
        self.score = np.where(known[:, None], settings.memory * self.score + likelihood, self.score)
        moved = known & (np.abs(d) >= settings.still)
        self._learn_variances((self.weights * error).sum(axis=1), moved)
        self._learn_staying(known, moved)
        self.moves = self.moves + moved
        self.step = self.grid.phi * (self.step + error) + self.grid.theta * error

    def _learn_variances(self, error: Floats, moved: npt.NDArray[np.bool_]) -> None:
        # of the averaged innovation; periods without change teach nothing about the size of one
        settings, fast, slow = self.settings, self.fast, self.slow
        square = np.minimum(error**2, settings.clip**2 * np.maximum(fast, slow))
        young = 1 / (self.moves + 2)
        quick, long = (np.maximum(1 - discount, young) for discount in (settings.fast, settings.slow))
        self.slow = np.where(moved, np.maximum(slow + long * (square - slow), settings.floor**2), slow)
        self.fast = np.where(moved, np.maximum(fast + quick * (square - fast), 0.4**2 * self.slow), fast)

    def _learn_staying(self, known: npt.NDArray[np.bool_], moved: npt.NDArray[np.bool_]) -> None:
        # the chance of no change after a change (column 0) and after none (column 1), and which of the two is next
        rows, stay = np.arange(len(self.stay)), self.stay.copy()
        gain = np.where(known, np.array(self.settings.stay_gains)[self.after], 0.0)
        stay[rows, self.after] += gain * (~moved - stay[rows, self.after])
        self.stay, self.after = stay, np.where(known, (~moved).astype(int), self.after)


def _others(score: Floats, slow: Floats, began: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """For each series, the mean over the other ones that have begun: of ``score`` (N, G), and of log ``slow`` (N,)."""
    count = began.sum() - began
    total = np.where(began[:, None], score, 0.0)
    logs = np.where(began, np.log(slow), 0.0)
    mean_score = (total.sum(axis=0) - total) / np.maximum(count, 1)[:, None]
    return mean_score, np.where(count > 0, (logs.sum() - logs) / np.maximum(count, 1), np.nan)


def softmax(logs: Floats) -> Floats:
    """Weights from their logs, over the last axis."""
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
