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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar, cast

from forecast.errors import FitFailed, ForecastError
from forecast.files import scratch, use_scratch

R = TypeVar("R")

#: Seconds between two looks whether the parent is still there.
_LOOK = 0.2


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


def in_parallel(function: Callable[..., R], arguments: Iterable[tuple[Any, ...]], jobs: int) -> Iterator[R]:
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


def apart(stop: threading.Event, function: Callable[..., R], *args: object) -> R:
    """Call a function in a new process, forked from one that has imported what is heavy.

    Raises ``FitFailed`` with what it raised there; ``SystemExit`` once ``stop`` is set, so that the step stays open.
    """
    if stop.is_set():
        raise SystemExit
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = context.Process(target=_answer, args=(theirs, Path(folder), function, args))
        process.start()
        theirs.close()
        try:
            value, error = ours.recv()
        except EOFError:
            if stop.is_set():
                raise SystemExit from None
            value, error = None, "the training process died (out of memory?)"
        finally:
            process.join()
            ours.close()
    if error:
        raise FitFailed(error)
    return cast("R", value)


def end_all() -> None:
    """Kill every process that ``apart`` has started, with all that these have started."""
    for child in multiprocessing.active_children():
        if child.pid:
            kill_group(child.pid)
            child.join()


def _answer(pipe: Connection, folder: Path, function: Callable[..., object], args: tuple[object, ...]) -> None:
    _follow_worker()
    use_scratch(folder)
    try:
        pipe.send((function(*args), ""))
    except ForecastError as error:
        pipe.send((None, str(error)))
    except Exception as error:
        pipe.send((None, f"{type(error).__name__}: {error}"))
        raise


def _follow_worker() -> None:
    """As ``_follow``, of a child of the fork server. A request to end that reaches every process is for the worker to
    carry out.
    """
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        kill_group(os.getpid())

    threading.Thread(target=watch, daemon=True).start()
