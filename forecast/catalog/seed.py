"""The bundled data taken into a catalogue, once for each snapshot of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select

from forecast.catalog import audit, bundle, event_changes, rows
from forecast.catalog.engine import Database
from forecast.catalog.schema import SERIES, SNAPSHOTS, series_of
from forecast.catalog.writer import Writer
from forecast.settings import data_dir


def seed(database: Database, now: datetime) -> None:
    """Read the bundled data in unless that was done. Raises ``InvalidInput`` if they are faulty."""
    folder = data_dir()
    digest = bundle.digest(folder)
    query = select(SNAPSHOTS).where(SNAPSHOTS.c.digest == digest)
    if database.read(lambda connection: connection.execute(query).first()):
        return
    bundled = bundle.read_bundle(folder, now)
    with database.writing() as connection:
        if connection.execute(query).first():
            return
        rows.plant(connection, (), bundled.minerals)
        # A series to whose values a user gave another meaning under an older version stays as it is.
        stored = rows.stored(connection, SERIES, series_of)
        theirs = {one.series_id for one in bundled.series if list(rows.clashes(connection, stored, [one]))}
        series = [rows.as_fine(one, stored) for one in bundled.series if one.series_id not in theirs]
        observations = [one for one in bundled.observations if one.series_id not in theirs]
        rows.plant(connection, {slug for event in bundled.events for slug in event.minerals})
        writer = Writer(connection, now)
        writer.add(series, observations, [])
        before = connection.execute(select(SNAPSHOTS.c.digest).limit(1)).first()
        put_right = event_changes.put_right(connection, bundled.events, now)
        writer.recorded += len(put_right)
        writer.finish()
        if before is not None:  # what a new version corrects; what a first start reads in is no change
            audit.write(connection, event_changes.BUNDLED, now, [*writer.audited, *put_right])
        connection.execute(insert(SNAPSHOTS), {"digest": digest, "read_at": now.replace(tzinfo=None)})
