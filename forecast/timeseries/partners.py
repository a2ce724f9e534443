"""Groups of flows that differ in the partner alone: the partners there are, their total, and the rest of the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecast.names import WORLD, unservable
from forecast.timeseries.series import Floats, History, Series
from forecast.wording import counted

#: Share of the total by which partners may exceed it before that is no rounding.
ROUNDING_SHARE = 0.005


@dataclass(frozen=True)
class PartnerGroup:
    """The series of one measure, mineral, flow, reporter, unit and frequency, by partner.

    ``name``: id of the ``total`` (partner ``WLD``); where there is no total, of the first partner. ``partners``: two
    at least, or one and a total.
    """

    name: str
    partners: tuple[Series, ...]
    total: Series | None = None

    @property
    def series(self) -> tuple[Series, ...]:
        """The total, if there is one, and the partners."""
        return (*([self.total] if self.total else ()), *self.partners)

    @property
    def rest(self) -> Series | None:
        """The series of all other partners together, which is derived; None without a total."""
        return replace(self.total, series_id=f"{self.name}.rest", parent=self.name) if self.total else None


def partner_groups(series: Mapping[str, Series]) -> Iterator[PartnerGroup]:
    """The groups among these series, in order of their names.

    A partner belongs to the total that it names as its parent. One without a parent belongs to the total of its kind
    whose id is its own without the partner (``value.steel.import.us.cn``, ``value.steel.import.us``) and, if there is
    none, to the partners of its kind whose ids differ in the partner alone. Of two series of one partner the first
    counts. Series of the role ``comparison`` are in none.
    """
    flows = [one for name, one in sorted(series.items()) if _may_belong(one) and not unservable(name)]
    totals = {one.series_id: one for one in flows if one.partner == WORLD}
    by_id = {_kind(one, one.series_id): one for one in totals.values()}
    of_total: dict[str, dict[str, Series]] = {}
    without: dict[tuple[str, ...], dict[str, Series]] = {}
    for one in flows:
        if one.partner == WORLD:
            continue
        kind = _kind(one, _without_partner(one))
        total = totals.get(one.parent) if one.parent else by_id.get(kind)
        if total is not None and _kind(total, "") == _kind(one, ""):
            of_total.setdefault(total.series_id, {}).setdefault(one.partner, one)
        elif not one.parent:
            without.setdefault(kind, {}).setdefault(one.partner, one)
    found = [PartnerGroup(name, tuple(some.values()), totals[name]) for name, some in of_total.items()]
    alone = [tuple(some.values()) for some in without.values() if len(some) > 1]
    found += [PartnerGroup(some[0].series_id, some) for some in alone]
    yield from sorted(found, key=lambda group: group.name)


def _may_belong(one: Series) -> bool:
    return one.measure.is_additive and one.flow != "world" and one.role != "comparison" and bool(one.reporter)


def _kind(one: Series, name: str) -> tuple[str, ...]:
    return name, one.measure, one.mineral, one.flow, one.reporter, one.unit, one.freq


def _without_partner(one: Series) -> str:
    """An id without its fifth word, the partner: measure, product, flow, reporter, partner and what follows."""
    words = one.series_id.split(".")
    return ".".join([*words[:4], *words[5:]])


def rest_of(total: History, partners: Sequence[History], series: Series) -> tuple[History, str]:
    """The history of ``series``, all other partners: the total less the partners; and what is wrong with it, if it is.

    Missing where one of them is; never negative: where the partners exceed the total nothing is left.
    """
    left = total.y - np.sum([_on(total, partner) for partner in partners], axis=0)
    usable = np.isfinite(left) & total.used
    short = usable & (left < -ROUNDING_SHARE * np.abs(total.y))
    says = ""
    if short.any():
        says = (
            f"the partners add up to more than the total in {short.sum()} of {counted(int(usable.sum()), 'period')}: "
            "nothing is left for the rest of the world there"
        )
    y = np.where(usable, np.maximum(left, 0.0), np.nan)
    return History(series, total.ds, y, np.where(usable, "derived", "")), says


def _on(total: History, partner: History) -> Floats:
    """(T,) values of a partner that a model may use, on the periods of the total; NaN elsewhere."""
    freq = total.series.calendar
    there, at = np.asarray(freq.ordinal(partner.ds)), np.asarray(freq.ordinal(total.ds))
    values = dict(zip(there.tolist(), np.where(partner.used, partner.y, np.nan).tolist(), strict=True))
    return np.array([values.get(k, np.nan) for k in at.tolist()])
