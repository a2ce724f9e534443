"""Class effects: the pooled effect of events of a family, with the spread between events.

A hierarchical model of raw likelihood summaries (never on shrunken effects), with its scales on a grid
(Gelman, Prior distributions for variance parameters in hierarchical models, Bayesian Analysis 1, 2006):

    effect ~ t(direction·μ_family, τ_family²), μ_family ~ N(μ_all, .04²), μ_all ~ N(0, .1²), τ ~ half-normal(s),
    τ_family² = (n τ_f² + 8 τ_all²)/(n + 8).

t has four degrees of freedom: a few events do a great deal and most do little; s is .1 for prices and .3 for flows,
which a measure may stop. One event seen on several series counts as one. Prices and flows are pooled apart. The
effect is that of a measure which hits squarely and grows to its full size in two periods: what is seen on a series that
it hits less is divided by its exposure, and what is forecast for one multiplied by it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from forecast.effects.record import EffectRecord, EpisodeEffect
from forecast.events import KindFamily
from forecast.interventions import Ramp
from forecast.names import MeasureClass
from forecast.timeseries.series import Floats

#: How the effect of an event never seen builds up.
BUILD_UP = Ramp(2)
#: Prior sd of a family's mean about that of all, of that itself; events the common scale counts as.
FAMILY_SD, ALL_SD, COMMON_EVENTS = 0.04, 0.1, 8
#: Prior sd of the scale of these differences: of prices, and of flows.
PRICE_SCALE, FLOW_SCALE = 0.1, 0.3
#: A mean is identified if it lies this many standard errors on the expected side of zero.
IDENTIFIED_SE = 2.0
#: Degrees of freedom of the differences between events, and sd of such a t of scale 1.
EVENT_DF = 4.0
_SD = math.sqrt(EVENT_DF / (EVENT_DF - 2))
_SCALES = np.linspace(0.0, 1.0, 126)


class Size(NamedTuple):
    """An effect on the log: its mean, its sd, and whether it is a t of four degrees of freedom instead of normal."""

    mean: float
    sd: float
    heavy: bool = False

    def quantile(self, p: float) -> float:
        """The value that the effect stays below with probability ``p``."""
        return self.mean + self.sd * standard_quantile(p, self.heavy)


def standard_quantile(p: float, heavy: bool) -> float:
    """Quantile of a distribution with mean 0 and sd 1: the normal or, if ``heavy``, the t of four degrees of freedom.

    The latter in closed form (Shaw, Sampling Student's T distribution, Journal of Computational Finance 9, 2006).
    """
    if not heavy or p == 0.5:
        return NormalDist().inv_cdf(p)
    root = math.sqrt(4 * p * (1 - p))
    return math.copysign(2 * math.sqrt(math.cos(math.acos(root) / 3) / root - 1), p - 0.5) / _SD


@dataclass(frozen=True)
class Likelihood:
    """What the data of one series say, before any prior, of an episode that hits it squarely: normal, on the log."""

    series_id: str
    events: tuple[str, ...]
    family: KindFamily
    direction: int
    measure_class: MeasureClass
    estimate: float
    sd: float


@dataclass(frozen=True)
class ClassPrior:
    """Effect on the log of an event of a family that pushes upwards, on prices or on flows.

    ``mean`` and its standard error ``se``; ``scale``: that of the differences between events, which are t, and no sd;
    ``n``: likelihoods of the family that it rests on (one event may be seen on several series).
    """

    family: KindFamily
    measure_class: MeasureClass
    mean: float
    se: float
    scale: float
    n: int

    @property
    def spread(self) -> float:
        """Standard deviation between events: a t of four degrees of freedom has twice the variance of its scale."""
        return _SD * self.scale

    @property
    def sd(self) -> float:
        """Of an event never seen."""
        return math.hypot(self.se, self.spread)

    @property
    def identified(self) -> bool:
        """Whether the mean can be told from zero, towards the direction that was expected."""
        return self.n > 0 and self.mean > IDENTIFIED_SE * self.se

    def towards(self, direction: int) -> Size:
        """The effect in a direction (+1, −1, 0 unknown): a mean only where it is identified.

        A t of the whole sd: the standard error of the mean, which is normal, is the smaller part of it.
        """
        if self.identified and direction:
            return Size(direction * self.mean, self.sd, heavy=True)
        return Size(0.0, math.hypot(self.mean, self.sd), heavy=True)


def likelihoods(record: EffectRecord, measure_class: MeasureClass) -> tuple[Likelihood, ...]:
    """The raw summaries that a record carries, of identified episodes whose direction is known."""
    return tuple(
        full_exposure_likelihood(e, record.series_id, measure_class)
        for e in record.effects
        if e.likelihood is not None and e.identified and e.episode.direction
    )


def full_exposure_likelihood(effect: EpisodeEffect, series_id: str, measure_class: MeasureClass) -> Likelihood:
    """The likelihood of an episode at full exposure: its estimate and sd divided by its exposure to the series.

    That imports of all goods did not fall says next to nothing of what a ban does to the mineral that is banned. Raises
    ``ValueError`` for an effect without a likelihood.
    """
    if effect.likelihood is None:
        raise ValueError(f"the sample says nothing of {effect.episode.episode_id}")
    estimate, sd = (value / effect.episode.exposure for value in effect.likelihood)
    episode = effect.episode
    return Likelihood(series_id, episode.events, episode.family, episode.direction, measure_class, estimate, sd)


def class_priors(
    summaries: Iterable[Likelihood], without: Collection[str] = ()
) -> Mapping[tuple[KindFamily, MeasureClass], ClassPrior]:
    """A prior for each family on each class of measures.

    Whatever an event in ``without`` has a part in is left out, so that no event is in its own prior. A family nobody
    has seen gets what all events together say.
    """
    left = [s for s in summaries if not set(s.events) & set(without)]
    priors = {}
    for measure_class in MeasureClass:
        pool = [s for s in left if s.measure_class is measure_class]
        common = _pooled(_signed(pool), (0.0, ALL_SD), _SCALES, _scale_sd(measure_class))
        for family in KindFamily:
            priors[family, measure_class] = _of_family(family, measure_class, pool, common)
    return MappingProxyType(priors)


def class_prior(
    summaries: Iterable[Likelihood], family: KindFamily, measure_class: MeasureClass, without: Collection[str] = ()
) -> ClassPrior:
    """The class prior of one family alone, in a fraction of the time."""
    pool = [s for s in summaries if s.measure_class is measure_class and not set(s.events) & set(without)]
    common = _pooled(_signed(pool), (0.0, ALL_SD), _SCALES, _scale_sd(measure_class))
    return _of_family(family, measure_class, pool, common)


def _of_family(
    family: KindFamily, measure_class: MeasureClass, pool: list[Likelihood], common: tuple[float, float, float]
) -> ClassPrior:
    all_mean, all_se, all_scale = common
    own = _signed([s for s in pool if s.family is family])
    centre, scale_sd = (all_mean, float(np.hypot(FAMILY_SD, all_se))), _scale_sd(measure_class)
    events = float(own.weight.sum())
    _, _, own_scale = _pooled(own, centre, _SCALES, scale_sd)
    scale = float(np.sqrt((events * own_scale**2 + COMMON_EVENTS * all_scale**2) / (events + COMMON_EVENTS)))
    mean, se, _ = _pooled(own, centre, np.array([scale]), scale_sd)
    return ClassPrior(family, measure_class, mean, se, scale, len(own.effect))


@dataclass(frozen=True, eq=False)
class _Signed:
    """Effects towards the expected direction, their variances and weights, (N,) each: those of one event count as one,
    for what three series that overlap say of it is said once."""

    effect: Floats
    variance: Floats
    weight: Floats


def _signed(pool: list[Likelihood]) -> _Signed:
    counts = Counter(s.events[0] for s in pool)
    return _Signed(
        np.array([s.direction * s.estimate for s in pool]),
        np.array([s.sd**2 for s in pool]),
        np.array([1 / counts[s.events[0]] for s in pool]),
    )


def _scale_sd(measure_class: MeasureClass) -> float:
    return PRICE_SCALE if measure_class is MeasureClass.PRICES else FLOW_SCALE


def _pooled(
    effects: _Signed, centre: tuple[float, float], scales: Floats, scale_sd: float
) -> tuple[float, float, float]:
    """Posterior mean and sd of μ, and posterior mean of τ over ``scales``, with y ~ t(μ, v + τ²), μ ~ N(centre)."""
    mean, sd = centre
    mu = np.linspace(mean - 4 * sd, mean + 4 * sd, 81)[:, None]
    log_p = -0.5 * ((mu - mean) / sd) ** 2 - 0.5 * (scales / scale_sd) ** 2
    for one, variance, weight in zip(effects.effect, effects.variance, effects.weight, strict=True):
        total = variance + scales**2
        log_p = log_p - weight * (
            0.5 * np.log(total) + (EVENT_DF + 1) / 2 * np.log1p((one - mu) ** 2 / (EVENT_DF * total))
        )
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    # Without an effect it is the prior's mean, which the sum gives but for rounding: 1e-18 instead of 0.
    centre_of_mu = float(np.sum(p * mu)) if len(effects.effect) else mean
    return centre_of_mu, float(np.sqrt(np.sum(p * (mu - centre_of_mu) ** 2))), float(np.sum(p * scales))
