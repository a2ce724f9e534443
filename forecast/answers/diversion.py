"""Trade diversion: what an event on some partners of a group of flows did to the others and to the total."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from forecast.answers.estimate import IN_UNIT, PERCENT, PERIODS, PROBABILITY, Estimate, number, six_digits
from forecast.answers.model import LINES, Answer, FreqName, Part, UnitName, in_unit
from forecast.answers.several import LeftOut, Several
from forecast.answers.words import out_of
from forecast.effects.diverted import Diverted, MemberRecord, diverted, more
from forecast.effects.report import Band
from forecast.errors import CorruptArtifact, NotEstimated, NotFound
from forecast.registry import Registry, diversions
from forecast.registry.diversions import StoredGroup
from forecast.timeseries.series import Floats
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.catalog import Catalog

#: What a line is about: one member, or members together.
PARTNER, HIT, OTHERS, TOTAL = "partner", "partners hit", "other partners", "total"
Row = Annotated[str, out_of((PARTNER, HIT, OTHERS, TOTAL))]
#: What the events are to a partner.
PARTNER_ROLES = ("hit", "other", "mixed", "unseen")
#: Groups that a process keeps read, and those of which it remembers whether they can be read.
_KEPT, _TOLD = 16, 1024

_GROUP = "id of the total; of the first partner where there is no total"
_ROLES = (
    "hit: the events act on it; other: on other partners; mixed: an event of its own began in the same period, or the "
    "data cannot part it from them, so that what it shows is not told from that; unseen: its values say nothing of the "
    "events"
)


class PartnerEffect(Part):
    """What the events did to one partner, or to several together."""

    what: Row = Field(description=f"{PARTNER}, or a sum: {HIT}, {OTHERS}, {TOTAL}")
    partner: str | None = Field(description="place of the partner; rest: all that have no series; null of a sum")
    series_id: str | None = Field(description="id of the series; null of a sum and of the rest, which is derived")
    role: Annotated[str, out_of(PARTNER_ROLES)] | None = Field(description=f"{_ROLES}; null of a sum")
    y: float = Field(description="observed value, sum over the periods", json_schema_extra=IN_UNIT)
    amount: Estimate = Field(
        description="observed less what there would have been without the events, sum over the periods",
        json_schema_extra=IN_UNIT,
    )
    percent: Estimate = Field(
        description="the same in percent of what there would have been", json_schema_extra=PERCENT
    )
    clear: bool = Field(description="whether the 90 % interval of the amount leaves out 0")
    identified: bool | None = Field(description="no: the data say nothing of it, and it is the prior; null of a sum")
    nearby: tuple[str, ...] = Field(
        description="events of its own that began within a year of these, weighed jointly with them"
    )


class PartnerPeriod(Part):
    """What the events did in one period to one partner, or to several together."""

    group: str = Field(description=_GROUP)
    ds: dt.date = Field(title="period from", description="first day of the period")
    what: Row = Field(description=f"{PARTNER}, or a sum: {HIT}, {OTHERS}, {TOTAL}")
    partner: str | None = Field(description="place of the partner; null of a sum")
    y: float = Field(description="observed value", json_schema_extra=IN_UNIT)
    amount: Estimate = Field(
        description="observed less what there would have been without the events", json_schema_extra=IN_UNIT
    )


class GroupDiversion(Answer):
    """What events on some partners did to all members of one group of flows; in every draw the members add up."""

    line: ClassVar[tuple[str, ...]] = ("group", "event_ids", LINES, "unit")

    group: str = Field(description=_GROUP)
    event_ids: tuple[str, ...] = Field(description="the events asked for that act on some of its partners")
    told_with: tuple[str, ...] = Field(
        description="other events that the data cannot part from these: their effect too"
    )
    unit: UnitName
    freq: FreqName
    as_of: dt.date = Field(description="day whose knowledge counts")
    first: dt.date = Field(description="first day of the first period that is summed, early effects among them")
    last: dt.date = Field(description="first day of the last one")
    periods: int = Field(description="periods that are summed", json_schema_extra=PERIODS)
    missing: int = Field(
        description="periods in between of which a member has no value: they are in no sum", json_schema_extra=PERIODS
    )
    share: Estimate | None = Field(
        description="share diverted: what the other partners gained of what those hit lost (1: all of it; negative: "
        "they lost too); null where it is not known whether those hit lost or gained",
        json_schema_extra=in_unit("share"),
    )
    gained: float | None = Field(
        description="probability that the others together went the other way than those hit; null as the share is",
        json_schema_extra=PROBABILITY,
    )
    told: bool = Field(
        description="whether diversion can be told from none: the 90 % interval of the other partners' sum leaves out 0"
    )
    total_alone: Estimate | None = Field(
        description="what the total's own series shows of the same sum, before both are weighed; null without a total",
        json_schema_extra=IN_UNIT,
    )
    says: str = Field(description="the same in a sentence")
    notes: tuple[str, ...] = Field(description="what the data cannot tell, and why")
    data: tuple[PartnerEffect, ...] = Field(description="a partner each, then the sums")


class Diversion(Several):
    """What events on some partners did to the others: a group of flows each."""

    data: tuple[GroupDiversion, ...] = Field(description="a group each")


class DiversionPaths(Several):
    """What events on some partners did to the others, period by period."""

    data: tuple[PartnerPeriod, ...] = Field(description="a period of a member of a group each")


def diversion(catalog: Catalog, registry: Registry, event_ids: Sequence[str], group: str | None = None) -> Diversion:
    """What these events together did to each group of flows that they act on in part; ``group``: to one, by the id of
    its total or of any of its series.

    Raises ``NotFound`` for what there is not, and ``NotEstimated`` where no training has told anything of it.
    """
    found, left_out = _found(catalog, registry, event_ids, group)
    return Diversion(data=tuple(_answer(*each) for each in found), left_out=left_out)


def diversion_paths(
    catalog: Catalog, registry: Registry, event_ids: Sequence[str], group: str | None = None
) -> DiversionPaths:
    """The same by period; raises as ``diversion`` does."""
    found, left_out = _found(catalog, registry, event_ids, group)
    return DiversionPaths(data=tuple(period for each, _ in found for period in _periods(each)), left_out=left_out)


def _found(
    catalog: Catalog, registry: Registry, event_ids: Sequence[str], group: str | None
) -> tuple[list[tuple[Diverted, StoredGroup]], tuple[LeftOut, ...]]:
    events = catalog.events()
    for event_id in event_ids:
        if event_id not in events:
            raise NotFound("event", event_id, events)
    groups, damaged = _groups(registry.root)
    if group is not None:
        series_id = catalog.get(group).series_id
        groups = {name: stored for name, stored in groups.items() if series_id in _members(stored)}
    retired = catalog.retired()
    served = {name: stored for name, stored in groups.items() if _members(stored).isdisjoint(retired)}
    found = []
    for stored in served.values():
        asked = [event for event in event_ids if event in stored.record.hitting]
        if asked and (one := diverted(stored.record, asked)):
            found.append((one, stored))
    if not found and damaged:  # it may be one of these
        raise next(iter(damaged.values()))
    if not found:
        raise NotEstimated(group or "other partners", ", ".join(event_ids), _why([*groups], [*served], group))
    # Which series a damaged group holds, nobody can tell; where one group was asked for and is there, it is no matter.
    left_out = [LeftOut(series_id=name, why=str(error), fault=True) for name, error in damaged.items() if not group]
    return found, tuple(left_out)


def faults(registry: Registry) -> tuple[str, ...]:
    """The groups that cannot be read, and why."""
    found = (_fault(registry.root, name) for name in diversions.names(registry.root))
    return tuple(fault for fault in found if fault)


def identity(registry: Registry) -> list[object]:
    """What tells whether any group was estimated anew."""
    return [[name, *diversions.identity(registry.root, name)] for name in diversions.names(registry.root)]


def _why(names: Sequence[str], served: Sequence[str], group: str | None) -> str:
    if not names:
        some = "no group of flows by partner holds it, or" if group else "no group of flows by partner was estimated:"
        return f"{some} the training of its series came before; run: orecast train"
    if not served:
        return "a series of its group was retired since it was estimated; run: orecast train"
    return "it acts on no partner of a group alone: on all alike or on none, or outside the periods with values"


def _members(stored: StoredGroup) -> set[str]:
    record = stored.record
    return {record.name, *(member.name for member in record.members if not member.derived)}


def _groups(root: Path) -> tuple[dict[str, StoredGroup], dict[str, CorruptArtifact]]:
    """All groups by name, and those that cannot be read."""
    groups, damaged = {}, {}
    for name in diversions.names(root):
        try:
            groups[name] = _loaded(root, name)
        except FileNotFoundError:  # forgotten meanwhile
            continue
        except CorruptArtifact as error:
            damaged[name] = error
    return groups, damaged


def _fault(root: Path, name: str) -> str:
    try:
        return _fault_of(root, name, *diversions.identity(root, name))
    except FileNotFoundError:  # forgotten meanwhile
        return ""


@lru_cache(maxsize=_TOLD)
def _fault_of(root: Path, name: str, *_identity: int) -> str:
    """Why a group cannot be read, if so: the group itself is not kept."""
    try:
        diversions.load(root, name)
    except CorruptArtifact as error:
        return str(error)
    return ""


def _loaded(root: Path, name: str) -> StoredGroup:
    return _read(root, name, *diversions.identity(root, name))


@lru_cache(maxsize=_KEPT)
def _read(root: Path, name: str, *_identity: int) -> StoredGroup:
    return diversions.load(root, name)


def _answer(found: Diverted, stored: StoredGroup) -> GroupDiversion:
    record = found.record
    rows = [_partner(found, k) for k in range(len(record.members))]
    rows += [_together(what, found, roles) for what, roles in _sums(found).items()]
    by_what = {row.what: row for row in rows}
    others = by_what.get(OTHERS)
    share = None if found.share is None else Estimate.of(Band.of(found.share))
    told_with = dict.fromkeys(
        event
        for member, role in zip(record.members, found.roles, strict=True)
        if role == "hit"
        for effect in member.of(found.events)
        for event in effect.episode.events
        if event not in found.asked
    )
    return GroupDiversion(
        group=record.name,
        event_ids=found.asked,
        told_with=tuple(told_with),
        unit=record.unit,
        freq=record.freq.code,
        as_of=stored.as_of,
        first=found.ds[0].item(),
        last=found.ds[-1].item(),
        periods=len(found.ds),
        missing=found.missing,
        share=share,
        gained=number(found.gained),
        told=others is not None and others.clear,
        total_alone=None if found.total_alone is None else Estimate.of(Band.of(found.total_alone)),
        says=_says(by_what, share, found),
        notes=tuple(_notes(found)),
        data=tuple(rows),
    )


def _sums(found: Diverted) -> dict[str, tuple[str, ...]]:
    """What is summed, and the roles of the members in it; all of them without a role."""
    sums: dict[str, tuple[str, ...]] = {HIT: ("hit",)}
    if "other" in found.roles:
        sums[OTHERS] = ("other",)
    return sums | {TOTAL: ()}


def _partner(found: Diverted, k: int) -> PartnerEffect:
    member = found.record.members[k]
    of_partner = {
        "partner": member.partner,
        "series_id": None if member.derived else member.name,
        "role": found.roles[k],
        "identified": all(effect.identified for effect in member.of(found.events)),
        "nearby": _nearby(found, member),
    }
    summed = _row(PARTNER, float(found.level[k].sum()), found.amount[k].sum(axis=1))
    return summed.model_copy(update=of_partner)


def _together(what: str, found: Diverted, roles: Collection[str]) -> PartnerEffect:
    return _row(what, float(found.level[found.rows(*roles)].sum()), found.summed(*roles))


def _row(what: str, level: float, amount: Floats) -> PartnerEffect:
    """A line without what is said of single partners only."""
    low, high = np.quantile(amount, [0.05, 0.95])
    return PartnerEffect(
        what=what,
        partner=None,
        series_id=None,
        role=None,
        y=six_digits(level).item(),
        amount=Estimate.of(Band.of(amount)),
        percent=Estimate.of(Band.of(more(level, amount))),
        clear=bool(low > 0 or high < 0),
        identified=None,
        nearby=(),
    )


def _nearby(found: Diverted, member: MemberRecord) -> tuple[str, ...]:
    """Events of a member's own that began within a year of those asked for."""
    freq = found.record.freq
    starts = [int(freq.ordinal(e.episode.intervention.start)) for e in member.of(found.events)]
    own = (e.episode for e in member.record.effects if e.episode.episode_id not in member.adopted)
    near = (
        episode.episode_id
        for episode in own
        if set(found.events).isdisjoint(episode.events)
        and any(abs(int(freq.ordinal(episode.intervention.start)) - start) <= freq.months(12) for start in starts)
    )
    return tuple(near)


def _notes(found: Diverted) -> Iterator[str]:
    record = found.record
    if record.total is None:
        yield "there is no total: what went to or came from partners without a series is not seen"
    for member, role in zip(record.members, found.roles, strict=True):
        if role == "mixed":
            own = dict.fromkeys(member.mixed[event] for event in found.events if event in member.mixed)
            why = "began in the same period" if own else "cannot be parted from them by its data"
            own = own or dict.fromkeys(member.blurring(found.events))
            yield f"{member.partner}: {', '.join(own)} {why}, so its change is in no diversion"
        if role == "unseen":
            yield f"{member.partner}: its values say nothing of the events; it counts as unchanged"
        effects = member.of(found.events)
        if effects and not all(effect.identified for effect in effects):
            yield f"{member.partner}: too few values to tell an effect; its interval is what was assumed before them"
        zeros = int((member.level[np.isin(record.ds, found.ds)] == 0).sum())
        if zeros:
            yield f"{member.partner}: no trade in {counted(zeros, record.freq.period)}, in which nothing is told of it"
        yield from (f"{member.partner}: {note}" for note in member.notes)
    if "other" not in found.roles:
        yield "no partner is left that is touched by the events in no other way: there is no diversion to be told"
    elif found.share is None:
        yield "whether the partners hit lost or gained is not known, so there is no share"
    yield from record.notes


def _says(rows: dict[str, PartnerEffect], share: Estimate | None, found: Diverted) -> str:
    hit, others, total = rows[HIT], rows.get(OTHERS), rows[TOTAL]
    unit = found.record.unit
    words = [f"partners hit {_amount(hit, unit)}"]
    if others is not None:
        words.append(f"the others {_amount(others, unit)}")
    words.append(f"the total {_amount(total, unit)}")
    text = "; ".join(words)
    if others is None:
        return f"{text}; no partner is left to tell diversion by"
    if not others.clear:
        return f"{text}; diversion cannot be told from none"
    direction = "diverted to" if others.amount.median > 0 else "lost by"
    return f"{text}; trade was {direction} the others" + (f", share {share.median:.2f}" if share else "")


def _amount(row: PartnerEffect, unit: str) -> str:
    low, high = row.amount.interval(90)
    return f"{_signed(row.amount.median)} {unit} ({_signed(low)} to {_signed(high)})"


def _signed(value: float) -> str:
    """Three significant digits with a sign, thousands apart; 0 has none."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:+,.0f}" if abs(rounded) >= 1000 else f"{rounded:+g}" if rounded else "0"


def _periods(found: Diverted) -> Iterator[PartnerPeriod]:
    """Every member by period, then the sums."""
    parts: list[tuple[str, str | None, Floats, Floats]] = [
        (PARTNER, member.partner, level, amount)
        for member, level, amount in zip(found.record.members, found.level, found.amount, strict=True)
    ]
    for what, roles in _sums(found).items():
        chosen = found.rows(*roles)
        parts.append((what, None, found.level[chosen].sum(axis=0), found.amount[chosen].sum(axis=0)))
    for what, partner, level, amount in parts:
        estimates = Estimate.each(Band.of(amount))
        for day, y, estimate in zip(found.ds.tolist(), six_digits(level).tolist(), estimates, strict=True):
            facts = {"group": found.record.name, "ds": day, "what": what, "partner": partner, "y": y}
            yield PartnerPeriod.model_validate({**facts, "amount": estimate})
