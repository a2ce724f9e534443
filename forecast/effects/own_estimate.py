"""A family's own estimate of the intervention columns, and when it is the record of a run.

SARIMAX, UCM and Prophet can estimate the columns beside their other parameters, each episode by one fixed shape under
a normal error. That says nothing of periods without trade, cannot weigh episodes that overlap as ``sampler`` does, and
takes a shape for given. So one rule decides: a family's own estimate is the record where the sample has no zeros, no
two episodes overlap, and every episode's 90 % interval of the average effect overlaps that of the shared record. Else
the shared record stays, and a note says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np

from forecast.effects.episodes import overlap
from forecast.effects.record import EffectRecord, EpisodeEffect
from forecast.forecasters.base import EFFECT_SD, Coefficients
from forecast.interventions import Design, design
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

#: A standard error on the log beyond which a family's estimate says nothing.
UNUSABLE_SD = 2.0


def own_or_shared(
    family: str, sample: Sample, shared: EffectRecord, estimate: Callable[[Design], Coefficients]
) -> EffectRecord:
    """The record of a run whose family can estimate the columns itself: its own, or the ``shared`` one with the reason.

    ``estimate``: what the family makes of a design on the sample; called only where the rule leaves it a chance.
    """
    why = "its sample has periods without trade" if sample.zeros else _overlapping(shared)
    if not why:
        columns = design([effect.episode for effect in shared.effects], sample.ds, sample.freq)
        own = from_coefficients(shared, estimate(columns), method=family)
        why = _disagreement(own, shared)
        if not why:
            return own
    return replace(shared, notes=(*shared.notes, f"own estimate set aside: {why}"))


def from_coefficients(record: EffectRecord, coefficients: Coefficients, *, method: str, seed: int = 0) -> EffectRecord:
    """The record that a family's own estimate of the columns makes: each episode's best guess with a normal size.

    An episode whose column has no usable estimate (none, not finite, or without any error) stays at its prior.
    """
    rng = np.random.default_rng(seed)
    index = {name: k for k, name in enumerate(coefficients.names)}
    sizes = coefficients.draw(record.n, rng)
    effects = []
    for effect in record.effects:
        k = index.get(effect.episode.episode_id)
        variance = np.nan if k is None else float(coefficients.cov[k, k])
        if k is None or not np.isfinite(sizes[:, k]).all() or not 0 < variance < UNUSABLE_SD**2:
            effects.append(_fixed(effect, EFFECT_SD * rng.standard_normal(record.n), known=False))
        else:
            effects.append(_fixed(effect, sizes[:, k], known=True))
    return replace(record, effects=tuple(effects), method=method)


def _fixed(effect: EpisodeEffect, size: Floats, *, known: bool) -> EpisodeEffect:
    """An effect by its episode's best guess alone; what the sample holds of it without any prior stays as it was."""
    return replace(
        effect,
        candidates=(effect.episode.intervention,),
        choice=np.zeros(len(size), dtype=np.int16),
        size=size.astype(np.float32),
        prior_dominated=not known,
        identified=known,
        prior=(0.0, EFFECT_SD),
        placebo_rank=None,
    )


def _overlapping(record: EffectRecord) -> str:
    """Which episodes overlap, reported apart or not; empty if none do."""
    episodes = [effect.episode for effect in record.effects]
    pairs = [(a, b) for a, b in combinations(episodes, 2) if overlap(a, b, record.freq)]
    if not pairs:
        return ""
    (a, b), more = pairs[0], len(pairs) - 1
    return f"{a.episode_id} and {b.episode_id} overlap" + (f", and so do {more} other pairs" if more else "")


def _disagreement(own: EffectRecord, shared: EffectRecord) -> str:
    """The first episode whose 90 % intervals of the average effect have nothing in common; empty if all agree."""
    for mine, theirs in zip(own.effects, shared.effects, strict=True):
        averages = [effect.average(shared.freq, shared.last) for effect in (mine, theirs)]
        if not averages[0].size:
            continue
        (low, high), (least, most) = (np.quantile(average, [0.05, 0.95]) for average in averages)
        if low > most or high < least:
            found = " and ".join(f"{_percent(a)} to {_percent(b)} %" for a, b in ((low, high), (least, most)))
            return f"its 90 % interval of {mine.episode.episode_id} and that of the shared record do not meet ({found})"
    return ""


def _percent(log: float) -> str:
    return f"{100 * np.expm1(log):+.0f}"
