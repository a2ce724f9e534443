"""Rows of CSV files as series, minerals, events and observations, each cell checked; for bundled and users' data.

Every function notes what is wrong in a ``Reading`` and goes on, so that one report names everything; the caller
finishes the reading before it uses what was read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np

from forecast import names
from forecast.catalog.csv_reader import (
    Reading,
    TableRow,
    day,
    day_or_none,
    filled,
    items,
    moment,
    number,
    number_or_none,
    read_rows,
    whole,
    word_of,
)
from forecast.errors import InvalidInput
from forecast.events import KINDS, RELATIONS, STATUSES, Act, Event, KindFamily
from forecast.events.event import APPROVED, CERTAINTY, months_of
from forecast.names import MEASURES, Measure
from forecast.timeseries.frequency import Freq, parse_freq
from forecast.timeseries.hierarchy import wrong_parent
from forecast.timeseries.series import FLAGS, FLOWS, ROLES, Series, changed_meaning

SERIES_REQUIRED = ("series_id", "measure", "unit", "freq")
SERIES_OPTIONAL = (
    *("mineral", "role", "flow", "reporter", "partner", "release_lag_days"),
    *("publisher", "source_url", "licence", "notes", "spot", "parent", "resolution"),
)
EVENT_REQUIRED = ("event_id", "title", "kind")
EVENT_OPTIONAL = (
    *("actor", "targets", "announced", "effective", "ended", "end_known", "date_precision"),
    *("status", "status_as_of", "status_note", "instrument", "value_before", "value_after", "value_unit", "value_text"),
    *("intensity", "minerals", "scope_note", "flows", "price_world", "price_local", "local_market", "volume"),
    *("mechanism", "acts", "certainty", "sources", "needs_recheck", "probability"),
)
OBSERVATION_REQUIRED = ("series_id", "ds", "value")
OBSERVATION_OPTIONAL = ("flag", "known_at")
MINERAL_COLUMNS = ("mineral", "parent", "kind")
MINERAL_KINDS = ("mineral", "basket", "group")

DIRECTIONS = ("up", "down", "flat", "mixed", "unclear", "")
CERTAINTIES = tuple(CERTAINTY)
PRECISIONS = ("day", "month", "year")

_DATE = "a date, YYYY-MM-DD"
_DATE_OR_NONE = "a date, YYYY-MM-DD, or nothing"
_NUMBER = "a number, zero or more (1e-20 to 1e20), with a decimal point and no thousands separators"
#: How tables say that nothing was published.
_NOTHING = frozenset(["", "na", "n/a", "n.a.", "#n/a", "nan", "null", "none", *"….-–—:", "..", "...", "--"])


@dataclass(frozen=True)
class Observation:
    """The value of a series for the period that starts on ``ds``, in the series' unit: one vintage of it.

    ``known``: the moment (UTC) since which it could be known; ``assumed``: that moment is derived from the series'
    release lag, not recorded.
    """

    series_id: str
    ds: date
    value: float
    flag: str
    known: datetime
    assumed: bool = False

    @property
    def known_at(self) -> date:
        """The UTC day of ``known``."""
        return self.known.date()


def read_series(
    path: Path, known: Mapping[str, Series], reading: Reading, observed: Collection[str] = ()
) -> list[Series]:
    """Series of a file, in its order. ``frequency`` is accepted for ``freq``, and what pandas calls a frequency.

    ``known``: series that they may name as their spot or parent besides each other, and whose ``resolution`` stays
    where the file has no such column; ``observed``: ids of those that have values, whose meaning must stay.
    """
    rows = read_rows(path, SERIES_REQUIRED, SERIES_OPTIONAL, reading, {"frequency": "freq"})
    _note_repeats(rows, "series_id", reading)
    ids = {row["series_id"] for row in rows} | set(known)
    for row in rows:
        for column in ("spot", "parent"):
            if row[column] and row[column] not in ids - {row["series_id"]}:
                reading.note(row, column, _known_name("other series", row[column], ids - {row["series_id"]}))
    found = [_series(row, known, reading) for row in rows]
    every = {**known, **{one.series_id: one for one in found}}
    new = {one.series_id: row for row, one in zip(rows, found, strict=True)}
    for one in found:
        if one.series_id in observed and one.series_id in known:
            for column, expected in changed_meaning(known[one.series_id], one).items():
                reading.note(new[one.series_id], column, expected)
    for one in every.values():
        if one.parent in every and {one.series_id, one.parent} & new.keys() and (expected := wrong_parent(one, every)):
            if one.series_id in new:
                reading.note(new[one.series_id], "parent", expected)
            else:
                reading.note(new[one.parent], "series_id", f"what {one.series_id}, a part of it, needs: {expected}")
    return found


def _series(row: TableRow, known: Mapping[str, Series], reading: Reading) -> Series:
    def chosen(column: str, words: tuple[str, ...], default: str) -> str:
        return reading.cell(row, column, lambda text: word_of(words)(text or default), _one_of(words), default)

    def place(column: str) -> names.Place:
        return reading.cell(row, column, lambda text: names.place(text or "WLD"), "", names.Place("WLD"))

    return Series(
        series_id=reading.cell(row, "series_id", names.series_id, "", names.SeriesId(row["series_id"])),
        mineral=reading.cell(row, "mineral", _slug_or_none, "nothing, or ", names.Slug("")),
        measure=reading.cell(row, "measure", Measure, _one_of(MEASURES), Measure.PRICE),
        role=chosen("role", ROLES, "target"),
        flow=chosen("flow", FLOWS, "world"),
        reporter=place("reporter"),
        partner=place("partner"),
        unit=reading.cell(row, "unit", filled, "a unit, such as USD/t", ""),
        freq=reading.cell(row, "freq", _freq, "D, B, W-SUN, M, Q, Y or a pandas alias of one", "M"),
        release_lag_days=reading.cell(row, "release_lag_days", lambda text: whole(text or "0"), "whole days", 0),
        publisher=row["publisher"],
        source_url=row["source_url"],
        licence=row["licence"],
        notes=row["notes"],
        spot=row["spot"],
        parent=row["parent"],
        resolution=_resolution(row, known, reading),
    )


def _resolution(row: TableRow, known: Mapping[str, Series], reading: Reading) -> float | None:
    """The smallest amount that a series reports; nothing: it is read from the values again."""
    before = known.get(row["series_id"])
    if "resolution" not in row.cells:
        return before.resolution if before else None
    expected = "a number above zero, in the unit of the series, or nothing"
    return reading.cell(row, "resolution", _positive_or_none, expected, None)


def read_minerals(path: Path, reading: Reading) -> list[tuple[str, str, str]]:
    """Rows (mineral, parent or nothing, kind) of the tree of minerals."""
    rows = read_rows(path, MINERAL_COLUMNS, (), reading)
    known = {row["mineral"] for row in rows}
    for row in rows:
        reading.cell(row, "mineral", names.slug, "", "")
        reading.cell(row, "kind", word_of(MINERAL_KINDS), _one_of(MINERAL_KINDS), "")
        if row["parent"] and row["parent"] not in known:
            reading.note(row, "parent", _known_name("mineral", row["parent"], known))
    return [(row["mineral"], row["parent"], row["kind"]) for row in rows]


def read_events(path: Path, known: Collection[str], reading: Reading) -> list[Event]:
    """Events of a file. ``known``: ids of events that they may act on besides each other."""
    rows = read_rows(path, EVENT_REQUIRED, EVENT_OPTIONAL, reading)
    _note_repeats(rows, "event_id", reading)
    ids = {row["event_id"] for row in rows} | set(known)
    return [_event(row, ids, reading) for row in rows]


def _event(row: TableRow, ids: Collection[str], reading: Reading) -> Event:
    def dated(column: str) -> date | None:
        return reading.cell(row, column, day_or_none, _DATE_OR_NONE, None)

    def chosen(column: str, words: tuple[str, ...], default: str = "") -> str:
        return reading.cell(row, column, lambda text: word_of(words)(text or default), _one_of(words), default)

    def figure(column: str) -> float | None:
        return reading.cell(row, column, number_or_none, "a number or nothing (text goes to value_text)", None)

    kind = reading.cell(row, "kind", word_of(KINDS), _one_of(KINDS), "tariff")
    announced, effective, ended, status_as_of = map(dated, ("announced", "effective", "ended", "status_as_of"))
    if not (row["announced"] or row["effective"]):
        reading.note(row, "announced", "a date here or in 'effective'")
    status = chosen("status", STATUSES, "threatened" if KINDS[kind] is KindFamily.THREAT else "enacted")
    final = status in ("lapsed", "suspended", "withdrawn")
    known_from = announced or effective
    end_known = dated("end_known") or _latest(ended or (status_as_of if final else None), known_from)
    if known_from and end_known and end_known < known_from:
        reading.note(row, "end_known", f"a day not before {known_from}, from which the event is known")
    value_after = figure("value_after")
    if row["value_unit"] == APPROVED:
        _check_terms(row, kind, value_after, reading)
    return Event(
        event_id=reading.cell(row, "event_id", names.event_id, "", names.EventId(row["event_id"])),
        title=reading.cell(row, "title", filled, "a title", ""),
        kind=kind,
        actor=row["actor"],
        targets=items(row["targets"]),
        announced=announced,
        effective=effective,
        ended=ended,
        end_known=end_known,
        date_precision=chosen("date_precision", PRECISIONS, "day"),
        status=status,
        status_as_of=status_as_of,
        status_note=row["status_note"],
        instrument=row["instrument"],
        value_before=figure("value_before"),
        value_after=value_after,
        value_unit=row["value_unit"],
        value_text=row["value_text"],
        intensity=row["intensity"],
        minerals=reading.cell(row, "minerals", _slugs, "a list joined by ';' of ", ()),
        scope_note=row["scope_note"],
        flows=reading.cell(row, "flows", _flows, "a list joined by ';' of ", ()),
        price_world=chosen("price_world", DIRECTIONS),
        price_local=chosen("price_local", DIRECTIONS),
        local_market=row["local_market"],
        volume=chosen("volume", DIRECTIONS),
        mechanism=row["mechanism"],
        acts=_acts(row, ids, reading),
        certainty=chosen("certainty", CERTAINTIES),
        sources=items(row["sources"]),
        needs_recheck=chosen("needs_recheck", ("yes", "no"), "no") == "yes",
        probability=reading.cell(row, "probability", _probability, "a probability from 0 to 1, or nothing", None),
    )


def _check_terms(row: TableRow, kind: str, approved: float | None, reading: Reading) -> None:
    """A licence with a rate of approval has a delay too, and nothing but a licence has either."""
    if kind != "licence":
        reading.note(row, "value_unit", f"another unit, for {APPROVED!r} is the unit of a licence")
    if not row["value_after"] or (approved is not None and not 0 <= approved <= 100):
        reading.note(row, "value_after", "a number from 0 to 100: how many percent of what is applied for is approved")
    if months_of(row["value_text"]) is None:
        reading.note(row, "value_text", "the months until then, 1 to 60, such as '3 months'")


def _latest(end: date | None, known_from: date | None) -> date | None:
    """When an end became known, if nobody says: on its day, or with the event itself."""
    return max(end, known_from) if end and known_from else end


def _acts(row: TableRow, ids: Collection[str], reading: Reading) -> tuple[Act, ...]:
    expected = f"relation:event_id, joined by ';', with a relation out of {', '.join(RELATIONS)}"
    found: tuple[Act, ...] = reading.cell(row, "acts", acts, expected, ())
    for act in found:
        if act.target not in ids or act.target == row["event_id"]:
            reading.note(row, "acts", _known_name("other event", act.target, set(ids) - {row["event_id"]}))
    return found


def acts(text: str) -> tuple[Act, ...]:
    """``suspends:cn-x;announces:cn-y`` as acts."""
    pairs = [part.partition(":") for part in items(text)]
    return tuple(Act(word_of(RELATIONS)(relation), filled(target)) for relation, _, target in pairs)


def read_observations(path: Path, series: Mapping[str, Series], now: datetime, reading: Reading) -> list[Observation]:
    """Observations of a file; ``period`` is accepted for ``ds``, and ``YYYY-MM`` for its first day.

    Where the file does not say when a value became known, that is taken to be the end of its period plus the release
    lag of its series, ``now`` at the latest, and marked as assumed. No period may begin after ``now``.
    """
    rows = read_rows(path, OBSERVATION_REQUIRED, OBSERVATION_OPTIONAL, reading, {"period": "ds"})
    found: list[Observation] = []
    seen: dict[tuple[str, date, str], int] = {}
    for row in rows:
        one = series.get(row["series_id"])
        if one is None:
            expected = names.unservable(row["series_id"]) or _known_name("series", row["series_id"], series)
            reading.note(row, "series_id", expected)
            continue
        observation = _observation(row, one, now, reading)
        if observation is None:
            continue
        first = seen.setdefault((one.series_id, observation.ds, row["known_at"]), row.line)
        if first != row.line:
            reading.note(row, "ds", f"each period once; {observation.ds} is on line {first} already")
        found.append(observation)
    return found


def _observation(row: TableRow, series: Series, now: datetime, reading: Reading) -> Observation | None:
    before = len(reading.faults)
    ds = _period(row, series.calendar, now, reading)
    blank = row["value"].lower() in _NOTHING
    expected = "a number; leave out a period that was not published" if blank else _NUMBER
    value = reading.cell(row, "value", _not_negative, expected, 0.0)
    if series.measure is Measure.PRICE and value == 0 and len(reading.faults) == before:
        reading.note(row, "value", "more than 0, as a price is; leave out a period without a price")
    flag = reading.cell(row, "flag", lambda text: word_of(FLAGS)(text or "reported"), _one_of(FLAGS), "reported")
    expected = "a date or an ISO 8601 moment"
    known = reading.cell(row, "known_at", lambda text: moment(text) if text else now, expected, now)
    if known > now or (ds is not None and known.date() < ds):
        reading.note(row, "known_at", f"a moment from {ds} (the period) to {now:%Y-%m-%dT%H:%M}Z (now)")
    if len(reading.faults) > before or ds is None:
        return None
    released = known if row["known_at"] else _released(series.calendar, ds, series.release_lag_days)
    return Observation(series.series_id, ds, value, flag, min(released, now), not row["known_at"] and released <= now)


@lru_cache(maxsize=4096)
def _released(freq: Freq, ds: date, lag: int) -> datetime:
    """First moment of the day on which the value of a period is taken to be published."""
    end: date = np.datetime64(freq.end(np.datetime64(ds, "D")), "D").item()
    return datetime.combine(end + timedelta(days=lag), time(), UTC)


def _period(row: TableRow, freq: Freq, now: datetime, reading: Reading) -> date | None:
    text = f"{row['ds']}-01" if re.fullmatch(r"[0-9]{4}-[0-9]{2}", row["ds"]) else row["ds"]
    try:
        ds = day(text)
    except ValueError:
        reading.note(row, "ds", f"{_DATE} (or YYYY-MM)")
        return None
    start = _floor(freq, ds)
    if start != ds:
        reading.note(row, "ds", f"the first day of a period of frequency {freq}: {start}")
        return None
    if ds > now.astimezone(UTC).date():
        reading.note(row, "ds", f"a period that has begun by {now:%Y-%m-%d}")
        return None
    return ds


@lru_cache(maxsize=4096)
def _floor(freq: Freq, ds: date) -> date:
    start: date = np.datetime64(freq.floor(np.datetime64(ds, "D")), "D").item()
    return start


def _note_repeats(rows: Iterable[TableRow], column: str, reading: Reading) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        first = seen.setdefault(row[column], row.line)
        if first != row.line:
            reading.note(row, column, f"each once; it is on line {first} already")


def _slug_or_none(text: str) -> names.Slug:
    return names.slug(text) if text else names.Slug("")


def _slugs(text: str) -> tuple[names.Slug, ...]:
    return tuple(map(names.slug, items(text)))


def _flows(text: str) -> tuple[names.Flow, ...]:
    """``CHN>WLD;IND>CHN`` as pairs (exporter, importer)."""
    return tuple(map(names.flow, items(text)))


def _freq(text: str) -> str:
    try:
        return parse_freq(text).code
    except InvalidInput:
        raise ValueError(text) from None


def _not_negative(text: str) -> float:
    # what is beyond these bounds is a slip or has the wrong unit, and single precision could not hold its forecast
    value = number(text)
    if value and not 1e-20 <= value <= 1e20:
        raise ValueError(text)
    return value


def _positive_or_none(text: str) -> float | None:
    value = _not_negative(text) if text else None
    if value == 0:
        raise ValueError(text)
    return value


def _probability(text: str) -> float | None:
    value = number_or_none(text)
    if value is not None and not 0 <= value <= 1:
        raise ValueError(text)
    return value


def _one_of(words: Iterable[str]) -> str:
    return f"one of {', '.join(word for word in words if word)}"


def _known_name(what: str, name: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f"the id of a known {what}" + (f"; nearest: {nearest[0]}" if nearest else "")
