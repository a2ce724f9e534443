"""Connections to SQLite and PostgreSQL: snapshots for reading, one writer at a time, a schema that is up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from forecast.catalog.schema import VERSION
from forecast.errors import Misconfigured

#: Seconds a writer waits for another one.
PATIENCE = 60
#: The advisory lock of writers on PostgreSQL: a number of our own.
_LOCK = 0x6F726563


class Database:
    """One database by URL. ``reading`` sees one state throughout; ``writing`` is alone and all or nothing."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise Misconfigured(f"ORECAST_DATABASE_URL = {url!r}: expected a SQLAlchemy database URL") from None
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.shown = parsed.render_as_string(hide_password=True)
        self._sqlite = parsed.get_backend_name() == "sqlite"
        try:
            if self._sqlite and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self._engine = create_engine(parsed, connect_args={"timeout": PATIENCE} if self._sqlite else {})
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise Misconfigured(f"ORECAST_DATABASE_URL = {self.shown!r}: {error}") from None
        except OSError as error:
            raise Misconfigured(f"{error.filename}: the catalogue cannot be kept there ({error.strerror})") from None
        if self._sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        # On PostgreSQL a reader's snapshot is its first statement; a writer must see what its predecessor wrote.
        isolation = {} if self._sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reader: Engine = self._engine.execution_options(**isolation)
        self._writer: Engine = self._engine.execution_options(orecast_writes=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its first moment: two writers never overlap."""
        with self._writer.begin() as connection:
            if not self._sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection

    def migrate(self) -> None:
        """Bring the schema to ``VERSION``. Raises ``Misconfigured`` if it cannot be reached or is from a newer one."""
        try:
            with self.reading() as connection:
                if _version(connection) == VERSION:
                    return
            with self.writing() as connection:
                found = _version(connection)
                if found is not None and found > VERSION:
                    raise Misconfigured(f"{self.shown} has schema {found}, this orecast knows {VERSION}: upgrade it")
                if found != VERSION:
                    _upgrade(connection)
        except DBAPIError as error:
            raise Misconfigured(f"{self.shown}: {' '.join(str(error.orig).split())}") from error

    def close(self) -> None:
        self._engine.dispose()


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN, not the driver
    connection.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads and then writes loses updates or fails: take the lock first.
    writes = connection.get_execution_options().get("orecast_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
