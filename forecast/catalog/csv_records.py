"""Rows of CSV files as series, minerals, events and observations, each cell checked; for bundled and users' data.

The models say what a cell may be; the functions add what hangs on other cells, rows and tables. They note what is wrong
in a ``Reading`` and go on, so that one report names everything; the caller finishes the reading before it uses what was
read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator
from pydantic_core import PydanticCustomError

from forecast import names
from forecast.catalog.csv_reader import (
    EXPECTED,
    FirstDay,
    Reading,
    Row,
    SomeDay,
    TableRow,
    items,
    moment,
    number,
    read_row,
    read_rows,
    whole,
    word,
)
from forecast.errors import known_name
from forecast.events import EVENT_STATUSES, KINDS, RELATIONS, Act, Event, KindFamily
from forecast.events.check import impossible
from forecast.events.event import APPROVED, CERTAINTY, months_of
from forecast.formats.numbers import NOT_PUBLISHED
from forecast.names import MEASURES, Measure
from forecast.timeseries.frequency import Freq, parse_freq
from forecast.timeseries.hierarchy import wrong_parent
from forecast.timeseries.series import FIRST_YEAR, FLAGS, FLOWS, ROLES, Series, changed_meaning, wrong_spot

MINERAL_KINDS = ("mineral", "basket", "group")
DIRECTIONS = ("up", "down", "flat", "mixed", "unclear")
PRECISIONS = ("day", "month", "year")

#: Columns of exported series and events that tell how things stand in the catalogue, and are not taken in.
SERIES_NOT_TAKEN = ("run", "data_to", "quality", "retired", "fault", "held")
EVENTS_NOT_TAKEN = (
    *("own", "retired_on", "dates", "never_took_effect", "as_of", "acts_on_it", "series_ids", "recheck_overdue"),
    *("state_status", "state_since", "state_until", "state_by", "state_says"),
)


def _amount(text: str) -> float:
    if text.lower() in NOT_PUBLISHED:
        raise PydanticCustomError(EXPECTED, "a number; leave out a period that was not published")
    # what is beyond these bounds is a slip or has the wrong unit, and single precision could not hold its forecast
    value = number(text)
    if value and not 1e-20 <= value <= 1e20:
        raise ValueError(text)
    return value


def acts(text: str) -> tuple[Act, ...]:
    """``suspends:cn-x;announces:cn-y`` as acts."""
    pairs = [part.partition(":") for part in items(text)]
    if not all(relation in RELATIONS and target for relation, _, target in pairs):
        raise ValueError(text)
    return tuple(Act(relation, target) for relation, _, target in pairs)


_Place = Annotated[names.Place, AfterValidator(names.place)]
_Slug = Annotated[names.Slug, AfterValidator(names.slug)]
_Flow = Annotated[names.Flow, PlainValidator(names.flow)]
_Items = Annotated[tuple[str, ...], PlainValidator(items)]
_List = Field(description="a list joined by ';' of ")
_Figure = Annotated[
    float | None, PlainValidator(number), Field(description="a number or nothing (text goes to value_text)")
]
_Acts = Annotated[
    tuple[Act, ...],
    PlainValidator(acts),
    Field(description=f"relation:event_id, joined by ';', with a relation out of {', '.join(RELATIONS)}"),
]
_Direction = Annotated[str, word(DIRECTIONS)]


class SeriesRow(Row):
    """A line of ``series.csv``."""

    series_id: Annotated[names.SeriesId, AfterValidator(names.series_id), Field(examples=["price.copper"])]
    measure: Annotated[str, word(MEASURES)]
    unit: Annotated[
        str, AfterValidator(names.unit), Field(min_length=1, description="a unit, such as USD/t", examples=["USD/t"])
    ]
    freq: Annotated[
        str,
        AfterValidator(lambda text: parse_freq(text).code),
        Field(description="D, B, W-SUN, M, Q, Y or a pandas alias of one", examples=["M"]),
    ]
    mineral: Annotated[_Slug, Field(description="nothing, or ")] = names.Slug("")
    role: Annotated[str, word(ROLES)] = "target"
    flow: Annotated[str, word(FLOWS)] = "world"
    reporter: _Place = names.Place("WLD")
    partner: _Place = names.Place("WLD")
    release_lag_days: Annotated[int, PlainValidator(whole), Field(description="whole days")] = 0
    publisher: str = ""
    source_url: str = ""
    licence: str = ""
    notes: str = ""
    spot: str = ""
    parent: str = ""
    resolution: Annotated[
        float | None,
        BeforeValidator(number),
        Field(ge=1e-20, le=1e20, description="a number above zero, in the unit of the series, or nothing"),
    ] = None


class MineralRow(Row):
    """A line of ``minerals.csv``: a mineral, what it is part of (or nothing), and what it is."""

    mineral: Annotated[_Slug, Field(examples=["copper"])]
    parent: str
    kind: Annotated[str, word(MINERAL_KINDS)]


class EventRow(Row):
    """A line of ``events.csv``."""

    event_id: Annotated[names.EventId, AfterValidator(names.event_id), Field(examples=["us-s232-copper-2025"])]
    title: Annotated[str, Field(min_length=1, description="a title", examples=["a tariff"])]
    kind: Annotated[str, word(KINDS)]
    actor: str = ""
    targets: _Items = ()
    announced: SomeDay = None
    effective: SomeDay = None
    ended: SomeDay = None
    end_known: SomeDay = None
    date_precision: Annotated[str, word(PRECISIONS)] = "day"
    status: Annotated[str, word(EVENT_STATUSES)] = ""
    status_as_of: SomeDay = None
    status_note: str = ""
    instrument: str = ""
    value_before: _Figure = None
    value_after: _Figure = None
    value_unit: Annotated[str, AfterValidator(names.unit)] = ""
    value_text: str = ""
    intensity: str = ""
    minerals: Annotated[tuple[_Slug, ...], BeforeValidator(items), _List] = ()
    scope_note: str = ""
    flows: Annotated[tuple[_Flow, ...], BeforeValidator(items), _List] = ()
    price_world: _Direction = ""
    price_local: _Direction = ""
    local_market: str = ""
    volume: _Direction = ""
    mechanism: str = ""
    acts: _Acts = ()
    certainty: Annotated[str, word(CERTAINTY)] = ""
    sources: _Items = ()
    needs_recheck: Annotated[str, word(("yes", "no", "true", "false"))] = "no"
    probability: Annotated[
        float | None,
        BeforeValidator(number),
        Field(ge=0, le=1, description="a probability from 0 to 1, or nothing"),
    ] = None
    probability_source: str = ""
    probability_date: SomeDay = None


class ObservationRow(Row):
    """A line of observations; ``ds``: the first day of the period."""

    series_id: str
    ds: FirstDay
    value: Annotated[
        float,
        PlainValidator(_amount),
        Field(
            description="a number, zero or more (1e-20 to 1e20), with a decimal point and no thousands separators",
            examples=["1"],
        ),
    ]
    flag: Annotated[str, word(FLAGS)] = "reported"
    known_at: Annotated[datetime | None, PlainValidator(moment), Field(description="a date or an ISO 8601 moment")] = (
        None
    )


@dataclass(frozen=True)
class Observation:
    """The value of a series for the period that starts on ``ds``, in the series' unit: one vintage of it.

    ``known``: the moment (UTC) since which it could be known; ``assumed``: that moment is derived from the series'
    release lag, not recorded. ``unit``, ``source``: the unit that its row says and who delivered it, empty where that
    is not said; they are judged by, and not kept.
    """

    series_id: str
    ds: date
    value: float
    flag: str
    known: datetime
    assumed: bool = False
    unit: str = ""
    source: str = ""

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
    table = list(read_rows(path, SeriesRow, reading, {"frequency": "freq"}, SERIES_NOT_TAKEN))
    rows = [row for row, _ in table]
    _note_repeats(rows, "series_id", reading)
    ids = {row["series_id"] for row in rows} | set(known)
    for row in rows:
        for column in ("spot", "parent"):
            if row[column] and row[column] not in ids - {row["series_id"]}:
                reading.note(row, column, known_name("series other than itself", row[column], ids - {row["series_id"]}))
    found = [_series(row, cells, known) for row, cells in table]
    every = {**known, **{one.series_id: one for one in found}}
    new = {one.series_id: row for row, one in zip(rows, found, strict=True)}
    for one in found:
        if one.series_id in observed and one.series_id in known:
            for column, expected in changed_meaning(known[one.series_id], one).items():
                if column not in new[one.series_id].wrong:
                    reading.note(new[one.series_id], column, expected)
    for one in every.values():
        for column, other, wrong in (("parent", one.parent, wrong_parent), ("spot", one.spot, wrong_spot)):
            if other in every and {one.series_id, other} & new.keys() and (expected := wrong(one, every)):
                if one.series_id in new:
                    reading.note(new[one.series_id], column, expected)
                else:
                    needs = f"what {one.series_id}, whose {column} it is, needs: {expected}"
                    reading.note(new[other], "series_id", needs)
    return found


def _series(row: TableRow, cells: SeriesRow, known: Mapping[str, Series]) -> Series:
    facts = dict(cells) | {"series_id": row["series_id"]}  # a wrong id too, by which its observations are known
    if "resolution" not in row.cells and row["series_id"] in known:
        facts["resolution"] = known[row["series_id"]].resolution
    return Series(**facts)


def read_minerals(path: Path, reading: Reading) -> list[tuple[str, str, str]]:
    """Rows (mineral, parent or nothing, kind) of the tree of minerals."""
    table = list(read_rows(path, MineralRow, reading))
    known = {row["mineral"] for row, _ in table}
    for row, cells in table:
        if cells.parent and cells.parent not in known:
            reading.note(row, "parent", known_name("mineral", cells.parent, known))
    return [(cells.mineral, cells.parent, cells.kind) for _, cells in table]


def read_events(path: Path, known: Collection[str], reading: Reading, today: date | None = None) -> list[Event]:
    """Events of a file. ``known``: ids of events that they may act on besides each other; ``today``: what cannot be
    true on this day is noted as wrong."""
    return judged_events(read_rows(path, EventRow, reading, not_taken=EVENTS_NOT_TAKEN), known, reading, today)


def read_event(row: TableRow, known: Collection[str], reading: Reading, today: date | None = None) -> Event:
    """One event from the cells of a line, wherever they come from."""
    (event,) = judged_events([(row, read_row(row, EventRow, reading))], known, reading, today)
    return event


def judged_events(
    table: Iterable[tuple[TableRow, EventRow]], known: Collection[str], reading: Reading, today: date | None
) -> list[Event]:
    """Events of lines that were read, each beside the others."""
    lines = list(table)
    _note_repeats([row for row, _ in lines], "event_id", reading)
    ids = {row["event_id"] for row, _ in lines} | set(known)
    return [_event(row, cells, ids, reading, today) for row, cells in lines]


def _event(row: TableRow, cells: EventRow, ids: Collection[str], reading: Reading, today: date | None) -> Event:
    if not (row["announced"] or row["effective"]):
        reading.note(row, "announced", "a date here or in 'effective'")
    status = cells.status or ("threatened" if KINDS[cells.kind].family is KindFamily.THREAT else "enacted")
    final = status in ("lapsed", "suspended", "withdrawn")
    known_from = cells.announced or cells.effective
    end_known = cells.end_known or _latest(cells.ended or (cells.status_as_of if final else None), known_from)
    if known_from and end_known and end_known < known_from:
        reading.note(row, "end_known", f"a day not before {known_from}, from which the event is known")
    if cells.value_unit == APPROVED:
        _check_terms(row, cells, reading)
    for act in cells.acts:
        if act.target not in ids or act.target == row["event_id"]:
            reading.note(row, "acts", known_name("event other than itself", act.target, set(ids) - {row["event_id"]}))
    facts = {"status": status, "end_known": end_known, "needs_recheck": cells.needs_recheck in ("yes", "true")}
    event = Event(**{name: getattr(cells, name) for name in EventRow.model_fields} | facts)
    for column, expected in impossible(event, today) if today else ():
        if column not in row.wrong:
            reading.note(row, column, expected)
    return event


def _check_terms(row: TableRow, cells: EventRow, reading: Reading) -> None:
    """A licence with a rate of approval has a delay too, and nothing but a licence has either."""
    if cells.kind != "licence":
        reading.note(row, "value_unit", f"another unit, for {APPROVED!r} is the unit of a licence")
    if not row["value_after"] or (cells.value_after is not None and not 0 <= cells.value_after <= 100):
        reading.note(row, "value_after", "a number from 0 to 100: how many percent of what is applied for is approved")
    if months_of(cells.value_text) is None:
        reading.note(row, "value_text", "the months until then, 1 to 60, such as '3 months'")


def _latest(end: date | None, known_from: date | None) -> date | None:
    """When an end became known, if nobody says: on its day, or with the event itself."""
    return max(end, known_from) if end and known_from else end


def read_observations(path: Path, series: Mapping[str, Series], now: datetime, reading: Reading) -> list[Observation]:
    """Observations of a file; ``period`` is accepted for ``ds``, and ``YYYY-MM`` for its first day.

    Where the file does not say when a value became known, that is taken to be the end of its period plus the release
    lag of its series, ``now`` at the latest, and marked as assumed. No period may begin after ``now``.
    """
    found: list[Observation] = []
    seen: dict[tuple[str, date, str], int] = {}
    for row, cells in read_rows(path, ObservationRow, reading, {"period": "ds"}):
        one = series.get(cells.series_id)
        if one is None:
            expected = names.unservable(cells.series_id) or known_name("series", cells.series_id, series)
            reading.note(row, "series_id", expected)
            continue
        observation = _observation(row, cells, one, now, reading)
        if observation is None:
            continue
        first = seen.setdefault((one.series_id, observation.ds, row["known_at"]), row.line)
        if first != row.line:
            reading.note(row, "ds", f"each period once; {observation.ds} is on line {first} already")
        found.append(observation)
    return found


def _observation(
    row: TableRow, cells: ObservationRow, series: Series, now: datetime, reading: Reading
) -> Observation | None:
    known = cells.known_at or now
    if "ds" not in row.wrong:
        _check_period(row, cells.ds, series.calendar, now, reading)
    if series.measure is Measure.PRICE and cells.value == 0:
        reading.note(row, "value", "more than 0, as a price is; leave out a period without a price")
    start = None if "ds" in row.wrong else cells.ds
    if known > now or (start and known.date() < start):
        since = f"{start} (the period)" if start else "the period"
        reading.note(row, "known_at", f"a moment from {since} to {now:%Y-%m-%dT%H:%M}Z (now)")
    if row.wrong:
        return None
    released = known if cells.known_at else _released(series.calendar, cells.ds, series.release_lag_days)
    assumed = cells.known_at is None and released <= now
    return Observation(series.series_id, cells.ds, cells.value, cells.flag, min(released, now), assumed)


@lru_cache(maxsize=4096)
def _released(freq: Freq, ds: date, lag: int) -> datetime:
    """First moment of the day on which the value of a period is taken to be published."""
    end = freq.end(ds).item()
    return datetime.combine(end + timedelta(days=lag), time(), UTC)


def _check_period(row: TableRow, ds: date, freq: Freq, now: datetime, reading: Reading) -> None:
    if ds.year < FIRST_YEAR:
        reading.note(row, "ds", f"a period from {FIRST_YEAR} on, since when there are statistics")
        return
    start = _floor(freq, ds)
    if start != ds:
        reading.note(row, "ds", f"the first day of a period of frequency {freq}: {start}")
    elif ds > now.astimezone(UTC).date():
        reading.note(row, "ds", f"a period that has begun by {now:%Y-%m-%d}")


@lru_cache(maxsize=4096)
def _floor(freq: Freq, ds: date) -> date:
    return freq.floor(ds).item()


def _note_repeats(rows: Iterable[TableRow], column: str, reading: Reading) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        first = seen.setdefault(row[column], row.line)
        if first != row.line:
            reading.note(row, column, f"each once; it is on line {first} already")
