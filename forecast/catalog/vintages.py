"""Observations in vintages: what was known when, and which of two claims is new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, select

from forecast.catalog.csv_records import Observation
from forecast.catalog.schema import OBSERVATIONS
from forecast.errors import Fault, InvalidInput, TooShort
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import Floats, History, Series

#: Ids in one query; SQLite takes 32,766 parameters.
_CHUNK = 5000


@dataclass(frozen=True, eq=False)
class Vintages:
    """All vintages of one series, by period and then by the moment they became known; length N."""

    ds: Days
    known: npt.NDArray[np.datetime64]
    value: Floats
    flag: npt.NDArray[np.str_]

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]]) -> Vintages:
        """From rows (series_id, ds, known, value, flag), in order."""
        return cls(
            np.array([row[1] for row in rows], dtype="datetime64[D]"),
            np.array([row[2] for row in rows], dtype="datetime64[us]"),
            np.array([row[3] for row in rows], dtype=np.float64),
            np.array([row[4] for row in rows], dtype=np.str_),
        )

    def known_by(self, as_of: date | None) -> npt.NDArray[np.intp]:
        """Indices of the vintages known at the end of ``as_of``."""
        if as_of is None:
            return np.arange(len(self.ds))
        return np.flatnonzero(self.known <= np.datetime64(_end_of(as_of), "us"))

    def history(self, series: Series, as_of: date | None) -> History:
        """The last vintage of each period known at the end of ``as_of``, on an unbroken calendar.

        Raises ``TooShort`` when nothing was known then.
        """
        rows = self.known_by(as_of)
        if not rows.size:
            when = f" that was known on {as_of}" if as_of else ""
            raise TooShort(f"{series.series_id} has no observation{when}")
        rows = rows[np.append(self.ds[rows[1:]] != self.ds[rows[:-1]], True)]
        freq = series.calendar
        ds = freq.between(self.ds[rows[0]], self.ds[rows[-1]])
        at = np.asarray(freq.ordinal(self.ds[rows])) - int(freq.ordinal(ds[0]))
        y, flag = np.full(len(ds), np.nan), np.zeros(len(ds), dtype=self.flag.dtype)
        y[at], flag[at] = self.value[rows], self.flag[rows]
        return History(series, ds, y, flag)


def load(connection: Connection, series_ids: Iterable[str]) -> dict[str, Vintages]:
    """The vintages of these series; one without observations is left out."""
    table = OBSERVATIONS.c
    ids = sorted(series_ids)
    found: dict[str, list[Sequence[Any]]] = {}
    for start in range(0, len(ids), _CHUNK):
        query = (
            select(table.series_id, table.ds, table.known, table.value, table.flag)
            .where(table.series_id.in_(ids[start : start + _CHUNK]))
            .order_by(table.series_id, table.ds, table.known)
        )
        for row in connection.execute(query):
            found.setdefault(row[0], []).append(tuple(row))
    return {series_id: Vintages.of(rows) for series_id, rows in found.items()}


def read(
    connection: Connection, series_id: str, as_of: date | None, start: date | None, end: date | None
) -> list[Observation]:
    """The last vintage of each period from ``start`` to ``end`` known at the end of ``as_of``, by period."""
    table = OBSERVATIONS.c
    query = select(OBSERVATIONS).where(table.series_id == series_id).order_by(table.ds, table.known)
    if as_of is not None:
        query = query.where(table.known <= _end_of(as_of))
    if start is not None:
        query = query.where(table.ds >= start)
    if end is not None:
        query = query.where(table.ds <= end)
    last = {row.ds: row for row in connection.execute(query)}
    return [
        Observation(row.series_id, row.ds, row.value, row.flag, row.known.replace(tzinfo=UTC), row.assumed)
        for row in last.values()
    ]


def news(
    connection: Connection, observations: Sequence[Observation], now: datetime
) -> tuple[list[Observation], list[Observation]]:
    """Of these observations, those of new periods, and those that revise what was known at their moment.

    What says the same as the vintage before it is no news. Only the first vintage of a period may have an assumed
    moment: another one becomes known ``now``. Raises ``InvalidInput`` where a recorded moment would get a second value.
    """
    stored = load(connection, {o.series_id for o in observations})
    known: dict[tuple[str, date], dict[datetime, tuple[float, str]]] = {}
    for series_id, vintages in stored.items():
        days, moments = vintages.ds.tolist(), vintages.known.tolist()
        for ds, moment, value, flag in zip(days, moments, vintages.value, vintages.flag, strict=True):
            known.setdefault((series_id, ds), {})[moment.replace(tzinfo=UTC)] = (float(value), str(flag))
    added: list[Observation] = []
    revised: list[Observation] = []
    faults: list[Fault] = []
    for observation in sorted(observations, key=lambda o: (o.series_id, o.ds, o.known)):
        vintage = known.setdefault((observation.series_id, observation.ds), {})
        claim = (observation.value, observation.flag)
        if observation.assumed and vintage and vintage.get(observation.known) != claim:
            observation = replace(observation, known=now, assumed=False)
        before = [moment for moment in vintage if moment <= observation.known]
        if before and vintage[max(before)] == claim:
            continue
        if observation.known in vintage:
            faults.append(_contradiction(observation, vintage[observation.known]))
            continue
        (revised if vintage else added).append(observation)
        vintage[observation.known] = claim
    if faults:
        raise InvalidInput(faults)
    return added, revised


def _contradiction(observation: Observation, stored: tuple[float, str]) -> Fault:
    where = f"{observation.series_id} {observation.ds}"
    moment = observation.known.isoformat()
    return Fault(where, observation.value, f"{stored[0]:g} ({stored[1]}), known since {moment}, or a later known_at")


def _end_of(day: date) -> datetime:
    """The last moment of a day; the day after it need not exist, as none does after 9999-12-31."""
    return datetime.combine(day, time.max)


def row(observation: Observation) -> dict[str, Any]:
    """As the table holds it: moments in UTC without saying so."""
    return {
        "series_id": observation.series_id,
        "ds": observation.ds,
        "known": observation.known.astimezone(UTC).replace(tzinfo=None),
        "value": observation.value,
        "flag": observation.flag,
        "assumed": observation.assumed,
    }
