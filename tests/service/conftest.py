"""A service on a small trained home, asked without a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from forecast.catalog import Catalog
from forecast.registry import Registry
from service import create_app
from tests.support.documents import Json
from tests.support.trained_home import COPPER, clock, make_home, settings_in

JSON_FORECAST = f"/v1/forecasts/{COPPER}?h=12&level=80&level=95"
Fresh = tuple[FlaskClient, Catalog, Registry]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    make_home(folder)
    return folder


@pytest.fixture(scope="module")
def client(home: Path) -> FlaskClient:
    return create_app(settings_in(home), clock=clock).test_client()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Fresh]:
    """A service with stores of its own, for tests that change what is trained."""
    settings = make_home(tmp_path)
    catalog, registry = Catalog.open(settings), Registry(settings.models_dir)
    yield create_app(settings, catalog=catalog, registry=registry, clock=clock).test_client(), catalog, registry
    catalog.close()


def get(client: FlaskClient, path: str, status: int = 200) -> Json:
    response = client.get(path)
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()
