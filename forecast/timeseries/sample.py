"""A sample: what a model sees of a series, logs on an unbroken calendar."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Floats, History


@dataclass(frozen=True, eq=False)
class Sample:
    """What a model sees: logs ``x`` (T,) on an unbroken calendar of period starts ``ds`` (T,), NaN where missing.

    The last value is present: a forecast starts from it. ``zeros``: rows that reported 0, whose true log is anything
    below ``limit``, the log of the series' resolution.
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

    def future(self, horizon: int) -> Days:
        """The period starts of the next ``horizon`` periods."""
        return self.freq.range(self.freq.shift(self.ds[-1], 1), horizon)


#: No innovation on the log is believed to be smaller than this: a constant history does not promise a constant future.
SIGMA_FLOOR = 1e-3
