"""Processes that the jobs start: each ends soon after the one that started it, whatever ended that, and so does all
that it started in its turn, the solver of a fit too.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from forecast.errors import FitFailed, ForecastError
from forecast.files import scratch, use_scratch

_T = TypeVar("_T")

#: Seconds between two looks whether the parent is still there.
_LOOK = 0.2
#: The environment variable that tells a fork server whose it is.
_OWNER = "ORECAST_FORK_SERVER_OF"


@contextmanager
def workplace() -> Iterator[None]:
    """What a command that computes stands in: its temporary files in a folder of its own, and SIGTERM ends it as Ctrl-C
    does, so that it takes along what it has started.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with scratch():
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def in_parallel(function: Callable[..., _T], arguments: Iterable[tuple[object, ...]], jobs: int) -> Iterator[_T]:
    """Results of a function, each as it is done, computed by ``jobs`` processes (-1: one a CPU) that follow this one.

    Raises ``FitFailed`` when one of them is killed.
    """
    import joblib
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    calls = (joblib.delayed(function)(*args) for args in arguments)
    parallel = joblib.Parallel(
        n_jobs=jobs,
        return_as="generator_unordered",
        inner_max_num_threads=1,
        backend="loky",
        initializer=_follow,
        initargs=(os.getpid(),),
    )
    try:
        yield from parallel(calls)
    except TerminatedWorkerError:
        raise FitFailed("a process that computes was killed (out of memory?)") from None
    finally:
        if jobs != 1:
            get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)


def _follow(owner: int) -> None:
    """Lead a process group of one's own, and end it when the process ``owner`` is no longer the parent."""
    os.setsid()

    def watch() -> None:
        while os.getppid() == owner:
            time.sleep(_LOOK)
        kill_group(os.getpid())

    threading.Thread(target=watch, daemon=True).start()


def kill_group(pid: int) -> None:
    """Kill a process and its group; a process too young to lead a group is killed alone."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            return kill(pid, signal.SIGKILL)
    return None


# -- one call in a process of its own ----------------------------------------------------------------------------------


def preload(modules: Iterable[str]) -> None:
    """Let the processes of ``apart`` be forked from one that has imported these, and that ends when this one does."""
    os.environ[_OWNER] = str(os.getpid())
    multiprocessing.set_forkserver_preload(["forecast.jobs.fork_server", *modules])


def end_with_owner() -> None:
    """End this process, a fork server, once its owner has ended; for who has none nothing happens."""
    if (owner := os.environ.get(_OWNER)) is None:
        return

    def watch() -> None:
        while os.getppid() == int(owner):
            time.sleep(_LOOK)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def apart(stop: threading.Event, function: Callable[..., _T], *args: object, seconds: float | None = None) -> _T:
    """Call a function in a new process, forked from one that has imported what is heavy, and killed after ``seconds``.

    Raises ``FitFailed`` with what it raised there; ``SystemExit`` once ``stop`` is set, so that the step stays open.
    """
    if stop.is_set():
        raise SystemExit
    context, started = multiprocessing.get_context("forkserver"), time.monotonic()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        ProcessPoolExecutor(1, context, initializer=_begin, initargs=(Path(folder), seconds)) as process,
    ):
        try:
            return process.submit(_call, function, args).result()
        except BrokenProcessPool:
            if stop.is_set():
                raise SystemExit from None
            if seconds is not None and time.monotonic() - started >= seconds:
                raise FitFailed(f"it was not done after {seconds:g} seconds, and was ended") from None
            raise FitFailed("the process that worked on it died (out of memory?)") from None


def end_all() -> None:
    """Kill every process that ``apart`` has started, with all that these have started."""
    for child in multiprocessing.active_children():
        if child.pid:
            kill_group(child.pid)
            child.join()


def _begin(folder: Path, seconds: float | None) -> None:
    """As ``_follow``, of a child of the fork server, with ``folder`` for its temporary files and ``seconds`` to live. A
    request to end that reaches every process is for the worker to carry out.
    """
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join(seconds)
        kill_group(os.getpid())

    threading.Thread(target=watch, daemon=True).start()
    use_scratch(folder)


def _call(function: Callable[..., _T], args: tuple[object, ...]) -> _T:
    try:
        return function(*args)
    except ForecastError as error:
        raise FitFailed(str(error)) from None  # it can be sent, whatever the other one is made of
    except BaseException as error:
        traceback.print_exc()
        raise FitFailed(f"{type(error).__name__}: {error}") from None
