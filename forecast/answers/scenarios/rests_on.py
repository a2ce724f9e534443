"""What an outcome rests on: of each event that acts in it, whether its effect was measured, is taken from its kind or
from a precedent, or is stated; with the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
from pydantic import Field

from forecast.answers.contributions import Contribution, RevisedContribution
from forecast.answers.estimate import PERCENT, PERIODS, Estimate, number, six_digits
from forecast.answers.event_priors import EventClass
from forecast.answers.future import Future
from forecast.answers.model import Part, in_unit
from forecast.answers.new_contributions import NewContribution
from forecast.answers.precedent_paths import PrecedentPath
from forecast.answers.precedents import Precedent, Precedents
from forecast.effects.affected import Affected
from forecast.effects.event_classes import Size
from forecast.effects.report import Band
from forecast.events import Event, Stringency
from forecast.events.exposure import exposure
from forecast.timeseries.series import Floats
from forecast.wording import counted

#: Periods of a path that are told: the first months, of a longer frequency fewer.
_PATH_MONTHS = 12
#: Above this share of the draws an effect is there in all of them.
_ALWAYS = 0.99


class EffectBasis(StrEnum):
    """Where the effect of an event comes from."""

    ESTIMATED = "estimated"
    PRIOR = "prior"
    PRECEDENT = "precedent"
    STATED = "stated"


class RestsOn(Part):
    """What an outcome takes an event to do, and where that comes from."""

    event_id: str = Field(description="id of the event")
    basis: EffectBasis = Field(
        description="estimated: from what the series itself showed of it; prior: from what events of its kind did; "
        "precedent: as one past event went; stated: as the question says"
    )
    effect: Estimate = Field(
        description="effect at full that is drawn from; of what was estimated or goes as a precedent went by how much "
        "the periods of its first year together are more than without it; spread between draws",
        json_schema_extra=PERCENT,
    )
    removed: bool = Field(
        False, description="yes: the outcome is without it, and this is what it does as events are known"
    )
    kind: Stringency | None = Field(None, description="of a prior: the class of events that it was learned from")
    events: int | None = Field(
        None,
        description="of a prior: events of the class that there are to learn from",
        json_schema_extra=in_unit("events"),
    )
    mean: float | None = Field(
        None,
        description="of a prior: mean effect of such an event towards the expected side; 0 where none is clear",
        json_schema_extra=PERCENT,
    )
    spread: float | None = Field(
        None, description="of a prior: standard deviation of one such event, on the log", json_schema_extra=PERCENT
    )
    source: str | None = Field(
        None, description="of an estimate and of a precedent: id of the series on which it was measured"
    )
    precedent: str | None = Field(None, description="of a precedent: id of the past event")
    event_ids: tuple[str, ...] = Field(
        (),
        description="of an estimate and of a precedent: events of its episode, which the data cannot part and whose "
        "path it is",
    )
    observed: int | None = Field(
        None, description="of a precedent: periods of the source from its start on", json_schema_extra=PERIODS
    )
    weight: float | None = Field(
        None,
        description="of an estimate: its part of what its episode did; of a precedent: by what its path is multiplied "
        "on the log",
    )
    path: tuple[float, ...] = Field(
        (),
        description="of a precedent: the median of the path, from the start on, at most a year",
        json_schema_extra=PERCENT,
    )
    nearest: tuple[Precedent, ...] = Field(
        (),
        description="of what acts in a scenario: the nearest past events whose effect was measured, the nearest first",
    )
    says: str = Field(description="the same in a sentence")

    def item(self) -> str:
        """``cn-licence:prior``."""
        return f"{self.event_id}:{self.basis}"


def rests_on(
    future: Future,
    contributions: Sequence[Contribution],
    removed: Sequence[Contribution],
    events: Mapping[str, Event],
    precedents: Precedents | None = None,
) -> tuple[RestsOn, ...]:
    """What each of these contributions rests on, by event, and what is ``removed``; with the nearest ``precedents`` of
    what acts, where they are given.

    ``events``: those of the question, and as they are known what it leaves out.
    """
    found: dict[str, RestsOn] = {}
    own = {each.event_id for each in contributions}
    pairs = [(each, _is_gone(each)) for each in contributions] + [(each, True) for each in removed]
    for each, gone in sorted(pairs, key=lambda pair: pair[0].event_id):
        event = events.get(each.event_id) or future.events.get(each.event_id)
        if each.event_id in found or (made := _one(future, each, event)) is None:
            continue
        more: dict[str, object] = {"removed": True, "says": f"without {made.says}"} if gone else {}
        if precedents and event and not gone and not _ends(each):
            back = {act.target for act in event.acts if act.relation == "reinstates"}
            like = precedents.hardest(back, future.series) or event
            more = {
                "nearest": precedents.nearest(like, future.series, own | back),
                "says": made.says + _in_part(future, event, made, precedents),
            }
        found[each.event_id] = made.model_copy(update=more)
    return tuple(found.values())


def _is_gone(each: Contribution) -> bool:
    return isinstance(each, RevisedContribution) and each.gone


def _ends(each: Contribution) -> bool:
    """Whether all that is new of a measured effect is that it ends, or ends earlier."""
    if not isinstance(each, RevisedContribution) or not each.drawn:
        return False
    return max((spell.stop for spell in each.spells), default=0) < max(spell.stop for spell in each.drawn)


def _one(future: Future, each: Contribution, event: Event | None) -> RestsOn | None:
    if isinstance(each, RevisedContribution):
        if each.path:
            return _as_precedent(future, each.event_id, each.path)
        if each.stated:
            return _as_stated(each.event_id, each.stated) if each.stated.mean or each.stated.sd else None
        return _as_estimated(future, each)
    if isinstance(each, NewContribution):
        if each.stated:
            return _as_stated(each.event_id, each.size)
        return None if event is None else _as_prior(future, each, event)
    return _as_precedent(future, each.event_id, each.path)


def _as_stated(event_id: str, size: Size) -> RestsOn:
    effect = Estimate.in_percent(size)
    says = f"{event_id}: as stated, {_give(effect)}"
    return RestsOn(event_id=event_id, basis=EffectBasis.STATED, effect=effect, says=says)


def _in_part(future: Future, event: Event, made: RestsOn, precedents: Precedents) -> str:
    """That of a flow the whole effect is taken, stated or measured, though the event hits only a part of it."""
    series, full = future.series, 1.0
    if series.is_price or made.basis not in (EffectBasis.STATED, EffectBasis.PRECEDENT):
        return ""
    if made.precedent is not None and made.source is not None:
        one = precedents.on(made.precedent, made.source)
        if made.source != series.series_id or one is None:
            return ""
        full = one.effect.episode.exposure
    hit = exposure(event, series, future.minerals)
    if not 0 < hit < full:
        return ""
    return f"; taken whole, though it hits only a part of {series.series_id} (exposure {hit:.1g} against {full:.1g})"


def _as_prior(future: Future, each: NewContribution, event: Event) -> RestsOn:
    series, kind = future.series, EventClass.of_event(event, future.series)
    size = future.evidence.expected(kind, series)
    count = future.evidence.count(kind.stringency, Affected.of(series), kind.events)
    effect, mean = Estimate.in_percent(each.size), six_digits(100 * np.expm1(size.mean)).item()
    clear = f"mean {mean:+.0f} %" if size.mean else "no clear direction: a rise as likely as a fall"
    return RestsOn(
        event_id=each.event_id,
        basis=EffectBasis.PRIOR,
        effect=effect,
        kind=kind.stringency,
        events=count,
        mean=mean,
        spread=number(100 * size.sd),
        says=f"{each.event_id}: by its kind, {counted(count, 'event')} ({clear}, spread {100 * size.sd:.0f} %): "
        f"{_give(effect)}",
    )


def _as_estimated(future: Future, each: RevisedContribution) -> RestsOn:
    record, effect = future.run.record, each.effect
    median = _percent(_first_year(future, each))
    now = _percent(each.share * effect.draws(np.array([record.last]), record.freq)[:, 0]).median
    events = effect.episode.events
    part = "" if len(events) == 1 else f" ({100 * each.share:.0f} % of an episode of {len(events)} events)"
    return RestsOn(
        event_id=each.event_id,
        basis=EffectBasis.ESTIMATED,
        effect=median,
        source=record.series_id or future.series.series_id,
        event_ids=events,
        weight=number(each.share),
        says=f"{each.event_id}: as estimated from the series itself{part}, {_give(median)} in its first year"
        f"{_rarely(each.effect.acts)}, {now:+.0f} % in the last {record.freq.period} with data",
    )


def _as_precedent(future: Future, event_id: str, path: PrecedentPath) -> RestsOn:
    first_year = path.by_age[:, : future.series.calendar.months(_PATH_MONTHS)]
    effect = _percent(_together(first_year))
    together = [name for name in path.events if name != path.event_id]
    whole = f", which the data cannot part from {', '.join(together)}" if together else ""
    seen = f"followed for {counted(path.observed, path.freq.period)}"
    times = "" if path.weight == 1.0 else f", times {path.weight:.2g}"
    return RestsOn(
        event_id=event_id,
        basis=EffectBasis.PRECEDENT,
        effect=effect,
        source=path.source,
        precedent=path.event_id,
        event_ids=path.events,
        observed=path.observed,
        weight=number(path.weight),
        path=tuple(six_digits(100 * np.expm1(np.median(first_year, axis=0))).tolist()),
        says=f"{event_id}: as {path.event_id} went on {path.source}{times} ({seen}{whole}): {_give(effect)} in its "
        f"first year{_rarely(np.mean((path.by_age != 0).any(axis=1)).item())}",
    )


def _first_year(future: Future, each: RevisedContribution) -> Floats:
    """(n,) the part of an event in its episode's window, on the log; where no period of that is over, its size."""
    record = future.run.record
    window = each.effect.window(record.freq, record.last)
    if not len(window):
        return np.asarray(each.share * each.effect.size.sum(axis=0), dtype=float)
    return _together(each.share * each.effect.draws(window, record.freq))


def _together(paths: Floats) -> Floats:
    """(n,) what the periods of (n, P) paths on the log are together, on the log: three months of nothing in a year are
    a quarter of it, as ``effects`` tells it."""
    return np.asarray(np.log(np.exp(paths).mean(axis=1)), dtype=float)


def _rarely(acts: float) -> str:
    """That an effect is in some draws only: a median of 0 is then none found, and a mean is of those few."""
    return "" if acts > _ALWAYS else f", any at all in {100 * acts:.0f} % of the draws"


def _percent(draws: Floats) -> Estimate:
    return Estimate.of(Band.of(draws).percent())


def _give(effect: Estimate) -> str:
    low, high = effect.interval(90)
    return f"{effect.median:+.0f} % ({low:+.0f} to {high:+.0f} % in 90 %)"
