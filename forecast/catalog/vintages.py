"""Vintages of observations: what was known when, and what was withdrawn."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import numpy.typing as npt
from sqlalchemy import CompoundSelect, Connection, Float, cast, func, insert, literal, null, select, union_all

from forecast.catalog.audit import AuditAction, AuditedChange
from forecast.catalog.claims import WITHDRAWN
from forecast.catalog.csv_records import Observation
from forecast.catalog.row_faults import RowFault, sound_rows
from forecast.catalog.schema import OBSERVATIONS, WITHDRAWALS
from forecast.errors import Fault, InvalidInput, TooShort
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import FLAGS, Floats, History, Series

#: Ids in one query, each twice; SQLite takes 32,766 parameters.
_CHUNK = 5000

_FLAGS = {*FLAGS, WITHDRAWN}

Claim = tuple[float, str]  # value and flag


@dataclass(frozen=True, eq=False)
class Vintages:
    """All vintages of one series, by period and then by the moment they became known; length N.

    A withdrawal is a vintage too: its value is NaN, its flag ``WITHDRAWN``.
    """

    ds: Days
    known: npt.NDArray[np.datetime64]
    value: Floats
    flag: npt.NDArray[np.str_]
    assumed: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, rows: Sequence[Sequence[object]]) -> Vintages:
        """From rows (series_id, ds, known, value, flag, assumed), in order."""
        return cls(
            np.array([row[1] for row in rows], dtype="datetime64[D]"),
            np.array([row[2] for row in rows], dtype="datetime64[us]"),
            np.array([row[3] for row in rows], dtype=np.float64),
            np.array([row[4] for row in rows], dtype=np.str_),
            np.array([row[5] for row in rows], dtype=bool),
        )

    def known_by(self, as_of: date | None) -> npt.NDArray[np.intp]:
        """Indices of the vintages known at the end of ``as_of``, withdrawals among them."""
        if as_of is None:
            return np.arange(len(self.ds))
        return np.flatnonzero(self.known <= np.datetime64(_end_of(as_of), "us"))

    def standing(self, as_of: date | None) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Indices of the first and of the last vintage of each period known at the end of ``as_of``.

        Periods whose value was withdrawn by then are left out.
        """
        rows = self.known_by(as_of)
        another = self.ds[rows[1:]] != self.ds[rows[:-1]]
        edge = np.ones(min(len(rows), 1), dtype=bool)
        first, last = rows[np.append(edge, another)], rows[np.append(another, edge)]
        stands = np.isfinite(self.value[last])
        return first[stands], last[stands]

    def has_value(self, as_of: date | None) -> bool:
        """Whether the value of any period stood at the end of ``as_of``."""
        return bool(self.standing(as_of)[1].size)

    def newest(self, as_of: date | None) -> date:
        """The day (UTC) on which the last of the vintages known at the end of ``as_of`` became known.

        ``date.min`` where there is none.
        """
        known = self.known[self.known_by(as_of)]
        return date.fromisoformat(str(known.max().astype("datetime64[D]"))) if known.size else date.min

    def history(self, series: Series, as_of: date | None) -> History:
        """The last vintage of each period known at the end of ``as_of``, on an unbroken calendar.

        Raises ``TooShort`` when nothing was known then.
        """
        first, rows = self.standing(as_of)
        if not rows.size:
            when = f" that was known on {as_of}" if as_of else ""
            raise TooShort(f"{series.series_id} has no observation{when}")
        freq = series.calendar
        ds = freq.between(self.ds[rows[0]], self.ds[rows[-1]])
        at = np.asarray(freq.ordinal(self.ds[rows])) - int(freq.ordinal(ds[0]))
        y, flag = np.full(len(ds), np.nan), np.zeros(len(ds), dtype=self.flag.dtype)
        y[at], flag[at] = self.value[rows], self.flag[rows]
        out, since = series.due(ds), self.known[first].astype("datetime64[D]")
        # What was recorded to come late was not there when one looked; a day that was assumed is as good as any.
        out[at] = np.where(self.assumed[first], since, np.minimum(since, out[at]))
        return History(series, ds, y, flag, np.maximum(out, freq.end(ds)))


def load(
    connection: Connection, series_ids: Iterable[str], faults: list[RowFault] | None = None
) -> dict[str, Vintages]:
    """The vintages of these series; one without observations is left out, and rows that cannot be so go to
    ``faults``."""
    ids = sorted(series_ids)
    found: dict[str, Vintages] = {}
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        try:
            found |= _by_series(connection.execute(_vintages(some)))
        except (ValueError, TypeError):
            found |= _by_series(_sound(connection, some, [] if faults is None else faults))
    return found


def _by_series(rows: Iterable[Sequence[object]]) -> dict[str, Vintages]:
    """Raises ``ValueError`` or ``TypeError`` for what is no vintage."""
    found: dict[str, list[Sequence[object]]] = {}
    for row in rows:
        found.setdefault(str(row[0]), []).append(tuple(row))
    if wrong := {str(row[4]) for some in found.values() for row in some} - _FLAGS:
        raise ValueError(f"no flags: {wrong}")
    return {series_id: Vintages.of(rows) for series_id, rows in found.items()}


def _sound(connection: Connection, series_ids: Sequence[str], faults: list[RowFault]) -> list[tuple[object, ...]]:
    """The same rows, each read by itself."""
    published = select(OBSERVATIONS).where(OBSERVATIONS.c.series_id.in_(series_ids))
    gone = select(WITHDRAWALS).where(WITHDRAWALS.c.series_id.in_(series_ids))
    every = [tuple(row) for row in sound_rows(connection, published, OBSERVATIONS, faults)]
    every += [(*row, math.nan, WITHDRAWN, False) for row in sound_rows(connection, gone, WITHDRAWALS, faults)]
    return sorted(every, key=operator.itemgetter(0, 1, 2))


def _vintages(series_ids: Sequence[str]) -> CompoundSelect[str, *tuple[object, ...]]:
    published, gone = OBSERVATIONS.c, WITHDRAWALS.c
    nothing = cast(null(), Float).label("value"), literal(WITHDRAWN).label("flag"), literal(False).label("assumed")
    every = union_all(
        select(
            published.series_id, published.ds, published.known, published.value, published.flag, published.assumed
        ).where(published.series_id.in_(series_ids)),
        select(gone.series_id, gone.ds, gone.known, *nothing).where(gone.series_id.in_(series_ids)),
    )
    columns = every.selected_columns
    return every.order_by(columns.series_id, columns.ds, columns.known)


def read(
    connection: Connection, series_id: str, as_of: date | None, start: date | None, end: date | None
) -> tuple[list[Observation], list[RowFault]]:
    """The last vintage of each period from ``start`` to ``end`` known at the end of ``as_of``, by period; and rows that
    cannot be so."""
    table, gone = OBSERVATIONS.c, WITHDRAWALS.c
    query = select(OBSERVATIONS).where(table.series_id == series_id).order_by(table.ds, table.known)
    ends = select(gone.ds, func.max(gone.known)).where(gone.series_id == series_id).group_by(gone.ds)
    if as_of is not None:
        end_of_day = _end_of(as_of)
        query, ends = query.where(table.known <= end_of_day), ends.where(gone.known <= end_of_day)
    if start is not None:
        query = query.where(table.ds >= start)
    if end is not None:
        query = query.where(table.ds <= end)
    withdrawn = {row[0]: row[1] for row in connection.execute(ends)}
    faults: list[RowFault] = []
    last = {row.ds: row for row in sound_rows(connection, query, OBSERVATIONS, faults)}
    return [
        Observation(series_id, row.ds, row.value, row.flag, row.known.replace(tzinfo=UTC), row.assumed)
        for row in last.values()
        if row.known > withdrawn.get(row.ds, datetime.min)
    ], faults


def _claims(vintages: Vintages) -> dict[date, dict[datetime, Claim]]:
    """What was said of each period, by the moment since when it was known."""
    found: dict[date, dict[datetime, Claim]] = {}
    days, moments = vintages.ds.tolist(), vintages.known.tolist()
    for ds, moment, value, flag in zip(days, moments, vintages.value, vintages.flag, strict=True):
        found.setdefault(ds, {})[moment.replace(tzinfo=UTC)] = (float(value), str(flag))
    return found


def withdraw(
    connection: Connection, periods: Mapping[str, Iterable[date]], now: datetime
) -> tuple[list[AuditedChange], int]:
    """Say that values are known no more from ``now`` on; which there were, by period, and how many were withdrawn
    before.

    Raises ``InvalidInput`` for a period that never had a value.
    """
    rows, before, faults = [], 0, []
    values: dict[str, dict[str, float]] = {}
    stored = load(connection, periods)
    for series_id, days in periods.items():
        known = _claims(stored[series_id]) if series_id in stored else {}
        for ds in sorted(set(days)):
            if ds not in known:
                faults.append(Fault("ds", str(ds), f"a period of which {series_id} has had a value"))
            elif known[ds][last := max(known[ds])][1] == WITHDRAWN:
                before += 1
            else:
                moment = max(now, last + timedelta(microseconds=1)).astimezone(UTC).replace(tzinfo=None)
                rows.append({"series_id": series_id, "ds": ds, "known": moment})
                values.setdefault(series_id, {})[str(ds)] = known[ds][last][0]
    if faults:
        raise InvalidInput(faults)
    if rows:
        connection.execute(insert(WITHDRAWALS), rows)
    action, after = AuditAction.OBSERVATIONS_WITHDRAW, {"withdrawn": True}
    return [AuditedChange(action, series_id, some, after) for series_id, some in values.items()], before


def _end_of(day: date) -> datetime:
    """The last moment of a day; the day after it need not exist, as none does after 9999-12-31. A moment is itself."""
    if isinstance(day, datetime):
        return day.astimezone(UTC).replace(tzinfo=None)
    return datetime.combine(day, time.max)
