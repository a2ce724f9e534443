"""What events add to the log of each draw: pure functions of the parts, the periods ahead and the draws' luck.

Every size hangs on (seed, series, event) and every choice between futures on (seed, event): the same numbers in each
scenario, so that a difference of scenarios is one of worlds and not of luck, and one world for all series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from forecast.answers.coming import Coming
from forecast.answers.contributions import Additions, Ahead, Levels, Part, Rewritten, Spell, multiplier
from forecast.coupling import middles
from forecast.effects import EpisodeEffect
from forecast.effects.candidates import columns, in_periods
from forecast.effects.event_classes import BUILD_UP, Size, standard_quantile
from forecast.interventions import Intervention, Licence, Shape, at_full, returned
from forecast.seeds import generator
from forecast.timeseries.series import Floats


@dataclass(frozen=True)
class Luck:
    """Random numbers of the ``n`` draws of one series, each by its key: the same key, the same numbers."""

    seed: int
    series_id: str
    n: int

    def uniform(self, key: str) -> Floats:
        """(n,) numbers from 0 to 1 by which draws choose, one in each of n equal shares, so that as many choose as
        should; of one seed the same for every series."""
        return generator(self.seed, key).permutation(middles(self.n))

    def sizes(self, event_id: str, size: Size) -> Floats:
        """(n,) effects of an event on the log of this series."""
        rng = generator(self.seed, self.series_id, event_id)
        return size.mean + size.sd * rng.permutation(_scores(self.n, size.heavy))


@lru_cache(maxsize=8)
def _scores(n: int, heavy: bool) -> Floats:
    """(n,) standard quantiles at the middles of n equal shares, normal or t: their median is 0, and their sum.

    Drawn at random, 2,000 sizes are off by 2 % of their sd on average, and a scenario that changes nothing on average
    would read as a rise.
    """
    return np.array([standard_quantile(p, heavy) for p in middles(n)])


def total(parts: Iterable[Part], ahead: Ahead, luck: Luck) -> Floats:
    """(H, n) what these parts add, always summed in one order: the same parts, the same digits."""
    added = np.zeros((len(ahead.ds), luck.n))
    for part in sorted(parts, key=lambda part: part.event_id):
        if isinstance(part, Coming):
            added += part.added(luck.sizes(part.event_id, part.size))
        else:
            added += _rewritten(part, ahead, luck)
    return added


def difference(parts: Sequence[Part], less: Sequence[Part], ahead: Ahead, luck: Luck) -> Floats:
    """(H, n) what ``parts`` add more than ``less``; exactly 0 where they are the same."""
    gone = [part for part in less if part not in parts]
    new = total([part for part in parts if part not in less], ahead, luck)
    return new - total(gone, ahead, luck) if gone else new


def forked(additions: Additions, ahead: Ahead, luck: Luck, check: Callable[[], None] = lambda: None) -> Floats:
    """(H, n) what the forks add in the draws that take them, more than the parts of all draws.

    ``check`` is called before each alternative, and may give up.
    """
    added = np.zeros((len(ahead.ds), luck.n))
    for fork in additions.forks:
        u = luck.uniform(fork.key)
        which = np.floor(u / (fork.probability or 1.0) * len(fork.alternatives))
        for i, alternative in enumerate(fork.alternatives):
            check()
            change = difference(alternative, additions.parts, ahead, luck)
            added += np.where((u < fork.probability) & (which == i), change, 0.0)
    return added


def _rewritten(part: Rewritten, ahead: Ahead, luck: Luck) -> Floats:
    effect = part.effect
    if part.gone:
        return -part.share * effect.paths(effect.held(ahead.ds, ahead.freq, ahead.last)).T
    drawn = _responses(effect, part.drawn, ahead)
    rows = _responses(effect, part.spells, ahead, part.shape, part.levels)
    if part.stated:
        # What somebody states is what the event does, not its share in what an episode did.
        whole = rows.T[:, effect.choice[0]] * luck.sizes(part.event_id, part.stated)
        change = whole - part.share * effect.paths(drawn).T
    else:
        whole, change = part.share * effect.paths(rows).T, part.share * effect.paths(rows - drawn).T
    if isinstance(part.shape, Licence):
        change += returned(whole, _approved(part.shape, part.spells, ahead)[:, None])
    return change


def _approved(licence: Licence, spells: Iterable[Spell], ahead: Ahead) -> Floats:
    """(H,) the share that is approved in each period, beyond what was at the last observation."""
    shares = (
        licence.approved_ahead((ahead.ordinals - s.start).astype(float)) * s.inside(ahead.ordinals) for s in spells
    )
    return sum(shares, np.zeros(len(ahead.ds)))


def _responses(
    effect: EpisodeEffect, spells: Iterable[Spell], ahead: Ahead, shape: Shape | None = None, levels: Levels = ()
) -> Floats:
    """(K, H) each candidate at full strength while in force: as it stood at the last observation, or begun anew.

    A ``shape`` says what stands instead; a licence gives back of what stood then, and of what is begun anew at once.
    """
    rows = np.zeros((len(effect.candidates), len(ahead.ds)))
    for spell in spells:
        if spell.stop <= ahead.origin + 1:
            continue
        stands = spell.start <= ahead.origin
        if stands:
            guess, held = replace(effect.candidates[0], end=None, intensity=()), ahead.last
        else:
            guess, held = Intervention(in_periods(BUILD_UP, ahead.freq), np.datetime64(spell.day, "D")), None
        instead = at_full(shape) if shape and not (stands and isinstance(shape, Licence)) else None
        begun = [replace(guess, shape=instead or c.shape, lead=c.lead if stands else 0) for c in effect.candidates]
        rows += columns(begun, ahead.ds, ahead.freq, held) * spell.inside(ahead.ordinals)
    return rows * multiplier(levels, ahead)
