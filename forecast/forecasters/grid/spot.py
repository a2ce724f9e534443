"""Forecasts anchored on the last daily or weekly price instead of the last monthly mean.

The mean of a month lies half a month behind its end. For a random walk observed by its means (Working, Econometrica
28, 1960), with the variance of a period's change as the unit, the mean h periods ahead is h - 2/3 away from the last
price, and h - .378 from what the means alone can say: the spread shrinks by the root of the ratio, .73 at h = 1. How
much better it really is, past anchors tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forecast.forecasters.calibration import Margins
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Floats, History

#: Weight of the theory, in outcomes.
_PRIOR = 24.0
#: Outcomes count as at most so many standard deviations.
_CLIP = 4.0
#: A price older than this at the end of a period is no anchor; days.
_STALE = 10


@dataclass(frozen=True, eq=False)
class Anchor:
    """``spot``: log of the last price; ``ratio`` (H,): sd of forecasts from it, relative to those from the mean."""

    spot: float
    ratio: Floats

    def move(self, margins: Margins) -> Margins:
        """Margins (H,) that start here; horizons beyond the ratio's use its last."""
        horizon = len(margins.mean)
        ratio = self.ratio[np.minimum(np.arange(horizon), len(self.ratio) - 1)]
        return replace(
            margins, mean=np.full(horizon, self.spot), sd=margins.sd * ratio, still=np.zeros_like(margins.still)
        )


def last_prices(companion: History, ds: Days, freq: Freq, lag: npt.NDArray[np.int64] | int = 0) -> Floats:
    """(T,) log of the companion's last value known ``lag`` days after the end of each period ``ds``.

    NaN where the last one is older than ten days.
    """
    known = companion.used & (companion.y > 0)
    ends, logs = companion.series.calendar.end(companion.ds[known]), np.log(companion.y[known])
    if not ends.size:
        return np.full(len(ds), np.nan)
    when = freq.end(ds) + np.asarray(lag).astype("timedelta64[D]")
    known_since = np.maximum.accumulate(companion.published(companion.ds)[known])
    place = np.searchsorted(known_since, when, side="right") - 1
    age = (when - ends[np.maximum(place, 0)]).astype(int)
    return np.where((place >= 0) & (age <= _STALE + lag), logs[np.maximum(place, 0)], np.nan)


def theory(horizon: int) -> Floats:
    """(H,) squared ratio for a random walk."""
    h = np.arange(1, horizon + 1)
    return np.asarray((h - 2 / 3) / (h - 1 + 0.622))


def earned(margins: Margins, spot: Floats, outcomes: Floats) -> Floats:
    """(T, H) ratio earned in each period: root mean square, over all series, of the outcomes known by then less the
    ``spot`` (N, T) of their origins, in sds of ``margins`` (N, T, H), with the theory as 24 of them.

    ``outcomes`` (N, T): logs, NaN where they may not be scored.
    """
    _, T, H = margins.mean.shape
    prior = theory(H)
    ratios = np.tile(np.sqrt(prior), (T, 1))
    for h in range(1, min(H, T - 1) + 1):
        z = (outcomes[:, h:] - spot[:, : T - h]) / margins.sd[:, : T - h, h - 1]
        bound = _CLIP**2 * prior[h - 1]
        total = np.cumsum(np.nansum(np.minimum(z**2, bound), axis=0))
        count = np.cumsum(np.isfinite(z).sum(axis=0))
        ratios[h:, h - 1] = np.sqrt((_PRIOR * prior[h - 1] + total) / (_PRIOR + count))
    return ratios


def anchored(margins: Margins, spot: Floats, ratio: Floats) -> Margins:
    """Margins (N, T, H) that start from ``spot`` (N, T) where there is one, with the ``ratio`` (T, H) of the period."""
    moved = np.isfinite(spot)[..., None] & np.isfinite(margins.mean)
    return replace(
        margins,
        mean=np.where(moved, spot[..., None], margins.mean),
        sd=np.where(moved, margins.sd * ratio, margins.sd),
        still=np.where(moved, 0.0, margins.still),
    )
