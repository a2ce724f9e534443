"""What users rely on: what was believed of an event on each day is what was recorded by then, and nothing is lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from forecast.catalog import Catalog
from forecast.catalog.event_changes import BUNDLED
from forecast.errors import NotFound
from forecast.events import Action, Event, EventChange
from forecast.settings import Settings
from tests.support.small_world import a_ban

START = datetime(2030, 6, 1, 12, tzinfo=UTC)
MINE = dataclasses.replace(a_ban("mine"), own=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> Settings:
    """Settings of a seeded catalogue on each of the databases."""
    if request.param == "sqlite":
        found: Settings = request.getfixturevalue("settings")
        return found
    return Settings.from_env({"ORECAST_DATABASE_URL": request.getfixturevalue("postgres_url")})


@pytest.fixture
def anywhere(either: Settings) -> Iterator[Catalog]:
    catalog = Catalog.open(either)
    yield catalog
    catalog.close()


def amendment(known: datetime, now: datetime, **facts: object) -> EventChange:
    return EventChange("mine", Action.AMEND, known, now, "Ann", "", facts)


def test_an_amendment_counts_from_its_day_and_an_earlier_day_keeps_what_was_believed(anywhere: Catalog) -> None:
    anywhere.add(events=[MINE], known_at=START)
    later = START + timedelta(days=10)
    anywhere.change_event(amendment(later, later, ended=date(2030, 8, 1), end_known=date(2030, 6, 5), acts=""))
    assert anywhere.events()["mine"].ended == date(2030, 8, 1)
    assert anywhere.events(date(2030, 6, 11))["mine"].ended == date(2030, 8, 1)
    assert anywhere.events(date(2030, 6, 10))["mine"] == MINE
    assert "mine" not in anywhere.events(date(2030, 1, 9))  # announced on the next day
    assert anywhere.events_known_to() == date(2030, 6, 11)


def test_what_was_learned_earlier_counts_earlier_and_a_later_change_stays_on_top(anywhere: Catalog) -> None:
    anywhere.add(events=[MINE], known_at=START)
    day = timedelta(days=1)
    anywhere.change_event(amendment(START + 10 * day, START + 10 * day, value_after=30.0))
    anywhere.change_event(amendment(START + 2 * day, START + 11 * day, value_after=20.0, title="Told"))
    found = [anywhere.events((START + n * day).date())["mine"] for n in (1, 2, 9, 10)]
    assert [(event.value_after, event.title) for event in found] == [
        (None, "mine"),
        (20.0, "Told"),
        (20.0, "Told"),
        (30.0, "Told"),
    ]


def test_a_retired_event_is_gone_from_the_day_on_and_comes_back_with_all_it_was(anywhere: Catalog) -> None:
    anywhere.add(events=[MINE], known_at=START)
    for n, action in ((1, Action.RETIRE), (3, Action.BRING_BACK)):
        moment = START + timedelta(days=n)
        anywhere.change_event(EventChange("mine", action, moment, moment, "Ann", "a rumour"))
    there = {n: "mine" in anywhere.events((START + timedelta(days=n)).date()) for n in range(5)}
    assert there == {0: True, 1: False, 2: False, 3: True, 4: True}
    assert anywhere.events()["mine"] == MINE
    first, changes = anywhere.event_history("mine")
    assert first == MINE
    assert [(change.action, change.by, change.why) for change in changes] == [
        (Action.RETIRE, "Ann", "a rumour"),
        (Action.BRING_BACK, "Ann", "a rumour"),
    ]


def test_a_file_that_says_otherwise_of_an_event_amends_it_from_then_on(anywhere: Catalog) -> None:
    anywhere.add(events=[MINE], known_at=START)
    later = START + timedelta(days=5)
    assert anywhere.add(events=[dataclasses.replace(MINE, value_after=30.0)], known_at=later).replaced == 1
    assert anywhere.add(events=[dataclasses.replace(MINE, value_after=30.0)], known_at=later).unchanged == 1
    assert anywhere.events(date(2030, 6, 5))["mine"].value_after is None
    assert anywhere.events(date(2030, 6, 6))["mine"].value_after == 30.0


def test_what_a_new_snapshot_corrects_holds_for_all_days_and_what_a_user_said_stays(
    catalog: Catalog, settings: Settings
) -> None:
    licence = catalog.events()["cn-7ree-licence-2025"]
    now = datetime(2026, 11, 27, tzinfo=UTC)
    catalog.change_event(
        EventChange(licence.event_id, Action.AMEND, now, now, "Ann", "", {"status_note": "Ann's note"})
    )
    with catalog._database.writing() as connection:
        connection.execute(text("DELETE FROM snapshots"))
        connection.execute(text("UPDATE events SET title = 'wrong', scope_note = 'wrong' WHERE own = false"))
    again = Catalog.open(settings)
    assert again.events(date(2025, 5, 1))[licence.event_id].title == licence.title
    assert again.events()[licence.event_id] == dataclasses.replace(licence, status_note="Ann's note")
    again.close()


def test_a_bundled_event_that_a_new_snapshot_no_longer_has_never_was(catalog: Catalog, settings: Settings) -> None:
    old = dataclasses.replace(MINE, event_id="us-cn-stockholm-madrid-2025", own=False)
    catalog.add(events=[MINE, old], known_at=START)
    with catalog._database.writing() as connection:
        connection.execute(text("DELETE FROM snapshots"))
    again = Catalog.open(settings)
    assert old.event_id not in again.events()
    assert old.event_id not in again.events(date(2030, 2, 1))
    assert "mine" in again.events()
    _, (change,) = again.event_history(old.event_id)
    assert (change.action, change.by) == (Action.RETIRE, BUNDLED)
    with again._database.writing() as connection:
        connection.execute(text("DELETE FROM snapshots"))
    third = Catalog.open(settings)
    assert len(third.event_history(old.event_id)[1]) == 1
    third.close()
    again.close()


def test_an_unknown_event_cannot_be_changed(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="nearest: cn-7ree-licence-2025"):
        catalog.change_event(EventChange("cn-7ree-license-2025", Action.RETIRE, START, START))


def test_a_change_of_an_event_is_seen_by_who_reads_and_makes_due_only_what_a_training_uses(catalog: Catalog) -> None:
    copper, event_id = "price.copper", "us-s232-copper-2025"
    prints = [catalog.fingerprint(copper)]
    now = datetime(2026, 11, 27, tzinfo=UTC)
    for facts in ({"title": "Other words"}, {"probability": 0.2}, {"value_after": 30.0}):
        edition = catalog.edition()
        catalog.change_event(EventChange(event_id, Action.AMEND, now, now, facts=facts))
        assert catalog.edition() == edition + 1
        prints.append(catalog.fingerprint(copper))
    assert prints[0] == prints[1] == prints[2] != prints[3]


DAYS = st.integers(0, 20)
STEPS = st.lists(
    st.tuples(st.sampled_from([Action.AMEND, Action.RETIRE, Action.BRING_BACK]), DAYS, st.integers(0, 99)), max_size=8
)


def believed(steps: list[tuple[Action, int, int]], day: int) -> float | str | None:
    """By hand: what the changes that are known by a day make of the value, or that it is retired."""
    value: float | None = None
    retired = False
    for action, known, number in sorted(steps, key=lambda step: step[1]):  # in order of writing on one day
        if known > day:
            break
        value = float(number) if action is Action.AMEND else value
        retired = retired if action is Action.AMEND else action is Action.RETIRE
    return "retired" if retired else value


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, number=st.integers(0, 10**9))
def test_what_was_believed_on_each_day_is_what_was_recorded_by_then(
    catalog: Catalog, steps: list[tuple[Action, int, int]], number: int
) -> None:
    name = f"mine-{number}-{catalog.edition()}"
    catalog.add(events=[dataclasses.replace(MINE, event_id=name)], known_at=START)
    for n, (action, known, value) in enumerate(steps):
        facts = {"value_after": float(value)} if action is Action.AMEND else {}
        since = START + timedelta(days=known)
        catalog.change_event(EventChange(name, action, since, START + timedelta(days=30, seconds=n), facts=facts))

    def told(event: Event | None) -> float | str | None:
        return "retired" if event is None else event.value_after

    whole = catalog.events()
    for day in range(22):
        on = (START + timedelta(days=day)).date()
        assert told(catalog.events(on).get(name)) == believed(steps, day)
        assert whole.known_on(on).known_on(on).get(name) == catalog.events(on).get(name)
    assert told(whole.get(name)) == believed(steps, 99)
    late = whole.known_on((START + timedelta(days=21)).date())
    assert told(late.known_on(START.date()).get(name)) == believed(steps, 0)
    assert len(catalog.event_history(name)[1]) == len(steps)
