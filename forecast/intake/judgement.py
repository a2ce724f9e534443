"""Judgement of the values of one series: which count, and which are held and why.

A value passes that is possible (``levels``). One that is not is held as a unit slip where it would be possible in
another unit and no policy does that; else, for its size alone, unless an event that touches the series began shortly
before, the next value says the same, or another source does. So a ban and a jump that stays come through at once or as
soon as they are confirmed, and a thousandfold does not, however often it is said.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from forecast.catalog import Observation
from forecast.catalog.quarantine import Held, Reason, same_value
from forecast.events import Event, KindFamily
from forecast.events.exposure import Minerals, exposure
from forecast.intake.formal import checked, period_starts
from forecast.intake.levels import ENOUGH, LIMITS, Forecasts, Line, Range
from forecast.intake.units import FACTORS, RATE_FACTORS, slip
from forecast.names import Measure
from forecast.timeseries.frequency import Days, Ordinals
from forecast.timeseries.series import Floats, Series

#: For so many periods after it begins, an event explains that values are unusual.
EXPLAINS = 12
#: Families of events that can end a trade altogether, and how squarely one has to hit it for that.
STOPPING, SQUARELY = (KindFamily.SUPPLY, KindFamily.SHOCK), 0.5
#: Of a history with fewer values nobody can say which is the slip.
FEWEST = 4
#: So many times what was to be expected an event explains at once (antimony rose sixfold in 2024); of what is left of a
#: trade that one stopped, a part in so many. What is further off has to be confirmed.
MOST, LEAST_LEFT = 8.0, 100.0
#: A price that is so many times off is a slip whatever happened; so is a flow that is off by so large a unit, unless it
#: is what is left of a trade that was stopped.
NO_PRICE, NO_FLOW = 30.0, 300.0


@dataclass(frozen=True, eq=False)
class Onsets:
    """Periods (ordinals) in which events that touch a series began; ``stops``: those of events that can end trade."""

    began: Ordinals = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    stops: Ordinals = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def explain(self, ordinal: int, *, stop: bool = False) -> bool:
        """Whether one began in the period or shortly before."""
        since = ordinal - (self.stops if stop else self.began)
        return bool(np.any((since >= 0) & (since <= EXPLAINS)))


@dataclass(frozen=True, eq=False)
class Background:
    """What the values of a series are judged by: the periods that have one, ``ds`` and ``y`` (n,), the forecast that
    serves, the events that touch it, what is ``held`` of it, on ``today``."""

    series: Series
    today: dt.date
    ds: Days
    y: Floats
    forecasts: Forecasts | None = None
    onsets: Onsets = field(default_factory=Onsets)
    held: tuple[Held, ...] = ()


@dataclass(frozen=True)
class Judged:
    """Values that count, what was held until now and is confirmed by them included, and those that are held."""

    passed: tuple[Observation, ...]
    held: tuple[Held, ...]


def judge(background: Background, observations: Sequence[Observation]) -> Judged:
    """Judge all that one delivery brings of a series. Raises ``InvalidInput`` for what is no value of a series."""
    sized, held = checked(background.series, observations, background.today)
    if not sized or undisputed(background, period_starts(sized), np.array([one.value for one in sized])):
        return Judged(tuple(sized), tuple(held))
    passed, unusual = _Sizes(background, [_unsigned(one) for one in sized]).judged()
    return Judged(tuple(passed), (*held, *unusual))


def _unsigned(one: Observation) -> Observation:
    """A negative zero is a zero."""
    return replace(one, value=0.0) if one.value == 0 else one


def undisputed(background: Background, ds: Days, y: Floats) -> bool:
    """Whether values of the periods that start on ``ds``, in the order in which they became known, hold together with
    what is known and with each other, and none is zero or waited for: most do."""
    if background.held or (y <= 0).any() or (background.y <= 0).any():
        return False
    freq, limits = background.series.calendar, LIMITS[background.series.measure_class]
    numbers = np.concatenate([freq.ordinal(background.ds), freq.ordinal(ds)])
    x = np.log(np.concatenate([background.y, y]))
    periods, which = np.unique(numbers, return_inverse=True)
    last = np.zeros(len(periods), dtype=np.intp)
    last[which] = np.arange(len(x))  # of several values of a period the last one stands
    line = Line(freq, limits, periods, x[last], np.isin(periods, numbers[: len(background.ds)]))
    runs = line.segments()
    if len(runs) > 1 and not all(line.trusted[run].any() for run in runs):
        return False
    return bool((np.abs(x - x[last][which]) <= line.pad()).all())


class _Sizes:
    """The sizes of a delivery beside all that is known: which are possible, and what explains those that are not."""

    def __init__(self, background: Background, observations: Sequence[Observation]) -> None:
        self._at = background
        self._series, self._freq = background.series, background.series.calendar
        self._limits = LIMITS[self._series.measure_class]
        # A policy multiplies a rate of duty at will, and keeps it there.
        self._is_rate = self._series.measure is Measure.INDEX and self._series.unit in ("percent", "%")
        self._factors = RATE_FACTORS if self._is_rate else tuple(FACTORS)
        self._known = dict(zip(self._freq.ordinal(background.ds).tolist(), background.y.tolist(), strict=True))
        # Of several vintages of a period the last is the one that is to count; earlier ones go with it or not.
        self._new: dict[int, list[Observation]] = {}
        order = sorted(observations, key=lambda one: (one.ds, one.known))
        days = np.array([one.ds for one in order], dtype="datetime64[D]")
        for number, one in zip(self._freq.ordinal(days).tolist(), order, strict=True):
            self._new.setdefault(number, []).append(one)
        self._waiting: dict[int, list[Held]] = {}
        for held in background.held:
            if held.reason is Reason.SIZE:
                self._waiting.setdefault(int(self._freq.ordinal(held.observation.ds)), []).append(held)
        self._passed: list[Observation] = []
        self._held: list[Held] = []

    def judged(self) -> tuple[list[Observation], list[Held]]:
        self._line = self._whole_line()
        none = sum(self._last(number) == 0 for number in self._new.keys() | self._waiting.keys())
        self._zeros = none > 1 or any(y == 0 for y in self._known.values())
        revised = self._judge_revisions()
        if revised:
            self._known |= revised
            self._line = self._whole_line()
        self._judge_runs()
        for number in sorted((self._new.keys() | self._waiting.keys()) - self._known.keys()):
            if self._last(number) == 0:
                self._judge_zero(number)
        return self._passed, self._held

    # -- the line ----------------------------------------------------------------------------------------------------

    def _last(self, number: int) -> float | None:
        """What was delivered last of a period, else what waits for it."""
        if number in self._new:
            return self._new[number][-1].value
        return self._waiting[number][-1].observation.value if number in self._waiting else None

    def _whole_line(self) -> Line:
        fresh = {
            number: self._last(number) for number in (self._new.keys() | self._waiting.keys()) - self._known.keys()
        }
        values = {**self._known, **{number: y for number, y in fresh.items() if y is not None}}
        numbers = np.array(sorted(number for number, y in values.items() if y > 0), dtype=np.int64)
        x = np.log([values[number] for number in numbers.tolist()])
        trusted = np.fromiter((number in self._known for number in numbers.tolist()), dtype=bool, count=len(numbers))
        return Line(self._freq, self._limits, numbers, x, trusted)

    def _judge_runs(self) -> None:
        """Judge values of new periods: in runs that hold together, outwards from the longest or from what is known."""
        line = self._line
        runs = line.segments()
        if not line.trusted.any() and runs:
            longest = max(runs, key=lambda run: run.stop - run.start)
            line.trusted[longest if len(line.x) >= FEWEST else slice(None)] = True
        anchored = [run for run in runs if line.trusted[run].any()]
        loose = [run for run in runs if not line.trusted[run].any()]
        for run in anchored:
            self._let_in(run)
        middle = anchored[0].start if anchored else 0
        after, before = ([r for r in loose if r.start >= middle], [r for r in loose if r.start < middle][::-1])
        for run in (*after, *before):
            self._judge_run(run)

    def _let_in(self, run: slice) -> None:
        for number in self._line.ordinals[run].tolist():
            if number not in self._known:
                self._let_in_period(number)
        self._line.trusted[run] = True

    def _let_in_period(self, number: int) -> None:
        """What was delivered of a period counts, and what waited for it and says the same."""
        *earlier, last = self._new.get(number) or [self._waiting[number][-1].observation]
        self._passed.append(last)
        for one in earlier:
            self._judge_beside(number, one, last.value)
        said = [one.value for one in (*earlier, last)]
        waiting = [held.observation for held in self._waiting.get(number, ())]
        self._passed += [one for one in waiting if one != last and any(same_value(one.value, y) for y in said)]

    def _judge_run(self, run: slice) -> None:
        """Judge a run that does not hold together with what is trusted."""
        line = self._line
        ordinals, logs = line.ordinals[run], line.x[run]
        # A run holds together: its ends and extremes tell of the rest.
        telling = sorted({0, len(logs) - 1, int(logs.argmin()), int(logs.argmax())})
        found = {k: self._range(int(ordinals[k])) for k in telling}
        if all(held.holds(float(logs[k]), pad) for k, (held, pad) in found.items()):
            self._let_in(run)
            return
        off = max(telling, key=lambda k: abs(logs[k] - found[k][0].expected))
        number, x, expected = int(ordinals[off]), float(logs[off]), found[off][0].expected
        confirmed = len(logs) > 1 or self._said_by_two(number)
        if self._is_remainder(number, x - expected):
            why, fine = None, confirmed or x - expected > -math.log(LEAST_LEFT)
        else:
            why = self._slip(found[off][0], x)
            explained = abs(x - expected) <= math.log(MOST) and self._at.onsets.explain(number)
            fine = why is None and (confirmed or explained or self._says_little(number))
        if fine:
            self._let_in(run)
            return
        for one in ordinals.tolist():
            like = "" if one == number else f"like {self._freq.start(number)}: "
            self._hold(one, Reason.SLIP if why else Reason.SIZE, why and like + why)

    # -- what is possible --------------------------------------------------------------------------------------------

    def _range(self, number: int) -> tuple[Range, float]:
        """What is possible in a period, and how far beyond it a value may lie."""
        around, forecasts = self._line.around(number), self._at.forecasts
        k = None if forecasts is None else forecasts.at(number)
        if forecasts is None or k is None:
            assert around is not None, "where nothing is forecast the longest run is trusted, or nothing is judged"
            return around[0], self._line.pad(around[1])
        low, high, median = (float(values[k]) for values in (forecasts.low, forecasts.high, forecasts.median))
        pad = (high - low) / 4
        if around is None:
            return Range(low, high, median), pad
        wide = self._line.pad(around[1])
        # Either may say that a value is possible: a forecast is as old as its run.
        return Range(min(low - pad, around[0].low - wide), max(high + pad, around[0].high + wide), median), 0.0

    def _slip(self, found: Range, x: float) -> str | None:
        """What a value that is not possible looks like, where no policy does that."""
        off = x - found.expected
        near = max(self._limits.slip * self._line.usual, 0.1)
        looks = slip(x, found.expected, lambda put_right: found.holds(put_right, 0.0), self._factors)
        close = slip(x, found.expected, lambda put_right: abs(put_right - found.expected) <= near, self._factors)
        likely = close or (looks if looks and looks.factor > NO_FLOW else None)
        policy = min(max(self._limits.policy * self._line.usual, math.log(5)), math.log(NO_FLOW))
        if likely and abs(likely.log) > policy:
            return self._sentence(x, found.expected, likely.in_words())
        if self._series.is_price and not self._is_rate and abs(off) > math.log(NO_PRICE):
            times = f"{math.exp(abs(off)):,.3g} times {'more' if off > 0 else 'less'}"
            return self._sentence(x, found.expected, f"it is {times}, which no event does to a price")
        return None

    def _sentence(self, x: float, expected: float, why: str) -> str:
        return f"{amount(math.exp(x))} where about {amount(math.exp(expected), 3)} was to be expected: {why}"

    def _says_little(self, number: int) -> bool:
        """Whether too few values and no forecast tell which sizes are usual."""
        forecasts = self._at.forecasts
        return len(self._line.x) < ENOUGH and (forecasts is None or forecasts.at(number) is None)

    def _is_remainder(self, number: int, off: float) -> bool:
        """Whether a value may be what is left of a trade that an event stopped."""
        return not self._series.is_price and off < 0 and self._at.onsets.explain(number, stop=True)

    def _explained(self, number: int) -> bool:
        """Whether an event or another source explains an unusual size."""
        return self._at.onsets.explain(number) or self._said_by_two(number)

    def _said_by_two(self, number: int) -> bool:
        """Whether two sources say the same of a period."""
        said = [(one.source, one.value) for one in self._new.get(number, ())]
        said += [(held.source, held.observation.value) for held in self._waiting.get(number, ())]
        return any(a and b and a != b and same_value(y, z) for i, (a, y) in enumerate(said) for b, z in said[i + 1 :])

    # -- zeros and revisions -----------------------------------------------------------------------------------------

    def _judge_zero(self, number: int) -> None:
        """A period without trade: usual where there are more, where it is forecast, or where trade was stopped."""
        forecasts = self._at.forecasts
        k = None if forecasts is None else forecasts.at(number)
        others = (y == 0 for n in (number - 1, number + 1) if (y := self._known.get(n, self._last(n))) is not None)
        if (
            self._zeros
            or (forecasts is not None and k is not None and bool(forecasts.zero[k]))
            or any(others)
            or self._at.onsets.explain(number, stop=True)
            or self._said_by_two(number)
            or self._says_little(number)
        ):
            self._let_in_period(number)
        else:
            self._hold(number, Reason.SIZE, None)

    def _judge_revisions(self) -> dict[int, float]:
        """Judge values of known periods by those that they revise; which values count now."""
        revised = {}
        for number in sorted(self._new.keys() & self._known.keys()):
            for one in self._new[number]:
                if self._judge_beside(number, one, self._known[number]):
                    revised[number] = one.value
        return revised

    def _judge_beside(self, number: int, one: Observation, was: float) -> bool:
        """Judge a value of a period by another one: slips of a unit, and changes that nothing explains. Whether it
        passes."""
        why = None
        if one.value == was or self._revises(number, one.value, was):
            self._passed.append(one)
            return True
        if one.value > 0 and was > 0:
            why = self._slip(Range(*[math.log(was)] * 3), math.log(one.value))
        if why is None and (self._explained(number) or self._says_little(number) or self._goes_on(number, one.value)):
            self._passed.append(one)
            return True
        moved = f"{amount(one.value)} for {amount(was)}, which is further than the series moves"
        self._held.append(Held(one, Reason.SLIP if why else Reason.SIZE, why or moved, one.source))
        return False

    def _revises(self, number: int, value: float, was: float) -> bool:
        """Whether a value is near the one that it revises, or fits what is around it where that one does not."""
        if value > 0 and was > 0 and abs(math.log(value / was)) <= self._line.pad():
            return True
        if value == 0 or was == 0:
            return self._zeros
        return self._possible_without(number, value) and not self._possible_without(number, was)

    def _goes_on(self, number: int, value: float) -> bool:
        """Whether the next period, as it is delivered or known, bears a value out."""
        after = self._new[number + 1][-1].value if number + 1 in self._new else self._known.get(number + 1, 0.0)
        return value > 0 and after > 0 and abs(math.log(value / after)) <= self._line.pad()

    def _possible_without(self, number: int, value: float) -> bool:
        """Whether a value is possible by the others."""
        line = self._line
        mine = line.ordinals == number
        others = Line(line.freq, line.limits, line.ordinals, line.x, line.trusted & ~mine)
        around = others.around(number)
        return around is None or around[0].holds(math.log(value), line.pad(around[1]))

    def _hold(self, number: int, reason: Reason, why: str | None) -> None:
        for one in self._new.get(number, ()):
            self._held.append(Held(one, reason, why or self._unusual(number, one.value), one.source))

    def _unusual(self, number: int, value: float) -> str:
        found, pad = self._range(number)
        low, high = math.exp(found.low - pad), math.exp(found.high + pad)
        possible = f"{amount(low, 3)} to {amount(high, 3)}"
        text = f"{amount(value)} is outside what was thought possible, {possible}"
        if value > 0:
            off = math.log(value)
            looks = slip(off, found.expected, lambda put_right: found.holds(put_right, 0.0), self._factors)
            if looks:
                return f"{text}, and {looks.in_words()}"
        return f"{text}, which the next value or another source may confirm"


def amount(value: float, digits: int = 6) -> str:
    """A value with so many significant digits: ``13,547,000``."""
    return f"{float(f'{value:.{digits}g}'):,.15g}"


def onsets(events: Iterable[Event], series: Series, minerals: Minerals) -> Onsets:
    """When those of the events began that touch a series: became known, and took effect. Only what hits one mineral
    squarely can end its trade."""
    began, stops = [], []
    for event in events:
        strength = exposure(event, series, minerals)
        if strength > 0:
            days = [event.known_from, event.takes_effect]
            began += days
            one_mineral = bool(series.mineral) and not minerals.is_basket(series.mineral)
            stops += days if one_mineral and strength >= SQUARELY and event.family in STOPPING else []
    return Onsets(_begun(series, began), _begun(series, stops))


def _begun(series: Series, days: Sequence[dt.date]) -> Ordinals:
    return np.asarray(series.calendar.begun(np.array(days, dtype="datetime64[D]")), dtype=np.int64)
