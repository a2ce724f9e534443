"""What the worker does and when: its jobs, the stages of these, and the functions that other processes do them by.

At the ticks of ``ORECAST_FETCH_SCHEDULE`` every public source is fetched; if that brought anything, what is due is
trained, and all of it published. At those of ``ORECAST_SCHEDULE`` what is due is trained, whoever brought what is new,
and all of it published.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.errors import ForecastError, Misconfigured
from forecast.extras import installed
from forecast.jobs.retrain import due_now, train_now
from forecast.jobs.tasks import LOG_LEVEL, Job, Outcome, Stage, failed, ticks
from forecast.settings import OFF, Settings

if TYPE_CHECKING:
    from forecast.catalog.fetches import FetchState

#: Seconds that one source may take, since 2010 the first time and a month a request; and how many are fetched at once.
FETCH_SECONDS, FETCHED_AT_ONCE = 3 * 3600.0, 4


def jobs(settings: Settings) -> tuple[Job, ...]:
    """The jobs of the worker. One that fetches has no schedule where that is off, or where nothing is installed for it:
    it only takes up what was left undone, which is then nothing.
    """
    schedule = settings.fetch_schedule if fetches(settings) else ""
    return (
        Job("update", "updated", schedule, (FETCHING, TRAINING, PUBLISHING)),
        Job("retrain", "retrained", settings.schedule, (TRAINING, PUBLISHING)),
    )


def fetches(settings: Settings) -> bool:
    """Whether the worker opens the network."""
    return settings.fetch_schedule != OFF and installed("sources")


# -- public sources ----------------------------------------------------------------------------------------------------


def fetch_due(settings: Settings) -> tuple[str, ...]:
    """The sources that were not asked since the last tick; none where the worker is not to open the network."""
    if not fetches(settings):
        return ()
    from forecast.jobs.fetch import opened, to_fetch

    names = to_fetch(settings)
    with opened(settings) as (catalog, _):
        states = catalog.fetches.states()
    now = dt.datetime.now(dt.UTC)
    since = ticks(settings.fetch_schedule, now).get_prev(dt.datetime)
    # Who was asked later than now was so by a clock that has been set right since.
    return tuple(name for name in names if name not in states or not since <= states[name].tried <= now)


def fetch_all(settings: Settings) -> tuple[str, ...]:
    """Every source that is enabled and can be asked. Raises ``Misconfigured`` where the worker opens no network."""
    if not fetches(settings):
        why = "ORECAST_FETCH_SCHEDULE is off" if installed("sources") else "the extra 'sources' is not installed"
        raise Misconfigured(f"the worker opens no network: {why}")
    from forecast.jobs.fetch import to_fetch

    return to_fetch(settings)


def fetch_now(settings: Settings, name: str) -> Outcome:
    """What became of one source, told as news only where it is: that it began to fail, or is well again."""
    if not fetches(settings):
        return {"status": OFF}
    from forecast.jobs.fetch import fetch_source, opened

    with opened(settings) as (catalog, _):
        before = catalog.fetches.states().get(name)
    return as_news(fetch_source(settings, name), before)


def fetch_died(settings: Settings, name: str, why: str) -> Outcome:
    """Keep that a source could not be fetched for a reason of ours: it raised, hung, or its process was killed."""
    from forecast.catalog.fetches import FetchState
    from forecast.jobs.fetch import opened

    now = dt.datetime.now(dt.UTC)
    with opened(settings) as (catalog, _):
        before = catalog.fetches.states().get(name) or FetchState(name, now)
        since = before.fault_since if before.fault else now
        state = FetchState(name, now, before.succeeded, why, since, {}, before.asked)
        catalog.fetches.record(state)
    return as_news(failed(settings, name, why), before)


def as_news(outcome: Outcome, before: FetchState | None) -> Outcome:
    """An outcome after the state that the source was in: a fault that it had already is not told again, and who is well
    again is told.
    """
    status = outcome["status"]
    if before is None or not before.fault:
        return {**outcome, LOG_LEVEL: "warning"} if status in _AT_FAULT else outcome
    if status not in _AT_FAULT:
        return {**outcome, "again": f"well, at fault since {before.fault_since:%Y-%m-%d %H:%M} UTC"}
    if status != ("partial" if any((before.counts or {}).values()) else "failed"):
        return {**outcome, LOG_LEVEL: "warning"}
    return {**outcome, LOG_LEVEL: "debug"} if status == "failed" else {**outcome, "detail": ""}


#: Statuses of a source with which something is wrong: nothing came of it, or not all.
_AT_FAULT = ("failed", "partial")

# -- what is published -------------------------------------------------------------------------------------------------


def publish_due(settings: Settings) -> tuple[str, ...]:
    """The folder that is published into, if one is."""
    return (str(settings.publish_dir),) if settings.publish_dir else ()


def publish_now(settings: Settings, folder: str) -> Outcome:
    """What became of publishing what is known today (UTC) into a folder."""
    from forecast.catalog import Catalog
    from forecast.jobs.publish import publish
    from forecast.registry import Registry

    catalog = Catalog.open(settings)
    try:
        today = dt.datetime.now(dt.UTC).date()
        published = publish(catalog, Registry(settings.models_dir), Path(folder), today, settings.publish_keep)
    except (ForecastError, OSError) as error:
        return {"status": "failed", "detail": str(error)}
    finally:
        catalog.close()
    left_out = sum(one.fault for one in published.left_out)
    without = f"{left_out} series, whose reasons the manifest has" if left_out else ""
    return {"status": published.status, "day": str(published.day), "size": published.size, "without": without}


FETCHING = Stage(
    "fetch",
    "sources",
    "fetching",
    "source",
    "fetching",
    fetch_due,
    fetch_now,
    died=fetch_died,
    seconds=FETCH_SECONDS,
    at_once=FETCHED_AT_ONCE,
    joined=True,
    news=("fetched", "partial"),
    ask_all=fetch_all,
)
TRAINING = Stage("train", "due", "training", "series", "retraining", due_now, train_now, by_name=True)
PUBLISHING = Stage("publish", "folders", "publishing", "folder", "", publish_due, publish_now, at_once=1)
