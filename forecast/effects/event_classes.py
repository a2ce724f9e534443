"""Class effects: the pooled effect of events of a stringency (ban, licence, quota, tariff …), with the spread between
events.

A hierarchical model of raw likelihood summaries (never on shrunken effects), with its scales on a grid
(Gelman, Prior distributions for variance parameters in hierarchical models, Bayesian Analysis 1, 2006):

    effect ~ t(direction·μ_class, τ_class²), μ_class ~ N(μ_family, s_m²), μ_family ~ N(μ_all, s_m²), μ_all ~ N(0, s²),
    τ ~ half-normal(s_τ), τ_class² = (n τ_c² + 8 τ_family²)/(n + 8), τ_family likewise from τ_all.

t has four degrees of freedom: a few events do a great deal and most do little. World prices, local prices, volumes and
values are pooled apart, with scales of their own: what a measure may stop differs by more. What several series say of
one event is averaged by precision, with errors that correlate, and an episode of several events says as much of a class
as is its share. The effect is that of a measure which hits squarely and grows to its full size in two periods: what is
seen on a series that it hits less is divided by its exposure, what a tariff did by its dose, and what is forecast is
multiplied by both.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from forecast.effects.affected import Affected
from forecast.effects.record import EffectRecord, EpisodeEffect
from forecast.events import KindFamily, Stringency
from forecast.interventions import Ramp
from forecast.timeseries.series import Floats

#: How the effect of an event never seen builds up.
BUILD_UP = Ramp(2)
#: Events that the scale of what a class belongs to counts as.
COMMON_EVENTS = 8
#: Correlation of the errors of what two series say of one event, for they overlap.
WITHIN_EVENT = 0.5
#: An effect on the log beyond this is a stop: how far below the smallest amount it went is of no interest.
STOPPED = 3.0
#: A mean is identified if it lies this many standard errors on the expected side of zero.
IDENTIFIED_SE = 2.0
#: Degrees of freedom of the differences between events, and sd of such a t of scale 1.
EVENT_DF = 4.0
_SD = math.sqrt(EVENT_DF / (EVENT_DF - 2))
_CLASSES = Counter(stringency.family for stringency in Stringency)
_SCALES = np.linspace(0.0, 1.0, 126)


class Spreads(NamedTuple):
    """Prior scales: sd of the mean of all events, and of that of a class about what it belongs to; and the scale of the
    differences between events."""

    mean: float
    between_classes: float
    between_events: float


SPREADS = {
    Affected.WORLD_PRICES: Spreads(0.1, 0.04, 0.1),
    Affected.LOCAL_PRICES: Spreads(0.2, 0.1, 0.3),
    Affected.VOLUMES: Spreads(0.2, 0.1, 0.3),
    Affected.VALUES: Spreads(0.1, 0.1, 0.3),
}


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
    """What the data of one series say, before any prior, of an episode that hits it squarely: normal, on the log.

    Of a tariff it is the effect of 25 points. ``share``: how far it is of events of this stringency, 0 to 1.
    """

    series_id: str
    events: tuple[str, ...]
    stringency: Stringency
    direction: int
    affected: Affected
    estimate: float
    sd: float
    share: float = 1.0


@dataclass(frozen=True)
class ClassPrior:
    """Effect on the log of an event of a class that pushes upwards; of a tariff, that of 25 points.

    ``mean`` and its standard error ``se``; ``scale``: that of the differences between events, which are t, and no sd;
    ``n``: likelihoods of the class that it rests on (one event may be seen on several series).
    """

    stringency: Stringency
    affected: Affected
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


def likelihoods(record: EffectRecord, affected: Affected) -> tuple[Likelihood, ...]:
    """The raw summaries that a record carries, of identified episodes whose direction is known."""
    return tuple(
        full_exposure_likelihood(e, record.series_id, affected)
        for e in record.effects
        if e.likelihood is not None and e.identified and e.episode.direction
    )


def full_exposure_likelihood(effect: EpisodeEffect, series_id: str, affected: Affected) -> Likelihood:
    """The likelihood of an episode at full exposure, and of a tariff at 25 points: estimate and sd divided by both.

    That imports of all goods did not fall says next to nothing of what a ban does to the mineral that is banned. Raises
    ``ValueError`` for an effect without a likelihood.
    """
    if effect.likelihood is None:
        raise ValueError(f"the sample says nothing of {effect.episode.episode_id}")
    episode = effect.episode
    estimate, sd = (value / (episode.exposure * episode.dose) for value in effect.likelihood)
    return Likelihood(
        series_id, episode.events, episode.stringency, episode.direction, affected, estimate, sd, episode.share
    )


#: Class priors by stringency and by what is affected.
ClassPriors = Mapping[tuple[Stringency, Affected], ClassPrior]


def class_priors(summaries: Iterable[Likelihood], without: Collection[str] = ()) -> ClassPriors:
    """A prior for each stringency on each kind of series.

    Whatever an event in ``without`` has a part in is left out, so that no event is in its own prior. A class nobody
    has seen gets what its family says, and a family what all events together say.
    """
    left = [s for s in summaries if not set(s.events) & set(without)]
    priors = {}
    for affected in Affected:
        pool = [s for s in left if s.affected is affected]
        common = _everything(pool, affected)
        families = {family: _of_family(family, pool, common, SPREADS[affected]) for family in KindFamily}
        for stringency in Stringency:
            priors[stringency, affected] = _of_class(stringency, affected, pool, families[stringency.family])
    return MappingProxyType(priors)


def class_prior(
    summaries: Iterable[Likelihood], stringency: Stringency, affected: Affected, without: Collection[str] = ()
) -> ClassPrior:
    """The class prior of one stringency alone, in a fraction of the time."""
    pool = [s for s in summaries if s.affected is affected and not set(s.events) & set(without)]
    family = _of_family(stringency.family, pool, _everything(pool, affected), SPREADS[affected])
    return _of_class(stringency, affected, pool, family)


def by_event(pool: Iterable[Likelihood]) -> list[list[Likelihood]]:
    """Likelihoods that speak of the same event, or of events that are in one episode on some series."""
    groups: dict[int, tuple[set[str], list[Likelihood]]] = {}
    group_of: dict[str, int] = {}
    for number, one in enumerate(pool):
        events, said = set(one.events), [one]
        for joined in sorted({group_of[event] for event in one.events if event in group_of}):
            others, theirs = groups.pop(joined)
            # Into what is there already: of an event that touches each series there is much.
            theirs += said
            others |= events
            events, said = others, theirs
        groups[number] = events, said
        group_of.update(dict.fromkeys(events, number))
    return [said for _, said in groups.values()]


class _Pooled(NamedTuple):
    """Mean, its standard error, and the scale of the differences between events."""

    mean: float
    se: float
    scale: float


def _everything(pool: list[Likelihood], affected: Affected) -> _Pooled:
    spreads = SPREADS[affected]
    return _pooled(_signed(pool), (0.0, spreads.mean), _SCALES, spreads.between_events)


def _of_family(family: KindFamily, pool: list[Likelihood], common: _Pooled, spreads: Spreads) -> _Pooled:
    return _part([s for s in pool if s.stringency.family is family], common, spreads)


def _of_class(stringency: Stringency, affected: Affected, pool: list[Likelihood], family: _Pooled) -> ClassPrior:
    own, alone = [s for s in pool if s.stringency is stringency], _CLASSES[stringency.family] == 1
    mean, se, scale = family if alone else _part(own, family, SPREADS[affected])
    return ClassPrior(stringency, affected, mean, se, scale, len(own))


def _part(pool: list[Likelihood], whole: _Pooled, spreads: Spreads) -> _Pooled:
    """What a part of the events do, shrunk towards the whole that they belong to."""
    own = _signed(pool)
    centre, events = (whole.mean, float(np.hypot(spreads.between_classes, whole.se))), float(own.weight.sum())
    own_scale = _pooled(own, centre, _SCALES, spreads.between_events).scale
    scale = float(np.sqrt((events * own_scale**2 + COMMON_EVENTS * whole.scale**2) / (events + COMMON_EVENTS)))
    return _pooled(own, centre, np.array([scale]), spreads.between_events)


@dataclass(frozen=True, eq=False)
class _Signed:
    """Effects towards the expected direction, their variances and weights, (N,) each, one an event."""

    effect: Floats
    variance: Floats
    weight: Floats


def _signed(pool: list[Likelihood]) -> _Signed:
    rows = np.array([_of_event(tuple(each)) for each in by_event(pool)]).reshape(-1, 3)
    return _Signed(rows[:, 0], rows[:, 1], rows[:, 2])


@lru_cache(4096)  # pools differ by what is left out of them, and most events are in all
def _of_event(seen: tuple[Likelihood, ...]) -> tuple[float, float, float]:
    """Effect, variance and share of one event: the mean by precision, with errors that all correlate alike."""
    effect = np.clip([s.direction * s.estimate for s in seen], -STOPPED, STOPPED)
    sd, share = np.array([[s.sd, s.share] for s in seen]).T
    weight = sd**-2 / (sd**-2).sum()
    errors = weight * sd
    variance = (1 - WITHIN_EVENT) * (errors**2).sum() + WITHIN_EVENT * errors.sum() ** 2
    return float(weight @ effect), float(variance), float(weight @ share)


def _pooled(effects: _Signed, centre: tuple[float, float], scales: Floats, scale_sd: float) -> _Pooled:
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
    return _Pooled(centre_of_mu, float(np.sqrt(np.sum(p * (mu - centre_of_mu) ** 2))), float(np.sum(p * scales)))
