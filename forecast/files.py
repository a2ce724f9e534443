"""Files that are there whole or not at all, locks, and folders for what is temporary; all of it safe to kill."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Temporary folders that have an owner: ``orecast-tmp-<random>`` in the system's folder for such.
SCRATCH = "orecast-tmp-"
#: Where libraries are told to put what is temporary: Python and cmdstan, joblib.
_FOLDERS = ("TMPDIR", "JOBLIB_TEMP_FOLDER")
#: A full disk, a quota that is used up, a file larger than is allowed.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_atomically(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step: a reader sees the old bytes or the new ones, never a part of them.

    Raises ``OSError``, that of a full disk with what was needed.
    """
    with telling_of_room(path, len(data)):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), 0o666 & ~_umask())
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_synced(path: Path, data: bytes) -> None:
    """Write a new file that survives a power cut. Raises ``OSError``, that of a full disk with what was needed."""
    with telling_of_room(path, len(data)), path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def telling_of_room(path: Path, needed: int) -> Iterator[None]:
    """Where there is no room for ``needed`` bytes at ``path``, say so with both, and with what is free."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        free = shutil.disk_usage(path.parent).free
        why = f"{error.strerror}: {needed:,} bytes were needed, and {free:,} are free"
        raise OSError(error.errno, why, str(path)) from None


def no_pipe(path: Path) -> Path:
    """A path that may be opened to read: who opens a pipe waits, perhaps for ever. Raises ``OSError``."""
    if stat.S_ISFIFO(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is a pipe", str(path))
    return path


def sync_folder(folder: Path) -> None:
    """Make a rename or a new file in ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    # There is no way to read it without setting it; mkstemp makes files private, and an export is not.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@contextmanager
def locked(path: Path, timeout: float = 60.0) -> Iterator[None]:
    """Hold the lock of this file against every other thread and process; a thread that holds it may take it again.

    It is the operating system's: a killed process lets go of it. Raises ``TimeoutError`` when somebody else holds it
    for longer than ``timeout`` seconds.
    """
    import filelock  # on first use: whoever only reads takes no lock

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path, is_singleton=True, poll_interval=0.01)
    try:
        lock.acquire(timeout=timeout)
    except filelock.Timeout:
        raise TimeoutError(f"{path} is locked") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for what this process, and those that it starts, leave in ``$TMPDIR``; removed at the end."""
    folder, held = owned_folder(SCRATCH)
    before, tempdir = {name: os.environ.get(name) for name in _FOLDERS}, tempfile.tempdir
    try:
        use_scratch(folder)
        yield folder
    finally:
        tempfile.tempdir = tempdir
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def use_scratch(folder: Path) -> None:
    """Let this process, and those that it starts, put what is temporary into ``folder``."""
    tempfile.tempdir = str(folder)
    os.environ.update(dict.fromkeys(_FOLDERS, str(folder)))


def owned_folder(prefix: str) -> tuple[Path, int]:
    """A new folder in ``$TMPDIR``, and the descriptor that holds its lock until it is closed or the process ends.

    Folders of this name whose owner was killed, so that nobody holds their lock, are removed first.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        _remove_abandoned(left)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix))
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
        if os.fstat(held).st_nlink:
            return folder, held
        os.close(held)  # another process took it for abandoned before it was locked, and has removed it


def _remove_abandoned(folder: Path) -> None:
    with suppress(OSError):
        held = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(held)
