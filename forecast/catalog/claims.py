"""Claims: what rows say that the values of periods are, column by column; and which of them are news.

A claim is a value and a flag of a period of a series, with the moment since which it could be known. What is stored of
a period is a list of such claims, its vintages; a delivery brings more, of which most are usually there already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from enum import IntEnum

import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    String,
    Table,
    cast,
    literal,
    null,
    select,
    type_coerce,
)

from forecast.catalog.csv_records import Observation
from forecast.catalog.schema import OBSERVATIONS, WITHDRAWALS
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import FLAGS, Floats

#: The flag of a vintage that says that the value before it is known no more; its own value is NaN.
WITHDRAWN = "withdrawn"
#: Words of flags; a claim has the number of its own.
FLAG_WORDS = (*FLAGS, WITHDRAWN)

_NUMBERS = {word: number for number, word in enumerate(FLAG_WORDS)}
#: Ids in one query; SQLite takes 32,766 parameters.
_CHUNK = 10_000
_DAY = np.timedelta64(1, "D") - np.timedelta64(1, "us")
_ROWS = 50_000

#: Series, period, moment, value and flag; days and moments as the driver gives them.
_Facts = tuple[str, str, str, float, str]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Moments = npt.NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Claims:
    """Claims, a row each; length n.

    ``ids``: ids of series by number; ``series``: (n,) numbers of series; ``flag``: (n,) numbers of ``FLAG_WORDS``;
    ``known``: (n,) moments (UTC); ``assumed``: where the moment is derived from the release lag of the series, not
    recorded; ``dated``: where it is the first moment of a day of which the row says no more, as exports do: the claim
    was known by the end of that day.
    """

    ids: Sequence[str]
    series: npt.NDArray[np.int32]
    ds: Days
    known: Moments
    value: Floats
    flag: npt.NDArray[np.uint8]
    assumed: Mask
    dated: Mask

    @classmethod
    def of(cls, observations: Sequence[Observation]) -> Claims:
        """Claims of observations, in their order."""
        ids = sorted({one.series_id for one in observations})
        number = {series_id: k for k, series_id in enumerate(ids)}
        moments = [one.known.astimezone(UTC).replace(tzinfo=None) for one in observations]
        return cls(
            ids,
            np.array([number[one.series_id] for one in observations], dtype=np.int32),
            np.array([one.ds for one in observations], dtype="datetime64[D]"),
            np.array(moments, dtype="datetime64[us]"),
            np.array([one.value for one in observations], dtype=np.float64),
            np.array([_NUMBERS[one.flag] for one in observations], dtype=np.uint8),
            np.array([one.assumed for one in observations], dtype=bool),
            np.zeros(len(observations), dtype=bool),
        )

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, rows: Mask | Indices) -> Claims:
        """Some rows of it."""
        columns = {each.name: getattr(self, each.name)[rows] for each in fields(self) if each.name != "ids"}
        return replace(self, **columns)

    @property
    def period(self) -> npt.NDArray[np.int64]:
        """(n,) A number of the series and period of each row, in order of both."""
        return (self.series.astype(np.int64) << 32) + self.ds.astype(np.int64) + (1 << 31)

    def observation(self, row: int) -> Observation:
        """One row as an observation."""
        known: datetime = self.known[row].item()
        ds: date = self.ds[row].item()
        flag = FLAG_WORDS[self.flag[row]]
        value, assumed = float(self.value[row]), bool(self.assumed[row])
        return Observation(self.ids[self.series[row]], ds, value, flag, known.replace(tzinfo=UTC), assumed)

    def table_rows(self) -> Iterator[list[tuple[str, str, str, float, str, bool]]]:
        """The rows as the table of observations holds them, in pieces; texts are what every database reads."""
        for start in range(0, len(self), _ROWS):
            some = self[np.arange(start, min(start + _ROWS, len(self)))]
            yield list(
                zip(
                    [self.ids[number] for number in some.series.tolist()],
                    _texts(some.ds),
                    _texts(some.known),
                    some.value.tolist(),
                    [FLAG_WORDS[number] for number in some.flag.tolist()],
                    some.assumed.tolist(),
                    strict=True,
                )
            )


def _texts(days: Days) -> list[str]:
    """ISO texts, with a blank between day and time."""
    found = np.datetime_as_string(days)
    letters = found.view(np.uint32).reshape(len(found), -1)
    letters[:, len("YYYY-MM-DD") :][letters[:, len("YYYY-MM-DD") :] == ord("T")] = ord(" ")
    texts: list[str] = found.tolist()
    return texts


def stored(connection: Connection, ids: Sequence[str], numbers: Sequence[int]) -> Claims:
    """What is stored of the series with these ``numbers`` among ``ids``, by series, period and moment."""
    number = {ids[k]: k for k in numbers}
    names = list(number)
    found: list[Row[*_Facts]] = []
    for start in range(0, len(names), _CHUNK):
        some = names[start : start + _CHUNK]
        found += connection.execute(_facts(OBSERVATIONS, some, OBSERVATIONS.c.value, OBSERVATIONS.c.flag))
        found += connection.execute(_facts(WITHDRAWALS, some, cast(null(), Float), literal(WITHDRAWN)))
    n = len(found)
    claims = Claims(
        ids,
        np.fromiter((number[row[0]] for row in found), np.int32, n),
        np.array([row[1] for row in found], dtype="datetime64[D]"),
        np.array([row[2] for row in found], dtype="datetime64[us]"),
        np.array([row[3] for row in found], dtype=np.float64),
        np.fromiter((_NUMBERS[row[4]] for row in found), np.uint8, n),
        np.zeros(n, dtype=bool),
        np.zeros(n, dtype=bool),
    )
    return claims[np.lexsort((claims.known, claims.period))]


def _facts(table: Table, ids: Sequence[str], value: ColumnElement[float], flag: ColumnElement[str]) -> Select[*_Facts]:
    # as the driver gives days and moments: numpy reads texts and dates alike, and there may be millions
    series_id, ds, known = (type_coerce(table.c[name], String) for name in ("series_id", "ds", "known"))
    return select(series_id, ds, known, value, flag).where(table.c.series_id.in_(ids))


class ClaimKind(IntEnum):
    """What a claim is beside what is stored."""

    UNCHANGED, ADDED, REVISED, CONTRADICTS, HELD = range(5)


@dataclass(frozen=True, eq=False)
class News:
    """A delivery beside what is stored.

    ``claims``: what it says, with the moments that count; ``kind``: (n,) what each is; ``contradicted``: what would
    have been right for the rows that would give a recorded moment a second value.
    """

    claims: Claims
    kind: npt.NDArray[np.uint8]
    contradicted: dict[int, str]

    @property
    def new(self) -> Mask:
        """(n,) Claims of new periods, and those that revise known ones."""
        return np.isin(self.kind, [ClaimKind.ADDED, ClaimKind.REVISED])


def news(before: Claims, told: Claims, now: datetime) -> News:
    """Which claims of a delivery are new, given what is stored of its series (``before``, in order).

    What says the same as the vintage before it is no news, nor is a value that was withdrawn unless its row says itself
    since when it is known: taking the same file in again brings nothing back. A claim whose moment is told as a day
    only is no news where it stood at the end of that day. Only the first vintage of a period may have an assumed
    moment: another one becomes known ``now``.
    """
    moment = np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "us")
    told, late = _assumed_later(before, told, moment)
    # where it became so in the course of that day; what stood before is compared in order, after what comes between
    same = told.dated & ~late & _stands(before, told, told.known + _DAY) & ~_stands(before, told, told.known)
    kind = np.full(len(told), ClaimKind.UNCHANGED, dtype=np.uint8)
    contradicted: dict[int, str] = {}
    rest = np.flatnonzero(~same)
    while rest.size:
        kind[rest], expected = _kinds(before, told[rest], moment)
        contradicted |= {int(rest[k]): text for k, text in expected.items()}
        if not expected:
            break
        rest = np.delete(rest, list(expected))  # what is not taken in is nothing that others can say again
    return News(told, kind, contradicted)


def _kinds(before: Claims, told: Claims, now: np.datetime64) -> tuple[npt.NDArray[np.uint8], dict[int, str]]:
    """What each claim is beside what is stored and the other ones, and what those contradict that do so.

    All claims of a period are taken in the order of their moments, what is stored first: each is compared with the one
    before it.
    """
    period, known, value, flag = (
        np.concatenate([getattr(before, name), getattr(told, name)]) for name in ("period", "known", "value", "flag")
    )
    ours = np.repeat([False, True], [len(before), len(told)])
    order = np.lexsort((ours, known, period))
    period, known, value, flag, ours = (each[order] for each in (period, known, value, flag, ours))

    def as_before(steps: int) -> Mask:
        """Rows that say what the row so many steps before says of the same period."""
        found = np.zeros(len(order), dtype=bool)
        there, back = slice(steps, None), slice(None, -steps)
        found[there] = (period[there] == period[back]) & (value[there] == value[back]) & (flag[there] == flag[back])
        return found

    later, twice, gone = (np.zeros(len(order), dtype=bool) for _ in range(3))
    later[1:] = period[1:] == period[:-1]
    twice[1:] = later[1:] & (known[1:] == known[:-1])
    gone[1:] = later[1:] & (flag[:-1] == _NUMBERS[WITHDRAWN])
    unchanged = as_before(1) | (gone & as_before(2) & (known == now))
    cases = [unchanged, twice, ~later & ~_among(before, period)]
    names = [ClaimKind.UNCHANGED, ClaimKind.CONTRADICTS, ClaimKind.ADDED]
    kinds = np.empty(len(order), dtype=np.uint8)
    kinds[order] = np.select(cases, names, default=ClaimKind.REVISED)
    contradicted = {
        int(order[k]) - len(before): f"{value[k - 1]:g} ({FLAG_WORDS[flag[k - 1]]}), known since "
        f"{known[k].item().replace(tzinfo=UTC).isoformat()}, or a later known_at"
        for k in np.flatnonzero(ours & twice & ~unchanged)
    }
    return kinds[len(before) :], contradicted


def _assumed_later(before: Claims, told: Claims, now: np.datetime64) -> tuple[Claims, Mask]:
    """The claims with their moments, and which of them became known ``now`` as they are not the first of a period."""
    if not told.assumed.any():
        return told, np.zeros(len(told), dtype=bool)
    period = told.period
    order = np.lexsort((told.known, period))
    first = np.ones(len(told), dtype=bool)
    first[order[1:]] = period[order[1:]] != period[order[:-1]]
    at = _last(before, told, told.known)
    recorded = _says(before, at, told) & (before.known[at] == told.known) if len(before) else np.zeros_like(first)
    late = told.assumed & ~recorded & (~first | _among(before, period))
    return replace(told, known=np.where(late, now, told.known), assumed=told.assumed & ~late), late


def _among(before: Claims, period: npt.NDArray[np.int64]) -> Mask:
    """(n,) Which periods have a stored claim."""
    if not len(before):
        return np.zeros(len(period), dtype=bool)
    at = np.minimum(np.searchsorted(before.period, period), len(before) - 1)
    return np.asarray(before.period[at] == period)


def _stands(before: Claims, told: Claims, moments: Moments) -> Mask:
    """Which claims are what stood of their period at a moment."""
    if not len(before):
        return np.zeros(len(told), dtype=bool)
    return _says(before, _last(before, told, moments), told)


def _says(before: Claims, at: Indices, told: Claims) -> Mask:
    same = (before.value[at] == told.value) & (before.flag[at] == told.flag)
    return np.asarray(same & (before.period[at] == told.period) & (at >= 0))


def _last(before: Claims, told: Claims, moments: Moments) -> Indices:
    """(n,) Index of the last stored claim up to each period and moment, of an earlier period where it has none; or -1.

    ``before`` is in order of period and moment.
    """
    origin = np.repeat([0, 1], [len(before), len(told)])
    known, period = np.concatenate([before.known, moments]), np.concatenate([before.period, told.period])
    order = np.lexsort((origin, known, period))
    passed = np.cumsum(origin[order] == 0) - 1
    found = np.empty(len(told), dtype=np.intp)
    ours = order >= len(before)
    found[order[ours] - len(before)] = passed[ours]
    return found
