"""A sample: what a model sees of a series, logs on an unbroken calendar."""

from __future__ import annotations

from dataclasses import dataclass

from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Floats, History


@dataclass(frozen=True, eq=False)
class Sample:
    """What a model sees: logs ``x`` (T,) on an unbroken calendar of period starts ``ds`` (T,), NaN where missing.

    The last value is present: a forecast starts from it.
    """

    ds: Days
    x: Floats
    freq: Freq
    is_price: bool

    @classmethod
    def of(cls, history: History) -> Sample:
        """The logs of a history, ended with its last usable observation."""
        history = history.until(history.last)
        return cls(history.ds, history.x, history.series.calendar, history.series.is_price)

    def __len__(self) -> int:
        return len(self.x)

    def less(self, path: Floats) -> Sample:
        """The sample without an effect: ``path`` (T,) is taken off."""
        return Sample(self.ds, self.x - path, self.freq, self.is_price)

    def future(self, horizon: int) -> Days:
        """The period starts of the next ``horizon`` periods."""
        return self.freq.range(self.freq.shift(self.ds[-1], 1), horizon)


#: No innovation on the log is believed to be smaller than this: a constant history does not promise a constant future.
SIGMA_FLOOR = 1e-3
