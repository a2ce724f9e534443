"""Which run answers for a series on a day, and in what."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from forecast.errors import Fault, InvalidInput, NotTrained
from forecast.registry import Registry, Run
from forecast.timeseries.series import Series


def serving(series: Series, registry: Registry, as_of: dt.date) -> Run:
    """The champion of a series, asked on a day.

    Raises ``NotTrained``, also for what has become a comparison, and ``InvalidInput`` for a day on which what the run
    was trained on was not yet known.
    """
    run = champion_of(series, registry)
    known = _known(series, run)
    if as_of < known:
        raise InvalidInput(Fault("as_of", str(as_of), f"{known} or later: so late is what {run.run_id} knows"))
    return run


def champion_of(series: Series, registry: Registry) -> Run:
    """The champion of a series. Raises ``NotTrained``, also for what has become a comparison."""
    if not series.is_target:
        why = "it is a comparison, which is used to estimate effects and never forecast"
        raise NotTrained(series.series_id, why, "to forecast it, take its row in with the role target")
    return registry.champion(series.series_id)


def as_trained(series: Series, run: Run) -> Series:
    """The series with the facts that give the numbers of a run their meaning, as they were when it was trained."""
    then = run.card["series"]
    return replace(series, unit=then["unit"], measure=then["measure"], freq=then["freq"])


def _known(series: Series, run: Run) -> dt.date:
    """The day on which the last value and the last fact about events of a run were known."""
    released: dt.date = series.calendar.end(run.last).item() + dt.timedelta(days=series.release_lag_days)
    return max(released, dt.date.fromisoformat(run.card["events_known_to"]))
