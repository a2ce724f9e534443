"""The pages work without any other server, and say what the service says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from service import create_app
from tests.support.trained_home import HORIZON, clock, make_home


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    home: Path = tmp_path_factory.mktemp("home")
    return create_app(make_home(home), clock=clock).test_client()


@pytest.mark.parametrize("page", ["/", "/docs"])
def test_a_page_loads_only_files_of_this_server(client: FlaskClient, page: str) -> None:
    html = client.get(page).get_data(as_text=True)
    links = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert links
    assert all(link.startswith("/") for link in links)
    for link in links:
        assert client.get(link, buffered=True).status_code == 200, link
    assert "<script>" not in html


def test_the_page_knows_the_trained_horizon(client: FlaskClient) -> None:
    assert f'max="{HORIZON}"' in client.get("/").get_data(as_text=True)


def test_vendored_files_keep_their_licence(client: FlaskClient) -> None:
    assert "MIT License" in client.get("/static/uplot.LICENSE", buffered=True).get_data(as_text=True)
