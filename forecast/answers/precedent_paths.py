"""The measured path of a precedent, as it is assumed of another event: draws of its effect by periods from its start.

Numpy only, and no I/O: ``precedents`` says whose path it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from forecast.answers.forecast_periods import ForecastPeriods, Spell
from forecast.effects.record import EpisodeEffect
from forecast.timeseries.frequency import Freq
from forecast.timeseries.series import Floats


@dataclass(frozen=True, eq=False)
class PrecedentPath:
    """What an episode did to the log of a series, by periods from its start: an assumption for another event.

    ``event_id``: the precedent; ``events``: of its episode, whose path it is; ``source``: id of the series on which
    it was measured, of frequency ``freq``, ``observed`` periods of it from its start on; ``weight``: by what that
    was multiplied (the scale that is asked for, and the exposure of the event over that of the precedent);
    ``by_age`` (n, K): draws after that, in periods of the series it is assumed on, the first that of the start.
    """

    event_id: str
    events: tuple[str, ...]
    source: str
    freq: Freq
    observed: int
    weight: float
    by_age: Floats

    def added(self, spells: Iterable[Spell], ahead: ForecastPeriods, n: int) -> Floats:
        """(H, n) what it adds to the log of n draws over spells in force, each from its own start on."""
        draws, ages = np.resize(np.arange(len(self.by_age)), n), self.by_age.shape[1]
        out = np.zeros((len(ahead.ds), n))
        for spell in spells:
            age = np.clip(ahead.ordinals - spell.start, 0, ages - 1)
            out += self.by_age[draws][:, age].T * spell.inside(ahead.ordinals)[:, None]
        return out

    def reached(self, spells: Iterable[Spell], ahead: ForecastPeriods, n: int) -> Floats:
        """(n,) the same in the last period seen: what the level then has of it."""
        last = ForecastPeriods.after(ahead.freq.shift(ahead.last, -1), 1, ahead.freq)
        return np.asarray(self.added(spells, last, n)[0])


@dataclass(frozen=True, eq=False)
class PrecedentContribution:
    """An event whose effect the record does not tell, and which is assumed to go as a precedent went.

    ``spells``: in which it is in force; ``seen``: those that were known to be, whose effect the last level holds.
    """

    event_id: str
    path: PrecedentPath
    spells: tuple[Spell, ...]
    seen: tuple[Spell, ...] = ()

    def added(self, ahead: ForecastPeriods, n: int) -> Floats:
        """(H, n) what it adds to the log of n draws."""
        return self.path.added(self.spells, ahead, n) - self.path.reached(self.seen, ahead, n)


def by_age(effect: EpisodeEffect, source: Freq, last: np.datetime64, freq: Freq, periods: int) -> Floats:
    """(n, ``periods``) draws of an episode's path on the log from its start on, in periods of ``freq``.

    ``last``: the last period that was seen of it, after which it stays as it stood and only its known dates change it.
    Of another frequency: the mean, as a level, over the source's periods that a period lies in. What was felt before
    its start is left out.
    """
    ratio = source.per_year / freq.per_year
    if math.isclose(ratio, 1.0):
        ratio = 1.0
    first = int(source.ordinal(effect.episode.intervention.start))
    count = math.ceil(periods * ratio)
    ds = np.asarray(source.start(np.arange(first, first + count)))
    path = effect.paths(effect.held(ds, source, last))
    if ratio == 1.0:
        return path
    bounds = [(math.floor(k * ratio + 1e-9), math.ceil((k + 1) * ratio - 1e-9)) for k in range(periods)]
    level = np.exp(path)
    means = [level[:, a : max(b, a + 1)].mean(axis=1) for a, b in bounds]
    return np.asarray(np.log(np.stack(means, axis=1)), dtype=float)
