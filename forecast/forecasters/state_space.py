"""What ETS, SARIMAX and UCM share: a linear Gaussian model of the log, its effects, and exact joint draws ahead.

The family names a statsmodels model and estimates its parameters; the rest is here. The sample is taken to units of
its typical change first, so that starting values, priors and tolerances mean the same for every series. Gaps are
legal: the Kalman filter skips them (Durbin and Koopman, Time Series Analysis by State Space Methods, 2012, ch. 4).

Effects are constant states with a normal prior. Given the parameters, one filter pass whitens the sample and every
column alike, and the coefficients follow by regression of innovations on innovations (Rosenberg, Annals of Economic
and Social Measurement 2, 1973; Durbin and Koopman 2012, sec. 6.2.3); parameters and coefficients take turns. A column
that the sample says nothing about keeps its prior, without special care.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from forecast.coupling import couple, middles
from forecast.errors import FitFailed, MissingDesign
from forecast.forecasters.base import EFFECT_SD, Coefficients, changes, check, refuse_columns, unidentified
from forecast.forecasters.origins import RefitAndExtend
from forecast.forecasters.shocks import student_quantiles
from forecast.interventions import Design
from forecast.timeseries.fourier import yearly
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.sample import SIGMA_FLOOR, Sample
from forecast.timeseries.series import Floats
from forecast.wording import counted

MIN_STATE_SPACE_OBSERVATIONS = 8  # observations without which nothing is fitted
SEASON_PRIOR = (
    4.0  # initial variance of a seasonal state, in squared typical changes: a month never seen is not infinite
)
_LONGEST_SEASON = 24  # a longer one (weeks) is four waves of the year instead of a state a period
_WAVES, _WAVE_SD = 4, 1.0
_TURNS, _STEPS = 2, 100  # turns of parameters and effects; steps of the search for parameters


@dataclass(frozen=True)
class Frame:
    """How a sample enters a model: ``(x - centre) / scale``; a season of so many periods (0: none), waves a year."""

    freq: Freq
    is_price: bool
    centre: float
    scale: float
    season: int
    waves: int

    def columns(self, design: Design, ds: Days) -> Floats:
        """(T, K + 2 waves) the columns of the design and the Fourier terms of the year on ``ds``."""
        return np.hstack([design.X, yearly(ds, self.freq, self.waves)])


class Filtered(Protocol):
    """What statsmodels' Kalman filter leaves behind: arrays whose last axis is time."""

    kalman_gain: Floats
    forecasts_error: Floats
    forecasts_error_cov: Floats
    predicted_state: Floats
    predicted_state_cov: Floats


class Matrices(Protocol):
    """The state space form of a statsmodels model, by the names of its matrices."""

    initialization: object

    def __getitem__(self, name: str | tuple[str, int, int]) -> Floats: ...

    def filter(self) -> Filtered: ...


class Maximum(Protocol):
    """The result of a search for the maximum of a likelihood."""

    params: Floats
    scale: float
    mle_retvals: Mapping[str, object]


class Model(Protocol):
    """What is needed of a statsmodels state space model."""

    k_states: int
    ssm: Matrices
    loglikelihood_burn: int

    def update(self, params: Floats) -> object: ...

    def fit(
        self,
        start_params: Floats,
        *,
        cov_type: str,
        maxiter: int,
        disp: bool,
        factr: float,
        pgtol: float,
    ) -> Maximum: ...


@dataclass(frozen=True, eq=False)
class Law:
    """x_h = Z α_h + ε, ε ~ N(0, H); α_{h+1} = T α_h + R η, η ~ N(0, Q); α_1 ~ N(a, P), h = 1 after the last value.

    Shapes: Z (m,), T (m, m), R (m, r), Q (r, r), a (m,), P (m, m); in the units of a ``Frame``.
    """

    Z: Floats
    T: Floats
    R: Floats
    Q: Floats
    H: float
    a: Floats
    P: Floats

    def ahead(self, horizon: int) -> tuple[Floats, Floats]:
        """Loadings (horizon, m) of each period on α_1, and the joint covariance (horizon, horizon)."""
        loadings = np.empty((horizon, len(self.Z)))
        row = self.Z
        for h in range(horizon):
            loadings[h] = row
            row = row @ self.T
        psi = loadings @ self.R
        covariance = loadings @ self.P @ loadings.T + self.H * np.eye(horizon)
        for k in range(1, horizon):  # the shock after period k
            weights = psi[: horizon - k]
            covariance[k:, k:] += weights @ self.Q @ weights.T
        return loadings, covariance

    @classmethod
    def random_walk(cls, level: float) -> Law:
        """Steps of variance 1 from ``level``."""
        one = np.ones((1, 1))
        return cls(one[0], one, one, one, 0.0, np.array([level]), one)


@dataclass(frozen=True, eq=False)
class StateSpaceFit:
    """Parameters and the state after the last period; values only.

    ``influence`` (m, K + 2 waves): what a unit of each column does to the state; ``regression``: effects, then waves;
    ``df``: observations less parameters: the paths are scaled as Student-t, since the variance is an estimate.
    """

    forecaster: StateSpace
    frame: Frame
    parameters: Floats
    law: Law
    influence: Floats
    regression: Coefficients
    last: np.datetime64
    df: int
    effects: tuple[str, ...]
    fit_notes: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def family(self) -> str:
        return self.forecaster.family

    @property
    def coefficients(self) -> Coefficients:
        k = len(self.effects)
        return Coefficients(self.effects, self.regression.mean[:k], self.regression.cov[:k, :k])

    def simulate(self, future: Design, n: int, seed: int) -> Floats:
        """(n, H) joint draws for the H periods after ``last``: a multivariate Student-t with exact margins.

        A coefficient moves the future column and, the other way, the level that the sample is believed to have, so
        that an effect which is in force at the last period leaves no doubt about the next.
        """
        rng, regression = np.random.default_rng(seed), self.regression
        loadings, covariance = self.law.ahead(len(future.ds))
        columns = self.frame.columns(future.select(self.effects), future.ds) - loadings @ self.influence
        mean = self.frame.centre + self.frame.scale * (loadings @ self.law.a) + columns @ regression.mean
        covariance = self.frame.scale**2 * covariance + columns @ regression.cov @ columns.T
        paths = rng.multivariate_normal(np.zeros(len(mean)), covariance, size=n, method="eigh")
        paths *= np.sqrt(self.df / rng.chisquare(self.df, size=(n, 1)))
        margins = mean[:, None] + np.outer(np.sqrt(np.diag(covariance)), student_quantiles(middles(n), self.df))
        return couple(paths.T, margins).T

    def extend(self, y: Sample, design: Design | None = None) -> StateSpaceFit:
        """One filter pass over ``y`` with the same parameters; the coefficients see the new observations."""
        design = Design.empty(y.ds) if design is None and not self.effects else design
        if design is None:
            raise MissingDesign(self.effects)
        design = design.select(self.effects)
        if not len(self.parameters):
            return self.forecaster.fit(y, design)
        return self.forecaster.condition(y, design, self.frame, self.parameters, self.fit_notes)


class StateSpace(RefitAndExtend):
    """A family whose member is one statsmodels state space model."""

    family: ClassVar[str]
    estimates_effects: ClassVar[bool]

    @abstractmethod
    def model(self, u: Floats, frame: Frame) -> Model:
        """The statsmodels model of the framed sample ``u`` (T,), with a proper initial state."""

    @abstractmethod
    def start(self, frame: Frame) -> Floats:
        """Where the search for the parameters starts."""

    def estimate(self, u: Floats, frame: Frame, start: Floats) -> tuple[Floats, bool]:
        """Maximum likelihood parameters, and whether the search converged."""
        found = maximise(self.model(u, frame), start)
        return np.asarray(found.params), bool(found.mle_retvals["converged"])

    def fit(self, y: Sample, design: Design) -> StateSpaceFit:
        """Parameters by maximum likelihood, in turns with the effects. Raises ``TooShort`` or ``FitFailed``."""
        check(y, MIN_STATE_SPACE_OBSERVATIONS)
        if not self.estimates_effects:
            refuse_columns(self.family, design)
        frame, notes = _frame(y)
        if frame.scale <= SIGMA_FLOOR:
            return self._constant(y, design, frame)
        parameters, effect = self.start(frame), np.zeros(len(y))
        for _ in range(_TURNS if design.names or frame.waves else 1):
            try:
                parameters, converged = self.estimate((y.x - effect - frame.centre) / frame.scale, frame, parameters)
            except (np.linalg.LinAlgError, ValueError, FloatingPointError) as error:
                raise FitFailed(f"{self.family}: {error}") from error
            fitted = self.condition(y, design, frame, parameters, notes)
            effect = frame.columns(design, y.ds) @ fitted.regression.mean
        if not converged:
            notes = (
                *notes,
                f"did not converge: {self.family} took all steps that it may; its best parameters are used",
            )
            fitted = replace(fitted, fit_notes=notes, notes=(*notes, *fitted.notes))
        return fitted

    def condition(
        self, y: Sample, design: Design, frame: Frame, parameters: Floats, notes: tuple[str, ...]
    ) -> StateSpaceFit:
        """State and effects given the parameters: one filter pass."""
        check(y, MIN_STATE_SPACE_OBSERVATIONS)
        model = self.model((y.x - frame.centre) / frame.scale, frame)
        model.update(parameters)
        passed = model.ssm.filter()
        columns = frame.columns(design, y.ds)
        law = _law(model, passed)
        innovations, influence = _filter_columns(law, passed.kalman_gain[:, 0], columns, np.isfinite(y.x))
        deviation = frame.scale * np.sqrt(np.maximum(passed.forecasts_error_cov[0, 0], 1e-12))
        white = innovations / deviation[:, None]
        own = np.where(np.isfinite(y.x), frame.scale * passed.forecasts_error[0] / deviation, 0.0)
        information = white.T @ white
        sd = np.array([EFFECT_SD] * len(design.names) + [_WAVE_SD] * (2 * frame.waves))
        cov = np.linalg.inv(information + np.diag(sd**-2.0))
        names = (*design.names, *(f"wave {k}" for k in range(2 * frame.waves)))
        regression = Coefficients(names, cov @ white.T @ own, (cov + cov.T) / 2.0)
        if not (np.isfinite(regression.mean).all() and np.isfinite(law.a).all() and np.isfinite(law.P).all()):
            raise FitFailed(f"{self.family}: the filter did not stay finite")
        floor = (SIGMA_FLOOR / frame.scale) ** 2 - law.Z @ law.P @ law.Z - law.H
        law = replace(law, H=law.H + max(float(floor), 0.0))
        df = max(int(np.isfinite(y.x).sum()) - len(parameters) - len(names), 3)
        all_notes = (*notes, *unidentified(design.names, information))
        return StateSpaceFit(
            self, frame, parameters, law, influence, regression, y.ds[-1], df, design.names, notes, all_notes
        )

    def _constant(self, y: Sample, design: Design, frame: Frame) -> StateSpaceFit:
        """A history that never moved: small steps from its value, and effects of which nothing is known."""
        k, law = len(design.names), Law.random_walk(0.0)
        prior = Coefficients(design.names, np.zeros(k), EFFECT_SD**2 * np.eye(k))
        notes = ("the series never moved", *unidentified(design.names, np.zeros((k, k))))
        df = max(int(np.isfinite(y.x).sum()) - 1, 3)
        still = replace(frame, scale=SIGMA_FLOOR, season=0, waves=0)
        # the level at the last period is observed whatever the effect in force is: the column's last value counts off
        return StateSpaceFit(
            self, still, np.zeros(0), law, design.X[-1:], prior, y.ds[-1], df, design.names, notes[:1], notes
        )


def maximise(model: Model, start: Floats) -> Maximum:
    """statsmodels' L-BFGS from ``start``; what it warns of is in the result (``mle_retvals``)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="statsmodels")
        return model.fit(start, disp=False, cov_type="none", maxiter=_STEPS, factr=1e9, pgtol=1e-4)


def initialise(model: Model, level: int, known: dict[tuple[int, int], float], stationary: tuple[int, int]) -> Model:
    """Give ``model`` its first state: ``level`` diffuse, ranges ``known`` N(0, variance), a stationary range."""
    from statsmodels.tsa.statespace.initialization import Initialization

    first = Initialization(model.k_states, approximate_diffuse_variance=1e6)
    first.set(level, "approximate_diffuse")
    for (start, stop), variance in known.items():
        if stop > start:
            size = stop - start
            first.set((start, stop), "known", constant=np.zeros(size), stationary_cov=variance * np.eye(size))
    if stationary[1] > stationary[0]:
        first.set(stationary, "stationary")
    model.ssm.initialization = first
    model.loglikelihood_burn = 1
    return model


def _frame(y: Sample) -> tuple[Frame, tuple[str, ...]]:
    """Centre on the last value, scale to the typical change, and the season that the sample can carry."""
    scale = float(np.sqrt(np.nanmean(changes(y.x) ** 2)))
    season, observations = (0 if y.is_price else y.freq.season), int(np.isfinite(y.x).sum())
    notes: tuple[str, ...] = ()
    if season > 1 and observations < 2 * season:
        notes = (f"less than two seasons of {counted(season, y.freq.period)}: no season is estimated",)
        season = 0
    waves = _WAVES if season > _LONGEST_SEASON else 0
    season = 0 if waves or season < 2 else season
    return Frame(y.freq, y.is_price, float(y.x[-1]), scale, season, waves), notes


def _law(model: Model, passed: Filtered) -> Law:
    """The matrices of a (time-invariant) statsmodels model and its state after the sample, copied."""
    matrices = [np.array(model.ssm[name], order="C") for name in ("design", "transition", "selection", "state_cov")]
    return Law(
        matrices[0][0],
        matrices[1],
        matrices[2],
        matrices[3],
        float(model.ssm["obs_cov", 0, 0]),
        np.array(passed.predicted_state[:, -1]),
        np.array(passed.predicted_state_cov[..., -1], order="C"),
    )


def _filter_columns(law: Law, gains: Floats, columns: Floats, seen: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Innovations (T, K) of columns under the gains (m, T) of the sample's own pass, and their last state (m, K)."""
    innovations, state = np.zeros_like(columns), np.zeros((len(law.Z), columns.shape[1]))
    if not columns.shape[1]:
        return innovations, state
    for t in range(len(columns)):
        if seen[t]:
            innovations[t] = columns[t] - law.Z @ state
        state = law.T @ state + np.outer(gains[:, t], innovations[t])
    return innovations, state
