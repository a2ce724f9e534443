"""A sample: the logs of a series on an unbroken calendar, as a model is fitted to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Floats, History


@dataclass(frozen=True, eq=False)
class Sample:
    """Logs ``x`` (T,) of a series on an unbroken calendar of period starts ``ds`` (T,), NaN where missing.

    The last period is known: a forecast starts from it. ``zeros``: rows that reported 0, which has no log: missing to a
    model of how much is traded, and anything below ``limit``, the log of the series' resolution, to one of effects.
    """

    ds: Days
    x: Floats
    freq: Freq
    is_price: bool
    zeros: tuple[int, ...] = ()
    limit: float = -np.inf

    @classmethod
    def of(cls, history: History) -> Sample:
        """The logs of a history, ended with its last usable observation."""
        history = history.until(history.last)
        zeros = tuple(np.flatnonzero(history.used & (history.y <= 0)).tolist())
        limit = float(np.log(history.resolution)) if zeros else -np.inf
        return cls(history.ds, history.x, history.series.calendar, history.series.is_price, zeros, limit)

    def __len__(self) -> int:
        return len(self.x)

    def less(self, path: Floats) -> Sample:
        """The sample without an effect: ``path`` (T,) is taken off."""
        return replace(self, x=self.x - path)

    @property
    def values(self) -> Floats:
        """(T,) in the series' unit, 0 where it reported 0, NaN where missing."""
        return np.where(self.trade == 0, 0.0, np.exp(self.x))

    @property
    def trade(self) -> Floats:
        """(T,) 1 in the periods that had trade, 0 in those that reported none, NaN where nothing is known."""
        trade = np.where(np.isfinite(self.x), 1.0, np.nan)
        trade[list(self.zeros)] = 0.0
        return trade

    @property
    def sizes(self) -> Sample:
        """What was traded where there was trade, ended with the last trade; of length 0 where there was none."""
        stop = int(np.flatnonzero(np.isfinite(self.x))[-1]) + 1 if np.isfinite(self.x).any() else 0
        return replace(self, ds=self.ds[:stop], x=self.x[:stop], zeros=tuple(z for z in self.zeros if z < stop))

    def future(self, horizon: int) -> Days:
        """The period starts of the next ``horizon`` periods."""
        return self.freq.range(self.freq.shift(self.ds[-1], 1), horizon)


#: No innovation on the log is believed to be smaller than this: a constant history does not promise a constant future.
SIGMA_FLOOR = 1e-3
