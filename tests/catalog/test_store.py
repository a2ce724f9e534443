"""What users rely on: what was known on a day, nothing lost or half written, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text

from forecast.catalog import Catalog, Observation
from forecast.catalog.schema import METADATA, SCHEMA_VERSION
from forecast.errors import InvalidInput, Misconfigured, NotFound, TooShort
from forecast.events import Act
from forecast.settings import Settings
from tests.support.records import a_series

MAY, JUNE = datetime(2026, 5, 20, tzinfo=UTC), datetime(2026, 6, 20, 9, tzinfo=UTC)
TODAY = date(2026, 11, 24)
MINE = a_series("mine", "cobalt", "price", "target", "world", "WLD", "WLD", "USD/t", "M", 0)


def an_observation(ds: date, value: float, known: datetime, series_id: str = "mine") -> Observation:
    return Observation(series_id, ds, value, "reported", known)


# One process of a parallel run starts the server, not each.


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> Settings:
    """Settings of a seeded catalogue on each of the databases."""
    if request.param == "sqlite":
        found: Settings = request.getfixturevalue("settings")
        return found
    return Settings.from_env({"ORECAST_DATABASE_URL": request.getfixturevalue("postgres_url")})


@pytest.fixture
def anywhere(either: Settings) -> Iterator[Catalog]:
    """A seeded catalogue on each of the databases."""
    catalog = Catalog.open(either)
    yield catalog
    catalog.close()


# Reads.


def test_the_bundled_series_are_there_in_order(anywhere: Catalog) -> None:
    series = anywhere.series()
    assert len(series) == 216
    assert list(series) == sorted(series)
    assert anywhere.get("price.copper") == series["price.copper"]
    assert len(anywhere.events()) == 248
    assert anywhere.minerals().related("rare-earths-heavy", "rare-earths")


def test_an_unknown_series_is_told_with_the_nearest(catalog: Catalog) -> None:
    for read in (catalog.get, catalog.history, catalog.observations, catalog.fingerprint):
        with pytest.raises(NotFound, match=r"no series 'price.coper'; nearest: price.copper"):
            read("price.coper")


@pytest.mark.parametrize(
    ("series_id", "first_day"),
    [
        ("price.copper", date(2025, 4, 5)),
        ("volume.steel.export.cn", date(2025, 4, 9)),
        ("volume.magnets.export.cn", date(2025, 4, 20)),
        ("value.goods-nonenergy.import.us", date(2025, 5, 7)),
    ],
)
def test_a_bundled_value_is_known_from_its_release(anywhere: Catalog, series_id: str, first_day: date) -> None:
    march = np.datetime64("2025-03-01")
    eve = date.fromordinal(first_day.toordinal() - 1)
    assert anywhere.history(series_id, eve).ds[-1] < march
    assert anywhere.history(series_id, first_day).ds[-1] == march
    assert anywhere.observations(series_id, first_day, date(2025, 3, 1))[0].known_at == first_day
    assert anywhere.observations(series_id, eve, date(2025, 3, 1)) == []


def test_bundled_moments_are_marked_as_assumed(catalog: Catalog) -> None:
    assert all(observation.assumed for observation in catalog.observations("price.copper"))


def test_a_month_that_was_not_published_is_a_gap(catalog: Catalog) -> None:
    history = catalog.history("price.phosphate-rock")
    gap = history.ds == np.datetime64("2023-11-01")
    assert np.isnan(history.y[gap]).all()
    assert history.flag[gap].tolist() == [""]
    assert np.isfinite(history.y[~gap]).all()
    assert (np.diff(history.ds.astype("datetime64[M]")).astype(int) == 1).all()


def test_all_histories_come_in_one_query_and_are_the_single_ones(anywhere: Catalog) -> None:
    anywhere.series()
    statements: list[str] = []
    event.listen(anywhere._database._engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    histories = anywhere.histories(as_of=date(2025, 3, 31))
    assert sum("FROM observations" in statement for statement in statements) == 1
    assert set(histories) == set(anywhere.series())
    for series_id in ("price.copper", "volume.gallium.export.cn"):
        one = anywhere.history(series_id, date(2025, 3, 31))
        assert histories[series_id].ds.tolist() == one.ds.tolist()
        np.testing.assert_array_equal(histories[series_id].y, one.y)
        assert histories[series_id].flag.tolist() == one.flag.tolist()


def test_before_the_first_value_was_known_there_is_no_history(catalog: Catalog) -> None:
    with pytest.raises(TooShort, match=r"volume.gallium.export.cn .* known on 2000-01-01"):
        catalog.history("volume.gallium.export.cn", date(2000, 1, 1))
    assert "volume.gallium.export.cn" not in catalog.histories(as_of=date(2000, 1, 1))


def test_events_are_read_as_they_were_known(anywhere: Catalog) -> None:
    assert "cn-7ree-licence-2025" not in anywhere.events(date(2025, 3, 31))
    assert "cn-7ree-licence-2025" in anywhere.events(date(2025, 4, 30))
    assert anywhere.events(date(2025, 10, 15))["cn-mofcom-61-2025"].ended is None
    assert anywhere.events(date(2025, 11, 8))["cn-mofcom-61-2025"].ended == date(2025, 11, 7)
    assert Act("suspends", "cn-mofcom-61-2025") in anywhere.events()["cn-suspension-no70-2025"].acts


def test_how_far_the_knowledge_of_events_goes(catalog: Catalog) -> None:
    assert catalog.events_known_to(TODAY) == date(2026, 10, 8)
    assert catalog.events_known_to(date(2025, 4, 4)) == date(2025, 4, 4)
    assert catalog.events_known_to(date(1980, 1, 1)) == date.min


# Writes.


def test_vintages_are_added_and_never_replaced(anywhere: Catalog) -> None:
    first = anywhere.add(series=[MINE], observations=[an_observation(date(2026, 4, 1), 10.0, MAY)], known_at=MAY)
    again = anywhere.add(series=[MINE], observations=[an_observation(date(2026, 4, 1), 10.0, JUNE)], known_at=JUNE)
    later = anywhere.add(observations=[an_observation(date(2026, 4, 1), 11.0, JUNE)], known_at=JUNE)
    assert (first.series, first.observations, first.revised) == (1, 1, 0)
    assert (again.changed, again.unchanged) == (0, 2)
    assert (later.observations, later.revised) == (0, 1)
    values = [anywhere.history("mine", day).y.tolist() for day in (MAY.date(), date(2026, 6, 19), JUNE.date())]
    assert values == [[10.0], [10.0], [11.0]]


def test_a_vintage_that_is_told_late_stands_where_it_belongs(catalog: Catalog) -> None:
    april = date(2026, 4, 1)
    catalog.add(series=[MINE], observations=[an_observation(april, 12.0, JUNE)], known_at=JUNE)
    catalog.add(observations=[an_observation(april, 10.0, MAY)], known_at=JUNE)
    assert [o.value for o in catalog.observations("mine", MAY.date())] == [10.0]
    assert [o.value for o in catalog.observations("mine")] == [12.0]


def test_a_changed_flag_is_a_revision(catalog: Catalog) -> None:
    one = an_observation(date(2026, 4, 1), 10.0, MAY)
    catalog.add(series=[MINE], observations=[one], known_at=MAY)
    other = dataclasses.replace(one, flag="derived", known=JUNE)
    assert catalog.add(observations=[other], known_at=JUNE).revised == 1


def test_a_revision_in_a_later_snapshot_becomes_known_when_it_is_read_in(catalog: Catalog) -> None:
    (bundled,) = catalog.observations("price.copper", None, date(2025, 3, 1), date(2025, 3, 1))
    changed = dataclasses.replace(bundled, value=bundled.value + 1)
    assert catalog.add(observations=[changed], known_at=JUNE).revised == 1
    then = catalog.observations("price.copper", date(2026, 6, 19), date(2025, 3, 1), date(2025, 3, 1))
    now = catalog.observations("price.copper", date(2026, 6, 20), date(2025, 3, 1), date(2025, 3, 1))
    assert (then, now[0].value, now[0].assumed) == ([bundled], bundled.value + 1, False)


def test_all_or_nothing(anywhere: Catalog) -> None:
    good, bad = an_observation(date(2026, 4, 1), 1.0, MAY), an_observation(date(2026, 4, 1), 1.0, MAY, "nobody")
    with pytest.raises(NotFound, match="nobody"):
        anywhere.add(series=[MINE], observations=[good, bad], known_at=MAY)
    twice = dataclasses.replace(good, value=2.0)
    with pytest.raises(InvalidInput, match="known since 2026-05-20"):
        anywhere.add(series=[MINE], observations=[good, twice], known_at=MAY)
    assert "mine" not in anywhere.series()


def test_a_catalogue_sees_what_another_process_wrote(catalog: Catalog, settings: Settings) -> None:
    assert "mine" not in catalog.series()
    with_price = catalog.history("price.copper").y[-1]
    other = Catalog.open(settings)
    news = an_observation(date(2026, 7, 1), with_price + 1, JUNE, "price.copper")
    other.add(series=[MINE], observations=[news], known_at=JUNE)
    other.close()
    assert "mine" in catalog.series()
    assert catalog.history("price.copper").y[-1] == with_price + 1


def test_the_fingerprint_changes_with_what_a_forecast_rests_on(catalog: Catalog) -> None:
    before = catalog.fingerprint("price.copper", TODAY)
    events = catalog.events()
    touching, other = events["us-s232-copper-2025"], events["cn-7ree-licence-2025"]
    catalog.add(events=[dataclasses.replace(touching, title="In other words")], known_at=JUNE)
    catalog.add(events=[dataclasses.replace(other, value_after=2.0)], known_at=JUNE)
    assert catalog.fingerprint("price.copper", TODAY) == before
    catalog.add(events=[dataclasses.replace(touching, value_after=30.0)], known_at=JUNE)
    assert catalog.fingerprint("price.copper", TODAY) != before
    assert catalog.fingerprint("price.copper", date(2025, 1, 1)) != before


def test_the_fingerprint_is_the_same_on_both_databases(catalog: Catalog, postgres_url: str) -> None:
    other = Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": postgres_url}))
    for series_id in ("price.copper", "volume.rare-earths.export.cn"):
        assert other.fingerprint(series_id, TODAY) == catalog.fingerprint(series_id, TODAY)
    other.close()


def test_events_are_stored_without_loss(anywhere: Catalog, bundled_events: object) -> None:
    assert anywhere.events() == bundled_events


_PERIODS = st.sampled_from([date(2026, 1, 1), date(2026, 2, 1), date(2026, 4, 1)])
_MOMENTS = st.datetimes(datetime(2026, 5, 1), datetime(2026, 5, 6), timezones=st.just(UTC))
_CLAIMS = st.lists(st.tuples(_PERIODS, st.sampled_from([1.0, 2.0]), _MOMENTS), max_size=6, unique_by=lambda c: c[2])


@pytest.fixture(scope="module")
def shared(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    path = tmp_path_factory.mktemp("shared") / "orecast.db"
    path.write_bytes(seeded.read_bytes())
    catalog = Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": f"sqlite:///{path}"}))
    yield catalog
    catalog.close()


@given(_CLAIMS, st.dates(date(2026, 4, 30), date(2026, 5, 7)), st.integers())
def test_in_whichever_order_they_come_the_last_known_counts(
    shared: Catalog, claims: list[tuple[date, float, datetime]], as_of: date, seed: int
) -> None:
    mine = dataclasses.replace(MINE, series_id=f"mine-{time.perf_counter_ns()}")
    observations = [an_observation(ds, value, known, mine.series_id) for ds, value, known in claims]
    np.random.default_rng(abs(seed)).shuffle(observations)
    for part in (observations[:1], observations[1:]):
        shared.add(series=[mine], observations=part, known_at=JUNE)
    expected: dict[date, float] = {}
    for ds, value, known in sorted(claims, key=lambda claim: claim[2]):
        if known.date() <= as_of:
            expected[ds] = value
    assert {o.ds: o.value for o in shared.observations(mine.series_id, as_of)} == expected
    if expected:
        history = shared.history(mine.series_id, as_of)
        present = np.isfinite(history.y)
        found = zip(history.ds[present].tolist(), history.y[present].tolist(), strict=True)
        assert dict(found) == expected


# Opening.


def test_opening_again_is_quick_and_changes_nothing(settings: Settings, catalog: Catalog) -> None:
    number = catalog._memory.facts().number
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        again = Catalog.open(settings)
        seconds.append(time.perf_counter() - start)
        assert again._memory.facts().number == number
        again.close()
    assert min(seconds) < 0.05


def test_reading_needs_neither_pandas_nor_alembic(settings: Settings) -> None:
    code = (
        "import sys, os; from forecast.catalog import Catalog; from forecast.settings import Settings;"
        "Catalog.open(Settings.from_env(os.environ)).histories();"
        "print(sorted({'pandas', 'alembic', 'scipy', 'statsmodels', 'joblib'} & set(sys.modules)))"
    )
    assert run(code, settings.database_url) == "[]"


def test_two_starts_at_once_on_an_empty_folder(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'orecast.db'}"
    code = (
        "import os; from forecast.catalog import Catalog; from forecast.settings import Settings;"
        "c = Catalog.open(Settings.from_env(os.environ));"
        "print(len(c.series()), len(c.histories()), c._memory.facts().number)"
    )
    starts = [start(code, url) for _ in range(2)]
    assert [finish(process) for process in starts] == ["216 216 1"] * 2


WRITE = """
import os, sys
from datetime import UTC, date, datetime
from forecast.catalog import Catalog, Observation
from forecast.settings import Settings
catalog = Catalog.open(Settings.from_env(os.environ))
me = int(sys.argv[1])
for n in range(12):
    ds = date(2000 + me, 1 + n % 12, 1)
    moment = datetime(2026, 1, 1 + n, me, tzinfo=UTC)
    catalog.add(observations=[Observation("price.lead", ds, 1.0 + n, "reported", moment)], known_at=moment)
"""


def test_processes_that_write_at_once_lose_nothing(either: Settings) -> None:
    catalog = Catalog.open(either)
    number = catalog._memory.facts().number
    writers = [start(WRITE, either.database_url, str(n)) for n in range(3)]
    for writer in writers:
        finish(writer)
    assert catalog._memory.facts().number == number + 36
    with catalog._database.reading() as connection:
        query = "SELECT count(*) FROM observations WHERE series_id = 'price.lead' AND assumed = false"
        assert connection.execute(text(query)).scalar() == 36
    catalog.close()


HANG = """
import os, sys, time
from sqlalchemy import text
from forecast.catalog import Catalog
from forecast.settings import Settings
catalog = Catalog.open(Settings.from_env(os.environ))
with catalog._database.writing() as connection:
    connection.execute(text("UPDATE observations SET value = 0"))
    print("half way", flush=True)
    time.sleep(60)
"""


def test_a_writer_that_is_killed_leaves_everything_as_it_was(either: Settings) -> None:
    before = Catalog.open(either)
    fingerprint = before.fingerprint("price.copper")
    writer = start(HANG, either.database_url)
    assert writer.stdout is not None
    assert writer.stdout.readline().strip() == "half way"
    assert before.fingerprint("price.copper") == fingerprint  # readers do not wait
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    before.close()
    after = Catalog.open(either)
    assert after.fingerprint("price.copper") == fingerprint
    assert after.add(series=[MINE], known_at=MAY).series == 1
    after.close()


def start(code: str, url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env={**os.environ, "ORECAST_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip()


def run(code: str, url: str) -> str:
    return finish(start(code, url))


# The schema.


def test_the_migrations_lead_to_the_tables(anywhere: Catalog) -> None:
    with anywhere._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert context.get_current_revision() == SCHEMA_VERSION
        assert compare_metadata(context, METADATA) == []


def test_new_bundled_data_leave_ones_own_events_and_resolutions_as_they_are(
    catalog: Catalog, settings: Settings
) -> None:
    earths, licence = "volume.rare-earths.export.cn", catalog.events()["cn-7ree-licence-2025"]
    bundled = catalog.get(earths)
    finer = dataclasses.replace(bundled, resolution=0.1, notes="put right")
    mine = dataclasses.replace(licence, event_id="mine", own=True)
    catalog.add(series=[finer], events=[mine, dataclasses.replace(licence, title="Mine", own=True)], known_at=JUNE)
    with catalog._database.writing() as connection:
        connection.execute(text("DELETE FROM snapshots"))
    again = Catalog.open(settings)
    assert again.get(earths) == dataclasses.replace(bundled, resolution=0.1)
    assert [event.event_id for event in again.events().values() if event.own] == ["mine"]
    again.close()


def test_a_catalogue_of_a_newer_version_is_refused(catalog: Catalog, settings: Settings) -> None:
    with catalog._database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match="schema 9999"):
        Catalog.open(settings)


@pytest.mark.parametrize(
    "url",
    ["nonsense", "oracledb+none://x/y", "postgresql+none://me:secret@127.0.0.1/none", "sqlite:////dev/null/orecast.db"],
)
def test_a_database_that_cannot_be_had(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": url}))
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
