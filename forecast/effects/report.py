"""What one episode did to one series, as a reader wants it: paths, averages, sums and the series without it.

Everything is computed from the joint draws, so that a sum's interval is the interval of the sum. numpy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forecast.calendars import Days
from forecast.effects.record import EffectRecord, EpisodeEffect
from forecast.errors import NotFound
from forecast.series import Floats, History

#: Central intervals, in percent.
LEVELS = (50, 80, 90)


@dataclass(frozen=True, eq=False)
class Band:
    """Median and central intervals of draws, each (P,) over periods, or (1,) for one number; NaN where not observed."""

    median: Floats
    intervals: Mapping[int, tuple[Floats, Floats]]

    @classmethod
    def of(cls, draws: Floats) -> Band:
        """From draws (n, P) or (n,)."""
        draws = draws.reshape(len(draws), -1)
        cuts = [q for level in LEVELS for q in ((100 - level) / 200, (100 + level) / 200)]
        median, *ends = np.quantile(draws, [0.5, *cuts], axis=0)
        return cls(median, {level: (ends[2 * i], ends[2 * i + 1]) for i, level in enumerate(LEVELS)})


@dataclass(frozen=True, eq=False)
class EpisodeReport:
    """One episode on one series.

    ``ds`` (P,): period starts from the first in which it may have been felt to the last of the sample; ``actual`` (P,):
    observed, in the series' unit; ``path``: effect on the log; ``counterfactual``: the series without it, in its unit.
    ``average``: mean effect on the log over the ``window``; ``cumulated``: sum up to the window's end of actual less
    counterfactual, in the series' unit: ``anticipation`` (before the effective date) and ``after``. Only what was
    observed is summed: ``missing`` periods were not. None where the window is empty.
    """

    effect: EpisodeEffect
    ds: Days
    actual: Floats
    path: Band
    counterfactual: Band
    window: Days
    average: Band | None
    cumulated: Band | None
    anticipation: Band | None
    after: Band | None
    missing: int


def report(history: History, record: EffectRecord, episode_id: str) -> EpisodeReport:
    """Read one episode of a record against the observations. Raises ``NotFound`` for an episode the record lacks."""
    effect = next((e for e in record.effects if e.episode.episode_id == episode_id), None)
    if effect is None:
        raise NotFound("episode", episode_id, [e.episode.episode_id for e in record.effects])
    freq, last = record.freq, int(record.freq.ordinal(record.last))
    start = int(freq.ordinal(effect.episode.intervention.start))
    first = min(start - max(c.lead for c in effect.candidates), last)
    ordinals = np.arange(first, last + 1)
    ds = np.asarray(freq.start(ordinals))
    actual = _observed(history, ordinals)
    path = effect.draws(ds, freq)
    without = actual * np.exp(-path)
    window = effect.window(freq, record.last)
    before = ordinals < start
    inside = ordinals <= (int(freq.ordinal(window[-1])) if len(window) else first - 1)
    change = np.nan_to_num(actual - without)
    empty = not len(window)
    return EpisodeReport(
        effect=effect,
        ds=ds,
        actual=actual,
        path=Band.of(path),
        counterfactual=Band.of(without),
        window=window,
        average=None if empty else Band.of(effect.average(freq, record.last)),
        cumulated=None if empty else Band.of(change[:, inside].sum(axis=1)),
        anticipation=None if empty or not before.any() else Band.of(change[:, before].sum(axis=1)),
        after=None if empty else Band.of(change[:, inside & ~before].sum(axis=1)),
        missing=int(np.isnan(actual[inside]).sum()),
    )


def _observed(history: History, ordinals: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    """Values that a model may use in these periods, NaN elsewhere."""
    at = np.asarray(history.series.calendar.ordinal(history.ds))
    values = dict(zip(at.tolist(), np.where(history.used, history.y, np.nan).tolist(), strict=True))
    return np.array([values.get(int(k), np.nan) for k in ordinals])
