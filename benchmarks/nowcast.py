"""Late monthly prices with a daily or weekly companion: the months that it has seen, and those after them.

    python benchmarks/nowcast.py [--quick] [--json FILE] [--seed N]

A monthly price is published one to five months and a half after its month. Simulated: monthly means of random walks on
business days, and a basis of ±0.4 %, or one that drifts (±1 %, persistence .9), or a companion that is known by the
week only. From real months: daily paths whose monthly means are the bundled prices, and a basis of ±0.4 %. Seen on the
day on which a value comes, the engine with the companion stands beside the engine without it and beside the last daily
price alone, with the spread of its own past errors. ``--quick``: two lags, and a third of the origins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from support.panel import read_panel
from support.report import Report, Row, parser

from forecast import metrics
from forecast.effects import EffectRecord
from forecast.forecasters import FORECASTERS
from forecast.forecasters.grid.spot import CompanionPrices
from forecast.names import Measure, Place, Slug
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History, Series
from forecast.training.backtest import backtest, outcomes
from forecast.training.information import InformationSet
from forecast.training.panel import HistoryPanel

LAGS, AFTER, DRAWS, ORIGINS = (1, 2, 3, 4, 5), 6, 500, 40
MONTHS, BUSINESS_DAYS, WEEKS = Freq("M"), Freq("B"), Freq("W-FRI")
METHODS = ("companion", "no companion", "last daily price")


@dataclass(frozen=True, eq=False)
class Case:
    """A monthly price and its companion."""

    monthly: History
    companion: History


def main() -> None:
    options = parser(__doc__).parse_args()
    report = Report("nowcast", options)
    for kind, cases in kinds(options.seed, 4 if options.quick else 10).items():
        lines: list[Row] = []
        for lag in (1, 4) if options.quick else LAGS:
            lines += rows(lag, cases, stride=3 if options.quick else 1)
        report.table(kind, lines)
    report.note("crps: relative to the engine without a companion; over: months that are over and not published.")
    report.finish()


# -- the series ----------------------------------------------------------------------------------------------------


def kinds(seed: int, count: int) -> dict[str, list[Case]]:
    """Cases by kind."""
    rng = np.random.default_rng(seed)
    walks = [random_walk(BUSINESS_DAYS.between("2008-01-01", "2025-12-31"), rng) for _ in range(count)]
    return {
        "random walk, basis ±0.4 %": [case(*walk, still(0.004, rng)) for walk in walks],
        "random walk, basis drifts": [case(*walk, drifting(0.01, 0.9, rng)) for walk in walks],
        "random walk, weekly companion": [by_week(case(*walk, still(0.004, rng))) for walk in walks],
        "real months, basis ±0.4 %": [case(*path, still(0.004, rng)) for path in real(count, rng)],
    }


def random_walk(ds: Days, rng: np.random.Generator) -> tuple[Days, Floats]:
    """Logs of a price with daily changes of 1.2 %, heavy in the tails, restless at times."""
    restless = np.exp(0.3 * np.sin(np.arange(len(ds)) / 400 + rng.uniform(0, 6)))
    return ds, 5 + np.cumsum(0.012 * restless * rng.standard_t(5, len(ds)) / np.sqrt(5 / 3))


def real(count: int, rng: np.random.Generator) -> Iterator[tuple[Days, Floats]]:
    """Daily logs whose monthly means are those of bundled prices: a random walk, moved until they are."""
    prices = [h.until(h.last) for h in read_panel().histories.values() if h.series.is_price and h.series.freq == "M"]
    lively = [h for h in prices if len(h) > 240 and h.used[-216:].all() and (np.diff(h.x[-216:]) != 0).mean() > 0.95]
    for history in lively[:count]:
        months, x = history.ds[-216:], history.x[-216:]
        ds = BUSINESS_DAYS.between(months[0], MONTHS.end(months[-1]))
        month = MONTHS.ordinal(ds) - MONTHS.ordinal(months[0])
        log = x[month] + np.cumsum(rng.normal(0, np.diff(x).std() * np.sqrt(1.5 / 21.7), len(ds)))
        middle = (months + 15).astype(float)
        for _ in range(60):
            mean = np.log(np.bincount(month, np.exp(log)) / np.bincount(month))
            log = log + np.interp(ds.astype(float), middle, x - mean)
        yield ds, log


def still(sd: float, rng: np.random.Generator) -> Floats:
    return rng.normal(0, sd, 400)


def drifting(sd: float, persistence: float, rng: np.random.Generator) -> Floats:
    basis = rng.normal(0, sd, 400)
    for t in range(1, len(basis)):
        basis[t] = persistence * basis[t - 1] + np.sqrt(1 - persistence**2) * basis[t]
    return basis


def case(ds: Days, logs: Floats, basis: Floats) -> Case:
    """Monthly means of a daily price in another unit, off by the basis of each month."""
    month = MONTHS.ordinal(ds) - MONTHS.ordinal(ds[0])
    means = np.log(np.bincount(month, np.exp(logs)) / np.bincount(month)) + basis[: month[-1] + 1] + np.log(22.05)
    starts = MONTHS.range(ds[0], len(means))
    monthly, daily = a_price("price.monthly", "M"), a_price("price.daily", "B")
    flags = np.full(len(ds), "reported")
    return Case(History(monthly, starts, np.exp(means), flags[: len(means)]), History(daily, ds, np.exp(logs), flags))


def by_week(one: Case) -> Case:
    """The same with the price of Fridays only."""
    daily = one.companion
    friday = daily.ds.astype("datetime64[D]").astype(int) % 7 == 1
    ds = WEEKS.floor(daily.ds[friday])
    weekly = History(a_price("price.weekly", "W-FRI"), ds, daily.y[friday], daily.flag[friday])
    return replace(one, companion=weekly)


def a_price(series_id: str, freq: str) -> Series:
    place = Place("WLD")
    return Series(series_id, Slug("metal"), Measure.PRICE, "target", "world", place, place, "USD", freq, 0)


# -- the methods and their scores ----------------------------------------------------------------------------------


def rows(lag: int, cases: list[Case], stride: int) -> Iterator[Row]:
    """A row a method: CRPS by part of the horizon as a ratio to the engine's without a companion, and coverage of the
    months that are over."""
    late = [replace(one, monthly=lagged(one.monthly, lag)) for one in cases]
    like = HistoryPanel({f"price.{i}": one.monthly for i, one in enumerate(late)})
    horizon = lag + 1 + AFTER
    results = [score(f"price.{i}", one, like, horizon, stride) for i, one in enumerate(late)]
    parts = {"over": slice(0, lag), "running": slice(lag, lag + 1), "after": slice(lag + 1, horizon)}
    for method in METHODS:
        line: dict[str, object] = {"lag": lag, "method": method}
        for part, at in parts.items():
            ours, other = (
                np.array([metrics.crps_from_quantiles(q[m][:, at], y[:, at]).mean() for q, y in results])
                for m in (method, "no companion")
            )
            line[f"crps {part}"] = float(metrics.relative(ours, other))
        for part, at in parts.items():
            q = np.concatenate([quantiles[method][:, at] for quantiles, _ in results])
            actual = np.concatenate([y[:, at] for _, y in results])
            covered = [metrics.coverage(q, actual, level / 100) for level in (50, 80, 95)]
            line[f"cover {part}"] = "/".join(f"{100 * share:.0f}" for share in covered)
        yield line


def lagged(history: History, lag: int) -> History:
    """The same, published so many months and fifteen days late."""
    return replace(history, series=replace(history.series, release_lag_days=round(30.4 * lag) + 15))


def score(name: str, one: Case, like: HistoryPanel, horizon: int, stride: int) -> tuple[dict[str, Floats], Floats]:
    """Quantiles (O, H, 15) by method, and what came (O, H)."""
    history, prices = one.monthly, CompanionPrices.of(one.companion, MONTHS)
    cutoffs = history.ds[-ORIGINS - horizon : -horizon : stride]
    sets = []
    for cutoff in cutoffs:
        sample = Sample.of(history.until(cutoff))
        none = EffectRecord.none(DRAWS, MONTHS, cutoff)
        seen = prices.bridge(sample, history.published(sample.ds[-1:])[0])
        sets.append(InformationSet(sample, none, like.statistics(name, cutoff), seen))
    grid = FORECASTERS["grid"]
    alone = [replace(each, companion=None) for each in sets]
    return {
        "companion": backtest(grid, sets, history, horizon, 0).quantiles,
        "no companion": backtest(grid, alone, history, horizon, 0).quantiles,
        "last daily price": last_price(one, cutoffs, horizon),
    }, outcomes(history, cutoffs, horizon)


def last_price(one: Case, cutoffs: Days, horizon: int) -> Floats:
    """(O, H, 15) the last daily price in the unit of the last twelve months, with its own past errors around it."""
    history, companion = one.monthly, one.companion
    known = companion.series.calendar.end(companion.ds)
    at = np.searchsorted(known, history.published(history.ds), side="right") - 1
    month = MONTHS.ordinal(companion.ds) - MONTHS.ordinal(history.ds[0])
    month = np.maximum(month, 0)
    ratio = history.y * np.bincount(month) / np.bincount(month, companion.y)
    unit = np.array([np.exp(np.log(ratio[max(t - 11, 0) : t + 1]).mean()) for t in range(len(ratio))])
    start = np.log(companion.y[at] * unit)
    q = np.empty((len(cutoffs), horizon, len(metrics.QUANTILE_LEVELS)))
    for o, t in enumerate(np.searchsorted(history.ds, cutoffs)):
        for h in range(1, horizon + 1):
            errors = history.x[h : t + 1] - start[: t + 1 - h]
            q[o, h - 1] = start[t] + np.quantile(errors[12:] - np.median(errors[12:]), metrics.QUANTILE_LEVELS)
    return np.exp(q)


if __name__ == "__main__":
    main()
