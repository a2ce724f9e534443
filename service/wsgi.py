"""The server: gunicorn with threads, one application for all workers.

``python -m service.wsgi`` serves as the settings say; ``gunicorn 'service.wsgi:app()'`` leaves the rest to gunicorn.
The first process makes the application and forks, so that its memory is shared; connections and mapped files are opened
by each worker for itself.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import threading
from contextlib import suppress

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

from forecast.catalog import Catalog
from forecast.errors import Busy, ForecastError, Unavailable
from forecast.files import owned_folder, use_scratch
from forecast.registry import Registry
from forecast.settings import Auth, Settings
from service import create_app, telemetry
from service.balance import Balance
from service.rates import Counters
from service.worker import Bounds, Worker

_FOLDER = "orecast-counts-"


def app() -> Flask:
    """The application, as the environment says."""
    return create_app(Settings.from_env(os.environ))


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn, set up from our settings instead of a file of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._counters = settings, Counters()
        self.bounds = Bounds(settings.connections, settings.request_seconds, settings.answer_seconds)
        self.balance = Balance()
        self._catalog = Catalog.opened(settings)
        super().__init__()

    def load_config(self) -> None:
        for name, value in options(self._settings).items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        # The first process brought the catalogue up to date; a worker starts also while the database is away.
        return create_app(self._settings, catalog=self._catalog, counters=self._counters)

    def look(self) -> None:
        """Read the catalogue once, so that there is something to answer from should its database go away at once."""
        with suppress(Unavailable):  # whoever asks next is told
            self._catalog.edition()


def options(settings: Settings) -> dict[str, object]:
    """gunicorn's options: loopback unless told otherwise, threads, and no access log beside our own."""
    return {
        "bind": f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}",
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": Worker,
        "timeout": 30,
        "graceful_timeout": 10,
        "keepalive": 5,
        "forwarder_headers": "",  # a client may send SCRIPT_NAME as a header: no proxy of ours needs it
        "sendfile": False,  # it would send before what is buffered
        "loglevel": settings.log_level.lower(),
        "proc_name": "orecast",
        "control_socket_disable": True,
        "preload_app": True,
        "when_ready": _freeze,
        "post_worker_init": _look,
        "child_exit": _forget,
        "on_exit": _clean,
    }


def _count_together() -> None:
    """Let the workers count in files that all of them read, so that any worker answers ``/metrics`` for all."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        # Its lock goes over to the workers; a later server removes the folder when all of them are gone.
        folder, _ = owned_folder(_FOLDER)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        use_scratch(folder)  # what is left by a worker that is killed goes with it
        # prometheus_client chose where to count when it was imported, a moment ago; let it choose again.
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]


def _freeze(_server: object) -> None:
    """Leave what is there to all workers: a collection would write to each object, and so copy its page."""
    gc.collect()
    gc.freeze()


def _look(worker: Worker) -> None:
    threading.Thread(target=worker.app.look, daemon=True).start()


def _forget(_server: object, worker: Worker) -> None:
    worker.balance.forget(worker.age)
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _clean(_server: object) -> None:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
    if os.path.basename(folder).startswith(_FOLDER):
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Serve until told to stop; what keeps it from starting is one line on stderr, and exit code 2 or, for a database
    that cannot be used now, 1.
    """
    try:
        settings = Settings.from_env(os.environ)
        settings.require_auth()
        Catalog.open(settings).close()  # brings the schema up to date once, before there are workers to race for it
        with suppress(OSError, Busy):  # it may be a folder that nobody writes here
            Registry(settings.models_dir).sweep()
    except ForecastError as error:
        sys.exit(_complain(error))
    _say_where(settings)
    _count_together()
    Server(settings).run()


def _say_where(settings: Settings) -> None:
    """Let the log say so where others than this machine reach the service, and which of them may read."""
    if settings.beyond_this_machine:
        readers = "anyone who reaches it" if settings.auth is Auth.OPEN else "holders of a key"
        log = telemetry.logger(settings.log_level)
        log.warning("listens beyond this machine", host=settings.host, port=settings.port, readers=readers)


def _complain(error: ForecastError) -> int:
    print("orecast:", error, file=sys.stderr)
    return 1 if isinstance(error, Unavailable) else 2


if __name__ == "__main__":
    main()
