"""Random walk on the log, without drift, with Student-t innovations; the last cycle repeated, for the seasonal naive.

``Repeat`` serves the seasonal naive forecast too, which repeats the last cycle where this repeats the last value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecast.coupling import couple, middles
from forecast.forecasters.base import Coefficients, changes, check, refuse_columns
from forecast.forecasters.origins import RefitAndExtend
from forecast.forecasters.shocks import Shocks, student
from forecast.interventions import Design
from forecast.timeseries.sample import SIGMA_FLOOR, Sample
from forecast.timeseries.series import Floats
from forecast.wording import counted

_DECAY = 0.94  # weight of the period before, half-life 11 periods (J.P. Morgan, RiskMetrics, 1996)
_CAP = 4.0  # a change beyond so many standard deviations counts as this many
_PRICE_SD, _FLOW_SD = 0.06, 0.25  # prior sd of a monthly log change; it counts as two changes
_PRIOR_N = 2


@dataclass(frozen=True, eq=False)
class Repeat:
    """The last cycle repeated, with the errors of that forecast in the past.

    ``cycle`` (s,): the last value of each season, oldest season first; ``age`` (s,): how many cycles old each is (0:
    it stands in the last cycle); ``sigma``: standard deviation of a change over one cycle; ``rho``: correlation of
    neighbouring changes; ``bound``: no change over h periods has a larger variance than the first plus h times the
    second.
    """

    family: str
    last: np.datetime64
    cycle: Floats
    age: Floats
    sigma: float
    rho: float
    notes: tuple[str, ...]
    bound: tuple[float, float] = (np.inf, 0.0)
    coefficients: ClassVar[Coefficients] = Coefficients()

    def simulate(self, future: Design, n: int, seed: int) -> Floats:
        """(n, H) paths: season's last value + sum, over the cycles since, of AR(1) Student-t changes; exact margins.

        The changes start from their stationary law, so each horizon of the first cycle has the spread of a past
        change, and monthly averages, whose changes are correlated (Working, Econometrica 28, 1960), spread faster
        than the root of time.
        """
        horizon, rng = len(future.ds), np.random.default_rng(seed)
        season, weights = np.arange(horizon) % len(self.cycle), self._weights(horizon)
        shocks = Shocks(weights, (self.sigma**2 * self.age)[season])
        older = self.sigma * np.sqrt(self.age) * rng.standard_normal((n, len(self.cycle)))
        paths = weights @ student((horizon, n), rng) + older.T[season]
        return couple(paths, self.cycle[season][:, None] + shocks.quantiles(middles(n))).T

    def _weights(self, horizon: int) -> Floats:
        """(H, H) what each shock does to the log of each period."""
        weights, change = np.zeros((horizon, horizon)), np.eye(1, horizon)[0]
        for h in range(horizon):
            if h:
                change = self.rho * change + np.sqrt(1.0 - self.rho**2) * np.eye(1, horizon, h)[0]
            weights[h] = change + (weights[h - len(self.cycle)] if h >= len(self.cycle) else 0.0)
        weights *= self.sigma
        most = self.bound[0] + self.bound[1] * np.arange(1, horizon + 1)
        return np.asarray(weights * np.sqrt(np.minimum(most / (weights**2).sum(axis=1), 1.0))[:, None])

    def extend(self, y: Sample, design: Design | None = None) -> Repeat:
        """The recipe applied to ``y``; there is nothing in it that takes time to learn."""
        return repeat(self.family, y, design, len(self.cycle))


@dataclass(frozen=True)
class RandomWalk(RefitAndExtend):
    """The last value; innovations Student-t with the recent standard deviation."""

    family: ClassVar[str] = "random-walk"
    estimates_effects: ClassVar[bool] = False

    def fit(self, y: Sample, design: Design) -> Repeat:
        return repeat(self.family, y, design, 1)


def repeat(family: str, y: Sample, design: Design | None, season: int) -> Repeat:
    """Learn to repeat the last ``season`` periods of ``y``; needs three observations and one of each season.

    A season that is missing in the last cycle comes from the cycle before. With less than a cycle and three changes
    the cycle is one period, and a note says so: what scatters about a level then looks like a walk, and must not stray
    farther than the values do from each other, but for what flows usually move in a period.
    """
    refuse_columns(family, design)
    check(y, 3)
    notes: list[str] = []
    folded, moves = _fold(_awake(y, season) if season > 1 else y.x, season), changes(y.x, season)
    variance = (_PRICE_SD if y.is_price else _FLOW_SD) ** 2 * 12.0 / y.freq.per_year
    bound = (np.inf, 0.0)
    if season > 1 and (not np.isfinite(folded).any(axis=0).all() or np.isfinite(moves).sum() < 3):
        notes.append(f"too few values for a season of {counted(season, y.freq.period)}: the last value is repeated")
        season = 1
        folded, moves = _fold(y.x, 1), changes(y.x, 1)
        bound = bound if y.is_price else (2.0 * float(np.nanvar(y.x, ddof=1)), variance)
    age = np.isfinite(folded)[::-1].argmax(axis=0)
    if season > 1:
        variance *= 2.0  # mostly noise at both ends
    sigma = _recent_sd(moves, variance)
    if np.nanmax(y.x) - np.nanmin(y.x) < SIGMA_FLOOR:
        notes.append("the series never moved")
    cycle = folded[len(folded) - 1 - age, np.arange(season)]
    rho = _neighbours(moves, season)
    return Repeat(family, y.ds[-1], cycle, age.astype(float), sigma, rho, tuple(notes), bound)


def _awake(y: Sample, season: int) -> Floats:
    """The logs; a season that never has trade, such as Sundays, has the value before it."""
    seasons = np.arange(len(y)) % season
    with_trade = np.unique(seasons[np.isfinite(y.x)])
    x = y.x.copy()
    for t in y.zeros:
        if t and seasons[t] not in with_trade:
            x[t] = x[t - 1]
    return x


def _fold(x: Floats, season: int) -> Floats:
    """(cycles, season), ended with the last value, NaN where the first cycle is not full."""
    return np.concatenate([np.full(-len(x) % season, np.nan), x]).reshape(-1, season)


def _recent_sd(moves: Floats, prior: float) -> float:
    """Root of the mean of the recent (exponentially weighted) and the long-run variance, outliers cut, around 0."""
    d = moves[np.isfinite(moves)]
    weights = np.array([_DECAY ** np.arange(len(d))[::-1], np.ones(len(d))])
    cap = _CAP * np.sqrt((np.sum(d**2) + _PRIOR_N * prior) / (len(d) + _PRIOR_N))
    squares = np.minimum(d**2, cap**2)
    variances = (weights @ squares + _PRIOR_N * prior) / (weights.sum(axis=1) + _PRIOR_N)
    return max(float(np.sqrt(variances.mean())), SIGMA_FLOOR)


def _neighbours(moves: Floats, season: int) -> float:
    """Lag-one correlation of changes, shrunk towards 0 as if two years had shown none; within (−0.5, 0.95)."""
    a, b = moves[:-1], moves[1:]
    both = np.isfinite(a) & np.isfinite(b)
    pairs, power = int(both.sum()), float(np.nanmean(moves**2))
    if pairs < 3 or power == 0.0:
        return 0.0
    rho = float(np.mean(a[both] * b[both])) / power * pairs / (pairs + 24)
    return float(np.clip(rho, -0.5, 0.95 if season > 1 else 0.5))
