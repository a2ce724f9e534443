"""Connections to SQLite and PostgreSQL: snapshots for reading, one writer at a time, a schema that is up to date."""

from __future__ import annotations

import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    SAWarning,
    SQLAlchemyError,
    TimeoutError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from forecast.catalog.glance import Glance, ServerLook, SqliteLook, file_of
from forecast.catalog.schema import SCHEMA_VERSION
from forecast.errors import Locked, Misconfigured, Unavailable
from forecast.extras import require

_T = TypeVar("_T")

SETTING = "ORECAST_DATABASE_URL"
#: Seconds a writer waits for another one, and a reader for a database that is locked altogether.
WRITE_TIMEOUT, READ_TIMEOUT = 60, 10
#: The advisory lock of writers on PostgreSQL: a number of our own.
_LOCK = 0x6F726563
_DRIVER = "postgresql+psycopg"
#: What SQLite says where a file that its readers share cannot be made, and the mark of a connection that does without.
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_WRITE)
_ALONE = "alone"
#: Where a connection has which file it opened, and what is said where that is there no more.
_FILE, _GONE = "file", "its file is gone"
#: How long a PostgreSQL that says nothing is waited for: seconds to connect, milliseconds for a word on the wire.
_POSTGRES = {"connect_timeout": "5", "tcp_user_timeout": "15000", "keepalives_idle": "15", "keepalives_interval": "5"}


class Database:
    """One database by URL. ``reading`` sees one state throughout; ``writing`` is alone and all or nothing.

    Nothing is touched before it is first used. Raises ``Misconfigured`` for a URL that leads to no database, and
    ``MissingExtra`` for a PostgreSQL whose driver is not installed; whatever reads or writes raises ``Unavailable``
    while the database cannot be used. None of them tells the password.
    """

    def __init__(self, url: str) -> None:
        self._url = _parsed(url)
        #: The URL without what is secret in it.
        self.shown = self._url.set(query={}).render_as_string(hide_password=True)
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self._engine = self._create()
        if self._sqlite:
            event.listen(self._engine, "do_connect", partial(_connect_sqlite, set()))
            event.listen(self._engine, "checkout", partial(_check_file, self._url.database or ""))
            event.listen(self._engine, "checkin", _let_go)
            event.listen(self._engine, "begin", _begin_sqlite)
        # On PostgreSQL a reader's snapshot is its first statement; a writer must see what its predecessor wrote.
        isolation = {} if self._sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reader: Engine = self._engine.execution_options(**isolation)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._telling(), self._reader.connect() as connection:
            yield connection

    def read(self, question: Callable[[Connection], _T]) -> _T:
        """The answer to a question, asked once more if the connection is lost meanwhile."""
        with self._telling():
            try:
                with self._reader.connect() as connection:
                    return question(connection)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            with self._reader.connect() as connection:
                return question(connection)

    @contextmanager
    def writing(self, wait: float = WRITE_TIMEOUT) -> Iterator[Connection]:
        """A transaction that holds the write lock from its first moment: two writers never overlap.

        Raises ``Locked`` where another one has it for longer than ``wait`` seconds.
        """
        with self._telling(), self._engine.execution_options(orecast_writes=wait).begin() as connection:
            if not self._sqlite:
                connection.execute(text(f"SET LOCAL lock_timeout = '{wait * 1000:.0f}ms'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection

    @contextmanager
    def transaction(self, wait: float = WRITE_TIMEOUT) -> Iterator[Database]:
        """A transaction as ``writing`` has it, as a database of its own. Raises ``Locked``."""
        with self.writing(wait) as connection:
            yield _Transaction(self, connection)

    def migrate(self) -> None:
        """Bring the schema to ``SCHEMA_VERSION``. Raises ``Misconfigured`` if it cannot be, or is from a newer one."""
        try:
            if self._sqlite and self._url.database:
                Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
            if self.read(_version) == SCHEMA_VERSION:
                return
            with self.writing() as connection:
                found = _version(connection)
                if found is not None and found > SCHEMA_VERSION:
                    raise Misconfigured(
                        f"{self.shown} has schema {found}, this orecast knows {SCHEMA_VERSION}: upgrade it"
                    )
                if found != SCHEMA_VERSION:
                    _upgrade(connection)
        except Unavailable:
            raise
        except OSError as error:
            raise Misconfigured(f"{error.filename}: the catalogue cannot be kept there ({error.strerror})") from None
        except (DBAPIError, TypeError) as error:  # an option of the URL that the driver does not know
            raise Misconfigured(f"{SETTING} = {self.shown!r}: {self._why(error)}") from None

    def glance(self) -> Glance:
        """Tells, on a connection of its own, one state from the next."""
        path = self._url.database
        look = partial(SqliteLook, path) if self._sqlite and path else partial(ServerLook, self._engine)
        return Glance(look, self.shown)

    def close(self) -> None:
        self._engine.dispose()

    def _create(self) -> Engine:
        if self._url.drivername == _DRIVER:
            require("postgres", f"{SETTING} = {self.shown!r}")
        options: dict[str, object] = {"connect_args": {"timeout": READ_TIMEOUT}}
        if not self._sqlite:
            given = {name: value for name, value in _POSTGRES.items() if name not in self._url.query}
            options = {"connect_args": given, "pool_pre_ping": True, "pool_timeout": READ_TIMEOUT}
        try:
            with warnings.catch_warnings(action="error", category=SAWarning):  # an option that SQLite does not know
                engine = create_engine(self._url, **options)
        except (NoSuchModuleError, ImportError, ArgumentError, SAWarning, TypeError, ValueError) as error:
            raise Misconfigured(f"{SETTING} = {self.shown!r}: {self._why(error)}") from None
        if engine.dialect.is_async:
            raise Misconfigured(f"{SETTING} = {self.shown!r}: expected a driver that is not asynchronous")
        return engine

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Whatever keeps the database from being used becomes ``Unavailable``; a wrong statement stays what it is."""
        try:
            yield
        except SQLAlchemyError as error:
            if not _keeps_from_using(error):
                raise
            raise (Locked if _is_locked(error) else Unavailable)(self.shown, self._why(error)) from None

    def _why(self, error: Exception) -> str:
        """What the driver says, on one line and without what is secret in the URL."""
        message = " ".join(str(getattr(error, "orig", None) or error).split())
        given = {"password": self._url.password, **self._url.query}
        for secret in (value for name, value in given.items() if "password" in name and isinstance(value, str)):
            message = message.replace(secret, "***") if secret else message
        return message


class _Transaction(Database):
    """A transaction of a database in which everything is read and written; a write of it that fails is undone alone."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.shown, self._connection = database.shown, connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        yield self._connection

    def read(self, question: Callable[[Connection], _T]) -> _T:
        return question(self._connection)

    @contextmanager
    def writing(self, wait: float = WRITE_TIMEOUT) -> Iterator[Connection]:
        with self._connection.begin_nested():
            yield self._connection

    def close(self) -> None:
        """Nothing: the connection is that of the database."""


def _parsed(url: str) -> URL:
    """A URL of SQLite or PostgreSQL. Raises ``Misconfigured`` without showing it: any part may be of the password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        expected = "expected a SQLAlchemy database URL, such as postgresql://user:password@host:5432/name"
        raise Misconfigured(f"{SETTING}: {expected}") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise Misconfigured(f"{SETTING}: expected a file for SQLite, such as sqlite:////srv/orecast.db")
        return parsed
    if backend not in ("postgresql", "postgres"):
        raise Misconfigured(f"{SETTING} is of {backend!r}: expected sqlite or postgresql")
    if any("@" in (part or "") for part in (parsed.host, parsed.database)):
        raise Misconfigured(f"{SETTING}: expected a password whose special characters are written as %40 (@), %2F (/)")
    if parsed.drivername == backend:
        return parsed.set(drivername=_DRIVER)
    return parsed


def _keeps_from_using(error: SQLAlchemyError) -> bool:
    if isinstance(error, ProgrammingError):
        # PostgreSQL: not allowed to read, or the tables are gone.
        return getattr(error.orig, "sqlstate", None) in ("42501", "42P01", "3F000")
    # A file that is no database is of the bare kind that the others refine.
    bare = type(error) is DatabaseError
    return bare or isinstance(error, OperationalError | InterfaceError | InternalError | TimeoutError)


def _is_locked(error: SQLAlchemyError) -> bool:
    """Whether another one holds a lock, by the primary code of SQLite or the state of PostgreSQL."""
    cause = getattr(error, "orig", None)
    busy = getattr(cause, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
    return busy or getattr(cause, "sqlstate", None) == "55P03"


def _connect_sqlite(
    opened: set[str], dialect: Dialect, record: ConnectionPoolEntry, given: tuple[str, ...], options: dict[str, object]
) -> DBAPIConnection:
    """A connection; where a full disk has no room for the index of the log that readers share, one that does without
    it, and keeps everybody else out until its question is answered.

    ``opened``: files that were there once, and are not made anew.
    """
    if given[0] in opened and file_of(given[0]) is None:
        raise sqlite3.OperationalError(_GONE)
    opened.add(given[0])
    connection = dialect.connect(*given, **options)
    try:
        return _prepared(connection)
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode not in _NO_ROOM:
            raise
    record.info[_ALONE] = True
    connection = dialect.connect(*given, **options)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return _prepared(connection)


def _prepared(connection: DBAPIConnection) -> DBAPIConnection:
    connection.isolation_level = None  # SQLAlchemy says BEGIN, not the driver
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _check_file(path: str, _: object, record: ConnectionPoolEntry, __: object) -> None:
    """Open the file anew that was put in the place of the one that a connection has: it would go on with a file that is
    in no folder any more, and what it wrote would be lost. Raises ``OperationalError`` where none is there.
    """
    found = file_of(path)
    if found is None:
        raise OperationalError("", {}, sqlite3.OperationalError(_GONE))
    if record.info.setdefault(_FILE, found) != found:
        del record.info[_FILE]
        raise DisconnectionError


def _let_go(_: object, record: ConnectionPoolEntry) -> None:
    """Close a connection that keeps all others out as soon as its question is answered."""
    if record.info.pop(_ALONE, False):
        record.invalidate()


def _write_ahead(connection: DBAPIConnection) -> None:
    """Let SQLite keep a write-ahead log. It waits for no other process that does so just now: two first starts meet."""
    until = time.monotonic() + READ_TIMEOUT
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads and then writes loses updates or fails: take the lock first.
    wait = connection.get_execution_options().get("orecast_writes")
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {(READ_TIMEOUT if wait is None else wait) * 1000:.0f}")
    connection.exec_driver_sql("BEGIN" if wait is None else "BEGIN IMMEDIATE")


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
