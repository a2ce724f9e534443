"""The report on one episode's effect on one series: paths, averages, sums and the counterfactual.

Everything is computed from the joint draws, so that a sum's interval is the interval of the sum. numpy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from forecast.effects.record import EffectRecord, EpisodeEffect
from forecast.errors import NotFound
from forecast.interventions import shape_word
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats, History

#: Central intervals, in percent.
EFFECT_LEVELS = (50, 80, 90)
#: The smallest average effect that matters, in percent.
RELEVANT_PERCENT = 5.0
#: Where a ``Band`` cuts its draws: the median, and the bounds of each interval.
CUTS = (0.5, *(q for level in EFFECT_LEVELS for q in ((100 - level) / 200, (100 + level) / 200)))

_Word = TypeVar("_Word", str, int)
_Ordinals = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Band:
    """Median and central intervals of draws, each (P,) over periods, or (1,) for one number; NaN where not observed."""

    median: Floats
    intervals: Mapping[int, tuple[Floats, Floats]]

    @classmethod
    def of(cls, draws: Floats) -> Band:
        """From draws (n, P) or (n,)."""
        median, *ends = np.quantile(draws.reshape(len(draws), -1), CUTS, axis=0)
        return cls(median, {level: (ends[2 * i], ends[2 * i + 1]) for i, level in enumerate(EFFECT_LEVELS)})

    def percent(self) -> Band:
        """From the log to percent of the level without it."""
        return Band(
            100 * np.expm1(self.median),
            {level: (100 * np.expm1(low), 100 * np.expm1(high)) for level, (low, high) in self.intervals.items()},
        )

    def taken_from(self, actual: Floats) -> Band:
        """The level without an effect on the log: the more it added, the lower that is."""
        return Band(
            actual * np.exp(-self.median),
            {level: (actual * np.exp(-high), actual * np.exp(-low)) for level, (low, high) in self.intervals.items()},
        )


@dataclass(frozen=True, eq=False)
class EpisodeReport:
    """One episode on one series.

    ``ds`` (P,): period starts from the first in which it may have been felt to the last of the sample; ``actual`` (P,):
    observed, in the series' unit. ``average``: by how much percent the ``observed`` periods of the ``window`` were
    together more than they would have been; ``early``: the same of the periods before the effective date in which it
    may have been felt. ``relevant``: probability that the average is larger than ``RELEVANT_PERCENT``, up or down.
    ``amount``: actual less counterfactual, mean over the observed periods of the window, in the series' unit. Of flows,
    ``cumulated``: sum up to the window's end of actual less counterfactual, in the series' unit: ``before`` the
    effective date and ``after``. Only what was observed is summed: ``missing`` periods were not. None where there is no
    such period, and sums of prices.
    """

    effect: EpisodeEffect
    record: EffectRecord
    ds: Days
    actual: Floats
    window: Days
    average: Band | None
    early: Band | None
    cumulated: Band | None
    before: Band | None
    after: Band | None
    missing: int
    amount: Band | None = None
    observed: int = 0
    relevant: float | None = None

    @cached_property
    def path(self) -> Band:
        """Effect on the log in each period of ``ds``."""
        return Band.of(self.effect.draws(self.ds, self.record.freq))

    @property
    def counterfactual(self) -> Band:
        """The series without the episode, in its unit."""
        return self.path.taken_from(_latent(self.actual, self.ds, self.record))

    @property
    def shapes(self) -> dict[str, float]:
        """What the data favour: the posterior weight of each shape, the likeliest first; 1 where one was assumed."""
        return _shares([shape_word(c.shape) for c in self.effect.candidates], self.effect)

    @property
    def leads(self) -> dict[int, float]:
        """The posterior weight of each number of periods by which it came early, the likeliest first."""
        return _shares([c.lead for c in self.effect.candidates], self.effect)


def report(history: History, record: EffectRecord, episode_id: str) -> EpisodeReport:
    """Read one episode of a record against the observations. Raises ``NotFound`` for an episode the record lacks."""
    effect = next((e for e in (*record.reported, *record.effects) if e.episode.episode_id == episode_id), None)
    if effect is None:
        raise NotFound("episode", episode_id, [e.episode.episode_id for e in record.reported])
    freq, last = record.freq, int(record.freq.ordinal(record.last))
    start = int(freq.ordinal(effect.episode.intervention.start))
    first = min(int(freq.ordinal(c.start)) - c.reach for c in effect.candidates)
    ordinals = np.arange(min(first, start, last), last + 1)
    ds = np.asarray(freq.start(ordinals))
    actual = _observed(history, ordinals)
    window = effect.window(freq, record.last)
    inside = ordinals[: np.searchsorted(ds, window[-1], side="right") if len(window) else 0]
    path = effect.draws(ds[: len(inside)], freq) if len(inside) else np.zeros((record.n, 0))
    level = _latent(actual, ds, record)[: len(inside)]
    without = level * np.exp(-path)
    # Less than can be reported, where a 0 was: what another event stopped is no change by this one. Where nothing
    # stands for the zeros, nothing is known of what there would have been.
    observed = level > 0
    change = np.where(observed, level - without, 0.0)
    early = inside < start
    observed_rows = ~early & observed
    average = _more(level, without, path, ~early, observed) if len(inside) else None
    summed = observed.any() and not history.series.is_price
    return EpisodeReport(
        effect=effect,
        record=record,
        ds=ds,
        actual=actual,
        window=window,
        average=None if average is None else Band.of(average),
        early=Band.of(_more(level, without, path, early, observed)) if early.any() else None,
        cumulated=Band.of(change.sum(axis=1)) if summed else None,
        before=Band.of(change[:, early].sum(axis=1)) if summed and early.any() else None,
        after=Band.of(change[:, ~early].sum(axis=1)) if summed else None,
        missing=int((~observed).sum()),
        amount=Band.of(change[:, observed_rows].mean(axis=1)) if observed_rows.any() else None,
        observed=int(observed_rows.sum()),
        relevant=None if average is None else float(np.mean(np.abs(average) > RELEVANT_PERCENT)),
    )


def _more(level: Floats, without: Floats, path: Floats, some: _Bools, observed: _Bools) -> Floats:
    """(n,) by how much percent the ``level`` (P,) of some periods together is more than ``without`` (n, P).

    Three months of nothing in a year are a quarter of it, whatever their logs are. Where none was observed, the mean of
    the ``path`` on the log is told.
    """
    observed_rows = some & observed
    if not observed_rows.any():
        return np.asarray(100 * np.expm1(path[:, some].mean(axis=1)))
    return np.asarray(100 * (level[observed_rows].sum() / without[:, observed_rows].sum(axis=1) - 1))


def _latent(actual: Floats, ds: Days, record: EffectRecord) -> Floats:
    """Observed values, those below what the series can report being what the model puts there."""
    found = actual.copy()
    for day, value in record.latent.items():
        found[ds == np.datetime64(day, "D")] = np.exp(value)
    return found


def _observed(history: History, ordinals: _Ordinals) -> Floats:
    """Values that a model may use in these periods, NaN elsewhere."""
    at = np.asarray(history.series.calendar.ordinal(history.ds))
    values = dict(zip(at.tolist(), np.where(history.used, history.y, np.nan).tolist(), strict=True))
    return np.array([values.get(int(k), np.nan) for k in ordinals])


def _shares(words: list[_Word], effect: EpisodeEffect) -> dict[_Word, float]:
    """Share of the components that act, by a word for each candidate."""
    acting = effect.choice[effect.size != 0.0]
    choice = acting if acting.size else effect.choice.ravel()
    counts = dict.fromkeys(words, 0)
    for word, count in zip(words, np.bincount(choice, minlength=len(words)).tolist(), strict=True):
        counts[word] += count
    shares = {word: count / len(choice) for word, count in counts.items() if count}
    return dict(sorted(shares.items(), key=lambda pair: -pair[1]))
