"""Diagnostics of an estimate: identification, dominance of the prior, detectable effects and collinear episodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from forecast.effects.episodes import Episode, overlap
from forecast.effects.joint_tables import EpisodeBlock, PosteriorTable, normalised
from forecast.effects.record import EpisodeEffect
from forecast.effects.sampler import JointPosterior
from forecast.interventions import Intervention, Licence, Ramp, Step
from forecast.timeseries.frequency import Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

#: The data say little if they leave more than this share of the prior variance of the average effect.
PRIOR_DOMINATED_SHARE = 0.7
#: They say nothing if they add less than this share of the prior's precision.
UNIDENTIFIED_SHARE = 0.02
#: A design that is explained by the others up to this share of its square is a combination of them.
COLLINEAR_SHARE = 0.01
#: Periods after a start within which the likelihood of an event of a kind is taken.
LIKELIHOOD_PERIODS = 6
#: An effect has shown if so much of its posterior lies on one side of 0; the standard errors that the noise takes of it
#: one time in five at least; and the share of the ways it may go in which it has to show.
DETECTION_PROBABILITY, POWER_QUANTILE, DETECTION_SHARE = 0.95, 0.842, 0.8
#: The largest size on the log that is tried, how often that is halved, and how many candidates, the likeliest first.
MAX_TRIED_SIZE, HALVINGS, TRIED_CANDIDATES = 8.0, 12, 24
#: Less than this of the window, and a candidate does not move it.
MIN_LEVEL = 1e-9
#: Two overlapping effects whose averages are correlated below this are told together: the data know their sum only.
INSEPARABLE_CORRELATION = -0.8
#: Likewise where draws still know their start or designs are collinear, if they run against each other by more than
#: chance: of four that begin in one gap of the series no two need be opposite, and yet only their sum is known.
UNSETTLED_CORRELATION = -0.2
#: Directions that stand for all the ways in which one episode may have acted.
MAIN_DIRECTIONS = 3


def with_diagnostics(
    sample: Sample, joint: JointPosterior, effects: Sequence[EpisodeEffect], levels: Sequence[Floats]
) -> tuple[EpisodeEffect, ...]:
    """The effects with ``identified``, ``prior_dominated``, ``detectable`` and their raw ``likelihood`` filled in.

    ``levels``: of each episode what its candidates average over its window per unit of size, (K,); empty without one.
    """
    spread = _spread(joint)
    likelihoods = _likelihoods(sample, joint, effects, spread)
    out = []
    for e, (block, effect, level) in enumerate(zip(joint.blocks, effects, levels, strict=True)):
        prior, (xx, _) = np.exp(block.log_prior), joint.products[e]
        out.append(
            replace(
                effect,
                identified=float(prior @ xx) * effect.prior[1] ** 2 >= UNIDENTIFIED_SHARE,
                prior_dominated=_little(effect, prior, level),
                likelihood=likelihoods[e],
                detectable=_detectable(block, _left(joint, e, spread), level),
            )
        )
    return tuple(out)


def _little(effect: EpisodeEffect, prior: Floats, level: Floats) -> bool:
    """Whether the average effect is prior-dominated: the data leave most of its prior variance.

    Never so where it is clear under a prior around 0: no such prior has an effect on one side. Its spread is then
    that of giants, which the main scale, by which the variance is measured, does not hold.
    """
    if not level.size:
        return True
    average, (mean, sd) = effect.paths(level[:, None])[:, 0], effect.prior
    low, high = np.quantile(average, [0.05, 0.95])
    clear = low > 0 or high < 0
    left = float(np.var(average)) / max(float(prior @ level**2) * sd**2, 1e-12)
    return left > PRIOR_DOMINATED_SHARE and not (mean == 0 and clear)


def _spread(joint: JointPosterior) -> list[Floats]:
    """(m, ≤ ``MAIN_DIRECTIONS``) of each episode the main directions in which it may have moved the whitened series.

    With sizes that are normal under the main scale, candidates weighted by their prior, they hold nearly all of the
    prior covariance of its path: the sum of their squares. None of one that overlaps with no other.
    """
    found, alone = [], {group[0] for group in joint.groups if len(group) == 1}
    for e, block in enumerate(joint.blocks):
        if e in alone:
            found.append(block.E[:, :0])
            continue
        weighed = block.E * np.sqrt(np.exp(block.log_prior) * block.scales.variance[0])
        U, s, _ = np.linalg.svd(weighed, full_matrices=False)
        found.append(U[:, :MAIN_DIRECTIONS] * s[:MAIN_DIRECTIONS])
    return found


def _left(joint: JointPosterior, e: int, spread: Sequence[Floats]) -> Floats:
    """(K, K) cross products of an episode's candidates, where it is not known what its neighbours did."""
    return _unshared(joint, e, spread, joint.blocks[e].E, joint.designs[e])


def _unshared(joint: JointPosterior, e: int, spread: Sequence[Floats], E: Floats, profiled: Floats) -> Floats:
    """(K, K) cross products of whitened designs (m, K) of an episode, less what those that overlap it may take of them.

    By the matrix inversion lemma, the paths of the others being normal with the ``spread`` as the root of their
    covariance.
    """
    group = next(group for group in joint.groups if e in group)
    G = E.T @ profiled
    if len(group) == 1:
        return np.asarray(G)
    near = np.hstack([spread[other] for other in group if other != e])
    known = near - joint.view.shade(near)
    shared = known.T @ E
    return np.asarray(G - shared.T @ np.linalg.solve(np.eye(near.shape[1]) + near.T @ known, shared))


def _detectable(block: EpisodeBlock, G: Floats, level: Floats) -> float | None:
    """The smallest average effect on the log that the sample would show: its 90 % interval would leave 0 out four times
    in five, for four in five of the ways in which it may go.

    For a candidate of size s the data are xy = G s, less what the noise takes of them one time in five; the size from
    which the posterior over all candidates then lies on one side of 0 to 95 % is found by bisection. None where no size
    would do, or no candidate moves the window.
    """
    moving = np.flatnonzero(np.abs(level) > MIN_LEVEL) if level.size else np.zeros(0, dtype=int)
    if not moving.size:
        return None
    common = moving[np.argsort(-block.log_prior[moving], kind="stable")[:TRIED_CANDIDATES]]
    found = _smallest(block, G, level, common)
    order = np.argsort(found)
    weight = np.exp(block.log_prior[common])[order]
    enough = found[order][np.searchsorted(np.cumsum(weight), DETECTION_SHARE * weight.sum())]
    return round(float(enough), 6) if np.isfinite(enough) else None


def _smallest(block: EpisodeBlock, G: Floats, level: Floats, some: npt.NDArray[np.intp]) -> Floats:
    """The same of each of ``some`` candidates: its average effect; infinite where the largest size would not show."""
    xx, sign = np.maximum(np.diag(G), 1e-12), np.sign(level[some])[:, None]
    taken = POWER_QUANTILE * G[some] / np.sqrt(xx[some])[:, None]

    def shown(size: Floats) -> npt.NDArray[np.bool_]:
        table = PosteriorTable.of(xx, sign * (G[some] * size[:, None] - taken), block.log_prior, block.scales)
        weight = normalised(table.flat[:, :-1]).reshape(table.b.shape)
        side = ndtr(np.sign(level)[:, None] * table.b * np.sqrt(table.precision))
        side[:, level == 0] = 0.0
        return np.asarray((weight * side).sum(axis=(1, 2)) >= DETECTION_PROBABILITY)

    low, high = np.zeros(len(some)), np.full(len(some), MAX_TRIED_SIZE)
    never = ~shown(high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = shown(middle)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(never, np.inf, high * np.abs(level[some]))


def merged_inseparable(
    effects: Sequence[EpisodeEffect], sample: Sample, unsettled: Sequence[bool]
) -> tuple[EpisodeEffect, ...]:
    """The effects, with those that the data cannot separate reported with the stronger of the two.

    Over the later one's window their averages are then nearly opposite from draw to draw: the sum is known, its parts
    are not. Of an ``unsettled`` effect, whose draws still know their start or whose design is a combination of others,
    no part that runs against another's is.
    """
    leaders: dict[int, int] = {}
    for _, a, b in sorted(_bound(effects, sample, unsettled)):
        if a in leaders or b in leaders:
            continue
        rank = [(effects[e].episode.apart, effects[e].episode.strength) for e in (a, b)]
        leader, weaker = (a, b) if rank[0] >= rank[1] else (b, a)
        leaders = {e: leader if with_ == weaker else with_ for e, with_ in leaders.items()} | {weaker: leader}
    return tuple(
        replace(effect, episode=replace(effect.episode, told_with=effects[leaders[e]].episode.episode_id))
        if e in leaders
        else effect
        for e, effect in enumerate(effects)
    )


def _bound(
    effects: Sequence[EpisodeEffect], sample: Sample, unsettled: Sequence[bool]
) -> Iterator[tuple[float, int, int]]:
    """Pairs, the earlier first, of which the data know no more than the sum, with the correlation of their averages."""
    freq = sample.freq
    for b, later in enumerate(effects):
        periods = later.window(freq, sample.ds[-1])
        for a, earlier in enumerate(effects[:b]):
            reported = earlier.episode.apart or later.episode.apart
            known = earlier.identified and later.identified
            if not reported or not known or not len(periods) or not overlap(earlier.episode, later.episode, freq):
                continue
            pair = [effect.draws(periods, freq).mean(axis=1) for effect in (earlier, later)]
            limit = UNSETTLED_CORRELATION if unsettled[a] or unsettled[b] else INSEPARABLE_CORRELATION
            if min(np.std(one) for one in pair) > 0 and (together := np.corrcoef(pair)[0, 1]) < limit:
                yield float(together), a, b


def estimate_notes(effects: Sequence[EpisodeEffect], hidden: Collection[str] = ()) -> tuple[str, ...]:
    """Notes on effects that the sample hardly identifies, and on those that it cannot separate.

    ``hidden``: ids of the episodes that began when nothing was traded any more.
    """
    notes = []
    for effect in effects:
        episode = effect.episode
        name = episode.episode_id
        if episode.told_with:
            notes.append(f"{name}: the data cannot tell its effect from that of {episode.told_with}; told together")
        elif not episode.apart:
            continue
        elif episode.episode_id in hidden:
            notes.append(f"{name}: nothing was traded any more when it began; its effect is what was assumed")
        elif not effect.identified:
            notes.append(f"{name}: the data say nothing of its effect; it is what was assumed before them")
        elif effect.prior_dominated:
            notes.append(f"{name}: the data say little of its effect; it is mostly what was assumed before them")
    return tuple(notes)


def collinear(joint: JointPosterior) -> list[bool]:
    """Whether each episode's mean design is a combination of the others': the data know no more than a sum of them."""
    designs = np.column_stack([block.E @ np.exp(block.log_prior) for block in joint.blocks])
    shadow = joint.view.shadow(designs)
    gram = designs.T @ designs - shadow.T @ shadow
    norm = np.sqrt(np.maximum(np.diag(gram), 1e-12))
    alone = 1 / np.diag(np.linalg.inv(gram / norm / norm[:, None] + 1e-6 * np.eye(len(norm))))
    return [bool(share <= COLLINEAR_SHARE) for share in alone]


def _likelihoods(
    sample: Sample, joint: JointPosterior, effects: Sequence[EpisodeEffect], spread: Sequence[Floats]
) -> list[tuple[float, float] | None]:
    """Estimate and standard error, without a prior, of an effect that grows to its full size in two periods.

    A licence with its terms on record bites at once, and recovers as they say. Taken from the announcement until six
    periods after, with the mean paths of all others taken off, and as uncertain as it is where nobody knows what those
    that overlap did: of two that begin together each has its part of one drop.
    """
    view = joint.view
    columns = np.array([_build_up(effect.episode, sample.freq).column(sample.ds, sample.freq) for effect in effects]).T
    E = view.whiten(columns)
    first = np.argmax(columns > 0, axis=0)
    E[view.whitening.periods[:, None] > first + LIKELIHOOD_PERIODS] = 0.0
    xx, xy = view.products(E)
    profiled = E - view.shade(E)
    paths = np.column_stack([block.E @ effect.weights for block, effect in zip(joint.blocks, effects, strict=True)])
    taken = profiled.T @ paths
    found: list[tuple[float, float] | None] = []
    for e, effect in enumerate(effects):
        information = float(_unshared(joint, e, spread, E[:, [e]], profiled[:, [e]])[0, 0])
        if information * effect.prior[1] ** 2 < UNIDENTIFIED_SHARE or not effect.episode.apart:
            found.append(None)
            continue
        net = xy[e] - taken[e].sum() + taken[e, e]
        found.append((float(net / xx[e]), float(information**-0.5)))
    return found


def _build_up(episode: Episode, freq: Freq) -> Intervention:
    """How an effect comes about from the announcement on: at once by a licence's own terms, else in two periods.

    Until its end, if it has one; a year is long enough to have it in full.
    """
    guess = episode.intervention
    grown = Step() if freq.unit == "Y" else Ramp(2)
    shape = guess.shape if isinstance(guess.shape, Licence) else grown
    return Intervention(shape, guess.start, guess.end, lead=episode.gap(freq))
