"""Rows that are written: what may take the place of what is stored, and how many rows that changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from sqlalchemy import Connection, Table, insert, select, update

from forecast import names
from forecast.catalog import vintages
from forecast.catalog.row_faults import AnyRow, RowFault, sound_rows
from forecast.catalog.schema import CHANGES, MINERALS
from forecast.errors import Fault, InvalidInput, NotFound
from forecast.timeseries.series import Series, changed_meaning

_T = TypeVar("_T")


def stored(
    connection: Connection,
    table: Table,
    build: Callable[[AnyRow], _T],
    faults: list[RowFault] | None = None,
) -> dict[str, _T]:
    """Rows of a table as records, by the id in the first column; those that cannot be so go to ``faults``."""
    found = sound_rows(connection, select(table), table, [] if faults is None else faults)
    return {str(row[0]): build(row) for row in found}


def named(series: Mapping[str, Series], series_id: str) -> Series:
    """Raises ``NotFound`` with the nearest ids."""
    try:
        return series[series_id]
    except KeyError:
        raise NotFound("series", series_id, series, names.unservable(series_id)) from None


def check_series(connection: Connection, stored: Mapping[str, Series], series: Iterable[Series]) -> None:
    """Raises ``InvalidInput`` for facts that clash."""
    if faults := list(clashes(connection, stored, series)):
        raise InvalidInput(faults)


def clashes(connection: Connection, stored: Mapping[str, Series], series: Iterable[Series]) -> Iterator[Fault]:
    """Facts that would give values that are there another meaning."""
    for one in series:
        before = stored.get(one.series_id)
        changed = changed_meaning(before, one) if before else {}
        if changed and vintages.load(connection, [one.series_id]):
            yield from (Fault(name, getattr(one, name), expected) for name, expected in changed.items())


def count_change(connection: Connection) -> None:
    """Increment the edition of the catalogue, by which readers see that their memory of it is out of date."""
    connection.execute(update(CHANGES).values(number=CHANGES.c.number + 1))


def replace(
    connection: Connection,
    table: Table,
    stored: Mapping[str, _T],
    records: Mapping[str, _T],
    row: Callable[[_T], dict[str, object]],
) -> int:
    """Write the records that are new or differ, in place of rows that cannot be read too; how many those were."""
    key = next(iter(table.primary_key))
    there = set(connection.execute(select(key)).scalars())
    new = [row(record) for name, record in records.items() if name not in there]
    if new:
        connection.execute(insert(table), new)
    changed = [row(record) for name, record in records.items() if name in there and stored.get(name) != record]
    for cells in changed:
        connection.execute(update(table).where(key == cells[key.name]).values(cells))
    return len(new) + len(changed)


def plant(connection: Connection, named: Iterable[str], rows: Iterable[tuple[str, str, str]] = ()) -> tuple[str, ...]:
    """Put ``rows`` (mineral, parent, kind) into the tree, and minerals that are only named as roots of their own."""
    stored = {(row.mineral, row.parent): row.kind for row in connection.execute(select(MINERALS))}
    known = {mineral for mineral, _ in stored}
    strange = sorted(set(named) - known)
    wanted = {
        (mineral, parent): kind for mineral, parent, kind in (*rows, *((name, "", "mineral") for name in strange))
    }
    for (mineral, parent), kind in wanted.items():
        if stored.get((mineral, parent)) != kind:
            place = (MINERALS.c.mineral == mineral) & (MINERALS.c.parent == parent)
            connection.execute(MINERALS.delete().where(place))
            connection.execute(insert(MINERALS), {"mineral": mineral, "parent": parent, "kind": kind})
    return tuple(f"mineral {name!r} is new: it stands alone in the tree of minerals" for name in strange)


def as_fine(bundled: Series, stored: Mapping[str, Series]) -> Series:
    """A bundled series with the resolution that somebody gave it, where the bundled data say none."""
    before = stored.get(bundled.series_id)
    if before is None or bundled.resolution is not None:
        return bundled
    return dataclasses.replace(bundled, resolution=before.resolution)
