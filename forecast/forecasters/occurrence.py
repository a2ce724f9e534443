"""Occurrence of trade in a series that reports zeros: its probability in each period, and joint draws of it.

A zero is data: a month without trade. Whether there is trade is forecast apart from how much it then is, as Croston
did (Operational Research Quarterly 23, 1972), by a handful of small models that are averaged by how well they foretold
trade so far (Raftery, Kárný and Ettler, Technometrics 52, 2010): the chance of trade overall, by the month of the year
or by the weekday, each with or without a memory of the period before (a two-state Markov chain), each with a short, a
middle and a long memory. The chances are Beta distributed, with discounted counts (West and Harrison, Bayesian
Forecasting and Dynamic Models, 1997, ch. 14), those of a season around that of all seasons. Each draw takes a model
and its chances and keeps them: the longer nothing came, the less likely it still comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from forecast.coupling import middles
from forecast.forecasters.base import Coefficients
from forecast.forecasters.calibration import student_quantile
from forecast.interventions import Design
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

#: Memory of the counts, in visits: so many visits count fully, those before fade.
MEMORY_VISITS = (6.0, 20.0, 100.0)
#: How strongly the chance of a season keeps to that of all seasons, in visits.
SEASON_PRIOR_VISITS = 0.5
#: Beta prior, in visits without and with trade, of the chance of trade where the period before does not count; where it
#: does, the first row after none and the second after trade: what stopped mostly stays so.
FREE, CHAINED = np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[0.9, 0.1], [0.1, 0.9]])


def _always(ds: Days) -> Ints:
    return np.zeros(len(ds), dtype=np.int64)


def _month(ds: Days) -> Ints:
    return np.asarray(ds.astype("datetime64[M]").astype(np.int64) % 12)


def _weekday(ds: Days) -> Ints:
    return np.asarray((ds.astype(np.int64) + 3) % 7)


def _slots(ds: Days, freq: Freq) -> Ints:
    """(S, T) the season of each period, by each of the S seasonal cycles of a frequency."""
    if freq.unit == "Y":
        kinds: tuple[Callable[[Days], Ints], ...] = (_always,)
    else:
        kinds = (_always, _month, _weekday) if freq.unit in "DB" else (_always, _month)
    return np.stack([kind(ds) for kind in kinds])


@dataclass(frozen=True, eq=False)
class Occurrence:
    """A fitted model of the occurrence of trade: M models, each with counts by season and by the period before.

    ``weights`` (M,); ``season`` (M,): which kind of season, 0 where all periods are alike; ``chain`` (M,): whether the
    period before counts; ``rows`` (M, 2, 2) and ``cells`` (M, 12, 2, 2): discounted counts of none and of trade, by
    what was before (its first row where that does not count), of all seasons with the prior, and by season.
    ``before``: whether the last period had trade.
    """

    freq: Freq
    weights: Floats
    season: Ints
    chain: Bools
    rows: Floats
    cells: Floats
    before: bool

    def draw(self, ds: Days, n: int, rng: np.random.Generator) -> Bools:
        """(n, H) joint draws of whether there is trade in the periods that start on ``ds``.

        The draws share out the models by their weights and, in each period, trade by its chances, as evenly as n
        allows.
        """
        places = (rng.permutation(n) + rng.random()) / n
        model = np.minimum(np.searchsorted(np.cumsum(self.weights), places), len(self.weights) - 1)
        chances, slots, each = self._chances(model, rng), _slots(ds, self.freq)[self.season[model]], np.arange(n)
        out, trade = np.empty((n, len(ds)), dtype=bool), np.full(n, self.before)
        for h in range(len(ds)):
            row = (self.chain[model] & trade).astype(np.int64)
            out[:, h] = trade = shared(chances[each, slots[:, h], row], rng)
        return out

    def _chances(self, model: Ints, rng: np.random.Generator) -> Floats:
        """(n, 12, 2) the chance of trade by season and by what was before, one of each for each draw."""
        rows, cells = self.rows[model], self.cells[model]
        overall = rng.beta(rows[..., 1], rows[..., 0])[:, None, :]
        none, trade = (
            np.maximum(cells[..., k] + SEASON_PRIOR_VISITS * share, 1e-9)
            for k, share in ((0, 1 - overall), (1, overall))
        )
        return np.where((self.season[model] > 0)[:, None, None], rng.beta(trade, none), overall)


def shared(p: Floats, rng: np.random.Generator) -> Bools:
    """(n,) each True with its chance ``p`` (n,), and as many as these sum to, give or take one (systematic sampling:
    Madow, Annals of Mathematical Statistics 20, 1949)."""
    order = rng.permutation(len(p))
    steps = np.floor(np.cumsum(p[order]) + rng.random())
    out = np.empty(len(p), dtype=bool)
    out[order] = np.diff(steps, prepend=0.0) > 0
    return out


def learn(trade: Floats, ds: Days, freq: Freq) -> Occurrence:
    """From ``trade`` (T,): 1 where a period had trade, 0 where it reported none, NaN where nothing is known."""
    slots = _slots(ds, freq)
    models = list(product(range(len(slots)), (False, True), MEMORY_VISITS))
    season, chain, keep = (np.array(column) for column in zip(*models, strict=True))
    keep, each = (1.0 - 1.0 / keep)[:, None], np.arange(len(models))
    rows, cells = np.where(chain[:, None, None], CHAINED, FREE), np.zeros((len(models), 12, 2, 2))
    prior, logs = rows.copy(), np.zeros(len(models))
    known = np.flatnonzero(np.isfinite(trade))
    before = bool(trade[known[0]]) if known.size else True
    for t in known[1:]:
        now, slot, row = int(trade[t]), slots[season, t], (chain & before).astype(np.int64)
        overall, cell = rows[each, row], cells[each, slot, row]
        p = overall[:, now] / overall.sum(axis=1)
        p = np.where(season > 0, (cell[:, now] + SEASON_PRIOR_VISITS * p) / (cell.sum(axis=1) + SEASON_PRIOR_VISITS), p)
        logs += np.log(p)
        rows[each, row] = prior[each, row] + keep * (overall - prior[each, row])
        rows[each, row, now] += 1
        cells[each, slot, row] *= keep
        cells[each, slot, row, now] += 1
        before = bool(now)
    weights = np.exp(logs - logs.max())
    return Occurrence(freq, weights / weights.sum(), season, chain, rows, cells, before)


# -- how much, where hardly anything was seen --------------------------------------------------------------------------

#: Prior sd of the log of what is traded at a time, worth so many trades.
SIZE_SD, SIZE_WEIGHT = 0.5, 2.0


@dataclass(frozen=True, eq=False)
class Few:
    """A fitted model of sizes where there are too few trades for a family: Student-t about their ``mean`` and ``sd`` on
    the log."""

    last: np.datetime64
    mean: float
    sd: float
    notes: tuple[str, ...]
    family: ClassVar[str] = "few"
    coefficients: ClassVar[Coefficients] = Coefficients()

    def simulate(self, future: Design, n: int, seed: int) -> Floats:
        """(n, H) paths of the log: Student-t about a mean that is known no better than so few trades tell."""
        rng, margin = np.random.default_rng(seed), self.mean + self.sd * student_quantile(middles(n))
        return rng.permuted(np.tile(margin, (len(future.ds), 1)), axis=1).T

    def extend(self, y: Sample, design: Design | None = None) -> Few:
        """The recipe applied to ``y``."""
        return few(y, y.ds[-1] if len(y) else self.last)


def few(sizes: Sample, last: np.datetime64) -> Few:
    """Learn from the trades of ``sizes``; without any, from the smallest amount that the series can report."""
    x = sizes.x[np.isfinite(sizes.x)]
    mean = float(x.mean()) if x.size else sizes.limit + float(np.log(2))
    variance = (SIZE_WEIGHT * SIZE_SD**2 + float(((x - mean) ** 2).sum())) / (SIZE_WEIGHT + x.size)
    seen = f"{x.size} periods with trade are too few to learn from: what may come is like those"
    nothing = "no period had trade: what may come counts as the smallest amount that the series can report"
    return Few(last, mean, float(np.sqrt(variance)), (seen if x.size else nothing,))
