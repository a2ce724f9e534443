"""Interventions: how an event enters a model, a shape on dates with a lead, scaled by an intensity.

Every shape is a small frozen value that yields its column for any periods, past or future, from one definition;
nothing here knows of series, samples or models. Columns are dimensionless: 1 is the full effect, so that a
coefficient reads as the full effect on the log (compare statsmodels ``tsa.deterministic`` for the idea).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from forecast.errors import Fault, InvalidInput, MissingDesign
from forecast.timeseries.frequency import Days, Freq
from forecast.timeseries.series import Floats


class Shape(Protocol):
    """Response of the series ``k`` periods after the start (k = 0 in the period that contains the date)."""

    def response(self, k: Floats) -> Floats: ...


@dataclass(frozen=True)
class Pulse:
    """One period only."""

    def response(self, k: Floats) -> Floats:
        return np.where(k == 0, 1.0, 0.0)


@dataclass(frozen=True)
class Step:
    """From the start on, for good."""

    def response(self, k: Floats) -> Floats:
        return np.where(k >= 0, 1.0, 0.0)


@dataclass(frozen=True)
class Temporary:
    """For so many periods."""

    periods: int

    def response(self, k: Floats) -> Floats:
        return np.where((k >= 0) & (k < self.periods), 1.0, 0.0)


@dataclass(frozen=True)
class Ramp:
    """Grows evenly over so many periods, then stays."""

    periods: int

    def response(self, k: Floats) -> Floats:
        return np.clip((k + 1) / self.periods, 0.0, 1.0)


@dataclass(frozen=True)
class Decay:
    """Full at the start, then this share of the period before (0 < rate < 1)."""

    rate: float

    def response(self, k: Floats) -> Floats:
        return np.where(k >= 0, self.rate ** np.maximum(k, 0.0), 0.0)


@dataclass(frozen=True)
class Hump:
    """Grows evenly to its full size in the middle of so many periods, and shrinks as it grew."""

    periods: int

    def response(self, k: Floats) -> Floats:
        middle = (self.periods - 1) / 2
        return np.maximum(0.0, 1.0 - np.abs(k - middle) / (middle + 1))


@dataclass(frozen=True)
class Forestalled:
    """As much the other way in so many periods before the start, then full, and this share of the period before.

    Trade is brought forward to be ahead of a tariff and missing afterwards, or put off until it is lifted; with rate 1
    what comes after the start stays.
    """

    periods: int
    rate: float = 1.0

    def response(self, k: Floats) -> Floats:
        return np.where(k >= 0, self.rate ** np.maximum(k, 0.0), np.where(k >= -self.periods, -1.0, 0.0))


@dataclass(frozen=True)
class Licence:
    """Full for so many periods, until the first applications are decided; then the approved share comes back.

    A licence is a delay and a rate of approval, and no switch: trade recovers while the measure stays in force.
    What is approved is a share of the trade and not of its log, so that no column tells it but for a small effect, of
    which the share that is not approved stays; ``approved`` and ``returned`` tell it of any.
    """

    delay: int
    approval: float

    def response(self, k: Floats) -> Floats:
        return np.where(k >= self.delay, 1.0 - self.approval, np.where(k >= 0, 1.0, 0.0))

    def approved(self, k: Floats) -> Floats:
        """The share that is approved in period ``k``."""
        return np.where(k >= self.delay, self.approval, 0.0)

    def approved_ahead(self, k: Floats, before: float = 0.0) -> Floats:
        """The same in consecutive periods ``k`` after the last one seen, in which it was ``before``.

        What was to be granted by then is in the data, whatever it is.
        """
        return np.where((k >= self.delay) & (k[:1] <= self.delay), self.approval, before)


def returned(effect: Floats, approved: Floats | float) -> Floats:
    """What licences give back of an ``effect`` s on the log, if the share a of what it takes is approved.

    Of a level 1 the measure leaves e^s, and with licences 1 − (1 − a)(1 − e^s): log(1 − a + a e^−s) more on the log.
    """
    with np.errstate(divide="ignore"):  # log(0) where nothing is approved, or all
        kept, granted = np.log1p(-np.asarray(approved)), np.log(np.asarray(approved))
    return np.asarray(np.logaddexp(kept, granted - effect))


def at_full(shape: Shape) -> Shape:
    """A shape without what is granted under it: a licence bites at once, and stays."""
    return Step() if isinstance(shape, Licence) else shape


#: The longest that a shape may last, in periods: a century of days.
MAX_PERIODS = 36_525
#: The words for shapes; those with a number are written ``temporary-6``, ``hump-5``, ``ramp-3``, ``decay-0.8``,
#: ``forestalled-3`` or, if it wears off, ``forestalled-3-0.8``, and ``licence-3-0.6`` (60 % approved after 3 periods).
SHAPES = ("pulse", "step", "temporary", "hump", "ramp", "decay", "forestalled", "licence")
_SPANS: dict[str, type[Temporary] | type[Hump] | type[Ramp]] = {"temporary": Temporary, "hump": Hump, "ramp": Ramp}


def shape_word(shape: Shape) -> str:
    """A shape as people write it, read back by ``parse_shape``."""
    match shape:
        case Temporary(periods) | Hump(periods) | Ramp(periods):
            return f"{type(shape).__name__.lower()}-{periods}"
        case Decay(rate):
            return f"decay-{rate!r}"
        case Forestalled(periods, rate):
            return f"forestalled-{periods}" + (f"-{rate!r}" if rate < 1 else "")
        case Licence(delay, approval):
            return f"licence-{delay}-{approval!r}"
        case _:
            return type(shape).__name__.lower()


def parse_shape(text: str) -> Shape:
    """A shape as ``shape_word`` writes it. Raises ``InvalidInput``."""
    word, _, number = text.partition("-")
    try:
        if word in _SPANS and 1 <= int(number) <= MAX_PERIODS:
            return _SPANS[word](int(number))
        if word == "decay" and 0 < float(number) < 1:
            return Decay(float(number))
        if word == "forestalled":
            periods, _, rate = number.partition("-")
            if 1 <= int(periods) <= MAX_PERIODS and 0 < float(rate or 1) <= 1:
                return Forestalled(int(periods), float(rate or 1))
        if word == "licence":
            delay, _, approval = number.partition("-")
            if 1 <= int(delay) <= MAX_PERIODS and 0 <= float(approval) <= 1:
                return Licence(int(delay), float(approval))
    except ValueError:
        pass
    if text in ("pulse", "step"):
        return Pulse() if text == "pulse" else Step()
    expected = (
        "pulse, step, temporary-N, hump-N, ramp-N, forestalled-N (N periods), decay-R (0 < R < 1) or licence-N-A "
        "(0 <= A <= 1 approved)"
    )
    raise InvalidInput(Fault("shape", text, expected))


@dataclass(frozen=True)
class Intervention:
    """A shape that starts on a day and, if it has an end, stops acting after the period of its end.

    ``start``, ``end``: days (the effective dates of a measure); ``lead``: periods by which the effect comes early;
    ``intensity``: steps ``(day, level)`` in force from that day on, multiplied in as the day-weighted mean over
    each period; empty means 1 throughout.
    """

    shape: Shape
    start: np.datetime64
    end: np.datetime64 | None = None
    lead: int = 0
    intensity: tuple[tuple[np.datetime64, float], ...] = field(default=())

    @property
    def brought_forward(self) -> Shape:
        """Its shape, counted from ``lead`` periods before its start: licences are granted no earlier for it."""
        if isinstance(self.shape, Licence):
            return Licence(self.shape.delay + self.lead, self.shape.approval)
        return self.shape

    @property
    def reach(self) -> int:
        """Periods before its start in which it may be felt."""
        return self.lead + (self.shape.periods if isinstance(self.shape, Forestalled) else 0)

    def column(self, ds: Days, freq: Freq) -> Floats:
        """Value in each period of ``ds`` (period starts, any dates); shape (T,)."""
        first = int(freq.ordinal(self.start)) - self.lead
        ordinals = np.asarray(freq.ordinal(ds), dtype=np.int64)
        column = self.brought_forward.response((ordinals - first).astype(float))
        if self.end is not None:
            column = np.where(ordinals > int(freq.begun(self.end)), 0.0, column)
        if self.intensity:
            column = column * mean_intensity(self.intensity, ds, freq)
        return column


def mean_intensity(steps: Sequence[tuple[np.datetime64, float]], ds: Days, freq: Freq) -> Floats:
    """Day-weighted mean, over each period, of a level that holds from each step's day until the next.

    Before the first step the first level counts, so that an effect that comes early comes at full strength, and
    the period of the first step is not diluted by its days before the step.
    """
    levels = np.array([level for _, level in steps], dtype=float)
    changes = np.array([day for day, _ in steps[1:]], dtype="datetime64[D]")
    means = np.full(len(ds), levels[0])
    if changes.size == 0:
        return means
    starts = np.asarray(ds, dtype="datetime64[D]")
    lengths = (freq.end(starts) - starts).astype(int) + 1
    for change, difference in zip(changes, np.diff(levels), strict=True):
        days_after = np.clip((starts + lengths - change).astype(int), 0, lengths)
        means = means + difference * days_after / lengths
    return means


@dataclass(frozen=True, eq=False)
class Design:
    """Intervention columns on dates: ``ds`` (T,) period starts, ``names`` (K,) episode ids, ``X`` (T, K)."""

    ds: Days
    names: tuple[str, ...]
    X: Floats

    @classmethod
    def empty(cls, ds: Days) -> Design:
        return cls(ds, (), np.zeros((len(ds), 0)))

    def select(self, names: Sequence[str]) -> Design:
        """These columns in this order. Raises ``MissingDesign`` for one that is not here."""
        missing = [name for name in names if name not in self.names]
        if missing:
            raise MissingDesign(missing)
        return Design(self.ds, tuple(names), self.X[:, [self.names.index(name) for name in names]])


class HasIntervention(Protocol):
    """What ``design`` needs of an episode."""

    @property
    def episode_id(self) -> str: ...
    @property
    def intervention(self) -> Intervention: ...


def design(episodes: Sequence[HasIntervention], ds: Days, freq: Freq) -> Design:
    """One column an episode, from the same definition for the sample and for the future."""
    columns = [episode.intervention.column(ds, freq) for episode in episodes]
    X = np.column_stack(columns) if columns else np.zeros((len(ds), 0))
    return Design(ds, tuple(episode.episode_id for episode in episodes), X)
