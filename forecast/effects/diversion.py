"""Trade diversion, estimated: what events on some partners of a group of flows did to all of its members.

Each member (a partner, the rest of the world, the total) has its own estimate, with the events that act on it as in
any effect record; an event that acts on other partners is one episode more, on the same dates, of unknown sign. What
is common to all flows is taken out by comparison series that no event of the group touches, never by members of the
group: they carry the diversion. ``diverted`` makes the estimates joint.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from forecast.effects.controls import controls_for
from forecast.effects.diverted import GroupRecord, MemberRecord
from forecast.effects.episodes import Episode, episodes
from forecast.effects.estimate import ModelAveraging, estimate
from forecast.effects.profile import profile
from forecast.effects.record import EffectRecord
from forecast.errors import TooShort
from forecast.events import Event, Events, KindFamily
from forecast.events.exposure import Minerals, exposure
from forecast.interventions import Intervention, Step
from forecast.names import WORLD
from forecast.seeds import seed_of
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.partners import PartnerGroup, rest_of
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History, Series

#: The main standard deviation on the log of what an event on other partners does to a flow, as a share of what these
#: sent before it over what the others sent: all of that would be diverted if trade stopped and nothing was lost.
DIVERTED_SHARE = 0.4
#: Its bounds, and where the flows before the event are not known.
SD_BOUNDS, SD_UNKNOWN = (0.03, 0.4), 0.25
#: Months within which measures of one actor on the same flows are rounds of one.
ROUND_MONTHS = 3
#: Months before an event in which flows are compared.
_BEFORE = 12
#: Periods that count for no correlation of the noise of two members.
_SHRINKAGE = 12.0
#: A standardised innovation beyond this is cut off when noise is compared.
_CLIP = 3.0
_MEASURES = frozenset({KindFamily.SUPPLY, KindFamily.TARIFF})
#: What the rest of the world is called beside the places of partners.
REST = "rest"


@dataclass(frozen=True, eq=False)
class Member:
    """A member of a group and the episodes in its model.

    ``own`` act on it; ``adopted`` on other partners; ``mixed``: by id events on others that began in the period of an
    episode of its own, with the id of that.
    """

    series: Series
    history: History
    own: tuple[Episode, ...] = ()
    adopted: tuple[Episode, ...] = ()
    mixed: Mapping[str, str] = field(default_factory=dict)
    derived: bool = False
    notes: tuple[str, ...] = ()

    @property
    def sample(self) -> Sample:
        return Sample.of(self.history)


@dataclass(frozen=True, eq=False)
class GroupMembers:
    """The members of a group: ``leaves`` add up; ``total``: None where there is none."""

    name: str
    leaves: tuple[Member, ...]
    total: Member | None = None


def members(
    group: PartnerGroup, histories: Mapping[str, History], events: Events, minerals: Minerals, known_on: dt.date
) -> GroupMembers | None:
    """The members of a group with their episodes; None where fewer than two can be estimated, or nothing acts on some
    of them alone. Episodes are those known by the end of a day."""
    found = []
    for one in group.partners:
        if one.series_id in histories and _usable(histories[one.series_id]):
            history = histories[one.series_id]
            own, _ = episodes(events, one, minerals, Sample.of(history).ds, known_on=known_on)
            found.append(Member(one, history, rounds(own, events, one.calendar)))
    total = None
    if group.total is not None and group.name in histories and _usable(histories[group.name]) and found:
        history = histories[group.name]
        own, _ = episodes(events, group.total, minerals, Sample.of(history).ds, known_on=known_on)
        total = Member(group.total, history, rounds(own, events, group.total.calendar))
        assert group.rest is not None
        rest, says = rest_of(history, [member.history for member in found], group.rest)
        if _usable(rest):
            own = tuple(_of_the_rest(own, events, group.total, {m.series.partner for m in found}))
            found.append(Member(group.rest, rest, own, derived=True, notes=(says,) if says else ()))
    leaves = tuple(_with_adopted(member, found, events, minerals) for member in found)
    if len(leaves) < 2 or not any(member.adopted for member in leaves):
        return None
    return GroupMembers(group.name, leaves, total)


def rounds(own: Sequence[Episode], events: Events, freq: Freq) -> tuple[Episode, ...]:
    """The episodes of a series, those that are rounds of one measure being one: of one actor and kind, with the same
    flows, and begun within a quarter of the first.

    Trade moves from one partner to others over the rounds of a tariff, and what each of them did apart from the others
    no monthly series tells.
    """
    out: list[Episode] = []
    for episode in own:
        at = next((k for k, first in enumerate(out) if _is_round(episode, first, events, freq)), None)
        if at is None:
            out.append(episode)
            continue
        first = out[at]
        out[at] = replace(
            first,
            events=(*first.events, *episode.events),
            direction=first.direction if first.direction == episode.direction else 0,
            strength=1 - (1 - first.strength) * (1 - episode.strength),
            exposure=max(first.exposure, episode.exposure),
            intervention=Intervention(Step(), first.intervention.start),
            apart=first.apart or episode.apart,
            in_force={**first.in_force, **episode.in_force},
        )
    return tuple(out)


def _is_round(episode: Episode, first: Episode, events: Events, freq: Freq) -> bool:
    if episode.family is not first.family or episode.family not in _MEASURES:
        return False
    one, other = events[episode.episode_id], events[first.episode_id]
    apart = int(freq.ordinal(episode.intervention.start)) - int(freq.ordinal(first.intervention.start))
    return one.actor == other.actor and set(one.flows) == set(other.flows) and apart <= freq.months(ROUND_MONTHS)


def _usable(history: History) -> bool:
    return bool((history.used & (history.y > 0)).any())


def _of_the_rest(own: Sequence[Episode], events: Events, total: Series, partners: set[str]) -> list[Episode]:
    """Of the episodes of the total those that act on other partners than these, or on any."""

    def outside(event: Event) -> bool:
        sides = ((o, d) if total.flow == "export" else (d, o) for o, d in event.flows)
        return any(here in (total.reporter, WORLD) and there not in partners for here, there in sides)

    kept = []
    for episode in own:
        acting = tuple(name for name in episode.events if outside(events[name]))
        if acting:
            kept.append(replace(episode, episode_id=acting[0], events=acting))
    return kept


def _with_adopted(member: Member, every: Sequence[Member], events: Events, minerals: Minerals) -> Member:
    """The member with the episodes of the others that do not touch it: measures, and what else is reported apart there;
    of one period they are one."""
    freq, ds = member.series.calendar, member.sample.ds
    first, last = int(freq.ordinal(ds[0])), int(freq.ordinal(ds[-1]))
    own = {int(freq.ordinal(e.intervention.start)): e for e in member.own}
    touching = {name for e in member.own for name in e.events}
    others: dict[int, list[Episode]] = {}
    for other in every:
        for episode in other.own if other is not member else ():
            named = tuple(e for e in episode.events if e not in touching and not _touches(events[e], member, minerals))
            start = int(freq.ordinal(episode.intervention.start))
            if named and (episode.apart or episode.family in _MEASURES) and first < start <= last:
                others.setdefault(start, []).append(replace(episode, events=named))
    adopted: list[Episode] = []
    mixed: dict[str, str] = {}
    for start, some in sorted(others.items()):
        names = tuple(dict.fromkeys(name for e in some for name in e.events))
        if start in own:
            mixed |= dict.fromkeys(names, own[start].episode_id)
            continue
        leader = max(some, key=lambda e: e.strength)
        adopted.append(replace(leader, episode_id=names[0], events=names, direction=0, apart=True, told_with=""))
    return replace(member, adopted=tuple(adopted), mixed=mixed)


def _touches(event: Event, member: Member, minerals: Minerals) -> bool:
    # The rest has the flows of the total, of which its episodes are those that act outside.
    return not member.derived and exposure(event, member.series, minerals) > 0


def estimate_group(
    group: GroupMembers, pool: Mapping[str, History], events: Events, minerals: Minerals, *, n: int, seed: int
) -> GroupRecord:
    """The effects on all members, n draws each; ``pool``: histories that may serve as comparison."""
    every = [*group.leaves, *([group.total] if group.total else ())]
    inside = {member.series.series_id for member in every}
    others = {name: history for name, history in pool.items() if name not in inside}
    freq = every[0].series.calendar
    start = min(int(freq.ordinal(m.sample.ds[0])) for m in every)
    stop = max(int(freq.ordinal(m.sample.ds[-1])) for m in every) + 1
    ds = np.asarray(freq.start(np.arange(start, stop)))
    records, noise = [], []
    for member in every:
        sample = member.sample
        diverting = [events[name] for e in member.adopted for name in e.events if name in events]
        controls = controls_for(member.series, sample, others, minerals, events, diverting=diverting)
        own_seed = seed_of(seed_of(seed, member.series.series_id), "effects")
        spreads = {e.episode_id: _spread(e, group.leaves) for e in member.adopted}
        record = member_record(member, controls, ds, spreads, n=n, seed=own_seed)
        records.append(record)
        noise.append(_innovations(sample, record.record, controls, ds))
    total = records.pop() if group.total else None
    R = _correlation(np.array(noise))
    return GroupRecord(group.name, freq, ds, tuple(records), R, total, every[0].series.unit)


def _spread(episode: Episode, leaves: Sequence[Member]) -> float:
    """Prior sd of what an episode on some members does to the others: trade that is small moves large flows little."""
    hit = others = 0.0
    for member in leaves:
        before = member.history.until(member.series.calendar.shift(episode.intervention.start, -1))
        level = float(np.nansum(np.where(before.used, before.y, np.nan)[-member.series.calendar.months(_BEFORE) :]))
        if any(not set(episode.events).isdisjoint(own.events) for own in member.own):
            hit += level
        else:
            others += level
    return float(np.clip(DIVERTED_SHARE * hit / others, *SD_BOUNDS)) if hit and others else SD_UNKNOWN


def member_record(
    member: Member, controls: Floats | None, ds: Days, spreads: Mapping[str, float], *, n: int, seed: int
) -> MemberRecord:
    """The estimate for one member, and its levels on the periods of the group; ``spreads``: prior sds by episode."""
    sample = member.sample
    averaging = ModelAveraging({name: (0.0, sd) for name, sd in spreads.items()}, placebo=False)
    every = [*member.own, *member.adopted]
    record = estimate(sample, every, controls=controls, n=n, seed=seed, settings=averaging)
    record = record.of(member.series.series_id)
    level = np.full(len(ds), np.nan)
    level[np.searchsorted(ds, sample.ds)] = sample.values
    for day, log in record.latent.items():
        level[np.searchsorted(ds, np.datetime64(day, "D"))] = np.exp(log)
    partner = REST if member.derived else member.series.partner
    adopted = frozenset(e.episode_id for e in member.adopted)
    return MemberRecord(
        member.series.series_id, partner, record, level, adopted, member.mixed, member.derived, member.notes
    )


def _innovations(sample: Sample, record: EffectRecord, controls: Floats | None, ds: Days) -> Floats:
    """(T,) standardised noise of a member, its mean effects taken off, on the periods of the group; NaN elsewhere."""
    out = np.full(len(ds), np.nan)
    path = sum((e.mean(sample.ds, sample.freq) for e in record.effects), np.zeros(len(sample)))
    try:
        view = profile(sample.less(path), controls, np.ones(len(sample), dtype=bool))
    except TooShort:
        return out
    out[np.searchsorted(ds, sample.ds[view.whitening.periods])] = view.residual
    return out


def _correlation(noise: Floats) -> Floats:
    """(M, M) correlations of noise (M, T), drawn towards none where few periods are shared; positive definite."""
    z = np.clip(noise, -_CLIP, _CLIP)
    both = np.isfinite(z)[:, None] & np.isfinite(z)[None, :]
    shared = both.sum(axis=2)
    filled = np.where(np.isfinite(z), z, 0.0)
    square = (np.where(both, (filled**2)[:, None], 0.0)).sum(axis=2)
    R = (filled @ filled.T) / np.sqrt(np.maximum(square * square.T, 1e-12))
    R = R * shared / (shared + _SHRINKAGE)
    np.fill_diagonal(R, 1.0)
    values, vectors = np.linalg.eigh((R + R.T) / 2)
    R = (vectors * np.maximum(values, 0.02)) @ vectors.T
    scale = np.sqrt(np.diag(R))
    return np.asarray(R / np.outer(scale, scale))
