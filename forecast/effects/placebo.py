"""Placebo test: the rank of an effect among estimates at dates without events.

The idea of inference by placebos: Abadie, Diamond and Hainmueller, Synthetic control methods for comparative case
studies, JASA 105, 2010; here the placebos are other dates of the same series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from forecast.effects.candidates import anticipations, every_shape
from forecast.effects.joint_tables import PosteriorTable, SizePrior
from forecast.effects.profile import Profile
from forecast.effects.record import WINDOW_MONTHS, EpisodeEffect
from forecast.effects.sampler import JointPosterior
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

#: Dates to compare with at most, and at least.
MAX_PLACEBOS, MIN_PLACEBOS = 100, 20


def ranked(
    sample: Sample, joint: JointPosterior, effects: Sequence[EpisodeEffect], levels: Sequence[Floats]
) -> tuple[EpisodeEffect, ...]:
    """The effects with the share of placebo dates whose average effect over a year comes out smaller in size.

    Left open for effects that are not identified or have no level, and where fewer than twenty dates have no event
    near.
    """
    starts = _free(sample, effects)
    if len(starts) < MIN_PLACEBOS:
        return tuple(effects)
    paths = [block.E @ effect.weights for block, effect in zip(joint.blocks, effects, strict=True)]
    placebos = _Placebos(sample, replace(joint.view, Y=joint.view.Y - np.sum(paths, axis=0)), starts)
    out, early = [], anticipations(sample.freq)
    for block, effect, level in zip(joint.blocks, effects, levels, strict=True):
        if level.size and effect.identified:
            leads = sorted({c.lead for c in effect.candidates if c.lead in early})
            below = placebos.averages(leads, block.scales) < abs(float(effect.weights @ level))
            effect = replace(effect, placebo_rank=round(float(below.mean()), 4))
        out.append(effect)
    return tuple(out)


def _free(sample: Sample, effects: Sequence[EpisodeEffect]) -> npt.NDArray[np.intp]:
    """At most a hundred rows, evenly spread, where something was observed and no episode is near."""
    ordinals = np.asarray(sample.freq.ordinal(sample.ds))
    free = np.zeros(len(ordinals), dtype=bool)
    year = sample.freq.months(WINDOW_MONTHS)
    free[year:-year] = np.isfinite(sample.trade)[year:-year]
    for effect in effects:
        start = int(sample.freq.ordinal(effect.episode.intervention.start))
        early = max(candidate.reach for candidate in effect.candidates)
        free &= (ordinals + year < start - early) | (ordinals > start + year)
    rows = np.flatnonzero(free)
    return np.asarray(rows[np.unique(np.linspace(0, len(rows) - 1, min(MAX_PLACEBOS, len(rows))).astype(int))])


class _Placebos:
    """Cross products of every shape from every row that a placebo, or its lead, may start on."""

    def __init__(self, sample: Sample, view: Profile, starts: npt.NDArray[np.intp]) -> None:
        self.starts, self._freq = starts, sample.freq
        self.rows = np.unique(starts[:, None] - np.array(anticipations(sample.freq)))
        self._flows = not sample.is_price
        T, shapes = len(sample), every_shape([0], sample.freq, flows=self._flows).shapes
        responses = np.array([shape.response(np.arange(-T, T, dtype=float)) for shape in shapes])
        since = np.arange(T)[:, None] - self.rows + T
        columns = responses.T[since].reshape(T, -1)
        products = view.products(view.whiten(columns))
        self.xx, self.xy = (p.reshape(len(self.rows), len(shapes)) for p in products)
        self._response = responses

    def averages(self, leads: Sequence[int], scales: SizePrior) -> Floats:
        """(D,) size of the average effect over a year from each placebo date, averaged over shapes and these leads."""
        candidates = every_shape(leads, self._freq, flows=self._flows)
        at = np.searchsorted(self.rows, self.starts[:, None] - np.array(leads))
        # (D, leads, shapes) to shapes outermost, as the candidates are.
        xx, xy = (p[at].transpose(0, 2, 1).reshape(len(self.starts), -1) for p in (self.xx, self.xy))
        T, year = self._response.shape[1] // 2, self._freq.months(WINDOW_MONTHS)
        level = np.stack([self._response[:, T + k : T + k + year].mean(axis=1) for k in leads], axis=1).ravel()
        return np.asarray(np.abs(PosteriorTable.of(xx, xy, candidates.log_prior, scales).mean @ level))
