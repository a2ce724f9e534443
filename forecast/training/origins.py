"""Origins of a backtest: the periods to look from, chosen by one rule or read from a file, and whether one can.

Whoever looks back chooses here: a training, a backtest that somebody asks for, and the benchmarks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from forecast.catalog import Catalog
from forecast.catalog.csv_reader import FirstDay, Reading, Row, TableRow, read_rows
from forecast.errors import Fault, InvalidInput, TooShort, known_name
from forecast.forecasters.grid.engine import MIN_GRID_OBSERVATIONS
from forecast.timeseries.frequency import Days
from forecast.timeseries.series import History

#: Cutoffs by id of series: starts of the last periods seen, ascending.
Origins = Mapping[str, Days]


class OriginRow(Row):
    """An origin of a series: the first day of the last period seen."""

    series_id: str
    cutoff: Annotated[FirstDay, Field(description="YYYY-MM-DD (or YYYY-MM)")]


@dataclass(frozen=True)
class OriginsLeftOut:
    """Origins of a series that could not be forecast from; all of them if ``cutoffs`` is empty."""

    series_id: str
    cutoffs: tuple[dt.date, ...]
    why: str

    def __str__(self) -> str:
        if not self.cutoffs:
            return f"{self.series_id}: left out: {self.why}"
        which = f"{self.cutoffs[0]}" if len(self.cutoffs) == 1 else f"{len(self.cutoffs)} from {self.cutoffs[0]} on"
        return f"{self.series_id}: origins left out ({which}): {self.why}"


def last(
    catalog: Catalog, series_ids: Iterable[str], count: int, as_of: dt.date, horizon: int
) -> tuple[Origins, list[OriginsLeftOut]]:
    """The last ``count`` origins of each series, and the series that have none. Raises ``NotFound``."""
    found: dict[str, Days] = {}
    without = []
    for series_id in series_ids:
        try:
            history = target_history(catalog, series_id, as_of)
            cutoffs = rolling(history, count, horizon)
        except TooShort as error:
            without.append(OriginsLeftOut(series_id, (), str(error)))
            continue
        if len(cutoffs):
            found[series_id] = cutoffs
        else:
            observations = int(history.scored.sum())
            without.append(
                OriginsLeftOut(
                    series_id,
                    (),
                    f"{observations} observations to be judged by; {MIN_GRID_OBSERVATIONS} and one more are needed",
                )
            )
    return found, without


def rolling(history: History, count: int, horizon: int, stride: int = 1) -> Days:
    """The last ``count`` periods of a history to look from, ``stride`` apart (see ``spaced``).

    Each was observed, with at least ``MIN_GRID_OBSERVATIONS`` observations that may be judged by up to it. They are
    those whose whole horizon has passed or, where those are fewer than ``count``, all that leave an outcome.
    """
    anchors = history.ds[history.used & (np.cumsum(history.scored) >= MIN_GRID_OBSERVATIONS)]
    anchors = anchors[anchors < history.last]
    whole = anchors[anchors <= history.series.calendar.shift(history.last, -horizon)]
    return spaced(whole if len(whole) >= count else anchors, count, stride)


def spaced(periods: Days, count: int, stride: int | None = None) -> Days:
    """At most ``count`` of these periods: the last ones, ``stride`` apart or as far as there are enough of them; where
    none is given, evenly from the first to the last."""
    if stride is None:
        at = np.unique(np.linspace(0, len(periods) - 1, count).round().astype(int))
        return np.asarray(periods[at])
    stride = max(min(stride, len(periods) // count), 1)
    return periods[::-1][: count * stride : stride][::-1]


def read(path: Path, catalog: Catalog, as_of: dt.date) -> Origins:
    """The origins of a CSV file with columns ``series_id`` and ``cutoff``, the first day of the last period seen.

    Raises ``InvalidInput`` with every row that names no series with observations, or no period of it.
    """
    reading, known = Reading(), catalog.series()
    histories = catalog.histories(as_of=as_of)
    found: dict[str, set[dt.date]] = {}
    for row, cells in read_rows(path, OriginRow, reading):
        name = cells.series_id
        if name not in known:
            reading.note(row, "series_id", known_name("series", name, known))
        elif not known[name].is_target:
            reading.note(row, "series_id", known[name].refusal)
        elif name not in histories or not histories[name].used.any():
            reading.note(row, "series_id", f"a series with observations known on {as_of}")
        elif not row.wrong:
            _note_origin(row, cells.cutoff, histories[name], found.setdefault(name, set()), reading)
    reading.finish()
    return {name: np.array(sorted(days), dtype="datetime64[D]") for name, days in found.items()}


def _note_origin(row: TableRow, cutoff: dt.date, history: History, found: set[dt.date], reading: Reading) -> None:
    freq = history.series.calendar
    start = freq.floor(np.datetime64(cutoff))
    if start != np.datetime64(cutoff):
        reading.note(row, "cutoff", f"the first day of a period of frequency {freq}: {start}")
    elif not history.ds[0] <= start <= history.last:
        reading.note(row, "cutoff", f"a period from {history.ds[0]} to {history.last}, as {row['series_id']} has")
    elif cutoff in found:
        reading.note(row, "cutoff", "each origin of a series once")
    found.add(cutoff)


def target_history(catalog: Catalog, series_id: str, as_of: dt.date) -> History:
    """What was known of a series that may be forecast. Raises ``NotFound``, ``InvalidInput`` and ``TooShort``."""
    if not (series := catalog.get(series_id)).is_target:
        raise InvalidInput(Fault("series_id", series_id, series.refusal))
    return catalog.history(series_id, as_of)


def usable(catalog: Catalog, history: History, cutoffs: Days, as_of: dt.date) -> tuple[Days, list[OriginsLeftOut]]:
    """The origins that can be looked from, and the others by what is wrong with them."""
    keep: list[np.datetime64] = []
    wrong: dict[str, list[dt.date]] = {}
    lag = history.series.release_lag_days
    used = history.used
    for cutoff, seen_then in zip(cutoffs, known_at(catalog, history, cutoffs, as_of), strict=True):
        at = int(np.searchsorted(history.ds, cutoff))
        if at == len(used) or history.ds[at] != cutoff or not used[at]:
            why = "nothing was observed in that period"
        elif used[: at + 1].sum() < MIN_GRID_OBSERVATIONS:
            why = f"fewer than {MIN_GRID_OBSERVATIONS} observations up to there"
        elif seen_then is None or seen_then.used.sum() < MIN_GRID_OBSERVATIONS:
            why = f"the values came later than the series' release_lag_days ({lag}) says, and were not known then"
        else:
            keep.append(cutoff)
            continue
        wrong.setdefault(why, []).append(cutoff.item())
    series_id = history.series.series_id
    without = [OriginsLeftOut(series_id, tuple(days), why) for why, days in wrong.items()]
    return np.array(keep, dtype="datetime64[D]"), without


def known_at(catalog: Catalog, history: History, cutoffs: Days, as_of: dt.date) -> list[History | None]:
    """What was known when the value of each cutoff was published, or due; None where that value was not."""
    due = [min(day, as_of) for day in history.published(cutoffs).tolist()]
    found: list[History | None] = []
    for cutoff, full in zip(cutoffs, catalog.as_known(history.series.series_id, due), strict=True):
        known = full.until(cutoff) if full is not None else None
        is_there = known is not None and len(known) and known.ds[-1] == cutoff and known.used[-1]
        found.append(known if is_there else None)
    return found
