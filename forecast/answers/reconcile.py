"""Coherent forecasts: joint draws of the series of a group, none negative, in each of which the parts add up.

Each series is forecast by its own run. Its draws are put in an order in which series move together as their histories
did, and then projected onto what adds up: the weighted least squares projection of Wickramasuriya, Athanasopoulos and
Hyndman (JASA 114, 2019; the weights are the variances of the forecasts, as in Athanasopoulos, Hyndman, Kourentzes and
Petropoulos, EJOR 262, 2017), applied to every draw (Panagiotelis, Gamakumara, Athanasopoulos and Hyndman, EJOR 306,
2023). What comes out negative is set to zero, a part without trade keeps its zero, and the sums are taken anew (Di
Fonzo and Girolimetto, International Journal of Forecasting 39, 2023).

Shapes: M members of a group, K leaves, H periods that all of them forecast, n draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from forecast.answers.cache import NOTHING_KEPT, Cache
from forecast.answers.champion import futures
from forecast.answers.forecast import (
    Forecast,
    ForecastQuestion,
    at_levels,
    baseline_answer,
    check_asked,
    checked_levels,
    forecast,
    points,
    quantiles,
)
from forecast.answers.future import Future
from forecast.answers.held import held_notes
from forecast.answers.span import Span
from forecast.errors import Fault, InvalidInput
from forecast.registry import Registry
from forecast.seeds import generator
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.hierarchy import Group, groups, sums
from forecast.timeseries.series import Floats, History

if TYPE_CHECKING:
    from forecast.catalog import Catalog

#: Parts may differ from their sum by this share without leaving out, or counting twice, anything.
SUM_TOLERANCE = 0.01
#: Two cycles of a season, and at least so many periods, tell what share of a parent its parts leave out.
_RECENT = 24
#: Correlations count as if so many more periods had shown none.
_SHRINK = 24


@dataclass(frozen=True, eq=False)
class BaseForecasts:
    """Base forecasts of the members of a group: futures, histories, and the periods ``ds`` (H,) that all forecast."""

    group: Group
    futures: Mapping[str, Future]
    histories: Mapping[str, History]
    ds: Days

    @property
    def freq(self) -> Freq:
        return self.futures[self.group.root].series.calendar

    def rows(self, name: str) -> slice:
        """Where the common periods stand among those of a member."""
        first = int(np.searchsorted(self.futures[name].ds, self.ds[0]))
        return slice(first, first + len(self.ds))


def coherent(
    catalog: Catalog,
    registry: Registry,
    series_ids: Sequence[str],
    question: ForecastQuestion,
    cache: Cache = NOTHING_KEPT,
) -> list[Forecast]:
    """Forecasts of these series, each in agreement with all of its group; in the order of the ids.

    Periods begin after the last observation of the member that is observed longest. Raises what ``forecast`` raises,
    for any member of a group, and ``InvalidInput`` where parts are more than their parent.
    """
    wanted = checked_levels(question.levels)
    made: dict[str, Forecast] = {}
    for group in groups(catalog.series(), series_ids):
        if len(group.members) == 1:
            made[group.root] = forecast(catalog, registry, group.root, question, cache)
            continue
        each = tuple(futures(catalog, registry, group.members, question.as_of, cache))
        for future in each:
            check_asked(future.run, question)
        whole = together(catalog, group, each, cache)
        for name, of_one in zip(group.members, whole.draws, strict=True):
            said = (*held_notes(catalog, name), *whole.notes)
            made[name] = _as_forecast(whole.base, name, of_one, question.span, wanted, said)
    return [made[name] for name in series_ids]


def members(catalog: Catalog, series_ids: Sequence[str]) -> list[str]:
    """All series on whose runs the coherent forecasts of these ones depend."""
    return [name for group in groups(catalog.series(), series_ids) for name in group.members]


@dataclass(frozen=True, eq=False)
class CoherentGroup:
    """A group whose draws (M, H, n) add up in the world as it is known; ``rests``: of each parent whose parts leave
    something out, the shares of it that they left out lately."""

    base: BaseForecasts
    rests: Mapping[str, Floats]
    draws: Floats
    notes: Sequence[str]

    def given(self, changes: Mapping[str, Floats]) -> Floats:
        """(M, H, n) the draws if the log of each member (h, n), in all its periods, changes by so much: a draw of a
        period in which that of no member does is the same as without."""
        base, n = self.base, self.draws.shape[2]
        changed = np.any([changes[name][base.rows(name), :n] != 0 for name in base.group.members], axis=0)
        return np.where(changed, reconciled(base, self.rests, changes), self.draws) if changed.any() else self.draws


def together(
    catalog: Catalog, group: Group, of_members: tuple[Future, ...], cache: Cache = NOTHING_KEPT
) -> CoherentGroup:
    """The members of a group, in their order, in agreement. Raises ``InvalidInput`` where they have no period in
    common, or parts are more than their parent."""
    whole = cache.get(("coherent", group.root, of_members), partial(_together, catalog, group, of_members))
    _check(whole.base)
    return whole


def reconciled(base: BaseForecasts, rests: Mapping[str, Floats], changes: Mapping[str, Floats] | None = None) -> Floats:
    """(M, H, n) coherent draws, none negative; ``rests``: of each parent whose parts leave something out, the shares of
    it that they left out lately; ``changes``: of the log of each member, in another world."""
    names, own = base.group.members, ordered(base, changes)
    leaves, S = sums(base.group, rests)
    rng, n = _rng(base, "rests"), own.shape[2]
    open_parents = leaves[len(leaves) - len(rests) :]
    extra = [own[names.index(parent)] * rng.permutation(np.resize(rests[parent], n)) for parent in open_parents]
    rows = np.vstack([S, np.eye(len(leaves))[len(leaves) - len(rests) :]])
    loose = np.concatenate([own, np.array(extra).reshape(len(rests), *own.shape[1:])])
    bottom = np.stack([project(rows, loose[:, h]) for h in range(own.shape[1])], axis=1)
    for k, leaf in enumerate(leaves[: len(leaves) - len(rests)]):
        bottom[k][own[names.index(leaf)] == 0] = 0.0  # no trade stays none
    return np.asarray(np.einsum("mk,khn->mhn", S, np.maximum(bottom, 0.0)))


def project(S: Floats, draws: Floats) -> Floats:
    """(K, n) leaves of the nearest coherent draws to ``draws`` (M, n), where those are S (M, K) times the leaves.

    (S'W⁻¹S)⁻¹ S'W⁻¹ y, W diagonal: the spread of each row, by its central two thirds, for tails say little of it.
    """
    low, high = np.quantile(draws, [1 / 6, 5 / 6], axis=1)
    size = max(float((high - low).max()), 1e-6 * float(np.abs(draws).max())) or 1.0
    sd = np.maximum((high - low) / size, 1e-6)[:, None]
    return np.asarray(np.linalg.lstsq(S / sd, draws / sd, rcond=None)[0])


def ordered(base: BaseForecasts, changes: Mapping[str, Floats] | None = None) -> Floats:
    """(M, H, n) the members' own draws in an order that makes them move together.

    What the runs drew of each is reordered as whole paths, by the ranks of their mean deviation from the median path,
    so that these ranks have the correlations of the histories' changes from season to season (Iman and Conover,
    Communications in Statistics B 11, 1982; the idea of the Schaake shuffle, Clark et al., Journal of
    Hydrometeorology 5, 2004). What a run drew keeps its margins and its paths, equal ones in any order; what events add
    stays with its draw, so that draw i lives in one world throughout.
    """
    names = base.group.members
    n = min(future.draws.shape[1] for future in base.futures.values())
    rng = _rng(base, "order")
    root = _root(correlations(base))
    target = np.argsort(np.argsort(rng.standard_normal((n, len(names))) @ root.T, axis=0), axis=0)
    out = np.empty((len(names), len(base.ds), n))
    for m, name in enumerate(names):
        future, rows = base.futures[name], base.rows(name)
        drawn = np.asarray(future.run.draws[:n].T, dtype=float)[rows]
        if future.run.trade is None:
            deviation = (drawn - np.median(drawn, axis=1, keepdims=True)).mean(axis=0)
        else:  # whether there is trade says more than how much
            deviation = np.where(future.run.trade[:n].T[rows] & 1, np.exp(drawn), 0.0).mean(axis=0)
        place = np.lexsort((rng.random(n), deviation))[target[:, m]]
        out[m] = future.arranged(place, rows, changes[name] if changes else None)
    return out


def correlations(base: BaseForecasts) -> Floats:
    """(M, M) rank correlations of the members' changes from season to season, shrunk; 0 where too little is common."""
    changes = []
    first = min(history.ds[0] for history in base.histories.values())
    last = max(history.ds[-1] for history in base.histories.values())
    ds = base.freq.between(first, last)
    for name in base.group.members:
        history, x = base.histories[name], np.full(len(ds), np.nan)
        at = int(np.searchsorted(ds, history.ds[0]))
        # Changes count by their ranks: a 0 stands at the least that the series can report.
        none = history.used & (history.y <= 0)
        x[at : at + len(history)] = np.where(none, np.log(history.resolution), history.x)
        changes.append(x[base.freq.season :] - x[: -base.freq.season])
    R = np.eye(len(changes))
    for a in range(len(changes)):
        for b in range(a):
            both = np.isfinite(changes[a]) & np.isfinite(changes[b])
            count = int(both.sum())
            if count >= 2 and min(np.ptp(changes[a][both]), np.ptp(changes[b][both])) > 0:
                ranks = [_ranks(change[both]) for change in (changes[a], changes[b])]
                R[a, b] = R[b, a] = np.corrcoef(ranks[0], ranks[1])[0, 1] * count / (count + _SHRINK)
    return R


def _ranks(x: Floats) -> Floats:
    """(n,) ranks, equal values having the mean of theirs: in order of appearance, two series that stand still most of
    the time would seem to move together."""
    _, which, count = np.unique(x, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[which])


def _root(R: Floats) -> Floats:
    """A root of the nearest thing to R that is a covariance."""
    values, vectors = np.linalg.eigh(R)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _together(catalog: Catalog, group: Group, of_members: Sequence[Future]) -> CoherentGroup:
    futures = dict(zip(group.members, of_members, strict=True))
    start, stop = max(future.ds[0] for future in futures.values()), min(future.ds[-1] for future in futures.values())
    ds = futures[group.root].ds.copy()
    base = BaseForecasts(
        group, futures, catalog.histories(group.members, of_members[0].as_of), ds[(ds >= start) & (ds <= stop)]
    )
    shares = {parent: _left_out(base, parent) for parent in group.parts}
    open_parents = {parent: share for parent, share in shares.items() if share.size}
    draws = reconciled(base, open_parents) if len(base.ds) else np.zeros((len(group.members), 0, 0))
    return CoherentGroup(base, open_parents, draws, _notes(base, open_parents))


def _check(base: BaseForecasts) -> None:
    """Raise ``InvalidInput`` where the runs of a group have no period in common."""
    if not len(base.ds):
        late = min(base.futures, key=lambda name: base.futures[name].ds[-1])
        expected = f"series whose forecasts meet: {late} is known to {base.futures[late].run.last}, others to later"
        raise InvalidInput(Fault("coherent", base.group.root, expected))


def _left_out(base: BaseForecasts, parent: str) -> Floats:
    """Shares of a parent that its parts left out in the last periods in which all were observed; empty if none is."""
    parts = [base.histories[name] for name in base.group.parts[parent]]
    whole = base.histories[parent]
    known = {day: value for day, value in zip(whole.ds.tolist(), whole.y, strict=True) if value > 0}
    for part in parts:
        seen = dict(zip(part.ds.tolist(), part.y, strict=True))
        known = {day: value for day, value in known.items() if np.isfinite(seen.get(day, np.nan))}
    days = sorted(known)[-max(_RECENT, 2 * base.freq.season) :]
    if not days:
        raise InvalidInput(Fault("coherent", parent, "a period in which it and all of its parts were observed"))
    at = np.array(days, dtype="datetime64[D]")
    inside = sum(part.y[np.searchsorted(part.ds, at)] for part in parts)
    share = 1 - inside / np.array([known[day] for day in days])
    if float(np.median(share)) < -SUM_TOLERANCE:
        expected = f"parts that do not overlap: those of {parent} are {1 - np.median(share):.0%} of it"
        raise InvalidInput(Fault("coherent", ";".join(base.group.parts[parent]), expected))
    return np.clip(share, 0.0, 1.0) if float(np.median(share)) > SUM_TOLERANCE else np.zeros(0)


def _rng(base: BaseForecasts, purpose: str) -> np.random.Generator:
    root = base.group.root
    return generator(base.futures[root].run.card.settings.seed, "coherent", root, purpose)


def _notes(base: BaseForecasts, shares: Mapping[str, Floats]) -> list[str]:
    count = len(base.group.members)
    notes = [f"coherent: in each draw the {count} series of {base.group.root} add up; medians and bounds need not"]
    for parent, share in shares.items():
        notes.append(f"the parts of {parent} leave out {np.median(share):.0%} of it, drawn from its recent shares")
    return notes


def _as_forecast(
    base: BaseForecasts,
    name: str,
    draws: npt.NDArray[np.floating],
    span: Span,
    levels: tuple[int, ...],
    notes: Sequence[str],
) -> Forecast:
    future = base.futures[name]
    before = base.rows(name).start
    periods = span.periods(base.ds, base.freq, future.as_of, before, future.published_to)
    data = points(quantiles(draws, at_levels(levels)), periods, levels)
    return baseline_answer(future, data[periods.rows], levels, span.origin, (*notes, *span.notes(periods, future.run)))
