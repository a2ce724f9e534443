"""Which run answers for a series on a day."""

from __future__ import annotations

import datetime as dt

from forecast.errors import Fault, InvalidInput
from forecast.registry import Registry, Run
from forecast.timeseries.series import Series


def serving(series: Series, registry: Registry, as_of: dt.date) -> Run:
    """The champion of a series, asked on a day.

    Raises ``NotTrained``, and ``InvalidInput`` for a day on which what the run was trained on was not yet known.
    """
    run = registry.champion(series.series_id)
    known = _known(series, run)
    if as_of < known:
        raise InvalidInput(Fault("as_of", str(as_of), f"{known} or later: so late is what {run.run_id} knows"))
    return run


def _known(series: Series, run: Run) -> dt.date:
    """The day on which the last value and the last fact about events of a run were known."""
    released: dt.date = series.calendar.end(run.last).item() + dt.timedelta(days=series.release_lag_days)
    return max(released, dt.date.fromisoformat(run.card["events_known_to"]))
