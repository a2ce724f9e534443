"""Series that are no longer served: when they were retired, and when one came back; a log that is only added to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert, select

from forecast.catalog import audit
from forecast.catalog.audit import AuditAction, AuditedChange
from forecast.catalog.row_faults import RowFault, sound_rows
from forecast.catalog.schema import RETIREMENTS


def load(connection: Connection, faults: list[RowFault] | None = None) -> dict[str, datetime]:
    """The series that are retired now, and since when (UTC); rows that cannot be so go to ``faults``."""
    query = select(RETIREMENTS).order_by(RETIREMENTS.c.moment)
    log = sound_rows(connection, query, RETIREMENTS, [] if faults is None else faults)
    last = {row.series_id: row for row in log}
    return {series_id: row.moment.replace(tzinfo=UTC) for series_id, row in last.items() if row.retired}


def add(connection: Connection, series_id: str, retired: bool, now: datetime, by: str) -> None:
    """Say that a series is retired, or is no more: after all that was said before, whatever the clock does."""
    moments = connection.execute(select(RETIREMENTS.c.moment).where(RETIREMENTS.c.series_id == series_id)).scalars()
    moment = max([now.astimezone(UTC).replace(tzinfo=None), *(m + timedelta(microseconds=1) for m in moments)])
    connection.execute(insert(RETIREMENTS), {"series_id": series_id, "moment": moment, "retired": retired})
    action = AuditAction.SERIES_RETIRE if retired else AuditAction.SERIES_BRING_BACK
    audit.write(connection, by, now, [AuditedChange(action, series_id, {"retired": not retired}, {"retired": retired})])
