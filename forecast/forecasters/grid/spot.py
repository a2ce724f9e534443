"""Prices bridged by a daily or weekly companion: the periods after the last observation, as far as it has seen them.

A monthly price is published late; its companion is known to this day. The mean of the companion over a period that is
over, put on the level of the series by the basis (the log of the series less the log of that mean), is the nowcast of
the period. The period that is running is known in part, and what comes after starts from the companion's last price.

For a random walk observed by its means (Working, Econometrica 28, 1960), with the variance of a period's change as the
unit, the mean h periods ahead is h - .378 away from what the means alone can say; from a price known a periods after
the last mean it is h - a - 2/3 away, and the mean of a period of which the share s is over (1 - s)³ / 3.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forecast.coupling import added_to, couple, middles
from forecast.forecasters.calibration import Margins
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.sample import Sample
from forecast.timeseries.series import Floats, History, Series
from forecast.wording import counted, day_in_words

#: A companion whose last value is older than this, beside its own release lag, is stale; days.
_STALE = 10
#: The basis is learned from so many months of overlap, and from a year of it at least.
_WINDOW_MONTHS, _LEAST_MONTHS, _LEAST_PERIODS = 36, 12, 8
#: A period is seen whole where this share of the usual number of values is there (a month with a week of holidays has
#: two thirds), up to so many days before its end.
_WHOLE, _LAST_DAYS = 0.6, 3
#: Deviations of the basis count as at most so many standard deviations.
_CLIP = 3.0
#: No basis is believed to be surer than this, on the log.
_FLOOR = 5e-4
_OFTEN = {"D": "daily", "B": "daily", "W": "weekly"}
#: Variance of the first mean ahead that means alone leave, 1 - .378.
_MEANS_ONLY = 0.622


@dataclass(frozen=True, eq=False)
class Basis:
    """The basis as a stationary first-order autoregression: ``level``; ``deviation`` from it in the last period of the
    overlap, ``age`` periods before the last observation; ``persistence`` from period to period, ``sd``; learned from
    ``n`` periods."""

    level: float
    deviation: float
    age: int
    persistence: float
    sd: float
    n: int

    @classmethod
    def of(cls, logs: Floats, age: int) -> Basis:
        """From the basis in the periods of the overlap, NaN where there is none, the last one finite."""
        n = int(np.isfinite(logs).sum())
        level = float(np.nanmedian(logs))
        sd = max(robust_sd(logs), _FLOOR)
        away = np.clip(logs - level, -_CLIP * sd, _CLIP * sd)
        # of the estimate, the bias of a short sample (Kendall, Biometrika 41, 1954) is given back
        lagged = float(np.nansum(away[1:] * away[:-1]) / max(np.nansum(away**2), 1e-300))
        persistence = float(np.clip(lagged + (1 + 3 * lagged) / n, 0.0, 0.98))
        # a window shows less of a slow basis than its whole spread; its steps tell
        steps = robust_sd(away[1:] - persistence * away[:-1]) / np.sqrt(1 - persistence**2)
        return cls(level, float(away[-1]), age, persistence, max(sd, steps), n)

    def mean(self, horizon: int) -> Floats:
        """(H,) expected in the periods after the last observation."""
        return self.level + self._kept(horizon) * self.deviation

    def sds(self, horizon: int) -> Floats:
        """(H,) standard deviations of what is not known of it: the deviations to come, and the level."""
        kept = self._kept(horizon)
        return np.asarray(np.sqrt(self.sd**2 * (1 - kept**2) + self._level_variance * (1 - kept) ** 2))

    def draws(self, horizon: int, n: int, rng: np.random.Generator) -> Floats:
        """(H, n) joint draws of the basis less its ``mean``: a Student-t, as its spread is estimated too."""
        from scipy.stats import t

        kept, away = self._kept(horizon), np.zeros(n)
        paths = np.sqrt(self._level_variance) * rng.standard_normal(n) * (1 - kept)[:, None]
        before = self.persistence ** float(self.age)
        for h, row in enumerate(paths):
            # conditional on the last deviation seen: known at ratio ``before``, then one step at a time
            step = np.sqrt(1 - (before * self.persistence) ** 2 if h == 0 else 1 - self.persistence**2)
            away = self.persistence * away + self.sd * step * rng.standard_normal(n)
            row += away
        paths /= np.sqrt(rng.chisquare(self.n - 1, n) / (self.n - 1))
        return couple(paths, self.sds(horizon)[:, None] * t.ppf(middles(n), self.n - 1))

    @property
    def _level_variance(self) -> float:
        # of the median of so many autocorrelated deviations
        return np.pi / 2 * self.sd**2 / self.n * (1 + self.persistence) / (1 - self.persistence)

    def _kept(self, horizon: int) -> Floats:
        return np.asarray(self.persistence ** (self.age + np.arange(1.0, horizon + 1)))


@dataclass(frozen=True, eq=False)
class CompanionPrices:
    """The usable values of a companion beside periods of the frequency ``freq``, oldest first.

    ``ends`` (V,): last day that each is of; ``known`` (V,): day since which it and all before it were out; ``period``
    (V,): ordinal of the period that holds its middle; ``total`` (V + 1,): sums of the values before each.
    """

    series: Series
    freq: Freq
    ends: Days
    known: Days
    period: npt.NDArray[np.int64]
    values: Floats
    total: Floats

    @classmethod
    def of(cls, companion: History, freq: Freq) -> CompanionPrices:
        there = companion.used & (companion.y > 0)
        starts, values = companion.ds[there], companion.y[there]
        ends = companion.series.calendar.end(starts)
        known = np.maximum.accumulate(companion.published(companion.ds)[there]) if len(values) else starts
        period = freq.ordinal(starts + (ends - starts) // 2)
        return cls(companion.series, freq, ends, known, period, values, np.concatenate([[0.0], np.cumsum(values)]))

    def means(self, first: int, last: int, seen: int) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Log of the mean, NaN where there is none, and number of values in the periods ``first`` to ``last``
        (ordinals), of the first ``seen`` values."""
        bounds = np.minimum(np.searchsorted(self.period, np.arange(first, last + 2)), seen)
        count = np.diff(bounds)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(np.diff(self.total[bounds]) / count), count

    def bridge(self, sample: Sample, day: np.datetime64) -> Bridge | NoBridge:
        """What had been seen by the end of ``day`` of the periods after the last of ``sample``."""
        seen = int(np.searchsorted(self.known, day, side="right"))
        if self.series.calendar.per_year <= self.freq.per_year:
            return NoBridge(self.series.series_id, "its values are no more frequent than those of the series")
        if not seen:
            return NoBridge(self.series.series_id, f"it has no value known by {_words(day)}")
        latest = self.ends[seen - 1]
        if (day - latest).astype(int) > _STALE + self.series.release_lag_days + round(self.series.calendar.days) - 1:
            return NoBridge(self.series.series_id, f"its last value is of {_words(latest)}")
        last = int(self.freq.ordinal(sample.ds[-1]))
        window = min(self.freq.months(_WINDOW_MONTHS), len(sample))
        logs, count = self.means(last - window + 1, last, seen)
        usual = np.median(count[count > 0]) if count.any() else 0.0
        basis = np.where(count >= max(_WHOLE * usual, 1), sample.x[-window:] - logs, np.nan)
        overlap, least = int(np.isfinite(basis).sum()), max(self.freq.months(_LEAST_MONTHS), _LEAST_PERIODS)
        if overlap < least:
            why = f"it overlaps with the series in {counted(overlap, self.freq.period)}, and {least} are needed"
            return NoBridge(self.series.series_id, why)
        moves, spread = robust_sd(np.diff(sample.x[-window:])), robust_sd(basis)
        if spread > moves:
            return NoBridge(
                self.series.series_id,
                f"the ratio of the series to it moves more (±{100 * spread:.1f} %) than the series does "
                f"in a {self.freq.period} (±{100 * moves:.1f} %)",
            )
        end = int(np.flatnonzero(np.isfinite(basis))[-1]) + 1
        return self._after(last, seen, usual, day, Basis.of(basis[:end], window - end))

    def _days(self, start: np.datetime64, end: np.datetime64) -> int:
        """Days from the first to the last, both included; of a companion of working days those."""
        calendar = self.series.calendar
        if calendar.unit != "B":
            return int((end - start).astype(int)) + 1
        return int(calendar.begun(end)) - int(calendar.ordinal(start)) + 1

    def _after(self, last: int, seen: int, usual: float, day: np.datetime64, basis: Basis) -> Bridge:
        latest, final = self.ends[seen - 1], max(int(self.period[seen - 1]), last)
        logs, count = self.means(last + 1, final, seen)
        starts = self.freq.start(np.arange(last + 1, final + 1))
        there = np.minimum(count / max(usual, 1.0), 1.0)
        share = np.where(there >= _WHOLE, 1.0, there)
        full = share >= 1.0
        reach = (latest - self.freq.end(self.freq.start(last))).astype(int) / self.freq.days
        if final > last:
            start, end = starts[-1], self.freq.end(starts[-1])
            passed = 1.0
            if end > day or (end - latest).astype(int) > _LAST_DAYS:
                passed = min(self._days(start, latest) / self._days(start, end), 1.0)
                share[-1], full[-1] = passed, False
            reach = final - last - 1 + passed
        whole = int(np.argmin(np.append(full, False)))
        price = float(np.log(self.values[seen - 1]))
        return Bridge(self.series, self.freq, last, latest, whole, logs, share, price, float(reach), basis)


@dataclass(frozen=True)
class NoBridge:
    """A companion (its id) that bridges nothing, and ``why``."""

    companion: str
    why: str

    @property
    def note(self) -> str:
        """One sentence for a card."""
        return f"the companion {self.companion} bridges nothing: {self.why}"


@dataclass(frozen=True, eq=False)
class Bridge:
    """What a companion has seen of the periods after the last observation, that of ordinal ``origin``.

    ``logs`` (M,): log means of the values in the M periods up to that of the last one, which is of the day ``latest``;
    ``share`` (M,): how much of each was seen; the first ``whole`` are over and seen whole. ``price``: log of the last
    value, ``reach``: how many periods after the last observed one it is.
    """

    companion: Series
    freq: Freq
    origin: int
    latest: np.datetime64
    whole: int
    logs: Floats
    share: Floats
    price: float
    reach: float
    basis: Basis

    def center(self, horizon: int) -> Floats:
        """(H,) logs on the level of the series: nowcasts, then the running period, then the last price."""
        logs = np.where(np.isfinite(self.logs), self.logs, self.price)
        if len(logs):
            passed = self.reach - (len(logs) - 1)
            logs[-1] = np.log(passed * np.exp(logs[-1]) + (1 - passed) * np.exp(self.price))
        beyond = np.full(max(horizon - len(logs), 0), self.price)
        return np.asarray(np.concatenate([logs, beyond])[:horizon] + self.basis.mean(horizon))

    def unseen(self, horizon: int) -> Floats:
        """(H,) variance of what is still to come in each period, in those of a period's change."""
        out = np.arange(1, horizon + 1) - self.reach - 2 / 3
        share = self.share[:horizon]
        out[: len(share)] = (1 - share) ** 3 / 3
        return np.asarray(out)

    def ratio(self, horizon: int, origin: int = 0) -> Floats:
        """(H - origin,) sd of forecasts from the last price in the periods after the ``origin``-th ahead, relative to
        those made with the means up to it."""
        unseen = self.unseen(horizon)[origin:]
        return np.asarray(np.sqrt(unseen / (np.arange(len(unseen)) + _MEANS_ONLY)))

    def extend(self, sample: Sample) -> Sample:
        """The sample with the nowcasts of the periods that were seen whole."""
        ds = np.concatenate([sample.ds, sample.future(self.whole)])
        return replace(sample, ds=ds, x=np.concatenate([sample.x, self.center(self.whole)]))

    def draws(self, paths: Floats, pull: Floats, held: float, rng: np.random.Generator) -> Floats:
        """(K + h, n) joint draws of the log, for the K periods seen whole and the h after them.

        ``paths`` (h, n): simulated from the nowcasts, less the mean effects, which ``held`` in the last of them. They
        say how far prices move, and ``pull`` (h,) where to in the long run; where from is the last price. Nowcasts
        hold the effects, as observations do.
        """
        whole, (h, n) = self.whole, paths.shape
        center = self.center(whole + h)
        draws = np.repeat(center[:, None], n, axis=1)
        ratio = self.ratio(whole + h, whole)[:, None]
        draws[whole:] += (paths - np.median(paths, axis=1, keepdims=True) + pull[:, None]) * ratio - held
        return added_to(draws, self.basis.draws(whole + h, n, rng))

    @property
    def note(self) -> str:
        """One sentence for a card."""
        days = self.freq.start(self.origin + np.arange(1, len(self.share) + 1)).tolist()
        words = [self.freq.in_words(day) for day in days]
        parts = [f"{words[0]} to {words[self.whole - 1]}" if self.whole > 1 else words[0]] if self.whole else []
        parts += [f"{words[-1]} in part"] if len(words) > self.whole else []
        often = _OFTEN.get(self.companion.calendar.unit, self.companion.calendar.period)
        name = f"the {often} companion {self.companion.series_id} (to {_words(self.latest)})"
        start = f"{' and '.join(parts)} from {name}" if parts else f"starts from the last price of {name}"
        return f"{start}, basis ±{100 * self.basis.sd:.1f} %"


@dataclass(frozen=True, eq=False)
class Starts:
    """Where forecasts of one series from each of T periods start: ``center`` (T, H), NaN where no companion says;
    ``ratio`` (T, H) of the sd, ``noise`` (T, H) sd of the basis."""

    center: Floats
    ratio: Floats
    noise: Floats

    @classmethod
    def of(cls, sample: Sample, companion: CompanionPrices, days: Days, horizon: int) -> Starts:
        """From each period of a sample, as seen at the end of these ``days`` (T,)."""
        found = np.full((3, len(sample), horizon), np.nan)
        for t in np.flatnonzero(np.isfinite(sample.x)):
            until = replace(sample, ds=sample.ds[: t + 1], x=sample.x[: t + 1])
            bridge = companion.bridge(until, days[t])
            if isinstance(bridge, Bridge):
                found[:, t] = bridge.center(horizon), bridge.ratio(horizon), bridge.basis.sds(horizon)
        return cls(*found)


def started(margins: Margins, starts: Mapping[int, Starts], pull: Floats) -> Margins:
    """Margins (N, T, H) that start where the companions of these series (numbers of rows) say, with their ``pull`` (N,
    T, H) to the long-run mean."""
    mean, sd, still = margins.mean.copy(), margins.sd.copy(), margins.still.copy()
    for row, start in starts.items():
        moved = np.isfinite(start.center) & np.isfinite(mean[row])
        mean[row] = np.where(moved, start.center + pull[row] * start.ratio, mean[row])
        sd[row] = np.where(moved, np.hypot(sd[row] * start.ratio, start.noise), sd[row])
        still[row] = np.where(moved, 0.0, still[row])
    return replace(margins, mean=mean, sd=sd, still=still)


def _words(day: np.datetime64) -> str:
    return day_in_words(dt.date.fromisoformat(str(day)))


def robust_sd(values: Floats) -> float:
    """Standard deviation of values that are not NaN, those far out counting as three of them away from the median."""
    values = values[np.isfinite(values)]
    if values.size < 2:
        return 0.0
    away = values - np.median(values)
    typical = 1.4826 * float(np.median(np.abs(away)))
    bound = _CLIP * typical if typical > 0 else np.inf
    return float(np.sqrt((np.clip(away, -bound, bound) ** 2).sum() / (values.size - 1)))
