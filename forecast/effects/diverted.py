"""What an event on one partner did to the others: joint draws over a group of flows that add up; numpy only.

The members' draws come from estimates of their own (``diversion``); here they are made joint. The noise of flows to
several partners moves together, and so do the errors of effects: draws are put in an order in which the members'
amounts have the correlation of their noise (a Gaussian copula on whole paths, as in the shuffle of Clark et al., The
Schaake shuffle, Journal of Hydrometeorology 5, 2004). The total was estimated too, and is a second account of the sum.
With a the true amounts, W the covariance of the errors of all estimates, l of the members and T of the total,

    â_T | â_l, a  ~  N(Σa + β'(â_l − a),  W_TT − β'W_lT),   β = W_ll⁻¹ W_lT,

weighs each joint draw. For normal draws that is generalised least squares reconciliation (Wickramasuriya,
Athanasopoulos and Hyndman, Optimal forecast reconciliation through trace minimization, JASA 114, 2019), and where the
total's error is the sum of the members' it weighs nothing: what both have seen counts once. Every draw stays one of a
level that is possible, which a linear projection does not promise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forecast.effects.record import EffectRecord, EpisodeEffect
from forecast.seeds import generator
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Floats

#: Power by which the total's account is evened: its noise model is no more the truth than theirs. At 1 the effect on
#: the partners hit was covered by 87 % of 90 % intervals, at one half by 88, without it by 89.
LIKELIHOOD_POWER = 0.5
#: Degrees of freedom of the total's error: two accounts of real flows differ by more than normal errors say.
_TOTAL_DEGREES = 5.0
#: The hit partner's effect must have this probability of its sign for the share diverted to have a meaning.
_CERTAIN_SIGN = 0.95


@dataclass(frozen=True, eq=False)
class MemberRecord:
    """The effects on one member of a group.

    ``partner``: its place, or what stands for the rest; ``derived``: it is no series but the rest of the total.
    ``adopted``: ids of the episodes in the ``record`` of events on other partners; ``mixed``: by id the events on
    others that began in the period of an episode of its own, with the id of that. ``level`` (T,): observed, what a 0
    stands for where an episode may have acted, NaN where missing.
    """

    name: str
    partner: str
    record: EffectRecord
    level: Floats
    adopted: frozenset[str] = frozenset()
    mixed: Mapping[str, str] = field(default_factory=dict)
    derived: bool = False
    notes: tuple[str, ...] = ()

    def of(self, events: Collection[str]) -> tuple[EpisodeEffect, ...]:
        """The effects of the episodes that these events are part of, or began with."""
        own = {self.mixed[event] for event in events if event in self.mixed}
        return tuple(e for e in self.record.effects if e.episode.episode_id in own or _any(e, events))

    def role(self, events: Collection[str]) -> str:
        """``hit`` by one of the events, ``other``: they act on other partners; ``mixed``: an event of its own began in
        the same period; ``unseen``: its values say nothing of them."""
        found = [e for e in self.record.effects if _any(e, events)]
        if any(e.episode.episode_id not in self.adopted for e in found):
            return "hit"
        if any(event in self.mixed for event in events) or self.blurring(events):
            return "mixed"
        return "other" if found else "unseen"

    def inseparable(self, events: Collection[str]) -> tuple[EpisodeEffect, ...]:
        """The effects of the episodes of these events, and of those that the data cannot part from them."""
        leaders = {_leader(e) for e in self.record.effects if _any(e, events)}
        return tuple(e for e in self.record.effects if _leader(e) in leaders)

    def blurring(self, events: Collection[str]) -> tuple[str, ...]:
        """Ids of episodes of its own that the data cannot part from these events on other partners."""
        named = (e.episode.episode_id for e in self.inseparable(events) if not _any(e, events))
        return tuple(name for name in named if name not in self.adopted)


def _leader(effect: EpisodeEffect) -> str:
    return effect.episode.told_with or effect.episode.episode_id


def _any(effect: EpisodeEffect, events: Collection[str]) -> bool:
    return not set(events).isdisjoint(effect.episode.events)


@dataclass(frozen=True, eq=False)
class GroupRecord:
    """The effects on all members of a group: its partners and the rest, which add up, and the ``total``, if there is
    one.

    ``ds`` (T,): period starts; ``correlation`` (M, M): of the members' noise, the total last; ``unit``: of amounts.
    """

    name: str
    freq: Freq
    ds: Days
    members: tuple[MemberRecord, ...]
    correlation: Floats
    total: MemberRecord | None = None
    unit: str = ""
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return self.members[0].record.n

    @cached_property
    def hitting(self) -> tuple[str, ...]:
        """Ids of the events that act on some partners, and not on all."""
        events = dict.fromkeys(e for m in self.members for effect in m.record.effects for e in effect.episode.events)
        roles = {event: {m.role([event]) for m in self.members} for event in events}
        return tuple(event for event, some in roles.items() if "hit" in some and "other" in some)


@dataclass(frozen=True, eq=False)
class Diverted:
    """Joint draws of what events did to each member of a group over the same periods.

    ``ds`` (P,); ``amount`` (M, n, P): level less what it would have been, per period, in the unit of the series;
    ``level`` (M, P); ``roles`` (M,); ``total_alone`` (n,): the total's own estimate of the sum over the periods.
    ``kept``: share of the draws that the total's account leaves, as effective number. ``asked``: of the ``events``
    those asked for; the others are what the data of the partners hit cannot part from them, and are in every amount.
    """

    record: GroupRecord
    asked: tuple[str, ...]
    events: tuple[str, ...]
    ds: Days
    level: Floats
    amount: Floats
    roles: tuple[str, ...]
    total_alone: Floats | None
    kept: float
    missing: int

    def rows(self, *roles: str) -> npt.NDArray[np.bool_]:
        """(M,) the members of these roles; all of them by default."""
        return np.array([not roles or role in roles for role in self.roles])

    def summed(self, *roles: str) -> Floats:
        """(n,) amounts over all periods and the members of these roles; all of them by default."""
        return np.asarray(self.amount[self.rows(*roles)].sum(axis=(0, 2)))

    @property
    def certain(self) -> bool:
        """Whether the effect on the partners hit has a sign."""
        hit = self.summed("hit")
        return bool(max(np.mean(hit > 0), np.mean(hit < 0)) >= _CERTAIN_SIGN)

    @cached_property
    def share(self) -> Floats | None:
        """(n,) the share diverted: what others gained of what the partners hit lost; None where the loss has no sign
        that could be told."""
        if not self.certain or "other" not in self.roles:
            return None
        hit, others = self.summed("hit"), self.summed("other")
        same = np.sign(hit) == np.sign(np.median(hit))
        return np.asarray(-others[same] / hit[same])

    @cached_property
    def gained(self) -> float | None:
        """Probability that others together went the other way than the partners hit."""
        if not self.certain or "other" not in self.roles:
            return None
        return float(np.mean(np.sign(self.summed("other")) == -np.sign(np.median(self.summed("hit")))))


def more(level: float, amount: Floats) -> Floats:
    """By how much percent a level is more than it would have been, from the amounts (n,); 0 where both are 0."""
    without = level - amount
    return np.asarray(100 * np.divide(amount, without, out=np.zeros_like(amount), where=without > 0))


def diverted(record: GroupRecord, events: Collection[str], *, weighed: bool = True) -> Diverted | None:
    """What these events did to the group, by joint draws; None where none of its partners is known to be hit.

    ``weighed``: with the total's own estimate; without it the sum of the members is all there is.
    """
    wanted = tuple(events)
    together = (e for m in record.members if m.role(wanted) == "hit" for e in m.inseparable(wanted))
    asked = tuple(
        dict.fromkeys([*wanted, *(name for e in together if not _any(e, wanted) for name in e.episode.events)])
    )
    roles = tuple(m.role(asked) for m in record.members)
    hit = [e for m, role in zip(record.members, roles, strict=True) if role == "hit" for e in m.of(asked)]
    rows = _periods(record, hit)
    if not rows.any():
        return None
    levels = np.array([m.level for m in record.members])
    complete = rows & np.isfinite(levels).all(axis=0)
    if not complete.any():
        return None
    ds, level = record.ds[complete], levels[:, complete]
    amount = np.array([_amounts(m, lv, asked, ds, record.freq) for m, lv in zip(record.members, level, strict=True)])
    rng = generator(0, "diversion", record.name, *asked)
    known = [_known(m.of(asked)) for m in record.members]
    amount = _coupled(amount, _between(record.correlation[: len(amount), : len(amount)], known), rng)
    alone, kept = None, 1.0
    if record.total is not None and record.total.of(asked):
        alone = _amounts(record.total, record.total.level[complete], asked, ds, record.freq).sum(axis=1)
        if weighed and all(e.identified for e in record.total.of(asked)):
            known.append(_known(record.total.of(asked)))
            weight = _weights(amount.sum(axis=2), alone, _between(record.correlation, known))
            kept = float(1 / (weight**2).sum() / len(weight))
            amount = amount[:, _resampled(weight, rng)]
    return Diverted(record, wanted, asked, ds, level, amount, roles, alone, kept, int((rows & ~complete).sum()))


def _periods(record: GroupRecord, hit: Collection[EpisodeEffect]) -> npt.NDArray[np.bool_]:
    """(T,) periods of the group in which the partners hit may have felt it: from its first lead on, at most a year;
    of years the one after its first too, which may have begun before it."""
    ordinals = np.asarray(record.freq.ordinal(record.ds))
    rows = np.zeros(len(ordinals), dtype=bool)
    for effect in hit:
        window = effect.window(record.freq, record.ds[-1])
        if len(window):
            first = min(int(record.freq.ordinal(c.start)) - c.reach for c in effect.candidates)
            stop = int(record.freq.ordinal(window[-1])) + (record.freq.per_year < 2)
            rows |= (ordinals >= first) & (ordinals <= stop)
    return rows


def _amounts(member: MemberRecord, level: Floats, events: Collection[str], ds: Days, freq: Freq) -> Floats:
    """(n, P) level less what it would have been without the events, for one member by itself."""
    path = np.zeros((member.record.n, len(ds)))
    for effect in member.of(events):
        path += effect.draws(ds, freq)
    return np.asarray(level * -np.expm1(-path))


def _known(effects: Sequence[EpisodeEffect]) -> float:
    """The share, of what a member's effects might have been, that its data and not the prior tell: 0 to 1."""
    left = [min(_spread(e.size.sum(axis=0)) / e.prior[1], 1.0) if e.identified else 1.0 for e in effects]
    return 1.0 - max(left, default=1.0) ** 2


def _between(correlation: Floats, known: Sequence[float]) -> Floats:
    """The correlation of the errors of the effects: that of the noise, as far as these come of it."""
    root = np.sqrt(known)
    return np.where(np.eye(len(correlation), dtype=bool), 1.0, correlation * np.outer(root, root))


def _coupled(amount: Floats, correlation: Floats, rng: np.random.Generator) -> Floats:
    """(M, n, P) the same draws of each member, in an order in which their sums correlate so."""
    root = np.linalg.cholesky(correlation)
    z = root @ rng.standard_normal(amount.shape[:2])
    out = np.empty_like(amount)
    for row, (own, score) in enumerate(zip(amount, z, strict=True)):
        out[row, np.argsort(score, kind="stable")] = own[np.argsort(own.sum(axis=1), kind="stable")]
    return out


def _weights(amount: Floats, total: Floats, correlation: Floats) -> Floats:
    """(n,) weights of joint draws (M, n) by the total's own estimate, of which there are draws (n,); they sum to 1."""
    scale = np.array([*map(_spread, amount), _spread(total)])
    W = correlation * np.outer(scale, scale)
    beta = np.linalg.lstsq(W[:-1, :-1], W[:-1, -1], rcond=None)[0]
    variance = max(float(W[-1, -1] - beta @ W[:-1, -1]), 1e-6 * float(W[-1, -1]))
    error = np.median(amount, axis=1)[:, None] - amount
    left = np.median(total) - amount.sum(axis=0) - beta @ error
    weight = (1 + left**2 / (_TOTAL_DEGREES * variance)) ** (-LIKELIHOOD_POWER * (_TOTAL_DEGREES + 1) / 2)
    return np.asarray(weight / weight.sum())


def _spread(draws: Floats) -> float:
    """Standard deviation of the middle of draws: amounts have long tails. Where most are 0, half that of all."""
    low, high = np.quantile(draws, [0.16, 0.84])
    return max(float(high - low) / 2, float(draws.std()) / 2, 1e-12)


def _resampled(weight: Floats, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Rows by weight: systematic resampling, so that equal weights keep every row once."""
    at = (np.arange(len(weight)) + rng.random()) / len(weight)
    return np.minimum(np.searchsorted(np.cumsum(weight), at), len(weight) - 1)
