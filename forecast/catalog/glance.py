"""A mark of the state of a database that costs microseconds: whoever keeps something of the catalogue compares two."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine, select

from forecast.catalog.schema import CHANGES
from forecast.errors import Unavailable

#: Seconds for which one thread waits for another that asks: beyond that something is wrong with the database.
_PATIENCE = 0.05
_NUMBER = str(select(CHANGES.c.number))


class _Look(Protocol):
    """A question on a connection of its own, which is closed when the question fails."""

    def ask(self) -> Hashable: ...

    def close(self) -> None: ...


class Glance:
    """What tells one state of a database from the next, on a connection kept for that; safe to share between threads.

    ``connect`` opens a look; two marks that are equal are of the same state, as long as nobody exchanged the database
    for another with the same number of changes.
    """

    def __init__(self, connect: Callable[[], _Look], shown: str) -> None:
        self._connect, self._shown = connect, shown
        self._look: _Look | None = None
        self._opened = 0
        self._lock = threading.Lock()

    def mark(self) -> Hashable:
        """The state now. Raises ``Unavailable`` where the database does not say it at once."""
        if not self._lock.acquire(timeout=_PATIENCE):
            raise Unavailable(self._shown, "it does not answer at once")
        try:
            if self._look is None:
                self._look, self._opened = self._connect(), self._opened + 1
            return self._opened, self._look.ask()
        except Exception as error:  # of whichever driver; what keeps it from answering is told by who asks it in full
            self._let_go()
            raise Unavailable(self._shown, type(error).__name__) from None
        finally:
            self._lock.release()

    def close(self) -> None:
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        look, self._look = self._look, None
        if look is not None:
            with suppress(Exception):
                look.close()


def file_of(path: str) -> Hashable:
    """What tells a file from another that is put in its place; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class SqliteLook:
    """The number by which SQLite tells a connection that another one has written."""

    def __init__(self, path: str) -> None:
        self._path, self._file = path, file_of(path)
        # Only to look: what is not there is not made.
        uri = f"{Path(path).absolute().as_uri()}?mode=rw"
        self._connection = sqlite3.connect(
            uri, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, uri=True
        )
        self._cursor = self._connection.cursor()

    def ask(self) -> Hashable:
        if file_of(self._path) != self._file:
            raise FileNotFoundError(self._path)
        row: tuple[int] = self._cursor.execute("PRAGMA data_version").fetchone()
        return row

    def close(self) -> None:
        self._connection.close()


class ServerLook:
    """The number of changes, asked of a server by a statement that it has prepared."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._cursor = self._connection.connection.cursor()

    def ask(self) -> Hashable:
        self._cursor.execute(_NUMBER)
        row: tuple[int] | None = self._cursor.fetchone()
        return row

    def close(self) -> None:
        self._connection.invalidate()
        self._connection.close()
