"""Paths that events add to the log of each draw: pure functions of contributions, periods and common random numbers.

Every size hangs on (seed, series, event) and every choice between futures on (seed, event): the same numbers in each
scenario, so that a difference of scenarios is one of worlds and not of luck, and one world for all series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from forecast.answers.contributions import Contribution, ContributionSet, RevisedContribution
from forecast.answers.forecast_periods import ForecastPeriods, Levels, Spell
from forecast.answers.new_contributions import NewContribution
from forecast.answers.precedent_paths import PrecedentContribution
from forecast.coupling import middles
from forecast.effects import EpisodeEffect
from forecast.effects.candidates import columns, in_periods
from forecast.effects.event_classes import BUILD_UP, Size, standard_quantile
from forecast.interventions import Intervention, Licence, Shape, at_full, returned
from forecast.seeds import generator
from forecast.timeseries.series import Floats


@dataclass(frozen=True)
class CommonRandomNumbers:
    """Common random numbers of the ``n`` draws of one series, by key: the same key, the same numbers in every
    scenario."""

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


def total(contributions: Iterable[Contribution], ahead: ForecastPeriods, random_numbers: CommonRandomNumbers) -> Floats:
    """(H, n) sum of contributions, always added in one order: the same contributions, the same digits."""
    added = np.zeros((len(ahead.ds), random_numbers.n))
    for contribution in sorted(contributions, key=lambda contribution: contribution.event_id):
        if isinstance(contribution, NewContribution):
            added += contribution.added(random_numbers.sizes(contribution.event_id, contribution.size))
        elif isinstance(contribution, PrecedentContribution):
            added += contribution.added(ahead, random_numbers.n)
        else:
            added += _revised(contribution, ahead, random_numbers)
    return added


def difference(
    contributions: Sequence[Contribution],
    less: Sequence[Contribution],
    ahead: ForecastPeriods,
    random_numbers: CommonRandomNumbers,
) -> Floats:
    """(H, n) what ``contributions`` add more than ``less``; exactly 0 where they are the same."""
    gone = [contribution for contribution in less if contribution not in contributions]
    new = total([contribution for contribution in contributions if contribution not in less], ahead, random_numbers)
    return new - total(gone, ahead, random_numbers) if gone else new


def forked(
    additions: ContributionSet,
    ahead: ForecastPeriods,
    random_numbers: CommonRandomNumbers,
    check: Callable[[], None] = lambda: None,
) -> Floats:
    """(H, n) what the forks add in the draws that take them, more than the parts of all draws.

    ``check`` is called before each alternative, and may give up.
    """
    added = np.zeros((len(ahead.ds), random_numbers.n))
    for chance in additions.chances:
        u = random_numbers.uniform(chance.key) - chance.after
        with np.errstate(over="ignore"):  # of draws that do not take it, where hardly any does
            which = np.floor(u / (chance.probability or 1.0) * len(chance.alternatives))
        for i, alternative in enumerate(chance.alternatives):
            check()
            change = difference(alternative, additions.contributions, ahead, random_numbers)
            added += np.where((u >= 0) & (u < chance.probability) & (which == i), change, 0.0)
    return added


def _revised(contribution: RevisedContribution, ahead: ForecastPeriods, random_numbers: CommonRandomNumbers) -> Floats:
    effect = contribution.effect
    if contribution.gone:
        return -contribution.share * effect.paths(effect.held(ahead.ds, ahead.freq, ahead.last)).T
    drawn = _responses(effect, contribution.drawn, ahead)
    if contribution.path:
        likened = contribution.path.added(contribution.spells, ahead, random_numbers.n)
        return np.asarray(likened - contribution.share * effect.paths(drawn).T)
    rows = _responses(effect, contribution.spells, ahead, contribution.shape, contribution.levels)
    if contribution.stated:
        # What somebody states is what the event does, not its share in what an episode did.
        whole = rows.T[:, effect.choice[0]] * random_numbers.sizes(contribution.event_id, contribution.stated)
        change = whole - contribution.share * effect.paths(drawn).T
    else:
        whole, change = contribution.share * effect.paths(rows).T, contribution.share * effect.paths(rows - drawn).T
    if isinstance(contribution.shape, Licence):
        change += returned(whole, _approved(contribution.shape, contribution.spells, ahead)[:, None])
    return change


def _approved(licence: Licence, spells: Iterable[Spell], ahead: ForecastPeriods) -> Floats:
    """(H,) the share that is approved in each period, beyond what was at the last observation."""
    shares = (
        licence.approved_ahead((ahead.ordinals - s.start).astype(float)) * s.inside(ahead.ordinals) for s in spells
    )
    return sum(shares, np.zeros(len(ahead.ds)))


def _standing(guess: Intervention, ahead: ForecastPeriods) -> Intervention:
    """An intervention that goes on as strong as it is at the last observation."""
    last = ahead.freq.end(ahead.last)
    begun = [step for step in guess.intensity if step[0] <= last]
    return replace(guess, end=None, intensity=tuple(step for step in begun[-1:] if step[1]))


def _responses(
    effect: EpisodeEffect,
    spells: Iterable[Spell],
    ahead: ForecastPeriods,
    shape: Shape | None = None,
    levels: Levels = (),
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
            guess, held = _standing(effect.candidates[0], ahead), ahead.last
        else:
            guess, held = Intervention(in_periods(BUILD_UP, ahead.freq), np.datetime64(spell.day, "D")), None
        instead = at_full(shape) if shape and not (stands and isinstance(shape, Licence)) else None
        begun = [replace(guess, shape=instead or c.shape, lead=c.lead if stands else 0) for c in effect.candidates]
        rows += columns(begun, ahead.ds, ahead.freq, held) * spell.inside(ahead.ordinals)
    return rows * ahead.multiplier(levels)
