"""Prophet on the log (Taylor and Letham, The American Statistician 72, 2018), with two things it lacks.

Its piecewise linear trend goes on for ever: here the last slope, and every slope drawn for the future, dies out. Its
errors are independent: here the residual at the last period fades as residuals did, so that a forecast starts where
the series is. Stan finds the mode of the posterior; what is drawn ahead is computed from stored numbers, without
Prophet.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from forecast.calendars import Days, Freq
from forecast.errors import FitFailed, MissingDesign
from forecast.forecasters.base import EFFECT_SD, SIGMA_FLOOR, Coefficients, Sample, changes, check, unidentified
from forecast.interventions import Design
from forecast.series import Floats

_LEAST = 12
_CHANGEPOINTS, _RANGE, _TAU = 25, 0.95, 0.1  # number, part of the history they cover, scale of their Laplace prior
_WAVE_SD, _RATE_SD = 0.5, 5.0  # of a season's coefficient on the log; of slope and offset (Prophet's own)
_DAMPING = 0.9  # what a month leaves of a slope (Gardner and McKenzie, Management Science 31, 1985)
_DF = 5
_WAVES = {"M": ((365.25, 5),), "Q": ((365.25, 1),), "W": ((365.25, 4),)}
_DAILY = ((365.25, 4), (7.0, 2))
_APPROXIMATE = "the spread of the effects is a normal approximation around the posterior mode"
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

    def turns(self, n: int, horizon: int, size: float, rng: np.random.Generator) -> Floats:
        """(n, horizon) what slope changes yet to come add: as often and as large as those of the past (§3.1.4)."""
        often = len(self.points) * self.step / _RANGE
        new = rng.laplace(0.0, size, (n, horizon)) * (rng.random((n, horizon)) < often)
        slope, level, out = np.zeros(n), np.zeros(n), np.empty((n, horizon))
        for h in range(horizon):
            slope = self.damping * slope + new[:, h]
            level = level + slope * self.step
            out[:, h] = level
        return out


@dataclass(frozen=True, eq=False)
class ProphetFit:
    """The mode ``mean`` (P,) of effects, trend and season with its error ``cov`` (P, P), and residuals that are AR(1).

    On the log, around ``centre``. ``size``: of a slope change; ``rho``, ``sigma``: of the residuals; ``residual`` and
    ``force`` (P,): residual and columns at the last period.
    """

    family: ClassVar[str] = "prophet"
    effects: tuple[str, ...]
    clock: Clock
    seasonal: bool
    centre: float
    mean: Floats
    cov: Floats
    size: float
    rho: float
    sigma: float
    residual: float
    force: Floats
    last: np.datetime64
    notes: tuple[str, ...]

    @property
    def coefficients(self) -> Coefficients:
        k = len(self.effects)
        return Coefficients(self.effects, self.mean[:k], self.cov[:k, :k])

    def simulate(self, future: Design, n: int, seed: int) -> Floats:
        """(n, H) paths: effects, trend that may turn, season, and the residual fading into new ones.

        A coefficient that is drawn too high has made the last residual too low: the two move together.
        """
        rng, horizon = np.random.default_rng(seed), len(future.ds)
        paths = self.clock.turns(n, horizon, self.size, rng)
        shocks = rng.standard_t(_DF, (n, horizon)) * np.sqrt((_DF - 2) / _DF) * self.sigma
        error = np.zeros(n)
        for h in range(horizon):
            error = self.rho * error + shocks[:, h]
            paths[:, h] += error
        fading = self.rho ** np.arange(1, horizon + 1)[:, None]
        columns = columns_on(future.ds, future.select(self.effects).X, self.clock, self.seasonal)
        doubt = rng.multivariate_normal(np.zeros(len(self.mean)), self.cov, size=n, method="eigh")
        known = self.centre + columns @ self.mean + fading[:, 0] * self.residual
        return np.asarray(known + paths + doubt @ (columns - fading * self.force).T)

    def extend(self, y: Sample, design: Design | None = None) -> ProphetFit:
        """The same trend, season and effects; the residual of the new last period."""
        check(y, _LEAST)
        if design is None and self.effects:
            raise MissingDesign(self.effects)
        chosen = (design or Design.empty(y.ds)).select(self.effects)
        force = columns_on(y.ds[-1:], chosen.X[-1:], self.clock, self.seasonal)[0]
        residual = float(y.x[-1] - self.centre - force @ self.mean)
        return replace(self, residual=residual, force=force, last=y.ds[-1])


@dataclass(frozen=True)
class ProphetForecaster:
    """Linear trend with changes; a season for volumes with two cycles; columns as regressors with prior N(0, 0.2²)."""

    family: ClassVar[str] = "prophet"
    estimates_effects: ClassVar[bool] = True

    def fit(self, y: Sample, design: Design) -> ProphetFit:
        """The posterior mode. Raises ``TooShort`` or ``FitFailed``."""
        check(y, _LEAST)
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
        mode, said = _mode(ds, (x - centre) / spread, points, columns[:, plain], prior[plain] / spread)
        mean = np.empty(len(prior))
        mean[trend] = spread * np.array([mode["m"][0], mode["k"][0], *mode["delta"]])
        mean[plain] = spread * mode["beta"][: plain.sum()]
        errors = np.full(len(y), np.nan)
        errors[seen] = x - centre - columns @ mean
        rho, sigma = _errors(errors)
        at = np.asarray(y.freq.ordinal(ds), dtype=float)
        correlation = rho ** np.abs(at[:, None] - at)
        cov, information, used = _doubt(columns, prior, spread * mode["sigma_obs"][0], correlation, k)
        sigma = max(sigma * np.sqrt(len(x) / max(len(x) - used, 3.0)), SIGMA_FLOOR)
        notes = (*said, *unidentified(design.names, information), *([_APPROXIMATE] if k else []))
        size = float(np.abs(mean[trend][2:]).mean())
        last = float(errors[-1]), columns[-1], y.ds[-1]
        return ProphetFit(design.names, clock, seasonal, centre, mean, cov, size, rho, sigma, *last, notes)


def columns_on(ds: Days, effects: Floats, clock: Clock, seasonal: bool) -> Floats:
    """(T, P) effects, trend, and season on ``ds``, from one definition for sample and future."""
    season = waves(ds, clock.freq) if seasonal else np.zeros((len(ds), 0))
    return np.hstack([effects, clock.trend(ds), season])


def _points(ds: Days) -> Floats:
    """Times (spans) where the slope may change: evenly over the observations of the first 95 %, the first left out."""
    time = (ds - ds[0]) / (ds[-1] - ds[0])
    early = int(len(ds) * _RANGE)
    count = min(_CHANGEPOINTS, early // 3)
    return np.asarray(time[np.linspace(0, early - 1, count + 1).round().astype(int)[1:]], dtype=float)


def waves(ds: Days, freq: Freq) -> Floats:
    """(T, 2·orders) sines and cosines of the year (and of the week for days); no column for years."""
    days = np.asarray(ds, dtype="datetime64[D]").astype(float)
    spec = _DAILY if freq.unit in "DB" else _WAVES.get(freq.unit, ())
    angles = [2.0 * np.pi * order * days / period for period, orders in spec for order in range(1, orders + 1)]
    return np.array([f(a) for a in angles for f in (np.sin, np.cos)]).reshape(-1, len(days)).T


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


def _errors(errors: Floats) -> tuple[float, float]:
    """AR(1) coefficient of residuals (T,) with gaps, within 0 … 0.98, and the standard deviation of what it leaves."""
    a, b = errors[:-1], errors[1:]
    both = np.isfinite(a) & np.isfinite(b)
    power = float(np.sum(a[both] ** 2))
    rho = float(np.clip(np.sum(a[both] * b[both]) / power, 0.0, 0.98)) if power > 0 else 0.0
    left = b[both] - rho * a[both] if both.sum() > 2 else errors[np.isfinite(errors)]
    return rho, float(np.sqrt(np.mean(left**2)))


def _doubt(columns: Floats, prior: Floats, sigma: float, correlation: Floats, k: int) -> tuple[Floats, Floats, float]:
    """Error covariance (P, P) of the mode, what the sample knows of the first ``k`` coefficients, parameters in effect.

    The mode is (near enough) a ridge estimate that takes errors for independent; its error has the part that
    correlated errors make, and the part that the prior pulls (a sandwich).
    """
    weights = prior**-2.0
    gain = np.linalg.solve(columns.T @ columns / sigma**2 + np.diag(weights), columns.T / sigma**2)
    shrunk = gain @ columns
    pull = shrunk - np.eye(len(prior))
    cov = sigma**2 * gain @ correlation @ gain.T + (pull * prior**2) @ pull.T
    information = columns.T @ np.linalg.solve(correlation, columns) / sigma**2
    information[k:, k:] += np.diag(weights[k:])
    return (cov + cov.T) / 2.0, information, float(np.trace(shrunk))


def _constant(y: Sample, design: Design) -> ProphetFit:
    """A history that never moved: small steps from its value, and effects of which nothing is known."""
    k = len(design.names)
    clock = Clock(y.ds[0], y.ds[-1], np.zeros(0), y.freq)
    cov = np.diag([EFFECT_SD**2] * k + [0.0, 0.0])
    notes = ("constant history", *unidentified(design.names, np.zeros((k, k))))
    force = columns_on(y.ds[-1:], design.X[-1:], clock, False)[0]
    last = 0.0, force, y.ds[-1]
    level = float(y.x[-1])
    return ProphetFit(design.names, clock, False, level, np.zeros(k + 2), cov, 0.0, 1.0, SIGMA_FLOOR, *last, notes)
