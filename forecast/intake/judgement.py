"""Judgement of the values of one series: which count, and which are held and why.

A value passes that is possible (``levels``). One that is not is held as a unit slip where it would be possible in
another unit and no policy does that; else, for its size alone, unless an event that touches the series began shortly
before, the next value says the same, or another source does. So a ban and a jump that stays come through at once or as
soon as they are confirmed, and a thousandfold does not, however often it is said.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from forecast.catalog import Observation
from forecast.catalog.quarantine import Held, Reason, same_value
from forecast.errors import Fault, InvalidInput
from forecast.events import Event, KindFamily
from forecast.events.exposure import Minerals, exposure
from forecast.intake.levels import LIMITS, Forecasts, Line, Range
from forecast.intake.units import slip
from forecast.names import Measure
from forecast.timeseries.frequency import Days, Ordinals
from forecast.timeseries.series import FIRST_YEAR, Floats, Series

#: A value of an earlier year is held: hardly any statistic of minerals is older.
USUAL_YEAR = 1900
#: For so many periods after it begins, an event explains that values are unusual.
EXPLAINS = 12
#: Families of events that can end a trade altogether, and how squarely one has to hit it for that.
STOPPING, SQUARELY = (KindFamily.SUPPLY, KindFamily.SHOCK), 0.5
#: A price that is so many times what was to be expected, or less than one such part, is a slip whatever happened; so is
#: a flow that is off by a unit of at least ``NO_FLOW``, unless it is what is left of a trade that was stopped, of which
#: less than a part in ``LEAST_LEFT`` has to be confirmed.
NO_PRICE, NO_FLOW, LEAST_LEFT = 30.0, 300.0, 100.0


@dataclass(frozen=True, eq=False)
class Shocks:
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
    shocks: Shocks = field(default_factory=Shocks)
    held: tuple[Held, ...] = ()


@dataclass(frozen=True)
class Judged:
    """Values that count, what was held until now and is confirmed by them included, and those that are held."""

    passed: tuple[Observation, ...]
    held: tuple[Held, ...]


def judge(background: Background, observations: Sequence[Observation]) -> Judged:
    """Judge all that one delivery brings of a series.

    Raises ``InvalidInput`` for what is no value of a series: a year before ``FIRST_YEAR``, a price of 0, a number that
    is negative or none.
    """
    series = background.series
    if faults := [fault for one in observations for fault in _faults(one, series)]:
        raise InvalidInput(faults)
    held: list[Held] = []
    sized: list[Observation] = []
    over = _OverBy(series, background.today)
    for one in observations:
        if reason := _formal(one, series, over):
            held.append(Held(one, *reason, one.source))
        else:
            sized.append(replace(one, value=0.0) if one.value == 0 else one)
    passed, unusual = _Sizes(background, sized).judged() if sized else ([], [])
    return Judged(tuple(passed), (*held, *unusual))


def _faults(one: Observation, series: Series) -> Iterator[Fault]:
    where = f"{one.series_id} {one.ds}"
    if one.ds.year < FIRST_YEAR:
        yield Fault(
            f"{one.series_id} ds", str(one.ds), f"a period from {FIRST_YEAR} on, since when there are statistics"
        )
    if not math.isfinite(one.value) or one.value < 0:
        yield Fault(where, one.value, "a number, zero or more")
    elif one.value == 0 and series.measure is Measure.PRICE:
        yield Fault(where, one.value, "more than 0, as a price is; leave out a period without a price")


class _OverBy:
    """Whether periods are over: each is worked out once."""

    def __init__(self, series: Series, today: dt.date) -> None:
        self._freq, self._today = series.calendar, today
        first_open = self._freq.ordinal(today)
        self._first: dt.date = self._freq.start(int(first_open)).item()
        self._last: dt.date = self._freq.end(self._first).item()

    def open_until(self, ds: dt.date) -> dt.date | None:
        """The last day of a period that is not over; a period that is a day is never waited for."""
        if self._freq.unit in "DB" or ds < self._first or self._last <= self._today:
            return None
        return self._last


def _formal(one: Observation, series: Series, over: _OverBy) -> tuple[Reason, str] | None:
    """Why a value is held whatever its size."""
    if one.ds.year < USUAL_YEAR:
        return Reason.YEAR, f"{one.ds.year} is before {USUAL_YEAR}: a year with a wrong digit?"
    if (end := over.open_until(one.ds)) is not None:
        return Reason.EARLY, f"the period is not over before {end}; deliver it again then"
    if one.unit and _plain(one.unit) != _plain(series.unit):
        return Reason.UNIT, f"its row says {one.unit}, and the series is in {series.unit}"
    return None


def _plain(unit: str) -> str:
    return "".join(unit.split()).casefold()


class _Sizes:
    """The sizes of a delivery beside all that is known: which are possible, and what explains those that are not."""

    def __init__(self, background: Background, observations: Sequence[Observation]) -> None:
        self._at = background
        self._series, self._freq = background.series, background.series.calendar
        self._limits = LIMITS[self._series.measure_class]
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
        self._judge_runs()
        for number in sorted(self._new.keys() | self._waiting.keys()):
            if number in self._known:
                self._judge_revisions(number)
            elif self._last(number) == 0:
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
        if not line.trusted.any() and self._at.forecasts is None and runs:
            longest = max(runs, key=lambda run: run.stop - run.start)
            line.trusted[longest if len(line.x) > 2 else slice(None)] = True
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
        new = self._new.get(number, [])
        self._passed += new
        said = [one.value for one in new] or [self._waiting[number][-1].observation.value]
        waiting = [held.observation for held in self._waiting.get(number, ())]
        self._passed += [one for one in waiting if any(same_value(one.value, y) for y in said)]

    def _judge_run(self, run: slice) -> None:
        """Judge a run that does not hold together with what is trusted."""
        line = self._line
        numbers, x = line.ordinals[run].tolist(), line.x[run].tolist()
        if all(self._possible(number, value) for number, value in zip(numbers, x, strict=True)):
            self._let_in(run)
            return
        off = max(range(len(x)), key=lambda k: abs(x[k] - self._range(numbers[k])[0].expected))
        found, _ = self._range(numbers[off])
        confirmed = len(numbers) > 1 or self._said_by_two(numbers[0])
        if self._is_remainder(numbers[off], x[off] - found.expected):
            why, fine = None, confirmed or x[off] - found.expected > -math.log(LEAST_LEFT)
        else:
            why = self._slip(found, x[off])
            fine = why is None and (confirmed or self._at.shocks.explain(numbers[0]))
        if fine:
            self._let_in(run)
            return
        for number in numbers:
            self._hold(number, Reason.SLIP if why else Reason.SIZE, why)

    # -- what is possible --------------------------------------------------------------------------------------------

    def _range(self, number: int) -> tuple[Range, float]:
        """What is possible in a period, and how far beyond it a value may lie."""
        around, forecasts = self._line.around(number), self._at.forecasts
        k = None if forecasts is None else forecasts.at(number)
        if forecasts is None or k is None:
            assert around is not None, "without a forecast the longest run is trusted"
            return around[0], self._line.pad(around[1])
        low, high, median = (float(values[k]) for values in (forecasts.low, forecasts.high, forecasts.median))
        pad = (high - low) / 4
        if around is None:
            return Range(low, high, median), pad
        wide = self._line.pad(around[1])
        # Either may say that a value is possible: a forecast is as old as its run.
        return Range(min(low - pad, around[0].low - wide), max(high + pad, around[0].high + wide), median), 0.0

    def _possible(self, number: int, x: float) -> bool:
        found, pad = self._range(number)
        return found.holds(x, pad)

    def _slip(self, found: Range, x: float) -> str | None:
        """What a value that is not possible looks like, where no policy does that."""
        off = x - found.expected
        near = max(self._limits.slip * self._line.usual, 0.1)
        looks = slip(x, found.expected, lambda put_right: found.holds(put_right, 0.0))
        close = slip(x, found.expected, lambda put_right: abs(put_right - found.expected) <= near)
        likely = close or (looks if looks and looks.factor > NO_PRICE else None)
        policy = min(max(self._limits.policy * self._line.usual, math.log(5)), math.log(NO_FLOW))
        if likely and abs(likely.log) > policy:
            return self._sentence(x, found.expected, likely.in_words())
        if self._series.is_price and abs(off) > math.log(NO_PRICE):
            times = f"{math.exp(abs(off)):,.3g} times {'more' if off > 0 else 'less'} than was to be expected"
            return self._sentence(x, found.expected, f"{times}, which no event does to a price")
        return None

    def _sentence(self, x: float, expected: float, why: str) -> str:
        return f"{math.exp(x):,.6g} where about {math.exp(expected):,.3g} was to be expected is {why}"

    def _is_remainder(self, number: int, off: float) -> bool:
        """Whether a value may be what is left of a trade that an event stopped."""
        return not self._series.is_price and off < 0 and self._at.shocks.explain(number, stop=True)

    def _explained(self, number: int) -> bool:
        """Whether an event or another source explains an unusual size."""
        return self._at.shocks.explain(number) or self._said_by_two(number)

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
            or self._explained(number)
            or not self._line.trusted.any()
        ):
            self._let_in_period(number)
        else:
            self._hold(number, Reason.SIZE, None)

    def _judge_revisions(self, number: int) -> None:
        """Judge what revises a known value by that value: slips of a unit, and changes that nothing explains."""
        for one in self._new.get(number, ()):
            was = self._known[number]
            if one.value == was or self._revises(number, one.value, was):
                self._passed.append(one)
                continue
            why = None
            if one.value > 0 and was > 0:
                why = self._slip(Range(*[math.log(was)] * 3), math.log(one.value))
            if why is None and self._explained(number):
                self._passed.append(one)
            else:
                moved = f"{one.value:,.6g} would revise {was:,.6g}, which is further than the series moves"
                self._held.append(Held(one, Reason.SLIP if why else Reason.SIZE, why or moved, one.source))

    def _revises(self, number: int, value: float, was: float) -> bool:
        """Whether a value is near the one that it revises, or fits what is around it where that one does not."""
        if value > 0 and was > 0 and abs(math.log(value / was)) <= self._line.pad():
            return True
        if value == 0 or was == 0:
            return self._zeros
        return self._possible_without(number, value) and not self._possible_without(number, was)

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
        text = f"{value:,.6g} is outside what was thought possible, {low:,.3g} to {high:,.3g}"
        if value > 0:
            off = math.log(value)
            looks = slip(off, found.expected, lambda put_right: found.holds(put_right, 0.0))
            if looks:
                return f"{text}; it is {looks.in_words()}"
        return f"{text}; the next value or another source may confirm it"


def shocks(events: Iterable[Event], series: Series, minerals: Minerals) -> Shocks:
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
    return Shocks(_begun(series, began), _begun(series, stops))


def _begun(series: Series, days: Sequence[dt.date]) -> Ordinals:
    return np.asarray(series.calendar.begun(np.array(days, dtype="datetime64[D]")), dtype=np.int64)
