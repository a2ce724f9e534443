"""Answers from what was last known of the catalogue: a header says so, and the log when it begins and when it ends."""

from __future__ import annotations

from flask import Flask, Response, g
from structlog.typing import FilteringBoundLogger

from forecast.catalog import Catalog
from forecast.catalog.memory import Away
from forecast.catalog.row_faults import RowFault

HEADER = "X-Stale"


def headers(catalog: Catalog) -> dict[str, str]:
    """What an answer carries while the database of the catalogue is away; nothing while it is not."""
    return _told(catalog.away)


def _told(away: Away | None) -> dict[str, str]:
    return {} if away is None else {HEADER: f"the catalogue is as it was at {away.since:%Y-%m-%dT%H:%M:%SZ}"}


def install(app: Flask, catalog: Catalog, log: FilteringBoundLogger) -> None:
    """Say with every answer from the catalogue that it is an old one, if it is; and in the log which rows of it do not
    count."""
    told: list[Away | None] = [None]
    logged: set[RowFault] = set()

    @app.before_request
    def begin() -> None:
        g.away = catalog.away

    @app.after_request
    def tell(response: Response) -> Response:
        if new := {*catalog.noted_row_faults} - logged:
            logged.update(new)
            for fault in sorted(map(str, new)):
                log.warning("a row of the catalogue does not count", fault=fault)
        away, before = catalog.away, told[0]
        if response.status_code < 400:
            # It may have come back since this answer looked.
            response.headers.update(_told(away or g.get("away")))
        if (away is None) != (before is None):
            told[0] = away
            if away is not None:
                log.warning("the catalogue is away; answers are from what was known", why=away.why)
            elif before is not None:
                log.info("the catalogue is back", since=before.since.isoformat())
        return response
