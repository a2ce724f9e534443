"""Periods that reported 0: less than the series can report, and data (Tobin, Estimation of relationships for limited
dependent variables, Econometrica 26, 1958).

Where an episode may have acted and trade rests for longer than it does without one, a 0 stands for a log somewhere
below the ``limit`` of the sample; the model's own expectation of it, given that it lies there, takes its place (an EM
step). Elsewhere a 0 says nothing of effects: it is missing, as is all of a season that is closed every year.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from forecast.effects.candidates import leads
from forecast.effects.episodes import Episode
from forecast.effects.profile import Profile
from forecast.effects.record import WINDOW_MONTHS
from forecast.effects.whitening import Bools
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

_Rows = npt.NDArray[np.intp]

#: Share of a season's periods that report 0 from which on it is closed.
CLOSED_SEASON_SHARE = 0.5
#: Sweeps over the zeros until each agrees with the others.
_SWEEPS = 20


def in_season(sample: Sample, episodes: Sequence[Episode]) -> Sample:
    """The sample with the zeros of its closed seasons missing: what is closed every year says nothing of an event.

    A season is closed if most of its periods without events report 0, two at least.
    """
    if not sample.zeros:
        return sample
    season = np.asarray(sample.freq.ordinal(sample.ds)) % sample.freq.season
    free = ~_touched(sample, episodes) & np.isfinite(sample.trade)
    rests = free & (sample.trade == 0)
    closed = [
        k
        for k in np.unique(season[rests])
        if rests[season == k].sum() >= max(2, CLOSED_SEASON_SHARE * free[season == k].sum())
    ]
    return replace(sample, zeros=tuple(row for row in sample.zeros if season[row] not in closed))


def censored(sample: Sample, episodes: Sequence[Episode]) -> Sample:
    """The sample with its zeros at the limit where they are data, and missing where they are not.

    They are where an episode may have acted and trade rests for longer than it does without one.
    """
    if not sample.zeros:
        return sample
    touched, rests = _touched(sample, episodes), _rests(sample)
    usual = max((len(rest) for rest in rests if not touched[rest].any()), default=0)
    stopped = [row for rest in rests if len(rest) > usual for row in rest.tolist() if touched[row]]
    x = sample.x.copy()
    x[list(sample.zeros)] = np.nan
    x[stopped] = sample.limit
    return replace(sample, x=x, zeros=tuple(stopped))


def _rests(sample: Sample) -> list[_Rows]:
    """The rows of each unbroken run of periods that report 0; what is missing does not break it."""
    observed_rows = np.flatnonzero(np.isfinite(sample.trade))
    runs = (list(run) for _, run in groupby(observed_rows.tolist(), key=lambda row: bool(sample.trade[row])))
    return [np.array(run) for run in runs if not sample.trade[run[0]]]


def _touched(sample: Sample, episodes: Sequence[Episode]) -> Bools:
    """(T,) periods in which an episode may have acted: a year from its first lead on, and on while zeros last."""
    ordinals, touched = np.asarray(sample.freq.ordinal(sample.ds)), np.zeros(len(sample), dtype=bool)
    for episode in episodes:
        start = int(sample.freq.ordinal(episode.intervention.start))
        since = ordinals - start + max(leads(episode, sample.freq))
        touched |= (since >= 0) & (ordinals < start + sample.freq.months(WINDOW_MONTHS))
    for row in sample.zeros:
        touched[row] |= row > 0 and touched[row - 1] and row - 1 in sample.zeros
    return touched


def after_the_stop(sample: Sample, episodes: Sequence[Episode]) -> frozenset[str]:
    """Ids of the episodes that cannot have been felt before trade had stopped, to the end of the sample.

    What they did is not to be seen: whatever it was, nothing was traded. In the model they would be given a part in
    the stop, since any log below the limit may stand for a 0. Trade has stopped once it rests for longer than it ever
    did before.
    """
    rests, observed_rows = _rests(sample), np.flatnonzero(np.isfinite(sample.trade))
    if not rests or rests[-1][-1] != observed_rows[-1]:
        return frozenset()
    longest = max((len(rest) for rest in rests[:-1]), default=0)
    if len(rests[-1]) <= longest:
        return frozenset()
    stop = int(sample.freq.ordinal(sample.ds[rests[-1][longest]]))
    starts = {e.episode_id: int(sample.freq.ordinal(e.intervention.start)) for e in episodes}
    return frozenset(e.episode_id for e in episodes if starts[e.episode_id] - max(leads(e, sample.freq)) > stop)


def expected(sample: Sample, view: Profile, path: Floats) -> Sample:
    """The sample with each 0 where the model expects it, given the mean ``path`` (T,) of the events and the limit."""
    if not sample.zeros:
        return sample
    rows = np.array(sample.zeros)
    B = view.whiten(np.eye(len(sample))[:, rows])
    left = view.Y - view.whiten(path[:, None])[:, 0]
    S = view.shadow(B)
    precision = B.T @ B - S.T @ S
    pull = -(B.T @ left - S.T @ view.shadow(left))
    shift, above = np.zeros(len(rows)), sample.limit - sample.x[rows]
    own = np.maximum(np.diag(precision), 1e-9)
    for _ in range(_SWEEPS):
        for t in range(len(rows)):
            mean = shift[t] + (pull[t] - precision[t] @ shift) / own[t]
            shift[t] = _below(above[t], mean, own[t] ** -0.5)
    x = sample.x.copy()
    x[rows] += shift
    return replace(sample, x=x)


def _below(limit: float, mean: float, sd: float) -> float:
    """Mean of a normal variable, given that it lies below a limit."""
    z = (limit - mean) / sd
    return float(mean - sd * np.exp(norm.logpdf(z) - norm.logcdf(z)))


def latent(sample: Sample) -> dict[str, float]:
    """The logs that stand for the zeros, by the start of their period."""
    return {str(sample.ds[row]): round(float(sample.x[row]), 6) for row in sample.zeros}
