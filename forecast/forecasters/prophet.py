"""Prophet on the log (Taylor and Letham, The American Statistician 72, 2018), with two things it lacks.

Its piecewise linear trend goes on for ever: here the last slope, and every slope drawn for the future, dies out. Its
errors are independent: here they are a part that fades (AR(1)) and noise, so that a forecast starts where the series
is, and one step of generalised least squares under these errors refines what Stan found. For Prophet's mode takes a
wandering series for a trend with noise: a step in it comes out wrong and much too sure. What is drawn ahead is
computed from stored numbers, without Prophet.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from forecast.coupling import couple, middles
from forecast.errors import FitFailed, MissingDesign
from forecast.forecasters.base import EFFECT_SD, Coefficients, changes, check, unidentified
from forecast.forecasters.origins import RefitAndExtend
from forecast.forecasters.shocks import Shocks, student
from forecast.interventions import Design
from forecast.timeseries.fourier import seasonal, yearly
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.sample import SIGMA_FLOOR, Sample
from forecast.timeseries.series import Floats

_MIN_OBSERVATIONS = 12
_CHANGEPOINTS, _RANGE, _TAU = 25, 0.8, 0.05  # number, part of the history, scale of their prior: Prophet's own
_WAVE_SD, _RATE_SD = 0.5, 5.0  # of a season's coefficient on the log; of slope and offset (Prophet's own)
_DAMPING = 0.9  # what a month leaves of a slope (Gardner and McKenzie, Management Science 31, 1985)
_YEAR = {"M": 5, "Q": 1, "W": 4, "D": 4, "B": 4, "Y": 0}  # harmonics of the year, and of the week for days
_WEEK = 2
_FADING = 0.98  # what a month leaves of an error that is no noise: series wander, they seldom return to a line
_NOISE = np.array([0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 0.95, 0.98])  # share of an error gone the next period
_APPROXIMATE = "effects of events are approximate: one step of generalised least squares, with a normal spread"
_LOGGERS = ("prophet", "prophet.models", "prophet.plot", "cmdstanpy")


@dataclass(frozen=True)
class Clock:
    """Prophet's time: spans from ``start`` (first observation) to ``end``; slopes may change at ``points`` (S,)."""

    start: np.datetime64
    end: np.datetime64
    points: Floats
    freq: Freq

    @property
    def damping(self) -> float:
        """What one period leaves of a slope."""
        return float(_DAMPING ** (12.0 / self.freq.per_year))

    @property
    def step(self) -> float:
        """One period in spans."""
        return 365.25 / self.freq.per_year / float((self.end - self.start) / np.timedelta64(1, "D"))

    def trend(self, ds: Days) -> Floats:
        """(T, 2 + S) columns of offset, slope and changes of slope on ``ds``; after ``end`` time runs ever slower."""
        time = (ds - self.start) / (self.end - self.start)
        ahead = np.asarray(self.freq.ordinal(ds) - self.freq.ordinal(self.end), dtype=float)
        faded = self.step * self.damping * (1.0 - self.damping ** np.maximum(ahead, 0.0)) / (1.0 - self.damping)
        time = np.where(ahead > 0, 1.0 + faded, time)
        return np.column_stack([np.ones(len(ds)), time, np.maximum(time[:, None] - self.points, 0.0)])

    @property
    def often(self) -> float:
        """The chance that the slope changes in a period yet to come: as often as it did (sec. 3.1.4)."""
        return len(self.points) * self.step / _RANGE

    def turns(self, horizon: int) -> Floats:
        """(H, H) what a unit change of slope in each period adds to the log of each."""
        return _lower(self.step * np.cumsum(self.damping ** np.arange(horizon)))


@dataclass(frozen=True)
class Errors:
    """Errors of variance ``sigma``²: the share ``noise`` is gone the next period, the rest fades by ``rho``."""

    rho: float
    noise: float
    sigma: float

    def filter(self, V: Floats) -> tuple[Floats, Floats, float]:
        """Innovations (T, K) of columns V over their sd, fading part at the last period (K,), and its variance.

        Rows that hold a NaN are gaps.
        """
        v, F, state, P = _filter(V, self.rho, np.array([self.noise]))
        return np.asarray(v[:, 0] / (self.sigma * np.sqrt(F))), state[0], float(P[0]) * self.sigma**2

    @classmethod
    def fit(cls, left: Floats, rho: float) -> Errors:
        """Share of noise and size by maximum likelihood over a grid, from residuals (T,) with gaps."""
        v, F, _, _ = _filter(left[:, None], rho, _NOISE)
        seen = np.isfinite(left)
        variance = np.maximum(np.mean(v[seen, :, 0] ** 2 / F[seen], axis=0), 1e-12)
        best = int(np.argmin(np.log(F[seen]).mean(axis=0) + np.log(variance)))
        noise = float(_NOISE[best])
        least = SIGMA_FLOOR / np.sqrt(noise + (1.0 - noise) * (1.0 - rho**2))
        return cls(rho, noise, max(float(np.sqrt(variance[best])), float(least)))

    def ahead(self, horizon: int) -> Floats:
        """(H, 2H) what Student-t shocks do to the errors of each period: those that are gone the next, and the rest."""
        fading = np.sqrt((1.0 - self.noise) * (1.0 - self.rho**2)) * _lower(self.rho ** np.arange(horizon))
        return self.sigma * np.hstack([np.sqrt(self.noise) * np.eye(horizon), fading])


@dataclass(frozen=True, eq=False)
class ProphetFit:
    """``mean`` (P,) and ``cov`` (P, P) of effects, trend and season on the log around ``centre``, and errors.

    ``size``: of a slope change; ``state``: the fading error at the last period before anything is explained, with its
    ``variance``; ``force`` (P,): how much of it a unit of each column explains.
    """

    family: ClassVar[str] = "prophet"
    effects: tuple[str, ...]
    clock: Clock
    seasonal: bool
    centre: float
    size: float
    errors: Errors
    mean: Floats
    cov: Floats
    state: float
    force: Floats
    variance: float
    last: np.datetime64
    notes: tuple[str, ...]

    @property
    def coefficients(self) -> Coefficients:
        k = len(self.effects)
        return Coefficients(self.effects, self.mean[:k], self.cov[:k, :k])

    def simulate(self, future: Design, n: int, seed: int) -> Floats:
        """(n, H) paths: effects, trend that may turn, season, and the last error fading into new ones; exact margins.

        A coefficient that is drawn too high has made the last error too low: the two move together.
        """
        rng, horizon, often = np.random.default_rng(seed), len(future.ds), self.clock.often
        fading = self.errors.rho ** np.arange(1, horizon + 1)
        columns = columns_on(future.ds, future.select(self.effects).X, self.clock, self.seasonal)
        columns -= np.outer(fading, self.force)
        mean = self.centre + fading * self.state + columns @ self.mean
        covariance = columns @ self.cov @ columns.T + self.variance * np.outer(fading, fading)
        errors, turns = self.errors.ahead(horizon), self.size * self.clock.turns(horizon)
        shocks = Shocks(errors, np.maximum(np.diag(covariance), 0.0), turns, often)
        paths = rng.multivariate_normal(np.zeros(horizon), covariance, size=n, method="eigh").T
        paths += errors @ student((2 * horizon, n), rng)
        paths += turns @ (rng.laplace(size=(horizon, n)) * (rng.random((horizon, n)) < often))
        return couple(paths, mean[:, None] + shocks.quantiles(middles(n))).T

    def extend(self, y: Sample, design: Design | None = None) -> ProphetFit:
        """The same trend, season and effects; the errors of ``y``."""
        check(y, _MIN_OBSERVATIONS)
        if design is None and self.effects:
            raise MissingDesign(self.effects)
        chosen = (design or Design.empty(y.ds)).select(self.effects)
        columns = columns_on(y.ds, chosen.X, self.clock, self.seasonal)
        _, state, variance = self.errors.filter(np.column_stack([y.x - self.centre, columns]))
        return replace(self, state=float(state[0]), force=state[1:], variance=variance, last=y.ds[-1])


@dataclass(frozen=True)
class ProphetForecaster(RefitAndExtend):
    """Linear trend with changes; a season for volumes with two cycles; columns as regressors with prior N(0, 0.2²)."""

    family: ClassVar[str] = "prophet"
    estimates_effects: ClassVar[bool] = True

    def fit(self, y: Sample, design: Design) -> ProphetFit:
        """The posterior mode. Raises ``TooShort`` or ``FitFailed``."""
        check(y, _MIN_OBSERVATIONS)
        if np.sqrt(np.nanmean(changes(y.x) ** 2)) <= SIGMA_FLOOR:
            return _constant(y, design)
        seen = np.isfinite(y.x)
        ds, x, k = y.ds[seen], y.x[seen], len(design.names)
        centre, seasonal = float(x.mean()), not y.is_price and seen.sum() >= 2 * y.freq.season
        spread = float(np.abs(x - centre).max())
        points = _points(ds)
        clock = Clock(ds[0], ds[-1], points, y.freq)
        columns = columns_on(ds, design.X[seen], clock, seasonal)
        trend = slice(k, k + 2 + len(points))
        prior = np.full(columns.shape[1], _WAVE_SD)
        prior[:k], prior[trend] = EFFECT_SD, spread * np.array([_RATE_SD, _RATE_SD, *[np.sqrt(2) * _TAU] * len(points)])
        plain = np.ones(len(prior), dtype=bool)
        plain[trend] = False
        mode, warnings = _mode(ds, (x - centre) / spread, points, columns[:, plain], prior[plain] / spread)
        mean = np.empty(len(prior))
        mean[trend] = spread * np.array([mode["m"][0], mode["k"][0], *mode["delta"]])
        mean[plain] = spread * mode["beta"][: plain.sum()]
        size = float(np.abs(mean[trend][2:]).mean())
        # the quadratic that touches the Laplace prior at the mode keeps the slopes that Prophet found idle idle
        prior[trend][2:] = np.sqrt(spread * _TAU * np.maximum(np.abs(mean[trend][2:]), 1e-6 * spread))
        both = np.column_stack([y.x - centre, columns_on(y.ds, design.X, clock, seasonal)])
        fading = _FADING ** (12.0 / y.freq.per_year)
        white = Errors.fit(both[:, 0] - both[:, 1:] @ mean, fading).filter(both)[0]
        information = white[:, 1:].T @ white[:, 1:]
        cov = np.linalg.inv(information + np.diag(prior**-2.0))
        mean = cov @ white[:, 1:].T @ white[:, 0]
        errors = Errors.fit(both[:, 0] - both[:, 1:] @ mean, fading)
        information[k:, k:] += np.diag(prior[k:] ** -2.0)
        notes = (*warnings, *unidentified(design.names, information), *([_APPROXIMATE] if k else []))
        start = ProphetFit(
            design.names,
            clock,
            seasonal,
            centre,
            size,
            errors,
            mean,
            (cov + cov.T) / 2.0,
            0.0,
            mean,
            0.0,
            ds[-1],
            notes,
        )
        return start.extend(y, design)


def columns_on(ds: Days, effects: Floats, clock: Clock, seasonal: bool) -> Floats:
    """(T, P) effects, trend, and season on ``ds``, from one definition for sample and future."""
    season = waves(ds, clock.freq) if seasonal else np.zeros((len(ds), 0))
    return np.hstack([effects, clock.trend(ds), season])


def _lower(response: npt.NDArray[np.floating]) -> Floats:
    """(H, H) the ``response`` (H,) to a shock in each period, from that period on."""
    age = np.subtract.outer(np.arange(len(response)), np.arange(len(response)))
    return np.where(age >= 0, response[age], 0.0)


def _points(ds: Days) -> Floats:
    """Times (spans) where the slope may change: evenly over the observations of the first 80 %, the first left out."""
    time = (ds - ds[0]) / (ds[-1] - ds[0])
    early = int(len(ds) * _RANGE)
    count = min(_CHANGEPOINTS, early // 3)
    return np.asarray(time[np.linspace(0, early - 1, count + 1).round().astype(int)[1:]], dtype=float)


def waves(ds: Days, freq: Freq) -> Floats:
    """(T, P) Fourier terms of the year (and of the week for days); no column for years."""
    week = seasonal(ds, freq, _WEEK) if freq.unit in "DB" else np.zeros((len(ds), 0))
    return np.hstack([yearly(ds, freq, _YEAR[freq.unit]), week])


def _mode(
    ds: Days, z: Floats, points: Floats, columns: Floats, sd: Floats
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """Prophet's parameters at the mode, in spans and units of ``z``, and what it or Stan warned of."""
    with _listening() as heard:
        import pandas as pd
        from prophet import Prophet

        days = ds[0] + np.round(points * (ds[-1] - ds[0]).astype(int)).astype("timedelta64[D]")
        model = Prophet(
            changepoints=[pd.Timestamp(day) for day in days],
            changepoint_prior_scale=_TAU,
            yearly_seasonality=False,
            weekly_seasonality=False,
            daily_seasonality=False,
            uncertainty_samples=0,
        )
        frame = {"ds": pd.DatetimeIndex(ds.astype("datetime64[ns]")), "y": z}
        for i, scale in enumerate(sd):
            model.add_regressor(f"x{i}", prior_scale=float(scale), standardize=False)
            frame[f"x{i}"] = columns[:, i]
        try:
            model.fit(pd.DataFrame(frame), seed=1)
        except (RuntimeError, ValueError) as error:
            raise FitFailed(f"prophet: {error}") from error
    mode = {name: np.asarray(model.params[name], dtype=float)[0] for name in ("k", "m", "delta", "beta", "sigma_obs")}
    if not all(np.isfinite(value).all() for value in mode.values()):
        raise FitFailed("prophet: the mode has values that are not finite")
    return mode, tuple(f"did not converge: {line}" for line in heard)


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """Warnings of Prophet and Stan go to a list instead of the terminal; their chatter and imports go nowhere."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "plotly" not in record.getMessage():
                heard.append(record.getMessage())

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger.handlers, logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [Ear(logging.WARNING)], False
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="prophet")  # about pandas
            yield heard
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)


def _filter(V: Floats, rho: float, noise: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Kalman filter of columns V (T, K) under G shares of ``noise`` in errors of variance 1.

    Innovations (T, G, K) and their variances (T, G), 0 and 1 in a gap; state (G, K) at the last period, variance (G,).
    """
    v, F = np.zeros((len(V), len(noise), V.shape[1])), np.ones((len(V), len(noise)))
    state, P = np.zeros((len(noise), V.shape[1])), 1.0 - noise
    fresh = (1.0 - noise) * (1.0 - rho**2)
    whole: npt.NDArray[np.bool_] = np.asarray(np.isfinite(V).all(axis=1))
    for t, seen in enumerate(whole):
        if t:
            state, P = rho * state, rho**2 * P + fresh
        if seen:
            v[t], F[t] = V[t] - state, P + noise
            gain = P / F[t]
            state, P = state + gain[:, None] * v[t], (1.0 - gain) * P
    return v, F, state, P


def _constant(y: Sample, design: Design) -> ProphetFit:
    """A history that never moved: small steps from its value, and effects of which nothing is known."""
    k = len(design.names)
    clock = Clock(y.ds[0], y.ds[-1], np.zeros(0), y.freq)
    cov = np.diag([EFFECT_SD**2] * k + [0.0, 0.0])
    notes = ("the series never moved", *unidentified(design.names, np.zeros((k, k))))
    errors, mean = Errors(0.999, 0.0, SIGMA_FLOOR / np.sqrt(1.0 - 0.999**2)), np.zeros(k + 2)
    start = ProphetFit(
        design.names, clock, False, float(y.x[-1]), 0.0, errors, mean, cov, 0.0, mean, 0.0, y.ds[-1], notes
    )
    return start.extend(y, design)
