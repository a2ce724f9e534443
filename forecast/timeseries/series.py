"""A series: one thing to forecast; and its history: the observations of it on an unbroken calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forecast.errors import TooShort
from forecast.names import Measure, MeasureClass, Place, Slug
from forecast.timeseries.frequency import Days, Freq, parse_freq

Floats = npt.NDArray[np.float64]

#: No statistic of minerals is older, and an unbroken calendar from the year 1 on would be long.
FIRST_YEAR = 1700

#: What a series is, by its role, and what is done with it. What events did to evidence is learned from; no forecast is.
ROLES = {
    "target": ("a target", "is forecast"),
    "comparison": ("a comparison", "is used to estimate effects"),
    "evidence": ("evidence", "tells what events do"),
}
FLOWS = ("world", "import", "export")

#: What a flag says of an observation. ``used``: a model may fit it; ``scored``: a forecast may be judged by it.
FLAGS: dict[str, tuple[bool, bool]] = {
    "reported": (True, True),
    "annual_contract": (True, True),
    "derived": (True, True),
    "derived_approx": (True, True),
    "suspect_publisher": (True, False),
    "imputed": (False, False),
}


@dataclass(frozen=True)
class Series:
    """Mineral × measure × flow × place, with its unit and frequency.

    ``reporter`` and ``partner`` are ISO 3166 alpha-3 codes, ``EU``, or ``WLD``. ``release_lag_days``: days from the
    end of a period until its value is published. ``spot``: id of a daily or weekly companion of a price.
    ``parent``: id of the series that this one adds up to with its siblings. ``resolution``: the smallest amount that
    is reported, in the unit: a 0 means less than that (None: nobody said).
    """

    series_id: str
    mineral: Slug
    measure: Measure
    role: str
    flow: str
    reporter: Place
    partner: Place
    unit: str
    freq: str
    release_lag_days: int
    publisher: str = ""
    source_url: str = ""
    licence: str = ""
    notes: str = ""
    spot: str = ""
    parent: str = ""
    resolution: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "measure", Measure(self.measure))  # tables, cards and files hold its text

    @cached_property
    def calendar(self) -> Freq:
        return parse_freq(self.freq)

    @property
    def measure_class(self) -> MeasureClass:
        """Prices, price indices among them, or flows: volumes and values."""
        return self.measure.measure_class

    @property
    def is_price(self) -> bool:
        """Whether it is of the class of prices."""
        return self.measure_class is MeasureClass.PRICES

    @property
    def is_target(self) -> bool:
        return self.role == "target"

    @property
    def is_evidence(self) -> bool:
        return self.role == "evidence"

    @property
    def tells_events_only(self) -> bool:
        """Whether it has runs that forecast nothing, and only tell what events did."""
        return self.is_trained and not self.is_target

    @property
    def is_trained(self) -> bool:
        """Whether it has runs: those of a target forecast, those of evidence only tell what events did.

        An index of evidence, such as the duty that was paid, is none that an event could affect like prices or trade.
        """
        return self.is_target or (self.is_evidence and self.measure is not Measure.INDEX)

    @property
    def what(self) -> str:
        """What it is, by its role, in words."""
        return ROLES[self.role][0]

    @property
    def refusal(self) -> str:
        """What would have been right where what is no target was to be forecast."""
        return f"a target; this is {self.what}, never a forecast"

    def overdue(self, last: np.datetime64, day: dt.date) -> int:
        """Days since the value after that of the period ``last`` should usually have been there, 0 before that day."""
        following: dt.date = self.calendar.end(self.calendar.shift(last, 1)).item()
        return max((day - following).days - self.release_lag_days, 0)

    def due(self, starts: Days) -> Days:
        """The day on which the value of each of these periods is usually published."""
        return np.asarray(self.calendar.end(starts) + np.timedelta64(self.release_lag_days, "D"))


#: What gives the numbers of a series their meaning: it cannot change once there are some.
IMMUTABLE_FIELDS = ("measure", "unit", "freq")


def changed_meaning(before: Series, after: Series) -> dict[str, str]:
    """What would have been right for each fact of ``after`` that would give the values of ``before`` another meaning.

    The rest may be put right: what it is of and where it flows say which events touch it, ``role`` whether it is
    forecast, ``release_lag_days`` when its next value is due.
    """
    way_out = f"take it in under a new id, and retire this one (orecast series retire {before.series_id})"
    return {
        name: f"{getattr(before, name)}, as the values that {before.series_id} has; for another {name} {way_out}"
        for name in IMMUTABLE_FIELDS
        if getattr(before, name) != getattr(after, name)
    }


def wrong_spot(one: Series, series: Mapping[str, Series]) -> str:
    """Why a series cannot use the one that it names as its spot, as what would have been right; empty if it can."""
    return "a target or a comparison: no forecast learns from evidence" if series[one.spot].is_evidence else ""


@dataclass(frozen=True, eq=False)
class History:
    """The observations of one series, one row a period, none left out; length T, oldest first.

    ``ds``: period starts; ``y``: values in the series' unit, NaN where nothing was published;
    ``flag``: a word of ``FLAGS``, empty where nothing was published; ``out``: the day by whose end one could look back
    from the period: since when its value is known, but not before its end, nor later than it is usually published
    (None: as usual).
    """

    series: Series
    ds: Days
    y: Floats
    flag: npt.NDArray[np.str_]
    out: Days | None = None

    def __len__(self) -> int:
        return len(self.ds)

    @cached_property
    def used(self) -> npt.NDArray[np.bool_]:
        """Periods that a model may be fitted to: published, and no half of a split sum."""
        return self._published(0)

    @cached_property
    def scored(self) -> npt.NDArray[np.bool_]:
        """Periods that a forecast may be scored on."""
        return self._published(1)

    def _published(self, column: int) -> npt.NDArray[np.bool_]:
        allowed = np.array([FLAGS[word][column] if word else False for word in self.flag], dtype=bool)
        return np.asarray(np.isfinite(self.y) & allowed & ~self.no_price)

    @cached_property
    def no_price(self) -> npt.NDArray[np.bool_]:
        """Periods in which a price reports 0: they count as missing."""
        return np.asarray((self.y <= 0) & (self.series.measure is Measure.PRICE))

    @cached_property
    def x(self) -> Floats:
        """The log of what a model may see; NaN elsewhere, and where the series reported 0, which has none."""
        return np.log(np.where(self.used & (self.y > 0), self.y, np.nan))

    @cached_property
    def resolution(self) -> float:
        """The smallest amount that the series can report, in its unit: what the series says, and where it does not,
        half of the last digit published. A 0 means less than that."""
        if self.series.resolution is not None:
            return self.series.resolution
        y = self.y[self.used & (self.y > 0)]
        if not y.size:
            return 0.5
        for digits in range(-6, 9):
            if np.allclose(y, np.round(y, digits), rtol=1e-9, atol=0.0):
                return float(0.5 * 10.0**-digits)
        return 0.5e-9

    @property
    def last(self) -> np.datetime64:
        """Start of the last period that a model may anchor on (``used``). Raises ``TooShort`` where there is none."""
        rows = np.flatnonzero(self.used)
        if not rows.size:
            raise TooShort(f"{self.series.series_id} has no value that a model may use")
        return np.datetime64(self.ds[rows[-1]], "D")

    def until(self, last: np.datetime64) -> History:
        """The same history, ended with the period that starts on ``last``."""
        keep = self.ds <= last
        out = None if self.out is None else self.out[keep]
        return replace(self, ds=self.ds[keep], y=self.y[keep], flag=self.flag[keep], out=out)

    def published(self, starts: Days) -> Days:
        """The day by whose end the value of each of these periods was out; as usual where nothing tells."""
        due = self.series.due(starts)
        if self.out is None or not len(self.ds):
            return due
        at = np.minimum(np.searchsorted(self.ds, starts), len(self.ds) - 1)
        return np.where(self.ds[at] == starts, self.out[at], due)
