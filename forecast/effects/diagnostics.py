"""What an estimate is worth: whether the data spoke, and whether they said much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from forecast.effects.record import EpisodeEffect
from forecast.effects.sampler import Joint
from forecast.interventions import Intervention, Ramp
from forecast.timeseries.sample import Sample

#: The data say little if they leave more than this share of the prior variance of the average effect.
LITTLE = 0.7
#: They say nothing if they add less than this share of the prior's precision.
NOTHING = 0.02
#: Periods after a start within which the likelihood of an event of a kind is taken.
AFTER = 6


def judged(sample: Sample, joint: Joint, effects: Sequence[EpisodeEffect]) -> tuple[EpisodeEffect, ...]:
    """The effects with ``identified``, ``prior_dominated`` and their raw ``likelihood`` filled in."""
    distinct, likelihoods = _distinct(joint), _likelihoods(sample, joint, effects)
    out = []
    for e, (block, effect) in enumerate(zip(joint.blocks, effects, strict=True)):
        prior = np.exp(block.log_prior)
        information = float(prior @ joint.products[e][0] * block.sd**2)
        left = np.inf
        if block.level.size:
            variance = prior @ block.level**2 * (block.mean**2 + block.sd**2) - (prior @ block.level * block.mean) ** 2
            left = float(np.var(effect.size * block.level[effect.choice]) / max(float(variance), 1e-12))
        out.append(
            replace(
                effect,
                identified=information >= NOTHING and distinct[e],
                prior_dominated=left > LITTLE,
                likelihood=likelihoods[e],
            )
        )
    return tuple(out)


def said(effects: Sequence[EpisodeEffect]) -> tuple[str, ...]:
    """Notes on effects of which the sample says little or nothing."""
    notes = []
    for effect in effects:
        if not effect.identified:
            notes.append(f"{effect.episode.episode_id}: the sample cannot tell its effect; it is the prior")
        elif effect.prior_dominated:
            notes.append(f"{effect.episode.episode_id}: the sample says little; its effect is mostly the prior")
    return tuple(notes)


def _distinct(joint: Joint) -> list[bool]:
    """Whether each episode's mean design is anything but a combination of the others'."""
    designs = np.column_stack([block.E @ np.exp(block.log_prior) for block in joint.blocks])
    shadow = joint.view.shadow(designs)
    gram = designs.T @ designs - shadow.T @ shadow
    norm = np.sqrt(np.maximum(np.diag(gram), 1e-12))
    alone = 1 / np.diag(np.linalg.inv(gram / norm / norm[:, None] + 1e-6 * np.eye(len(norm))))
    return [bool(share > NOTHING / 2) for share in alone]


def _likelihoods(sample: Sample, joint: Joint, effects: Sequence[EpisodeEffect]) -> list[tuple[float, float] | None]:
    """Estimate and standard error, without a prior, of an effect that grows to its full size in two periods.

    Taken from the announcement until six periods after, whatever else happened then.
    """
    view, blocks = joint.view, joint.blocks
    builds = [Intervention(Ramp(2), e.episode.intervention.start, lead=e.episode.gap(sample.freq)) for e in effects]
    columns = np.array([build.column(sample.ds, sample.freq) for build in builds]).T
    E = view.whiten(columns)
    first = np.argmax(columns > 0, axis=0)
    E[view.whitening.periods[:, None] > first + AFTER] = 0.0
    xx, xy = view.products(E)
    return [
        (float(one / information), float(information**-0.5)) if information * block.sd**2 >= NOTHING else None
        for information, one, block in zip(xx, xy, blocks, strict=True)
    ]
