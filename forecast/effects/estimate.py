"""What the episodes did to one series: the averaged estimate, the regression with fixed shapes, and the comparison.

A Bayesian intervention analysis (Box and Tiao, JASA 70, 1975) that averages over shapes and leads instead of choosing
one, with components of unexposed series as comparison (the idea of Brodersen et al., Inferring causal impact using
Bayesian structural time-series models, Annals of Applied Statistics 9, 2015) and a normal prior on every size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat

import numpy as np

from forecast.effects.candidates import columns, every_shape, leads
from forecast.effects.controls import controls_for
from forecast.effects.diagnostics import judged, said
from forecast.effects.episodes import Episode
from forecast.effects.placebo import ranked
from forecast.effects.profile import Profile, profile
from forecast.effects.record import EffectRecord, EpisodeEffect, window
from forecast.effects.sampler import Block, Choices, Joint, Sizes
from forecast.effects.whitening import Bools
from forecast.errors import TooShort
from forecast.forecasters.base import Coefficients
from forecast.interventions import Design, Intervention
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

__all__ = ["Averaging", "controls_for", "estimate", "from_coefficients", "regress"]

#: Prior sd of an effect on the log: with the shape known, and averaged over shapes.
KNOWN_SD, AVERAGED_SD = 0.2, 0.25
#: A standard error on the log beyond which a family's estimate says nothing.
UNUSABLE_SD = 2.0
#: Months after the start whose noise is not trusted to be that of quiet times.
_UNQUIET = 6


@dataclass(frozen=True)
class Averaging:
    """Settings: prior ``sd`` of a size on the log; other ``priors`` (mean, sd) by episode; whether placebos are run."""

    sd: float = AVERAGED_SD
    priors: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    placebo: bool = True

    def prior(self, episode: Episode) -> tuple[float, float]:
        return self.priors.get(episode.episode_id, (0.0, self.sd))


def estimate(
    sample: Sample,
    episodes: Sequence[Episode],
    *,
    controls: Floats | None = None,
    n: int,
    seed: int,
    settings: Averaging = Averaging(),
) -> EffectRecord:
    """The joint posterior of all episodes' paths as n draws, averaged over shapes and leads.

    ``controls`` (T, m): logs of unexposed series on the sample's periods, NaN where they may not be used. A sample
    too short to say anything leaves every effect at its prior, and the record says so. Same seed, same digits.
    """
    episodes = tuple(episodes)
    if not episodes:
        return EffectRecord.none(n, sample.freq, sample.ds[-1])
    rng = np.random.default_rng(seed)
    sets = [every_shape(leads(episode, sample.freq), sample.freq, flows=not sample.is_price) for episode in episodes]
    candidates = [c.of(episode.intervention) for c, episode in zip(sets, episodes, strict=True)]
    priors = [settings.prior(episode) for episode in episodes]
    log_priors = [c.log_prior for c in sets]
    try:
        view = profile(sample, controls, quiet_periods(sample, episodes))
    except TooShort as short:
        effects = tuple(map(_from_prior, episodes, candidates, log_priors, priors, repeat(n), repeat(rng)))
        return EffectRecord(effects, "averaged", n, sample.freq, sample.ds[-1], notes=(str(short),))
    paths = [columns(c, sample.ds, sample.freq) for c in candidates]
    joint, marginals = Joint.of(view, _blocks(view, sample, episodes, paths, log_priors, priors)).settled()
    choice, size = joint.draw(marginals, n, rng)
    effects = tuple(map(_effect, episodes, candidates, choice, size, priors))
    effects = judged(sample, joint, effects)
    if settings.placebo:
        effects = ranked(sample, joint, effects)
    return EffectRecord(effects, "averaged", n, sample.freq, sample.ds[-1], notes=said(effects))


def quiet_periods(sample: Sample, episodes: Sequence[Episode]) -> Bools:
    """(T,) periods without events: none from each episode's first possible period until half a year after its start.

    Where that would leave less than half of the sample, less is taken after the start.
    """
    ordinals = np.asarray(sample.freq.ordinal(sample.ds))
    for after in (sample.freq.months(_UNQUIET), 2, 0):
        quiet = np.ones(len(sample), dtype=bool)
        for episode in episodes:
            start = int(sample.freq.ordinal(episode.intervention.start))
            quiet &= (ordinals < start - max(leads(episode, sample.freq))) | (ordinals > start + after)
        if quiet[np.isfinite(sample.x)].mean() >= 0.5:
            return quiet
    return np.ones(len(sample), dtype=bool)


def _blocks(
    view: Profile,
    sample: Sample,
    episodes: Sequence[Episode],
    paths: Sequence[Floats],
    log_priors: Sequence[Floats],
    priors: Sequence[tuple[float, float]],
) -> list[Block]:
    """The episodes as the sampler sees them, whitened in one go."""
    E = view.whiten(np.concatenate(paths).T)
    parts = np.split(E, np.cumsum([len(path) for path in paths])[:-1], axis=1)
    first, blocks = int(sample.freq.ordinal(sample.ds[0])), []
    for episode, path, part, log_prior, (mean, sd) in zip(episodes, paths, parts, log_priors, priors, strict=True):
        at = np.asarray(sample.freq.ordinal(window(episode, sample.freq, sample.ds[-1]))) - first
        at = at[at >= 0]
        level = path[:, at].mean(axis=1) if at.size else np.zeros(0)
        blocks.append(Block(part, log_prior, mean, sd, level))
    return blocks


def _effect(
    episode: Episode, candidates: tuple[Intervention, ...], choice: Choices, size: Sizes, prior: tuple[float, float]
) -> EpisodeEffect:
    return EpisodeEffect(episode, candidates, choice, size, prior_dominated=False, identified=True, prior=prior)


def _from_prior(
    episode: Episode,
    candidates: tuple[Intervention, ...],
    log_prior: Floats,
    prior: tuple[float, float],
    n: int,
    rng: np.random.Generator,
) -> EpisodeEffect:
    """An effect of which nothing is known but its prior."""
    choice = rng.choice(len(candidates), size=n, p=np.exp(log_prior) / np.exp(log_prior).sum()).astype(np.int16)
    size = (prior[0] + prior[1] * rng.standard_normal(n)).astype(np.float32)
    return EpisodeEffect(episode, candidates, choice, size, True, False, prior)


def regress(sample: Sample, design: Design, prior_sd: float = KNOWN_SD, controls: Floats | None = None) -> Coefficients:
    """Joint estimate of fixed columns: generalised least squares with a N(0, ``prior_sd``²) prior on each.

    A column that the sample cannot tell from zero keeps its prior. Raises ``TooShort``.
    """
    if not design.names:
        return Coefficients()
    moving = np.diff(design.X, axis=0, prepend=design.X[:1]) != 0
    quiet = ~np.isin(np.arange(len(sample)), [t + k for t in np.flatnonzero(moving.any(axis=1)) for k in range(3)])
    if quiet[np.isfinite(sample.x)].mean() < 0.5:
        quiet = np.ones(len(sample), dtype=bool)
    view = profile(sample, controls, quiet)
    E = view.whiten(design.X)
    shadow = view.shadow(E)
    precision = E.T @ E - shadow.T @ shadow + np.eye(E.shape[1]) / prior_sd**2
    cov = np.linalg.inv(precision)
    return Coefficients(design.names, cov @ (E.T @ view.residual), (cov + cov.T) / 2)


def from_coefficients(record: EffectRecord, coefficients: Coefficients, *, method: str, seed: int = 0) -> EffectRecord:
    """The record that a family's own estimate of the columns makes: each episode's best guess with a normal size.

    An episode whose column has no usable estimate (none, not finite, or without any error) stays at its prior.
    """
    rng = np.random.default_rng(seed)
    index = {name: k for k, name in enumerate(coefficients.names)}
    sizes = coefficients.draw(record.n, rng)
    effects = []
    for effect in record.effects:
        episode, one = effect.episode, (effect.episode.intervention,)
        k = index.get(episode.episode_id)
        variance = np.nan if k is None else float(coefficients.cov[k, k])
        if k is None or not np.isfinite(sizes[:, k]).all() or not 0 < variance < UNUSABLE_SD**2:
            effects.append(_from_prior(episode, one, np.zeros(1), (0.0, KNOWN_SD), record.n, rng))
            continue
        choice, size = np.zeros(record.n, dtype=np.int16), sizes[:, k].astype(np.float32)
        effects.append(EpisodeEffect(episode, one, choice, size, False, True, (0.0, KNOWN_SD)))
    return replace(record, effects=tuple(effects), method=method, notes=said(effects))
