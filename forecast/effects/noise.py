"""The noise around the episodes: estimated outside their windows, with its uncertainty carried into the effects.

The memory of the noise is averaged over by an evened likelihood, its variance over its posterior; both come from
periods without events, the variance then from all periods less the paths of the episodes, whose uncertainty is added
(an EM step).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2

from forecast.effects.candidates import columns, every_shape, leads
from forecast.effects.episodes import Episode
from forecast.effects.joint_tables import EpisodeBlock, SizePrior
from forecast.effects.profile import Profile, profiles
from forecast.effects.record import window
from forecast.effects.sampler import JointPosterior, PosteriorDraws, second_pays
from forecast.effects.whitening import MIN_OBSERVATIONS, Bools
from forecast.effects.zeros import expected
from forecast.interventions import Intervention
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

#: Draws by which the noise is told from the effects.
PILOT_DRAWS = 100
#: Months after the start whose noise is not trusted to be that of quiet times.
_UNQUIET = 6
#: Fewest periods that are no zeros by which noise is judged; with fewer it is judged by all, zeros among them.
MIN_NONZERO_PERIODS = 4
#: Rounds in which zeros and paths are made to agree.
_AGREE = 3
#: Quantiles that stand for the posterior of the variance, and the most degrees of freedom it is believed to have:
#: the volatility of one window is not that of all.
_VARIANCES, _DEGREES = (1 / 6, 1 / 2, 5 / 6), 5.0
#: With more episodes than this, what is not known of the noise matters less than what is not known of them.
_MANY = 8


@dataclass(frozen=True, eq=False)
class EpisodeModels:
    """Candidate models of one episode on a sample: candidates, their paths (K, T) and priors."""

    episode: Episode
    candidates: tuple[Intervention, ...]
    paths: Floats
    log_prior: Floats
    scales: SizePrior

    @classmethod
    def of(cls, episode: Episode, sample: Sample, scales: SizePrior) -> EpisodeModels:
        every = every_shape(leads(episode, sample.freq), sample.freq, flows=not sample.is_price)
        candidates = every.of(episode.intervention)
        return cls(episode, candidates, columns(candidates, sample.ds, sample.freq), every.log_prior, scales)

    def level(self, sample: Sample) -> Floats:
        """(K,) what each candidate averages over the episode's window per unit of size; empty without a window."""
        at = np.searchsorted(sample.ds, window(self.episode, sample.freq, sample.ds[-1]))
        at = at[at < len(sample)]
        return self.paths[:, at].mean(axis=1) if at.size else np.zeros(0)


@dataclass(frozen=True, eq=False)
class NoiseModels:
    """Noise models that the data leave open, each with the episodes under it and its weight.

    ``rows``: of each episode the blocks that are its components; ``first``: one block an episode against the likeliest
    noise; ``sample``: what was explained, zeros as the model expects them.
    """

    joints: Sequence[tuple[JointPosterior, float]]
    rows: tuple[tuple[int, ...], ...]
    first: JointPosterior
    sample: Sample


def noise_models(
    sample: Sample, controls: Floats | None, ways: Sequence[EpisodeModels], twice: float, rng: np.random.Generator
) -> NoiseModels:
    """Estimate the noise around the episodes; ``twice``: chance that one has a second component.

    Raises ``TooShort``.
    """
    quiet = quiet_periods(sample, [w.episode for w in ways])
    views = _views(sample, controls, quiet, len(ways))
    joints = [(blocks(view, ways), weight) for view, weight in views]
    pilot = drawn(joints, PILOT_DRAWS, rng)
    for _ in range(_AGREE if sample.zeros else 0):
        # A stop and its end are no noise, however far apart they are: what the noise is told from is less the paths.
        path = _mean_path(ways, pilot)
        sample = expected(sample, views[0][0], path)
        views = _views(sample, controls, quiet, len(ways), path)
        joints = [(blocks(view, ways), weight) for view, weight in views]
        pilot = drawn(joints, PILOT_DRAWS, rng)
    variances = [float(np.clip(joint.variance(pilot), 0.25, 4.0)) for joint, _ in joints]
    first = joints[0][0].rescaled(variances[0])
    double = [second_pays(first, e, pilot, twice) for e in range(len(ways))]
    if any(double):
        more = [w for way, two in zip(ways, double, strict=True) for w in [way, *[_second(way, twice)] * two]]
        joints = [(blocks(view, more), weight) for view, weight in views]
    ends = np.cumsum([1 + two for two in double])
    rows = tuple(tuple(range(end - 1 - two, end)) for end, two in zip(ends.tolist(), double, strict=True))
    return NoiseModels(_over_variances(joints, variances), rows, first, sample)


def _views(
    sample: Sample, controls: Floats | None, quiet: Bools, episodes: int, path: Floats | None = None
) -> list[tuple[Profile, float]]:
    """The noises that the data, less a ``path`` (T,), leave open; with many episodes the likeliest alone."""
    views = profiles(sample, controls, quiet, path)
    return views if episodes <= _MANY else [(views[0][0], 1.0)]


def _over_variances(
    joints: Sequence[tuple[JointPosterior, float]], variances: Sequence[float]
) -> list[tuple[JointPosterior, float]]:
    """Each noise at quantiles of its variance: a scaled inverse χ²."""
    found = []
    if len(joints[0][0].blocks) > _MANY:
        return [(joints[0][0].rescaled(variances[0]), 1.0)]
    for (joint, weight), variance in zip(joints, variances, strict=True):
        degrees = min(joint.view.dof, _DEGREES)
        scaled = (variance * degrees / float(chi2.ppf(chance, degrees)) for chance in _VARIANCES)
        found += [(joint.rescaled(one), weight / len(_VARIANCES)) for one in scaled]
    return found


def _second(way: EpisodeModels, chance: float) -> EpisodeModels:
    """What an episode may have done besides."""
    return replace(way, scales=way.scales.with_chance(chance))


def _mean_path(ways: Sequence[EpisodeModels], state: PosteriorDraws) -> Floats:
    n = state.size.shape[1]
    found = zip(ways, state.choice, state.size, strict=True)
    return np.asarray(sum(np.bincount(c, s, len(w.log_prior)) @ w.paths for w, c, s in found) / n)


def drawn(joints: Sequence[tuple[JointPosterior, float]], n: int, rng: np.random.Generator) -> PosteriorDraws:
    """n draws, from each noise as many as its weight asks for, in random order."""
    ends = np.round(n * np.cumsum([weight for _, weight in joints])).astype(int)
    parts = [joint.draw(k, rng) for (joint, _), k in zip(joints, np.diff(ends, prepend=0).tolist(), strict=True) if k]
    return PosteriorDraws.mixed(parts, rng.permutation(n))


def blocks(view: Profile, ways: Sequence[EpisodeModels]) -> JointPosterior:
    """The episodes as the sampler sees them, whitened in one go."""
    E = view.whiten(np.concatenate([w.paths for w in ways]).T)
    parts = np.split(E, np.cumsum([len(w.paths) for w in ways])[:-1], axis=1)
    return JointPosterior.of(
        view, [EpisodeBlock(part, w.log_prior, w.scales) for part, w in zip(parts, ways, strict=True)]
    )


def quiet_periods(sample: Sample, episodes: Sequence[Episode]) -> Bools:
    """(T,) periods without events: none from each episode's first possible period until half a year after its start.

    Where that would leave less than half of the sample, less is taken after the start, and in the end all of it. Zeros
    that an episode may explain are no quiet periods, but where hardly anything else is left.
    """
    ordinals = np.asarray(sample.freq.ordinal(sample.ds))
    observed_rows = np.isfinite(sample.x)
    for after in (sample.freq.months(_UNQUIET), 2, 0):
        quiet = np.ones(len(sample), dtype=bool)
        for episode in episodes:
            start = int(sample.freq.ordinal(episode.intervention.start))
            quiet &= (ordinals < start - max(leads(episode, sample.freq))) | (ordinals > start + after)
        if quiet[observed_rows].sum() >= 0.5 * observed_rows.sum():
            break
    else:
        quiet = np.ones(len(sample), dtype=bool)
    every = np.ones(len(sample), dtype=bool)
    for calm in (quiet, every):
        calm[list(sample.zeros)] = False
        if calm[observed_rows].sum() > MIN_OBSERVATIONS:
            return calm
    return every if every[observed_rows].sum() >= MIN_NONZERO_PERIODS else np.ones(len(sample), dtype=bool)
