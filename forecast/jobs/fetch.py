"""Fetch: ask public sources for what is new, and take it in through the gate.

A source is one piece of work: what it gives of one series is written in one transaction, what is wrong with one series
or with the source is told and takes nothing else with it. That an answer came is remembered only once all of it is
written, so that who is killed between fetches it again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from forecast.catalog import Catalog, Counts, Observation
from forecast.catalog.fetches import FetchState, PageMarks
from forecast.errors import ForecastError, InvalidInput, SourceFailed, Unavailable
from forecast.extras import require
from forecast.intake.gate import Gate
from forecast.names import Measure
from forecast.registry import Registry
from forecast.settings import Settings
from forecast.sources.configuration import ConfiguredSource, chosen
from forecast.sources.series_table import SourceSeries
from forecast.sources.source import NoticeSource, Quote, Source
from forecast.sources.web import Validators, Web
from forecast.timeseries.series import Series

#: From when on a source is asked for series that it never gave, and how far back it is asked for revisions of others.
FIRST_DAY, REVISED_FOR = dt.date(2010, 1, 1), dt.timedelta(days=730)
#: From when on notices are asked for at first, and how long before the last success later, since publishers date back.
NOTICES_FOR, NOTICES_AGAIN = dt.timedelta(days=60), dt.timedelta(days=7)
#: A value that differs by less from what is stored, relatively, is that value: formats round.
SAME = 1e-9
#: Where at least so many known values, and so large a part of them, change by so much in the median, on the log, they
#: are taken to be of something else.
FEWEST_REWRITTEN, REWRITTEN, CLEARLY = 6, 0.8, 0.05
#: Significant digits of a value that was converted.
DIGITS = 12
#: Characters of what went wrong with a source that are kept.
MOST_SAID = 5_000

_T = TypeVar("_T")


@dataclass(frozen=True)
class FetchResult:
    """What became of one source.

    ``status``: ``fetched``; ``unchanged``; ``partial`` where something came and something went wrong; ``failed``.
    ``series``: how many of them it gave; ``faults``: what went wrong, in sentences.
    """

    source: str
    status: str
    counts: Counts = field(default_factory=Counts)
    candidates: int = 0
    series: int = 0
    faults: tuple[str, ...] = ()

    @property
    def brought(self) -> dict[str, int]:
        """How much came of what, by name."""
        return {
            "series": self.series,
            "added": self.counts.observations,
            "revised": self.counts.revised,
            "held": self.counts.held,
            "candidates": self.candidates,
        }

    @property
    def in_words(self) -> dict[str, str]:
        """The same where there is any of it."""
        return {name: f"{count:,}" for name, count in self.brought.items() if count}


@dataclass(frozen=True)
class _Delivered:
    """What came of a source before it failed, if it did; ``pages``: marks of its answers, ``asked``: digest of what it
    was asked for."""

    counts: Counts = field(default_factory=Counts)
    candidates: int = 0
    series: int = 0
    faults: tuple[str, ...] = ()
    pages: Mapping[str, PageMarks] = field(default_factory=dict)
    asked: str = ""


@dataclass(frozen=True)
class Fetching:
    """One fetch of one source into a catalogue at a moment ``now`` (UTC).

    ``registry``: of the forecasts by which values are judged; ``since``: from which day on, where the user says that;
    then answers are read also if they did not change; ``sleep``: how the pauses that publishers ask for are kept.
    """

    catalog: Catalog
    registry: Registry | None
    source: ConfiguredSource
    now: dt.datetime
    since: dt.date | None = None
    sleep: Callable[[float], None] = time.sleep

    def run(self) -> FetchResult:
        """Fetch, write what is new, and keep how it went. Raises ``Unavailable`` where the catalogue cannot be used."""
        before = self.catalog.fetches.states().get(self.source.name, FetchState(self.source.name, self.now))
        provider = self.source.provider
        try:
            if isinstance(provider, NoticeSource):
                found = self._notices(provider, before)
            elif isinstance(provider, Source):
                found = self._observations(provider, before)
        except Unavailable:
            raise
        except ForecastError as error:
            found = _Delivered(faults=_sentences(error))
        result = FetchResult(
            self.source.name, _status(found), found.counts, found.candidates, found.series, found.faults
        )
        # what comes after the clock was set back counts as known before what stands, and has to be read again
        whole = not found.faults and before.tried <= self.now
        self.catalog.fetches.record(self._state(result, before, found.asked), found.pages if whole else {})
        return result

    def _observations(self, provider: Source, before: FetchState) -> _Delivered:
        wanted = {one.key: one for one in self.source.series(self.catalog.series(retired=True))}
        asked = _digest(f"{one.key} {one.series.series_id} {one.factor}" for one in wanted.values())
        complete = before.succeeded is not None and before.asked == asked
        start = self.since or (self.now.date() - REVISED_FOR if complete else FIRST_DAY)
        with self._web(complete and self.since is None) as web:
            told, faults = _told(web, provider.fetch(web, wanted.keys(), start))
        quotes, torn = _by_key(told)
        counts, faults = Counts(), (*faults, *torn)
        for key, periods in quotes.items():
            try:
                added, wrong = self._take_in(wanted[key], periods.values())
            except InvalidInput as error:
                added, wrong = Counts(), _sentences(error)
            counts, faults = _sum(counts, added), (*faults, *wrong)
        return _Delivered(counts, 0, len(quotes), faults, web.marks, asked)

    def _notices(self, provider: NoticeSource, before: FetchState) -> _Delivered:
        usual = before.succeeded - NOTICES_AGAIN if before.succeeded else self.now - NOTICES_FOR
        with self._web(unless_unchanged=False) as web:
            found, faults = _told(web, provider.fetch(web, self.since or usual.date()))
        return _Delivered(candidates=self.catalog.inbox.add(found, self.now), faults=faults)

    def _web(self, unless_unchanged: bool) -> Web:
        provider = self.source.provider
        kept = self.catalog.fetches.pages(provider.name) if unless_unchanged else {}
        known = {place: Validators(*marks) for place, marks in kept.items()}
        return Web(
            provider.name,
            self.source.address,
            provider.pause,
            self.source.key,
            known,
            self.sleep,
            accept=provider.accept,
            today=self.now.date(),
        )

    def _take_in(self, one: SourceSeries, quotes: Iterable[Quote]) -> tuple[Counts, tuple[str, ...]]:
        """Write what is new of one series; its counts, and what is wrong with single values of it."""
        series = one.series
        standing = dict(zip(*(column.tolist() for column in self.catalog.standing(series.series_id)), strict=True))
        # a publisher that rounds its old values anew has not revised them
        settled = max(standing) - REVISED_FOR if standing and self.since is None else dt.date.min
        told, wrong, compared = [], [], 0
        for quote in quotes:
            if quote.ds in standing and quote.ds < settled:
                continue
            compared += quote.ds in standing
            observation = _observation(one, quote, standing, self.now)
            if expected := _expected(observation, series):
                wrong.append(f"{series.series_id} {quote.ds}: {quote.value:g}: expected {expected}; left out")
            elif not _same(observation.value, standing.get(quote.ds)):
                told.append(observation)
        if not told:
            return Counts(), tuple(wrong)
        if self.since is None and (
            rewritten := _rewritten([each for each in told if each.unit == series.unit], standing, compared)
        ):
            return Counts(), (*wrong, f"{series.series_id}: {rewritten}: orecast fetch {one.source} --since DAY")
        judged = Gate(self.catalog, self.registry, self.now).judge(series, told)
        new = [] if series.series_id in self.catalog.series(retired=True) else [series]
        theirs = self.catalog.acting(f"fetch of {self.source.name}")
        counts = theirs.add(series=new, observations=judged.passed, held=judged.held, known_at=self.now)
        return counts, tuple(wrong)

    def _state(self, result: FetchResult, before: FetchState, asked: str) -> FetchState:
        if not result.faults:
            return FetchState(self.source.name, self.now, self.now, counts=result.brought, asked=asked)
        since = before.fault_since if before.fault else self.now
        fault = "; ".join(result.faults)
        return FetchState(self.source.name, self.now, before.succeeded, fault, since, result.brought, before.asked)


def fetch_source(settings: Settings, name: str) -> dict[str, str]:
    """What became of one source, in words: ``source``, ``status``, ``detail``, and counts. Opens the stores itself."""
    try:
        with opened(settings) as (catalog, registry):
            (source,) = chosen(settings, (name,))
            result = Fetching(catalog, registry, source, dt.datetime.now(dt.UTC)).run()
    except ForecastError as error:
        return {"source": name, "status": "failed", "detail": str(error)}
    return {"source": name, "status": result.status, "detail": "; ".join(result.faults), **result.in_words}


def to_fetch(settings: Settings) -> tuple[str, ...]:
    """Names of the sources that are enabled and need no key or have one. Raises ``InvalidInput``, ``MissingExtra``."""
    require("sources", "orecast fetch")
    return tuple(source.name for source in chosen(settings))


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Catalog, Registry]]:
    """The stores of a home."""
    catalog = Catalog.open(settings)
    try:
        yield catalog, Registry(settings.models_dir)
    finally:
        catalog.close()


def _told(web: Web, answers: Iterator[_T]) -> tuple[list[_T], tuple[str, ...]]:
    """What a source gives until it fails, and why it did, in one line without the key of the user.

    What nobody thought of that an answer may hold is a fault of its source as well, and ends no other.
    """
    found: list[_T] = []
    try:
        for one in answers:
            found.append(one)  # what came before an error is kept
        return found, ()
    except SourceFailed as error:
        why = error.why
    except ForecastError:
        raise
    except Exception as error:
        why = f"its answer cannot be read: {type(error).__name__}: {error}"
    plain = "".join(letter if letter.isprintable() else " " for letter in web.without_key(why))
    return found, (plain if len(plain) <= MOST_SAID else f"{plain[:MOST_SAID]}…",)


def _by_key(told: Iterable[Quote]) -> tuple[dict[str, dict[dt.date, Quote]], list[str]]:
    """Quotes by key and period, and what is wrong where there are several for one, none of which is believed."""
    found: dict[str, dict[dt.date, Quote]] = {}
    torn: dict[tuple[str, dt.date], set[float]] = {}
    for quote in told:
        first = found.setdefault(quote.key, {}).setdefault(quote.ds, quote)
        if first.value != quote.value:
            torn.setdefault((quote.key, quote.ds), {first.value}).add(quote.value)
    for key, ds in torn:
        del found[key][ds]
    return found, [
        f"{key} {ds}: {', '.join(f'{value:g}' for value in sorted(values))}: expected one value a period; left out"
        for (key, ds), values in torn.items()
    ]


def _status(found: _Delivered) -> str:
    if found.faults:
        return "partial" if found.series or found.candidates else "failed"
    return "fetched" if found.counts.changed or found.counts.held or found.candidates else "unchanged"


def _observation(one: SourceSeries, quote: Quote, standing: Mapping[dt.date, float], now: dt.datetime) -> Observation:
    """A quote as an observation in the unit of its series, or in the publisher's where that is not the agreed one.

    What the publisher says of when it was known is believed of the first value of a period. Where nothing is said, a
    history that comes at once, also one before the first value that is stored, counts as known since the usual day of
    its release, and what comes later since now.
    """
    series, agreed = one.series, quote.unit in ("", one.delivered)
    value = float(f"{quote.value * one.factor:.{DIGITS}g}") if agreed else quote.value
    unit = series.unit if agreed else quote.unit
    known, assumed = now, False
    if quote.known is not None and quote.ds not in standing:
        known = min(quote.known, now)
    elif not standing or quote.ds < min(standing):
        usual = dt.datetime.combine(
            series.due(np.array([quote.ds], dtype="datetime64[D]"))[0].item(), dt.time(), dt.UTC
        )
        known, assumed = (usual, True) if usual <= now else (now, False)
    return Observation(series.series_id, quote.ds, value, quote.flag, known, assumed, unit, one.source)


def _expected(observation: Observation, series: Series) -> str:
    """What would have been right in place of what is no observation of a series; empty if nothing is wrong."""
    start = series.calendar.floor(np.datetime64(observation.ds)).item()
    if start != observation.ds:
        return f"the first day of a period, {start}"
    if not math.isfinite(observation.value) or observation.value < 0:
        return "a number, zero or more"
    if observation.value == 0 and series.measure is Measure.PRICE:
        return "more than 0, as a price is"
    return ""


def _rewritten(told: Sequence[Observation], standing: Mapping[dt.date, float], compared: int) -> str:
    """What is to be said where most of the periods that are ``compared`` get clearly other values, as they do when a
    code or a base year changed; empty for revisions as they are usual."""
    changes = [one.value / standing[one.ds] for one in told if standing.get(one.ds) and one.value > 0]
    if len(changes) < FEWEST_REWRITTEN or len(changes) < REWRITTEN * compared:
        return ""
    if float(np.median(np.abs(np.log(changes)))) < CLEARLY:
        return ""
    return (
        f"{len(changes)} of {compared} known values would become {float(np.median(changes)):.2g} times what they are; "
        "is it the same thing, and the same base? Nothing of it was taken in; this takes it in"
    )


def _same(value: float, stored: float | None) -> bool:
    return stored is not None and abs(value - stored) <= SAME * max(abs(value), abs(stored))


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(
        series=one.series + other.series,
        observations=one.observations + other.observations,
        revised=one.revised + other.revised,
        held=one.held + other.held,
    )


def _sentences(error: ForecastError) -> tuple[str, ...]:
    return tuple(map(str, error.faults)) if isinstance(error, InvalidInput) else (str(error),)


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
