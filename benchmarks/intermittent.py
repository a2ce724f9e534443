"""Series with zeros: the engine with trade and none apart, against the tools for intermittent demand.

    python benchmarks/intermittent.py [--quick] [--json FILE] [--extra DIR]…

Five kinds of four series each are made with fixed seeds (a mine closed in winter, small counts, flows that a ban has
stopped, daily trade that rests at weekends, rare lots), and with ``--extra`` the targets of the catalogue and of these
folders that report zeros in at least one period of twenty. Every method sees a series up to each cutoff and gives
fifteen quantiles a horizon; scores are taken in the unit. Coverage counts a tie of outcome and quantile by the share of
the quantiles that it touches, for an interval cannot hold just 80 % of the zeros. ``make panel`` makes the environment
of statsforecast. ``--quick``: a third of the cutoffs.
"""

from __future__ import annotations

import csv
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from support.methods import PEERS_PYTHON
from support.panel import read_panel
from support.report import Report, Row, parser

from forecast import metrics
from forecast.effects import EffectRecord
from forecast.forecasters import FORECASTERS
from forecast.names import Measure, Place, Slug
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History, Series
from forecast.training.backtest import backtest
from forecast.training.information import InformationSet
from forecast.training.panel import HistoryPanel

OURS, BEFORE = "orecast", "zeros as half the least"
DRAWS = 2000
_SCRIPT = Path(__file__).parent / "peers" / "intermittent_script.py"


@dataclass(frozen=True, eq=False)
class Case:
    """A series: its history, the numbers of the last periods seen, and how far ahead it is judged."""

    kind: str
    history: History
    cutoffs: tuple[int, ...]
    horizon: int

    @property
    def name(self) -> str:
        return self.history.series.series_id

    @property
    def y(self) -> Floats:
        return self.history.y

    @property
    def ds(self) -> Days:
        return self.history.ds

    @property
    def freq(self) -> Freq:
        return self.history.series.calendar

    @property
    def actual(self) -> Floats:
        """(O, H) what came; NaN where nothing was published."""
        padded = np.append(self.y, np.full(self.horizon, np.nan))
        return np.stack([padded[t + 1 : t + 1 + self.horizon] for t in self.cutoffs])


def main() -> None:
    options = parser(__doc__).parse_args()
    report = Report("intermittent", options)
    cases = [*made(), *(real(options.extra) if options.extra else ())]
    if options.quick:
        cases = [replace(case, cutoffs=case.cutoffs[::3]) for case in cases]
    for kind in dict.fromkeys(case.kind for case in cases):
        some = [case for case in cases if case.kind == kind]
        like = HistoryPanel({case.name: case.history for case in some})
        report.table(kind, list(rows(some, {case.name: score(case, like) for case in some})))
    if not PEERS_PYTHON.exists():
        report.note("statsforecast was left out: `make peers` makes its environment.")
    report.finish()


# -- the series ----------------------------------------------------------------------------------------------------


def made() -> Iterator[Case]:
    """Twenty series of five kinds."""
    months, days = Freq("M"), Freq("D")
    for kind, freq, start, length, make in (
        ("winter closure", months, "2014-01-01", 132, _closure),
        ("counts", months, "2014-01-01", 132, _counts),
        ("bans", months, "2014-01-01", 132, _ban),
        ("weekends", days, "2024-01-01", 420, _weekends),
        ("rare lots", months, "2014-01-01", 132, _lots),
    ):
        horizon = 12 if freq.unit == "M" else 14
        first = length // 2 if freq.unit == "M" else length - 120
        for i in range(4):
            ds = freq.range(np.datetime64(start), length)
            y = np.round(make(i, ds, np.random.default_rng([i, length, len(kind)])))
            step = 3 if freq.unit == "M" else 5
            since = int(np.flatnonzero(y == 0)[0]) + 1 if kind == "bans" else first
            cutoffs = tuple(range(since, length - horizon, step))
            name = f"volume.{kind.replace(' ', '-')}-{i + 1}"
            series = Series(
                name, Slug(kind), Measure.VOLUME, "target", "export", Place("CHN"), Place("WLD"), "tonne", freq.code, 0
            )
            yield Case(kind, History(series, ds, y, np.full(length, "reported")), cutoffs, horizon)


def _size(mean: float, sd: float, n: int, rng: np.random.Generator) -> Floats:
    return np.asarray(mean * np.exp(sd * rng.standard_normal(n)))


def _closure(i: int, ds: Days, rng: np.random.Generator) -> Floats:
    """Closed from January on, for three or two months, of which the last is open in some years."""
    month = ds.astype("datetime64[M]").astype(int) % 12
    closed = month < (3, 2, 3, 2)[i]
    if i >= 2:
        closed &= ~((month == month[closed].max()) & (rng.random(len(ds)) < 0.4))
    swing = 1 + 0.3 * np.sin(2 * np.pi * (month - 4) / 12)
    return np.where(closed, 0.0, swing * _size(1000, 0.15, len(ds), rng))


def _counts(i: int, ds: Days, rng: np.random.Generator) -> Floats:
    """Poisson counts, the third twice as many in the second half, the last with seasons."""
    mean = np.full(len(ds), (0.4, 1.2, 0.3, 0.8)[i])
    mean[len(ds) // 2 :] *= 2 if i == 2 else 1
    wave = 1 + 0.8 * np.sin(2 * np.pi * (ds.astype("datetime64[M]").astype(int) % 12) / 12)
    return np.asarray(rng.poisson(mean * (wave if i == 3 else 1.0)), dtype=float)


def _ban(i: int, ds: Days, rng: np.random.Generator) -> Floats:
    """About 1000 a month, stopped for long: until the end, or for two years, some of it leaking through.

    Seen from after the stop: nobody can foretell it.
    """
    y = _size(1000, 0.1, len(ds), rng)
    start, length = ((80, 99), (90, 99), (70, 24), (75, 99))[i]
    stopped = slice(start, start + length)
    leak = rng.random(len(ds)) < (0.08 if i == 3 else 0.0)
    y[stopped] = np.where(leak, 0.1 * y, 0.0)[stopped]
    return y


def _weekends(i: int, ds: Days, rng: np.random.Generator) -> Floats:
    """Nothing on Sundays and, but for the second, on Saturdays; the third also rests on some weekdays."""
    weekday = (ds.astype("datetime64[D]").astype(int) + 3) % 7
    rests = weekday >= (6 if i == 1 else 5)
    if i >= 2:
        rests |= rng.random(len(ds)) < 0.08
    week = 1 + 0.1 * (weekday == 0)
    return np.where(rests, 0.0, week * _size(50 if i < 3 else 400, 0.2, len(ds), rng))


def _lots(i: int, ds: Days, rng: np.random.Generator) -> Floats:
    """A lot now and then, the third ever less often, the last in bursts."""
    chance = np.full(len(ds), (0.1, 0.25, 0.3, 0.1)[i])
    if i == 2:
        chance = np.linspace(0.5, 0.05, len(ds))
    comes = rng.random(len(ds)) < chance
    if i == 3:
        for t in range(1, len(ds)):
            comes[t] = rng.random() < (0.75 if comes[t - 1] else 0.1)
    return np.where(comes, _size(200, 0.6, len(ds), rng), 0.0)


def real(extra: list[Path]) -> Iterator[Case]:
    """Monthly targets that report zeros in one period of twenty or more."""
    for history in read_panel(extra).histories.values():
        history = history.until(history.last)
        y = history.y
        monthly = history.series.freq == "M" and not history.series.is_price
        if monthly and len(y) >= 60 and (y == 0).sum() >= len(y) / 20:
            cutoffs = tuple(t for t in range(max(36, len(y) // 2), len(y) - 12, 3) if np.isfinite(y[t]))
            yield Case("real flows", history, cutoffs, 12)


# -- the methods ---------------------------------------------------------------------------------------------------


def score(case: Case, like: HistoryPanel) -> dict[str, Floats]:
    """(O, H, 15) quantiles in the unit by method; ``like``: what the engine may learn from, the series itself among
    it."""
    found = {OURS: ours(case, like, zeros=True), BEFORE: ours(case, like, zeros=False)}
    return found | (panel(case) if PEERS_PYTHON.exists() else {})


def ours(case: Case, like: HistoryPanel, *, zeros: bool) -> Floats:
    """The engine, from each cutoff, with what was known there; without ``zeros`` they count as half the least value."""
    information_sets = []
    for t in case.cutoffs:
        sample = Sample.of(case.history.until(case.ds[t]))
        sample = sample if zeros else _halved(sample)
        none = EffectRecord.none(DRAWS, case.freq, sample.ds[-1])
        information_sets.append(InformationSet(sample, none, like.statistics(case.name, case.ds[t])))
    return backtest(FORECASTERS["grid"], information_sets, case.history, case.horizon, 0).quantiles


def _halved(sample: Sample) -> Sample:
    x = sample.x.copy()
    x[list(sample.zeros)] = np.nanmin(x) - np.log(2) if np.isfinite(x).any() else np.nan
    return replace(sample, x=x, zeros=())


def panel(case: Case) -> dict[str, Floats]:
    """statsforecast's methods; gaps are filled with 0, as they take none."""
    with tempfile.TemporaryDirectory() as name:
        series, cutoffs, output = (Path(name) / f"{part}.csv" for part in ("series", "cutoffs", "quantiles"))
        lines = [f"a,{d},{float(v)!r}\n" for d, v in zip(case.ds, np.nan_to_num(case.y), strict=True)]
        series.write_text("unique_id,ds,y\n" + "".join(lines), encoding="utf-8")
        lines = [f"a,{case.ds[t]}\n" for t in case.cutoffs]
        cutoffs.write_text("unique_id,cutoff\n" + "".join(lines), encoding="utf-8")
        freq = {"M": "MS", "D": "D"}[case.freq.unit]
        numbers = (str(case.horizon), str(case.freq.season))
        subprocess.run([PEERS_PYTHON, _SCRIPT, series, cutoffs, output, *numbers, freq], check=True)
        place = {str(case.ds[t]): o for o, t in enumerate(case.cutoffs)}
        found: dict[str, Floats] = {}
        with output.open(newline="", encoding="utf-8") as file:
            for method, _, cutoff, h, *values in list(csv.reader(file))[1:]:
                q = found.setdefault(method, np.full((len(place), case.horizon, len(values)), np.nan))
                q[place[cutoff[:10]], int(h) - 1] = [float(value or "nan") for value in values]
    return found


# -- scores --------------------------------------------------------------------------------------------------------


def rows(cases: list[Case], scored: Mapping[str, dict[str, Floats]]) -> Iterator[Row]:
    """A row a method: CRPS as a ratio to the seasonal naive one's, and coverage."""
    baseline = "seasonal naive" if PEERS_PYTHON.exists() else BEFORE
    scores = {m: np.array([_crps(case, scored[case.name][m]) for case in cases]) for m in scored[cases[0].name]}
    for method in sorted(scores, key=lambda m: float(metrics.relative(scores[m], scores[baseline]))):
        q = np.concatenate([scored[case.name][method].reshape(-1, len(metrics.QUANTILE_LEVELS)) for case in cases])
        actual = np.concatenate([case.actual.ravel() for case in cases])
        yield {
            "method": method,
            "rel_CRPS": float(metrics.relative(scores[method], scores[baseline])),
            **{f"cov{level}": _coverage(q, actual, level) for level in (50, 80, 95)},
            "zeros inside 95": float((q[actual == 0, 0] <= 0).mean()),
            "series": len(cases),
        }


def _crps(case: Case, q: Floats) -> float:
    return float(np.nanmean(metrics.crps_from_quantiles(q, case.actual)))


def _coverage(q: Floats, actual: Floats, level: int) -> float:
    """Share of outcomes inside; one that ties with quantiles counts by the probability that they span."""
    shares, half = metrics.pit(q, actual), level / 200
    low, high = (int(np.flatnonzero(np.isclose(metrics.QUANTILE_LEVELS, 0.5 + side * half))[0]) for side in (-1, 1))
    return float(shares[low + 1 : high + 1].sum())


if __name__ == "__main__":
    main()
