"""Which run answers for a series on a day."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from forecast.errors import Fault, InvalidInput
from forecast.registry import Registry, Run
from forecast.series import Series

if TYPE_CHECKING:
    from forecast.catalog import Catalog


def serving(catalog: Catalog, registry: Registry, series_id: str, as_of: dt.date) -> tuple[Series, Run]:
    """A series and the run that answers for it on a day.

    Raises ``NotFound``, ``NotTrained``, and ``InvalidInput`` for a day on which what the run was trained on was not
    yet known.
    """
    series = catalog.get(series_id)
    run = registry.champion(series_id)
    released: dt.date = series.calendar.end(run.last).item() + dt.timedelta(days=series.release_lag_days)
    known = max(released, dt.date.fromisoformat(run.card["events_known_to"]))
    if as_of < known:
        raise InvalidInput(Fault("as_of", str(as_of), f"{known} or later: so late is what {run.run_id} knows"))
    return series, run
