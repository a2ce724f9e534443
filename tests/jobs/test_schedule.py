"""What the worker does when, and what of it is news."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecast.catalog import Catalog
from forecast.catalog.fetches import FetchState
from forecast.jobs import schedule
from forecast.jobs.schedule import as_news, fetch_died, fetch_due, fetch_now, jobs, publish_due, publish_now
from forecast.jobs.tasks import LOG_LEVEL, Outcome
from forecast.settings import Settings
from tests.support.numbers_source import months, numbers, write_sources
from tests.support.publishers import NOT_FOUND, Answer, Publisher, Request, published
from tests.support.trained_home import make_home, settings_in

SINCE = dt.datetime(2026, 11, 25, 2, tzinfo=dt.UTC)
WELL = FetchState("alpha", SINCE, SINCE, counts={"series": 1, "added": 3})
DOWN = FetchState("alpha", SINCE, None, "status 503", SINCE, {"series": 0})
PARTLY = FetchState("alpha", SINCE, None, "no such key", SINCE, {"series": 4})


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    def answer(request: Request) -> Answer:
        return numbers({"K": months(40)}) if request.path == "alpha/numbers.json" else NOT_FOUND

    with published(answer) as publisher:
        yield publisher


@pytest.fixture
def settings(tmp_path: Path, publisher: Publisher) -> Settings:
    """A home with a source that answers and one that does not."""
    make_home(tmp_path)
    write_sources(tmp_path, publisher.url, "alpha", "beta")
    return settings_in(tmp_path)


def states(settings: Settings) -> dict[str, FetchState]:
    catalog = Catalog.open(settings)
    try:
        return catalog.fetches.states()
    finally:
        catalog.close()


@pytest.mark.parametrize(
    ("before", "status", "level", "detail"),
    [
        (None, "failed", "warning", "why"),
        (WELL, "failed", "warning", "why"),
        (WELL, "partial", "warning", "why"),
        (DOWN, "failed", "debug", "why"),
        (PARTLY, "partial", None, ""),
        (PARTLY, "failed", "warning", "why"),  # from bad to worse
        (DOWN, "partial", "warning", "why"),
        (DOWN, "unchanged", None, "why"),
        (WELL, "unchanged", None, "why"),
    ],
)
def test_a_fault_is_told_when_it_begins_and_not_again(
    before: FetchState | None, status: str, level: str | None, detail: str
) -> None:
    outcome = as_news({"status": status, "detail": "why"}, before)
    assert (outcome.get(LOG_LEVEL), outcome["detail"]) == (level, detail)


@pytest.mark.parametrize("status", ["fetched", "unchanged"])
def test_who_is_well_again_is_told_with_since_when_it_was_not(status: str) -> None:
    assert as_news({"status": status}, DOWN)["again"] == "well, at fault since 2026-11-25 02:00 UTC"
    assert "again" not in as_news({"status": status}, WELL)


def test_a_source_that_was_asked_since_the_last_tick_is_not_asked_before_the_next(
    settings: Settings, publisher: Publisher
) -> None:
    assert fetch_due(settings) == ("alpha", "beta")
    assert fetch_now(settings, "alpha")["status"] == "fetched"
    assert fetch_now(settings, "beta")["status"] == "failed"
    assert fetch_due(settings) == ()
    every_second = settings.model_copy(update={"fetch_schedule": "* * * * * *"})
    catalog = Catalog.open(settings)
    for name, state in catalog.fetches.states().items():
        catalog.fetches.record(FetchState(name, state.tried - dt.timedelta(seconds=2)))
    catalog.close()
    assert fetch_due(every_second) == ("alpha", "beta")
    catalog = Catalog.open(settings)
    for name, state in catalog.fetches.states().items():
        catalog.fetches.record(FetchState(name, state.tried + dt.timedelta(days=4000)))
    catalog.close()
    assert fetch_due(settings) == ("alpha", "beta"), "the clock was ahead"


def test_where_fetching_is_off_or_not_installed_nothing_is_asked(
    settings: Settings, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = settings.model_copy(update={"fetch_schedule": "off"})
    assert [(job.name, job.schedule) for job in jobs(settings)] == [("update", "0 2 * * *"), ("retrain", "0 3 * * *")]
    assert [(job.name, job.schedule) for job in jobs(off)] == [("update", ""), ("retrain", "0 3 * * *")]
    assert (fetch_due(off), fetch_now(off, "alpha")) == ((), {"status": "off"})
    monkeypatch.setattr(schedule, "installed", lambda extra: extra != "sources")
    assert [job.schedule for job in jobs(settings)] == ["", "0 3 * * *"]
    assert (fetch_due(settings), fetch_now(settings, "alpha")) == ((), {"status": "off"})
    assert publisher.requests == []


def test_a_fetch_that_dies_is_kept_and_told_as_one_that_fails(settings: Settings) -> None:
    fetch_now(settings, "alpha")
    went_well = states(settings)["alpha"]
    first: Outcome = fetch_died(settings, "alpha", "it was not done after 10800 seconds, and was ended")
    assert first == {
        "status": "failed",
        "detail": "it was not done after 10800 seconds, and was ended",
        LOG_LEVEL: "warning",
    }
    kept = states(settings)["alpha"]
    assert (kept.succeeded, kept.asked) == (went_well.succeeded, went_well.asked)
    assert kept.fault_since == kept.tried > went_well.tried
    assert fetch_died(settings, "alpha", "it died")[LOG_LEVEL] == "debug"
    again = states(settings)["alpha"]
    assert (again.fault, again.fault_since) == ("it died", kept.fault_since)


def test_it_publishes_only_where_a_folder_is_set_and_a_fault_is_an_outcome(settings: Settings, tmp_path: Path) -> None:
    assert publish_due(settings) == ()
    (name,) = publish_due(settings_in(tmp_path, publish_dir=str(tmp_path / "out")))
    outcome = publish_now(settings, name)
    assert outcome["status"] == "published"
    assert outcome["without"].endswith(" series, whose reasons the manifest has")
    (tmp_path / "file").touch()
    failed = publish_now(settings, str(tmp_path / "file" / "out"))
    assert failed["status"] == "failed"
    assert "file/out" in failed["detail"]
